#include "body.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "mem.h"
#include "utf8.h"
#include "xml.h"

enum { FORM_FIELDS_MAX = 10 * 1000, FORM_KEYS_MAX = 8, FORM_KEY_MAX = 128 };

static const struct {
    const char *type;
    enum source_format format;
} types[] = {
    {"application/x-www-form-urlencoded", SOURCE_FORM},
    {"application/xml", SOURCE_XML},
    {"text/xml", SOURCE_XML},
    {"application/x-ndjson", SOURCE_LINES},
    {"application/ndjson", SOURCE_LINES},
    {"application/jsonl", SOURCE_LINES},
    {"application/x-json-stream", SOURCE_LINES},
};

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

enum source_format body_format(const struct source *src, const struct message *m)
{
    char type[SOURCE_TEXT_MAX];
    if (src->format != SOURCE_AUTO)
        return src->format;
    message_media_type(m, type, sizeof type);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].format;
    return ends_with(type, "+xml") ? SOURCE_XML : SOURCE_JSON;
}

/* ---- lines --------------------------------------------------------------------------------------------- */

/* Cuts the next line off the text, without its end. */
static struct str next_line(struct str *text)
{
    const char *end = memchr(text->p, '\n', text->n);
    struct str line = {text->p, end ? (size_t)(end - text->p) : text->n};
    size_t cut = line.n + (end ? 1 : 0);
    *text = (struct str){text->p + cut, text->n - cut};
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static bool parse_lines(struct str text, cJSON **ret, struct body_bad *ret_bad, struct error *err)
{
    cJSON *list = cJSON_CreateArray(), *item;
    struct body_bad bad = {0};
    for (unsigned number = 1; text.n > 0; number++) {
        struct error why = {0};
        struct str line = next_line(&text);
        if (line.n == 0)
            continue;
        if (json_parse(line, &item, &why))
            cJSON_AddItemToArray(list, item);
        else if (bad.n++ == 0 && !error_wrap(&why, "line %u", number))
            bad.first = why;
    }
    if (bad.n > 0 && (!ret_bad || cJSON_GetArraySize(list) == 0)) {
        cJSON_Delete(list);
        *err = bad.first;
        return false;
    }
    if (ret_bad)
        *ret_bad = bad;
    *ret = list;
    return true;
}

/* What is one JSON document is read as one, also over several lines. */
static bool parse_json_or_lines(struct str text, cJSON **ret, struct body_bad *bad, struct error *err)
{
    return json_parse(text, ret, err) ||
           (memchr(text.p ? text.p : "", '\n', text.n) && parse_lines(text, ret, bad, err));
}

/* ---- forms --------------------------------------------------------------------------------------------- */

/* "data[ids][0]" as its keys; false when it is not written so. */
static bool split_name(const char *name, char keys[FORM_KEYS_MAX][FORM_KEY_MAX], size_t *ret_n)
{
    size_t n = strcspn(name, "[");
    if (n == 0 || n >= FORM_KEY_MAX)
        return false;
    memcpy(keys[0], name, n);
    keys[0][n] = '\0';
    *ret_n = 1;
    for (name += n; *name == '['; name += n + 2) {
        n = strcspn(name + 1, "]");
        if (name[1 + n] != ']' || n >= FORM_KEY_MAX || *ret_n == FORM_KEYS_MAX)
            return false;
        memcpy(keys[*ret_n], name + 1, n);
        keys[(*ret_n)++][n] = '\0';
    }
    return *name == '\0';
}

/* Keys "0", "1", … in order, or nothing between the brackets, make an array of what was an object. */
static void make_arrays(cJSON *node)
{
    char number[16];
    int at = 0;
    bool array = cJSON_IsObject(node) && node->child;
    for (cJSON *child = node->child; child; child = child->next) {
        snprintf(number, sizeof number, "%d", at++);
        array = array && strcmp(child->string, number) == 0;
        make_arrays(child);
    }
    if (!array)
        return;
    node->type = cJSON_Array;
    for (cJSON *child = node->child; child; child = child->next) {
        cJSON_free(child->string);
        child->string = NULL;
    }
}

/* Sets root[keys…] = value; the first of two fields with one name counts, as of two members in JSON. False: the name is
 * that of a text and of a list. */
static bool set_field(cJSON *root, char keys[FORM_KEYS_MAX][FORM_KEY_MAX], size_t n, const char *value)
{
    cJSON *at = root;
    for (size_t i = 0; i < n; i++) {
        if (!keys[i][0])
            snprintf(keys[i], FORM_KEY_MAX, "%d", cJSON_GetArraySize(at));
        cJSON *child = cJSON_GetObjectItemCaseSensitive(at, keys[i]);
        if (!child && i + 1 == n)
            return cJSON_AddStringToObject(at, keys[i], value) != NULL;
        if (!child)
            child = cJSON_AddObjectToObject(at, keys[i]);
        if (!cJSON_IsObject(child))
            return i + 1 == n;
        at = child;
    }
    return true;
}

static bool text_ok(const struct buf *b)
{
    return utf8_ok(buf_str(b)) && (b->n == 0 || !memchr(b->p, '\0', b->n));
}

static bool add_field(cJSON *root, struct str field, struct error *err)
{
    const char *equals = memchr(field.p, '=', field.n);
    size_t n = equals ? (size_t)(equals - field.p) : field.n;
    char keys[FORM_KEYS_MAX][FORM_KEY_MAX];
    size_t n_keys;
    struct buf name, value;
    buf_init(&name, FORM_KEYS_MAX * FORM_KEY_MAX);
    buf_init(&value, field.n);
    bool ok = message_unescape((struct str){field.p, n}, &name) && text_ok(&name) && name.n > 0 &&
              split_name(name.p, keys, &n_keys) &&
              (!equals || message_unescape((struct str){equals + 1, field.n - n - 1}, &value)) &&
              text_ok(&value) && set_field(root, keys, n_keys, value.n > 0 ? value.p : "");
    buf_done(&name);
    buf_done(&value);
    return ok || error_set(err, ERROR_INPUT, "not a valid form: a field cannot be read");
}

static bool parse_form(struct str text, cJSON **ret, struct error *err)
{
    cJSON *root = cJSON_CreateObject();
    for (unsigned count = 0; text.n > 0; count++) {
        const char *end = memchr(text.p, '&', text.n);
        struct str field = {text.p, end ? (size_t)(end - text.p) : text.n};
        size_t cut = field.n + (end ? 1 : 0);
        text = (struct str){text.p + cut, text.n - cut};
        bool ok =
            count < FORM_FIELDS_MAX || error_set(err, ERROR_INPUT, "more than %d fields", FORM_FIELDS_MAX);
        if (!ok || (field.n > 0 && !add_field(root, field, err))) {
            cJSON_Delete(root);
            return false;
        }
    }
    for (cJSON *child = root->child; child; child = child->next)
        make_arrays(child);
    *ret = root;
    return true;
}

/* ---- all ----------------------------------------------------------------------------------------------- */

bool body_parse(enum source_format format, struct str body, cJSON **ret, struct body_bad *bad,
                struct error *err)
{
    switch (format) {
    case SOURCE_LINES:
        return parse_json_or_lines(body, ret, bad, err);
    case SOURCE_FORM:
        return parse_form(body, ret, err);
    case SOURCE_XML:
        return xml_parse(body, ret, err);
    case SOURCE_AUTO:
    case SOURCE_JSON:
        break;
    }
    return json_parse(body, ret, err);
}
