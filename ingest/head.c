#include "head.h"

#include <stdbool.h>
#include <strings.h>

static const struct {
    unsigned status;
    const char *name;
} faults[HEAD_FAULTS] = {
    [HEAD_OK] = {200, "ok"},
    [HEAD_TOO_MANY] = {431, "too_many_headers"},
    [HEAD_TOO_LARGE] = {431, "headers_too_large"},
    [HEAD_FRAMING] = {400, "bad_framing"},
    [HEAD_HOST] = {400, "duplicate_host"},
    [HEAD_EXPECTATION] = {417, "bad_expectation"},
};

/* RFC 9110 5.6.2 */
static const bool token_chars[256] = {
    ['0' ... '9'] = true,  ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,
    ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,         ['-'] = true,
    ['.'] = true,          ['^' ... '`'] = true, ['|'] = true,         ['~'] = true,
};

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!token_chars[(unsigned char)s.p[i]])
            return false;
    return s.n > 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* A name that is no token ("Content-Length ") is another header to the next party (RFC 9112 5.1). */
static bool headers_ok(const struct message *m)
{
    for (size_t i = 0; i < m->n_headers; i++)
        if (!is_token(m->headers[i].name) || !is_value(m->headers[i].value))
            return false;
    return is_token(m->method);
}

bool head_target_ok(struct str target)
{
    for (size_t i = 0; i < target.n; i++)
        if (target.p[i] <= ' ' || target.p[i] > '~')
            return false;
    return target.n > 0;
}

/* Does s begin at *at? Moves *at behind it and its separator. */
static bool follows(const char **at, struct str s, size_t separator)
{
    if (s.p != *at)
        return false;
    *at += s.n + separator;
    return true;
}

bool head_is_whole(const struct message *m, const struct head_raw *raw)
{
    enum { BLANK = 1, COLON = 1, CRLF = 2 };
    const char *at = m->method.p;
    if (!follows(&at, m->method, BLANK) || !follows(&at, raw->target, BLANK) ||
        !follows(&at, raw->version, CRLF))
        return false;
    for (size_t i = 0; i < m->n_headers; i++) {
        if (!follows(&at, m->headers[i].name, COLON))
            return false;
        while (at < m->headers[i].value.p && is_blank(*at))
            at++;
        if (!follows(&at, m->headers[i].value, CRLF))
            return false;
    }
    return at + CRLF == m->method.p + raw->size;
}

/* Digits only: no sign, no blank, no list. */
static bool read_length(struct str text, int64_t *ret)
{
    int64_t value = 0;
    if (text.n == 0 || text.n > 18)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        value = value * 10 + (text.p[i] - '0');
    }
    *ret = value;
    return true;
}

static bool is_word(struct str text, const char *word)
{
    return text.n == strlen(word) && strncasecmp(text.p, word, text.n) == 0;
}

/* One way only of saying how long the body is (RFC 9112 6.3): else two parties could see two messages. */
static bool framing_ok(const struct message *m, int64_t *ret_declared)
{
    struct str length = {0}, encoding = {0};
    size_t lengths = message_header(m, "content-length", &length);
    size_t encodings = message_header(m, "transfer-encoding", &encoding);
    if (lengths + encodings > 1)
        return false;
    if (lengths == 1)
        return read_length(length, ret_declared);
    return encodings == 0 || is_word(encoding, "chunked");
}

enum head_fault head_check(const struct message *m, size_t bytes, size_t max, int64_t *ret_declared)
{
    struct str expect;
    *ret_declared = -1;
    if (bytes > max)
        return HEAD_TOO_LARGE;
    if (!headers_ok(m) || !framing_ok(m, ret_declared))
        return HEAD_FRAMING;
    if (message_header(m, "host", NULL) > 1)
        return HEAD_HOST;
    if (message_header(m, "expect", &expect) > 0 && !is_word(expect, "100-continue"))
        return HEAD_EXPECTATION;
    return HEAD_OK;
}

bool head_version_ok(const struct message *m, struct str version)
{
    return !is_word(version, "HTTP/1.0") || message_header(m, "transfer-encoding", NULL) == 0;
}

unsigned head_fault_status(enum head_fault fault)
{
    return faults[fault].status;
}

const char *head_fault_name(enum head_fault fault)
{
    return faults[fault].name;
}
