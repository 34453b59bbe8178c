#include "json.h"

#include <math.h>
#include <stdlib.h>

#include "digest.h"
#include "json_internal.h"
#include "mem.h"
#include "utf8.h"

/* The grammar of RFC 8259, checked before cJSON sees the text: cJSON takes more than that (control characters
 * in strings, leading zeros) and ends strings at an escaped NUL. */
struct scanner {
    const char *start, *p, *end;
    unsigned depth;
    struct json_counts counts;
    const char *why; /* set when scanning fails */
};

static bool fail(struct scanner *s, const char *why)
{
    if (!s->why)
        s->why = why;
    return false;
}

static void skip_blanks(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t' || *s->p == '\r'))
        s->p++;
}

static bool take(struct scanner *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool scan_unicode_escape(struct scanner *s)
{
    unsigned char code[2];
    if (s->end - s->p < 4 || !hex_decode((struct str){s->p, 4}, code, sizeof code))
        return fail(s, "an escape that is not \\uXXXX");
    if (code[0] == 0 && code[1] == 0)
        return fail(s, "a NUL character");
    s->p += 4;
    return true;
}

static bool scan_escape(struct scanner *s)
{
    if (s->p < s->end && *s->p == 'u') {
        s->p++;
        return scan_unicode_escape(s);
    }
    if (s->p == s->end || *s->p == '\0' || !strchr("\"\\/bfnrt", *s->p))
        return fail(s, "an unknown escape");
    s->p++;
    return true;
}

/* Behind the opening quote, up to behind the closing one. */
static bool scan_string(struct scanner *s)
{
    for (;;) {
        s->p += json_plain((struct str){s->p, (size_t)(s->end - s->p)}, JSON_HIGH_BITS);
        if (s->p == s->end)
            return fail(s, "a string without end");
        unsigned char c = (unsigned char)*s->p;
        if (c < 0x20)
            return fail(s, "a control character in a string");
        size_t length = c < 0x80 ? 1 : utf8_sequence((struct str){s->p, (size_t)(s->end - s->p)});
        if (length == 0)
            return fail(s, "bytes that are not UTF-8");
        s->p += length;
        if (c == '"')
            return true;
        if (c == '\\' && !scan_escape(s))
            return false;
    }
}

static bool scan_digits(struct scanner *s)
{
    const char *first = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return s->p > first || fail(s, "a number without digits");
}

bool json_inexact(struct str number)
{
    static const char max[] = "9007199254740992"; /* 2^53 */
    size_t sign = number.n > 0 && number.p[0] == '-', n = number.n - sign;
    if (n < sizeof max - 1 || (n == sizeof max - 1 && memcmp(number.p + sign, max, n) <= 0))
        return false;
    return !memchr(number.p, '.', number.n) && !memchr(number.p, 'e', number.n) &&
           !memchr(number.p, 'E', number.n);
}

static bool scan_number(struct scanner *s)
{
    const char *first = s->p;
    take(s, '-');
    if (!take(s, '0') && !scan_digits(s))
        return false;
    if (take(s, '.') && !scan_digits(s))
        return false;
    if (take(s, 'e') || take(s, 'E')) {
        if (!take(s, '+'))
            take(s, '-');
        if (!scan_digits(s))
            return false;
    }
    s->counts.inexact += json_inexact((struct str){first, (size_t)(s->p - first)});
    return true;
}

static bool scan_literal(struct scanner *s, const char *literal)
{
    size_t n = strlen(literal);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, literal, n) != 0)
        return fail(s, "something that is no JSON value");
    s->p += n;
    return true;
}

static bool scan_value(struct scanner *s);

static bool scan_member_name(struct scanner *s)
{
    skip_blanks(s);
    if (!take(s, '"'))
        return fail(s, "no member name");
    if (!scan_string(s))
        return false;
    skip_blanks(s);
    return take(s, ':') || fail(s, "no colon after a member name");
}

/* Behind the opening bracket. */
static bool scan_container(struct scanner *s, char closer)
{
    if (++s->depth > JSON_DEPTH_MAX)
        return fail(s, "deeper nesting than allowed");
    skip_blanks(s);
    if (take(s, closer)) {
        s->depth--;
        return true;
    }
    do {
        if ((closer == '}' && !scan_member_name(s)) || !scan_value(s))
            return false;
        skip_blanks(s);
    } while (take(s, ','));
    s->depth--;
    return take(s, closer) || fail(s, "no comma or closing bracket");
}

static bool scan_value(struct scanner *s)
{
    skip_blanks(s);
    s->counts.values++;
    if (take(s, '"'))
        return scan_string(s);
    if (take(s, '{'))
        return scan_container(s, '}');
    if (take(s, '['))
        return scan_container(s, ']');
    if (s->p == s->end)
        return fail(s, "the end of the text instead of a value");
    switch (*s->p) {
    case 't':
        return scan_literal(s, "true");
    case 'f':
        return scan_literal(s, "false");
    case 'n':
        return scan_literal(s, "null");
    default:
        return scan_number(s);
    }
}

bool json_scan(struct str text, struct json_counts *ret, struct error *err)
{
    struct scanner s = {.start = text.p, .p = text.p, .end = text.n ? text.p + text.n : text.p};
    bool ok = scan_value(&s);
    if (ok) {
        skip_blanks(&s);
        ok = s.p == s.end || fail(&s, "more text after the document");
    }
    *ret = s.counts;
    return ok || error_set(err, ERROR_INPUT, "not valid JSON: %s at byte %td", s.why, s.p - s.start);
}

bool json_count(struct str text, size_t *ret_values, struct error *err)
{
    struct json_counts counts;
    bool ok = json_scan(text, &counts, err);
    *ret_values = counts.values;
    return ok;
}

bool json_check(struct str text, struct error *err)
{
    size_t values;
    return json_count(text, &values, err);
}

/* Behind the token (a string, a number, or one character) that begins at p, of a text that is valid. */
static const char *behind_token(const char *p, const char *end)
{
    const char *first = p++;
    if (*first == '"') {
        while (*p != '"')
            p += *p == '\\' ? 2 : 1;
        return p + 1;
    }
    while ((*first == '-' || (*first >= '0' && *first <= '9')) && p < end && json_in_number(*p))
        p++;
    return p;
}

/* A copy of a valid text with quotes around the integers that no double holds. */
static char *quote_inexact(struct str text, size_t count, size_t *ret_n)
{
    char *copy = xmalloc(text.n + 2 * count), *to = copy;
    const char *end = text.p + text.n, *next;
    for (const char *p = text.p; p < end; p = next) {
        next = behind_token(p, end);
        struct str token = {p, (size_t)(next - p)};
        bool quote = *p != '"' && json_inexact(token);
        if (quote)
            *to++ = '"';
        memcpy(to, p, token.n);
        to += token.n;
        if (quote)
            *to++ = '"';
    }
    *ret_n = (size_t)(to - copy);
    return copy;
}

static bool build(struct str text, cJSON **ret, struct error *err)
{
    const char *stopped = text.p;
    cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.n, &stopped, 0);
    if (!root) /* half a surrogate pair, or a number of more than 63 characters */
        return error_set(err, ERROR_INPUT, "not valid JSON: a value that cannot be represented at byte %td",
                         stopped - text.p);
    *ret = root;
    return true;
}

bool json_parse(struct str text, cJSON **ret, struct error *err)
{
    struct json_counts counts;
    if (!json_scan(text, &counts, err))
        return false;
    if (counts.inexact == 0)
        return build(text, ret, err);
    size_t n;
    char *quoted = quote_inexact(text, counts.inexact, &n);
    bool ok = build((struct str){quoted, n}, ret, err);
    free(quoted);
    return ok;
}

/* As cJSON_GetObjectItemCaseSensitive, without two calls for each member that it is not. */
const cJSON *json_get(const cJSON *object, const char *name)
{
    if (!cJSON_IsObject(object))
        return NULL;
    for (const cJSON *item = object->child; item; item = item->next)
        if (item->string && item->string[0] == name[0] && strcmp(item->string, name) == 0)
            return item;
    return NULL;
}

const char *json_string(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(json_get(object, name));
}

bool json_to_int64(const cJSON *item, int64_t *ret)
{
    if (!cJSON_IsNumber(item) || !(fabs(item->valuedouble) <= 0x1p53) ||
        item->valuedouble != trunc(item->valuedouble))
        return false;
    *ret = (int64_t)item->valuedouble;
    return true;
}

bool json_int64(const cJSON *object, const char *name, int64_t *ret)
{
    return json_to_int64(json_get(object, name), ret);
}

bool json_bool(const cJSON *object, const char *name, bool *ret)
{
    const cJSON *item = json_get(object, name);
    if (!cJSON_IsBool(item))
        return false;
    *ret = cJSON_IsTrue(item);
    return true;
}
