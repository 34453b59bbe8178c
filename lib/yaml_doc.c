#include "yaml_doc.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "mem.h"

enum { DIGITS_MAX = 15 }; /* a double holds them exactly */

struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one that is looked at */
    bool has_event;
    size_t depth, nodes;
    struct error *err;
};

static bool refuse(struct reader *r, const char *what)
{
    return error_set(r->err, ERROR_INPUT, "line %zu: %s", r->event.start_mark.line + 1, what);
}

static bool next(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event) != 0;
    return r->has_event || error_set(r->err, ERROR_INPUT, "line %zu: %s", r->parser.problem_mark.line + 1,
                                     r->parser.problem ? r->parser.problem : "not YAML");
}

/* ---- scalars ------------------------------------------------------------------------------------------- */

static bool is_integer(const char *s, size_t n)
{
    size_t sign = n > 0 && s[0] == '-';
    size_t digits = n - sign;
    if (digits == 0 || digits > DIGITS_MAX || strspn(s + sign, "0123456789") != digits)
        return false;
    return s[sign] != '0' || (digits == 1 && !sign);
}

static cJSON *plain(const char *s, size_t n)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL"};
    static const char *const truths[] = {"true", "True", "TRUE"}, *const lies[] = {"false", "False", "FALSE"};
    for (size_t i = 0; i < ARRAY_SIZE(nothing); i++)
        if (strcmp(s, nothing[i]) == 0)
            return cJSON_CreateNull();
    for (size_t i = 0; i < ARRAY_SIZE(truths); i++)
        if (strcmp(s, truths[i]) == 0 || strcmp(s, lies[i]) == 0)
            return cJSON_CreateBool(strcmp(s, truths[i]) == 0);
    return is_integer(s, n) ? cJSON_CreateNumber((double)strtoll(s, NULL, 10)) : cJSON_CreateString(s);
}

static bool read_scalar(struct reader *r, cJSON **ret)
{
    const char *s = (const char *)r->event.data.scalar.value;
    size_t n = r->event.data.scalar.length;
    if (strlen(s) != n)
        return refuse(r, "a NUL in a text");
    bool is_plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    *ret = is_plain ? plain(s, n) : cJSON_CreateString(s);
    return true;
}

/* ---- nodes --------------------------------------------------------------------------------------------- */

static bool read_node(struct reader *r, cJSON **ret);

static bool read_list(struct reader *r, cJSON *list)
{
    cJSON *item;
    while (next(r)) {
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return true;
        if (!read_node(r, &item))
            return false;
        cJSON_AddItemToArray(list, item);
    }
    return false;
}

static bool read_key(struct reader *r, const cJSON *object, char **ret)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return refuse(r, "a key that is no text");
    const char *key = (const char *)r->event.data.scalar.value;
    if (strlen(key) != r->event.data.scalar.length || strcmp(key, "<<") == 0)
        return refuse(r, "not a key");
    if (cJSON_GetObjectItemCaseSensitive(object, key))
        return error_set(r->err, ERROR_INPUT, "line %zu: the key \"%.64s\" is there twice",
                         r->event.start_mark.line + 1, key);
    *ret = xstrdup(key);
    return true;
}

static bool read_mapping(struct reader *r, cJSON *object)
{
    while (next(r)) {
        char *key = NULL;
        cJSON *item;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return true;
        if (!read_key(r, object, &key))
            return false;
        bool ok = next(r) && read_node(r, &item);
        if (ok)
            cJSON_AddItemToObject(object, key, item);
        free(key);
        if (!ok)
            return false;
    }
    return false;
}

/* A parser's event has at most one of these, depending on what it is. */
static bool is_marked(const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return e->data.scalar.anchor || e->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return e->data.sequence_start.anchor || e->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return e->data.mapping_start.anchor || e->data.mapping_start.tag;
    default:
        return true; /* an alias */
    }
}

/* The event that begins it is the present one. */
static bool read_node(struct reader *r, cJSON **ret)
{
    if (is_marked(&r->event))
        return refuse(r, "anchors, aliases and tags are not understood");
    if (++r->nodes > YAML_NODES_MAX)
        return refuse(r, "more entries than such a file may have");
    if (r->event.type == YAML_SCALAR_EVENT)
        return read_scalar(r, ret);
    if (r->depth >= YAML_DEPTH_MAX)
        return refuse(r, "nested too deeply");
    r->depth++;
    bool list = r->event.type == YAML_SEQUENCE_START_EVENT;
    cJSON *node = list ? cJSON_CreateArray() : cJSON_CreateObject();
    bool ok = list ? read_list(r, node) : read_mapping(r, node);
    r->depth--;
    if (ok)
        *ret = node;
    else
        cJSON_Delete(node);
    return ok;
}

static bool read_document(struct reader *r, cJSON **ret)
{
    if (!next(r) || !next(r)) /* the stream's start, and what follows */
        return false;
    if (r->event.type != YAML_DOCUMENT_START_EVENT)
        return error_set(r->err, ERROR_INPUT, "an empty file");
    cJSON *root;
    if (!next(r) || !read_node(r, &root))
        return false;
    if (next(r) && next(r) &&
        (r->event.type == YAML_STREAM_END_EVENT || refuse(r, "a second document in one file"))) {
        *ret = root;
        return true;
    }
    cJSON_Delete(root);
    return false;
}

bool yaml_doc_parse(struct str text, cJSON **ret, struct error *err)
{
    struct reader r = {.err = err};
    if (!yaml_parser_initialize(&r.parser))
        return error_set(err, ERROR_SYSTEM, "out of memory");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
    bool ok = read_document(&r, ret);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return ok;
}
