#include "normalise.h"

#include <stdlib.h>

#include <lua.h>

#include "body.h"
#include "event_lua.h"
#include "json.h"
#include "mem.h"
#include "rfc3339.h"
#include "trace.h"
#include "utf8.h"

enum {
    QUERY_MAX = 1024,
    WHY_MAX = 64,
    UNPROVED_VALUES_MAX = 20 * 1000, /* of a body that must be read to see whether anybody proves anything */
};

/* What all events of a request share. */
struct origin {
    const struct source *src;
    struct str delivery;
    struct str query; /* of a source that reads it: one body under two of them is two events */
    int64_t received_at_ms;
    char body_sha256[SHA256_HEX_SIZE];
    char traceparent[EVENT_TRACEPARENT_SIZE];
};

/* ---- members of one item; the item is on top of the stack ---------------------------------------------- */

static bool wrong(struct error *err, const char *key, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s: %s", key, what);
}

static bool read_boolean(lua_State *L, const char *key, bool *ret, struct error *err)
{
    bool present;
    return lua_host_field_boolean(L, -1, key, ret, &present) || !present ||
           wrong(err, key, "must be a boolean");
}

static bool read_type(lua_State *L, struct event *ev, struct error *err)
{
    char *name = NULL;
    if (!event_lua_text(L, "type", EVENT_NAME_MAX, &name, err))
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
    buf_init(&id, EVENT_SUBJECT_MAX * 4 + QUERY_MAX);
    if (sender_id) {
        buf_adds(&id, sender_id);
    } else {
        buf_adds(&id, o->body_sha256);
        if (o->query.n > 0) {
            buf_addc(&id, '?');
            buf_add(&id, o->query.p, o->query.n);
        }
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

/* That a list is complete which is not there would take the person out of all groups. */
static bool read_groups(struct lua_host *host, struct event *ev, struct error *err)
{
    bool given;
    return event_lua_groups(host, ev, &given, err) &&
           read_boolean(lua_host_state(host), "groupsComplete", &ev->groups_complete, err) &&
           (given || !ev->groups_complete || wrong(err, "groups", "missing, though they are complete"));
}

/* A misspelt effectiveAt would let a leaver go at once. */
static bool check_members(lua_State *L, struct error *err)
{
    static const char *const known[] = {"type",           "subject", "id",       "occurredAt", "effectiveAt",
                                        "accessUntil",    "profile", "complete", "needsFetch", "groups",
                                        "groupsComplete", "delivery"};
    bool ok = true;
    lua_pushnil(L);
    while (ok && lua_next(L, -2)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        ok = false;
        for (size_t i = 0; i < ARRAY_SIZE(known) && !ok; i++)
            ok = known[i][0] == key[0] && strcmp(known[i], key) == 0;
        if (!ok)
            error_set(err, ERROR_INPUT, "%.64s: an event has no such member", key);
        lua_pop(L, ok ? 1 : 2);
    }
    return ok;
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
    bool ok = check_members(L, err) && read_type(L, ev, err) &&
              event_lua_text(L, "subject", EVENT_SUBJECT_MAX, &ev->subject, err) &&
              event_lua_time(L, "occurredAt", &ev->occurred_at_ms, &has_time, err) &&
              event_lua_time(L, "effectiveAt", &ev->effective_at_ms, &unused, err) &&
              event_lua_access_until(host, ev, err) && read_boolean(L, "complete", &ev->complete, err) &&
              read_boolean(L, "needsFetch", &ev->needs_fetch, err) && event_lua_profile(host, ev, err) &&
              read_groups(host, ev, err) &&
              event_lua_text(L, "delivery", EVENT_SUBJECT_MAX, &ev->delivery_id, err) &&
              event_lua_text(L, "id", EVENT_SUBJECT_MAX, &sender_id, err);
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

/* An item that the script itself gives up, { rejected = "why" }, or fails on, { rejected = "why", fault = true }. */
static bool given_up(lua_State *L, bool *ret_fault, struct error *err)
{
    struct str why;
    bool present;
    if (!lua_host_field_string(L, -1, "rejected", &why, &present))
        return false;
    *ret_fault = false;
    lua_host_field_boolean(L, -1, "fault", ret_fault, &present);
    error_set(err, ERROR_INPUT, "%.*s", why.n > 200 ? 200 : (int)why.n, why.p);
    return true;
}

/* What cannot be understood: one that is redelivered is the same. */
static void set_aside(const struct origin *o, struct event_list *list, size_t item, const struct error *err)
{
    struct event *ev = &list->v[list->n++];
    struct buf id;
    buf_init(&id, EVENT_SUBJECT_MAX);
    buf_addf(&id, "%s/unreadable/%zu", o->body_sha256, item);
    *ev = (struct event){.type = EVENT_CHANGED,
                         .subject = xstrdup(""),
                         .occurred_at_ms = o->received_at_ms,
                         .unreadable = xstrdup(err->message),
                         .unreadable_item = item};
    event_id_make(o->src->name, buf_str(&id), ev->id);
    fill(o, ev);
    list->n_bad++;
    buf_done(&id);
}

/* Item i of the list on top of the stack. */
static bool read_item(struct sources *set, const struct origin *o, size_t i, struct event_list *ret,
                      struct error *err)
{
    lua_State *L = lua_host_state(set->host);
    int top = lua_gettop(L);
    struct event *ev = &ret->v[ret->n];
    bool fault = false;
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    bool ok = !given_up(L, &fault, err) && read_event(set->host, o, i, ev, err);
    ret->script_fault = ret->script_fault || fault;
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
            return ret->script_fault ? NORMALISE_SCRIPT : NORMALISE_EVENT;
        }
        set_aside(o, ret, i + 1, err);
    }
    return NORMALISE_OK;
}

/* How many items were skipped, or why each was. */
static void read_skipped(lua_State *L, int index, struct event_list *ret)
{
    index = lua_absindex(L, index);
    if (lua_isinteger(L, index) && lua_tointeger(L, index) > 0)
        ret->skipped = (size_t)lua_tointeger(L, index);
    if (!lua_istable(L, index))
        return;
    ret->skipped = (size_t)lua_rawlen(L, index);
    ret->why = xcalloc(WHY_MAX, sizeof *ret->why);
    for (size_t i = 0; i < ret->skipped && ret->n_why < WHY_MAX; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        if (lua_type(L, -1) == LUA_TSTRING)
            ret->why[ret->n_why++] = xstrdup(lua_tostring(L, -1));
        lua_pop(L, 1);
    }
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
    read_skipped(L, -2, ret);
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

/* Why the body is no JSON; asked on failure only. */
static enum normalise_result classify(struct str body)
{
    if (!utf8_ok(body))
        return NORMALISE_ENCODING;
    return nested_too_deeply(body) ? NORMALISE_DEPTH : NORMALISE_JSON;
}

/* What a body says. JSON that is only read lies in one piece; other formats, and what is filtered, are a tree. */
struct document {
    const cJSON *root; /* NULL: there is none */
    struct json_doc doc;
    cJSON *tree;
};

static void document_done(struct document *d)
{
    json_doc_done(&d->doc);
    cJSON_Delete(d->tree);
}

/* The body, or what was signed in its stead, parsed. */
static enum normalise_result parse(const struct source *src, const struct message *m,
                                   const struct verified *verified, struct document *ret,
                                   struct body_bad *bad, struct error *err)
{
    bool claims = verified && verified->content.n > 0;
    struct str text = claims ? verified->content : m->body;
    enum source_format format = claims ? SOURCE_JSON : body_format(src, m);
    if (text.n == 0 && src->empty)
        return NORMALISE_OK;
    bool ok = format == SOURCE_JSON ? json_doc_parse(text, &ret->doc, err)
                                    : body_parse(format, text, &ret->tree, src->strict ? NULL : bad, err);
    ret->root = ret->tree ? ret->tree : ret->doc.root;
    if (ok)
        return NORMALISE_OK;
    return format == SOURCE_JSON ? classify(text) : NORMALISE_JSON;
}

/* Lines that cannot be read, of a body with others that can: one dead letter, whose reason says how many they are. */
static void set_lines_aside(const struct origin *o, struct event_list *list, struct body_bad *bad)
{
    if (bad->n > 1)
        error_wrap(&bad->first, "%zu lines", bad->n);
    list->v = xreallocarray(list->v, list->n + 1, sizeof *list->v);
    set_aside(o, list, 0, &bad->first);
}

/* Where items carry the proof, a body without one that does, readable or not, is a stranger's; and as anybody's is read, it
 * may not cost much. */
static enum normalise_result prove_items(const struct origin *o, const struct message *m,
                                         struct document *body, struct event_list *ret, struct error *err)
{
    size_t values;
    ret->unproved = true;
    if (json_count(m->body, &values, err) && values > UNPROVED_VALUES_MAX) {
        error_set(err, ERROR_INPUT, "%zu values, at most %d are read", values, UNPROVED_VALUES_MAX);
        return NORMALISE_TOO_LARGE;
    }
    if (json_parse(m->body, &body->tree, err))
        ret->unproved = !verifier_filter(o->src->verifier, body->tree, &ret->forged);
    body->root = body->tree;
    return NORMALISE_OK;
}

static enum normalise_result make_list(struct sources *set, const struct origin *o, const struct message *m,
                                       const struct verified *verified, struct event_list *ret,
                                       struct error *err)
{
    struct document body = {0};
    struct body_bad bad = {0};
    enum normalise_result result;
    if (verified && verified->items)
        result = prove_items(o, m, &body, ret, err);
    else
        result = parse(o->src, m, verified, &body, &bad, err);
    if (result == NORMALISE_OK && !ret->unproved)
        result = run_script(set, o, m, body.root, ret, err);
    if (result == NORMALISE_OK && bad.n > 0)
        set_lines_aside(o, ret, &bad);
    document_done(&body);
    return result;
}

/* What the source answers where its script says nothing; "%" is the time. */
static char *usual_reply(const struct source *src, int64_t now_ms)
{
    char now[RFC3339_SIZE];
    const char *mark = strchr(src->reply, '%');
    if (!mark)
        return src->reply[0] ? xstrdup(src->reply) : NULL;
    rfc3339_format(now_ms, now);
    return xasprintf("%.*s%s%s", (int)(mark - src->reply), src->reply, now, mark + 1);
}

enum normalise_result normalise(struct sources *set, struct source *src, const struct message *m,
                                const struct verified *verified, int64_t received_at_ms,
                                struct event_list *ret, struct error *err)
{
    struct origin o = {.src = src, .received_at_ms = received_at_ms};
    struct buf query;
    *ret = (struct event_list){0};
    if (verified)
        o.delivery = verified->delivery;
    buf_init(&query, m->query.n);
    source_query(src, m->query, &query);
    if (query.n <= QUERY_MAX)
        o.query = buf_str(&query);
    digest_sha256_hex(m->body.p, m->body.n, o.body_sha256);
    trace_parent(m, o.traceparent);
    enum normalise_result result = make_list(set, &o, m, verified, ret, err);
    buf_done(&query);
    if (result == NORMALISE_TOO_LARGE)
        return result;
    if (result != NORMALISE_OK)
        event_list_done(ret);
    if (result != NORMALISE_OK && src->strict)
        return result;
    if (!ret->reply && !ret->unproved)
        ret->reply = usual_reply(src, received_at_ms);
    if (result == NORMALISE_OK)
        return result;
    ret->v = xcalloc(1, sizeof *ret->v);
    error_wrap(err, "%s", normalise_result_name(result));
    ret->script_fault = result == NORMALISE_SCRIPT;
    set_aside(&o, ret, 0, err);
    return NORMALISE_OK;
}

void event_list_done(struct event_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        event_done(&list->v[i]);
    free(list->v);
    for (size_t i = 0; i < list->n_why; i++)
        free(list->why[i]);
    free(list->why);
    free(list->reply);
    *list = (struct event_list){0};
}

const char *normalise_result_name(enum normalise_result result)
{
    static const char *const names[] = {"ok",     "encoding", "depth",           "json",
                                        "script", "event",    "too_many_events", "too_many_values"};
    return names[result];
}
