/* discovery.c - what a target can do: asked by whoever owns the bucket 0 of its tenant, and published.
 *
 *      bucket 0 is ours, or a day has passed ─► /ServiceProviderConfig ─► /ResourceTypes ─► /Schemas
 *                                                                                             ▼
 *            everybody ◄─ what it said, as configured otherwise ◄─ targets topic ◄─ capabilities/TARGET
 *
 * As with teams, only what is read back from the topic is in force. Until then no call to the target starts for anybody;
 * what is in force already stays so while it is asked again. What it does not say, or not within ASKED_MAX_MS of its
 * being well, is taken to be as capabilities_default says. */
#include "engine_state.h"

#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "digest.h"
#include "mem.h"

enum { ASKED_MAX_MS = 30000, DAY_MS = 24 * 3600 * 1000 };

static const struct question {
    const char *path;
    bool (*take)(struct capabilities *c, struct str body);
} questions[] = {
    {"/ServiceProviderConfig", capabilities_take_config},
    {"/ResourceTypes", capabilities_take_types},
    {"/Schemas", capabilities_take_schemas},
};

/* ---- what is in force ---------------------------------------------------------------------------------- */

/* `said` is taken. */
static void put_in_force(struct target *t, struct capabilities *said)
{
    capabilities_override(said, &t->cfg->capabilities);
    capabilities_done(&t->can);
    t->can = *said;
    t->can_version++;
}

void discovery_init(struct target *t)
{
    struct capabilities otherwise;
    capabilities_default(&otherwise);
    put_in_force(t, &otherwise);
    t->can_known = !t->cfg->discovers;
}

void discovery_done(struct target *t)
{
    capabilities_done(&t->discovery.found);
    capabilities_done(&t->can);
}

void discovery_take(struct engine *e, const struct capabilities_record *r)
{
    struct target *t = engine_target(e, r->target);
    if (!t || !t->cfg->discovers) /* not configured (any more), or of a kind that is known */
        return;
    struct capabilities said;
    capabilities_copy(&said, &r->said);
    put_in_force(t, &said);
    t->can_known = r->at_ms > 0;
    t->can_ms = r->at_ms;
    if (t->waiting > 0)
        turns_call(&t->turn);
    discoveries_look(e);
}

/* ---- when ---------------------------------------------------------------------------------------------- */

static void reset(struct discovery *d)
{
    uint64_t tenure = d->tenure;
    capabilities_done(&d->found);
    *d = (struct discovery){.tenure = tenure};
}

static const struct partition *ours(const struct engine *e, const struct target *t)
{
    const struct partition *p = engine_partition(e, t->home);
    return p && p->state == PARTITION_LIVE && p->opened ? p : NULL;
}

static void begin(struct target *t, const struct partition *p, struct now now)
{
    int64_t after_ms = t->can_ms + 1; /* by another's clock, perhaps: this is the newer one */
    t->discovery = (struct discovery){
        .running = true, .at_ms = now.wall_ms > after_ms ? now.wall_ms : after_ms, .tenure = p->tenure};
    if (t->can_ms > 0) /* what cannot be asked this time stays as it was */
        capabilities_copy(&t->discovery.found, &t->can);
    else
        capabilities_default(&t->discovery.found);
    lane_follow(&t->lanes[0], t, p);
}

static void publish(struct engine *e, struct target *t)
{
    struct buf key, value;
    buf_init(&key, DIRECTORY_KEY_MAX);
    buf_init(&value, CAPABILITIES_RECORD_MAX);
    capabilities_key(t->cfg->name, &key);
    capabilities_value(t->cfg->name, &t->discovery.found, t->discovery.at_ms, &value);
    outbox_add(e, TOPIC_TARGETS, t->home, buf_str(&key), &value);
    buf_done(&key);
    t->discovery.published = true;
}

/* When to look again; INT64_MAX: when something happens. */
static int64_t look(struct engine *e, struct target *t, struct now now)
{
    struct discovery *d = &t->discovery;
    const struct partition *p = ours(e, t);
    if (!t->cfg->discovers)
        return INT64_MAX;
    if ((d->whole && t->can_known && t->can_ms >= d->at_ms) || (!p && (d->running || d->whole)))
        reset(d);
    if (!p)
        return INT64_MAX;
    if (d->whole && !d->published)
        publish(e, t);
    bool due = !t->can_known || d->tenure != p->tenure || now.wall_ms - t->can_ms >= DAY_MS;
    if (due && !d->running && !d->whole)
        begin(t, p, now);
    if (d->running && !d->flight)
        turns_call(&t->turn);
    return d->running || d->whole ? INT64_MAX : t->can_ms + DAY_MS;
}

void discoveries_look(struct engine *e)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++)
        if (e->cfg.targets[i].discovers)
            e->discoveries_due_ms = 1; /* long ago */
}

void discoveries_tick(struct engine *e, struct now now)
{
    int64_t next_ms = INT64_MAX;
    if (e->discoveries_due_ms == 0 || e->discoveries_due_ms > now.wall_ms)
        return;
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        int64_t at_ms = look(e, &e->targets[i], now);
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    e->discoveries_due_ms = next_ms < INT64_MAX ? next_ms : 0;
}

void discoveries_undo(struct engine *e)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++)
        e->targets[i].discovery.published = false;
    discoveries_look(e);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

int64_t discovery_ready_in(struct target *t, struct now now)
{
    const struct discovery *d = &t->discovery;
    bool paused = t->paused && !MUTATION(MUTATION_PAUSE_IGNORED);
    if (!d->running || d->flight || paused || t->inflight.now >= t->inflight.limit)
        return INT64_MAX;
    int64_t breaker = breaker_ready_in(&t->breaker, now.boot_ms), back_off = d->next_ms - now.boot_ms;
    int64_t wait = breaker > back_off ? breaker : back_off;
    return wait > 0 ? wait : 0;
}

struct flight *discovery_start(struct target *t, struct now now)
{
    struct flight *f = target_flight(t, ERRAND_DISCOVERY, STEP_DISCOVER, now);
    f->request.path = xstrdup(questions[t->discovery.question].path);
    t->discovery.flight = f;
    return f;
}

bool discovery_may_write(const struct engine *e, const struct flight *f)
{
    return f->target->discovery.flight == f && ours(e, f->target);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

/* Without the first answer the others are not asked: it does not speak of itself. */
static void go_on(struct discovery *d, bool answered)
{
    bool stop = d->question == 0 && !answered;
    d->failures = 0;
    d->question++;
    if (!stop && d->question < ARRAY_SIZE(questions))
        return;
    d->running = false;
    d->whole = true;
}

static void fail(struct target *t, const struct call_reply *reply, struct now now)
{
    struct discovery *d = &t->discovery;
    int64_t wait = t->cfg->retry_base_ms;
    for (uint32_t i = 0; i < d->failures && wait < t->cfg->retry_cap_ms; i++)
        wait *= 2;
    wait = wait < t->cfg->retry_cap_ms ? wait : t->cfg->retry_cap_ms;
    d->next_ms = now.boot_ms + (wait > reply->retry_after_ms ? wait : reply->retry_after_ms);
    if (t->breaker.open || d->failures == 0)
        d->failing_since_ms = now.wall_ms;
    d->failures++;
    if (now.wall_ms - d->failing_since_ms > ASKED_MAX_MS)
        go_on(d, false);
}

void discovery_ends(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now)
{
    struct target *t = f->target;
    struct discovery *d = &t->discovery;
    if (d->flight != f)
        return;
    d->flight = NULL;
    bool understood = reply->outcome == CALL_REPLIED && f->meaning.class == REPLY_OK,
         refused = f->meaning.class == REPLY_PERMANENT || f->meaning.class == REPLY_GONE ||
                   reply->failure == FAILURE_TOO_LARGE;
    if (reply->failure == FAILURE_HELD_BACK)
        d->next_ms = now.boot_ms + 1;
    else if (understood)
        go_on(d, questions[d->question].take(&d->found, reply->body));
    else if (refused)
        go_on(d, false);
    else
        fail(t, reply, now);
    discoveries_look(e);
}
