/* target.c - a target as a whole: its buckets' budgets, how it is, and whose call is next. */
#include "engine_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"

/* ---- life ---------------------------------------------------------------------------------------------- */

static bool is_persons(enum step step)
{
    return step == STEP_LOOKUP || step == STEP_FETCH || step == STEP_TEAM ||
           (step_writes(step) && step < STEP_GROUP_MAKE);
}

/* Bucket 0 alone does that, and the others nothing that is counted with it. */
static bool is_of_bucket_0(const struct target *t, int class)
{
    bool any = false;
    for (enum step step = STEP_NONE; step < STEPS; step++) {
        if (t->class_of[step] != class)
            continue;
        if (is_persons(step))
            return false;
        any = true;
    }
    return any && t->profile->list_page;
}

/* The bucket's share: the profile's table, or what the configuration says instead. */
static void share_limits(const struct target *t, unsigned bucket, struct limit limits[LIMITS_MAX])
{
    memcpy(limits, t->profile->limits, LIMITS_MAX * sizeof *limits);
    for (size_t i = 0; i < t->cfg->n_limits; i++) {
        int class = profile_limit_index(t->profile, t->cfg->limits[i].class_name);
        assert(class >= 0); /* the configuration check refuses others */
        limits[class].count = t->cfg->limits[i].count;
        limits[class].window_ms = t->cfg->limits[i].window_ms;
    }
    for (int i = 0; i < LIMITS_MAX && limits[i].name; i++)
        if (!is_of_bucket_0(t, i))
            limits[i].count = budget_part(limits[i].count, bucket, t->n_lanes);
}

static void lane_init(struct lane *lane, const struct target *t, unsigned bucket)
{
    struct limit limits[LIMITS_MAX];
    share_limits(t, bucket, limits);
    budget_init(&lane->budget, limits, 0);
    lane->ward.partition = -1;
}

/* Where the tenant's bucket 0 lives. */
static int32_t home_of(const struct engine_target *cfg, int32_t partitions)
{
    char *key = xasprintf("%s/0", cfg->tenant);
    int32_t home = (int32_t)(digest_murmur2(key, strlen(key)) % (uint32_t)(partitions > 0 ? partitions : 1));
    free(key);
    return home;
}

void target_init(struct target *t, const struct engine_target *cfg, int32_t partitions)
{
    *t = (struct target){.cfg = cfg, .profile = profile_find(cfg->kind), .generation = cfg->generation};
    assert(t->profile); /* the configuration check refuses other kinds */
    for (enum step step = STEP_NONE; step < STEPS; step++)
        t->class_of[step] = (signed char)profile_step_class(t->profile, step);
    breaker_init(&t->breaker, cfg->breaker_pause_ms, cfg->breaker_pause_max_ms);
    inflight_init(&t->inflight, cfg->in_flight_max);
    t->home = home_of(cfg, partitions);
    t->n_lanes = cfg->spread > 1 ? cfg->spread : 1;
    t->lanes = xcalloc(t->n_lanes, sizeof *t->lanes);
    for (unsigned i = 0; i < t->n_lanes; i++)
        lane_init(&t->lanes[i], t, i);
    discovery_init(t);
}

void target_set_numbers(struct target *t, const struct engine_target *cfg, struct now now)
{
    struct limit limits[LIMITS_MAX];
    t->cfg = cfg;
    t->directory.version++; /* names are looked up anew */
    attach_leave(t, now);
    t->breaker.pause_min_ms = cfg->breaker_pause_ms;
    t->breaker.pause_max_ms = cfg->breaker_pause_max_ms;
    inflight_set_max(&t->inflight, cfg->in_flight_max);
    for (unsigned i = 0; i < t->n_lanes; i++) {
        share_limits(t, i, limits);
        budget_set_limits(&t->lanes[i].budget, limits, now.boot_ms);
    }
    if (t->waiting > 0)
        turns_call(&t->turn);
}

void target_done(struct target *t)
{
    for (unsigned i = 0; i < t->n_lanes; i++)
        budget_done(&t->lanes[i].budget);
    free(t->lanes);
    attrs_done(&t->listing.found);
    free(t->listing.failed);
    free(t->listing.cursor);
    groups_reset(t);
    attach_done(t);
    attrs_done(&t->wants);
    directory_done(&t->directory);
    discovery_done(t);
}

unsigned target_page(const struct target *t)
{
    unsigned most = t->can.page_max, page = t->profile->list_page;
    return most > 0 && most < page ? most : page;
}

size_t target_matches(const struct target *t, const char *const **ret)
{
    *ret = t->cfg->matches ? t->cfg->matches : &t->cfg->match;
    return t->cfg->matches ? t->cfg->n_matches : 1;
}

bool target_has_errand(const struct target *t)
{
    return t->listing.running || t->discovery.running || t->groups.step != STEP_NONE ||
           t->attach.step != STEP_NONE;
}

struct flight *target_flight(struct target *t, enum errand errand, enum step step, struct now now)
{
    struct flight *f = xcalloc(1, sizeof *f);
    *f = (struct flight){.target = t,
                         .lane = &t->lanes[0],
                         .partition = t->home,
                         .step = step,
                         .class = t->class_of[step],
                         .person = digest_hash64(t->cfg->name, strlen(t->cfg->name)) | 1,
                         .errand = errand,
                         .n_riders = 1,
                         .started = now};
    return f;
}

/* The newest owner of any of the lane's persons counts: a bucket published with keys of its own making may live in
 * several partitions. */
void lane_follow(struct lane *lane, const struct target *t, const struct partition *p)
{
    if (p->tenure <= lane->tenure)
        return;
    lane->tenure = p->tenure;
    budget_restart(&lane->budget, p->taken_ms, p->calls_on_way ? t->cfg->arrival_ms : 0);
}

/* Whether a call that was made for this partition may still arrive, as far as is known: one of ours, or of an owner
 * before, whose calls outlast an owner who has the partition for a moment. */
bool lanes_unseen(const struct engine *e, const struct partition *p, struct now now)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        const struct target *t = &e->targets[i];
        if (p->calls_on_way && now.boot_ms - p->taken_ms < t->cfg->arrival_ms)
            return true;
        for (unsigned b = 0; b < t->n_lanes; b++) {
            const struct lane *lane = &t->lanes[b];
            if (lane->tenure == p->tenure && budget_is_unseen(&lane->budget, now.boot_ms))
                return true;
        }
    }
    return false;
}

/* ---- whose call is next -------------------------------------------------------------------------------- */

static int64_t list_ready_in(struct lane *lane, enum priority priority, int list, struct now now)
{
    if (!lane->ready[priority][list].first)
        return INT64_MAX;
    return budget_ready_in(&lane->budget, list < LIMITS_MAX ? list : -1,
                           priority == PRIORITY_LEAVER ? BUDGET_LEAVERS : BUDGET_ORDINARY, now.boot_ms);
}

static int64_t lane_ready_in(struct lane *lane, struct now now)
{
    int64_t wait = INT64_MAX;
    for (enum priority p = 0; p < PRIORITIES; p++)
        for (int c = 0; c <= LIMITS_MAX; c++) {
            int64_t in = list_ready_in(lane, p, c, now);
            wait = in < wait ? in : wait;
        }
    return wait;
}

int64_t target_ready_in(struct target *t, struct now now)
{
    int64_t wait = INT64_MAX, breaker = breaker_ready_in(&t->breaker, now.boot_ms);
    int64_t listing = listing_ready_in(t, now), discovery = discovery_ready_in(t, now),
            groups = groups_ready_in(t, now);
    int64_t errand = listing < discovery ? listing : discovery;
    errand = groups < errand ? groups : errand;
    int64_t attach = attach_ready_in(t, now);
    errand = attach < errand ? attach : errand;
    if (t->waiting == 0 || t->inflight.now >= t->inflight.limit || !t->can_known)
        return errand;
    for (unsigned i = 0; i < t->n_lanes; i++) {
        int64_t in = lane_ready_in(&t->lanes[i], now);
        wait = in < wait ? in : wait;
    }
    wait = breaker > wait ? breaker : wait;
    return errand < wait ? errand : wait;
}

/* The first work of this priority that may start; no bucket waits for another's backlog. */
static struct work *next_of_priority(struct target *t, enum priority priority, struct now now)
{
    for (unsigned i = 0; i < t->n_lanes; i++) {
        struct lane *lane = &t->lanes[(t->next_lane + i) % t->n_lanes];
        for (int c = 0; c <= LIMITS_MAX; c++) {
            struct work *w = lane->ready[priority][c].first;
            if (!w || (list_ready_in(lane, priority, c, now) > 0 && !MUTATION(MUTATION_BUDGET_IGNORED)))
                continue;
            t->next_lane = (t->next_lane + i + 1) % t->n_lanes;
            return w;
        }
    }
    return NULL;
}

/* Leavers first. Every second probe goes the other way round, or one leaver whose calls never work would keep the
 * target closed to everybody. */
struct work *target_next_work(struct target *t, struct now now)
{
    bool paused = t->paused && !MUTATION(MUTATION_PAUSE_IGNORED);
    bool backwards = t->breaker.open && t->breaker.probes % 2 == 1;
    if (paused || !t->can_known || t->waiting == 0 || t->inflight.now >= t->inflight.limit ||
        breaker_ready_in(&t->breaker, now.boot_ms) > 0)
        return NULL;
    for (enum priority p = 0; p < PRIORITIES; p++) {
        struct work *w = next_of_priority(t, backwards ? PRIORITIES - 1 - p : p, now);
        if (w)
            return w;
    }
    return NULL;
}

void target_call_starts(struct target *t, struct flight *f, struct now now)
{
    budget_take(&f->lane->budget, f->class, now.boot_ms);
    t->inflight.now++;
    f->probe = breaker_start(&t->breaker);
}

/* ---- what answers say about it ------------------------------------------------------------------------- */

/* A call whose end nobody has seen may arrive as long as it may land; so may one that a gateway has given up (502, 504),
 * or that an answer of 500 was said of. A 503 says that it went no further. */
static int64_t arrived_by(const struct flight *f, const struct call_reply *reply, struct now now)
{
    int64_t latest = f->started.boot_ms + f->target->cfg->call_life_ms;
    bool under_way = reply->outcome == CALL_UNKNOWN ||
                     (reply->outcome == CALL_REPLIED && reply->status >= 500 && reply->status != 503);
    return under_way && latest > now.boot_ms ? latest : now.boot_ms;
}

/* The class rests as long as the target asks for: with a 429, or when it says that the allowance is spent. Without a
 * word a window, and then it goes on more slowly. The target knows nothing of buckets: all that are ours hear it. */
static void hear_limits(const struct flight *f, enum reply_class class, const struct call_reply *reply,
                        struct now now)
{
    bool silent = class == REPLY_THROTTLED && reply->retry_after_ms < 0;
    if (MUTATION(MUTATION_RETRY_AFTER_IGNORED) || reply->outcome != CALL_REPLIED || f->class < 0)
        return;
    int64_t rest = silent ? f->lane->budget.classes[f->class].limit.window_ms : reply->retry_after_ms;
    for (unsigned i = 0; i < f->target->n_lanes; i++) {
        struct budget *b = &f->target->lanes[i].budget;
        if (silent)
            budget_slow(b, f->class, f->started.boot_ms, now.boot_ms);
        if (rest > 0 && reply->status < 500) /* a 503's concerns the call */
            budget_pause(b, f->class, now.boot_ms + rest);
    }
}

void target_call_ends(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now)
{
    struct target *t = f->target;
    struct meaning meaning = f->meaning = reply_meaning(f, reply);
    budget_give(&f->lane->budget, f->class, arrived_by(f, reply, now), now.boot_ms);
    hear_limits(f, meaning.class, reply, now);
    t->inflight.now--;
    if (meaning.crowded)
        inflight_timed_out(&t->inflight, f->person, f->started.boot_ms, now.boot_ms);
    else if (meaning.health == HEALTH_WELL)
        inflight_answered(&t->inflight);
    breaker_note(&t->breaker, (struct breaker_word){meaning.health, f->person, f->probe}, now.boot_ms,
                 engine_random(e));
}
