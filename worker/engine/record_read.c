#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_ids.h"
#include "guard.h"
#include "json.h"
#include "mem.h"
#include "stamps.h"

/* The place of one among all, as it is since version 4, or the stamp itself. */
static bool read_stamp(const cJSON *object, const struct stamps *s, struct stamp *ret)
{
    const cJSON *place = json_get(object, "stamp");
    return place ? stamps_at(s, place, ret)
                 : json_int64(object, "at", &ret->at_ms) &&
                       hash_read(json_string(object, "event"), &ret->event);
}

static bool read_complete(const cJSON *complete, const struct stamps *s, struct stamp *ret)
{
    return cJSON_IsNumber(complete) ? stamps_at(s, complete, ret) : read_stamp(complete, s, ret);
}

static bool read_employment(const cJSON *o, const struct stamps *s, enum employment *ret,
                            struct stamp *ret_stamp)
{
    const char *value = json_string(o, "value");
    for (enum employment e = EMPLOYMENT_JOINED; value && e <= EMPLOYMENT_DELETED; e++)
        if (strcmp(value, employment_name(e)) == 0)
            *ret = e;
    return *ret != EMPLOYMENT_UNKNOWN && read_stamp(o, s, ret_stamp);
}

static bool read_suspension(const cJSON *o, const struct stamps *s, bool *ret, struct stamp *ret_stamp)
{
    return json_bool(o, "on", ret) && read_stamp(o, s, ret_stamp);
}

/* The word of a source, and what events say below it: null, if nothing. */
static bool read_employments(const cJSON *o, const struct stamps *s, struct person *p)
{
    const cJSON *told = json_get(o, "told");
    p->employment_asked = told != NULL;
    return read_employment(o, s, &p->employment, &p->employment_stamp) &&
           (!told || cJSON_IsNull(told) ||
            read_employment(told, s, &p->employment_told, &p->employment_told_stamp));
}

static bool read_suspensions(const cJSON *o, const struct stamps *s, struct person *p)
{
    const cJSON *told = json_get(o, "told");
    p->suspension_asked = told != NULL;
    return read_suspension(o, s, &p->suspended, &p->suspension_stamp) &&
           (!told || cJSON_IsNull(told) ||
            read_suspension(told, s, &p->suspended_told, &p->suspension_told_stamp));
}

static bool read_status(const cJSON *root, const struct stamps *s, struct person *p)
{
    const cJSON *o = json_get(root, "employment");
    if (o && !read_employments(o, s, p))
        return false;
    o = json_get(root, "suspension");
    if (o && !read_suspensions(o, s, p))
        return false;
    o = json_get(root, "accessUntil");
    if (o && !(json_int64(o, "until", &p->access_until_ms) && json_bool(o, "ended", &p->access_ended) &&
               read_stamp(o, s, &p->access_until_stamp)))
        return false;
    json_int64(root, "goneSince", &p->gone_since_ms);
    o = json_get(root, "complete");
    if (o && !read_complete(o, s, &p->complete_stamp))
        return false;
    o = json_get(root, "groupsComplete");
    return !o || read_complete(o, s, &p->complete_groups_stamp);
}

/* A register: its value, and the place of its stamp or, before version 4, at and event. */
static bool read_register(const cJSON *reg, const struct stamps *s, const cJSON **ret_value,
                          struct stamp *ret)
{
    const cJSON *value = cJSON_GetArrayItem(reg, 0);
    const cJSON *at = value ? value->next : NULL, *event = at ? at->next : NULL;
    *ret_value = value;
    if (!event)
        return stamps_at(s, at, ret);
    return json_to_int64(at, &ret->at_ms) && hash_read(cJSON_GetStringValue(event), &ret->event);
}

static int by_name(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b; /* name is the first member of both kinds of register */
    return strcmp(*left, *right);
}

static bool read_registers(const cJSON *root, const struct stamps *s, struct person *p)
{
    const cJSON *profile = json_get(root, "profile"), *groups = json_get(root, "groups"), *item, *value;
    p->attrs = xcalloc((size_t)cJSON_GetArraySize(profile), sizeof *p->attrs);
    cJSON_ArrayForEach(item, profile)
    {
        struct attr_register *reg = &p->attrs[p->n_attrs];
        if (!read_register(item, s, &value, &reg->stamp))
            return false;
        reg->name = xstrdup(item->string);
        reg->value = cJSON_IsString(value) ? xstrdup(value->valuestring) : NULL;
        p->n_attrs++;
    }
    p->groups = xcalloc((size_t)cJSON_GetArraySize(groups), sizeof *p->groups);
    cJSON_ArrayForEach(item, groups)
    {
        struct group_register *reg = &p->groups[p->n_groups];
        if (!read_register(item, s, &value, &reg->stamp))
            return false;
        reg->name = xstrdup(item->string);
        reg->member = cJSON_IsTrue(value);
        p->n_groups++;
    }
    qsort(p->attrs, p->n_attrs, sizeof *p->attrs, by_name);
    qsort(p->groups, p->n_groups, sizeof *p->groups, by_name);
    return event_ids_read(json_get(root, "recent"), &p->recent);
}

static bool read_words(const cJSON *root, struct person *p)
{
    struct stamps stamps;
    bool ok = stamps_read(&stamps, json_get(root, "stamps")) && read_status(root, &stamps, p) &&
              read_registers(root, &stamps, p);
    stamps_done(&stamps);
    return ok;
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

/* true: as the profile has it. */
static bool read_known_attrs(const cJSON *attributes, const struct person *p, struct attrs *ret)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, attributes)
    {
        bool same = cJSON_IsTrue(item);
        const char *value = same ? person_attr(p, item->string) : cJSON_GetStringValue(item);
        if (same && !value)
            return false;
        attrs_set(ret, item->string, value);
    }
    return true;
}

static bool read_known(const cJSON *object, const struct person *p, struct target_state *t)
{
    const cJSON *known = json_get(object, "known"), *item;
    const char *word = cJSON_GetStringValue(known), *searched = json_string(object, "searched");
    if (searched && !hash_read(searched, &t->searched))
        return false;
    t->known = cJSON_IsObject(known) ? KNOWN_ACCOUNT : word ? KNOWN_ABSENT : KNOWN_UNKNOWN;
    if (t->known != KNOWN_ACCOUNT)
        return word ? strcmp(word, "absent") == 0 : cJSON_IsNull(known);
    if (!read_known_attrs(json_get(known, "attributes"), p, &t->known_attrs))
        return false;
    cJSON_ArrayForEach(item, json_get(known, "teams"))
        attrs_set(&t->known_teams, item->string, cJSON_IsTrue(item) ? "true" : NULL);
    int64_t groups = 0;
    json_int64(known, "groups", &groups);
    t->known_groups = (uint32_t)groups;
    return json_bool(known, "active", &t->known_active);
}

static bool read_teams(const cJSON *teams, struct attrs *ret)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, teams)
    {
        if (!cJSON_IsString(item))
            return false;
        attrs_set(ret, item->string, item->valuestring);
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
    json_bool(item, "denied", &ret->denied);
    snprintf(ret->source, sizeof ret->source, "%s", source ? source : "");
    snprintf(ret->trace_id, sizeof ret->trace_id, "%s", trace ? trace : "");
    return json_int64(item, "occurredAt", &ret->occurred_at_ms) &&
           json_int64(item, "queuedAt", &ret->queued_at_ms) && json_int64(item, "offset", &ret->offset);
}

static bool read_refused(const cJSON *item, struct target_state *t)
{
    const char *what = json_string(item, "what"), *reason = json_string(item, "reason"),
               *team = json_string(item, "team"), *hold = json_string(item, "hold");
    uint64_t fingerprint;
    int64_t since_ms = 0;
    if (!what || !reason || !hash_read(json_string(item, "fingerprint"), &fingerprint) ||
        (hold && (strlen(hold) != GUARD_HOLD_SIZE - 1 || !json_int64(item, "heldSince", &since_ms))))
        return false;
    if (hold)
        target_state_deny(t, what, fingerprint, reason, hold, since_ms);
    else
        target_state_refuse(t, what, fingerprint, reason);
    if (team)
        target_state_refused_team(t, what, team);
    return true;
}

static bool read_lists(const cJSON *object, struct target_state *t)
{
    const cJSON *item, *refused = json_get(object, "refused"), *pending = json_get(object, "pending");
    cJSON_ArrayForEach(item, refused) if (!read_refused(item, t)) return false;
    t->pending = xcalloc((size_t)cJSON_GetArraySize(pending), sizeof *t->pending);
    cJSON_ArrayForEach(item, pending) if (!read_pending(item, &t->pending[t->n_pending++])) return false;
    return true;
}

static bool read_held(const cJSON *object, struct target_state *t)
{
    const char *admitted = json_string(object, "admitted");
    const cJSON *held = json_get(object, "held");
    if (admitted && !hash_read(admitted, &t->admitted))
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
           hash_read(json_string(held, "word"), &t->held_word);
}

static void read_failures(const cJSON *object, struct target_state *t)
{
    int64_t attempts = 0;
    json_int64(object, "attempts", &attempts);
    t->attempts = (uint32_t)attempts;
    json_int64(object, "failingSince", &t->failing_since_ms);
    json_int64(object, "cutFailingSince", &t->cut_failing_since_ms);
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
    if (wanted && !hash_read(wanted, &t->wanted))
        return false;
    t->open = t->wanted != 0;
    json_int64(object, "fetchedAt", &t->fetched_ms);
    t->unfetched = xstrdup_null(json_string(object, "notFetched"));
    read_failures(object, t);
    return true;
}

static bool read_made_roles(const cJSON *list, struct attrs *ret)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        char name[ATTR_NAME_MAX + 1];
        const char *role = cJSON_GetStringValue(item);
        if (!role || (size_t)snprintf(name, sizeof name, ATTR_ROLE_PREFIX "%s", role) >= sizeof name)
            return false;
        attrs_set(ret, name, "true");
    }
    return true;
}

static bool read_moved(const cJSON *moved, struct target_state *t)
{
    return !moved || (json_int64(moved, "until", &t->moved_until_ms) &&
                      read_teams(json_get(moved, "teams"), &t->moved));
}

static bool read_target(const cJSON *object, const struct person *p, struct target_state *t)
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
    json_bool(object, "denied", &t->denied);
    json_bool(object, "namesTeams", &t->names_teams);
    json_bool(object, "outOfReach", &t->out_of_reach);
    json_int64(object, "sweptAt", &t->swept_ms);
    json_int64(object, "dueAt", &t->due_ms);
    return read_held(object, t) && read_known(object, p, t) && read_lists(object, t) &&
           read_teams(json_get(object, "madeTeams"), &t->made_teams) &&
           read_moved(json_get(object, "moved"), t) &&
           read_made_roles(json_get(object, "madeRoles"), &t->made_roles) &&
           read_teams(json_get(object, "admittedRemovals"), &t->admitted_moves);
}

static bool read_targets(const cJSON *root, struct person *p)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(root, "targets"))
    {
        if (!item->string || is_source(item->string) || person_target(p, item->string) ||
            !read_target(item, p, person_target_add(p, item->string)))
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
        !read_words(root, p))
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
