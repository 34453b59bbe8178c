#include "guard.h"

#include <string.h>

#include "json.h"
#include "record.h"

static const char *const names[GUARDED] = {
    [GUARD_DEACTIVATION] = "deactivation", [GUARD_DELETION] = "deletion", [GUARD_CREATION] = "creation",
    [GUARD_UPGRADE] = "upgrade",           [GUARD_REMOVAL] = "removal",
};

const char *guard_name(enum guarded what)
{
    return names[what];
}

/* ---- counting ------------------------------------------------------------------------------------------ */

static uint64_t divided(uint64_t n, unsigned share)
{
    return share > 1 ? (n + share - 1) / share : n;
}

uint32_t guard_allowance(const struct engine_guard *cfg, enum guarded what, unsigned share, uint64_t active)
{
    const struct engine_guard_limit *limit = &cfg->limits[what];
    uint64_t most = UINT32_MAX;
    if (limit->count > 0)
        most = divided(limit->count, share);
    if (limit->percent > 0 && active * limit->percent / 100 < most)
        most = active * limit->percent / 100;
    uint64_t floor = divided(limit->floor, share);
    return (uint32_t)(most > floor ? most : floor);
}

static int64_t part_ms(const struct engine_guard *cfg)
{
    return cfg->window_ms >= GUARD_WINDOW_PARTS ? cfg->window_ms / GUARD_WINDOW_PARTS : 1;
}

uint32_t guard_done(const struct guard *g, const struct engine_guard *cfg, enum guarded what, int64_t now_ms)
{
    uint32_t n = 0;
    for (int i = 0; i < GUARD_PARTS; i++)
        if (g->parts[i].begin_ms > 0 && g->parts[i].begin_ms + part_ms(cfg) > now_ms - cfg->window_ms &&
            g->parts[i].begin_ms <= now_ms + cfg->window_ms) /* or a clock was far ahead once */
            n += g->parts[i].n[what];
    return n;
}

/* A clock that is behind its predecessor's counts into the newest part there is. */
void guard_count(struct guard *g, const struct engine_guard *cfg, enum guarded what, int64_t now_ms)
{
    int64_t begin_ms = now_ms - now_ms % part_ms(cfg);
    if (begin_ms > g->parts[0].begin_ms) {
        memmove(&g->parts[1], &g->parts[0], (GUARD_PARTS - 1) * sizeof g->parts[0]);
        g->parts[0] = (struct guard_part){.begin_ms = begin_ms};
    }
    g->parts[0].n[what]++;
}

/* ---- the record ---------------------------------------------------------------------------------------- */

void guard_record_write(const struct guard *g, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_int(&w, "version", RECORD_VERSION);
    json_open(&w, "parts", '[');
    for (int i = 0; i < GUARD_PARTS && g->parts[i].begin_ms > 0; i++) {
        json_open(&w, NULL, '{');
        json_put_int(&w, "from", g->parts[i].begin_ms);
        for (enum guarded what = 0; what < GUARDED; what++)
            if (g->parts[i].n[what] > 0)
                json_put_int(&w, names[what], g->parts[i].n[what]);
        json_close(&w);
    }
    json_close(&w);
    json_close(&w);
}

static bool read_part(const cJSON *item, struct guard_part *ret)
{
    for (enum guarded what = 0; what < GUARDED; what++) {
        int64_t n = 0;
        json_int64(item, names[what], &n);
        if (n < 0 || n > UINT32_MAX)
            return false;
        ret->n[what] = (uint32_t)n;
    }
    return json_int64(item, "from", &ret->begin_ms) && ret->begin_ms > 0;
}

static bool read_guard(const cJSON *root, struct guard *g)
{
    int64_t version = 0;
    int n = 0;
    const cJSON *item;
    if (!json_int64(root, "version", &version) || version < 1 || version > RECORD_VERSION)
        return false;
    cJSON_ArrayForEach(item, json_get(root, "parts"))
    {
        if (n == GUARD_PARTS || !read_part(item, &g->parts[n++]))
            return false;
    }
    return true;
}

bool guard_record_read(struct str value, struct guard *ret, struct error *err)
{
    cJSON *root = NULL;
    struct guard g = {0};
    bool ok = json_parse(value, &root, err) && read_guard(root, &g);
    cJSON_Delete(root);
    if (!ok)
        return error_set(err, ERROR_PERMANENT, "a guard's record is malformed or of a newer version");
    *ret = g;
    return true;
}
