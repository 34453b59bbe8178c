import json,pathlib
R=pathlib.Path('/tmp/wt/senders/ingest/sources/examples')
def a(kind,subject,fetch,page,headers=()):
    d=R/kind/'api'; d.mkdir(parents=True,exist_ok=True)
    (d/'subject').write_text(subject+'\n')
    (d/'fetch.json').write_text(json.dumps(fetch,indent=1,ensure_ascii=False)+'\n')
    if page is not None: (d/'page.json').write_text(json.dumps(page,indent=1,ensure_ascii=False)+'\n')
    if headers: (d/'headers').write_text(''.join(f'{k}: {v}\n' for k,v in headers))
def opts(kind,**o):
    p=R/kind/'options'; cur=p.read_text() if p.exists() else ''
    for k,v in o.items():
        if f'{k}=' not in cur: cur+=f'{k}={v}\n'
    p.write_text(cur)
ok={"id":"00u1abcd","status":"ACTIVE","lastUpdated":"2026-11-20T08:00:00.000Z","profile":{"login":"ann.okta@example.com","email":"ann.okta@example.com","firstName":"Ann","lastName":"Okta","displayName":None,"title":"Designer","department":"Design","costCenter":"10","employeeNumber":"187","managerId":"00u2"}}
a('okta',"00u1abcd",ok,[ok,{**ok,"id":"00u2","status":"SUSPENDED"},{**ok,"id":"00u3","status":"DEPROVISIONED"}],[("link",'<https://example.okta.com/api/v1/users?limit=200>; rel="self", <https://example.okta.com/api/v1/users?after=100u65xtp32NovHoPx1d7&limit=200>; rel="next"')])
g={"id":"87d349ed","userPrincipalName":"ann@example.com","displayName":"Ann Graph","givenName":"Ann","surname":"Graph","mail":"ann@example.com","jobTitle":"Designer","department":"Design","companyName":None,"employeeId":"7","accountEnabled":True}
a('graph',"87d349ed",g,{"@odata.context":"x","value":[g,{**g,"id":"2","accountEnabled":False}],"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$top=999&$skiptoken=RFNwd"})
w={"Employee_ID":"21001","First_Name":"Ann","Last_Name":"Workday","Email":"ann.workday@example.com","Job_Title":"Designer","Department":"Design","Active_Status":"1"}
opts('workday',report='/ccx/service/customreport2/acme/isu/Rollcall')
a('workday',"21001",{"Report_Entry":[w]},{"Report_Entry":[w,{**w,"Employee_ID":"21002","Active_Status":"0"}]})
b={"id":"67890","status":"Active","workEmail":"ann@example.com","displayName":"Ann Bamboo","firstName":"Ann","lastName":"Bamboo","jobTitle":"Designer","department":"Design","division":"","employeeNumber":"300","supervisorEId":"5","hireDate":"2020-01-01","terminationDate":"0000-00-00"}
a('bamboohr',"67890",b,{"title":"Rollcall","fields":[],"employees":[b,{**b,"id":"67891","status":"Inactive"}]})
h={"id":"3332883884017713238","email":"ann@example.com","displayName":"Ann Bob","firstName":"Ann","surname":"Bob","work":{"title":"Designer","department":"Design","manager":"33","employeeIdInCompany":7},"internal":{"status":"Active"}}
a('hibob',"3332883884017713238",{"/root/id":{"value":"3332883884017713238"},"/root/email":{"value":"ann@example.com"},"/root/firstName":{"value":"Ann"},"/work/title":{"value":"Designer"},"/internal/status":{"value":"Active"}},{"employees":[h,{**h,"id":"4","internal":{"status":"Inactive","terminationDate":"2020-01-31"}}]})
p={"id":"5001","email":"ann@example.com","first_name":"Ann","last_name":"Personio","preferred_name":"Ann Personio","status":"ACTIVE","created_at":"2020-01-01T00:00:00Z","updated_at":"2026-11-20T08:00:00Z","employments":[{"id":"e1"}]}
a('personio',"5001",p,{"_data":[p,{**p,"id":"5002","status":"INACTIVE"}],"_meta":{"links":{"next":{"href":"https://api.personio.de/v2/persons?limit=50&cursor=eyJp"}}}})
wo={"object":"directory_user","id":"directory_user_01E1","email":"ann@example.com","first_name":"Ann","last_name":"Workos","state":"active","custom_attributes":{"department":"Engineering","job_title":"Engineer"},"raw_attributes":{},"updated_at":"2026-11-20T08:00:00.000Z"}
opts('workos',directory_id='directory_01E')
a('workos',"directory_user_01E1",wo,{"object":"list","data":[wo,{**wo,"id":"directory_user_2","state":"inactive"}],"list_metadata":{"before":None,"after":"directory_user_2"}})
go={"kind":"admin#directory#user","id":"111220860655841818702","primaryEmail":"ann@example.com","name":{"givenName":"Ann","familyName":"Google","fullName":"Ann Google"},"suspended":False,"archived":False,"organizations":[{"title":"Designer","primary":True,"department":"Design","costCenter":"7"}],"relations":[{"value":"boss@example.com","type":"manager"}],"externalIds":[{"value":"12","type":"organization"}]}
a('google',"111220860655841818702",go,{"kind":"admin#directory#users","users":[go,{**go,"id":"2","suspended":True},{**go,"id":"3","archived":True}],"nextPageToken":"tok=1"})
s={"userId":"uSF100","email":"ann@example.com","displayName":"Ann SF","firstName":"Ann","lastName":"SF","title":"Designer","department":"Design (50)","division":"Dev","empId":"100","status":"t","manager":{"__metadata":{"uri":"x"},"userId":"boss"}}
a('successfactors',"O'Neil",{"d":s},{"d":{"results":[s,{**s,"userId":"u2","status":"f","manager":None}],"__next":"https://api.successfactors.com/odata/v2/User?$skiptoken=abc"}})
o={"id":40001,"email":"ann@example.com","username":None,"firstname":"Ann","lastname":"Onelogin","title":"Designer","department":"Design","company":"","status":1,"updated_at":"2026-11-20T08:00:00.000Z","manager_user_id":40000}
a('onelogin',"40001",o,[o,{**o,"id":40002,"status":2}],[("after-cursor","Y3Vy"),("total-pages","2")])
u={"user_id":"auth0|5","email":"ann@example.com","name":"Ann Auth0","given_name":"Ann","family_name":"Auth0","updated_at":"2026-11-20T08:00:00.000Z"}
a('auth0',"auth0|5",u,{"start":0,"limit":100,"length":2,"total":102,"users":[u,{**u,"user_id":"auth0|6","blocked":True}]})
d={"id":"d-77","worker_id":77,"hiring_status":"active","work_email":"ann@example.com","full_name":"Ann Deel","first_name":"Ann","last_name":"Deel","job_title":"Engineer","department":{"id":"1","name":"R&D"},"direct_manager":{"id":"d-1"},"updated_at":"2026-11-20T08:00:00.000Z"}
a('deel',"d-77",{"data":d},{"data":[d,{**d,"id":"d-78","hiring_status":"inactive"}],"page":{"offset":0,"total_rows":120,"items_per_page":100}})
r={"id":"9e6c","status":"active","work_email":"ann@example.com","full_name":"Ann Remote","job_title":"Engineer","department":{"name":"R&D"},"manager_employment_id":"1","external_id":"7","updated_at":"2026-11-20T08:00:00"}
a('remote',"9e6c",{"data":{"employment":r}},{"data":{"current_page":1,"total_pages":2,"total_count":3,"employments":[r,{**r,"id":"9e6d","status":"inactive"}]}})
gu={"uuid":"e-uuid-1","first_name":"Ann","last_name":"Gusto","email":"private@example.org","work_email":"ann@example.com","onboarded":True,"terminated":False,"department":"Design","manager_uuid":"m","jobs":[{"uuid":"j","title":"Designer","primary":True}]}
opts('gusto',company='c-uuid')
a('gusto',"e-uuid-1",gu,[gu,{**gu,"uuid":"e-2","terminated":True}],[("x-page","1"),("x-total-pages","2")])
m={"id":"m-emp-1","employee_number":"2","first_name":"Ann","last_name":"Merge","display_full_name":"Ann Merge","work_email":"ann@example.com","manager":"m0","employment_status":"ACTIVE","modified_at":"2026-11-20T08:00:00Z","employments":[{"job_title":"Engineer"}]}
opts('merge',account_token='acct-token')
a('merge',"m-emp-1",m,{"next":"cD0yMDI2","previous":None,"results":[m,{**m,"id":"m2","employment_status":"INACTIVE","employments":["uuid"]}]})
a('finch',"5d0b10a1-0000-4000-8000-000000000001",{"responses":[{"individual_id":"5d0b10a1-0000-4000-8000-000000000001","code":200,"body":{"id":"5d0b10a1","first_name":"Ann","last_name":"Finch","title":"Designer","department":{"name":"Design"},"manager":{"id":"m"},"is_active":True}}]},None)
f={"id":7001,"first_name":"Ann","last_name":"Factorial","full_name":"Ann Factorial","login_email":"ann@example.com","email":"private@example.org","company_identifier":"F7","manager_id":7000,"active":True,"updated_at":"2026-11-20T08:00:00.000Z"}
a('factorial',"7001",f,{"data":[f,{**f,"id":7002,"active":False}],"meta":{"has_next_page":True,"end_cursor":"NzAwMg=="}})
