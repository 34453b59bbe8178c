/* The reading half of event.h. */
#include "event.h"

#include <stdio.h>

#include "json.h"
#include "mem.h"
#include "rfc3339.h"

enum { CLOCK_SKEW_MAX_MS = 5 * 60 * 1000 };

struct headers {
    const struct event_header *v;
    size_t n;
};

static const char *header(struct headers h, const char *name)
{
    for (size_t i = 0; i < h.n; i++)
        if (strcmp(h.v[i].name, name) == 0)
            return h.v[i].value;
    return NULL;
}

static bool wrong(struct error *err, const char *member, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s: %s", member, what);
}

static bool read_required_text(const cJSON *object, const char *member, char **ret, struct error *err)
{
    const char *text = json_string(object, member);
    if (!text)
        return wrong(err, member, "missing or not a string");
    *ret = xstrdup(text);
    return true;
}

/* Optional text into a fixed array; what does not fit fails. */
static bool read_short_text(const cJSON *object, const char *member, char *to, size_t size, struct error *err)
{
    const cJSON *item = json_get(object, member);
    if (!item)
        return true;
    const char *text = cJSON_GetStringValue(item);
    if (!text || text[0] == '\0' || strlen(text) >= size)
        return wrong(err, member, "not a string of the right length");
    memcpy(to, text, strlen(text) + 1);
    return true;
}

static bool read_flag(const cJSON *object, const char *member, bool *ret, struct error *err)
{
    return !json_get(object, member) || json_bool(object, member, ret) || wrong(err, member, "not a boolean");
}

static bool read_time(const cJSON *object, const char *member, bool required, int64_t *ret, struct error *err)
{
    const cJSON *item = json_get(object, member);
    if (!item)
        return !required || wrong(err, member, "missing");
    const char *text = cJSON_GetStringValue(item);
    return (text && rfc3339_parse(str_of(text), ret)) || wrong(err, member, "not an RFC 3339 instant");
}

static bool read_access_until(const cJSON *root, struct event *ev, struct error *err)
{
    const cJSON *item = json_get(root, "accessUntil");
    ev->has_access_until = item != NULL;
    if (!item || cJSON_IsNull(item))
        return true;
    return read_time(root, "accessUntil", true, &ev->access_until_ms, err) &&
           (ev->access_until_ms > 0 ||
            wrong(err, "accessUntil", "the first instant of 1970 stands for without end"));
}

static bool read_profile(const cJSON *root, struct event *ev, struct error *err)
{
    const cJSON *profile = json_get(root, "profile");
    if (!profile)
        return true;
    if (!cJSON_IsObject(profile))
        return wrong(err, "profile", "not an object");
    for (const cJSON *item = profile->child; item; item = item->next) {
        if (!cJSON_IsString(item) && !cJSON_IsNull(item))
            return wrong(err, "profile", "an attribute is neither a string nor null");
        if (attrs_find(&ev->profile, item->string))
            continue; /* the first of equal keys counts */
        if (ev->profile.n == ATTRS_MAX)
            return wrong(err, "profile", "more attributes than allowed");
        attrs_set(&ev->profile, item->string, cJSON_GetStringValue(item));
    }
    return true;
}

static bool read_group_names(const cJSON *groups, struct event *ev, struct error *err)
{
    int n = cJSON_GetArraySize(groups);
    if (!cJSON_IsArray(groups) || n > EVENT_GROUPS_MAX || (n == 0 && !ev->groups_complete))
        return wrong(err, "groups", "not an array of 1 to 64 names");
    ev->groups = xcalloc((size_t)n, sizeof *ev->groups);
    for (const cJSON *item = groups->child; item; item = item->next) {
        if (!cJSON_IsString(item))
            return wrong(err, "groups", "a name is not a string");
        ev->groups[ev->n_groups++] = xstrdup(item->valuestring);
    }
    return true;
}

static bool read_groups(const cJSON *root, struct event *ev, struct error *err)
{
    const cJSON *groups = json_get(root, "groups");
    if (!read_flag(root, "groupsComplete", &ev->groups_complete, err))
        return false;
    if (groups)
        return read_group_names(groups, ev, err);
    return !ev->groups_complete || wrong(err, "groups", "missing, though they are said to be complete");
}

static bool read_origin(const cJSON *root, struct event *ev, struct error *err)
{
    const cJSON *origin = json_get(root, "origin");
    if (!cJSON_IsObject(origin))
        return wrong(err, "origin", "missing or not an object");
    if (!read_required_text(origin, "source", &ev->source, err) ||
        !read_short_text(origin, "bodySha256", ev->body_sha256, sizeof ev->body_sha256, err))
        return error_wrap(err, "origin");
    if (json_get(origin, "deliveryId") && !read_required_text(origin, "deliveryId", &ev->delivery_id, err))
        return error_wrap(err, "origin");
    return true;
}

static bool read_value(const cJSON *root, struct event *ev, struct error *err)
{
    if (!cJSON_IsObject(root))
        return wrong(err, "value", "not a JSON object");
    return read_time(root, "occurredAt", true, &ev->occurred_at_ms, err) &&
           read_time(root, "effectiveAt", false, &ev->effective_at_ms, err) &&
           read_time(root, "receivedAt", true, &ev->received_at_ms, err) &&
           read_required_text(root, "tenant", &ev->tenant, err) &&
           read_required_text(root, "directory", &ev->directory, err) &&
           read_required_text(root, "subject", &ev->subject, err) && read_profile(root, ev, err) &&
           read_flag(root, "complete", &ev->complete, err) &&
           read_flag(root, "needsFetch", &ev->needs_fetch, err) && read_access_until(root, ev, err) &&
           read_groups(root, ev, err) && read_origin(root, ev, err) &&
           read_short_text(root, "replayOf", ev->replay_of, sizeof ev->replay_of, err);
}

/* What ingest could not understand says so itself. */
static bool check_readable(struct headers h, const cJSON *root, struct error *err)
{
    const char *type = header(h, "ce_type"), *reason = json_string(root, "reason");
    int64_t item;
    if (!type || strcmp(type, EVENT_UNREADABLE) != 0)
        return true;
    error_set(err, ERROR_INPUT, "%.400s", reason ? reason : "no reason");
    if (json_int64(root, "item", &item))
        error_wrap(err, "item %lld", (long long)item);
    return error_wrap(err, "a webhook that its source could not understand");
}

static bool read_own_headers(struct headers h, struct event *ev, struct error *err)
{
    const char *id = header(h, "ce_id"), *type = header(h, "ce_type"), *trace = header(h, "traceparent");
    if (!id || strlen(id) >= sizeof ev->id)
        return wrong(err, "ce_id", "missing or too long");
    memcpy(ev->id, id, strlen(id) + 1);
    if (!type || strncmp(type, "rollcall.", 9) != 0 || !event_type_parse(type, &ev->type))
        return wrong(err, "ce_type", "missing or unknown");
    if (trace && strlen(trace) >= sizeof ev->traceparent)
        return wrong(err, "traceparent", "too long");
    if (trace)
        memcpy(ev->traceparent, trace, strlen(trace) + 1);
    return true;
}

static bool same(struct headers h, const char *name, const char *expected, struct error *err)
{
    const char *value = header(h, name);
    if (value && strcmp(value, expected) == 0)
        return true;
    return wrong(err, name, value ? "does not agree with the value" : "missing");
}

/* The headers that repeat what the value says, for readers that look at headers only, must not contradict it.
 */
static bool check_repeated_headers(struct headers h, const struct event *ev, struct error *err)
{
    char source[sizeof "/rollcall//" + 2 * EVENT_NAME_MAX];
    snprintf(source, sizeof source, "/rollcall/%s/%s", ev->tenant, ev->source);
    if (!same(h, "ce_specversion", "1.0", err) || !same(h, "content-type", "application/json", err) ||
        !same(h, "ce_source", source, err) || !same(h, "ce_subject", ev->subject, err))
        return false;
    const char *time = header(h, "ce_time");
    int64_t time_ms;
    return (time && rfc3339_parse(str_of(time), &time_ms) && time_ms == ev->occurred_at_ms) ||
           wrong(err, "ce_time", "missing or not occurredAt");
}

static bool read_event(struct headers h, bool repeated, struct str value, struct event *ret,
                       struct error *err)
{
    if (value.n > EVENT_VALUE_MAX)
        return wrong(err, "value", "longer than allowed");
    struct json_doc doc;
    if (!json_doc_parse(value, &doc, err))
        return error_wrap(err, "value");
    struct event ev = {0};
    bool ok = check_readable(h, doc.root, err) && read_own_headers(h, &ev, err) &&
              read_value(doc.root, &ev, err) && event_check(&ev, err) &&
              (!repeated || check_repeated_headers(h, &ev, err));
    json_doc_done(&doc);
    if (!ok) {
        event_done(&ev);
        return false;
    }
    if (ev.occurred_at_ms > ev.received_at_ms + CLOCK_SKEW_MAX_MS)
        ev.occurred_at_ms = ev.received_at_ms;
    *ret = ev;
    return true;
}

bool event_read(const struct event_header *headers, size_t n_headers, struct str value, struct event *ret,
                struct error *err)
{
    return read_event((struct headers){headers, n_headers}, true, value, ret, err);
}

bool event_read_value(const char *id, const char *type, struct str value, struct event *ret,
                      struct error *err)
{
    const struct event_header own[] = {{"ce_id", id}, {"ce_type", type}};
    return read_event((struct headers){own, 2}, false, value, ret, err);
}
