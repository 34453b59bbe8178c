/* Miro's REST side: the audit log. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_core.h"
#include "rfc3339.h"

static const int64_t kept_ms = 90 * 86400000ll; /* older events are not in this log */

struct range {
    int64_t after_ms, before_ms;
    bool descending;
    size_t limit;
    uint64_t cursor; /* seq of the last event received; 0: from the beginning */
};

static bool read_instant(const struct call *c, const char *name, int64_t *ret, struct problem *pb)
{
    char *text = rest_query(c, name);
    bool good = text && rfc3339_parse(str_of(text), ret);
    free(text);
    return good || refuse(pb, 400, NULL, "%s is required: an instant as 2026-11-26T12:00:00.000Z", name);
}

/* A cursor is an event's id: "instant#seq-SBX". */
static bool read_cursor(const struct call *c, uint64_t *ret, struct problem *pb)
{
    char *text = rest_query(c, "cursor");
    const char *hash = text ? strchr(text, '#') : NULL;
    bool good = !text || !*text || (hash && hash[1] >= '0' && hash[1] <= '9');
    *ret = hash ? strtoull(hash + 1, NULL, 10) : 0;
    free(text);
    return good || refuse(pb, 400, NULL, "The cursor is none of this list");
}

static bool read_range(const struct call *c, struct range *ret, struct problem *pb)
{
    *ret = (struct range){0};
    char *sorting = rest_query(c, "sorting");
    ret->descending = sorting && strcmp(sorting, "DESC") == 0;
    bool known = !sorting || ret->descending || strcmp(sorting, "ASC") == 0;
    free(sorting);
    if (!known)
        return refuse(pb, 400, NULL, "sorting must be ASC or DESC");
    if (!read_instant(c, "createdAfter", &ret->after_ms, pb) ||
        !read_instant(c, "createdBefore", &ret->before_ms, pb) || !rest_limit(c, &ret->limit, pb) ||
        !read_cursor(c, &ret->cursor, pb))
        return false;
    if (ret->after_ms > ret->before_ms)
        return refuse(pb, 400, NULL, "createdAfter must not be later than createdBefore");
    if (ret->after_ms < c->now_ms - kept_ms)
        ret->after_ms = c->now_ms - kept_ms;
    return true;
}

/* ---- one event ------------------------------------------------------------------------------------------ */

static void event_id(const struct audit_event *e, char *out, size_t size)
{
    char at[RFC3339_SIZE];
    rfc3339_format(e->at_ms, at);
    snprintf(out, size, "%s#%" PRIu64 "-SBX", at, e->seq);
}

static void put_pair(struct json_out *w, const char *name, const char *id, const char *as)
{
    json_open(w, name, '{');
    json_put_string(w, "id", id);
    json_put_string(w, "name", as);
    json_close(w);
}

static void put_context(struct call *c, const struct audit_event *e)
{
    json_open(&c->out, "context", '{');
    json_put_string(&c->out, "ip", "127.0.0.1");
    if (*e->team_id) {
        const struct team_record *t = miro_store_team(c->m, e->team_id, strlen(e->team_id));
        put_pair(&c->out, "team", e->team_id, t ? t->t.team_name : NULL);
    }
    put_pair(&c->out, "organization", c->m->rest.org_id, c->m->cfg.org_name);
    json_close(&c->out);
}

static void put_creator(struct call *c, const struct audit_event *e)
{
    const struct miro_user *owner = rest_owner(c->m);
    char display[512];
    json_open(&c->out, "createdBy", '{');
    if (e->actor == ACTOR_SCIM) {
        json_put_string(&c->out, "type", "scim_provisioner");
        json_put_string(&c->out, "id", c->m->rest.org_id);
        json_put_string(&c->out, "name", "SCIM Provisioner");
    } else {
        json_put_string(&c->out, "type", "user");
        if (owner) {
            user_display_name(owner, display, sizeof display);
            json_put_string(&c->out, "id", owner->id);
            json_put_string(&c->out, "name", display);
            json_put_string(&c->out, "email", owner->userName);
        }
    }
    json_close(&c->out);
}

static void put_created_at(struct json_out *w, int64_t at_ms)
{
    char at[RFC3339_SIZE], text[RFC3339_SIZE + 8];
    rfc3339_format(at_ms, at);
    snprintf(text, sizeof text, "%.*s+0000", RFC3339_SIZE - 2, at);
    json_put_string(w, "createdAt", text);
}

static void put_event(struct call *c, const struct audit_event *e)
{
    struct json_out *w = &c->out;
    char id[64];
    event_id(e, id, sizeof id);
    json_open(w, NULL, '{');
    json_put_string(w, "id", id);
    put_context(c, e);
    put_pair(w, "object", *e->object_id ? e->object_id : c->m->rest.org_id,
             *e->object_id ? e->object_name : c->m->cfg.org_name);
    put_created_at(w, e->at_ms);
    json_open(w, "details", '{');
    if (e->from)
        json_put_string(w, "from", e->from);
    if (e->to)
        json_put_string(w, "to", e->to);
    json_close(w);
    put_creator(c, e);
    json_put_string(w, "event", audit_name(e->kind));
    json_put_string(w, "category", audit_category(e->kind));
    json_close(w);
}

/* ---- the call ------------------------------------------------------------------------------------------- */

static bool within(const struct range *r, const struct audit_event *e)
{
    if (r->cursor && (r->descending ? e->seq >= r->cursor : e->seq <= r->cursor))
        return false;
    return e->at_ms >= r->after_ms && e->at_ms <= r->before_ms;
}

bool rest_audit_logs(struct call *c, struct problem *pb)
{
    struct range range;
    const struct audit *a = &c->m->audit;
    if (!read_range(c, &range, pb))
        return false;
    size_t shown = 0, n = audit_n(a);
    const struct audit_event *last = NULL;
    bool more = false;
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "type", "cursor-list");
    json_put_int(&c->out, "limit", (int64_t)range.limit);
    json_open(&c->out, "data", '[');
    for (size_t i = 0; i < n && !more; i++) {
        const struct audit_event *e = audit_at(a, range.descending ? n - 1 - i : i);
        if (!within(&range, e))
            continue;
        more = shown == range.limit;
        if (more)
            break;
        put_event(c, e);
        last = e;
        shown++;
    }
    json_close(&c->out);
    json_put_int(&c->out, "size", (int64_t)shown);
    if (more && last) {
        char id[64];
        event_id(last, id, sizeof id);
        json_put_string(&c->out, "cursor", id);
    }
    json_close(&c->out);
    return rest_done(c, 200);
}
