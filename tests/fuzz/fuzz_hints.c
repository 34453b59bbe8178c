/* Small readers: what a reply's headers say about when to come again, instants. One line each. */
#include "fuzz.h"

#include "../../worker/reply_hints.h"
#include "rfc3339.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct reply_hints hints;
    reply_hints_clear(&hints);
    while (rest.n > 0) {
        struct str line = fuzz_line(&rest);
        int64_t ms;
        reply_hints_line(&hints, line);
        if (rfc3339_parse(line, &ms)) {
            char text[RFC3339_SIZE];
            int64_t again;
            rfc3339_format(ms, text);
            assert(rfc3339_parse(str_of(text), &again) && again == ms);
        }
    }
    int64_t wait = reply_hints_wait_ms(&hints, 429, INT64_C(1795336800000));
    assert(wait >= -1 && wait <= HINT_WAIT_MAX_MS);
    return 0;
}
