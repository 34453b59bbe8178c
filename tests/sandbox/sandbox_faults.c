#include "sandbox_faults.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"

enum { RULES_MAX = 1000, DELAY_DEFAULT_MS = 1000 };

static const struct {
    const char *name;
    enum wire wire;
} wires[] = {
    {"slow", WIRE_SLOW},
    {"timeout", WIRE_TIMEOUT},
    {"drop", WIRE_DROP},
    {"drop_after_commit", WIRE_DROP_AFTER_COMMIT},
    {"slow_partial", WIRE_SLOW_PARTIAL},
    {"apply_late", WIRE_APPLY_LATE},
};

const char *fault_wire_name(enum wire wire)
{
    for (size_t i = 0; i < ARRAY_SIZE(wires); i++)
        if (wires[i].wire == wire)
            return wires[i].name;
    return "none";
}

static void rule_done(struct fault_rule *r)
{
    free(r->name);
    free(r->method);
    free(r->path);
    free(r->match);
    *r = (struct fault_rule){0};
}

void faults_done(struct faults *fs)
{
    for (size_t i = 0; i < fs->n; i++)
        rule_done(&fs->v[i]);
    free(fs->v);
    fs->v = NULL;
    fs->n = 0;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool read_kind(const char *name, struct fault_rule *r)
{
    for (size_t i = 0; i < ARRAY_SIZE(wires); i++)
        if (strcmp(wires[i].name, name) == 0) {
            r->wire = wires[i].wire;
            return true;
        }
    return miro_fault_parse(name, &r->core) && r->core != MIRO_FAULT_NONE;
}

/* A rule of which a part were overlooked would spoil more requests than it should. */
static bool check_member(const cJSON *el, struct error *err)
{
    static const struct {
        const char *name;
        char type; /* 's' text, 'i' integer, 'n' number, 'b' boolean */
    } members[] = {{"fault", 's'}, {"method", 's'}, {"path", 's'}, {"match", 's'},       {"times", 'i'},
                   {"skip", 'i'},  {"hold", 'b'},   {"seed", 'i'}, {"probability", 'n'}, {"delay_ms", 'i'}};
    int64_t whole;
    char is = cJSON_IsString(el)          ? 's'
              : cJSON_IsBool(el)          ? 'b'
              : json_to_int64(el, &whole) ? 'i'
              : cJSON_IsNumber(el)        ? 'n'
                                          : '?';
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (strcmp(members[i].name, el->string) == 0)
            return cJSON_IsNull(el) || members[i].type == is || (members[i].type == 'n' && is == 'i') ||
                   error_set(err, ERROR_INPUT, "%s: not what it has to be", el->string);
    return error_set(err, ERROR_INPUT, "unknown member '%.40s' of a rule", el->string);
}

static bool check_members(const cJSON *object, struct error *err)
{
    if (!cJSON_IsObject(object))
        return error_set(err, ERROR_INPUT, "a rule must be an object");
    for (const cJSON *el = object->child; el; el = el->next)
        if (!check_member(el, err))
            return false;
    return true;
}

static uint64_t mix(uint64_t x) /* splitmix64: any seed will do */
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static bool read_rule(const cJSON *object, struct fault_rule *r, struct error *err)
{
    const char *name = json_string(object, "fault");
    const cJSON *probability = json_get(object, "probability");
    int64_t seed = 0;
    if (!check_members(object, err))
        return false;
    *r = (struct fault_rule){.times = -1, .delay_ms = DELAY_DEFAULT_MS, .probability = 1};
    if (!name || !read_kind(name, r))
        return error_set(err, ERROR_INPUT, "unknown fault '%.40s'", name ? name : "");
    json_int64(object, "times", &r->times);
    json_int64(object, "skip", &r->skip);
    json_int64(object, "delay_ms", &r->delay_ms);
    json_int64(object, "seed", &seed);
    json_bool(object, "hold", &r->hold);
    if (cJSON_IsNumber(probability))
        r->probability = probability->valuedouble;
    if (r->delay_ms < 0 || r->times < -1 || r->skip < 0 || !(r->probability >= 0 && r->probability <= 1))
        return error_set(err, ERROR_INPUT, "times, skip, delay_ms or probability is out of range");
    r->random = mix((uint64_t)seed);
    r->name = xstrdup(name);
    r->method = xstrdup_null(json_string(object, "method"));
    r->path = xstrdup_null(json_string(object, "path"));
    r->match = xstrdup_null(json_string(object, "match"));
    return true;
}

static bool add_one(struct faults *fs, const cJSON *object, struct error *err)
{
    struct fault_rule r;
    if (fs->n >= RULES_MAX)
        return error_set(err, ERROR_INPUT, "more than %d rules", RULES_MAX);
    if (!read_rule(object, &r, err))
        return false;
    r.id = ++fs->made;
    fs->v = xreallocarray(fs->v, fs->n + 1, sizeof *fs->v);
    fs->v[fs->n++] = r;
    return true;
}

bool faults_add_json(struct faults *fs, const cJSON *rules, struct error *err)
{
    size_t before = fs->n;
    const cJSON *first = cJSON_IsArray(rules) ? rules->child : rules;
    for (const cJSON *el = first; el; el = cJSON_IsArray(rules) ? el->next : NULL) {
        if (add_one(fs, el, err))
            continue;
        while (fs->n > before)
            rule_done(&fs->v[--fs->n]);
        return false;
    }
    return true;
}

/* ---- matching ------------------------------------------------------------------------------------------ */

static const char *below_base(const char *target)
{
    static const char *const bases[] = {"/api/v1/scim", "/scim/v2"};
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
        if (strncmp(target, bases[i], strlen(bases[i])) == 0)
            return target + strlen(bases[i]);
    return target;
}

static bool matches(const struct fault_rule *r, const struct miro_request *rq, const char *name)
{
    if (r->method && strcasecmp(r->method, rq->method) != 0)
        return false;
    if (r->path && strncmp(below_base(rq->target), r->path, strlen(r->path)) != 0)
        return false;
    if (!r->match)
        return true;
    return (rq->body && memmem(rq->body, rq->body_n, r->match, strlen(r->match))) ||
           strstr(rq->target, r->match) || (name && strcasestr(name, r->match));
}

static bool draw(struct fault_rule *r)
{
    if (r->probability >= 1)
        return true;
    r->random = mix(r->random);
    return (double)(r->random >> 11) * 0x1p-53 < r->probability;
}

const struct fault_rule *faults_pick(struct faults *fs, const struct miro_request *rq, const char *name)
{
    for (size_t i = 0; i < fs->n; i++) {
        struct fault_rule *r = &fs->v[i];
        if (r->times == 0 || !matches(r, rq, name))
            continue;
        if (r->skip > 0) {
            r->skip--;
            continue;
        }
        if (!draw(r))
            continue;
        r->hits++;
        if (r->times > 0)
            r->times--;
        return r;
    }
    return NULL;
}

static void put_rule(const struct fault_rule *r, struct json_out *w)
{
    json_open(w, NULL, '{');
    json_put_int(w, "id", (int64_t)r->id);
    json_put_string(w, "fault", r->name);
    json_put_string(w, "method", r->method);
    json_put_string(w, "path", r->path);
    json_put_string(w, "match", r->match);
    json_put_int(w, "times", r->times);
    json_put_int(w, "skip", r->skip);
    json_put_int(w, "delay_ms", r->delay_ms);
    json_put_bool(w, "hold", r->hold);
    json_put_int(w, "hits", r->hits);
    json_close(w);
}

void faults_put_json(const struct faults *fs, struct json_out *w, const char *name)
{
    json_open(w, name, '[');
    for (size_t i = 0; i < fs->n; i++)
        put_rule(&fs->v[i], w);
    json_close(w);
}
