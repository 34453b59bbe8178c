/* The writing half of event.h. */
#include "event.h"

#include <stdio.h>

#include "json.h"
#include "rfc3339.h"

static void write_profile(const struct event *ev, struct json_out *w)
{
    json_open(w, "profile", '{');
    for (size_t i = 0; i < ev->profile.n; i++)
        json_put_string(w, ev->profile.v[i].name, ev->profile.v[i].value);
    json_close(w);
}

static void write_groups(const struct event *ev, struct json_out *w)
{
    json_open(w, "groups", '[');
    for (size_t i = 0; i < ev->n_groups; i++)
        json_put_string(w, NULL, ev->groups[i]);
    json_close(w);
}

static void write_access_until(const struct event *ev, struct json_out *w)
{
    if (ev->access_until_ms > 0)
        json_put_time(w, "accessUntil", ev->access_until_ms);
    else
        json_put_null(w, "accessUntil");
}

static void write_origin(const struct event *ev, struct json_out *w)
{
    json_open(w, "origin", '{');
    json_put_string(w, "source", ev->source);
    if (ev->delivery_id)
        json_put_string(w, "deliveryId", ev->delivery_id);
    if (ev->body_sha256[0])
        json_put_string(w, "bodySha256", ev->body_sha256);
    json_close(w);
}

static void write_unreadable(const struct event *ev, struct json_out *w)
{
    json_put_string(w, "reason", ev->unreadable);
    if (ev->unreadable_item > 0)
        json_put_int(w, "item", (int64_t)ev->unreadable_item);
    json_put_time(w, "receivedAt", ev->received_at_ms);
    json_put_string(w, "tenant", ev->tenant);
    write_origin(ev, w);
    json_close(w);
}

void event_write_value(const struct event *ev, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    if (ev->unreadable) {
        write_unreadable(ev, &w);
        return;
    }
    json_put_time(&w, "occurredAt", ev->occurred_at_ms);
    if (ev->effective_at_ms > 0)
        json_put_time(&w, "effectiveAt", ev->effective_at_ms);
    json_put_time(&w, "receivedAt", ev->received_at_ms);
    json_put_string(&w, "tenant", ev->tenant);
    json_put_string(&w, "directory", ev->directory);
    json_put_string(&w, "subject", ev->subject);
    if (ev->profile.n > 0 || ev->complete)
        write_profile(ev, &w);
    if (ev->complete)
        json_put_bool(&w, "complete", true);
    if (ev->needs_fetch)
        json_put_bool(&w, "needsFetch", true);
    if (ev->has_access_until)
        write_access_until(ev, &w);
    if (ev->n_groups > 0 || ev->groups_complete)
        write_groups(ev, &w);
    if (ev->groups_complete)
        json_put_bool(&w, "groupsComplete", true);
    write_origin(ev, &w);
    if (ev->replay_of[0])
        json_put_string(&w, "replayOf", ev->replay_of);
    json_close(&w);
}

void event_each_header(const struct event *ev, void (*put)(void *ctx, const char *name, const char *value),
                       void *ctx)
{
    char source[sizeof "/rollcall//" + 2 * EVENT_NAME_MAX];
    snprintf(source, sizeof source, "/rollcall/%s/%s", ev->tenant, ev->source);
    char time[RFC3339_SIZE];
    rfc3339_format(ev->occurred_at_ms, time);
    put(ctx, "ce_specversion", "1.0");
    put(ctx, "ce_id", ev->id);
    put(ctx, "ce_type", ev->unreadable ? EVENT_UNREADABLE : event_type_name(ev->type));
    put(ctx, "ce_source", source);
    if (!ev->unreadable)
        put(ctx, "ce_subject", ev->subject);
    put(ctx, "ce_time", time);
    put(ctx, "content-type", "application/json");
    if (ev->traceparent[0])
        put(ctx, "traceparent", ev->traceparent);
}
