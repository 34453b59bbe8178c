#include "simteams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "json.h"
#include "mem.h"
#include "mutations.h"
#include "rfc3339.h"
#include "scenario.h"
#include "simtarget.h"
#include "simworker.h"
#include "witness.h"
#include "year.h"

enum { HEAR_MAX_MS = 500, HEARD_BY_MS = 5000, UNLISTED_MAX_MS = 240000 };

struct told { /* one record */
    char *key, *value;
    size_t value_n;
};

struct team_notes {                /* of one person */
    bool first_in[SIMTEAMS_N + 1]; /* a member before the run … */
    char first_id[MIRO_ID_SIZE];   /* … with this account */
    bool removed[SIMTEAMS_N];      /* while nobody had approved of everything */
};

struct team_fate { /* of one target */
    int64_t appears_ms, renamed_ms, back_ms, removed_ms, anew_ms;
    int64_t unlisted_ms, relisted_ms; /* in between listings lack team 2, once it is known */
    bool known;
    int64_t changed_ms; /* last */
    int64_t listed_ms;  /* when the last listing that was told began */
    int64_t told_ms;    /* when it was told */
    bool wanted;        /* team 2 is still to be made */
    struct team_notes *persons;
};

struct simteams {
    struct told *v;
    size_t n;
    bool news; /* teams have changed since the last listing */
    struct team_fate fates[WORLD_TARGETS_MAX];
};

const char *const simteams_owned[1] = {"team 2"};

struct simteams *simteams_new(struct world *w)
{
    struct simteams *t = xcalloc(1, sizeof *t);
    for (size_t i = 0; i < w->scenario->n_targets; i++)
        t->fates[i].persons = xcalloc(w->scenario->n_persons, sizeof *t->fates[i].persons);
    return t;
}

void simteams_free(struct simteams *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->v[i].key);
        free(t->v[i].value);
    }
    free(t->v);
    for (size_t i = 0; i < WORLD_TARGETS_MAX; i++)
        free(t->fates[i].persons);
    free(t);
}

static void name_of(size_t team, char out[16])
{
    if (team == SIMTEAMS_N)
        snprintf(out, 16, "others");
    else
        snprintf(out, 16, "team %zu", team);
}

/* ---- what there is ------------------------------------------------------------------------------------- */

static void put_in(struct world *w, size_t target, struct miro *m, const struct miro_user *user, size_t team)
{
    char name[16];
    name_of(team, name);
    int person = scenario_person_of(w->scenario, user->userName, strlen(user->userName));
    const struct miro_team *t = miro_team_by_name(m, name);
    bool admin = team == 4 && t->n_members == 0; /* the last one cannot leave */
    miro_join_team(m, t->id, user->id, admin);
    w->teams->fates[target].persons[person].first_in[team] = true;
    memcpy(w->teams->fates[target].persons[person].first_id, user->id, sizeof user->id);
}

void simteams_furnish(struct world *w, size_t target, struct miro *m)
{
    static const size_t old[] = {0, 1, 4, SIMTEAMS_N};
    if (!w->chaos.teams)
        return;
    size_t n =
        w->chaos.user_groups ? SIMTEAMS_N + 1 : SIMTEAMS_N; /* it has "others" as the default team, else */
    for (size_t team = 0; team < n; team++) {
        char name[16];
        name_of(team, name);
        if (team != 2)
            miro_add_team(m, name);
    }
    for (size_t i = 0; i < miro_users_n(m); i++)
        for (size_t t = 0; t < ARRAY_SIZE(old); t++)
            if (old[t] == SIMTEAMS_N || prng_chance(&w->prng, w->chaos.moving ? 850 : 500))
                put_in(w, target, m, miro_user_at(m, i), old[t]);
    int64_t quiet_ms = w->scenario->quiet_ms;
    struct team_fate *fate = &w->teams->fates[target];
    fate->appears_ms = prng_range(&w->prng, WORLD_EPOCH_MS, quiet_ms);
    fate->renamed_ms = prng_range(&w->prng, WORLD_EPOCH_MS, quiet_ms);
    fate->back_ms = prng_range(&w->prng, fate->renamed_ms, quiet_ms);
    fate->removed_ms = prng_range(&w->prng, WORLD_EPOCH_MS, quiet_ms);
    bool unseen = prng_chance(&w->prng, 500); /* made anew between two listings */
    fate->anew_ms = unseen ? fate->removed_ms + 100 : prng_range(&w->prng, fate->removed_ms, quiet_ms);
    if (!w->chaos.user_groups)
        return;
    fate->unlisted_ms = prng_range(&w->prng, WORLD_EPOCH_MS, quiet_ms);
    fate->relisted_ms = fate->unlisted_ms + prng_range(&w->prng, 0, UNLISTED_MAX_MS);
}

static void vanish(void *ctx, uint64_t target)
{
    struct world *w = ctx;
    struct miro *m = simtarget_own(w->targets[target]);
    world_trace(w, "team 1 is removed at %s", w->scenario->targets[target].name);
    miro_remove_team(m, miro_team_by_name(m, "team 1")->id);
    w->teams->fates[target].changed_ms = world_now(w);
    for (size_t i = 0; i < w->scenario->n_persons; i++) /* what is called so later is another one */
        w->teams->fates[target].persons[i].first_in[1] = false;
}

static void come_anew(void *ctx, uint64_t target)
{
    struct world *w = ctx;
    world_trace(w, "team 1 is made anew at %s", w->scenario->targets[target].name);
    miro_add_team(simtarget_own(w->targets[target]), "team 1");
    w->teams->fates[target].changed_ms = world_now(w);
}

static void appear(void *ctx, uint64_t target)
{
    struct world *w = ctx;
    world_trace(w, "team 2 appears at %s", w->scenario->targets[target].name);
    miro_add_team(simtarget_own(w->targets[target]), "team 2");
    w->teams->fates[target].changed_ms = world_now(w);
}

static void rename_team(struct world *w, size_t target, const char *from, const char *to)
{
    struct miro *m = simtarget_own(w->targets[target]);
    world_trace(w, "%s is called %s at %s", from, to, w->scenario->targets[target].name);
    miro_rename_team(m, miro_team_by_name(m, from)->id, to);
    w->teams->fates[target].changed_ms = world_now(w);
}

static void rename_away(void *ctx, uint64_t target)
{
    rename_team(ctx, target, "team 3", "team drei");
}

static void rename_back(void *ctx, uint64_t target)
{
    rename_team(ctx, target, "team drei", "team 3");
}

static void relist(void *ctx, uint64_t target)
{
    struct world *w = ctx;
    world_trace(w, "team 2 is listed again at %s, if it is there", w->scenario->targets[target].name);
    w->teams->fates[target].changed_ms = world_now(w);
}

void simteams_short_list(struct world *w, size_t target, struct buf *body)
{
    const struct team_fate *fate = &w->teams->fates[target];
    int64_t now = world_now(w);
    cJSON *root, *list, *team;
    struct error err;
    if (!fate->known || now < fate->unlisted_ms || now >= fate->relisted_ms ||
        !json_parse(buf_str(body), &root, &err))
        return;
    list = cJSON_GetObjectItem(root, "Resources");
    for (int i = cJSON_GetArraySize(list); i-- > 0;) {
        team = cJSON_GetArrayItem(list, i);
        if (strcmp(json_string(team, "displayName"), "team 2") != 0)
            continue;
        cJSON_DeleteItemFromArray(list, i);
        cJSON *total = cJSON_GetObjectItem(root, "totalResults");
        cJSON_SetNumberValue(total, total->valuedouble - 1);
    }
    char *text = cJSON_PrintUnformatted(root);
    buf_clear(body);
    buf_adds(body, text);
    free(text);
    cJSON_Delete(root);
}

void simteams_begin(struct world *w)
{
    for (size_t t = 0; w->chaos.teams && t < w->n_targets; t++) {
        const struct team_fate *fate = &w->teams->fates[t];
        if (!w->chaos.user_groups)
            clock_after(&w->clock, fate->appears_ms - world_now(w), appear, w, t);
        else
            clock_after(&w->clock, fate->relisted_ms - world_now(w), relist, w, t);
        clock_after(&w->clock, fate->renamed_ms - world_now(w), rename_away, w, t);
        clock_after(&w->clock, fate->back_ms - world_now(w), rename_back, w, t);
        clock_after(&w->clock, fate->removed_ms - world_now(w), vanish, w, t);
        clock_after(&w->clock, fate->anew_ms - world_now(w), come_anew, w, t);
    }
}

/* ---- hearing ------------------------------------------------------------------------------------------- */

void simteams_read(struct proc *p)
{
    struct simteams *t = p->world->teams;
    for (; p->teams_read < t->n; p->teams_read++) {
        const struct told *r = &t->v[p->teams_read];
        struct error err;
        if (SIM_MUTATION(SIM_TEAMS_NOT_READ) && p->member == 0)
            continue; /* it has not joined yet */
        if (!engine_target_record(p->engine, str_of(r->key), (struct str){r->value, r->value_n}, proc_now(p),
                                  &err))
            world_fail(p->world, "P2 teams", "%s is refused: %s", r->key, err.message);
    }
}

static void hear(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (proc_absent(p, hear, arg) || p->epoch == 0) /* who has not begun reads everything then */
        return;
    simteams_read(p);
    proc_turn_in(p, 1);
}

/* All processes end now: their partitions are restored by who has read all of it. */
static void deafen(void *ctx, uint64_t arg)
{
    struct world *w = ctx;
    (void)arg;
    if (world_now(w) >= w->scenario->quiet_ms + 3 * WORLD_RELIST_MS || !prng_chance(&w->prng, w->chaos.deaf))
        return;
    for (size_t i = 0; i < w->n_slots; i++) {
        struct proc *p = w->slots[i];
        if (!p || p->stopping)
            continue;
        if (w->chaos.crash > 0)
            proc_kill(p, "killed as teams are listed");
        else
            proc_stop(p);
    }
}

static bool newest_told(const struct simteams *t, size_t i)
{
    for (size_t j = i + 1; j < t->n; j++)
        if (strcmp(t->v[i].key, t->v[j].key) == 0)
            return false;
    return true;
}

bool simteams_clean(struct world *w)
{
    struct simteams *t = w->teams;
    size_t n = 0;
    for (size_t i = 0; i < w->n_procs; i++)
        if (!w->procs[i]->dead && w->procs[i]->teams_read < t->n)
            return false;
    for (size_t i = 0; i < t->n; i++) {
        struct told told = t->v[i];
        if (newest_told(t, i)) {
            t->v[n++] = told;
            continue;
        }
        free(told.key);
        free(told.value);
    }
    t->n = n;
    for (size_t i = 0; i < w->n_procs; i++)
        w->procs[i]->teams_read = n;
    return true;
}

/* False: it is none. */
static bool note_listing(struct world *w, const struct log_record *r)
{
    static const char prefix[] = "listing/";
    cJSON *json;
    struct error err;
    if (strncmp(r->key, prefix, strlen(prefix)) != 0 ||
        !json_parse((struct str){r->value, r->value_n}, &json, &err))
        return false;
    int target = scenario_target_by_name(w->scenario, r->key + strlen(prefix));
    const char *at = json_string(json, "at");
    if (target >= 0 && at && rfc3339_parse(str_of(at), &w->teams->fates[target].listed_ms))
        w->teams->fates[target].told_ms = world_now(w);
    cJSON_Delete(json);
    return true;
}

static void note_want(struct world *w, const struct log_record *r)
{
    static const char prefix[] = "want/";
    char target[64];
    if (strncmp(r->key, prefix, strlen(prefix)) != 0)
        return;
    snprintf(target, sizeof target, "%.*s", (int)strcspn(r->key + strlen(prefix), "/"),
             r->key + strlen(prefix));
    struct team_fate *fate = &w->teams->fates[scenario_target_by_name(w->scenario, target)];
    fate->wanted = r->value != NULL;
    fate->told_ms = world_now(w);
}

/* Somebody has listed team 2, so its id is in a record. */
static void note_team(struct world *w, const struct log_record *r)
{
    static const char prefix[] = "team/";
    char target[64];
    if (strncmp(r->key, prefix, strlen(prefix)) != 0 || !r->value || !strstr(r->value, "\"team 2\""))
        return;
    snprintf(target, sizeof target, "%.*s", (int)strcspn(r->key + strlen(prefix), "/"),
             r->key + strlen(prefix));
    w->teams->fates[scenario_target_by_name(w->scenario, target)].known = true;
}

void simteams_committed(struct world *w, const struct log_record *r)
{
    struct simteams *t = w->teams;
    world_trace(w, "log   %s = %s", r->key, r->value ? r->value : "gone");
    t->v = xreallocarray(t->v, t->n + 1, sizeof *t->v);
    t->v[t->n++] = (struct told){xstrdup(r->key), r->value ? xstrndup(r->value, r->value_n) : NULL,
                                 r->value ? r->value_n : 0};
    bool listing = note_listing(w, r);
    note_want(w, r);
    note_team(w, r);
    if (listing && t->news)
        clock_after(&w->clock, 0, deafen, w, 0);
    t->news = !listing && (t->news || strncmp(r->key, "team/", 5) == 0);
    for (size_t i = 0; i < w->n_procs; i++)
        if (!w->procs[i]->dead)
            clock_after(&w->clock, prng_range(&w->prng, 0, HEAR_MAX_MS), hear, w->procs[i], 0);
}

bool simteams_settled(const struct world *w)
{
    for (size_t t = 0; w->chaos.teams && t < w->n_targets; t++) {
        const struct team_fate *fate = &w->teams->fates[t];
        if (fate->listed_ms == 0)
            continue; /* nobody asked */
        if (fate->wanted || world_now(w) < fate->relisted_ms)
            return false;
        if (fate->listed_ms < fate->changed_ms + WORLD_SKEW_MAX_MS ||
            world_now(w) < fate->told_ms + HEARD_BY_MS)
            return false;
    }
    return true;
}

/* ---- what is done -------------------------------------------------------------------------------------- */

static size_t index_of(const char *name)
{
    if (strcmp(name, "team drei") == 0)
        return 3;
    return strncmp(name, "team ", 5) == 0 ? (size_t)(name[5] - '0') : SIMTEAMS_N;
}

void simteams_moved(struct world *w, size_t target, const char *team, const struct moved *moved)
{
    size_t index = index_of(team);
    if (w->year) {
        year_moved(w, moved);
        return;
    }
    if (index >= SIMTEAMS_N) {
        world_fail(w, "P7 teams", "%s at %s is changed, which no policy names", team,
                   w->scenario->targets[target].name);
        return;
    }
    bool removed = strstr(moved->body, "\"Remove\"") && world_now(w) < w->scenario->quiet_ms;
    for (size_t i = 0; removed && i < moved->n_persons; i++)
        w->teams->fates[target].persons[moved->persons[i]].removed[index] = true;
}

void simteams_check_guard(struct world *w, size_t target, unsigned bucket, unsigned most)
{
    unsigned n = 0;
    for (size_t i = 0; i < w->scenario->n_persons; i++) {
        const char *person = strchr(w->scenario->persons[i].key, '/') + 1;
        for (size_t team = 0; team < SIMTEAMS_N; team++)
            n += event_bucket(str_of(person), w->chaos.spread) == bucket &&
                 w->teams->fates[target].persons[i].removed[team];
    }
    if (n > most)
        world_fail(w, "P7 guard", "%u memberships ended at %s, bucket %u, where %u may be", n,
                   w->scenario->targets[target].name, bucket, most);
}

/* ---- at the end ---------------------------------------------------------------------------------------- */

/* The one active account; NULL: none, or several. */
static const struct miro_user *account_of(const struct world *w, size_t person, size_t target)
{
    const struct miro_user *found = NULL, *user;
    for (size_t i = 0; (user = simtarget_account(w->targets[target], person, i)); i++) {
        if (user->deleted)
            continue;
        if (found || !user->active)
            return NULL;
        found = user;
    }
    return found;
}

static bool ever_said(const struct world *w, size_t person, const char *team)
{
    size_t n;
    const size_t *of = scenario_events_of(w->scenario, person, &n);
    for (size_t i = 0; i < n; i++) {
        const struct event *ev = &w->scenario->events[of[i]].ev;
        for (size_t g = 0; g < ev->n_groups; g++)
            if (strcmp(ev->groups[g], team) == 0)
                return true;
    }
    return false;
}

static bool is_last_admin(const struct miro_team *team, const struct miro_user *user)
{
    return team->n_admins == 1 && team->admins[0] == user;
}

bool simteams_needs(const struct miro_user *user)
{
    for (size_t i = 0; i < user->n_teams; i++)
        if (is_last_admin(user->teams[i], user))
            return true;
    return false;
}

struct member_check {
    struct world *w;
    size_t person, target, team;
    const struct miro_user *user;
    const struct desired *want;
};

static void check_member(const struct member_check *c)
{
    char name[16];
    name_of(c->team, name);
    const struct miro *m = simtarget_miro(c->w->targets[c->target]);
    const struct miro_team *team = miro_team_by_name(m, name);
    bool is = team && miro_is_member(team, c->user);
    const struct team_notes *notes = &c->w->teams->fates[c->target].persons[c->person];
    bool first = notes->first_in[c->team] && strcmp(notes->first_id, c->user->id) == 0 &&
                 !accounts_was_deleted(c->user);
    const struct attr *said = attrs_find(&c->want->teams, name);
    const char *target = c->w->scenario->targets[c->target].name;
    bool spoilt = witness_account(c->w, c->person, c->target)->lied_teams;
    if (said && said->value && !is && !spoilt)
        world_fail(c->w, "P3 teams", "person %zu at %s is not in %s", c->person, target, name);
    if (said && !said->value && is && !spoilt && !is_last_admin(team, c->user))
        world_fail(c->w, "P3 teams", "person %zu at %s is still in %s", c->person, target, name);
    if (!said && is && !first && !spoilt && c->team < SIMTEAMS_N)
        world_fail(c->w, "P3 teams", "person %zu at %s is in %s, where we put him", c->person, target, name);
    if (!said && !is && first && !ever_said(c->w, c->person, name))
        world_fail(c->w, "P7 teams", "person %zu at %s is in %s no more, which nobody asked for", c->person,
                   target, name);
}

void simteams_check(struct world *w, size_t person, size_t target, const struct desired *want)
{
    const struct account_note *note = witness_account(w, person, target);
    const struct miro_user *user = account_of(w, person, target);
    bool on = want->kind == DESIRE_ACCOUNT && want->active == ACTIVE_ON && want->has_teams;
    if (!w->chaos.teams || !user || !on || note->gave_up || note->lied_on)
        return;
    for (size_t team = 0; team <= SIMTEAMS_N; team++)
        check_member(&(struct member_check){w, person, target, team, user, want});
}
