#include <cjose/cjose.h>
#include <stdio.h>
#include <string.h>
int main(void){ cjose_err e={0}; cjose_jwk_t*k=cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256,&e);
 cjose_header_t*h=cjose_header_new(&e); cjose_header_set(h,"alg","ES256",&e); cjose_header_set(h,"typ","secevent+jwt",&e);
 const char*c="{\"iss\":\"https://idp.example.com/\",\"aud\":\"ours\",\"iat\":1614265330,\"jti\":\"1\",\"sub_id\":{\"format\":\"scim\",\"uri\":\"/Users/1\"},\"events\":{\"urn:ietf:params:scim:event:prov:delete\":{}}}";
 cjose_jws_t*j=cjose_jws_sign(k,h,(const uint8_t*)c,strlen(c),&e); const char*t; cjose_jws_export(j,&t,&e);
 FILE*f=fopen("/tmp/wt/senders/tests/fuzz/secret-set","w"); fprintf(f,"{\"keys\":[%s]}\n",cjose_jwk_to_json(k,false,&e)); fclose(f);
 f=fopen("/tmp/wt/senders/tests/fuzz/corpus/signature/set-genuine","w"); fprintf(f,"signed-set\nPOST /hooks/set HTTP/1.1\nHost: h\nContent-Type: application/secevent+jwt\n\n%s",t); fclose(f);
 f=fopen("/tmp/wt/senders/tests/fuzz/corpus/signature/set-odd-length","w"); fprintf(f,"signed-set\nPOST /hooks/set HTTP/1.1\nHost: h\nContent-Type: application/secevent+jwt\n\n%.*s.A.A",(int)(strchr(t,'.')-t),t); fclose(f);
 return 0;}
