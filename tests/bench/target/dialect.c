#include "dialect.h"

#include <stdlib.h>
#include <string.h>

/* Paths: /t03/Users/17, /t03/Users/17?attributes=…, /t03/Users?filter=userName%20eq%20%22user-17%40… */

static bool starts(struct str s, const char *with)
{
    size_t n = strlen(with);
    return s.n >= n && memcmp(s.p, with, n) == 0;
}

static bool number_behind(struct str s, const char *mark, size_t *ret)
{
    const char *at = memmem(s.p, s.n, mark, strlen(mark));
    if (!at)
        return false;
    char *end;
    at += strlen(mark);
    *ret = strtoul(at, &end, 10); /* the request ends with a NUL */
    return end > at;
}

bool dialect_parse(const struct request *r, struct dialect_request *ret)
{
    size_t number = 0;
    *ret = (struct dialect_request){.number = -1};
    if (!starts(r->path, "/t") || !number_behind(r->path, "/t", &ret->tenant))
        return false;
    if (starts(r->method, "GET") &&
        number_behind(r->path, "/Users?filter=userName%20eq%20%22user-", &ret->person)) {
        ret->call = DIALECT_FIND;
        return true;
    }
    if (!number_behind(r->path, "/Users/", &ret->person))
        return false;
    ret->call = starts(r->method, "PATCH") ? DIALECT_PATCH : DIALECT_READ;
    if (ret->call == DIALECT_PATCH && number_behind(r->body, "#", &number))
        ret->number = (int64_t)number;
    return ret->call == DIALECT_READ ? starts(r->method, "GET") : ret->number >= 0;
}

static void write_user(size_t person, int64_t number, struct buf *out)
{
    buf_addf(out,
             "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"id\":\"%zu\",\"userName\":"
             "\"user-%zu@bench.example\",\"displayName\":\"Person %zu",
             person, person, person);
    if (number >= 0)
        buf_addf(out, " #%lld", (long long)number);
    buf_addf(
        out,
        "\",\"active\":true,\"userType\":\"Full\",\"emails\":[{\"value\":\"user-%zu@bench.example\","
        "\"primary\":"
        "true}],\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"department\":\"Department "
        "%zu\"},\"meta\":{\"resourceType\":\"User\",\"location\":\"https://bench.example/Users/%zu\"}}",
        person, person % 40, person);
}

void dialect_write(const struct dialect_request *r, int64_t number, struct buf *out)
{
    if (r->call != DIALECT_FIND) {
        write_user(r->person, number, out);
        return;
    }
    buf_adds(out, "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"],\"totalResults\":1,"
                  "\"startIndex\":1,\"itemsPerPage\":1,\"Resources\":[");
    write_user(r->person, number, out);
    buf_adds(out, "]}");
}
