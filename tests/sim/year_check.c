/* What has to be so when the year is over, beside what invariants.h says. */
#include "year.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/engine/guard.h"
#include "../../worker/engine/person.h"
#include "farewells.h"
#include "invariants.h"
#include "json.h"
#include "mem.h"
#include "oracle.h"
#include "scenario.h"
#include "simlog.h"
#include "simtarget.h"
#include "witness.h"
#include "world.h"

enum { SKEW_MS = 2000 }; /* how far clocks may differ */

/* Of what has been told. */
static void want_of(const struct world *w, size_t person, struct desired *ret)
{
    size_t n;
    const size_t *of = scenario_events_of(w->scenario, person, &n);
    const struct event **events = xcalloc(n + 1, sizeof *events);
    size_t n_told = 0;
    for (size_t i = 0; i < n; i++)
        if (w->scenario->events[of[i]].told)
            events[n_told++] = &w->scenario->events[of[i]].ev;
    struct oracle_person told;
    oracle_fold(events, n_told, world_now(w), &told);
    oracle_desired(&told, w->policy, ret);
    free(events);
}

static bool is_in(const struct miro_user *user, const char *team)
{
    for (size_t i = 0; i < user->n_teams; i++)
        if (strcmp(user->teams[i]->displayName, team) == 0)
            return true;
    return false;
}

/* In every team that the policy names and in no other one. */
static void check_teams(struct world *w, size_t person, const struct miro_user *user,
                        const struct desired *want)
{
    for (size_t i = 0; i < want->teams.n; i++)
        if (!is_in(user, want->teams.v[i].name))
            world_fail(w, "P3 teams", "person %zu is not in %s", person, want->teams.v[i].name);
    for (size_t i = 0; i < user->n_teams; i++)
        if (!attrs_get(&want->teams, user->teams[i]->displayName))
            world_fail(w, "P3 teams", "person %zu is in %s, as the policy does not want it", person,
                       user->teams[i]->displayName);
}

/* Somebody has said a title that goes with it. */
static bool ever_led(const struct world *w, size_t person)
{
    size_t n;
    const size_t *of = scenario_events_of(w->scenario, person, &n);
    for (size_t i = 0; i < n; i++) {
        const char *title = attrs_get(&w->scenario->events[of[i]].ev.profile, "title");
        if (title && company_leads(title))
            return true;
    }
    return false;
}

/* Who is to have the licence Full has it (invariants.c), and nobody else is given it. */
static void check_licence(struct world *w, size_t person, const struct miro_user *user)
{
    const char *has = attrs_get(&user->attributes, "userType");
    bool full = has && strcmp(has, "Full") == 0;
    if (full && !ever_led(w, person))
        world_fail(w, "P7 licence", "person %zu has the licence Full, which nobody has ever asked for",
                   person);
    w->year->licences += full;
}

/* When the account lost access last. */
static int64_t cut_ms(const struct miro_user *user)
{
    int64_t at_ms = 0;
    for (size_t h = 1; h < user->n_history; h++)
        if (user->history[h - 1].active && !user->history[h].active)
            at_ms = user->history[h].at_ms;
    return at_ms;
}

/* From when on somebody could know that the person has left; 0: nobody. */
static int64_t left_ms(const struct world *w, size_t person)
{
    size_t n;
    const size_t *of = scenario_events_of(w->scenario, person, &n);
    int64_t at_ms = 0;
    for (size_t i = 0; i < n; i++) {
        const struct sim_event *se = &w->scenario->events[of[i]];
        int64_t due_ms =
            se->first_told_ms > se->ev.effective_at_ms ? se->first_told_ms : se->ev.effective_at_ms;
        if (se->ev.type == EVENT_LEFT && due_ms > at_ms)
            at_ms = due_ms;
    }
    return at_ms;
}

/* Whoever was cut before, on hold or at the end of a contract, stays in all teams. */
static void check_farewell(struct world *w, size_t person, const struct miro_user *user,
                           const struct desired *want)
{
    if (!want->leave_teams || user->deleted || cut_ms(user) < left_ms(w, person) - SKEW_MS)
        return;
    farewells_check(w, person, 0, user);
    w->year->farewells += user->n_teams == 0;
}

/* One account at most has access, and one has it exactly if the policy says so. */
static size_t check_person(struct world *w, size_t person)
{
    const struct miro_user *user;
    struct desired want;
    size_t active = 0;
    want_of(w, person, &want);
    bool on = want.kind == DESIRE_ACCOUNT && want.active == ACTIVE_ON;
    for (size_t i = 0; (user = simtarget_account(w->targets[0], person, i)); i++) {
        if (!user->active)
            check_farewell(w, person, user, &want);
        if (!user->active || user->deleted)
            continue;
        active++;
        check_teams(w, person, user, &want);
        check_licence(w, person, user);
    }
    bool as_it_was = want.kind == DESIRE_NOTHING && w->scenario->persons[person].existing;
    if (active != (on ? 1u : 0u) && !as_it_was)
        world_fail(w, "P3 account", "person %zu has %zu active accounts", person, active);
    desired_done(&want);
    return active;
}

/* The same from the side of the teams: whoever is in one is somebody's account. */
static void check_members(struct world *w, size_t active)
{
    const struct miro *m = simtarget_miro(w->targets[0]);
    size_t found = 0;
    for (size_t i = 0; i < miro_users_n(m); i++) {
        const struct miro_user *user = miro_user_at(m, i);
        found += user->active && !user->deleted && strcmp(user->userName, SIMTARGET_BOSS) != 0;
    }
    if (found != active)
        world_fail(w, "P3 account", "%zu accounts are active, of which %zu are persons'", found, active);
    for (size_t t = 0; t < miro_teams_n(m); t++) {
        const struct miro_team *team = miro_team_at(m, t);
        for (size_t i = 0; i < team->n_members; i++)
            if (!is_in(team->members[i], team->displayName))
                world_fail(w, "P3 teams", "%s has a member who is not in it", team->displayName);
    }
}

/* What the guards let pass of the reorganisation before somebody approved; with a part for each bucket. */
static void check_reorganisation(struct world *w)
{
    const struct year *y = w->year;
    const struct engine_guard_limit *limit = &w->like->guard.limits[GUARD_REMOVAL];
    uint64_t most = (limit->count > limit->floor ? limit->count : limit->floor) + YEAR_SPREAD;
    if (y->removals_unapproved > most)
        world_fail(w, "P7 guard",
                   "%llu memberships ended by the reorganisation before anybody approved, where %llu may",
                   (unsigned long long)y->removals_unapproved, (unsigned long long)most);
    if (y->approvals == 0 || y->most_held == 0)
        world_fail(w, "P7 guard", "nothing was held in the year of a reorganisation");
}

/* Whether somebody had said by then what the person's account is called, or will be from the first day on. */
static bool is_named(const struct world *w, size_t person, int64_t at_ms)
{
    size_t n;
    const size_t *of = scenario_events_of(w->scenario, person, &n);
    for (size_t i = 0; i < n; i++) {
        const struct sim_event *se = &w->scenario->events[of[i]];
        bool counts = se->ev.effective_at_ms <= at_ms || se->ev.type == EVENT_JOINED;
        if (se->first_told_ms < at_ms && counts && attrs_get(&se->ev.profile, "userName"))
            return true;
    }
    return false;
}

/* No call fails for good in this year: only of whom nobody has told the name yet, nothing can be done. */
static void check_rejected(struct world *w)
{
    for (size_t i = 0; i < w->scenario->n_events; i++) {
        const struct answer *a = witness_answer(w, i, 0);
        const struct sim_event *se = &w->scenario->events[i];
        if (strcmp(a->outcome, "rejected") == 0 && is_named(w, se->person, se->first_told_ms))
            world_fail(w, "P2 results", "event %zu of person %zu is rejected", i, se->person);
    }
}

/* Without these the year would prove little. */
static void check_eventful(struct world *w)
{
    const struct year_story *s = &w->year->story;
    if (w->year->options.days < 365 || w->year->options.persons < 1000)
        return;
    if (!s->rehires || !s->renames || !s->told[EVENT_DELETED] || !s->extended || !s->ahead ||
        !s->moved_at_once || !w->year->outages || !w->year->removals || !w->year->licences ||
        !w->year->farewells || !w->year->beside)
        world_fail(w, "story", "something that belongs to a year has not happened");
}

/* The licence waits for somebody, and nothing else has failed or waits. */
static bool waits_for_licence(const struct world *w, size_t person)
{
    cJSON *document;
    int64_t attempts = 0;
    const struct sim_person *who = &w->scenario->persons[person];
    const char *target = w->scenario->targets[0].name;
    const cJSON *state = simlog_state(w->log, who->partition, str_of(who->key), target, &document);
    const char *what = json_string(json_get(state, "held"), "what");
    bool waits =
        what && strcmp(what, guard_name(GUARD_UPGRADE)) == 0 && !json_int64(state, "attempts", &attempts);
    cJSON_Delete(document);
    return waits;
}

static void check_beside(struct world *w, size_t person)
{
    const struct miro_user *user;
    struct desired want;
    want_of(w, person, &want);
    for (size_t i = 0; (user = simtarget_account(w->targets[0], person, i)); i++) {
        if (!user->active || user->deleted)
            continue;
        w->year->beside++;
        for (size_t t = 0; t < want.teams.n; t++)
            if (!is_in(user, want.teams.v[t].name))
                world_fail(w, "P3 teams", "person %zu is not in %s, as a licence is held", person,
                           want.teams.v[t].name);
    }
    desired_done(&want);
}

void year_check_held(struct world *w)
{
    if (w->policy != POLICY_OF_THE_YEAR || w->scenario->targets[0].down)
        return; /* not everybody may have heard of the new one */
    for (size_t i = 0; i < w->scenario->n_persons; i++)
        if (waits_for_licence(w, i))
            check_beside(w, i);
}

void year_check(struct world *w)
{
    size_t active = 0;
    for (size_t i = 0; i < w->scenario->n_persons; i++)
        active += check_person(w, i);
    check_members(w, active);
    check_rejected(w);
    check_reorganisation(w);
    check_eventful(w);
}
