#include "stamps.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"

/* ---- hashes -------------------------------------------------------------------------------------------- */

enum { QUOTED_HASH = 18 }; /* 16 digits between quotes */

/* Eight hex digits at a time: a nibble to each byte, then all to digits at once. */
static void put_digits(uint32_t half, char *out)
{
    uint64_t v = __builtin_bswap32(half);
    v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
    v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v >> 4 & UINT64_C(0x000f000f000f000f)) | (v & UINT64_C(0x000f000f000f000f)) << 8;
    uint64_t letters = (v + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    v += UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
    v = htole64(v);
    memcpy(out, &v, sizeof v);
}

static void quote_hash(uint64_t hash, char out[QUOTED_HASH])
{
    out[0] = out[QUOTED_HASH - 1] = '"';
    put_digits((uint32_t)(hash >> 32), out + 1);
    put_digits((uint32_t)hash, out + 9);
}

void hash_put(struct json_out *w, const char *name, uint64_t hash)
{
    char quoted[QUOTED_HASH];
    quote_hash(hash, quoted);
    json_put_raw(w, name, (struct str){quoted, sizeof quoted});
}

bool hash_read(const char *hex, uint64_t *ret)
{
    unsigned char bytes[8];
    if (!hex || !hex_decode(str_of(hex), bytes, sizeof bytes))
        return false;
    *ret = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        *ret = *ret << 8 | bytes[i];
    return true;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

void stamps_init(struct stamps *s, size_t max)
{
    size_t n = 16; /* at least twice max: at most half of the places are taken */
    while (n < 2 * max)
        n *= 2;
    *s = (struct stamps){
        .v = xcalloc(max, sizeof *s->v), .places = xcalloc(n, sizeof *s->places), .mask = n - 1};
}

size_t stamps_place(struct stamps *s, struct stamp stamp)
{
    size_t at = (size_t)(stamp.event ^ (uint64_t)stamp.at_ms);
    for (;; at++) {
        uint32_t *place = &s->places[at & s->mask];
        if (!*place) {
            s->v[s->n++] = stamp;
            *place = (uint32_t)s->n;
        } else if (s->v[*place - 1].event != stamp.event || s->v[*place - 1].at_ms != stamp.at_ms) {
            continue;
        }
        return *place - 1;
    }
}

void stamps_write(const struct stamps *s, struct json_out *w, const char *name)
{
    if (s->n == 0)
        return;
    json_open(w, name, '[');
    for (size_t i = 0; i < s->n; i++) {
        json_open(w, NULL, '[');
        json_put_int(w, NULL, s->v[i].at_ms);
        hash_put(w, NULL, s->v[i].event);
        json_close(w);
    }
    json_close(w);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool read_one(const cJSON *pair, struct stamp *ret)
{
    const cJSON *at = cJSON_GetArrayItem(pair, 0), *event = at ? at->next : NULL;
    return json_to_int64(at, &ret->at_ms) && hash_read(cJSON_GetStringValue(event), &ret->event);
}

bool stamps_read(struct stamps *s, const cJSON *list)
{
    const cJSON *item;
    *s = (struct stamps){.v = xcalloc((size_t)cJSON_GetArraySize(list), sizeof *s->v)};
    cJSON_ArrayForEach(item, list)
    {
        if (!read_one(item, &s->v[s->n]))
            return false;
        s->n++;
    }
    return true;
}

bool stamps_at(const struct stamps *s, const cJSON *place, struct stamp *ret)
{
    int64_t at;
    if (!json_to_int64(place, &at) || at < 0 || (uint64_t)at >= s->n)
        return false;
    *ret = s->v[at];
    return true;
}

void stamps_done(struct stamps *s)
{
    free(s->v);
    free(s->places);
    *s = (struct stamps){0};
}
