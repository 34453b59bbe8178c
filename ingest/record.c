#include "record.h"

static void put_header(void *ctx, const char *name, const char *value)
{
    buf_add(ctx, name, strlen(name) + 1);
    buf_add(ctx, value, strlen(value) + 1);
}

bool record_of_event(const struct event *ev, unsigned spread, struct buf *out, struct record *ret)
{
    size_t key = out->n;
    event_key(ev, spread, out);
    size_t headers = out->n;
    event_each_header(ev, put_header, out);
    size_t value = out->n;
    event_write_value(ev, out);
    if (!buf_ok(out) || out->n - value > EVENT_VALUE_MAX)
        return false;
    *ret = (struct record){.key = {out->p + key, headers - key},
                           .headers = {out->p + headers, value - headers},
                           .value = {out->p + value, out->n - value}};
    return true;
}

/* Cuts a NUL-terminated text off the front. */
static const char *next_text(struct str *left)
{
    const char *text = left->p, *end = left->n > 0 ? memchr(text, '\0', left->n) : NULL;
    if (!end)
        return NULL;
    *left = (struct str){end + 1, left->n - (size_t)(end + 1 - text)};
    return text;
}

bool record_each_header(struct str headers, void (*put)(void *ctx, const char *name, const char *value),
                        void *ctx)
{
    while (headers.n > 0) {
        const char *name = next_text(&headers), *value = name ? next_text(&headers) : NULL;
        if (!value)
            return false;
        put(ctx, name, value);
    }
    return true;
}
