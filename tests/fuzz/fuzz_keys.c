/* A key set, as an operator or rollcall-jwks has fetched it: a token in the first line, then the set. No key of it makes the
 * library fail on the token, and what a token says is told only of one that verifies. */
#include "fuzz.h"

#include "../../ingest/jws.h"

enum { KEYS_MAX = 32, TOKEN_MAX = 64 * 1024 };
static const int64_t NOW_MS = INT64_C(1700000000000);
static const struct verify_claims want = {
    .algorithms = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"},
    .n_algorithms = 9};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct str token = fuzz_line(&rest);
    struct jws_keys *keys = NULL;
    struct error err;
    struct buf claims;
    if (!jws_keys_new(rest, &keys, &err)) {
        assert(!keys && err.kind == ERROR_INPUT);
        return 0;
    }
    assert(jws_keys_count(keys) > 0 && jws_keys_count(keys) <= KEYS_MAX);
    buf_init(&claims, TOKEN_MAX);
    enum verify_outcome outcome = jws_check(keys, token, &want, NOW_MS, &claims);
    assert(outcome < VERIFY_OUTCOMES && (outcome == VERIFY_OK) == (claims.n > 0));
    buf_done(&claims);
    jws_keys_free(keys);
    return 0;
}
