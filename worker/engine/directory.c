#include "directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "event.h"
#include "json.h"
#include "mem.h"
#include "person.h"
#include "rfc3339.h"
#include "scim.h"

enum { VANISHED_KEPT_MS = 24 * 3600 * 1000 };

static const char *const kind_names[DIRECTORY_KINDS] = {"team", "listing", "wish",
                                                        "want", "made",    "attached"};

/* ---- by name ------------------------------------------------------------------------------------------- */

static void want_done(struct group_want *want)
{
    free(want->name);
    free(want->failed);
    free(want->former);
}

void directory_done(struct directory *d)
{
    attrs_done(&d->teams);
    attrs_done(&d->made);
    attrs_done(&d->attached);
    attrs_done(&d->vanished);
    attrs_done(&d->vanished_ids);
    for (size_t i = 0; i < d->n_wanted; i++)
        want_done(&d->wanted[i]);
    free(d->wanted);
    free(d->by_name);
    free(d->failed);
    *d = (struct directory){0};
}

static int order_by_name(const void *a, const void *b)
{
    const struct attr *left = *(const struct attr *const *)a, *right = *(const struct attr *const *)b;
    int order = strcmp(left->value, right->value);
    return order ? order : strcmp(left->name, right->name);
}

static void sort(struct directory *d)
{
    if (!d->stale)
        return;
    free(d->by_name);
    d->by_name = xcalloc(d->teams.n, sizeof(struct attr *));
    for (size_t i = 0; i < d->teams.n; i++)
        d->by_name[i] = &d->teams.v[i];
    qsort(d->by_name, d->teams.n, sizeof(struct attr *), order_by_name);
    d->stale = false;
}

enum team_search directory_find(struct directory *d, const char *name, const char **ret_id)
{
    sort(d);
    size_t low = 0, high = d->teams.n;
    while (low < high) { /* the first that is not before it */
        size_t middle = (low + high) / 2;
        bool before = strcmp(d->by_name[middle]->value, name) < 0;
        *(before ? &low : &high) = before ? middle + 1 : middle;
    }
    if (low == d->teams.n || strcmp(d->by_name[low]->value, name) != 0)
        return TEAM_MISSING;
    if (low + 1 < d->teams.n && strcmp(d->by_name[low + 1]->value, name) == 0)
        return TEAM_AMBIGUOUS;
    *ret_id = d->by_name[low]->name;
    return TEAM_FOUND;
}

int64_t directory_vanished_ms(const struct directory *d, const char *name)
{
    const char *at = attrs_get(&d->vanished, name);
    return at ? strtoll(at, NULL, 10) : 0;
}

static bool is_former(const struct directory *d, const char *id, const struct attrs *but)
{
    return id && !attrs_find(&d->teams, id) && !(but && attrs_find(but, id));
}

const char *directory_former(const struct directory *d, const char *name, const struct attrs *but)
{
    const struct group_want *want = directory_want(d, name);
    const char *last = attrs_get(&d->vanished_ids, name);
    if (is_former(d, last, but))
        return last;
    if (want && is_former(d, want->former, but))
        return want->former;
    for (size_t i = 0; i < d->made.n; i++)
        if (strcmp(d->made.v[i].value, name) == 0 && is_former(d, d->made.v[i].name, but))
            return d->made.v[i].name;
    return NULL;
}

/* ---- records in force ---------------------------------------------------------------------------------- */

static void forget_vanished(struct directory *d, const char *name)
{
    attrs_remove(&d->vanished_ids, name);
    attrs_remove(&d->vanished, name); /* last: the name may be its own */
}

static void take_team(struct directory *d, const struct directory_record *r)
{
    const struct attr *known = attrs_find(&d->teams, r->id);
    if (r->name ? known && strcmp(known->value, r->name) == 0 : !known)
        return;
    if (known) {
        attrs_set(&d->vanished, known->value, NULL);
        attrs_set(&d->vanished_ids, known->value, r->id);
    }
    if (r->name) {
        forget_vanished(d, r->name);
        attrs_set(&d->teams, r->id, r->name);
    }
    if (!r->name)
        attrs_remove(&d->teams, r->id);
    d->stale = d->changing = true;
    d->version++;
}

/* Teams are sorted by id, so whoever has read the same records has the same. */
static uint64_t fingerprint(const struct attrs *teams)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < teams->n; i++) {
        uint64_t parts[] = {hash, digest_hash64(teams->v[i].name, strlen(teams->v[i].name)),
                            digest_hash64(teams->v[i].value, strlen(teams->v[i].value))};
        hash = digest_hash64(parts, sizeof parts);
    }
    return hash;
}

/* Who misses it would have another one made beside it, if lists only lack it: that is known as long as somebody does. */
static bool is_forgotten(const struct directory *d, const char *name, int64_t for_ms)
{
    return for_ms > VANISHED_KEPT_MS && !directory_want(d, name);
}

/* Those that went with this listing, and those of which later ones have long said the same. */
static void date_vanished(struct directory *d, const struct directory_record *r)
{
    for (size_t i = d->vanished.n; i-- > 0;) {
        const struct attr *gone = &d->vanished.v[i];
        char at[24];
        snprintf(at, sizeof at, "%lld", (long long)r->at_ms);
        if (!gone->value)
            attrs_set(&d->vanished, gone->name, at);
        else if (!r->failed && is_forgotten(d, gone->name, r->at_ms - strtoll(gone->value, NULL, 10)))
            forget_vanished(d, gone->name);
    }
}

static void take_listing(struct directory *d, const struct directory_record *r)
{
    date_vanished(d, r);
    d->listed_ms = r->at_ms;
    d->whole = fingerprint(&d->teams);
    d->changing = false;
    free(d->failed);
    d->failed = xstrdup_null(r->failed);
}

static size_t want_index(const struct directory *d, const char *name)
{
    size_t i = 0;
    while (i < d->n_wanted && strcmp(d->wanted[i].name, name) != 0)
        i++;
    return i;
}

const struct group_want *directory_want(const struct directory *d, const char *name)
{
    size_t i = want_index(d, name);
    return i < d->n_wanted ? &d->wanted[i] : NULL;
}

static void take_want(struct directory *d, const struct directory_record *r)
{
    size_t i = want_index(d, r->name);
    if (i == d->n_wanted && (r->gone || d->n_wanted == DIRECTORY_WANTS_MAX))
        return;
    if (i == d->n_wanted) {
        d->wanted = xreallocarray(d->wanted, ++d->n_wanted, sizeof *d->wanted);
        d->wanted[i] = (struct group_want){.name = xstrdup(r->name)};
    }
    struct group_want *want = &d->wanted[i];
    free(want->failed);
    want->failed = xstrdup_null(r->failed);
    want->at_ms = r->at_ms;
    if (r->former) { /* who tells none may have come when its team's record was gone */
        free(want->former);
        want->former = xstrdup(r->former);
    }
    if (!r->gone)
        return;
    want_done(want);
    *want = d->wanted[--d->n_wanted];
}

static void take_ours(struct attrs *ours, const struct directory_record *r)
{
    if (r->name)
        attrs_set(ours, r->id, r->name);
    else
        attrs_remove(ours, r->id);
}

void directory_take(struct directory *d, const struct directory_record *r)
{
    switch (r->kind) {
    case DIRECTORY_TEAM:
        take_team(d, r);
        break;
    case DIRECTORY_LISTING:
        take_listing(d, r);
        break;
    case DIRECTORY_WANT:
        take_want(d, r);
        break;
    case DIRECTORY_MADE:
        take_ours(&d->made, r);
        break;
    case DIRECTORY_ATTACHED:
        take_ours(&d->attached, r);
        break;
    default:
        d->wished_ms = r->at_ms > d->wished_ms ? r->at_ms : d->wished_ms;
    }
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static bool has_id(enum directory_kind kind)
{
    return kind == DIRECTORY_TEAM || kind == DIRECTORY_MADE || kind == DIRECTORY_ATTACHED;
}

void directory_key(const struct directory_record *r, struct buf *out)
{
    buf_addf(out, "%s/%s", kind_names[r->kind], r->target);
    if (has_id(r->kind))
        buf_addf(out, "/%s", r->id);
    if (r->kind == DIRECTORY_WANT)
        buf_addf(out, "/%s", r->name);
}

bool directory_forgets(const struct directory_record *r)
{
    return has_id(r->kind) ? !r->name : r->gone;
}

void directory_value(const struct directory_record *r, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_string(&w, "kind", kind_names[r->kind]);
    json_put_string(&w, "target", r->target);
    if (has_id(r->kind))
        json_put_string(&w, "id", r->id);
    if (has_id(r->kind) || r->kind == DIRECTORY_WANT)
        json_put_string(&w, "name", r->name);
    if (r->kind == DIRECTORY_LISTING)
        json_put_int(&w, "teams", r->teams);
    char *failed = r->failed ? reason_text(r->failed) : NULL;
    if (failed)
        json_put_string(&w, "failed", failed);
    free(failed);
    if (r->former)
        json_put_string(&w, "former", r->former);
    json_put_time(&w, "at", r->at_ms);
    json_close(&w);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

void directory_record_done(struct directory_record *r)
{
    free(r->target);
    free(r->id);
    free(r->name);
    free(r->failed);
    free(r->former);
    *r = (struct directory_record){0};
}

static bool wrong(struct error *err, const char *what)
{
    return error_set(err, ERROR_INPUT, "%s", what);
}

/* "kind/target", of a team and of a group that was made also "/id", of one that is wanted "/name". */
static bool read_key(struct str key, struct directory_record *r, struct error *err)
{
    char text[DIRECTORY_KEY_MAX + 1];
    if (key.n == 0 || key.n > DIRECTORY_KEY_MAX || memchr(key.p, '\0', key.n))
        return wrong(err, "the key is missing, too long or no text");
    memcpy(text, key.p, key.n);
    text[key.n] = '\0';
    char *rest = text, *kind = strsep(&rest, "/"), *target = strsep(&rest, "/");
    r->kind = DIRECTORY_KINDS;
    for (enum directory_kind k = 0; k < DIRECTORY_KINDS; k++)
        if (strcmp(kind, kind_names[k]) == 0)
            r->kind = k;
    bool more = has_id(r->kind) || r->kind == DIRECTORY_WANT;
    if (r->kind == DIRECTORY_KINDS || !target || !event_name_ok(target) || more != (rest && *rest))
        return wrong(err, "the key is of no kind");
    r->target = xstrdup(target);
    r->id = has_id(r->kind) ? xstrdup(rest) : NULL;
    r->name = r->kind == DIRECTORY_WANT ? xstrdup(rest) : NULL;
    return !r->name || strlen(r->name) <= TEAM_NAME_MAX || wrong(err, "the name is too long");
}

static bool key_agrees(const cJSON *root, const struct directory_record *r)
{
    const char *kind = json_string(root, "kind"), *target = json_string(root, "target"),
               *id = json_string(root, "id"), *name = json_string(root, "name");
    return kind && strcmp(kind, kind_names[r->kind]) == 0 && target && strcmp(target, r->target) == 0 &&
           (!r->id || (id && strcmp(id, r->id) == 0)) && (!r->name || (name && strcmp(name, r->name) == 0));
}

static bool read_root(const cJSON *root, struct directory_record *r, struct error *err)
{
    const char *at = json_string(root, "at"), *name = json_string(root, "name"),
               *former = json_string(root, "former");
    if (!key_agrees(root, r))
        return wrong(err, "the key does not agree with the value");
    if (!at || !rfc3339_parse(str_of(at), &r->at_ms) || r->at_ms <= 0)
        return wrong(err, "at: not an RFC 3339 instant");
    if (has_id(r->kind) && (!name || !*name || strlen(name) > TEAM_NAME_MAX))
        return wrong(err, "name: not the name of a team");
    if (has_id(r->kind))
        r->name = xstrdup(name);
    if (r->kind == DIRECTORY_LISTING && (!json_int64(root, "teams", &r->teams) || r->teams < 0))
        return wrong(err, "teams: not a number of teams");
    if (r->kind == DIRECTORY_WANT && former && (!*former || strlen(former) > SCIM_ID_MAX))
        return wrong(err, "former: not the id of a team");
    if (r->kind == DIRECTORY_WANT)
        r->former = xstrdup_null(former);
    r->failed = xstrdup_null(json_string(root, "failed"));
    return true;
}

static bool read_value(struct str value, struct directory_record *r, struct error *err)
{
    cJSON *root;
    r->gone = value.n == 0;
    if (r->gone)
        return has_id(r->kind) || r->kind == DIRECTORY_WANT || wrong(err, "this cannot be forgotten");
    if (value.n > DIRECTORY_RECORD_MAX)
        return wrong(err, "longer than allowed");
    if (!json_parse(value, &root, err))
        return false;
    bool ok = read_root(root, r, err);
    cJSON_Delete(root);
    return ok;
}

bool directory_record_read(struct str key, struct str value, struct directory_record *ret, struct error *err)
{
    struct directory_record r = {0};
    if (read_key(key, &r, err) && read_value(value, &r, err)) {
        *ret = r;
        return true;
    }
    directory_record_done(&r);
    return false;
}
