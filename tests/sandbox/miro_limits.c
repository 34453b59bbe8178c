#include "miro_limits.h"

#include <stdlib.h>

#include "mem.h"

enum { TIMES_FIRST = 64 };

/* Miro's two tables, requests per 30 s. Group writes are in neither: level 2 is assumed. */
static const struct row {
    const char *name;
    int level, help_level;
} rows[MIRO_CLASSES] = {
    [MIRO_USERS_LIST] = {"GET /Users", 1, 1},
    [MIRO_USER_GET] = {"GET /Users/{id}", 1, 1},
    [MIRO_USER_CREATE] = {"POST /Users", 1, 3},
    [MIRO_USER_PUT] = {"PUT /Users/{id}", 2, 3},
    [MIRO_USER_PATCH] = {"PATCH /Users/{id}", 2, 3},
    [MIRO_USER_DELETE] = {"DELETE /Users/{id}", 3, 3},
    [MIRO_GROUPS_LIST] = {"GET /Groups", 4, 4},
    [MIRO_GROUP_GET] = {"GET /Groups/{id}", 3, 4},
    [MIRO_GROUP_PATCH_SMALL] = {"PATCH /Groups/{id} < 500 bytes", 2, 4},
    [MIRO_GROUP_PATCH_LARGE] = {"PATCH /Groups/{id} >= 500 bytes", 4, 4},
    [MIRO_GROUP_WRITE] = {"POST, PUT, DELETE /Groups", 2, 4},
    [MIRO_DISCOVERY] = {"discovery", 0, 0},
};

static const int64_t level_limit[] = {0, 200, 100, 20, 5};

const char *miro_class_name(enum miro_class class)
{
    return rows[class].name;
}

/* ---- rings of instants --------------------------------------------------------------------------------- */

static int64_t *times_at(struct times *t, size_t i)
{
    return &t->v[(t->head + i) & (t->size - 1)];
}

static void times_push(struct times *t, int64_t at_ms)
{
    if (t->n == t->size) {
        size_t size = t->size ? t->size * 2 : TIMES_FIRST;
        int64_t *v = xcalloc(size, sizeof *v);
        for (size_t i = 0; i < t->n; i++)
            v[i] = *times_at(t, i);
        free(t->v);
        *t = (struct times){.v = v, .n = t->n, .size = size};
    }
    t->n++;
    *times_at(t, t->n - 1) = at_ms;
}

/* Drops what happened at or before `until_ms`. */
static void times_drop(struct times *t, int64_t until_ms)
{
    while (t->n > 0 && *times_at(t, 0) <= until_ms) {
        t->head = (t->head + 1) & (t->size - 1);
        t->n--;
    }
}

static void times_done(struct times *t)
{
    free(t->v);
    *t = (struct times){0};
}

/* ---- meters -------------------------------------------------------------------------------------------- */

void limits_init(struct limits *l, const struct miro_config *cfg)
{
    *l = (struct limits){.window = cfg->window, .window_ms = cfg->window_ms > 0 ? cfg->window_ms : 1};
    for (int level = 1; level < 5; level++)
        l->by_level[level].stat = (struct miro_limit){
            .name = "level", .level = level, .limit = level_limit[level], .window_ms = l->window_ms};
    for (int i = 0; i < MIRO_CLASSES; i++) {
        int level = cfg->rates == MIRO_RATES_HELP ? rows[i].help_level : rows[i].level;
        struct meter *mt = &l->by_class[i];
        mt->stat = (struct miro_limit){
            .name = rows[i].name, .level = level, .limit = level_limit[level], .window_ms = l->window_ms};
        mt->shared = cfg->share_levels && level ? &l->by_level[level] : mt;
    }
}

static void meter_clear(struct meter *mt)
{
    times_done(&mt->arrived);
    times_done(&mt->accepted);
    mt->stat.arrivals = mt->stat.over = 0;
    mt->stat.max_sliding = mt->stat.max_fixed = 0;
    mt->fixed_start_ms = mt->fixed_arrived = mt->fixed_accepted = 0;
}

void limits_clear(struct limits *l)
{
    for (int i = 0; i < MIRO_CLASSES; i++)
        meter_clear(&l->by_class[i]);
    for (int i = 0; i < 5; i++)
        meter_clear(&l->by_level[i]);
}

void limits_done(struct limits *l)
{
    limits_clear(l);
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Counts the arrival in both kinds of window. */
static void meter_count(struct meter *mt, int64_t now_ms)
{
    struct miro_limit *s = &mt->stat;
    s->arrivals++;
    times_drop(&mt->arrived, now_ms - s->window_ms);
    times_drop(&mt->accepted, now_ms - s->window_ms);
    times_push(&mt->arrived, now_ms);
    s->max_sliding = max64(s->max_sliding, (int64_t)mt->arrived.n);
    int64_t start = now_ms - now_ms % s->window_ms;
    if (start != mt->fixed_start_ms) {
        mt->fixed_start_ms = start;
        mt->fixed_arrived = mt->fixed_accepted = 0;
    }
    mt->fixed_arrived++;
    s->max_fixed = max64(s->max_fixed, mt->fixed_arrived);
}

static struct limits_verdict decide(struct meter *mt, enum miro_window window, int64_t now_ms)
{
    int64_t used = window == MIRO_WINDOW_FIXED ? mt->fixed_accepted : (int64_t)mt->accepted.n;
    struct limits_verdict v = {.limit = mt->stat.limit, .over = used >= mt->stat.limit};
    if (!v.over) {
        times_push(&mt->accepted, now_ms);
        mt->fixed_accepted++;
        used++;
    }
    v.remaining = mt->stat.limit - used;
    int64_t first = window == MIRO_WINDOW_FIXED ? mt->fixed_start_ms : *times_at(&mt->accepted, 0);
    v.free_at_ms = first + mt->stat.window_ms;
    return v;
}

struct limits_verdict limits_arrive(struct limits *l, enum miro_class class, int64_t now_ms)
{
    struct meter *mt = &l->by_class[class];
    meter_count(mt, now_ms);
    if (mt->stat.limit == 0)
        return (struct limits_verdict){0};
    if (mt->shared != mt)
        meter_count(mt->shared, now_ms);
    struct limits_verdict v = decide(mt->shared, l->window, now_ms);
    mt->stat.over += v.over;
    return v;
}
