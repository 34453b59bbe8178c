#include "message.h"

#include <ctype.h>
#include <strings.h>

#include "digest.h"

size_t message_header(const struct message *m, const char *name, struct str *ret)
{
    size_t count = 0, n = strlen(name);
    for (size_t i = 0; i < m->n_headers; i++) {
        const struct message_header *h = &m->headers[i];
        if (h->name.n != n || strncasecmp(h->name.p, name, n) != 0)
            continue;
        if (count++ == 0 && ret)
            *ret = str_trim(h->value);
    }
    return count;
}

void message_media_type(const struct message *m, char *out, size_t size)
{
    struct str value = {0};
    message_header(m, "content-type", &value);
    const char *semicolon = value.n > 0 ? memchr(value.p, ';', value.n) : NULL;
    if (semicolon)
        value.n = (size_t)(semicolon - value.p);
    value = str_trim(value);
    if (value.n >= size)
        value.n = 0;
    for (size_t i = 0; i < value.n; i++)
        out[i] = (char)tolower((unsigned char)value.p[i]);
    out[value.n] = '\0';
}

bool message_unescape(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char byte;
        if (text.p[i] == '%') {
            if (text.n - i < 3 || !hex_decode((struct str){text.p + i + 1, 2}, &byte, 1))
                return false;
            buf_addc(out, (char)byte);
            i += 2;
        } else {
            buf_addc(out, text.p[i] == '+' ? ' ' : text.p[i]);
        }
    }
    return buf_ok(out);
}

bool message_query(const struct message *m, const char *name, struct buf *out)
{
    struct str rest = m->query;
    size_t n = strlen(name);
    while (rest.n > 0) {
        const char *end = memchr(rest.p, '&', rest.n);
        struct str pair = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
        if (pair.n > n && pair.p[n] == '=' && memcmp(pair.p, name, n) == 0)
            return message_unescape((struct str){pair.p + n + 1, pair.n - n - 1}, out);
        rest = (struct str){rest.p + pair.n + (end ? 1 : 0), rest.n - pair.n - (end ? 1 : 0)};
    }
    return false;
}

/* Cuts the next line off *text, without its line end; false when no complete line is left. */
static bool next_line(struct str *text, struct str *ret_line)
{
    const char *end = text->n > 0 ? memchr(text->p, '\n', text->n) : NULL;
    if (!end)
        return false;
    size_t n = (size_t)(end - text->p);
    *ret_line = (struct str){text->p, n > 0 && text->p[n - 1] == '\r' ? n - 1 : n};
    *text = (struct str){end + 1, text->n - n - 1};
    return true;
}

/* Cuts s at the first c: *head gets what is before, the rest stays; false without c. */
static bool split(struct str *s, char c, struct str *ret_head)
{
    const char *at = s->n > 0 ? memchr(s->p, c, s->n) : NULL;
    if (!at)
        return false;
    *ret_head = (struct str){s->p, (size_t)(at - s->p)};
    *s = (struct str){at + 1, s->n - ret_head->n - 1};
    return true;
}

static bool read_request_line(struct str line, struct message *m)
{
    struct str path;
    if (!split(&line, ' ', &m->method) || !split(&line, ' ', &m->path))
        return false;
    struct str rest = m->path;
    if (split(&rest, '?', &path)) {
        m->path = path;
        m->query = rest;
    }
    return m->method.n > 0 && m->path.n > 0 && m->path.p[0] == '/' && line.n >= 6 &&
           memcmp(line.p, "HTTP/1", 6) == 0;
}

bool message_read(struct str text, struct message *ret, struct error *err)
{
    struct str line;
    *ret = (struct message){0};
    if (!next_line(&text, &line) || !read_request_line(line, ret))
        return error_set(err, ERROR_INPUT, "line 1: not a request line such as \"POST /hooks/x HTTP/1.1\"");
    for (unsigned number = 2;; number++) {
        if (!next_line(&text, &line))
            return error_set(err, ERROR_INPUT, "line %u: the headers end without an empty line", number);
        if (line.n == 0)
            break;
        if (ret->n_headers == MESSAGE_HEADERS_MAX)
            return error_set(err, ERROR_INPUT, "line %u: more than %d headers", number, MESSAGE_HEADERS_MAX);
        struct message_header *h = &ret->headers[ret->n_headers];
        if (!split(&line, ':', &h->name) || h->name.n == 0)
            return error_set(err, ERROR_INPUT, "line %u: not a header such as \"name: value\"", number);
        h->value = line;
        ret->n_headers++;
    }
    ret->body = text;
    return true;
}
