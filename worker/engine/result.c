#include "result.h"

#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "digest.h"
#include "json.h"
#include "mem.h"
#include "utf8.h"

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[OUTCOMES] = {"applied", "unchanged", "superseded", "merged",
                                                "ignored", "rejected",  "denied"};
    return names[outcome];
}

/* ---- results ------------------------------------------------------------------------------------------- */

static void write_identity(struct json_out *w, const struct result *r)
{
    char id[EVENT_ID_SIZE + EVENT_NAME_MAX + 16];
    if (r->event)
        snprintf(id, sizeof id, "%s/%s", r->event->id, r->target);
    else
        snprintf(id, sizeof id, "effect:%016llx/%s", (unsigned long long)r->effect, r->target);
    json_put_string(w, "id", id);
    json_put_string(w, "eventId", r->event ? r->event->id : NULL);
    json_put_string(w, "eventType", r->event ? event_type_name(r->event->type) : NULL);
    json_put_string(w, "tenant", r->tenant);
    json_put_string(w, "directory", r->directory);
    json_put_string(w, "subject", r->subject);
    json_put_string(w, "target", r->target);
    json_put_string(w, "outcome", outcome_name(r->outcome));
    if (r->account_id)
        json_put_string(w, "accountId", r->account_id);
}

static void write_operations(struct json_out *w, const struct result *r)
{
    json_open(w, "operations", '[');
    for (size_t i = 0; i < r->n_operations; i++) {
        const struct operation *op = &r->operations[i];
        json_open(w, NULL, '{');
        json_put_string(w, "method", op->put ? "PUT" : step_method(op->step));
        json_put_string(w, "resource", step_resource(op->step));
        json_put_int(w, "status", op->status);
        json_put_int(w, "attempts", op->attempts);
        json_put_int(w, "ms", op->ms);
        json_close(w);
    }
    json_close(w);
    json_open(w, "changes", '[');
    for (size_t i = 0; i < r->n_changes; i++) {
        json_open(w, NULL, '{');
        json_put_string(w, "attribute", r->changes[i].attribute);
        json_put_string(w, "before", r->changes[i].before);
        json_put_string(w, "after", r->changes[i].after);
        json_close(w);
    }
    json_close(w);
}

/* By its name; NULL: it is no team that was refused. */
static const char *refused_team(const struct refused *r)
{
    if (r->team)
        return r->team;
    return strncmp(r->what, REFUSED_TEAM, strlen(REFUSED_TEAM)) == 0 ? r->what + strlen(REFUSED_TEAM) : NULL;
}

/* Attributes that the target refuses; whole steps ("+create") speak through the cause. */
static void write_refused(struct json_out *w, const struct target_state *t, const struct profile *profile)
{
    if (!t || t->n_refused == 0)
        return;
    json_open(w, "refused", '[');
    for (size_t i = 0; i < t->n_refused; i++) {
        const struct refused *r = &t->refused[i];
        if (r->what[0] == '+')
            continue;
        json_open(w, NULL, '{');
        const char *team = refused_team(r), *role = attr_role(r->what), *of = role ? "admin_roles" : r->what;
        json_put_string(w, "attribute", team ? "teams" : of);
        if (team || role)
            json_put_string(w, "value", team ? team : role);
        json_put_string(w, "reason", r->reason);
        json_put_string(w, "action", advice_for(profile, r->what, r->reason));
        json_close(w);
    }
    json_close(w);
}

static void write_times(struct json_out *w, const struct result *r)
{
    if (r->event) {
        json_put_time(w, "occurredAt", r->event->occurred_at_ms);
        json_put_time(w, "queuedAt", r->event->queued_at_ms);
    }
    if (r->started_ms)
        json_put_time(w, "startedAt", r->started_ms);
    json_put_time(w, "finishedAt", r->finished_ms);
    if (r->event && r->event->trace_id[0])
        json_put_string(w, "traceId", r->event->trace_id);
}

static void write_result(struct json_out *w, const char *name, const struct result *r)
{
    json_open(w, name, '{');
    write_identity(w, r);
    write_operations(w, r);
    if (r->merged_into)
        json_put_string(w, "mergedInto", r->merged_into);
    if (r->cause)
        json_put_string(w, "cause", r->cause);
    if (r->action)
        json_put_string(w, "action", r->action);
    if (r->not_fetched)
        json_put_string(w, "notFetched", r->not_fetched);
    write_refused(w, r->state, r->profile);
    json_put_int(w, "attempts", r->attempts);
    write_times(w, r);
    json_close(w);
}

void result_write(const struct result *r, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    write_result(&w, NULL, r);
}

/* ---- dead letters -------------------------------------------------------------------------------------- */

/* Cleared attributes of a complete profile need no word of their own, nor do memberships that a complete list ended. */
static void put_profile(const struct person *p, uint64_t hash, struct event *ev)
{
    for (size_t i = 0; i < p->n_attrs && ev->profile.n < ATTRS_MAX; i++)
        if (p->attrs[i].stamp.event == hash && (p->attrs[i].value || !ev->complete))
            attrs_set(&ev->profile, p->attrs[i].name, p->attrs[i].value);
}

static void put_groups(const struct person *p, uint64_t hash, struct event *ev)
{
    ev->groups = xcalloc(EVENT_GROUPS_MAX, sizeof *ev->groups);
    for (size_t i = 0; i < p->n_groups && ev->n_groups < EVENT_GROUPS_MAX; i++)
        if (p->groups[i].stamp.event == hash && (p->groups[i].member || !ev->groups_complete))
            ev->groups[ev->n_groups++] = xstrdup(p->groups[i].name);
}

/* Release with event_done. */
static struct event event_from_registers(const struct result *r, const struct person *p)
{
    uint64_t hash = event_id_hash(r->event->id);
    struct event ev = {.type = r->event->type,
                       .tenant = xstrdup(r->tenant),
                       .directory = xstrdup(r->directory),
                       .subject = xstrdup(r->subject),
                       .source = xstrdup(r->event->source[0] ? r->event->source : r->directory),
                       .occurred_at_ms = r->event->occurred_at_ms,
                       .received_at_ms = r->event->queued_at_ms,
                       .needs_fetch = r->event->needs_fetch,
                       .complete = p->complete_stamp.event == hash,
                       .groups_complete = p->complete_groups_stamp.event == hash,
                       .has_access_until = p->access_until_stamp.event == hash};
    if (ev.has_access_until)
        ev.access_until_ms = p->access_until_ms;
    put_profile(p, hash, &ev);
    put_groups(p, hash, &ev);
    return ev;
}

static void write_data(struct json_out *w, const struct event *ev)
{
    struct buf data;
    buf_init(&data, 2 * (size_t)EVENT_VALUE_MAX);
    event_write_value(ev, &data);
    json_put_raw(w, "data", buf_str(&data));
    buf_done(&data);
}

static void write_event(struct json_out *w, const struct result *r, const struct person *p)
{
    json_open(w, "event", '{');
    json_put_string(w, "id", r->event->id);
    json_put_string(w, "type", event_type_name(r->event->type));
    if (r->unmerged) {
        write_data(w, r->unmerged);
    } else {
        struct event ev = event_from_registers(r, p);
        write_data(w, &ev);
        event_done(&ev);
    }
    json_close(w);
}

void deadletter_write_rejected(const struct result *r, const struct person *p, int32_t partition,
                               struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_string(&w, "kind", "rejected");
    json_put_string(&w, "reason", r->cause ? r->cause : "rejected");
    if (r->action)
        json_put_string(&w, "action", r->action);
    write_result(&w, "result", r);
    if (r->event)
        write_event(&w, r, p);
    json_put_int(&w, "partition", partition);
    json_put_int(&w, "offset", r->event ? r->event->offset : p->offset);
    json_put_time(&w, "at", r->finished_ms);
    json_close(&w);
}

/* UTF-8 that JSON's escapes at most double. */
static bool is_text(struct str bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        if ((unsigned char)bytes.p[i] < ' ' && (bytes.p[i] == '\0' || !strchr("\t\n\r", bytes.p[i])))
            return false;
    return utf8_ok(bytes);
}

/* Text goes as text, anything else as base64. */
static void put_bytes(struct json_out *w, const char *name, const char *name_base64, struct str bytes)
{
    struct buf encoded;
    if (is_text(bytes)) {
        json_put_str(w, name, bytes);
        return;
    }
    buf_init(&encoded, bytes.n * 2 + 8);
    base64_encode(bytes.p, bytes.n, &encoded);
    json_put_str(w, name_base64, buf_str(&encoded));
    buf_done(&encoded);
}

static void write_headers(struct json_out *w, const struct invalid_record *r)
{
    size_t left = DEADLETTER_HEADERS_MAX;
    json_open(w, "headers", '[');
    for (size_t i = 0; i < r->n_headers; i++) {
        struct str name = str_of(r->headers[i].name), value = str_of(r->headers[i].value);
        if (!is_text(name) || name.n + value.n > left)
            continue;
        left -= name.n + value.n;
        json_open(w, NULL, '{');
        json_put_str(w, "name", name);
        put_bytes(w, "value", "valueBase64", value);
        json_close(w);
    }
    json_close(w);
}

void deadletter_write_invalid(const struct invalid_record *r, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_string(&w, "kind", "invalid");
    json_put_string(&w, "reason", r->reason);
    json_put_int(&w, "partition", r->partition);
    json_put_int(&w, "offset", r->offset);
    put_bytes(&w, "key", "keyBase64", r->key);
    write_headers(&w, r);
    put_bytes(&w, "value", "valueBase64", r->value);
    json_put_time(&w, "at", r->at_ms);
    json_close(&w);
}
