#include <cjose/cjose.h>
#include <stdio.h>
#include <string.h>
int main(void){ cjose_err e={0}; cjose_jwk_t*k=cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256,&e); printf("%p %d %s\n",(void*)k,e.code,e.message?e.message:"-");
 e=(cjose_err){0}; cjose_jwk_t*r=cjose_jwk_create_RSA_random(2048,(const uint8_t*)"\1\0\1",3,&e); printf("rsa %p %d %s\n",(void*)r,e.code,e.message?e.message:"-");
 const char*j="{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\",\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\"}";
 e=(cjose_err){0}; cjose_jwk_t*i=cjose_jwk_import(j,strlen(j),&e); printf("imp %p %d %s %s\n",(void*)i,e.code,e.message?e.message:"-", e.function?e.function:"");
 if(i){char*t=cjose_jwk_to_json(i,false,&e);printf("%s\n",t?t:"null");}
 return 0;}
