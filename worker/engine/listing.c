/* listing.c - the teams of a target, listed by whoever owns the bucket 0 of its tenant, and published.
 *
 *      somebody misses a team ─► wish ─► targets topic ─► the owner: younger than the last listing?
 *      nobody has listed for teams_relist_ms ───────────────────────────┤
 *                                                                      ▼
 *            everybody ◄─ targets topic ◄─ what differs, and "listed" ◄─ pages
 *
 * Only what is read back from the topic is in force, also for who has published it: so an abort, or the loss of the
 * partition, costs a listing and nothing else. A wish and a listing are put down again until they are read back. */
#include "engine_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "mem.h"

enum { TEAMS_LISTED_MAX = 20000, NEWSLESS_MAX = 8 };

/* ---- publishing ---------------------------------------------------------------------------------------- */

void listing_publish(struct engine *e, int32_t origin, const struct directory_record *r)
{
    struct buf key, value;
    buf_init(&key, DIRECTORY_KEY_MAX);
    buf_init(&value, DIRECTORY_RECORD_MAX);
    directory_key(r, &key);
    if (!directory_forgets(r))
        directory_value(r, &value);
    outbox_add(e, TOPIC_TARGETS, origin, buf_str(&key), &value);
    buf_done(&key);
}

static void publish_team(struct engine *e, const struct target *t, const char *id, const char *name)
{
    listing_publish(e, t->home,
                    &(struct directory_record){.kind = DIRECTORY_TEAM,
                                               .target = (char *)(uintptr_t)t->cfg->name,
                                               .at_ms = t->listing.at_ms,
                                               .id = (char *)(uintptr_t)id,
                                               .name = (char *)(uintptr_t)name});
}

/* What differs from what is in force, then the word that it is whole. */
static void publish_listing(struct engine *e, struct target *t)
{
    struct listing *l = &t->listing;
    const struct attrs *now = &l->found, *before = &t->directory.teams;
    for (size_t i = 0; !l->failed && i < now->n; i++) {
        const char *known = attrs_get(before, now->v[i].name);
        if (!known || strcmp(known, now->v[i].value) != 0)
            publish_team(e, t, now->v[i].name, now->v[i].value);
    }
    for (size_t i = 0; !l->failed && i < before->n; i++)
        if (!attrs_find(now, before->v[i].name))
            publish_team(e, t, before->v[i].name, NULL);
    listing_publish(e, t->home,
                    &(struct directory_record){.kind = DIRECTORY_LISTING,
                                               .target = (char *)(uintptr_t)t->cfg->name,
                                               .at_ms = l->at_ms,
                                               .teams = (int64_t)(l->failed ? before->n : now->n),
                                               .failed = l->failed});
    l->published = true;
}

/* Wishes, in a transaction of any partition of ours: who owns the bucket reads them like everybody. */
static const struct partition *any_of_ours(const struct engine *e)
{
    for (size_t i = 0; i < e->n_partitions; i++)
        if (e->partitions[i]->state == PARTITION_LIVE && e->partitions[i]->opened)
            return e->partitions[i];
    return NULL;
}

static void publish_wishes(struct engine *e, struct target *t, struct now now)
{
    const struct partition *p = any_of_ours(e);
    bool wish = t->teams_wanted_ms > t->directory.wished_ms && !t->wish_sent;
    groups_publish_wants(e, t, now);
    if (p && wish) {
        listing_publish(e, p->partition,
                        &(struct directory_record){.kind = DIRECTORY_WISH,
                                                   .target = (char *)(uintptr_t)t->cfg->name,
                                                   .at_ms = t->teams_wanted_ms});
        t->wish_sent = true;
    }
}

void teams_wish(struct engine *e, struct target *t, int64_t at_ms)
{
    if (at_ms <= t->teams_wanted_ms || at_ms <= t->directory.wished_ms)
        return;
    t->teams_wanted_ms = at_ms;
    e->teams_used = true;
    listings_look(e);
}

void listings_look(struct engine *e)
{
    if (e->teams_used)
        e->teams_due_ms = 1; /* long ago */
}

/* ---- when ---------------------------------------------------------------------------------------------- */

/* The answer to a call in flight will find that nobody waits for it. */
static void reset(struct listing *l)
{
    attrs_done(&l->found);
    free(l->failed);
    free(l->cursor);
    *l = (struct listing){0};
}

static bool is_ours(const struct engine *e, const struct target *t)
{
    const struct partition *p = engine_partition(e, t->home);
    return p && p->state == PARTITION_LIVE && p->opened;
}

/* 0: not by time. */
static int64_t relist_at_ms(const struct target *t)
{
    return t->cfg->teams_relist_ms > 0 && t->directory.listed_ms > 0
               ? t->directory.listed_ms + t->cfg->teams_relist_ms
               : 0;
}

static bool is_wanted(const struct target *t, struct now now)
{
    int64_t at_ms = relist_at_ms(t);
    return t->directory.wished_ms > t->directory.listed_ms || (at_ms && at_ms <= now.wall_ms);
}

static void begin(struct engine *e, struct target *t, struct now now)
{
    int64_t wished_ms =
        t->directory.wished_ms; /* by another's clock, perhaps: it must be fulfilled by this */
    t->listing = (struct listing){.running = true,
                                  .at_ms = now.wall_ms > wished_ms ? now.wall_ms : wished_ms,
                                  .began_boot_ms = now.boot_ms,
                                  .start = 1,
                                  .count = target_page(t)};
    lane_follow(&t->lanes[0], t, engine_partition(e, t->home));
}

static void give_up_listing(struct target *t, struct now now)
{
    if (t->listing.running || t->listing.whole)
        reset(&t->listing);
    groups_leave(t, now);
}

/* What was published is read back. */
static void in_force(struct engine *e, struct target *t, struct now now)
{
    int64_t began_boot_ms = t->listing.began_boot_ms;
    reset(&t->listing);
    groups_listed(e, t, began_boot_ms, now);
}

/* When to look again; INT64_MAX: when something happens. */
static int64_t look_at_ours(struct engine *e, struct target *t, struct now now)
{
    struct listing *l = &t->listing;
    groups_follow(t, engine_partition(e, t->home), now);
    if (l->whole && t->directory.listed_ms >= l->at_ms)
        in_force(e, t, now);
    if (l->whole && !l->published)
        publish_listing(e, t);
    int64_t look_in = groups_look(e, t, now), groups_in = groups_listing_in(e, t, now);
    if (!l->running && !l->whole && (is_wanted(t, now) || groups_in == 0))
        begin(e, t, now);
    if (l->running && !l->flight)
        turns_call(&t->turn);
    bool lists = l->running || l->whole;
    int64_t at_ms = !lists && relist_at_ms(t) ? relist_at_ms(t) : INT64_MAX;
    groups_in = look_in < groups_in || lists ? look_in : groups_in;
    int64_t groups_at_ms = groups_in < INT64_MAX ? now.wall_ms + groups_in : INT64_MAX;
    return groups_at_ms < at_ms ? groups_at_ms : at_ms;
}

static int64_t look(struct engine *e, struct target *t, struct now now)
{
    if (t->cfg->rest_of)
        return attach_look(e, t, now);
    if (t->cfg->group_mode == GROUP_MODE_NONE)
        return INT64_MAX;
    publish_wishes(e, t, now);
    if (is_ours(e, t))
        return look_at_ours(e, t, now);
    give_up_listing(t, now);
    return INT64_MAX;
}

void listings_tick(struct engine *e, struct now now)
{
    int64_t next_ms = INT64_MAX;
    if (e->teams_due_ms == 0 || e->teams_due_ms > now.wall_ms)
        return;
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        int64_t at_ms = look(e, &e->targets[i], now);
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    e->teams_due_ms = next_ms < INT64_MAX ? next_ms : 0;
}

/* Also when a partition goes: what it was to publish goes with it. */
void listings_undo(struct engine *e)
{
    for (size_t i = 0; i < e->cfg.n_targets; i++) {
        e->targets[i].wish_sent = e->targets[i].listing.published = false;
        groups_undo(&e->targets[i]);
        attach_undo(&e->targets[i]);
    }
    listings_look(e);
}

/* ---- calls --------------------------------------------------------------------------------------------- */

int64_t listing_ready_in(struct target *t, struct now now)
{
    const struct listing *l = &t->listing;
    bool paused = t->paused && !MUTATION(MUTATION_PAUSE_IGNORED);
    if (!l->running || l->flight || paused || t->inflight.now >= t->inflight.limit)
        return INT64_MAX;
    int64_t budget =
                budget_ready_in(&t->lanes[0].budget, t->class_of[STEP_LIST], BUDGET_ORDINARY, now.boot_ms),
            breaker = breaker_ready_in(&t->breaker, now.boot_ms), back_off = l->next_ms - now.boot_ms;
    int64_t wait = budget > breaker ? budget : breaker;
    wait = back_off > wait ? back_off : wait;
    return wait > 0 ? wait : 0;
}

struct flight *listing_start(struct target *t, struct now now)
{
    struct flight *f = target_flight(t, ERRAND_LISTING, STEP_LIST, now);
    const struct listing *l = &t->listing;
    struct scim_page page = {.start = l->start,
                             .count = l->count,
                             .cursor = l->cursor       ? l->cursor
                                       : t->can.cursor ? ""
                                                       : NULL};
    scim_list_teams(&page, &f->request);
    t->listing.flight = f;
    return f;
}

bool listing_may_write(const struct engine *e, const struct flight *f)
{
    bool waits =
        f->target->listing.flight == f || (f->target->groups.flight == f && groups_may_write(f->target));
    return waits && is_ours(e, f->target);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static void finish(struct engine *e, struct listing *l, const char *failed)
{
    l->running = false;
    l->whole = true;
    l->failed = xstrdup_null(failed);
    listings_look(e);
}

/* Again later; after an event's deadline whoever waits is told that there are no teams to be had. */
static void fail(struct engine *e, struct target *t, const char *reason, int64_t at_least_ms, struct now now)
{
    struct listing *l = &t->listing;
    int64_t wait = t->cfg->retry_base_ms;
    for (uint32_t i = 0; i < l->failures && wait < t->cfg->retry_cap_ms; i++)
        wait *= 2;
    wait = wait < t->cfg->retry_cap_ms ? wait : t->cfg->retry_cap_ms;
    l->next_ms = now.boot_ms + (wait > at_least_ms ? wait : at_least_ms);
    if (t->breaker.open || l->failures == 0)
        l->failing_since_ms = now.wall_ms;
    l->failures++;
    if (now.wall_ms - l->failing_since_ms > t->cfg->deadline_ms)
        finish(e, l, reason);
}

/* Neither totalResults nor a short page is reliable alone; after a page without news no more will come. */
static bool is_last(const struct listing *l, const struct team_page *page, size_t before)
{
    if (l->cursor || page->cursor)
        return !page->cursor;
    bool short_page = page->n < l->count && (page->total < 0 || (int64_t)l->found.n >= page->total);
    return page->n == 0 || l->found.n == before || short_page;
}

/* By cursor a list ends with the page that names none: a cursor that comes back, or leads on to pages without news, never
 * gets there. */
static bool has_no_end(struct listing *l, const struct team_page *page, size_t before)
{
    l->newsless = l->found.n > before ? 0 : l->newsless + 1;
    bool came_back = page->cursor && l->cursor && strcmp(page->cursor, l->cursor) == 0;
    return page->cursor && (came_back || l->newsless > NEWSLESS_MAX);
}

/* Teams that came or went meanwhile have moved the others between the pages; what is missing would count as gone. */
static void begin_anew(struct listing *l)
{
    attrs_done(&l->found);
    l->nameless = 0;
    l->newsless = 0;
    l->start = 1;
    free(l->cursor);
    l->cursor = NULL;
    l->fell_short = true;
}

static void take_page(struct engine *e, struct target *t, const struct call_reply *reply, struct now now)
{
    struct listing *l = &t->listing;
    struct team_page page;
    struct error err;
    size_t before = l->found.n;
    if (!scim_parse_teams(reply->body, &l->found, &page, &err)) {
        fail(e, t, err.message, 0, now);
        return;
    }
    bool last = is_last(l, &page, before), endless = has_no_end(l, &page, before);
    free(l->cursor);
    l->cursor = page.cursor;
    l->nameless += page.nameless;
    if (endless || (last && page.total > (int64_t)(l->found.n + l->nameless))) {
        begin_anew(l);
        fail(e, t,
             endless ? "the list of teams does not end"
                     : "the list of teams ends before it has as many as it says",
             0, now);
        return;
    }
    l->failures = l->fell_short ? l->failures : 0;
    l->start += page.n;
    if (l->found.n > TEAMS_LISTED_MAX)
        finish(e, l, "the target has more teams than can be kept");
    else if (last)
        finish(e, l, NULL);
}

static void take_failure(struct engine *e, struct target *t, const struct flight *f,
                         const struct call_reply *reply, struct now now)
{
    struct listing *l = &t->listing;
    char reason[REPLY_REASON_MAX];
    reply_describe(reply, reason);
    if (reply->failure == FAILURE_HELD_BACK) {
        l->next_ms = now.boot_ms + 1;
        listings_look(e); /* it may be somebody else's by now */
    } else if (reply->outcome != CALL_REPLIED && reply->failure == FAILURE_TOO_LARGE && l->count > 1) {
        l->count /= 2; /* it lists members, whatever it is asked for */
    } else if (l->cursor && (f->meaning.class == REPLY_PERMANENT || reply->status == 404)) {
        begin_anew(l); /* it has expired, perhaps (RFC 9865) */
        fail(e, t, reason, reply->retry_after_ms, now);
    } else if (f->meaning.class == REPLY_PERMANENT || f->meaning.class == REPLY_GONE) {
        finish(e, l, reason);
    } else {
        fail(e, t, reason, reply->retry_after_ms, now);
    }
}

void listing_ends(struct engine *e, struct flight *f, const struct call_reply *reply, struct now now)
{
    struct target *t = f->target;
    if (t->listing.flight != f)
        return;
    t->listing.flight = NULL;
    if (reply->outcome == CALL_REPLIED && f->meaning.class == REPLY_OK)
        take_page(e, t, reply, now);
    else
        take_failure(e, t, f, reply, now);
}
