/* What an OAuth token endpoint answers. A token that is taken can stand in a header as it is, and expires. */
#include "fuzz.h"

#include <stdlib.h>

#include "../../worker/http_client_grant.h"

enum { MONTH_S = 30 * 24 * 3600 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    char *token = NULL;
    int64_t life_s = -1;
    if (!grant_parse(body, &token, &life_s)) {
        assert(!token && life_s == -1);
        return 0;
    }
    assert(token[0] && life_s >= 0 && life_s <= MONTH_S);
    for (const char *c = token; *c; c++)
        assert(*c > ' ' && *c <= '~');
    free(token);
    return 0;
}
