/* event.h - the lifecycle event: what ingest publishes and the worker merges.
 *
 * Wire form: CloudEvents 1.0 in Kafka's binary mode (ce_* headers, JSON value); schemas/event.schema.json is
 * the contract, this header its C form. To change it: schema, examples, event.c and both READMEs in one
 * commit. Key = tenant/bucket, see event_key. Thread rule: one owner at a time. */
#ifndef ROLLCALL_EVENT_H
#define ROLLCALL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"
#include "buf.h"
#include "digest.h"
#include "error.h"

enum event_type {
    EVENT_JOINED,
    EVENT_CHANGED,
    EVENT_SUSPENDED,
    EVENT_RESUMED,
    EVENT_LEFT,
    EVENT_DELETED,
    EVENT_MEMBERSHIP_ADDED,
    EVENT_MEMBERSHIP_REMOVED,
    EVENT_TYPES,
};

enum {
    EVENT_ID_SIZE = 33,      /* 32 lower-case hex digits and NUL: 128 bits of SHA-256 */
    EVENT_NAME_MAX = 64,     /* tenant, directory, source: [a-z0-9][a-z0-9._-]* */
    EVENT_SUBJECT_MAX = 256, /* bytes; any UTF-8 without control characters */
    EVENT_GROUPS_MAX = 64,
    EVENT_GROUP_NAME_MAX = 256,
    EVENT_VALUE_MAX = 256 * 1024, /* bytes of the JSON value */
    EVENT_TRACEPARENT_SIZE = 56,
};

struct event {
    char id[EVENT_ID_SIZE];
    enum event_type type;
    char *tenant;
    char *directory; /* name space of subject */
    char *subject;   /* the person's stable id in the directory */
    char *source;    /* name of the source that sent it */
    int64_t occurred_at_ms;
    int64_t effective_at_ms; /* 0: at once */
    int64_t received_at_ms;
    bool complete;    /* profile is everybody's word: attributes it does not name are cleared */
    bool needs_fetch; /* thin webhook: the profile has to be fetched from the source */
    struct attrs profile;
    bool has_access_until;   /* the event says something about accessUntil */
    int64_t access_until_ms; /* 0: without end */
    char **groups;           /* names of groups that the person is in, of membership.removed: is not in */
    size_t n_groups;
    bool groups_complete;              /* these are all: the person is in no other */
    char *delivery_id;                 /* origin: the sender's id of the delivery, may be NULL */
    char body_sha256[SHA256_HEX_SIZE]; /* origin: SHA-256 of the webhook's body as received; "" if none */
    char replay_of[EVENT_ID_SIZE];     /* "" unless this event replays another one */
    char traceparent[EVENT_TRACEPARENT_SIZE]; /* W3C trace context; "" if none */
    /* Not NULL: this is no event but a verified request, or an item of one, that makes none though it should, and this
     * is why. Written as EVENT_UNREADABLE; of the rest only tenant, directory, source, times and origin count. No reader
     * takes it for an event: it ends in the dead letters, with the reason. */
    char *unreadable;
    size_t unreadable_item; /* position in the request, from 1; 0: the whole */
};

#define EVENT_UNREADABLE "rollcall.webhook.unreadable"

struct event_header {
    const char *name;
    const char *value; /* NUL-terminated */
};

void event_done(struct event *ev); /* frees the content */

const char *event_type_name(enum event_type type);                  /* "rollcall.person.joined" … */
bool event_type_parse(const char *name, enum event_type *ret_type); /* also without "rollcall." */

/* Id of an event: 128 bits of SHA-256 over source, NUL, sender's id. */
void event_id_make(const char *source, struct str sender_id, char out[EVENT_ID_SIZE]);

/* Fails with ERROR_INPUT and the member's name if a limit or rule of the schema is broken. */
bool event_check(const struct event *ev, struct error *err) __attribute__((warn_unused_result));

/* Appends the JSON value (CloudEvents data). */
void event_write_value(const struct event *ev, struct buf *out);

/* Calls put(ctx, name, value) for each Kafka header: ce_specversion, ce_id, ce_type, ce_source, ce_subject,
 * ce_time, content-type, traceparent (if any). Values live until put returns. */
void event_each_header(const struct event *ev, void (*put)(void *ctx, const char *name, const char *value),
                       void *ctx);

/* person: "directory/subject". The bucket = murmur2(person) mod spread; 0 with a spread of 0 or 1. */
uint32_t event_bucket(struct str person, unsigned spread);
/* The Kafka key "tenant/bucket". */
void event_key(const struct event *ev, unsigned spread, struct buf *out);

/* Reads a Kafka record (headers by name, case-sensitive; a value of at most EVENT_VALUE_MAX) into *ret
 * (release with event_done) and checks it. Fails with ERROR_INPUT. occurredAt more than 5 minutes after
 * receivedAt is clamped to receivedAt here, so that every reader sees the same instant. */
bool event_read(const struct event_header *headers, size_t n_headers, struct str value, struct event *ret,
                struct error *err) __attribute__((warn_unused_result));

/* Reads what event_write_value wrote, for a store that keeps id and type beside it. As event_read otherwise.
 */
bool event_read_value(const char *id, const char *type, struct str value, struct event *ret,
                      struct error *err) __attribute__((warn_unused_result));

/* Same rule for tenant, directory, source and target names: [a-z0-9][a-z0-9._-]{0,63}. */
bool event_name_ok(const char *name);

#endif
