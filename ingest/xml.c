#include "xml.h"

#include <limits.h>
#include <stdlib.h>

#include <expat.h>

#include "json.h"
#include "mem.h"

/* More elements than a request with the most events needs; each costs some 100 bytes. */
enum { NODES_MAX = 200 * 1000, NAMES_MAX = 1000 /* of the children of one element: each is looked for */ };

struct element {
    cJSON *object; /* children and attributes */
    struct buf text;
    size_t names; /* of different children and attributes */
};

struct builder {
    XML_Parser parser;
    struct element stack[JSON_DEPTH_MAX];
    size_t depth;
    size_t nodes;
    size_t text_max;
    cJSON *root;
    const char *why; /* set when it is refused */
};

static void refuse(struct builder *b, const char *why)
{
    if (!b->why)
        b->why = why;
    XML_StopParser(b->parser, XML_FALSE);
}

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');
    return colon ? colon + 1 : name;
}

/* A second child of the same name makes an array of both. Takes item. */
static void add_child(struct builder *b, cJSON *object, size_t *names, const char *name, cJSON *item)
{
    cJSON *there = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!there) {
        cJSON_AddItemToObject(object, name, item);
        if (++*names > NAMES_MAX)
            refuse(b, "more kinds of elements than allowed");
        return;
    }
    if (!cJSON_IsArray(there)) {
        cJSON *array = cJSON_CreateArray();
        cJSON *first = cJSON_DetachItemViaPointer(object, there);
        cJSON_AddItemToArray(array, first);
        cJSON_AddItemToObject(object, name, array);
        there = array;
    }
    cJSON_AddItemToArray(there, item);
}

/* Namespaces and what XML Schema says of the form (xsi:type, xsi:nil) are no content. */
static void XMLCALL on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    struct builder *b = ctx;
    char key[256];
    (void)name;
    if (b->depth == JSON_DEPTH_MAX - 1) {
        refuse(b, "deeper nesting than allowed");
        return;
    }
    struct element *e = &b->stack[b->depth++];
    e->object = cJSON_CreateObject();
    e->names = 0;
    buf_init(&e->text, b->text_max);
    b->nodes++;
    for (; *attributes && e->names <= NAMES_MAX; attributes += 2, e->names++) {
        if (strncmp(attributes[0], "xmlns", 5) == 0 || strncmp(attributes[0], "xsi:", 4) == 0 ||
            strlen(attributes[0]) > sizeof key - 2)
            continue;
        key[0] = '@';
        memcpy(key + 1, local_name(attributes[0]), strlen(local_name(attributes[0])) + 1);
        if (!cJSON_GetObjectItemCaseSensitive(e->object, key))
            cJSON_AddStringToObject(e->object, key, attributes[1]);
    }
    b->nodes += e->names;
    if (b->nodes > NODES_MAX || e->names > NAMES_MAX)
        refuse(b, "more elements than allowed");
}

static bool blank(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(" \t\r\n", s.p[i]))
            return false;
    return true;
}

static void XMLCALL on_end(void *ctx, const XML_Char *name)
{
    struct builder *b = ctx;
    struct element *e = &b->stack[--b->depth];
    cJSON *item = e->object;
    if (!e->object->child) {
        item = cJSON_CreateString(e->text.n > 0 ? e->text.p : "");
        cJSON_Delete(e->object);
    } else if (!blank(buf_str(&e->text))) {
        cJSON_AddStringToObject(item, "#text", e->text.p);
    }
    buf_done(&e->text);
    struct element *parent = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;
    size_t none = 0;
    add_child(b, parent ? parent->object : b->root, parent ? &parent->names : &none, local_name(name), item);
}

static void XMLCALL on_text(void *ctx, const XML_Char *text, int n)
{
    struct builder *b = ctx;
    if (b->depth > 0)
        buf_add(&b->stack[b->depth - 1].text, text, (size_t)n);
}

/* Entities, which can blow a document up or reach outside, are declared there and nowhere else. */
static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public, int internal)
{
    (void)name, (void)system_id, (void)public, (void)internal;
    refuse(ctx, "a document type");
}

static void builder_done(struct builder *b)
{
    for (; b->depth > 0; b->depth--) {
        cJSON_Delete(b->stack[b->depth - 1].object);
        buf_done(&b->stack[b->depth - 1].text);
    }
    XML_ParserFree(b->parser);
}

bool xml_parse(struct str text, cJSON **ret, struct error *err)
{
    struct builder b = {
        .parser = XML_ParserCreate(NULL), .text_max = text.n * 4 + 1, .root = cJSON_CreateObject()};
    if (!b.parser || text.n > INT_MAX) {
        cJSON_Delete(b.root);
        XML_ParserFree(b.parser);
        return error_set(err, ERROR_INPUT, "not XML that can be read");
    }
    XML_SetUserData(b.parser, &b);
    XML_SetElementHandler(b.parser, on_start, on_end);
    XML_SetCharacterDataHandler(b.parser, on_text);
    XML_SetStartDoctypeDeclHandler(b.parser, on_doctype);
    bool ok = XML_Parse(b.parser, text.n > 0 ? text.p : "", (int)text.n, 1) == XML_STATUS_OK && !b.why;
    if (ok) {
        *ret = b.root;
    } else {
        error_set(err, ERROR_INPUT, "not valid XML: %s at line %lu",
                  b.why ? b.why : XML_ErrorString(XML_GetErrorCode(b.parser)),
                  (unsigned long)XML_GetCurrentLineNumber(b.parser));
        cJSON_Delete(b.root);
    }
    builder_done(&b);
    return ok;
}
