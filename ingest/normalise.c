#include "normalise.h"

#include <stdio.h>
#include <stdlib.h>

#include <lua.h>

#include "body.h"
#include "json.h"
#include "mem.h"
#include "profile.h"
#include "rfc3339.h"
#include "trace.h"
#include "utf8.h"

enum { QUERY_MAX = 1024 };

/* What all events of a request share. */
struct origin {
    const struct source *src;
    struct str delivery;
    int64_t received_at_ms;
    char body_sha256[SHA256_HEX_SIZE];
    char traceparent[EVENT_TRACEPARENT_SIZE];
};

/* ---- members of one item; the item is on top of the stack ---------------------------------------------- */

static bool wrong(struct error *err, const char *key, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s: %s", key, what);
}

static bool read_string(lua_State *L, const char *key, size_t max, char **ret, struct error *err)
{
    struct str text;
    bool present;
    if (!lua_host_field_string(L, -1, key, &text, &present))
        return !present || wrong(err, key, "must be a string");
    if (text.n > max || memchr(text.p, '\0', text.n))
        return wrong(err, key, "is too long or holds a NUL");
    *ret = xstrndup(text.p, text.n);
    return true;
}

static bool read_boolean(lua_State *L, const char *key, bool *ret, struct error *err)
{
    bool present;
    return lua_host_field_boolean(L, -1, key, ret, &present) || !present ||
           wrong(err, key, "must be a boolean");
}

/* 9999-12-31T23:59:59.999Z: the last instant that RFC 3339 can write. */
static const int64_t TIME_MAX_MS = 253402300799999;

static bool time_ok(int64_t ms)
{
    return ms >= 0 && ms <= TIME_MAX_MS;
}

/* An instant in RFC 3339 or in integer milliseconds. *ret stays when absent; null counts as absent. */
static bool read_time(lua_State *L, const char *key, int64_t *ret, bool *ret_present, struct error *err)
{
    struct str text;
    int64_t ms;
    bool present;
    lua_host_field(L, -1, key);
    bool null = lua_host_is_null(L, -1);
    lua_pop(L, 1);
    *ret_present = false;
    if (null)
        return true;
    if (lua_host_field_string(L, -1, key, &text, &present)) {
        if (!rfc3339_parse(text, ret))
            return wrong(err, key, "is no instant in RFC 3339");
    } else if (!present) {
        return true;
    } else if (lua_host_field_integer(L, -1, key, &ms, &present) && time_ok(ms)) {
        *ret = ms;
    } else {
        return wrong(err, key, "must be an instant in RFC 3339 or milliseconds");
    }
    *ret_present = true;
    return true;
}

/* The member of an object of the body, where null is not the same as absent. */
static bool read_access_member(const cJSON *object, struct event *ev, struct error *err)
{
    const cJSON *member = json_get(object, "accessUntil");
    ev->has_access_until = member != NULL;
    if (!member || cJSON_IsNull(member))
        return true;
    if (json_int64(object, "accessUntil", &ev->access_until_ms) && time_ok(ev->access_until_ms))
        return true;
    return (cJSON_IsString(member) && rfc3339_parse(str_of(member->valuestring), &ev->access_until_ms)) ||
           wrong(err, "accessUntil", "must be an instant in RFC 3339 or milliseconds");
}

/* accessUntil: absent says nothing, null says without end, a view of an object stands for its member. */
static bool read_access_until(struct lua_host *host, struct event *ev, struct error *err)
{
    lua_State *L = lua_host_state(host);
    lua_host_field(L, -1, "accessUntil");
    bool null = lua_host_is_null(L, -1);
    const cJSON *object = lua_host_to_json(host, lua_gettop(L));
    lua_pop(L, 1);
    if (cJSON_IsObject(object))
        return read_access_member(object, ev, err);
    if (!read_time(L, "accessUntil", &ev->access_until_ms, &ev->has_access_until, err))
        return false;
    ev->has_access_until = ev->has_access_until || null;
    return true;
}

static bool add_group(struct event *ev, struct str name, struct error *err)
{
    if (ev->n_groups == EVENT_GROUPS_MAX || name.n > EVENT_GROUP_NAME_MAX || memchr(name.p, '\0', name.n))
        return wrong(err, "groups", "too many, or a name is too long");
    if (!ev->groups)
        ev->groups = xcalloc(EVENT_GROUPS_MAX, sizeof *ev->groups);
    ev->groups[ev->n_groups++] = xstrndup(name.p, name.n);
    return true;
}

/* A table or a JSON view of strings, on top of the stack. */
static bool read_group_list(struct lua_host *host, struct event *ev, struct error *err)
{
    lua_State *L = lua_host_state(host);
    const cJSON *node = lua_host_to_json(host, lua_gettop(L)), *item;
    bool ok = true;
    if (cJSON_IsArray(node)) {
        cJSON_ArrayForEach(item, node)
        {
            if (!cJSON_IsString(item))
                return wrong(err, "groups", "must be strings");
            if (!add_group(ev, str_of(item->valuestring), err))
                return false;
        }
        return true;
    }
    if (!lua_istable(L, -1))
        return wrong(err, "groups", "must be a list");
    size_t n = (size_t)lua_rawlen(L, -1);
    for (size_t i = 1; ok && i <= n; i++) {
        struct str name = {0};
        lua_rawgeti(L, -1, (lua_Integer)i);
        if (lua_type(L, -1) == LUA_TSTRING)
            name.p = lua_tolstring(L, -1, &name.n);
        ok = name.p ? add_group(ev, name, err) : wrong(err, "groups", "must be strings");
        lua_pop(L, 1);
    }
    return ok;
}

static bool read_groups(struct lua_host *host, struct event *ev, struct error *err)
{
    lua_State *L = lua_host_state(host);
    bool ok = lua_host_field(L, -1, "groups") == LUA_TNIL || lua_host_is_null(L, -1) ||
              read_group_list(host, ev, err);
    lua_pop(L, 1);
    return ok;
}

static bool read_profile(struct lua_host *host, struct event *ev, struct error *err)
{
    lua_State *L = lua_host_state(host);
    bool ok = lua_host_field(L, -1, "profile") == LUA_TNIL || lua_host_is_null(L, -1) ||
              profile_read(host, lua_gettop(L), &ev->profile, err);
    lua_pop(L, 1);
    return ok;
}

static bool read_type(lua_State *L, struct event *ev, struct error *err)
{
    char *name = NULL;
    if (!read_string(L, "type", EVENT_NAME_MAX, &name, err))
        return false;
    bool ok = name && event_type_parse(name, &ev->type);
    free(name);
    return ok || wrong(err, "type", "is no type of event");
}

/* ---- what the script does not say ---------------------------------------------------------------------- */

/* From the sender's id; without one, from the body: with a time in it the same body is the same event,
 * without one every delivery counts (a lost change is worse than a harmless duplicate). */
static void make_id(const struct origin *o, const char *sender_id, bool has_time, size_t index,
                    struct event *ev)
{
    struct buf id;
    buf_init(&id, EVENT_SUBJECT_MAX * 4);
    if (sender_id) {
        buf_adds(&id, sender_id);
    } else {
        buf_adds(&id, o->body_sha256);
        if (!has_time) {
            buf_addc(&id, '@');
            buf_addi(&id, o->received_at_ms);
        }
        if (index > 0) {
            buf_addc(&id, '#');
            buf_addi(&id, (int64_t)index);
        }
    }
    event_id_make(o->src->name, buf_str(&id), ev->id);
    buf_done(&id);
}

static void fill(const struct origin *o, struct event *ev)
{
    ev->tenant = xstrdup(o->src->tenant);
    ev->directory = xstrdup(o->src->directory);
    ev->source = xstrdup(o->src->name);
    ev->received_at_ms = o->received_at_ms;
    if (!ev->delivery_id && o->delivery.n > 0)
        ev->delivery_id = xstrndup(o->delivery.p, o->delivery.n);
    memcpy(ev->body_sha256, o->body_sha256, sizeof ev->body_sha256);
    memcpy(ev->traceparent, o->traceparent, sizeof ev->traceparent);
}

/* One item, on top of the stack, into *ev (event_done it also on failure). */
static bool read_event(struct lua_host *host, const struct origin *o, size_t index, struct event *ev,
                       struct error *err)
{
    lua_State *L = lua_host_state(host);
    char *sender_id = NULL;
    bool has_time = false, unused;
    if (!lua_istable(L, -1))
        return error_set(err, ERROR_INPUT, "must be a table");
    bool ok = read_type(L, ev, err) && read_string(L, "subject", EVENT_SUBJECT_MAX, &ev->subject, err) &&
              read_time(L, "occurredAt", &ev->occurred_at_ms, &has_time, err) &&
              read_time(L, "effectiveAt", &ev->effective_at_ms, &unused, err) &&
              read_access_until(host, ev, err) && read_boolean(L, "complete", &ev->complete, err) &&
              read_boolean(L, "needsFetch", &ev->needs_fetch, err) && read_profile(host, ev, err) &&
              read_groups(host, ev, err) &&
              read_string(L, "delivery", EVENT_SUBJECT_MAX, &ev->delivery_id, err) &&
              read_string(L, "id", EVENT_SUBJECT_MAX, &sender_id, err);
    if (ok && (!ev->subject || !ev->subject[0]))
        ok = wrong(err, "subject", "is missing");
    if (ok) {
        if (!has_time)
            ev->occurred_at_ms = o->received_at_ms;
        make_id(o, sender_id, has_time, index, ev);
        fill(o, ev);
        ok = event_check(ev, err);
    }
    free(sender_id);
    return ok;
}

/* ---- the request --------------------------------------------------------------------------------------- */

static void set_string(lua_State *L, const char *key, struct str value)
{
    lua_pushlstring(L, value.n > 0 ? value.p : "", value.n);
    lua_setfield(L, -2, key);
}

static void push_headers(lua_State *L, const struct source *src, const struct message *m)
{
    lua_createtable(L, 0, (int)src->n_headers);
    for (size_t i = 0; i < src->n_headers; i++) {
        struct str value;
        if (message_header(m, src->headers[i], &value) == 1)
            set_string(L, src->headers[i], value);
    }
    lua_setfield(L, -2, "headers");
}

static void push_options(lua_State *L, const struct source *src)
{
    lua_createtable(L, 0, (int)src->options.n);
    for (size_t i = 0; i < src->options.n; i++)
        set_string(L, src->options.v[i].name, str_of(src->options.v[i].value));
    lua_setfield(L, -2, "options");
}

static void push_query(lua_State *L, const struct source *src, const struct message *m)
{
    lua_createtable(L, 0, (int)src->n_query);
    for (size_t i = 0; i < src->n_query; i++) {
        struct buf value;
        buf_init(&value, QUERY_MAX);
        if (message_query(m, src->query[i], &value))
            set_string(L, src->query[i], buf_str(&value));
        buf_done(&value);
    }
    lua_setfield(L, -2, "query");
}

/* request = { body, delivery, receivedAt, headers, query, options } */
static void push_request(struct lua_host *host, const struct origin *o, const struct message *m,
                         const cJSON *body)
{
    lua_State *L = lua_host_state(host);
    lua_createtable(L, 0, 6);
    lua_host_push_json(host, body);
    lua_setfield(L, -2, "body");
    if (o->delivery.n > 0)
        set_string(L, "delivery", o->delivery);
    lua_pushinteger(L, o->received_at_ms);
    lua_setfield(L, -2, "receivedAt");
    push_headers(L, o->src, m);
    push_query(L, o->src, m);
    push_options(L, o->src);
}

/* An item that the script itself gives up: { rejected = "why" }. */
static bool given_up(lua_State *L, struct error *err)
{
    struct str why;
    bool present;
    if (!lua_host_field_string(L, -1, "rejected", &why, &present))
        return false;
    error_set(err, ERROR_INPUT, "%.*s", why.n > 200 ? 200 : (int)why.n, why.p);
    return true;
}

static void set_aside(struct event_list *list, size_t max, size_t item, const struct error *err)
{
    if (!list->bad)
        list->bad = xcalloc(max, sizeof *list->bad);
    struct unreadable *bad = &list->bad[list->n_bad++];
    bad->item = item;
    snprintf(bad->reason, sizeof bad->reason, "%s", err->message);
}

/* Item i of the list on top of the stack. */
static bool read_item(struct sources *set, const struct origin *o, size_t i, struct event_list *ret,
                      struct error *err)
{
    lua_State *L = lua_host_state(set->host);
    int top = lua_gettop(L);
    struct event *ev = &ret->v[ret->n];
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    bool ok = !given_up(L, err) && read_event(set->host, o, i, ev, err);
    lua_settop(L, top);
    if (ok)
        ret->n++;
    else
        event_done(ev);
    return ok;
}

/* The script's list on top of the stack, into events. */
static enum normalise_result read_list(struct sources *set, const struct origin *o, struct event_list *ret,
                                       struct error *err)
{
    size_t n = (size_t)lua_rawlen(lua_host_state(set->host), -1);
    if (n > (size_t)set->limits.events_per_request) {
        error_set(err, ERROR_INPUT, "%zu events in one request, at most %lld are taken", n,
                  (long long)set->limits.events_per_request);
        return NORMALISE_TOO_MANY;
    }
    ret->v = xcalloc(n, sizeof *ret->v);
    for (size_t i = 0; i < n; i++) {
        if (read_item(set, o, i, ret, err))
            continue;
        if (o->src->strict) {
            error_wrap(err, "events[%zu]", i + 1);
            return NORMALISE_EVENT;
        }
        set_aside(ret, n, i + 1, err);
    }
    return NORMALISE_OK;
}

/* The script's results (list, skipped, reply) on the stack. */
static enum normalise_result read_results(struct sources *set, const struct origin *o, struct event_list *ret,
                                          struct error *err)
{
    lua_State *L = lua_host_state(set->host);
    if (!lua_istable(L, -3)) {
        error_set(err, ERROR_INPUT, "events: must return a list");
        return NORMALISE_SCRIPT;
    }
    size_t n = 0;
    const char *reply = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
    if (reply && o->src->reply_type[0] && n <= NORMALISE_REPLY_MAX)
        ret->reply = xstrndup(reply, n);
    if (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0)
        ret->skipped = (size_t)lua_tointeger(L, -2);
    lua_pop(L, 2);
    return read_list(set, o, ret, err);
}

static enum normalise_result run_script(struct sources *set, const struct origin *o, const struct message *m,
                                        const cJSON *body, struct event_list *ret, struct error *err)
{
    enum normalise_result result = NORMALISE_SCRIPT;
    if (lua_host_begin(set->host, o->src->script, "events", err)) {
        push_request(set->host, o, m, body);
        if (lua_host_call(set->host, 1, 3, err))
            result = read_results(set, o, ret, err);
    }
    lua_host_end(set->host);
    return result;
}

/* Brackets outside strings. */
static bool nested_too_deeply(struct str text)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
            return true;
        else if (!quoted && (c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return false;
}

/* Why json_parse refused the body; asked on failure only. */
static enum normalise_result classify(struct str body)
{
    if (!utf8_ok(body))
        return NORMALISE_ENCODING;
    return nested_too_deeply(body) ? NORMALISE_DEPTH : NORMALISE_JSON;
}

/* The body, or what was signed in its stead, parsed; NULL in *ret: there is none. */
static enum normalise_result parse(const struct source *src, const struct message *m,
                                   const struct verified *verified, cJSON **ret, struct error *err)
{
    bool claims = verified && verified->content.n > 0;
    struct str text = claims ? verified->content : m->body;
    enum source_format format = claims ? SOURCE_JSON : body_format(src, m);
    *ret = NULL;
    if (text.n == 0 && src->empty)
        return NORMALISE_OK;
    if (body_parse(format, text, ret, err))
        return NORMALISE_OK;
    return format == SOURCE_JSON ? classify(text) : NORMALISE_JSON;
}

enum normalise_result normalise(struct sources *set, struct source *src, const struct message *m,
                                const struct verified *verified, int64_t received_at_ms,
                                struct event_list *ret, struct error *err)
{
    struct origin o = {.src = src, .received_at_ms = received_at_ms};
    cJSON *body;
    *ret = (struct event_list){0};
    enum normalise_result result = parse(src, m, verified, &body, err);
    if (result != NORMALISE_OK)
        return result;
    if (verified) {
        o.delivery = verified->delivery;
        ret->forged = verified->items ? verifier_filter(src->verifier, body) : 0;
    }
    digest_sha256_hex(m->body.p, m->body.n, o.body_sha256);
    trace_parent(m, o.traceparent);
    result = run_script(set, &o, m, body, ret, err);
    cJSON_Delete(body);
    if (result != NORMALISE_OK)
        event_list_done(ret);
    return result;
}

void event_list_done(struct event_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        event_done(&list->v[i]);
    free(list->v);
    free(list->reply);
    free(list->bad);
    *list = (struct event_list){0};
}

const char *normalise_result_name(enum normalise_result result)
{
    static const char *const names[] = {"ok",     "encoding", "depth",          "json",
                                        "script", "event",    "too_many_events"};
    return names[result];
}
