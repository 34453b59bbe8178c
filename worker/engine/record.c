#include "record.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_ids.h"
#include "guard.h"
#include "json.h"
#include "mem.h"

static const char *const employment_names[] = {NULL, "joined", "left", "deleted"};

/* ---- writing ------------------------------------------------------------------------------------------- */

enum { QUOTED_HASH = 18 }; /* 16 digits between quotes */

/* Eight hex digits at a time: a nibble to each byte, then all to digits at once. */
static void put_digits(uint32_t half, char *out)
{
    uint64_t v = __builtin_bswap32(half);
    v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
    v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v >> 4 & UINT64_C(0x000f000f000f000f)) | (v & UINT64_C(0x000f000f000f000f)) << 8;
    uint64_t letters = (v + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    v += UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
    v = htole64(v);
    memcpy(out, &v, sizeof v);
}

static void quote_hash(uint64_t hash, char out[QUOTED_HASH])
{
    out[0] = out[QUOTED_HASH - 1] = '"';
    put_digits((uint32_t)(hash >> 32), out + 1);
    put_digits((uint32_t)hash, out + 9);
}

static void put_hash(struct json_out *w, const char *name, uint64_t hash)
{
    char quoted[QUOTED_HASH];
    quote_hash(hash, quoted);
    json_put_raw(w, name, (struct str){quoted, sizeof quoted});
}

static void put_stamp(struct json_out *w, struct stamp stamp)
{
    json_put_int(w, "at", stamp.at_ms);
    put_hash(w, "event", stamp.event);
}

static bool stamped(struct stamp stamp)
{
    return stamp.at_ms || stamp.event;
}

static void write_status(struct json_out *w, const struct person *p)
{
    if (p->employment != EMPLOYMENT_UNKNOWN) {
        json_open(w, "employment", '{');
        json_put_string(w, "value", employment_names[p->employment]);
        put_stamp(w, p->employment_stamp);
        json_close(w);
    }
    if (stamped(p->suspension_stamp)) {
        json_open(w, "suspension", '{');
        json_put_bool(w, "on", p->suspended);
        put_stamp(w, p->suspension_stamp);
        json_close(w);
    }
    if (stamped(p->access_until_stamp)) {
        json_open(w, "accessUntil", '{');
        json_put_int(w, "until", p->access_until_ms);
        json_put_bool(w, "ended", p->access_ended);
        put_stamp(w, p->access_until_stamp);
        json_close(w);
    }
    if (p->gone_since_ms)
        json_put_int(w, "goneSince", p->gone_since_ms);
    if (stamped(p->complete_stamp)) {
        json_open(w, "complete", '{');
        put_stamp(w, p->complete_stamp);
        json_close(w);
    }
}

static void write_registers(struct json_out *w, const struct person *p)
{
    json_open(w, "profile", '{');
    for (size_t i = 0; i < p->n_attrs; i++) {
        json_open(w, p->attrs[i].name, '[');
        json_put_string(w, NULL, p->attrs[i].value);
        json_put_int(w, NULL, p->attrs[i].stamp.at_ms);
        put_hash(w, NULL, p->attrs[i].stamp.event);
        json_close(w);
    }
    json_close(w);
    if (p->n_groups > 0) {
        json_open(w, "groups", '{');
        for (size_t i = 0; i < p->n_groups; i++) {
            json_open(w, p->groups[i].name, '[');
            json_put_bool(w, NULL, p->groups[i].member);
            json_put_int(w, NULL, p->groups[i].stamp.at_ms);
            put_hash(w, NULL, p->groups[i].stamp.event);
            json_close(w);
        }
        json_close(w);
    }
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

static void write_made_teams(struct json_out *w, const struct target_state *t)
{
    if (t->made_teams.n == 0)
        return;
    json_open(w, "madeTeams", '{');
    for (size_t i = 0; i < t->made_teams.n; i++)
        json_put_string(w, t->made_teams.v[i].name, t->made_teams.v[i].value);
    json_close(w);
}

static void write_known(struct json_out *w, const struct target_state *t)
{
    if (t->known == KNOWN_UNKNOWN) {
        json_put_null(w, "known");
        return;
    }
    if (t->known == KNOWN_ABSENT) {
        json_put_string(w, "known", "absent");
        return;
    }
    json_open(w, "known", '{');
    json_put_bool(w, "active", t->known_active);
    if (t->known_groups > 0)
        json_put_int(w, "groups", t->known_groups);
    write_known_teams(w, t);
    json_open(w, "attributes", '{');
    for (size_t i = 0; i < t->known_attrs.n; i++)
        json_put_string(w, t->known_attrs.v[i].name, t->known_attrs.v[i].value);
    json_close(w);
    json_close(w);
}

static void write_lists(struct json_out *w, const struct target_state *t)
{
    if (t->n_refused > 0) {
        json_open(w, "refused", '[');
        for (size_t i = 0; i < t->n_refused; i++) {
            json_open(w, NULL, '{');
            json_put_string(w, "what", t->refused[i].what);
            put_hash(w, "fingerprint", t->refused[i].fingerprint);
            json_put_string(w, "reason", t->refused[i].reason);
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

static void write_held(struct json_out *w, const struct target_state *t)
{
    json_open(w, "held", '{');
    json_put_string(w, "what", guard_name(t->held_what));
    json_put_int(w, "since", t->held_since_ms);
    json_put_string(w, "id", t->held_id);
    put_hash(w, "word", t->held_word);
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
    if (t->next_attempt_ms)
        json_put_int(w, "nextAttemptAt", t->next_attempt_ms);
    if (t->failed_ms)
        json_put_int(w, "failedAt", t->failed_ms);
    if (t->last_failure)
        json_put_string(w, "lastFailure", t->last_failure);
}

static void write_target(struct json_out *w, const struct target_state *t)
{
    json_open(w, t->target, '{');
    if (t->link)
        json_put_string(w, "link", t->link);
    if (t->create_as)
        json_put_string(w, "createAs", t->create_as);
    write_known(w, t);
    write_made_teams(w, t);
    if (t->doubt_until_ms)
        json_put_int(w, "doubtUntil", t->doubt_until_ms);
    if (t->missing_until_ms)
        json_put_int(w, "missingUntil", t->missing_until_ms);
    if (t->open)
        json_put_bool(w, "open", true);
    write_failures(w, t);
    if (t->switched_until_ms)
        write_switched(w, t);
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
    if (t->admitted)
        put_hash(w, "admitted", t->admitted);
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
        put_hash(w, "wanted", t->wanted);
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
            write_target(w, &p->targets[i]);
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
    write_status(&w, p);
    write_registers(&w, p);
    write_scheduled(&w, p);
    write_targets(&w, p);
    json_close(&w);
}

/* An account of ours that is not known to be cut. */
static bool may_be_active(const struct target_state *t)
{
    return t->link && (t->known != KNOWN_ACCOUNT || t->known_active);
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
        flags |= p->targets[i].made_teams.n > 0 ? RECORD_TEAMS : 0;
    }
    return flags;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool read_hash(const char *hex, uint64_t *ret)
{
    unsigned char bytes[8];
    if (!hex || !hex_decode(str_of(hex), bytes, sizeof bytes))
        return false;
    *ret = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        *ret = *ret << 8 | bytes[i];
    return true;
}

static bool read_stamp(const cJSON *object, struct stamp *ret)
{
    return json_int64(object, "at", &ret->at_ms) && read_hash(json_string(object, "event"), &ret->event);
}

static bool read_status(const cJSON *root, struct person *p)
{
    const cJSON *o = json_get(root, "employment");
    if (o) {
        const char *value = json_string(o, "value");
        for (enum employment e = EMPLOYMENT_JOINED; value && e <= EMPLOYMENT_DELETED; e++)
            if (strcmp(value, employment_names[e]) == 0)
                p->employment = e;
        if (p->employment == EMPLOYMENT_UNKNOWN || !read_stamp(o, &p->employment_stamp))
            return false;
    }
    o = json_get(root, "suspension");
    if (o && !(json_bool(o, "on", &p->suspended) && read_stamp(o, &p->suspension_stamp)))
        return false;
    o = json_get(root, "accessUntil");
    if (o && !(json_int64(o, "until", &p->access_until_ms) && json_bool(o, "ended", &p->access_ended) &&
               read_stamp(o, &p->access_until_stamp)))
        return false;
    json_int64(root, "goneSince", &p->gone_since_ms);
    o = json_get(root, "complete");
    return !o || read_stamp(o, &p->complete_stamp);
}

/* The triple [value, at, event] of a register. */
static bool read_triple(const cJSON *triple, const cJSON **ret_value, struct stamp *ret)
{
    const cJSON *value = cJSON_GetArrayItem(triple, 0);
    const cJSON *at = value ? value->next : NULL, *event = at ? at->next : NULL;
    if (!json_to_int64(at, &ret->at_ms) || !cJSON_IsString(event))
        return false;
    *ret_value = value;
    return read_hash(event->valuestring, &ret->event);
}

static int by_name(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b; /* name is the first member of both kinds of register */
    return strcmp(*left, *right);
}

static bool read_registers(const cJSON *root, struct person *p)
{
    const cJSON *profile = json_get(root, "profile"), *groups = json_get(root, "groups"), *item, *value;
    p->attrs = xcalloc((size_t)cJSON_GetArraySize(profile), sizeof *p->attrs);
    cJSON_ArrayForEach(item, profile)
    {
        struct attr_register *reg = &p->attrs[p->n_attrs];
        if (!read_triple(item, &value, &reg->stamp))
            return false;
        reg->name = xstrdup(item->string);
        reg->value = cJSON_IsString(value) ? xstrdup(value->valuestring) : NULL;
        p->n_attrs++;
    }
    p->groups = xcalloc((size_t)cJSON_GetArraySize(groups), sizeof *p->groups);
    cJSON_ArrayForEach(item, groups)
    {
        struct group_register *reg = &p->groups[p->n_groups];
        if (!read_triple(item, &value, &reg->stamp))
            return false;
        reg->name = xstrdup(item->string);
        reg->member = cJSON_IsTrue(value);
        p->n_groups++;
    }
    qsort(p->attrs, p->n_attrs, sizeof *p->attrs, by_name);
    qsort(p->groups, p->n_groups, sizeof *p->groups, by_name);
    return event_ids_read(json_get(root, "recent"), &p->recent);
}

static bool read_scheduled(const cJSON *root, struct person *p, struct error *err)
{
    const cJSON *list = json_get(root, "scheduled"), *item;
    p->scheduled = xcalloc((size_t)cJSON_GetArraySize(list), sizeof *p->scheduled);
    cJSON_ArrayForEach(item, list)
    {
        struct scheduled *s = &p->scheduled[p->n_scheduled];
        const char *id = json_string(item, "id"), *type = json_string(item, "type");
        char *text = cJSON_PrintUnformatted(json_get(item, "value"));
        bool ok = text && json_int64(item, "due", &s->due_ms) &&
                  event_read_value(id ? id : "", type ? type : "", str_of(text), &s->event, err);
        s->bytes = text ? strlen(text) : 0;
        free(text);
        if (!ok)
            return false;
        p->n_scheduled++;
    }
    return true;
}

static bool read_known(const cJSON *object, struct target_state *t)
{
    const cJSON *known = json_get(object, "known"), *item;
    const char *word = cJSON_GetStringValue(known);
    t->known = cJSON_IsObject(known) ? KNOWN_ACCOUNT : word ? KNOWN_ABSENT : KNOWN_UNKNOWN;
    if (t->known != KNOWN_ACCOUNT)
        return word ? strcmp(word, "absent") == 0 : cJSON_IsNull(known);
    cJSON_ArrayForEach(item, json_get(known, "attributes"))
        attrs_set(&t->known_attrs, item->string, cJSON_GetStringValue(item));
    cJSON_ArrayForEach(item, json_get(known, "teams"))
        attrs_set(&t->known_teams, item->string, cJSON_IsTrue(item) ? "true" : NULL);
    int64_t groups = 0;
    json_int64(known, "groups", &groups);
    t->known_groups = (uint32_t)groups;
    return json_bool(known, "active", &t->known_active);
}

static bool read_made_teams(const cJSON *object, struct target_state *t)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(object, "madeTeams"))
    {
        if (!cJSON_IsString(item))
            return false;
        attrs_set(&t->made_teams, item->string, item->valuestring);
    }
    return true;
}

static bool read_pending(const cJSON *item, struct pending *ret)
{
    const char *id = json_string(item, "id"), *trace = json_string(item, "trace"),
               *type = json_string(item, "type"), *source = json_string(item, "source");
    if (!id || strlen(id) != EVENT_ID_SIZE - 1 || !type || !event_type_parse(type, &ret->type))
        return false;
    memcpy(ret->id, id, EVENT_ID_SIZE);
    json_bool(item, "empty", &ret->empty);
    json_bool(item, "needsFetch", &ret->needs_fetch);
    snprintf(ret->source, sizeof ret->source, "%s", source ? source : "");
    snprintf(ret->trace_id, sizeof ret->trace_id, "%s", trace ? trace : "");
    return json_int64(item, "occurredAt", &ret->occurred_at_ms) &&
           json_int64(item, "queuedAt", &ret->queued_at_ms) && json_int64(item, "offset", &ret->offset);
}

static bool read_lists(const cJSON *object, struct target_state *t)
{
    const cJSON *item, *refused = json_get(object, "refused"), *pending = json_get(object, "pending");
    cJSON_ArrayForEach(item, refused)
    {
        const char *what = json_string(item, "what"), *reason = json_string(item, "reason");
        uint64_t fingerprint;
        if (!what || !reason || !read_hash(json_string(item, "fingerprint"), &fingerprint))
            return false;
        target_state_refuse(t, what, fingerprint, reason);
    }
    t->pending = xcalloc((size_t)cJSON_GetArraySize(pending), sizeof *t->pending);
    cJSON_ArrayForEach(item, pending) if (!read_pending(item, &t->pending[t->n_pending++])) return false;
    return true;
}

static bool read_held(const cJSON *object, struct target_state *t)
{
    const char *admitted = json_string(object, "admitted");
    const cJSON *held = json_get(object, "held");
    if (admitted && !read_hash(admitted, &t->admitted))
        return false;
    if (!held)
        return true;
    const char *what = json_string(held, "what"), *id = json_string(held, "id");
    if (!id || strlen(id) != GUARD_HOLD_SIZE - 1)
        return false;
    memcpy(t->held_id, id, GUARD_HOLD_SIZE);
    t->held_team = xstrdup_null(json_string(held, "team"));
    for (t->held_what = 0; what && t->held_what < GUARDED; t->held_what++)
        if (strcmp(what, guard_name(t->held_what)) == 0)
            break;
    return what && t->held_what < GUARDED && json_int64(held, "since", &t->held_since_ms) &&
           read_hash(json_string(held, "word"), &t->held_word);
}

static void read_failures(const cJSON *object, struct target_state *t)
{
    int64_t attempts = 0;
    json_int64(object, "attempts", &attempts);
    t->attempts = (uint32_t)attempts;
    json_int64(object, "failingSince", &t->failing_since_ms);
    json_int64(object, "nextAttemptAt", &t->next_attempt_ms);
    json_int64(object, "failedAt", &t->failed_ms);
    t->last_failure = xstrdup_null(json_string(object, "lastFailure"));
}

static bool read_source(const cJSON *object, struct person *p)
{
    char name[SOURCE_TARGET_SIZE];
    if (!object->string || !object->string[0] || strlen(object->string) > EVENT_NAME_MAX)
        return false;
    snprintf(name, sizeof name, SOURCE_PREFIX "%s", object->string);
    if (person_target(p, name))
        return false;
    struct target_state *t = person_target_add(p, name);
    const char *wanted = json_string(object, "wanted");
    if (wanted && !read_hash(wanted, &t->wanted))
        return false;
    t->open = t->wanted != 0;
    json_int64(object, "fetchedAt", &t->fetched_ms);
    t->unfetched = xstrdup_null(json_string(object, "notFetched"));
    read_failures(object, t);
    return true;
}

static bool read_target(const cJSON *object, struct target_state *t)
{
    t->link = xstrdup_null(json_string(object, "link"));
    t->create_as = xstrdup_null(json_string(object, "createAs"));
    read_failures(object, t);
    json_int64(object, "doubtUntil", &t->doubt_until_ms);
    json_int64(object, "missingUntil", &t->missing_until_ms);
    json_bool(object, "open", &t->open);
    const cJSON *switched = json_get(object, "switched");
    if (switched &&
        !(json_bool(switched, "on", &t->switched_on) && json_int64(switched, "until", &t->switched_until_ms)))
        return false;
    json_bool(object, "writeFailed", &t->write_failed);
    json_int64(object, "retryCutAt", &t->retry_cut_ms);
    json_int64(object, "provisionAt", &t->provision_ms);
    json_bool(object, "provisionOwed", &t->provision_owed);
    json_int64(object, "sweptAt", &t->swept_ms);
    return read_held(object, t) && read_known(object, t) && read_made_teams(object, t) &&
           read_lists(object, t);
}

static bool read_targets(const cJSON *root, struct person *p)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(root, "targets"))
    {
        if (!item->string || is_source(item->string) || person_target(p, item->string) ||
            !read_target(item, person_target_add(p, item->string)))
            return false;
    }
    return true;
}

static bool read_sources(const cJSON *root, struct person *p)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(root, "sources"))
    {
        if (!read_source(item, p))
            return false;
    }
    return true;
}

static bool read_person(const cJSON *root, struct person *p, struct error *err)
{
    int64_t version = 0, seq = 0;
    if (!json_int64(root, "version", &version) || version < 1)
        return error_set(err, ERROR_PERMANENT, "not a person's record: no version");
    if (version > RECORD_VERSION)
        return error_set(err, ERROR_PERMANENT,
                         "record of version %d, this worker knows up to %d: run the newer worker everywhere",
                         (int)version, RECORD_VERSION);
    if (!json_int64(root, "seq", &seq) || !json_int64(root, "offset", &p->offset) || p->offset < 0 ||
        !read_status(root, p) || !read_registers(root, p))
        return error_set(err, ERROR_PERMANENT, "not a person's record: a register is malformed");
    p->seq = (uint64_t)seq;
    if (!read_scheduled(root, p, err))
        return error_set(err, ERROR_PERMANENT, "not a person's record: a scheduled event is malformed");
    if (!read_targets(root, p))
        return error_set(err, ERROR_PERMANENT, "not a person's record: a target is malformed");
    return read_sources(root, p) ||
           error_set(err, ERROR_PERMANENT, "not a person's record: a source is malformed");
}

bool record_read(struct str value, struct person *ret, struct error *err)
{
    cJSON *root = NULL;
    if (!json_parse(value, &root, err)) {
        err->kind = ERROR_PERMANENT;
        return error_wrap(err, "not a person's record");
    }
    struct person p = {0};
    bool ok = read_person(root, &p, err);
    cJSON_Delete(root);
    if (!ok) {
        person_done(&p);
        return false;
    }
    *ret = p;
    return true;
}
