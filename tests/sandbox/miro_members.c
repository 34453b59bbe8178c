#include "miro_members.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_change.h"

enum mark {
    WAS = 1,    /* a member before the request */
    IN = 2,     /* a member in the draft */
    REVIVE = 4, /* named in an Add, or new by a Replace: becomes an active member of the organisation */
    SEEN = 8,   /* dealt with by the commit */
};

static struct record *record_of(struct miro_user *u)
{
    return (struct record *)u; /* u is the record's first member */
}

static void push(struct members *d, struct record *r)
{
    if (d->n == d->size) {
        d->size = d->size ? d->size * 2 : 64;
        d->v = xreallocarray(d->v, d->size, sizeof(struct record *));
    }
    d->v[d->n++] = r;
}

void members_init(struct members *d, struct call *c, struct team_record *team)
{
    *d = (struct members){.c = c, .team = team};
    for (size_t i = 0; i < team->t.n_members; i++) {
        struct record *r = record_of(team->t.members[i]);
        r->marks = WAS | IN;
        push(d, r);
    }
}

void members_done(struct members *d)
{
    for (size_t i = 0; i < d->n; i++)
        d->v[i]->marks = 0;
    free(d->v);
    *d = (struct members){0};
}

/* ---- who is named -------------------------------------------------------------------------------------- */

static const char *id_of(const cJSON *element)
{
    return cJSON_IsObject(element) ? json_string(element, "value") : cJSON_GetStringValue(element);
}

/* Calls each(ctx, id) for every member in the value. */
static bool each_id(const cJSON *value, bool (*each)(void *ctx, const char *id), void *ctx,
                    struct problem *pb)
{
    const cJSON *first = cJSON_IsArray(value) ? value->child : value;
    for (const cJSON *el = first; el; el = cJSON_IsArray(value) ? el->next : NULL) {
        const char *id = id_of(el);
        if (!id)
            return refuse(pb, 400, "invalidValue", "Each member needs the id of a user as value, a string");
        if (!each(ctx, id))
            return false;
    }
    return true;
}

/* The ids that name nobody, for the error's text. */
struct naming {
    struct members *d;
    struct problem *pb;
    struct buf unknown;
    size_t n_known;
    unsigned marks; /* for those who are known */
};

static void note_unknown(struct naming *nm, const char *id)
{
    buf_addf(&nm->unknown, "%s{memberId=%.40s, display=null}", nm->unknown.n ? ", " : "", id);
}

static bool refuse_unknown(const struct naming *nm)
{
    return refuse(nm->pb, 404, NULL, "No valid resources: [%.400s]", nm->unknown.p ? nm->unknown.p : "");
}

/* ---- Add and Replace ----------------------------------------------------------------------------------- */

/* A deleted user whose address has been given to a new account cannot come back. */
static bool can_join(const struct miro *m, const struct record *r)
{
    return r && !r->u.uncaptured && !(r->u.deleted && miro_store_user_named(m, r->u.userName));
}

static bool name_one(void *ctx, const char *id)
{
    struct naming *nm = ctx;
    struct record *r = miro_store_user(nm->d->c->m, id, strlen(id));
    if (!can_join(nm->d->c->m, r)) {
        note_unknown(nm, id);
        return true;
    }
    if (!(r->marks & IN))
        push(nm->d, r);
    r->marks |= IN | nm->marks;
    nm->n_known++;
    return true;
}

/* Puts everybody named into the draft; unknown ids are an error when nobody is known, or by a switch. */
static bool name_all(struct members *d, const cJSON *value, unsigned marks, struct problem *pb)
{
    struct naming nm = {.d = d, .pb = pb, .marks = marks};
    buf_init(&nm.unknown, sizeof pb->detail);
    bool done = each_id(value, name_one, &nm, pb);
    if (done && (nm.unknown.n > 0 || nm.unknown.overflow) &&
        (nm.n_known == 0 || d->c->m->cfg.partial_add_is_error))
        done = refuse_unknown(&nm);
    buf_done(&nm.unknown);
    return done;
}

bool members_add(struct members *d, const cJSON *value, struct problem *pb)
{
    return name_all(d, value, REVIVE, pb);
}

/* Admins that the API does not show are not replaced either. */
bool members_replace(struct members *d, const cJSON *value, struct problem *pb)
{
    const struct miro_team *t = &d->team->t;
    for (size_t i = 0; i < d->n; i++)
        if (d->c->m->cfg.show_team_admins || !team_has_admin(t, &d->v[i]->u))
            d->v[i]->marks &= ~(unsigned)IN;
    if (!name_all(d, value, 0, pb))
        return false;
    for (size_t i = 0; i < d->n; i++)
        if (!(d->v[i]->marks & IN) && team_last_admin(t, &d->v[i]->u))
            return refuse_last_admin(pb);
    return true;
}

/* ---- Remove: all or nothing ---------------------------------------------------------------------------- */

static bool remove_record(struct members *d, struct record *r, struct problem *pb)
{
    if (team_last_admin(&d->team->t, &r->u))
        return refuse_last_admin(pb);
    r->marks &= ~(unsigned)(IN | REVIVE);
    return true;
}

static bool remove_one(void *ctx, const char *id)
{
    struct naming *nm = ctx;
    struct record *r = miro_store_user(nm->d->c->m, id, strlen(id));
    if (r && user_visible(&r->u))
        return remove_record(nm->d, r, nm->pb);
    note_unknown(nm, id);
    return refuse_unknown(nm);
}

static bool remove_id(struct members *d, const char *id, struct problem *pb)
{
    struct naming nm = {.d = d, .pb = pb};
    buf_init(&nm.unknown, sizeof pb->detail);
    bool done = remove_one(&nm, id);
    buf_done(&nm.unknown);
    return done;
}

static bool remove_everybody(struct members *d, struct problem *pb)
{
    for (size_t i = 0; i < d->n; i++)
        if (!remove_record(d, d->v[i], pb))
            return false;
    return true;
}

bool members_remove(struct members *d, const cJSON *value, struct problem *pb)
{
    if (!value)
        return remove_everybody(d, pb);
    struct naming nm = {.d = d, .pb = pb};
    buf_init(&nm.unknown, sizeof pb->detail);
    bool done = each_id(value, remove_one, &nm, pb);
    buf_done(&nm.unknown);
    return done;
}

static const char *member_value(const void *subject, const char *path, size_t i)
{
    const struct miro_user *u = subject;
    static _Thread_local char display[512];
    if (i > 0)
        return NULL;
    if (strcmp(path, "value") == 0)
        return u->id;
    if (strcmp(path, "type") == 0)
        return "User";
    user_display_name(u, display, sizeof display);
    return strcmp(path, "display") == 0 ? display : NULL;
}

bool members_remove_filtered(struct members *d, const struct miro_filter *f, struct problem *pb)
{
    const char *id = miro_filter_is_eq(f, "value");
    if (id)
        return remove_id(d, id, pb);
    for (size_t i = 0; i < d->n; i++)
        if ((d->v[i]->marks & IN) && miro_filter_match(f, member_value, &d->v[i]->u) &&
            !remove_record(d, d->v[i], pb))
            return false;
    return true;
}

/* ---- commit -------------------------------------------------------------------------------------------- */

static void revive(struct call *c, struct record *r)
{
    struct miro_user *u = &r->u;
    if (u->deleted)
        index_put(&c->m->by_name, u->userName, r);
    if (u->guest)
        attrs_set(&u->attributes, "userType", "Full");
    if (u->guest || u->deleted)
        u->role = MIRO_INTERNAL_USER;
    u->guest = u->deleted = false;
    u->active = true;
    audit_note_changes(c->m, r->before, u);
    miro_store_note_activity(c->m, r, c->now_ms, "group Add", c->rq->seq);
}

static void join(struct members *d, struct record *r)
{
    miro_store_touch(d->c, r);
    if (d->c->m->cfg.profile == MIRO_PROFILE_MIRO)
        revive(d->c, r);
    team_join(d->c->m, &d->team->t, &r->u, false);
}

static void leave(struct members *d, struct record *r)
{
    miro_store_leave(d->c, d->team, r, "group Remove");
}

/* 'j'oin, 'l'eave, 'r'evive, or 0 when nothing is to be done. */
static char difference(const struct record *r)
{
    bool was = r->marks & WAS, in = r->marks & IN;
    if (was != in)
        return in ? 'j' : 'l';
    return in && (r->marks & REVIVE) && (!r->u.active || r->u.guest) ? 'r' : 0;
}

static void settle(struct members *d, struct record *r)
{
    switch (difference(r)) {
    case 'j':
        join(d, r);
        break;
    case 'l':
        leave(d, r);
        break;
    case 'r':
        miro_store_touch(d->c, r);
        revive(d->c, r);
        break;
    default:
        break;
    }
}

void members_commit(struct members *d, bool half)
{
    size_t differences = 0, made = 0;
    for (size_t i = 0; i < d->n; i++)
        differences += difference(d->v[i]) != 0;
    for (size_t i = 0; i < d->n; i++) {
        struct record *r = d->v[i];
        bool wanted = !(r->marks & SEEN) && difference(r) != 0;
        r->marks |= SEEN;
        if (!wanted || (half && made * 2 >= differences))
            continue;
        settle(d, r);
        made++;
    }
}
