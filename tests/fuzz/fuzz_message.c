/* A stored request, and the look at its head that every request gets. */
#include "fuzz.h"

#include "../../ingest/head.h"
#include "../../ingest/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message m;
    struct error err;
    char type[64];
    int64_t declared;
    if (!message_read((struct str){(const char *)data, size}, &m, &err))
        return 0;
    assert(m.n_headers <= MESSAGE_HEADERS_MAX);
    assert(m.body.n == 0 ||
           (m.body.p >= (const char *)data && m.body.p + m.body.n == (const char *)data + size));
    message_media_type(&m, type, sizeof type);
    for (const char *c = type; *c; c++)
        assert(*c < 'A' || *c > 'Z');
    if (head_check(&m, size - m.body.n, 32768, &declared) == HEAD_OK)
        assert(declared >= -1);
    head_target_ok(m.path);
    return 0;
}
