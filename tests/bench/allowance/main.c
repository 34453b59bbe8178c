/* bench-allowance: how much of Miro's allowance a backlog gets in ten minutes of virtual time, and how many 429.
 * One JSON line for each scenario. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "json.h"
#include "mem.h"
#include "pool.h"

enum { RUN_MS = 600 * 1000, LINE_MAX_BYTES = 4096, SEED = 20260105 };

/* The calls of one of Miro's classes, or of two that we count as one (users.read). */
struct meter {
    const char *name;
    enum miro_class classes[2];
    size_t n;
};

static const struct meter reads = {"users.read", {MIRO_USERS_LIST, MIRO_USER_GET}, 2},
                          updates = {"users.update", {MIRO_USER_PATCH}, 1};

static const struct scenario {
    const char *name;
    const struct meter *bottleneck;
    struct pool_settings pool;
} scenarios[] = {
    {"movers, one bucket", &updates, {BACKLOG_MOVERS, 4000, 1, 1, 0, MIRO_WINDOW_FIXED, SEED}},
    {"movers, one bucket, sliding window",
     &updates,
     {BACKLOG_MOVERS, 4000, 1, 1, 0, MIRO_WINDOW_SLIDING, SEED}},
    {"joiners, one bucket", &reads, {BACKLOG_JOINERS, 4000, 1, 1, 0, MIRO_WINDOW_FIXED, SEED}},
    {"leavers, one bucket", &updates, {BACKLOG_LEAVERS, 4000, 1, 1, 0, MIRO_WINDOW_FIXED, SEED}},
    {"movers, 8 buckets on one worker, even",
     &updates,
     {BACKLOG_MOVERS, 4000, 8, 1, 0, MIRO_WINDOW_FIXED, SEED}},
    {"movers, 8 buckets on 4 workers, even",
     &updates,
     {BACKLOG_MOVERS, 4000, 8, 4, 0, MIRO_WINDOW_FIXED, SEED}},
    {"movers, 8 buckets on 4 workers, 9 of 10 in one",
     &updates,
     {BACKLOG_MOVERS, 4000, 8, 4, 900, MIRO_WINDOW_FIXED, SEED}},
};

static void measure(const struct scenario *s)
{
    struct pool *p = pool_new(&s->pool);
    pool_run(p, RUN_MS);
    const struct miro *miro = pool_miro(p);
    int64_t calls = 0, allowance = 0;
    for (size_t i = 0; i < s->bottleneck->n; i++) {
        struct miro_limit limit = miro_limit_get(miro, s->bottleneck->classes[i]);
        calls += (int64_t)limit.arrivals;
        allowance = limit.limit * (RUN_MS / limit.window_ms); /* ours is one for both */
    }
    struct buf out;
    struct json_out w;
    buf_init(&out, LINE_MAX_BYTES);
    json_out_init(&w, &out);
    json_open(&w, NULL, '{');
    json_put_string(&w, "name", s->name);
    json_put_string(&w, "class", s->bottleneck->name);
    json_put_int(&w, "calls", calls);
    json_put_int(&w, "allowance", allowance);
    json_put_int(&w, "over", (int64_t)miro_over_limit(miro));
    json_close(&w);
    printf("%s\n", out.p);
    buf_done(&out);
    pool_free(p);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++)
        measure(&scenarios[i]);
    return EX_OK;
}
