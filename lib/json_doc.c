/* Documents in one piece of memory: struct json_doc of json.h.
 *
 *      memory:  cJSON nodes, one per value │ texts of strings and names, each with a NUL
 *
 * json_scan has checked the text and counted the values, so that building neither checks nor grows. A string needs
 * no more bytes than between its quotes, and the NUL takes the place of a quote; that of an integer which is kept as text takes
 * the place of what follows it. So the length of the text, and one byte, suffice. */
#include "json.h"

#include <assert.h>
#include <stdlib.h>

#include "digest.h"
#include "json_internal.h"
#include "mem.h"

enum { FAST_DIGITS = 15 }; /* a double holds them exactly */

struct builder {
    const char *p, *end;
    cJSON *nodes;    /* next free one */
    char *texts;     /* next free byte */
    const char *bad; /* half a surrogate pair; NULL: none */
};

static void skip_blanks(struct builder *b)
{
    while (b->p < b->end && (*b->p == ' ' || *b->p == '\n' || *b->p == '\t' || *b->p == '\r'))
        b->p++;
}

/* ---- strings ------------------------------------------------------------------------------------------- */

static unsigned read_unit(const char *p)
{
    unsigned char bytes[2] = {0};
    bool ok = hex_decode((struct str){p, 4}, bytes, sizeof bytes);
    assert(ok);
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static char *write_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xe0 | code >> 12);
        } else {
            *to++ = (char)(0xf0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

/* Behind "\u". Half a surrogate pair is no character. */
static char *take_unicode(struct builder *b, char *to)
{
    unsigned code = read_unit(b->p);
    b->p += 4;
    if (code < 0xd800 || code > 0xdfff)
        return write_utf8(to, code);
    bool pair = code < 0xdc00 && b->end - b->p > 6 && b->p[0] == '\\' && b->p[1] == 'u';
    unsigned low = pair ? read_unit(b->p + 2) : 0;
    if (low < 0xdc00 || low > 0xdfff) {
        b->bad = b->bad ? b->bad : b->p;
        return to;
    }
    b->p += 6;
    return write_utf8(to, 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff)));
}

/* Behind the backslash. */
static char *take_escape(struct builder *b, char *to)
{
    static const char plain[] = {['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    char c = *b->p++;
    if (c == 'u')
        return take_unicode(b, to);
    *to++ = c >= 'b' ? plain[(unsigned char)c] : c; /* quote, slash, backslash stand for themselves */
    return to;
}

/* Behind the opening quote, up to behind the closing one. */
static char *take_string(struct builder *b)
{
    char *text = b->texts, *to = text;
    for (;;) {
        size_t n = json_plain((struct str){b->p, (size_t)(b->end - b->p)}, 0);
        memcpy(to, b->p, n);
        to += n;
        b->p += n;
        if (*b->p++ == '"')
            break;
        to = take_escape(b, to);
    }
    *to++ = '\0';
    b->texts = to;
    return text;
}

/* ---- values -------------------------------------------------------------------------------------------- */

static double read_number(struct builder *b)
{
    const char *first = b->p;
    int64_t whole = 0;
    bool negative = *b->p == '-';
    b->p += negative;
    for (; b->p < b->end && *b->p >= '0' && *b->p <= '9' && b->p - first <= FAST_DIGITS; b->p++)
        whole = whole * 10 + (*b->p - '0');
    if (b->p == b->end || !json_in_number(*b->p))
        return negative ? -(double)whole : (double)whole;
    while (b->p < b->end && json_in_number(*b->p))
        b->p++;
    char *text = xstrndup(first, (size_t)(b->p - first));
    double value = strtod(text, NULL);
    free(text);
    return value;
}

static void take_number(struct builder *b, cJSON *node)
{
    const char *first = b->p;
    double value = read_number(b);
    struct str text = {first, (size_t)(b->p - first)};
    if (json_inexact(text)) {
        node->type = cJSON_String;
        node->valuestring = memcpy(b->texts, text.p, text.n);
        b->texts[text.n] = '\0';
        b->texts += text.n + 1;
        return;
    }
    node->type = cJSON_Number;
    node->valuedouble = value;
    node->valueint = value >= INT32_MAX ? INT32_MAX : value <= INT32_MIN ? INT32_MIN : (int)value;
}

static cJSON *take_value(struct builder *b);

/* Behind the opening bracket. */
static void take_container(struct builder *b, cJSON *node, int type)
{
    char closer = type == cJSON_Object ? '}' : ']';
    cJSON *last = NULL;
    node->type = type;
    skip_blanks(b);
    while (*b->p != closer) {
        char *name = NULL;
        if (type == cJSON_Object) {
            skip_blanks(b);
            b->p++; /* the quote */
            name = take_string(b);
            skip_blanks(b);
            b->p++; /* the colon */
        }
        cJSON *item = take_value(b);
        item->string = name;
        item->prev = last;
        *(last ? &last->next : &node->child) = item;
        last = item;
        skip_blanks(b);
        if (*b->p == ',')
            b->p++;
    }
    b->p++;
    if (last)
        node->child->prev = last; /* as cJSON has it */
}

static void take_literal(struct builder *b, cJSON *node, int type, size_t n)
{
    node->type = type;
    node->valueint = type == cJSON_True;
    b->p += n;
}

static cJSON *take_value(struct builder *b)
{
    cJSON *node = b->nodes++;
    *node = (cJSON){0};
    skip_blanks(b);
    switch (*b->p) {
    case '"':
        b->p++;
        node->type = cJSON_String;
        node->valuestring = take_string(b);
        break;
    case '{':
        b->p++;
        take_container(b, node, cJSON_Object);
        break;
    case '[':
        b->p++;
        take_container(b, node, cJSON_Array);
        break;
    case 't':
        take_literal(b, node, cJSON_True, 4);
        break;
    case 'f':
        take_literal(b, node, cJSON_False, 5);
        break;
    case 'n':
        take_literal(b, node, cJSON_NULL, 4);
        break;
    default:
        take_number(b, node);
    }
    return node;
}

bool json_doc_parse(struct str text, struct json_doc *ret, struct error *err)
{
    struct json_counts counts;
    if (!json_scan(text, &counts, err))
        return false;
    cJSON *nodes = xmalloc(counts.values * sizeof *nodes + text.n + 1);
    struct builder b = {
        .p = text.p, .end = text.p + text.n, .nodes = nodes, .texts = (char *)(nodes + counts.values)};
    const cJSON *root = take_value(&b);
    assert(b.nodes == nodes + counts.values);
    if (b.bad) {
        free(nodes);
        return error_set(err, ERROR_INPUT, "not valid JSON: a value that cannot be represented at byte %td",
                         b.bad - text.p);
    }
    *ret = (struct json_doc){root, nodes};
    return true;
}

void json_doc_done(struct json_doc *d)
{
    free(d->memory);
    *d = (struct json_doc){0};
}
