/* The writing half of json.h. */
#include "json.h"

#include <assert.h>

#include "json_internal.h"
#include "rfc3339.h"

void json_out_init(struct json_out *w, struct buf *buf)
{
    *w = (struct json_out){.buf = buf};
}

static const char *escape_of(unsigned char c)
{
    static const char *const shorts[] = {['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
                                         ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t"};
    return c < sizeof shorts / sizeof shorts[0] ? shorts[c] : NULL;
}

/* Whether s stands in JSON as it is. Nearly all that is written does. */
static bool is_plain(struct str s)
{
    return json_plain(s, 0) == s.n;
}

static void write_escaped(struct buf *b, struct str s)
{
    buf_addc(b, '"');
    size_t plain = 0; /* start of the run that needs no escape */
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(b, s.p + plain, i - plain);
        plain = i + 1;
        const char *escape = escape_of(c);
        if (escape)
            buf_adds(b, escape);
        else
            buf_addf(b, "\\u%04x", c);
    }
    buf_add(b, s.p + plain, s.n - plain);
    buf_addc(b, '"');
}

static void write_string(struct buf *b, struct str s)
{
    if (!is_plain(s)) {
        write_escaped(b, s);
        return;
    }
    char *at = buf_extend(b, s.n + 2);
    if (!at)
        return;
    at[0] = '"';
    if (s.n > 0)
        memcpy(at + 1, s.p, s.n);
    at[s.n + 1] = '"';
}

/* What stands before each value: comma and name. */
static void begin(struct json_out *w, const char *name)
{
    bool comma = w->comma;
    w->comma = true;
    if (!name) {
        if (comma)
            buf_addc(w->buf, ',');
        return;
    }
    struct str s = str_of(name);
    if (!is_plain(s)) {
        if (comma)
            buf_addc(w->buf, ',');
        write_escaped(w->buf, s);
        buf_addc(w->buf, ':');
        return;
    }
    char *at = buf_extend(w->buf, s.n + 3 + comma);
    if (!at)
        return;
    if (comma)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, s.p, s.n);
    memcpy(at + s.n, "\":", 2);
}

void json_open(struct json_out *w, const char *name, char bracket)
{
    assert(w->depth < JSON_DEPTH_MAX && (bracket == '{' || bracket == '['));
    begin(w, name);
    buf_addc(w->buf, bracket);
    w->closers[w->depth++] = bracket == '{' ? '}' : ']';
    w->comma = false;
}

void json_close(struct json_out *w)
{
    assert(w->depth > 0);
    buf_addc(w->buf, w->closers[--w->depth]);
    w->comma = true;
}

void json_put_str(struct json_out *w, const char *name, struct str value)
{
    begin(w, name);
    write_string(w->buf, value);
}

void json_put_string(struct json_out *w, const char *name, const char *value)
{
    if (value)
        json_put_str(w, name, str_of(value));
    else
        json_put_null(w, name);
}

void json_put_int(struct json_out *w, const char *name, int64_t value)
{
    begin(w, name);
    buf_addi(w->buf, value);
}

void json_put_bool(struct json_out *w, const char *name, bool value)
{
    json_put_raw(w, name, str_of(value ? "true" : "false"));
}

void json_put_null(struct json_out *w, const char *name)
{
    json_put_raw(w, name, str_of("null"));
}

void json_put_raw(struct json_out *w, const char *name, struct str json)
{
    begin(w, name);
    buf_add(w->buf, json.p, json.n);
}

void json_put_time(struct json_out *w, const char *name, int64_t ms)
{
    char text[RFC3339_SIZE];
    rfc3339_format(ms, text);
    json_put_string(w, name, text);
}
