#include "person.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "mutation.h"
#include "registers.h"

uint64_t event_id_hash(const char id[EVENT_ID_SIZE])
{
    unsigned char bytes[8];
    uint64_t hash = 0;
    bool ok = hex_decode((struct str){id, 16}, bytes, sizeof bytes);
    assert(ok);
    for (size_t i = 0; i < sizeof bytes; i++)
        hash = hash << 8 | bytes[i];
    return hash;
}

static struct stamp stamp_of(const struct event *ev)
{
    return (struct stamp){ev->occurred_at_ms, event_id_hash(ev->id)};
}

/* ---- merging ------------------------------------------------------------------------------------------- */

/* What the type itself says of employment and suspension. */
static bool apply_status(struct person *p, enum event_type type, struct stamp stamp, bool dry)
{
    bool set = false;
    switch (type) {
    case EVENT_JOINED:
        return registers_set_employment(p, EMPLOYMENT_JOINED, stamp, dry);
    case EVENT_LEFT:
    case EVENT_DELETED:
        set = registers_set_employment(p, type == EVENT_LEFT ? EMPLOYMENT_LEFT : EMPLOYMENT_DELETED, stamp,
                                       dry);
        if (!MUTATION(MUTATION_HOLD_SURVIVES_LEAVING))
            registers_set_suspension(p, false, stamp,
                                     dry); /* a hold ends with the employment; not a word of its own */
        return set;
    case EVENT_SUSPENDED:
    case EVENT_RESUMED:
        return registers_set_suspension(p, type == EVENT_SUSPENDED, stamp, dry);
    default:
        return false;
    }
}

/* Sets every register that ev is the newest word of; true if there was one. dry: only asks. */
static bool apply(struct person *p, const struct event *ev, bool dry)
{
    struct stamp stamp = stamp_of(ev);
    bool set = apply_status(p, ev->type, stamp, dry);
    for (size_t i = 0; i < ev->profile.n; i++)
        set |= registers_set_attr(p, ev->profile.v[i].name, ev->profile.v[i].value, stamp, dry);
    if (ev->complete && !MUTATION(MUTATION_COMPLETE_IS_PARTIAL))
        set |= registers_set_complete(p, stamp, dry);
    if (ev->has_access_until)
        set |= registers_set_access_until(p, ev->access_until_ms, stamp, dry);
    for (size_t i = 0; i < ev->n_groups; i++)
        set |= registers_set_group(p, ev->groups[i], ev->type != EVENT_MEMBERSHIP_REMOVED, stamp, dry);
    if (ev->groups_complete && !MUTATION(MUTATION_GROUPS_ONLY_ADD))
        set |= registers_set_groups_complete(p, ev, stamp, dry);
    return set;
}

/* Nothing that later words could overrule: what a thin one tells is that something has changed. */
static bool says_nothing(const struct event *ev)
{
    bool silent = ev->profile.n == 0 && !ev->complete && !ev->has_access_until && ev->n_groups == 0 &&
                  !ev->groups_complete;
    return ev->type == EVENT_CHANGED && (silent || ev->needs_fetch);
}

static bool seen(const struct person *p, const struct event *ev, uint64_t hash)
{
    if (event_ids_has(&p->recent, hash))
        return true;
    for (size_t i = 0; i < p->n_targets; i++)
        for (size_t j = 0; j < p->targets[i].n_pending; j++)
            if (strcmp(p->targets[i].pending[j].id, ev->id) == 0)
                return true;
    return person_is_scheduled(p, hash);
}

static void event_copy(struct event *to, const struct event *from)
{
    *to = *from;
    to->tenant = xstrdup(from->tenant);
    to->directory = xstrdup(from->directory);
    to->subject = xstrdup(from->subject);
    to->source = xstrdup(from->source);
    to->delivery_id = xstrdup_null(from->delivery_id);
    to->profile = (struct attrs){0};
    attrs_copy(&to->profile, &from->profile);
    to->groups = xcalloc(from->n_groups, sizeof *to->groups);
    for (size_t i = 0; i < from->n_groups; i++)
        to->groups[i] = xstrdup(from->groups[i]);
}

static size_t value_size(const struct event *ev)
{
    struct buf value;
    buf_init(&value, EVENT_VALUE_MAX);
    event_write_value(ev, &value);
    size_t n = value.n;
    buf_done(&value);
    return n;
}

static void schedule(struct person *p, const struct event *ev)
{
    size_t at = p->n_scheduled;
    while (at > 0 && (p->scheduled[at - 1].due_ms > ev->effective_at_ms ||
                      (p->scheduled[at - 1].due_ms == ev->effective_at_ms &&
                       strcmp(p->scheduled[at - 1].event.id, ev->id) > 0)))
        at--;
    p->scheduled = xreallocarray(p->scheduled, p->n_scheduled + 1, sizeof *p->scheduled);
    memmove(&p->scheduled[at + 1], &p->scheduled[at], (p->n_scheduled - at) * sizeof *p->scheduled);
    p->scheduled[at].due_ms = ev->effective_at_ms;
    p->scheduled[at].bytes = value_size(ev);
    event_copy(&p->scheduled[at].event, ev);
    p->n_scheduled++;
}

static void unschedule(struct person *p, size_t at)
{
    event_done(&p->scheduled[at].event);
    p->n_scheduled--;
    memmove(&p->scheduled[at], &p->scheduled[at + 1], (p->n_scheduled - at) * sizeof *p->scheduled);
}

/* A source may take back what overrules it. */
static bool speaks_below(const struct person *p, const struct event *ev)
{
    bool ends = ev->type == EVENT_LEFT || ev->type == EVENT_DELETED;
    bool holds = ev->type == EVENT_SUSPENDED || ev->type == EVENT_RESUMED;
    return ((ends || ev->type == EVENT_JOINED) && p->employment_asked &&
            registers_wins(stamp_of(ev), p->employment_told_stamp, 0)) ||
           ((ends || holds) && p->suspension_asked &&
            registers_wins(stamp_of(ev), p->suspension_told_stamp, 0));
}

/* A word said later has decided everything that a scheduled one would set: it will never do anything. */
static void drop_void_schedules(struct person *p)
{
    for (size_t i = p->n_scheduled; i-- > 0;)
        if (!says_nothing(&p->scheduled[i].event) && !apply(p, &p->scheduled[i].event, true) &&
            !speaks_below(p, &p->scheduled[i].event)) {
            apply(p, &p->scheduled[i].event,
                  false); /* leaves what it would have left: registers that are cleared */
            unschedule(p, i);
        }
}

static bool fits_schedule(const struct person *p, const struct event *ev)
{
    size_t bytes = value_size(ev);
    for (size_t i = 0; i < p->n_scheduled; i++)
        bytes += p->scheduled[i].bytes;
    return p->n_scheduled < PERSON_SCHEDULED_MAX && bytes <= PERSON_SCHEDULED_BYTES_MAX;
}

/* Counts names that are there already as well: near the limit, rather too early than a record that cannot be
 * written. */
static bool cuts(enum event_type type)
{
    return type == EVENT_LEFT || type == EVENT_DELETED || type == EVENT_SUSPENDED;
}

static bool fits_registers(const struct person *p, const struct event *ev)
{
    size_t n_attrs = p->n_attrs, n_groups = p->n_groups;
    bool found;
    for (size_t i = 0; i < ev->profile.n; i++, n_attrs += !found)
        registers_find(p->attrs, p->n_attrs, sizeof *p->attrs, ev->profile.v[i].name, &found);
    for (size_t i = 0; i < ev->n_groups; i++, n_groups += !found)
        registers_find(p->groups, p->n_groups, sizeof *p->groups, ev->groups[i], &found);
    return (n_attrs == p->n_attrs || n_attrs <= PERSON_ATTRS_MAX) &&
           (n_groups == p->n_groups || n_groups <= PERSON_GROUPS_MAX);
}

enum merge person_merge(struct person *p, const struct event *ev, int64_t now_ms)
{
    uint64_t hash = event_id_hash(ev->id);
    if (seen(p, ev, hash) && !MUTATION(MUTATION_NO_DEDUPE))
        return MERGE_DUPLICATE;
    bool novel = apply(p, ev, true) || says_nothing(ev);
    bool future = ev->effective_at_ms > now_ms && ev->effective_at_ms > ev->occurred_at_ms &&
                  !MUTATION(MUTATION_SCHEDULED_AT_ONCE);
    novel |= future && speaks_below(p, ev);
    event_ids_add(&p->recent, hash);
    if (!fits_registers(p, ev) || (novel && future && !fits_schedule(p, ev))) {
        if (cuts(ev->type) &&
            !future) /* who leaves loses access, whatever else was said and cannot be kept */
            apply_status(p, ev->type, stamp_of(ev), false);
        return MERGE_FULL;
    }
    if (novel && future) {
        schedule(p, ev);
        return MERGE_SCHEDULED;
    }
    apply(p, ev, false);
    drop_void_schedules(p);
    return novel ? MERGE_NEW : MERGE_SUPERSEDED;
}

/* ---- what a source answers ----------------------------------------------------------------------------- */

static void hear_left(struct person *p, struct stamp stamp)
{
    if (!registers_wins(stamp, p->employment_stamp, (int)EMPLOYMENT_LEFT - (int)p->employment))
        return;
    if (!p->employment_asked)
        registers_tell_employment(p, p->employment, p->employment_stamp);
    p->employment_asked = true;
    p->employment = EMPLOYMENT_LEFT;
    p->employment_stamp = stamp;
}

static void hear_suspension(struct person *p, bool on, struct stamp stamp)
{
    if (!registers_wins(stamp, p->suspension_stamp, (int)on - (int)p->suspended))
        return;
    if (!p->suspension_asked)
        registers_tell_suspension(p, p->suspended, p->suspension_stamp);
    p->suspension_asked = true;
    p->suspended = on;
    p->suspension_stamp = stamp;
}

static void hear_cuts(struct person *p, const struct source_person *said, struct stamp stamp)
{
    bool left = said->words.type == EVENT_LEFT;
    if (left)
        hear_left(p, stamp);
    if (left ? !MUTATION(MUTATION_HOLD_SURVIVES_LEAVING) : said->suspended)
        hear_suspension(p, !left, stamp); /* a hold ends with the employment */
}

bool person_takes_back_left(const struct person *p, const struct source_person *said, uint64_t word)
{
    return said->words.type == EVENT_JOINED && p->employment_asked && p->employment_stamp.event == word;
}

bool person_takes_back_suspended(const struct person *p, const struct source_person *said, uint64_t word)
{
    return said->not_suspended && p->suspension_asked && p->suspended && p->suspension_stamp.event == word;
}

static void take_back_suspension(struct person *p)
{
    p->suspended = p->suspended_told;
    p->suspension_stamp = p->suspension_told_stamp;
    p->suspension_asked = false;
    registers_tell_suspension(p, false, (struct stamp){0});
}

/* Also that it ended a suspension. */
static void take_back_left(struct person *p)
{
    if (p->suspension_asked && stamp_eq(p->suspension_stamp, p->employment_stamp))
        take_back_suspension(p);
    p->employment = p->employment_told;
    p->employment_stamp = p->employment_told_stamp;
    p->employment_asked = false;
    registers_tell_employment(p, EMPLOYMENT_UNKNOWN, (struct stamp){0});
}

/* Weaker than any word of an event: it sets what nobody has spoken of, and whatever is said later wins. */
static void presume_joined(struct person *p)
{
    if (p->employment != EMPLOYMENT_UNKNOWN && !MUTATION(MUTATION_FETCH_REVIVES))
        return;
    p->employment = EMPLOYMENT_JOINED;
    p->employment_stamp = (struct stamp){0, 1};
}

bool person_merge_fetched(struct person *p, const struct source_person *said, bool certain)
{
    struct event words = said->words;
    struct stamp stamp = stamp_of(&words);
    words.type = EVENT_CHANGED;
    bool fits = fits_registers(p, &words);
    if (fits)
        apply(p, &words, false);
    if (certain && person_takes_back_left(p, said, stamp.event))
        take_back_left(p);
    if (certain && person_takes_back_suspended(p, said, stamp.event))
        take_back_suspension(p);
    hear_cuts(p, said, stamp); /* who leaves loses access, whatever else was said and cannot be kept */
    if (fits && said->words.type == EVENT_JOINED)
        presume_joined(p);
    drop_void_schedules(p);
    return fits;
}

bool person_fire_due(struct person *p, int64_t now_ms)
{
    bool changed = false;
    while (p->n_scheduled > 0 && p->scheduled[0].due_ms <= now_ms) {
        apply(p, &p->scheduled[0].event, false);
        unschedule(p, 0);
        changed = true;
    }
    if (p->access_until_ms && !p->access_ended && p->access_until_ms <= now_ms &&
        !MUTATION(MUTATION_ACCESS_UNTIL_NOT_FIRED))
        p->access_ended = changed = true;
    if (changed)
        drop_void_schedules(p);
    return changed;
}

int64_t person_next_due(const struct person *p)
{
    int64_t due = p->n_scheduled > 0 ? p->scheduled[0].due_ms : 0;
    if (p->access_until_ms && !p->access_ended && (due == 0 || p->access_until_ms < due))
        due = p->access_until_ms;
    return due;
}

/* ---- questions ----------------------------------------------------------------------------------------- */

bool person_is_scheduled(const struct person *p, uint64_t event)
{
    for (size_t i = 0; i < p->n_scheduled; i++)
        if (event_id_hash(p->scheduled[i].event.id) == event)
            return true;
    return false;
}

bool person_word_survives(const struct person *p, enum event_type type, uint64_t event)
{
    if (p->employment_stamp.event == event || p->access_until_stamp.event == event ||
        p->complete_stamp.event == event || p->complete_groups_stamp.event == event)
        return true;
    if (p->suspension_stamp.event == event && (type == EVENT_SUSPENDED || type == EVENT_RESUMED))
        return true;
    for (size_t i = 0; i < p->n_attrs; i++)
        if (p->attrs[i].stamp.event == event)
            return true;
    for (size_t i = 0; i < p->n_groups; i++)
        if (p->groups[i].stamp.event == event)
            return true;
    return person_is_scheduled(p, event);
}

const char *person_attr(const struct person *p, const char *name)
{
    bool found;
    size_t at = registers_find(p->attrs, p->n_attrs, sizeof *p->attrs, name, &found);
    return found ? p->attrs[at].value : NULL;
}

const char *employment_name(enum employment e)
{
    static const char *const names[] = {
        [EMPLOYMENT_UNKNOWN] = "unknown",
        [EMPLOYMENT_JOINED] = "joined",
        [EMPLOYMENT_LEFT] = "left",
        [EMPLOYMENT_DELETED] = "deleted",
    };
    return names[e];
}

bool person_may_have_access(const struct person *p, int64_t now_ms)
{
    bool passed =
        p->access_until_ms && p->access_until_ms <= now_ms && !MUTATION(MUTATION_ACCESS_UNTIL_NOT_FIRED);
    bool ended = p->access_ended || passed;
    return p->employment == EMPLOYMENT_JOINED && !p->suspended && !ended;
}

/* ---- release ------------------------------------------------------------------------------------------- */

void person_done(struct person *p)
{
    for (size_t i = 0; i < p->n_attrs; i++) {
        free(p->attrs[i].name);
        free(p->attrs[i].value);
    }
    for (size_t i = 0; i < p->n_groups; i++)
        free(p->groups[i].name);
    for (size_t i = 0; i < p->n_scheduled; i++)
        event_done(&p->scheduled[i].event);
    for (size_t i = 0; i < p->n_targets; i++)
        target_state_done(&p->targets[i]);
    free(p->attrs);
    free(p->groups);
    event_ids_done(&p->recent);
    free(p->scheduled);
    free(p->targets);
    *p = (struct person){0};
}
