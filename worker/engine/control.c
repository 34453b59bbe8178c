#include "control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "event.h"
#include "json.h"
#include "mem.h"
#include "rfc3339.h"

enum { FIRST_BUCKETS = 64 };

static const char *const kind_names[CONTROL_KINDS] = {"hold", "pause", "retry", "provision", "load"};
static const char *const decision_names[] = {NULL, "approve", "deny"};

const char *control_kind_name(enum control_kind kind)
{
    return kind_names[kind];
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool wrong(struct error *err, const char *member, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s: %s", member, what);
}

/* One line that a terminal can show as it is. */
static bool is_line(const char *text, size_t max)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return n > 0 && n <= max;
}

static bool read_line(const cJSON *item, size_t max, char **ret, struct error *err)
{
    const char *text = cJSON_GetStringValue(item);
    if (!text || !is_line(text, max))
        return wrong(err, item->string, "not a text of one line and the right length");
    *ret = xstrdup(text);
    return true;
}

static bool read_time(const cJSON *item, int64_t *ret, struct error *err)
{
    const char *text = cJSON_GetStringValue(item);
    return (text && rfc3339_parse(str_of(text), ret)) || wrong(err, item->string, "not an RFC 3339 instant");
}

static bool read_by(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_line(item, CONTROL_BY_MAX, &s->by, err);
}

static bool read_reason(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_line(item, CONTROL_REASON_MAX, &s->reason, err);
}

static bool read_at(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_time(item, &s->at_ms, err);
}

static bool read_decision(const cJSON *item, struct control_state *s, struct error *err)
{
    const char *text = cJSON_GetStringValue(item);
    for (enum control_decision d = DECISION_APPROVE; text && d <= DECISION_DENY; d++)
        if (strcmp(text, decision_names[d]) == 0)
            s->decision = d;
    return s->decision != DECISION_NONE || wrong(err, "decision", "neither approve nor deny");
}

static bool read_hold(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_line(item, CONTROL_HOLD_MAX, &s->hold, err);
}

static bool read_held_before(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_time(item, &s->held_before_ms, err);
}

static bool read_target(const cJSON *item, struct control_state *s, struct error *err)
{
    const char *text = cJSON_GetStringValue(item);
    if (!text || !event_name_ok(text))
        return wrong(err, "target", "not the name of a target");
    if (s->kind == CONTROL_HOLD && strcmp(text, CONTROL_ALL) == 0)
        return wrong(err, "target", "a hold is of one target, not of all");
    s->target = xstrdup(text);
    return true;
}

static bool read_paused(const cJSON *item, struct control_state *s, struct error *err)
{
    s->paused = cJSON_IsTrue(item);
    return cJSON_IsBool(item) || wrong(err, "paused", "neither true nor false");
}

/* tenant/directory/subject: two names and something. */
static bool is_person(const char *text)
{
    char names[2][EVENT_NAME_MAX + 1];
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *slash = strchr(text, '/');
        size_t n = slash ? (size_t)(slash - text) : sizeof names[0];
        if (n >= sizeof names[0])
            return false;
        memcpy(names[i], text, n);
        names[i][n] = '\0';
        if (!event_name_ok(names[i]))
            return false;
        text = slash + 1;
    }
    return is_line(text, EVENT_SUBJECT_MAX);
}

static bool read_person(const cJSON *item, struct control_state *s, struct error *err)
{
    const char *text = cJSON_GetStringValue(item);
    if (!text || !is_person(text))
        return wrong(err, "person", "not tenant/directory/subject");
    s->person = xstrdup(text);
    return true;
}

static bool read_when(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_time(item, &s->time_ms, err);
}

static bool read_source(const cJSON *item, struct control_state *s, struct error *err)
{
    const char *text = cJSON_GetStringValue(item);
    if (!text || !event_name_ok(text))
        return wrong(err, "source", "not the name of a source");
    s->source = xstrdup(text);
    return true;
}

static bool read_cursor(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_line(item, CONTROL_CURSOR_MAX, &s->cursor, err);
}

static bool read_done(const cJSON *item, struct control_state *s, struct error *err)
{
    s->done = cJSON_IsTrue(item);
    return cJSON_IsBool(item) || wrong(err, "done", "neither true nor false");
}

static bool read_count(const cJSON *item, int64_t *ret, struct error *err)
{
    double n = cJSON_IsNumber(item) ? item->valuedouble : -1;
    if (!(n >= 0 && n <= 1e15))
        return wrong(err, item->string, "not a count");
    *ret = (int64_t)n;
    return true;
}

static bool read_pages(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_count(item, &s->pages, err);
}

static bool read_people(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_count(item, &s->people, err);
}

static bool read_left(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_count(item, &s->left, err);
}

static bool read_skipped(const cJSON *item, struct control_state *s, struct error *err)
{
    return read_count(item, &s->skipped, err);
}

#define OF(kind) (1u << CONTROL_##kind)
#define OF_ALL   (OF(HOLD) | OF(PAUSE) | OF(RETRY) | OF(PROVISION) | OF(LOAD))

static const struct member {
    const char *name;
    unsigned kinds;    /* that may have it */
    unsigned required; /* that must */
    bool (*read)(const cJSON *item, struct control_state *s, struct error *err);
} members[] = {
    {"by", OF_ALL, OF_ALL, read_by},
    {"reason", OF_ALL, OF_ALL, read_reason},
    {"at", OF_ALL, OF_ALL, read_at},
    {"decision", OF(HOLD), OF(HOLD), read_decision},
    {"hold", OF(HOLD), 0, read_hold},
    {"heldBefore", OF(HOLD), 0, read_held_before},
    {"target", OF(HOLD) | OF(PAUSE) | OF(RETRY), OF(PAUSE) | OF(RETRY), read_target},
    {"paused", OF(PAUSE), OF(PAUSE), read_paused},
    {"person", OF(PROVISION), OF(PROVISION), read_person},
    {"time", OF(RETRY) | OF(PROVISION) | OF(LOAD), OF(RETRY) | OF(PROVISION) | OF(LOAD), read_when},
    {"source", OF(LOAD), OF(LOAD), read_source},
    {"cursor", OF(LOAD), 0, read_cursor},
    {"done", OF(LOAD), OF(LOAD), read_done},
    {"pages", OF(LOAD), OF(LOAD), read_pages},
    {"people", OF(LOAD), OF(LOAD), read_people},
    {"left", OF(LOAD), OF(LOAD), read_left},
    {"skipped", OF(LOAD), 0, read_skipped},
};

static bool read_kind(const cJSON *root, struct control_state *s, struct error *err)
{
    const char *kind = json_string(root, "kind");
    for (enum control_kind k = 0; kind && k < CONTROL_KINDS; k++) {
        if (strcmp(kind, kind_names[k]) != 0)
            continue;
        s->kind = k;
        return true;
    }
    return wrong(err, "kind", "missing or unknown");
}

static bool read_member(const cJSON *item, struct control_state *s, unsigned *seen, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        if (strcmp(item->string, members[i].name) != 0 || !(members[i].kinds & 1u << s->kind))
            continue;
        if (*seen & 1u << i)
            return wrong(err, members[i].name, "twice");
        *seen |= 1u << i;
        return members[i].read(item, s, err);
    }
    return error_set(err, ERROR_INPUT, "%.64s: no member of %s", item->string, kind_names[s->kind]);
}

static bool has_all(const struct control_state *s, unsigned seen, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (members[i].required & 1u << s->kind && !(seen & 1u << i))
            return wrong(err, members[i].name, "missing");
    bool by_time = s->held_before_ms > 0;
    if (s->kind == CONTROL_HOLD && (by_time == (s->hold != NULL) || by_time != (s->target != NULL)))
        return error_set(err, ERROR_INPUT, "wanted is a hold, or heldBefore with a target");
    return true;
}

/* What the record is about: with its kind, its key. */
static const char *object_of(const struct control_state *s)
{
    return s->hold ? s->hold : s->person ? s->person : s->source ? s->source : s->target;
}

static bool key_agrees(const struct control_state *s, struct error *err)
{
    char *expected = xasprintf("%s/%s", kind_names[s->kind], object_of(s));
    bool agrees = strcmp(expected, s->key) == 0;
    free(expected);
    return agrees || error_set(err, ERROR_INPUT, "the key does not agree with the value");
}

static bool read_root(const cJSON *root, struct control_state *s, struct error *err)
{
    unsigned seen = 0, kinds = 0;
    if (!cJSON_IsObject(root))
        return error_set(err, ERROR_INPUT, "not a JSON object");
    if (!read_kind(root, s, err))
        return false;
    for (const cJSON *item = root->child; item; item = item->next) {
        bool is_kind = strcmp(item->string, "kind") == 0;
        if (is_kind && kinds++ > 0)
            return wrong(err, "kind", "twice");
        if (!is_kind && !read_member(item, s, &seen, err))
            return false;
    }
    return has_all(s, seen, err) && key_agrees(s, err);
}

static bool key_ok(struct str key, struct error *err)
{
    return (key.n > 0 && key.n <= CONTROL_KEY_MAX && !memchr(key.p, '\0', key.n)) ||
           error_set(err, ERROR_INPUT, "the key is missing, too long or no text");
}

bool control_state_read(struct str key, struct str value, struct control_state *ret, struct error *err)
{
    cJSON *root;
    if (!key_ok(key, err))
        return false;
    if (value.n > CONTROL_VALUE_MAX)
        return error_set(err, ERROR_INPUT, "longer than allowed");
    if (!json_parse(value, &root, err))
        return false;
    struct control_state s = {.key = xstrndup(key.p, key.n)};
    bool ok = read_root(root, &s, err);
    cJSON_Delete(root);
    if (!ok) {
        control_state_done(&s);
        return false;
    }
    *ret = s;
    return true;
}

void control_state_done(struct control_state *s)
{
    free(s->key);
    free(s->by);
    free(s->reason);
    free(s->hold);
    free(s->target);
    free(s->person);
    free(s->source);
    free(s->cursor);
    *s = (struct control_state){0};
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void put_text(struct json_out *w, const char *name, const char *text)
{
    if (text)
        json_put_string(w, name, text);
}

static void write_load(struct json_out *w, const struct control_state *s)
{
    json_put_string(w, "source", s->source);
    put_text(w, "cursor", s->cursor);
    json_put_bool(w, "done", s->done);
    json_put_int(w, "pages", s->pages);
    json_put_int(w, "people", s->people);
    json_put_int(w, "left", s->left);
    if (s->skipped)
        json_put_int(w, "skipped", s->skipped);
}

void control_state_write(const struct control_state *s, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_string(&w, "kind", kind_names[s->kind]);
    put_text(&w, "decision", decision_names[s->decision]);
    put_text(&w, "hold", s->hold);
    put_text(&w, "target", s->target);
    put_text(&w, "person", s->person);
    if (s->held_before_ms)
        json_put_time(&w, "heldBefore", s->held_before_ms);
    if (s->kind == CONTROL_PAUSE)
        json_put_bool(&w, "paused", s->paused);
    if (s->kind == CONTROL_RETRY || s->kind == CONTROL_PROVISION || s->kind == CONTROL_LOAD)
        json_put_time(&w, "time", s->time_ms);
    if (s->kind == CONTROL_LOAD)
        write_load(&w, s);
    json_put_string(&w, "by", s->by);
    json_put_string(&w, "reason", s->reason);
    json_put_time(&w, "at", s->at_ms);
    json_close(&w);
}

/* ---- by key -------------------------------------------------------------------------------------------- */

void control_init(struct control *c)
{
    *c = (struct control){.n_buckets = FIRST_BUCKETS};
    c->buckets = xcalloc(c->n_buckets, sizeof(struct control_state *));
}

static void state_free(struct control_state *s)
{
    control_state_done(s);
    free(s);
}

void control_done(struct control *c)
{
    for (size_t i = 0; i < c->n_buckets; i++)
        for (struct control_state *s = c->buckets[i], *next; s; s = next) {
            next = s->next;
            state_free(s);
        }
    free(c->buckets);
    *c = (struct control){0};
}

static size_t bucket_of(const struct control *c, const char *key, size_t n)
{
    return digest_hash64(key, n) & (c->n_buckets - 1);
}

/* Where the pointer to the state of that key stands, or would. */
static struct control_state **find(const struct control *c, struct str key)
{
    struct control_state **at = &c->buckets[bucket_of(c, key.p, key.n)];
    while (*at && !str_eq(str_of((*at)->key), key))
        at = &(*at)->next;
    return at;
}

static void grow(struct control *c)
{
    struct control old = *c;
    c->n_buckets *= 2;
    c->buckets = xcalloc(c->n_buckets, sizeof(struct control_state *));
    for (size_t i = 0; i < old.n_buckets; i++)
        for (struct control_state *s = old.buckets[i], *next; s; s = next) {
            next = s->next;
            size_t at = bucket_of(c, s->key, strlen(s->key));
            s->next = c->buckets[at];
            c->buckets[at] = s;
        }
    free(old.buckets);
}

static void drop(struct control *c, struct control_state **at)
{
    struct control_state *s = *at;
    *at = s->next;
    c->n--;
    c->n_of[s->kind]--;
    state_free(s);
}

static void put(struct control *c, const struct control_state *state)
{
    struct control_state **at = find(c, str_of(state->key));
    if (*at)
        drop(c, at);
    if (c->n >= c->n_buckets)
        grow(c);
    struct control_state *s = xmemdup(state, sizeof *state);
    at = &c->buckets[bucket_of(c, s->key, strlen(s->key))];
    s->next = *at;
    *at = s;
    c->n++;
    c->n_of[s->kind]++;
}

static bool take_back(struct control *c, struct str key, struct control_change *ret, struct error *err)
{
    *ret = (struct control_change){0};
    for (enum control_kind k = 0; k < CONTROL_KINDS; k++) {
        size_t n = strlen(kind_names[k]);
        if (key.n <= n + 1 || memcmp(key.p, kind_names[k], n) != 0 || key.p[n] != '/')
            continue;
        struct control_state **at = find(c, key);
        if (*at)
            drop(c, at);
        ret->kind = k;
        return true;
    }
    return error_set(err, ERROR_INPUT, "the key is of no kind");
}

bool control_take(struct control *c, struct str key, struct str value, struct control_change *ret,
                  struct error *err)
{
    struct control_state s;
    if (value.n == 0)
        return key_ok(key, err) && take_back(c, key, ret, err);
    if (!control_state_read(key, value, &s, err))
        return false;
    if (c->n >= CONTROL_STATES_MAX && !*find(c, key)) {
        control_state_done(&s);
        return error_set(err, ERROR_INPUT, "more than %d decisions: take old ones back", CONTROL_STATES_MAX);
    }
    put(c, &s);
    *ret = (struct control_change){s.kind, *find(c, key)};
    return true;
}

void control_each(const struct control *c, void (*fn)(void *ctx, const struct control_state *s), void *ctx)
{
    for (size_t i = 0; i < c->n_buckets; i++)
        for (const struct control_state *s = c->buckets[i]; s; s = s->next)
            fn(ctx, s);
}

/* ---- what is in force ---------------------------------------------------------------------------------- */

static const struct control_state *state_of(const struct control *c, enum control_kind kind,
                                            const char *object)
{
    char key[CONTROL_KEY_MAX + 1];
    if (c->n_of[kind] == 0)
        return NULL;
    int n = snprintf(key, sizeof key, "%s/%s", kind_names[kind], object);
    return n < (int)sizeof key ? *find(c, (struct str){key, (size_t)n}) : NULL;
}

bool control_paused(const struct control *c, const char *target)
{
    const struct control_state *own = state_of(c, CONTROL_PAUSE, target),
                               *all = state_of(c, CONTROL_PAUSE, CONTROL_ALL);
    return (own && own->paused) || (all && all->paused);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t control_resumed_ms(const struct control *c, const char *target)
{
    const struct control_state *own = state_of(c, CONTROL_PAUSE, target),
                               *all = state_of(c, CONTROL_PAUSE, CONTROL_ALL);
    return later(own && !own->paused ? own->at_ms : 0, all && !all->paused ? all->at_ms : 0);
}

int64_t control_retry_ms(const struct control *c, const char *target)
{
    const struct control_state *own = state_of(c, CONTROL_RETRY, target),
                               *all = state_of(c, CONTROL_RETRY, CONTROL_ALL);
    return later(own ? own->time_ms : 0, all ? all->time_ms : 0);
}

int64_t control_provision_ms(const struct control *c, struct str person)
{
    char text[CONTROL_KEY_MAX];
    if (c->n_of[CONTROL_PROVISION] == 0 || person.n >= sizeof text)
        return 0;
    memcpy(text, person.p, person.n);
    text[person.n] = '\0';
    const struct control_state *s = state_of(c, CONTROL_PROVISION, text);
    return s ? s->time_ms : 0;
}

uint64_t control_provision_effect(struct str person, const char *target, int64_t time_ms)
{
    uint64_t parts[3] = {digest_hash64(person.p, person.n), digest_hash64(target, strlen(target)),
                         (uint64_t)time_ms};
    return digest_hash64(parts, sizeof parts);
}

enum control_decision control_decision(const struct control *c, const char *hold, const char *target,
                                       int64_t held_at_ms)
{
    const struct control_state *by_id = state_of(c, CONTROL_HOLD, hold),
                               *by_time = state_of(c, CONTROL_HOLD, target);
    if (by_id && !by_id->hold)
        by_id = NULL; /* a target's name */
    if (by_time && (by_time->hold || held_at_ms >= by_time->held_before_ms))
        by_time = NULL;
    if (!by_id || !by_time)
        return by_id ? by_id->decision : by_time ? by_time->decision : DECISION_NONE;
    if (by_id->decision == DECISION_DENY)
        return DECISION_DENY;
    return by_id->at_ms > by_time->at_ms ? by_id->decision : by_time->decision;
}
