#include "event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "utf8.h"

enum { DELIVERY_ID_MAX = 256 };

static const int64_t TIME_MAX_MS = INT64_C(253402300799999); /* end of the year 9999 */

static const char *const type_names[EVENT_TYPES] = {
    [EVENT_JOINED] = "rollcall.person.joined",
    [EVENT_CHANGED] = "rollcall.person.changed",
    [EVENT_SUSPENDED] = "rollcall.person.suspended",
    [EVENT_RESUMED] = "rollcall.person.resumed",
    [EVENT_LEFT] = "rollcall.person.left",
    [EVENT_DELETED] = "rollcall.person.deleted",
    [EVENT_MEMBERSHIP_ADDED] = "rollcall.membership.added",
    [EVENT_MEMBERSHIP_REMOVED] = "rollcall.membership.removed",
};

void event_done(struct event *ev)
{
    free(ev->tenant);
    free(ev->directory);
    free(ev->subject);
    free(ev->source);
    free(ev->delivery_id);
    attrs_done(&ev->profile);
    for (size_t i = 0; i < ev->n_groups; i++)
        free(ev->groups[i]);
    free(ev->groups);
    free(ev->unreadable);
    *ev = (struct event){0};
}

const char *event_type_name(enum event_type type)
{
    return type_names[type];
}

bool event_type_parse(const char *name, enum event_type *ret_type)
{
    const size_t prefix = strlen("rollcall.");
    for (size_t i = 0; i < EVENT_TYPES; i++) {
        if (strcmp(name, type_names[i]) == 0 || strcmp(name, type_names[i] + prefix) == 0) {
            *ret_type = (enum event_type)i;
            return true;
        }
    }
    return false;
}

bool event_name_ok(const char *name)
{
    size_t n = 0;
    for (; name[n]; n++) {
        char c = name[n];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (n == 0 || !strchr("._-", c)))
            return false;
        if (n == EVENT_NAME_MAX)
            return false;
    }
    return n > 0;
}

void event_id_make(const char *source, struct str sender_id, char out[EVENT_ID_SIZE])
{
    size_t source_size = strlen(source) + 1;
    char *text = xmalloc(source_size + sender_id.n);
    memcpy(text, source, source_size);
    if (sender_id.n > 0)
        memcpy(text + source_size, sender_id.p, sender_id.n);
    unsigned char hash[SHA256_SIZE];
    digest_sha256(text, source_size + sender_id.n, hash);
    hex_encode(hash, (EVENT_ID_SIZE - 1) / 2, out);
    free(text);
}

uint32_t event_bucket(struct str person, unsigned spread)
{
    return spread > 1 ? digest_murmur2(person.p, person.n) % spread : 0;
}

void event_key(const struct event *ev, unsigned spread, struct buf *out)
{
    char person[EVENT_NAME_MAX + 1 + EVENT_SUBJECT_MAX + 1];
    int n = snprintf(person, sizeof person, "%s/%s", ev->directory, ev->subject);
    size_t used = (size_t)n < sizeof person ? (size_t)n : sizeof person - 1;
    buf_adds(out, ev->tenant);
    buf_addc(out, '/');
    buf_addi(out, event_bucket((struct str){person, used}, spread));
}

static bool bad(struct error *err, const char *member, const char *rule)
{
    return error_set(err, ERROR_INPUT, "%s: %s", member, rule);
}

static bool check_name(const char *name, const char *member, struct error *err)
{
    return (name && event_name_ok(name)) || bad(err, member, "not a name ([a-z0-9][a-z0-9._-]*, at most 64)");
}

static bool check_text(const char *text, size_t max, const char *member, struct error *err)
{
    struct str s = str_of(text);
    if (s.n == 0)
        return bad(err, member, "missing or empty");
    if (s.n > max)
        return bad(err, member, "longer than allowed");
    return utf8_printable(s) || bad(err, member, "holds control characters or is not UTF-8");
}

static bool check_time(int64_t ms, const char *member, struct error *err)
{
    return (ms >= 0 && ms <= TIME_MAX_MS) || bad(err, member, "outside the years 1970 to 9999");
}

static bool lower_hex(const char *text, size_t n)
{
    return strspn(text, "0123456789abcdef") >= n && strlen(text) == n;
}

/* version-traceid-parentid-flags */
static bool traceparent_ok(const char *text)
{
    static const size_t sizes[] = {2, 32, 16, 2};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strspn(text, "0123456789abcdef") != sizes[i])
            return false;
        text += sizes[i];
        if (*text++ != (i == 3 ? '\0' : '-'))
            return false;
    }
    return true;
}

static bool check_ids(const struct event *ev, struct error *err)
{
    if (!lower_hex(ev->id, EVENT_ID_SIZE - 1))
        return bad(err, "id", "not 32 lower-case hexadecimal digits");
    if (ev->body_sha256[0] && !lower_hex(ev->body_sha256, SHA256_HEX_SIZE - 1))
        return bad(err, "origin.bodySha256", "not 64 lower-case hexadecimal digits");
    if (ev->replay_of[0] && !lower_hex(ev->replay_of, EVENT_ID_SIZE - 1))
        return bad(err, "replayOf", "not 32 lower-case hexadecimal digits");
    if (ev->traceparent[0] && !traceparent_ok(ev->traceparent))
        return bad(err, "traceparent", "not a W3C trace context");
    return !ev->delivery_id || check_text(ev->delivery_id, DELIVERY_ID_MAX, "origin.deliveryId", err);
}

/* Text may have lines and tabs; other control characters say nothing and cost six bytes each in JSON. */
static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' && !strchr("\t\n\r", s.p[i]))
            return true;
    return false;
}

static bool check_profile(const struct attrs *profile, struct error *err)
{
    if (profile->n > ATTRS_MAX)
        return bad(err, "profile", "more attributes than allowed");
    for (size_t i = 0; i < profile->n; i++) {
        const struct attr *attr = &profile->v[i];
        if (!check_text(attr->name, ATTR_NAME_MAX, "profile: an attribute's name", err))
            return false;
        struct str value = str_of(attr->value);
        if (value.n > ATTR_VALUE_MAX)
            return error_set(err, ERROR_INPUT, "profile.%s: longer than %d bytes", attr->name,
                             ATTR_VALUE_MAX);
        if (!utf8_ok(value) || has_control(value))
            return error_set(err, ERROR_INPUT, "profile.%s: holds control characters or is not UTF-8",
                             attr->name);
    }
    return true;
}

static bool check_groups(const struct event *ev, struct error *err)
{
    bool membership = ev->type == EVENT_MEMBERSHIP_ADDED || ev->type == EVENT_MEMBERSHIP_REMOVED;
    if (membership && ev->n_groups == 0 && !ev->groups_complete)
        return bad(err, "groups", "a membership event names none");
    if (ev->n_groups > EVENT_GROUPS_MAX)
        return bad(err, "groups", "more than allowed");
    if (ev->groups_complete && ev->type == EVENT_MEMBERSHIP_REMOVED)
        return bad(err, "groupsComplete", "of groups that the person is not in");
    for (size_t i = 0; i < ev->n_groups; i++)
        if (!check_text(ev->groups[i], EVENT_GROUP_NAME_MAX, "groups: a name", err))
            return false;
    return true;
}

bool event_check(const struct event *ev, struct error *err)
{
    if ((unsigned)ev->type >= EVENT_TYPES)
        return bad(err, "type", "unknown");
    return check_ids(ev, err) && check_name(ev->tenant, "tenant", err) &&
           check_name(ev->directory, "directory", err) && check_name(ev->source, "origin.source", err) &&
           check_text(ev->subject, EVENT_SUBJECT_MAX, "subject", err) &&
           check_time(ev->occurred_at_ms, "occurredAt", err) &&
           check_time(ev->effective_at_ms, "effectiveAt", err) &&
           check_time(ev->received_at_ms, "receivedAt", err) &&
           check_time(ev->access_until_ms, "accessUntil", err) && check_profile(&ev->profile, err) &&
           check_groups(ev, err);
}
