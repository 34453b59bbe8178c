#include "event_ids.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"
#include "person.h"

static void put_id(uint64_t id, char out[EVENT_ID_TEXT])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (unsigned i = 0; i < EVENT_ID_TEXT - 1; i++)
        out[i] = digits[id >> (58 - 6 * i) & 63];
    out[EVENT_ID_TEXT - 1] = digits[id << 2 & 63];
}

void event_ids_put(struct json_out *w, const char *name, const uint64_t *ids, size_t n)
{
    char text[PERSON_RECENT_MAX * EVENT_ID_TEXT + 2] = "\"", *at = text + 1;
    assert(n <= PERSON_RECENT_MAX);
    for (size_t i = 0; i < n; i++, at += EVENT_ID_TEXT)
        put_id(ids[i], at);
    *at++ = '"';
    json_put_raw(w, name, (struct str){text, (size_t)(at - text)});
}

static bool read_id(const char *text, uint64_t *ret)
{
    char bytes[sizeof *ret + 1]; /* and the NUL */
    struct buf out = {.p = bytes, .size = sizeof bytes, .max = sizeof *ret};
    if (!base64_decode((struct str){text, EVENT_ID_TEXT}, &out) || out.n != sizeof *ret)
        return false;
    *ret = 0;
    for (size_t i = 0; i < sizeof *ret; i++)
        *ret = *ret << 8 | (unsigned char)bytes[i];
    return true;
}

static bool read_text(struct str text, uint64_t *ids)
{
    for (size_t i = 0; i < text.n / EVENT_ID_TEXT; i++)
        if (!read_id(text.p + i * EVENT_ID_TEXT, &ids[i]))
            return false;
    return true;
}

static bool read_array(const cJSON *list, uint64_t *ids)
{
    const cJSON *item;
    unsigned char bytes[sizeof *ids];
    cJSON_ArrayForEach(item, list)
    {
        const char *hash = cJSON_GetStringValue(item);
        if (!hash || !hex_decode(str_of(hash), bytes, sizeof bytes))
            return false;
        *ids = 0;
        for (size_t i = 0; i < sizeof bytes; i++)
            *ids = *ids << 8 | bytes[i];
        ids++;
    }
    return true;
}

bool event_ids_read(const cJSON *value, uint64_t **ret_ids, size_t *ret_n)
{
    struct str text = str_of(cJSON_GetStringValue(value));
    size_t n = text.p ? text.n / EVENT_ID_TEXT : (size_t)cJSON_GetArraySize(value);
    if ((!text.p && !cJSON_IsArray(value)) || text.n % EVENT_ID_TEXT != 0 || n > PERSON_RECENT_MAX)
        return false;
    uint64_t *ids = xcalloc(n, sizeof *ids);
    if (!(text.p ? read_text(text, ids) : read_array(value, ids))) {
        free(ids);
        return false;
    }
    *ret_ids = ids;
    *ret_n = n;
    return true;
}
