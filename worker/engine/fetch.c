/* fetch.c - asking a source for what a webhook did not say.
 *
 *      thin event ──► merged as it is; `wanted` = its id ──► committed ──► call ──► answer ──► merged, as of its start
 *                         ▲                                                │ a thin event came since
 *                         └───────────────────────── fetch again ◄─────────┘
 *
 * To the engine a source is one more target (kind "source", name "source.…"), so budget, pace, breaker, back-off, pause
 * and turns are those of targets. Its state in a person's record holds no account, only the wish and its failures.
 * While a wish is open no account of the person is made or changed; cuts go on (converge.c), and so do their results.
 * What would undo something (README, decision 35) is believed when it has been said twice, a call's life apart. */
#include "fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* ---- the wish ------------------------------------------------------------------------------------------ */

static void source_target(const char *source, char out[SOURCE_TARGET_SIZE])
{
    snprintf(out, SOURCE_TARGET_SIZE, SOURCE_PREFIX "%s", source);
}

/* Who publishes events says by what source: one of another company's people is not asked. */
static bool may_ask(const struct target *t, const struct slot *slot)
{
    struct person_key key;
    slot_key(slot, &key);
    return strcmp(t->cfg->tenant, key.tenant) == 0 && strcmp(t->cfg->directory, key.directory) == 0;
}

void fetch_want(struct engine *e, struct slot *slot, const struct event *ev)
{
    char name[SOURCE_TARGET_SIZE];
    if (!ev->needs_fetch || ev->type == EVENT_DELETED)
        return;
    source_target(ev->source, name);
    const struct target *target = engine_target(e, name);
    if (!target || !may_ask(target, slot))
        return;
    uint64_t word = event_id_hash(ev->id);
    struct target_state *t = person_target_add(slot->live, name);
    t->wanted = word ? word : 1;
    t->open = true;
    target_state_set_unfetched(t, NULL);
    slot->gen++;
    slot_mark_dirty(e, slot);
}

bool fetch_awaited(const struct person *p)
{
    for (size_t i = 0; i < p->n_targets; i++)
        if (p->targets[i].wanted)
            return true;
    return false;
}

static const struct target_state *source_of(const struct person *p, const struct pending *event)
{
    char name[SOURCE_TARGET_SIZE];
    source_target(event->source, name);
    for (size_t i = 0; i < p->n_targets; i++)
        if (strcmp(p->targets[i].target, name) == 0)
            return &p->targets[i];
    return NULL;
}

static bool cuts(enum event_type type)
{
    return type == EVENT_LEFT || type == EVENT_DELETED || type == EVENT_SUSPENDED;
}

bool fetch_holds_result(const struct person *p, const struct pending *event)
{
    if (!event->needs_fetch || cuts(event->type) || MUTATION(MUTATION_FETCH_RESULT_EARLY))
        return false;
    const struct target_state *t = source_of(p, event);
    return t && t->wanted;
}

/* All words of a source bear one id, so that "left" that it says again is no new word, about which a person who has
 * decided would be asked anew. */
static void word_id(const char *target, char out[EVENT_ID_SIZE])
{
    event_id_make(target, str_of("fetch"), out);
}

bool fetch_confirms(const struct person *p, const struct pending *event)
{
    char name[SOURCE_TARGET_SIZE], id[EVENT_ID_SIZE];
    if (!event->needs_fetch)
        return false;
    source_target(event->source, name);
    word_id(name, id);
    if (event->type == EVENT_LEFT)
        return p->employment == EMPLOYMENT_LEFT && p->employment_stamp.event == event_id_hash(id);
    return event->type == EVENT_SUSPENDED && p->suspended && p->suspension_stamp.event == event_id_hash(id);
}

/* Somebody has said so, and not the policy alone, which may miss what is being asked for. */
static bool access_is_over(const struct person *p)
{
    return p->employment == EMPLOYMENT_LEFT || p->employment == EMPLOYMENT_DELETED || p->suspended ||
           p->access_ended;
}

/* A leaver's cut needs no more than a name to find the account by; one that is announced for a later day is a guess. */
bool fetch_holds_plan(const struct work *w, const struct target_state *t)
{
    if (!fetch_awaited(w->slot->live) || MUTATION(MUTATION_FETCH_NOT_AWAITED))
        return false;
    const struct person *p = w->slot->live;
    bool nameless = !t->link && !t->create_as && plan_cuts_nameless(p, &w->desired, w->target->cfg->match);
    bool cuts = plan_wants_cut(&w->desired) && access_is_over(p);
    return !cuts || nameless || MUTATION(MUTATION_LEAVER_AWAITS_FETCH);
}

const char *fetch_failure(const struct person *p, const struct pending *event)
{
    if (!event->needs_fetch || event->type == EVENT_DELETED)
        return NULL;
    const struct target_state *t = source_of(p, event);
    return t ? t->unfetched
             : "its source is not asked: no token is configured for it, or its file has no fetch";
}

enum priority fetch_priority(const struct person *p)
{
    return access_is_over(p) ? PRIORITY_LEAVER : PRIORITY_MOVER;
}

/* ---- its end ------------------------------------------------------------------------------------------- */

/* why NULL: it was answered. */
static void end_wish(struct engine *e, struct work *w, struct target_state *t, const char *why)
{
    e->stats.fetched += !why;
    e->stats.unfetched += why != NULL;
    t->wanted = 0;
    t->open = false;
    w->surprise = NULL;
    answer_forget_failures(w, t);
    target_state_forget_failure(t);
    target_state_set_unfetched(t, why);
    w->slot->gen++;
    slot_mark_dirty(e, w->slot);
    work_dequeue(w);
}

void fetch_give_up(struct engine *e, struct work *w, struct target_state *t, struct now now)
{
    char why[PERSON_REASON_MAX];
    snprintf(why, sizeof why, "the source could not be asked in time: %s",
             t->last_failure ? t->last_failure : "no answer");
    end_wish(e, w, t, w->target ? why : "its source is not asked any more");
    target_state_failed(t, now.wall_ms);
}

/* ---- the call ------------------------------------------------------------------------------------------ */

static struct person_view view_of(const struct slot *slot, struct person_key *key, struct now now)
{
    slot_key(slot, key);
    return (struct person_view){key->tenant,
                                key->directory,
                                key->subject,
                                slot->live,
                                person_may_have_access(slot->live, now.wall_ms),
                                now.wall_ms};
}

bool fetch_prepare(struct engine *e, struct work *w, struct now now)
{
    struct person_key key;
    struct error err = {0};
    struct person_view view = view_of(w->slot, &key, now);
    struct target_state *t = person_target(w->slot->live, w->name);
    source_request_done(&e->prepared);
    if (e->ports.fetch(e->ports.ctx, &view, (size_t)(w->target - e->targets), &e->prepared, &err))
        return true;
    end_wish(e, w, t, err.message);
    return false;
}

void fetch_build(struct engine *e, struct flight *f, const struct target_state *t)
{
    f->ask = e->prepared;
    e->prepared = (struct source_request){0};
    f->wanted = t->wanted;
    f->call.method = f->ask.method;
    f->call.path = f->ask.path;
    f->call.body = f->ask.body;
    f->call.body_n = f->ask.body_n;
    f->call.headers = (const char *const *)f->ask.headers;
    f->call.n_headers = f->ask.n_headers;
}

/* ---- what has to be said twice ------------------------------------------------------------------------- */

static const char unknown_person[] = "the source does not know this person";

/* Somebody joins, says an event whose result waits for this answer. */
static bool is_joining(const struct person *p)
{
    for (size_t i = 0; p->employment == EMPLOYMENT_JOINED && i < p->n_targets; i++)
        for (size_t j = 0; j < p->targets[i].n_pending; j++) {
            const struct pending *event = &p->targets[i].pending[j];
            if (event->needs_fetch && event->type == EVENT_JOINED &&
                event_id_hash(event->id) == p->employment_stamp.event)
                return true;
        }
    return false;
}

/* What a replica that lags may say, and would undo something: static; NULL: nothing of the kind. */
static const char *surprise_in(const struct person *p, const struct source_person *said)
{
    uint64_t word = event_id_hash(said->words.id);
    if (person_takes_back_left(p, said, word))
        return "the source takes back that the person has left";
    if (person_takes_back_suspended(p, said, word))
        return "the source takes back that the person is suspended";
    if (said->words.type == EVENT_LEFT && is_joining(p))
        return "the source says that the person has left, against an event";
    return NULL;
}

/* False: it has to say so again, asked a call's life later. */
static bool is_certain(const struct answer *a, const char *surprise)
{
    struct work *w = a->w;
    int64_t life_ms = a->f->target->cfg->call_life_ms;
    if (w->surprise == surprise && a->f->started.wall_ms >= w->surprise_until_ms)
        return true;
    if (w->surprise != surprise)
        w->surprise_until_ms = a->now.wall_ms + life_ms;
    w->surprise = surprise;
    answer_fail(a, surprise, life_ms);
    return false;
}

static void take_unknown(const struct answer *a)
{
    if (is_certain(a, unknown_person))
        end_wish(a->e, a->w, a->t, unknown_person);
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

/* The words are as old as the question; a later question's are not older than those of an earlier one, whatever the
 * clocks of two workers say. */
static bool merge_words(const struct answer *a, struct source_person *said, bool certain)
{
    struct target_state *t = a->t;
    int64_t at_ms = a->f->started.wall_ms > t->fetched_ms ? a->f->started.wall_ms : t->fetched_ms + 1;
    said->words.occurred_at_ms = MUTATION(MUTATION_FETCH_AS_OF_ANSWER) ? a->now.wall_ms : at_ms;
    bool all = person_merge_fetched(a->w->slot->live, said, certain);
    t->fetched_ms = at_ms;
    work_forget_desired(a->w->slot);
    return all;
}

/* Another one's word may have stood below the one that was taken back, which the events do not know: it is asked anew, and
 * nobody is given access before it has answered. */
static void ask_others(const struct answer *a)
{
    struct slot *slot = a->w->slot;
    for (size_t i = 0; i < slot->live->n_targets; i++) {
        struct target_state *t = &slot->live->targets[i];
        const struct target *target = engine_target(a->e, t->target);
        if (t == a->t || !is_source(t->target) || !t->fetched_ms || t->wanted || !target ||
            !may_ask(target, slot))
            continue;
        t->wanted = a->t->wanted;
        t->open = true;
        target_state_set_unfetched(t, NULL);
    }
}

static bool takes_back(const struct person *p, const struct source_person *said)
{
    uint64_t word = event_id_hash(said->words.id);
    return person_takes_back_left(p, said, word) || person_takes_back_suspended(p, said, word);
}

static void take_words(const struct answer *a, struct source_person *said)
{
    word_id(a->t->target, said->words.id);
    const char *surprise = surprise_in(a->w->slot->live, said);
    if (surprise && !is_certain(a, surprise))
        return;
    if (takes_back(a->w->slot->live, said))
        ask_others(a);
    bool all = merge_words(a, said, surprise != NULL);
    end_wish(a->e, a->w, a->t,
             all ? NULL : "the source says more attributes or groups than one person may have");
}

static void take_person(const struct answer *a)
{
    const struct source_reply reply = {a->reply->status, a->reply->body, a->reply->headers,
                                       a->reply->n_headers};
    struct person_key key;
    struct person_view view = view_of(a->w->slot, &key, a->now);
    struct source_person said = {0};
    struct error err = {0};
    if (!a->e->ports.person(a->e->ports.ctx, &view, a->f->call.target, &reply, &said, &err)) {
        if (err.kind == ERROR_TEMPORARY)
            answer_fail(a, err.message, 0);
        else
            end_wish(a->e, a->w, a->t, err.message);
        return;
    }
    if (said.known)
        take_words(a, &said);
    else
        take_unknown(a);
    source_person_done(&said);
}

static void take_reply(const struct answer *a)
{
    char reason[REPLY_REASON_MAX];
    reply_describe(a->reply, reason);
    switch (a->f->meaning.class) {
    case REPLY_OK:
        take_person(a);
        break;
    case REPLY_GONE:
        take_unknown(a);
        break;
    case REPLY_THROTTLED:
        answer_throttled(a, reason);
        break;
    case REPLY_TEMPORARY:
    case REPLY_TROUBLE:
        answer_fail(a, reason, a->reply->retry_after_ms);
        break;
    default:
        end_wish(a->e, a->w, a->t, reason);
    }
}

/* An answer to an older wish says nothing about the newer one: what its event tells of may have happened since. */
void fetch_take(const struct answer *a)
{
    if (a->reply->failure == FAILURE_HELD_BACK)
        return; /* by our own lease: nobody's failure */
    a->w->attempts++;
    a->w->trouble = a->f->meaning.class == REPLY_TROUBLE;
    bool outdated = a->t->wanted != a->f->wanted && !MUTATION(MUTATION_FETCH_OLD_ANSWERS);
    bool settles = a->reply->outcome == CALL_REPLIED &&
                   (a->f->meaning.class == REPLY_OK || a->f->meaning.class == REPLY_GONE ||
                    a->f->meaning.class == REPLY_PERMANENT);
    if (a->reply->outcome != CALL_REPLIED)
        answer_fail(a, a->reply->error ? a->reply->error : "no answer", 0);
    else if (!settles || !outdated)
        take_reply(a);
}
