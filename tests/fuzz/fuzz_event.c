/* A record of the events topic, which anybody may publish: headers as lines "name: value", an empty line, the value.
 * What is taken keeps to the schema's rules and can be written and read again. */
#include "fuzz.h"

#include <stdlib.h>

#include "event.h"
#include "mem.h"

enum { HEADERS_MAX = 16 };

static char *copy(struct str s)
{
    char *out = xmalloc(s.n + 1);
    memcpy(out, s.p, s.n);
    out[s.n] = '\0';
    return out;
}

static size_t read_headers(struct str *rest, char *names[], char *values[])
{
    size_t n = 0;
    for (struct str line; n < HEADERS_MAX && (line = fuzz_line(rest)).n > 0; n++) {
        const char *colon = memchr(line.p, ':', line.n);
        size_t name_n = colon ? (size_t)(colon - line.p) : line.n;
        size_t skip = colon ? name_n + 1 : name_n;
        skip += skip < line.n && line.p[skip] == ' ';
        names[n] = copy((struct str){line.p, name_n});
        values[n] = copy((struct str){line.p + skip, line.n - skip});
    }
    return n;
}

static void write_and_read(const struct event *ev)
{
    struct error err;
    struct event again;
    struct buf value, value_again;
    buf_init(&value, 2 * EVENT_VALUE_MAX);
    buf_init(&value_again, 2 * EVENT_VALUE_MAX);
    assert(event_check(ev, &err));
    event_write_value(ev, &value);
    if (value.n <= EVENT_VALUE_MAX) {
        assert(event_read_value(ev->id, event_type_name(ev->type), (struct str){value.p, value.n}, &again,
                                &err));
        event_write_value(&again, &value_again);
        assert(fuzz_equal(&value, &value_again));
        event_done(&again);
    }
    buf_done(&value);
    buf_done(&value_again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    char *names[HEADERS_MAX], *values[HEADERS_MAX];
    struct event_header headers[HEADERS_MAX];
    size_t n = read_headers(&rest, names, values);
    for (size_t i = 0; i < n; i++)
        headers[i] = (struct event_header){names[i], values[i]};
    struct event ev;
    struct error err;
    if (rest.n <= EVENT_VALUE_MAX && event_read(headers, n, rest, &ev, &err)) {
        write_and_read(&ev);
        event_done(&ev);
    }
    for (size_t i = 0; i < n; i++) {
        free(names[i]);
        free(values[i]);
    }
    return 0;
}
