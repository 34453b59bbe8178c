import json, os, sys, pathlib
R=pathlib.Path('/tmp/wt/senders/ingest/sources/examples')
def w(kind,name,body,headers=(),path=None,method='POST',ctype='application/json'):
    d=R/kind; d.mkdir(parents=True,exist_ok=True)
    if not isinstance(body,str): body=json.dumps(body,ensure_ascii=False)
    p=path or f'/hooks/{kind}'
    lines=[f'{method} {p} HTTP/1.1','Host: hooks.example.com']
    if ctype: lines.append(f'Content-Type: {ctype}')
    lines+=[f'{a}: {b}' for a,b in headers]
    (d/f'{name}.http').write_text('\n'.join(lines)+'\n\n'+body,encoding='utf-8')
def opts(kind,**o):
    d=R/kind; d.mkdir(parents=True,exist_ok=True)
    (d/'options').write_text(''.join(f'{k}={v}\n' for k,v in o.items()))

# okta
def okta(*entries):
    return {"eventType":"com.okta.event_hook","eventTypeVersion":"1.0","cloudEventsVersion":"0.1","source":"https://example.okta.com/api/v1/eventHooks/who1","eventId":"b5a188b9-5ece-4636-b041-482ffda96311","eventTime":"2026-11-20T09:00:00.000Z","contentType":"application/json","data":{"events":list(entries)}}
def entry(u,t,when,targets,res="SUCCESS"):
    return {"uuid":u,"published":when,"eventType":t,"version":"0","severity":"INFO","displayMessage":"x","actor":{"id":"00uadmin","type":"User","alternateId":"admin@example.com"},"outcome":{"result":res,"reason":None},"target":targets,"debugContext":{"debugData":{}}}
U={"id":"00u1abcd","type":"User","alternateId":"ann.okta@example.com","displayName":"Ann Okta","detailEntry":None}
G={"id":"00g1","type":"UserGroup","alternateId":"unknown","displayName":"Design","detailEntry":None}
w('okta','joiner',okta(entry("u-1","user.lifecycle.activate","2026-11-20T08:00:00.123Z",[U])))
w('okta','mover',okta(entry("u-2","user.account.update_profile","2026-11-20T08:10:00.000Z",[U]),entry("u-3","group.user_membership.add","2026-11-20T08:10:01.000Z",[U,G]),entry("u-4","user.session.start","2026-11-20T08:10:02.000Z",[U])))
w('okta','leave',okta(entry("u-5","user.lifecycle.suspend","2026-11-20T08:20:00.000Z",[U]),entry("u-6","user.lifecycle.unsuspend","2026-11-20T08:30:00.000Z",[U])))
w('okta','leaver',okta(entry("u-7","user.lifecycle.deactivate","2026-11-20T08:40:00.000Z",[U]),entry("u-8","user.lifecycle.deactivate","2026-11-20T08:40:01.000Z",[U],"FAILURE"),entry("u-9","user.lifecycle.deactivate","2026-11-20T08:40:02.000Z",None)))
w('okta','verification','',[("x-okta-verification-challenge","fcd4-challenge")],method='GET',ctype=None)

# graph
def item(ct,i,user="87d349ed-44d7-43e1-9a83-5f2406dee5bd",res=None,**k):
    d={"id":i,"subscriptionId":"7f105c7d-2dc5-4530-97cd-4e7ae6534c07","subscriptionExpirationDateTime":"2026-12-10T11:00:00.0000000Z","clientState":"a-long-random-client-state","changeType":ct,"resource":res or f"Users/{user}","tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95","resourceData":{"@odata.type":"#Microsoft.Graph.User","@odata.id":f"Users/{user}","@odata.etag":"W/\"JzEtVXNlcjtFJw==\"","id":user}}
    d.update(k); return {a:b for a,b in d.items() if b is not None}
w('graph','joiner',{"value":[item("created","n-1")]})
w('graph','mover',{"value":[item("updated","n-2"),item("updated",None),item("updated","n-3",res="Groups/02bd9fd6-8f93-4758-87c3-1fb73740a315")]})
w('graph','leaver',{"value":[item("deleted","n-4")]})
w('graph','lifecycle',{"value":[{"subscriptionId":"7f105c7d-2dc5-4530-97cd-4e7ae6534c07","subscriptionExpirationDateTime":"2026-12-10T11:00:00Z","clientState":"a-long-random-client-state","tenantId":"84bd8158-6d4d-4958-8b9f-9d6445542f95","lifecycleEvent":"reauthorizationRequired"}]})
w('graph','validation','',path='/hooks/graph?validationToken=Validation%3A+Testing+client+application+reachability+%3Cb%3E',ctype='text/plain; charset=utf-8')

# entra_workflows
def wf(i,w_,t):
    return {"source":"/subscriptions/x/lifecycleworkflows","type":"lifecycleEvent","data":{"callbackUriPath":"/identityGovernance/lifecycleWorkflows/workflows/x/customTaskExtensions/y/resume","subject":{"id":"8cdd9e4a-0000-4000-8000-000000000001","displayName":"Ann Entra","email":"ann.entra@example.com","userPrincipalName":"ann.entra@example.com","manager":{"id":"8cdd9e4a-0000-4000-8000-000000000002","displayName":"Max Boss","email":"max@example.com"}},"task":{"id":"t1","displayName":"Call Rollcall"},"taskProcessingResult":{"id":i,"createdDateTime":t},"workflow":{"id":w_,"displayName":"x","workflowVersion":1}}}
opts('entra_workflows',**{"workflow.wf-join":"person.joined","workflow.wf-move":"person.changed","workflow.wf-leave":"person.left"})
w('entra_workflows','joiner',wf("r-1","wf-join","2026-11-20T08:00:00.1234567Z"))
w('entra_workflows','mover',wf("r-2","wf-move","2026-11-20T08:10:00Z"))
w('entra_workflows','leaver',wf("r-3","wf-leave","2026-11-20T08:20:00Z"))
w('entra_workflows','unknown',wf("r-4","wf-other","2026-11-20T08:30:00Z"))

# workday
opts('workday',zone='America/Los_Angeles')
def row(**k):
    d={"Employee_ID":"21001","First_Name":"Ann","Last_Name":"Workday","Preferred_Name":"Ann Workday","Email":"ann.workday@example.com","Job_Title":"Designer","Department":"Design","Manager_ID":"21000"}
    d.update(k); return d
w('workday','joiner',{"Report_Entry":[row(Event="Hire",Event_ID="wd-1",Entry_Moment="2026-11-20T08:00:00.000-08:00",Hire_Date="2026-11-21-08:00")]})
w('workday','mover',{"Report_Entry":[row(Event_ID="wd-2",Entry_Moment="2026-11-20T09:00:00.000-08:00",Effective_Date="2026-11-21",Department="Research")]},path='/hooks/workday?event=change_job')
w('workday','leaver','<?xml version="1.0" encoding="UTF-8"?>\n<wd:Report_Data xmlns:wd="urn:com.workday.report/INT_Rollcall">\n  <wd:Report_Entry>\n    <wd:Employee_ID>21001</wd:Employee_ID>\n    <wd:Event wd:Descriptor="Termination">Terminate</wd:Event>\n    <wd:Event_ID>wd-3</wd:Event_ID>\n    <wd:Entry_Moment>2026-11-20T10:00:00.000-08:00</wd:Entry_Moment>\n    <wd:Termination_Date>2026-11-21</wd:Termination_Date>\n    <wd:First_Name>Ann &amp; Co</wd:First_Name>\n  </wd:Report_Entry>\n</wd:Report_Data>\n',ctype='application/xml; charset=utf-8')
w('workday','leave',{"Report_Entry":[row(Event="Leave of Absence",Event_ID="wd-4",Entry_Moment="2026-11-20T11:00:00.000-08:00",Effective_Date="2026-11-21"),row(Event="Return",Event_ID="wd-5",Entry_Moment="2026-11-20T11:00:01.000-08:00",Effective_Date="2026-12-21")]})
w('workday','soap','<?xml version="1.0"?>\n<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body><wd:Receive_Notification xmlns:wd="urn:com.workday/bsvc"><wd:Notification_Data><wd:Worker_Reference><wd:ID wd:type="WID">3aa5550b7fe348b98d7b5741afc65534</wd:ID><wd:ID wd:type="Employee_ID">21001</wd:ID></wd:Worker_Reference></wd:Notification_Data></wd:Receive_Notification></env:Body></env:Envelope>',path='/hooks/workday?event=hire',ctype='text/xml')

# bamboohr
opts('bamboohr',zone='America/Denver')
TS=[("X-BambooHR-Timestamp","1795161600")]
w('bamboohr','joiner',{"type":"employee.created","timestamp":"2026-11-20T08:00:00+0000","data":{"companyId":"12345","employeeId":"67890"}},TS)
w('bamboohr','mover',{"type":"employee.updated","timestamp":"2026-11-20T08:10:00Z","data":{"companyId":"12345","employeeId":"67890","changedFields":["department","jobTitle"]}},TS)
w('bamboohr','other',{"type":"employee.updated","timestamp":"2026-11-20T08:11:00Z","data":{"companyId":"12345","employeeId":"67890","changedFields":["shirtSize"]}},TS)
w('bamboohr','form','type=employee.updated&timestamp=2026-11-20T08%3A12%3A00%2B0000&data%5BcompanyId%5D=12345&data%5BemployeeId%5D=67890&data%5BchangedFields%5D%5B0%5D=firstName&data%5BchangedFields%5D%5B1%5D=jobTitle',TS,ctype='application/x-www-form-urlencoded')
w('bamboohr','leaver',{"employees":[{"id":"67890","action":"Updated","timestamp":"2026-11-20T08:20:00+00:00","changedFields":["Status","Termination Date"],"fields":{"Status":{"value":"Inactive"},"Termination Date":{"value":"2026-11-21"},"First Name":{"value":"Ann"},"Last Name":{"value":"Bamboo"},"Work Email":{"value":"ann.bamboo@example.com"}}},{"id":"67891","action":"Created","timestamp":"2026-11-20T08:20:00+00:00","fields":{"Status":{"value":"Active"},"Hire Date":{"value":"2026-12-01"},"First Name":{"value":"Bob"},"Last Name":{"value":"Bamboo"},"Work Email":{"value":"bob.bamboo@example.com"},"Department":{"value":"Sales"}}}]},TS)
w('bamboohr','fields','{"employees":[{"changedFields":["First name"],"fields":{"Employee #":{"value":"300"},"First name":{"value":"Tefi"},"Last name":{"value":"Adams"}},"id":"5"}]}',[("X-BambooHR-Timestamp","1658248023"),("X-BambooHR-Signature","56491dd9c2b352bc5f4fc627159aae20ddff9c8cb19f239a6de6771dc5310bac")])

# hibob
opts('hibob',zone='Europe/Berlin')
def bob(t,at,**d): return {"companyId":636192,"type":t,"triggeredBy":"system","triggeredAt":at,"version":"v2","data":d}
w('hibob','joiner',bob("employee.joined","2026-11-20T00:00:00.955603",employeeId="3332883884017713238"))
w('hibob','mover',bob("employee.updated","2026-11-20T12:56:18.955603",employeeId="3332883884017713238",fieldUpdatesIds=[{"id":"work.department"}]))
w('hibob','leave',bob("employee.inactivated","2026-11-20T13:00:00",employeeId="3332883884017713238"))
w('hibob','leaver',bob("employee.left","2026-11-21T00:00:00.1",employeeId="3332883884017713238"))
w('hibob','timeoff',bob("timeoff.request.created","2026-11-20T12:00:00",employeeId="3332883884017713238",timeoffRequestId=7,getApi="https://api.hibob.com/x"))
w('hibob','ping','"Ping test"')
w('hibob','ping_object','{"text":"Ping test"}')

# personio
def per(n,at,**p): return {"company_id":"c-1","event_name":n,"occurred_at":at,"payload":p,"meta":{}}
w('personio','joiner',per("employment.started","2026-11-20T00:00:00+01:00",person_id="5001",employment_id="e1"))
w('personio','mover',per("person.updated","2026-11-20T08:10:00Z",id="5001"))
w('personio','leaver',per("employment.terminated","2026-11-21T00:00:00+01:00",person={"id":"5001"},employment={"id":"e1"}))
w('personio','other',per("absence-period.created","2026-11-20T08:00:00Z",id="a1"))
w('personio','nobody',per("employment.updated","2026-11-20T08:00:00Z",id="e1"))

# workos
def wos(i,e,d,at="2026-11-20T08:00:00.000Z"): return {"id":i,"object":"event","event":e,"data":d,"created_at":at}
WU={"object":"directory_user","id":"directory_user_01E1","directory_id":"directory_01E","organization_id":"org_01E","idp_id":"8931","email":"ann.workos@example.com","first_name":"Ann","last_name":"Workos","state":"active","custom_attributes":{"department":"Engineering","job_title":"Engineer"},"raw_attributes":{"userName":"ann.workos@example.com","displayName":"Ann Workos"},"role":{"slug":"member"},"created_at":"2026-11-20T07:59:00.000Z","updated_at":"2026-11-20T08:00:00.000Z"}
w('workos','joiner',wos("event_1","dsync.user.created",WU))
w('workos','mover',wos("event_2","dsync.user.updated",{**WU,"custom_attributes":{"department":"Sales","job_title":"Engineer"},"updated_at":"2026-11-20 08:10:00.093","previous_attributes":{"custom_attributes":{"department":"Engineering"}}}))
w('workos','leaver',wos("event_3","dsync.user.updated",{**WU,"state":"inactive","updated_at":"2026-11-20T08:20:00.000Z","previous_attributes":{"state":"active"}}))
w('workos','rehire',wos("event_4","dsync.user.updated",{**WU,"updated_at":"2026-11-20T08:30:00.000Z","previous_attributes":{"state":"inactive"}}))
w('workos','group',wos("event_5","dsync.group.user_added",{"directory_id":"directory_01E","user":WU,"group":{"id":"directory_group_1","name":"Developers"}},"2026-11-20 08:40:31.093"))
w('workos','deleted',wos("event_6","dsync.user.deleted",WU,"2026-11-20T08:50:00.000Z"))

# google
def goog(state,n): return [("X-Goog-Channel-ID","channel-1"),("X-Goog-Channel-Token","a-long-random-channel-token"),("X-Goog-Resource-ID","ret08u3rv24htgh289g"),("X-Goog-Resource-URI","https://admin.googleapis.com/admin/directory/v1/users?domain=example.com"),("X-Goog-Resource-State",state),("X-Goog-Message-Number",str(n))]
GB={"kind":"admin#directory#user","id":"111220860655841818702","etag":"\"x\"","primaryEmail":"ann.google@example.com"}
w('google','joiner',GB,goog("add",10),ctype='application/json; utf-8')
w('google','mover',GB,goog("update",23),ctype='application/json; utf-8')
w('google','leaver',GB,goog("delete",31),ctype='application/json; utf-8')
w('google','sync','',goog("sync",1),ctype='application/json; utf-8')

# successfactors
opts('successfactors',zone='Europe/Berlin')
def sf(t,i,day,at,user="SF100"):
    return f'''<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">
  <soapenv:Body>
    <ns:ExternalEvent xmlns:ns="com.successfactors.event.notification">
      <ns:externalEventMeta>
        <ns:externalEventId>{i}</ns:externalEventId>
        <ns:type>com.successfactors.Employment.{t}</ns:type>
        <ns:publishedAt>{at}</ns:publishedAt>
        <ns:publishedBy>admin</ns:publishedBy>
        <ns:effective>current</ns:effective>
        <ns:repost>false</ns:repost>
      </ns:externalEventMeta>
      <ns:events>
        <ns:event>
          <ns:eventId>{i}-1</ns:eventId>
          <ns:entityType>EmpEmployment</ns:entityType>
          <ns:effectiveStartDate>{day}</ns:effectiveStartDate>
          <ns:publishedAt>{at}</ns:publishedAt>
          <ns:entityKeys>
            <ns:entityKey><ns:name>personIdExternal</ns:name><ns:value>{user}</ns:value></ns:entityKey>
            <ns:entityKey><ns:name>userId</ns:name><ns:value>u{user}</ns:value></ns:entityKey>
          </ns:entityKeys>
          <ns:params><ns:param><ns:name>seqNumber</ns:name><ns:value>1</ns:value></ns:param></ns:params>
        </ns:event>
      </ns:events>
    </ns:ExternalEvent>
  </soapenv:Body>
</soapenv:Envelope>
'''
SX='text/xml; charset=UTF-8'
w('successfactors','joiner',sf("AssignmentInformation.NewHire","evt-1","2026-11-20","2026-11-19T08:00:00Z"),ctype=SX)
w('successfactors','mover',sf("JobInformation.Change","evt-2","2026-11-20","2026-11-20T08:00:00Z"),ctype=SX)
w('successfactors','leaver',sf("AssignmentInformation.Termination","evt-3","2026-11-30","2026-11-20T09:00:00Z"),ctype=SX)

# onelogin
def ol(u,t,at): return {"create":{"_id":u},"uuid":u,"event_type_id":t,"event_timestamp":at,"account_id":1,"user_id":40001,"user_name":"Ann Onelogin","actor_user_id":1,"actor_user_name":"Admin","app_id":None,"role_id":None}
w('onelogin','joiner',[ol("ol-1",13,"2026-11-20 08:00:00 UTC"),ol("ol-2",8,"2026-11-20 08:00:01 UTC")])
w('onelogin','mover',"\n".join(json.dumps(x) for x in [ol("ol-3",14,"2026-11-20 08:10:00 UTC"),ol("ol-4",5,"2026-11-20 08:10:01 UTC")])+"\n")
w('onelogin','leaver',json.dumps(ol("ol-5",15,"2026-11-20 08:20:00 UTC"))+"\r\n"+json.dumps(ol("ol-6",19,"2026-11-20 08:15:00 UTC"))+"\r\n",ctype='application/x-ndjson')

# auth0
AU={"user_id":"auth0|507f1f77bcf86cd799439020","email":"ann.auth0@example.com","email_verified":True,"name":"Ann Auth0","given_name":"Ann","family_name":"Auth0","created_at":"2026-11-20T08:00:00.000Z","updated_at":"2026-11-20T08:00:00.000Z"}
def au(i,t,at,**k): return {"id":i,"source":"urn:auth0:example.auth0.com","specversion":"1.0","type":t,"time":at,"data":{"object":{**AU,**k}}}
w('auth0','joiner',au("evt_1","user.created","2026-11-20T08:00:00.000Z"))
w('auth0','mover',au("evt_2","com.auth0.user.updated","2026-11-20T08:10:00.000Z",user_metadata={"department":"Sales"}))
w('auth0','leave',au("evt_3","user.updated","2026-11-20T08:15:00.000Z",blocked=True))
w('auth0','leaver',au("evt_4","user.deleted","2026-11-20T08:20:00.000Z"))
w('auth0','log',"\n".join(json.dumps(x) for x in [{"log_id":"9002","data":{"date":"2026-11-20T08:30:00.000Z","type":"ss","user_id":"auth0|2","user_name":"bob.auth0@example.com","log_id":"9002"}},{"log_id":"9003","data":{"date":"2026-11-20T08:31:00.000Z","type":"sapi","log_id":"9003"}}])+"\n",ctype='application/x-ndjson')

# standard webhooks
SW=[("webhook-id","msg_1"),("webhook-timestamp","1795161600")]
def sw(t,at,**d): return {"type":t,"timestamp":at,"data":d}
w('standard_webhooks','joiner',sw("person.joined","2026-11-20T08:00:00Z",id="sw-1",effectiveAt="2026-11-20T00:00:00+01:00",accessUntil=None,complete=True,profile={"userName":"ann.standard@example.com","displayName":"Ann Standard","name":{"givenName":"Ann","familyName":"Standard"},"title":None}),SW)
w('standard_webhooks','mover',sw("rollcall.person.changed","2026-11-20T08:10:00Z",id="sw-1",profile={"department":"Sales"}),[("svix-id","msg_2"),("svix-timestamp","1795161600")])
w('standard_webhooks','leaver',sw("person.left","2026-11-20T08:20:00Z",subject="sw-1"),[("webhook-id","msg_3"),("webhook-timestamp","1795161600")])

# cloudevents
w('cloudevents','joiner',{"specversion":"1.0","id":"1","source":"/hr","type":"person.joined","time":"2026-11-20T08:00:00Z","subject":"ce-1","datacontenttype":"application/json","data":{"profile":{"userName":"ann.cloud@example.com","displayName":"Ann Cloud"}}},ctype='application/cloudevents+json; charset=utf-8')
w('cloudevents','mover',{"id":"ce-1","profile":{"department":"Sales"}},[("ce-specversion","1.0"),("ce-id","2%20b"),("ce-source","/hr"),("ce-type","rollcall.person.changed"),("ce-time","2026-11-20T08:10:00Z"),("ce-subject","\"ce-1\"")])
w('cloudevents','leaver',[{"specversion":"1.0","id":"3","source":"/hr","type":"person.left","time":"2026-11-20T08:20:00Z","subject":"ce-1"},{"specversion":"1.0","id":"4","source":"/hr","type":"invoice.paid","time":"2026-11-20T08:20:00Z"},{"specversion":"0.3","id":"5","source":"/hr","type":"person.left"}],ctype='application/cloudevents-batch+json')
w('cloudevents','handshake','',[("WebHook-Request-Origin","eventemitter.example.com"),("WebHook-Request-Rate","120")],method='OPTIONS',ctype=None)

# deel
def deel(t,i,at,res): return {"data":{"meta":{"event_type":t,"event_type_id":"x","organization_id":"o1","organization_name":"Acme","tracking_id":i},"resource":res},"timestamp":at}
DW={"id":"d-77","email":"ann.deel@example.com","first_name":"Ann","last_name":"Deel"}
w('deel','joiner',deel("contract.signed","tr-1","2026-11-20T08:00:00.070Z",{"id":"c1","start_date":"2026-11-21","job_title":"Engineer","worker":DW}),[("x-deel-hmac-label","main")])
w('deel','mover',deel("contract.updated","tr-2","2026-11-20T08:10:00.070Z",[{"id":"c1","job_title":"Lead","worker":DW}]),[("x-deel-hmac-label","main")])
w('deel','leaver',deel("contract.terminated","tr-3","2026-11-20T08:20:00.070Z",{"id":"c1","end_date":"2026-11-21","worker":DW}),[("x-deel-hmac-label","main")])
w('deel','onboarding',deel("onboarding.status.updated","tr-4","2026-11-20T08:30:00.070Z",{"old_status":"pending","status":"in_progress","hiring_type":"eor","worker":DW}))

# remote
def rem(t): return {"event_type":t,"employment_id":"9e6c1f3a-0000-4000-8000-000000000001"}
w('remote','joiner',rem("employment.onboarding.completed"),[("X-Remote-Timestamp","1795161600000")])
w('remote','mover',rem("employment.details.updated"),[("X-Remote-Timestamp","1795161660000")])
w('remote','leaver',rem("offboarding.completed"),[("X-Remote-Timestamp","1795161720000")])
w('remote','other',rem("expense.submitted"),[("X-Remote-Timestamp","1795161720000")])

# gusto
def gu(u,t,ts): return {"uuid":u,"event_type":t,"resource_type":"Company","resource_uuid":"c-uuid","entity_type":"Employee","entity_uuid":"e-uuid-1","timestamp":ts}
w('gusto','joiner',gu("g-1","employee.onboarded",1795161600))
w('gusto','mover',gu("g-2","employee.updated",1795161660))
w('gusto','recorded',gu("g-3","employee.terminated",1795161700))
w('gusto','leaver',gu("g-4","employee.termination_effective",1795161720))
w('gusto','token',{"verification_token":"6590f590-1111-2222-3333-444455556666"})

# greenhouse
opts('greenhouse',zone='Europe/Berlin')
GA={"id":46194062,"status":"hired","last_activity_at":"2026-11-20T08:00:00.000Z","candidate":{"id":37168625,"first_name":"Hank","last_name":"Hire","title":None,"email_addresses":[{"value":"hank.private@example.org","type":"personal"},{"value":"hank.greenhouse@example.com","type":"work"}]},"jobs":[{"id":55326,"name":"Developer","departments":[{"id":7,"name":"Technology"}]}],"offer":{"id":1,"starts_at":"2026-12-01","resolved_at":"2026-11-20T07:59:00Z"}}
w('greenhouse','joiner',{"action":"hire_candidate","payload":{"application":GA}},[("Greenhouse-Event-ID","123456")])
w('greenhouse','mover',{"event_type":"employee:updated","id":"5d6b7c3e-0000-4000-8000-000000000001","payload":{"updated_employee_id":900,"acting_employee_id":1,"updated_at":"2026-11-20T08:10:00.000Z","updated_fields":[{"id":"1","name":"Department"}]}})
w('greenhouse','leaver',{"action":"unhire_candidate","payload":{"application":{**GA,"last_activity_at":"2026-11-21T08:00:00.000Z","offer":None}}})
w('greenhouse','ping',{"action":"ping","payload":{"web_hook_id":1}})

# ashby
w('ashby','joiner',{"action":"candidateHire","webhookActionId":"wa-1","data":{"application":{"id":"app1","updatedAt":"2026-11-20T08:00:00.000Z","status":"Hired","candidate":{"id":"cand-1","name":"Ann Ashby","primaryEmailAddress":{"value":"ann.ashby@example.com","type":"Personal","isPrimary":True}},"job":{"id":"j1","title":"Designer"}},"offer":{"id":"of1","latestVersion":{"startDate":"2026-12-01"}}}})
w('ashby','ping',{"action":"ping","data":{"webhookActionType":"candidateHire"}})
w('ashby','other',{"action":"applicationSubmit","data":{"application":{"id":"a"}}})

# merge
def mg(e,**k): return {"hook":{"id":"h1","event":e,"target":"https://hooks.example.com"},"linked_account":{"id":"la1","integration":"ADP","integration_slug":"adp","category":"hris","end_user_origin_id":"x","end_user_organization_name":"Acme"},"data":{"id":"m-emp-1","remote_id":"19202938","employee_number":"2","first_name":"Ann","last_name":"Merge","display_full_name":"Ann Merge","work_email":"ann.merge@example.com","employments":[],"manager":"m-emp-0","start_date":"2026-11-19T00:00:00Z","termination_date":None,"employment_status":"ACTIVE","modified_at":"2026-11-20T08:00:00.000Z",**k}}
w('merge','joiner',mg("Employee.created"))
w('merge','mover',mg("Employee.changed",employment_status="PENDING",modified_at="2026-11-20T08:10:00.000Z"))
w('merge','leaver',mg("Employee.changed",employment_status="INACTIVE",termination_date="2026-11-21T00:00:00Z",modified_at="2026-11-20T08:20:00.000Z"))
w('merge','other',{"hook":{"event":"LinkedAccount.linked"},"linked_account":{"id":"la1"},"data":{}})

# finch
def fi(t): return {"company_id":"c","account_id":"a","connection_id":"conn-1","entity_id":"ent-1","event_type":t,"data":{"individual_id":"5d0b10a1-0000-4000-8000-000000000001"}}
for n,t,i in (("joiner","directory.created","1"),("mover","individual.updated","2"),("leaver","directory.deleted","3")):
    w('finch',n,fi(t),[("Finch-Event-Id","evt_"+i),("Finch-Timestamp","1795161600")])

# factorial
def fa(**k): return {"id":7001,"access_id":1,"first_name":"Ann","last_name":"Factorial","full_name":"Ann Factorial","email":"ann.private@example.org","login_email":"ann.factorial@example.com","company_identifier":"F7","manager_id":7000,"active":True,"terminated_on":None,"updated_at":"2026-11-20T08:00:00.000Z",**k}
w('factorial','joiner',fa(start_date="2026-11-20"),path='/hooks/factorial?type=employees/employee/create')
w('factorial','mover',fa(job_title="Lead",updated_at="2026-11-20T08:10:00.000Z"),path='/hooks/factorial?type=employee_updated')
w('factorial','leaver',fa(terminated_on="2026-11-21",updated_at="2026-11-20T08:20:00.000Z"),path='/hooks/factorial?type=employees%2Femployee%2Fterminate')
w('factorial','untyped',fa())

# set: payloads are claims; tokens are made by the test. Stored as JSON claims.
def st(ev,jti,iat,data,**k): return {"iss":"https://idp.example.com/","iat":iat,"jti":jti,"aud":"https://hooks.example.com/hooks/set","txn":"txn-"+jti,"sub_id":{"format":"scim","uri":"/Users/44f6142df96bd6ab61e7521d9","id":"44f6142df96bd6ab61e7521d9","externalId":"jdoe"},"events":{ev:data},**k}
S="urn:ietf:params:scim:event:"
for n,c in (("joiner",st(S+"prov:create:full","1",1795161600,{"version":"W/\"1\"","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann.set@example.com","name":{"givenName":"Ann","familyName":"Set"},"displayName":"Ann Set","active":True,"emails":[{"type":"work","value":"ann.set@example.com"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales"}}})),
 ("mover",st(S+"prov:patch:notice","2",1795161660,{"attributes":["title"]})),
 ("leave",st(S+"prov:deactivate","3",1795161720,{})),
 ("leaver",st(S+"prov:delete","4",1795161780,{})),
 ("risc",st("https://schemas.openid.net/secevent/risc/event-type/account-enabled","5",1795161790,{})),
 ("caep",st("https://schemas.openid.net/secevent/caep/event-type/session-revoked","6",1795161790,{"event_timestamp":1795161785})),
 ("verification",{"iss":"https://idp.example.com/","iat":1795161600,"jti":"7","aud":"x","sub_id":{"format":"opaque","id":"stream-1"},"events":{"https://schemas.openid.net/secevent/ssf/event-type/verification":{"state":"s"}}})):
    w('set',n,json.dumps(c),ctype='application/secevent+jwt')

# generic
opts('generic',**{"auth":"hmac-sha256","header":"x-signature","prefix":"sha256=","signed":"method path header:x-time . body","time":"header:x-time","type":"event","type.NEW":"person.joined","type.MOVE":"person.changed","type.END":"person.left","subject":"person.no","id":"uid","occurred":"at","effective":"from","zone":"Europe/Berlin","items":"events","profile.userName":"person.mail","profile.displayName":"person.name","profile.department":"person.dept"})
def ge(e,u,at,**k): return {"events":[{"event":e,"uid":u,"at":at,"person":{"no":8001,"mail":"ann.generic@example.com","name":"Ann Generic","dept":k.pop("dept","Sales")},**k}]}
for n,b in (("joiner",ge("NEW","ge-1","2026-11-20 08:00:00",**{"from":"2026-11-21"})),("mover",ge("MOVE","ge-2","2026-11-20 08:10:00",dept="Design")),("leaver",ge("END","ge-3","1795162800"))):
    w('generic',n,b,[("x-time","1795161600")])
