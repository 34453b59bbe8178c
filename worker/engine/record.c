#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_ids.h"
#include "guard.h"
#include "json.h"
#include "mem.h"
#include "stamps.h"

/* ---- writing ------------------------------------------------------------------------------------------- */

enum { STATUS_STAMPS = 7 }; /* that write_status may write */

static void put_stamp(struct json_out *w, struct stamps *s, const char *name, struct stamp stamp)
{
    json_put_int(w, name, (int64_t)stamps_place(s, stamp));
}

static bool stamped(struct stamp stamp)
{
    return stamp.at_ms || stamp.event;
}

static void put_employment_told(struct json_out *w, struct stamps *s, const struct person *p)
{
    if (p->employment_told == EMPLOYMENT_UNKNOWN) {
        json_put_null(w, "told");
        return;
    }
    json_open(w, "told", '{');
    json_put_string(w, "value", employment_name(p->employment_told));
    put_stamp(w, s, "stamp", p->employment_told_stamp);
    json_close(w);
}

static void put_suspended_told(struct json_out *w, struct stamps *s, const struct person *p)
{
    if (!stamped(p->suspension_told_stamp)) {
        json_put_null(w, "told");
        return;
    }
    json_open(w, "told", '{');
    json_put_bool(w, "on", p->suspended_told);
    put_stamp(w, s, "stamp", p->suspension_told_stamp);
    json_close(w);
}

static void write_complete(struct json_out *w, struct stamps *s, const char *name, struct stamp stamp)
{
    if (stamped(stamp))
        put_stamp(w, s, name, stamp);
}

static void write_status(struct json_out *w, struct stamps *s, const struct person *p)
{
    if (p->employment != EMPLOYMENT_UNKNOWN) {
        json_open(w, "employment", '{');
        json_put_string(w, "value", employment_name(p->employment));
        put_stamp(w, s, "stamp", p->employment_stamp);
        if (p->employment_asked)
            put_employment_told(w, s, p);
        json_close(w);
    }
    if (stamped(p->suspension_stamp)) {
        json_open(w, "suspension", '{');
        json_put_bool(w, "on", p->suspended);
        put_stamp(w, s, "stamp", p->suspension_stamp);
        if (p->suspension_asked)
            put_suspended_told(w, s, p);
        json_close(w);
    }
    if (stamped(p->access_until_stamp)) {
        json_open(w, "accessUntil", '{');
        json_put_int(w, "until", p->access_until_ms);
        json_put_bool(w, "ended", p->access_ended);
        put_stamp(w, s, "stamp", p->access_until_stamp);
        json_close(w);
    }
    if (p->gone_since_ms)
        json_put_int(w, "goneSince", p->gone_since_ms);
    write_complete(w, s, "complete", p->complete_stamp);
    write_complete(w, s, "groupsComplete", p->complete_groups_stamp);
}

static void write_registers(struct json_out *w, struct stamps *s, const struct person *p)
{
    json_open(w, "profile", '{');
    for (size_t i = 0; i < p->n_attrs; i++) {
        json_open(w, p->attrs[i].name, '[');
        json_put_string(w, NULL, p->attrs[i].value);
        put_stamp(w, s, NULL, p->attrs[i].stamp);
        json_close(w);
    }
    json_close(w);
    if (p->n_groups > 0) {
        json_open(w, "groups", '{');
        for (size_t i = 0; i < p->n_groups; i++) {
            json_open(w, p->groups[i].name, '[');
            json_put_bool(w, NULL, p->groups[i].member);
            put_stamp(w, s, NULL, p->groups[i].stamp);
            json_close(w);
        }
        json_close(w);
    }
}

static void write_words(struct json_out *w, const struct person *p)
{
    struct stamps stamps;
    stamps_init(&stamps, STATUS_STAMPS + p->n_attrs + p->n_groups);
    write_status(w, &stamps, p);
    write_registers(w, &stamps, p);
    stamps_write(&stamps, w, "stamps");
    stamps_done(&stamps);
    event_ids_put(w, "recent", &p->recent);
}

static void write_scheduled(struct json_out *w, const struct person *p)
{
    if (p->n_scheduled == 0)
        return;
    struct buf value;
    buf_init(&value, EVENT_VALUE_MAX);
    json_open(w, "scheduled", '[');
    for (size_t i = 0; i < p->n_scheduled; i++) {
        const struct scheduled *s = &p->scheduled[i];
        buf_clear(&value);
        event_write_value(&s->event, &value);
        json_open(w, NULL, '{');
        json_put_int(w, "due", s->due_ms);
        json_put_string(w, "id", s->event.id);
        json_put_string(w, "type", event_type_name(s->event.type));
        json_put_raw(w, "value", buf_str(&value));
        json_close(w);
    }
    json_close(w);
    buf_done(&value);
}

static void write_known_teams(struct json_out *w, const struct target_state *t)
{
    if (t->known_teams.n == 0)
        return;
    json_open(w, "teams", '{');
    for (size_t i = 0; i < t->known_teams.n; i++)
        json_put_bool(w, t->known_teams.v[i].name, t->known_teams.v[i].value);
    json_close(w);
}

/* By the ids of teams. */
static void write_teams(struct json_out *w, const char *name, const struct attrs *teams)
{
    if (teams->n == 0)
        return;
    json_open(w, name, '{');
    for (size_t i = 0; i < teams->n; i++)
        json_put_string(w, teams->v[i].name, teams->v[i].value);
    json_close(w);
}

static void write_made_roles(struct json_out *w, const struct target_state *t)
{
    if (t->made_roles.n == 0)
        return;
    json_open(w, "madeRoles", '[');
    for (size_t i = 0; i < t->made_roles.n; i++)
        json_put_string(w, NULL, attr_role(t->made_roles.v[i].name));
    json_close(w);
}

/* What says the same as the profile is not said again. */
static void write_known_attr(struct json_out *w, const struct person *p, const struct attr *a)
{
    const char *value = a->value ? person_attr(p, a->name) : NULL;
    if (value && strcmp(value, a->value) == 0)
        json_put_bool(w, a->name, true);
    else
        json_put_string(w, a->name, a->value);
}

static void write_known_account(struct json_out *w, const struct person *p, const struct target_state *t)
{
    json_open(w, "known", '{');
    json_put_bool(w, "active", t->known_active);
    if (t->known_groups > 0)
        json_put_int(w, "groups", t->known_groups);
    write_known_teams(w, t);
    json_open(w, "attributes", '{');
    for (size_t i = 0; i < t->known_attrs.n; i++)
        write_known_attr(w, p, &t->known_attrs.v[i]);
    json_close(w);
    json_close(w);
}

static void write_known(struct json_out *w, const struct person *p, const struct target_state *t)
{
    if (t->known == KNOWN_UNKNOWN)
        json_put_null(w, "known");
    else if (t->known == KNOWN_ABSENT)
        json_put_string(w, "known", "absent");
    else
        write_known_account(w, p, t);
    if (t->searched && !t->link)
        hash_put(w, "searched", t->searched);
}

static void write_lists(struct json_out *w, const struct target_state *t)
{
    if (t->n_refused > 0) {
        json_open(w, "refused", '[');
        for (size_t i = 0; i < t->n_refused; i++) {
            json_open(w, NULL, '{');
            json_put_string(w, "what", t->refused[i].what);
            hash_put(w, "fingerprint", t->refused[i].fingerprint);
            json_put_string(w, "reason", t->refused[i].reason);
            if (t->refused[i].team)
                json_put_string(w, "team", t->refused[i].team);
            if (t->refused[i].hold[0]) {
                json_put_string(w, "hold", t->refused[i].hold);
                json_put_int(w, "heldSince", t->refused[i].held_since_ms);
            }
            json_close(w);
        }
        json_close(w);
    }
    if (t->n_pending == 0)
        return;
    json_open(w, "pending", '[');
    for (size_t i = 0; i < t->n_pending; i++) {
        const struct pending *e = &t->pending[i];
        json_open(w, NULL, '{');
        json_put_string(w, "id", e->id);
        if (e->trace_id[0])
            json_put_string(w, "trace", e->trace_id);
        json_put_string(w, "type", event_type_name(e->type));
        if (e->source[0])
            json_put_string(w, "source", e->source);
        if (e->needs_fetch)
            json_put_bool(w, "needsFetch", true);
        if (e->empty)
            json_put_bool(w, "empty", true);
        if (e->denied)
            json_put_bool(w, "denied", true);
        json_put_int(w, "occurredAt", e->occurred_at_ms);
        json_put_int(w, "queuedAt", e->queued_at_ms);
        json_put_int(w, "offset", e->offset);
        json_close(w);
    }
    json_close(w);
}

static void write_switched(struct json_out *w, const struct target_state *t)
{
    json_open(w, "switched", '{');
    json_put_bool(w, "on", t->switched_on);
    json_put_int(w, "until", t->switched_until_ms);
    json_close(w);
}

static void write_moved(struct json_out *w, const struct target_state *t)
{
    json_open(w, "moved", '{');
    json_put_int(w, "until", t->moved_until_ms);
    write_teams(w, "teams", &t->moved);
    json_close(w);
}

static void write_held(struct json_out *w, const struct target_state *t)
{
    json_open(w, "held", '{');
    json_put_string(w, "what", guard_name(t->held_what));
    json_put_int(w, "since", t->held_since_ms);
    json_put_string(w, "id", t->held_id);
    hash_put(w, "word", t->held_word);
    if (t->held_team)
        json_put_string(w, "team", t->held_team);
    json_close(w);
}

static void write_failures(struct json_out *w, const struct target_state *t)
{
    if (t->attempts)
        json_put_int(w, "attempts", t->attempts);
    if (t->failing_since_ms)
        json_put_int(w, "failingSince", t->failing_since_ms);
    if (t->cut_failing_since_ms)
        json_put_int(w, "cutFailingSince", t->cut_failing_since_ms);
    if (t->next_attempt_ms)
        json_put_int(w, "nextAttemptAt", t->next_attempt_ms);
    if (t->failed_ms)
        json_put_int(w, "failedAt", t->failed_ms);
    if (t->last_failure)
        json_put_string(w, "lastFailure", t->last_failure);
}

static void write_target(struct json_out *w, const struct person *p, const struct target_state *t)
{
    json_open(w, t->target, '{');
    if (t->link)
        json_put_string(w, "link", t->link);
    if (t->create_as)
        json_put_string(w, "createAs", t->create_as);
    write_known(w, p, t);
    if (t->names_teams)
        json_put_bool(w, "namesTeams", true);
    if (t->out_of_reach)
        json_put_bool(w, "outOfReach", true);
    write_teams(w, "madeTeams", &t->made_teams);
    write_made_roles(w, t);
    if (t->doubt_until_ms)
        json_put_int(w, "doubtUntil", t->doubt_until_ms);
    if (t->missing_until_ms)
        json_put_int(w, "missingUntil", t->missing_until_ms);
    if (t->open)
        json_put_bool(w, "open", true);
    write_failures(w, t);
    if (t->switched_until_ms)
        write_switched(w, t);
    if (t->moved_until_ms)
        write_moved(w, t);
    if (t->write_failed)
        json_put_bool(w, "writeFailed", true);
    if (t->retry_cut_ms)
        json_put_int(w, "retryCutAt", t->retry_cut_ms);
    if (t->provision_ms)
        json_put_int(w, "provisionAt", t->provision_ms);
    if (t->provision_owed)
        json_put_bool(w, "provisionOwed", true);
    if (t->swept_ms)
        json_put_int(w, "sweptAt", t->swept_ms);
    if (t->due_ms)
        json_put_int(w, "dueAt", t->due_ms);
    if (t->denied)
        json_put_bool(w, "denied", true);
    if (t->admitted)
        hash_put(w, "admitted", t->admitted);
    write_teams(w, "admittedRemovals", &t->admitted_moves);
    if (t->held_word)
        write_held(w, t);
    write_lists(w, t);
    json_close(w);
}

/* A source stands in the record as long as there is something to tell of it. */
static bool is_told_source(const struct target_state *t)
{
    return is_source(t->target) && (t->wanted || t->fetched_ms || t->unfetched);
}

static void write_source(struct json_out *w, const struct target_state *t)
{
    json_open(w, t->target + strlen(SOURCE_PREFIX), '{');
    if (t->wanted)
        hash_put(w, "wanted", t->wanted);
    if (t->fetched_ms)
        json_put_int(w, "fetchedAt", t->fetched_ms);
    if (t->unfetched)
        json_put_string(w, "notFetched", t->unfetched);
    write_failures(w, t);
    json_close(w);
}

static void write_targets(struct json_out *w, const struct person *p)
{
    size_t n_sources = 0;
    json_open(w, "targets", '{');
    for (size_t i = 0; i < p->n_targets; i++)
        if (is_told_source(&p->targets[i]))
            n_sources++;
        else if (!is_source(p->targets[i].target))
            write_target(w, p, &p->targets[i]);
    json_close(w);
    if (n_sources == 0)
        return;
    json_open(w, "sources", '{');
    for (size_t i = 0; i < p->n_targets; i++)
        if (is_told_source(&p->targets[i]))
            write_source(w, &p->targets[i]);
    json_close(w);
}

void record_write(const struct person *p, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_int(&w, "version", RECORD_VERSION);
    json_put_int(&w, "seq", (int64_t)p->seq);
    json_put_int(&w, "offset", p->offset);
    write_words(&w, p);
    write_scheduled(&w, p);
    write_targets(&w, p);
    json_close(&w);
}

/* An account of ours that is not known to be cut. */
static bool may_be_active(const struct target_state *t)
{
    return t->link && (t->known != KNOWN_ACCOUNT || t->known_active);
}

static bool was_denied(const struct target_state *t)
{
    for (size_t i = 0; i < t->n_refused; i++)
        if (t->refused[i].hold[0])
            return true;
    return false;
}

unsigned record_flags(const struct person *p)
{
    unsigned flags = 0;
    for (size_t i = 0; i < p->n_targets; i++) {
        flags |= p->targets[i].open ? RECORD_OPEN : 0;
        flags |= p->targets[i].n_refused > 0 ? RECORD_REFUSED : 0;
        flags |= p->targets[i].retry_cut_ms ? RECORD_UNCUT : 0;
        flags |= may_be_active(&p->targets[i]) ? RECORD_ACTIVE : 0;
        flags |= p->targets[i].held_word ? RECORD_HELD : 0;
        flags |= was_denied(&p->targets[i]) ? RECORD_DENIED : 0;
        flags |= p->targets[i].names_teams || p->targets[i].made_teams.n > 0 ? RECORD_TEAMS : 0;
    }
    return flags;
}
