#include "event_ids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"

static void encode(uint64_t id, char out[EVENT_ID_TEXT])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (unsigned i = 0; i < EVENT_ID_TEXT - 1; i++)
        out[i] = digits[id >> (58 - 6 * i) & 63];
    out[EVENT_ID_TEXT - 1] = digits[id << 2 & 63];
}

bool event_ids_has(const struct event_ids *ids, uint64_t id)
{
    char wanted[EVENT_ID_TEXT];
    uint64_t begin, other;
    encode(id, wanted);
    memcpy(&begin, wanted, sizeof begin);
    for (const char *at = ids->text, *end = at + ids->n * EVENT_ID_TEXT; at < end; at += EVENT_ID_TEXT) {
        memcpy(&other, at, sizeof other);
        if (other == begin && memcmp(at, wanted, EVENT_ID_TEXT) == 0)
            return true;
    }
    return false;
}

void event_ids_add(struct event_ids *ids, uint64_t id)
{
    if (ids->n == EVENT_IDS_MAX)
        memmove(ids->text, ids->text + EVENT_ID_TEXT, --ids->n * EVENT_ID_TEXT);
    else
        ids->text = xreallocarray(ids->text, ids->n + 1, EVENT_ID_TEXT);
    encode(id, ids->text + ids->n++ * EVENT_ID_TEXT);
}

void event_ids_done(struct event_ids *ids)
{
    free(ids->text);
    *ids = (struct event_ids){0};
}

void event_ids_put(struct json_out *w, const char *name, const struct event_ids *ids)
{
    char quoted[EVENT_IDS_MAX * EVENT_ID_TEXT + 2];
    size_t n = ids->n * EVENT_ID_TEXT;
    assert(ids->n <= EVENT_IDS_MAX);
    quoted[0] = '"';
    if (n > 0)
        memcpy(quoted + 1, ids->text, n);
    quoted[n + 1] = '"';
    json_put_raw(w, name, (struct str){quoted, n + 2});
}

static bool is_id(const char *text)
{
    char bytes[sizeof(uint64_t) + 1]; /* and the NUL */
    struct buf out = {.p = bytes, .size = sizeof bytes, .max = sizeof bytes - 1};
    return !memchr(text, '+', EVENT_ID_TEXT) && !memchr(text, '/', EVENT_ID_TEXT) &&
           base64_decode((struct str){text, EVENT_ID_TEXT}, &out) && out.n == sizeof(uint64_t);
}

static bool read_text(struct str text, struct event_ids *ids)
{
    ids->n = text.n / EVENT_ID_TEXT;
    if (text.n % EVENT_ID_TEXT != 0 || ids->n > EVENT_IDS_MAX)
        return false;
    for (size_t i = 0; i < ids->n; i++)
        if (!is_id(text.p + i * EVENT_ID_TEXT))
            return false;
    ids->text = xmemdup(text.p, text.n);
    return true;
}

static bool read_array(const cJSON *list, struct event_ids *ids)
{
    const cJSON *item;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) > EVENT_IDS_MAX)
        return false;
    cJSON_ArrayForEach(item, list)
    {
        uint64_t id = 0;
        unsigned char bytes[sizeof id];
        const char *hash = cJSON_GetStringValue(item);
        if (!hash || !hex_decode(str_of(hash), bytes, sizeof bytes))
            return false;
        for (size_t i = 0; i < sizeof bytes; i++)
            id = id << 8 | bytes[i];
        event_ids_add(ids, id);
    }
    return true;
}

bool event_ids_read(const cJSON *value, struct event_ids *ret)
{
    struct event_ids ids = {0};
    const char *text = cJSON_GetStringValue(value);
    bool ok = text ? read_text(str_of(text), &ids) : read_array(value, &ids);
    if (ok)
        *ret = ids;
    else
        event_ids_done(&ids);
    return ok;
}
