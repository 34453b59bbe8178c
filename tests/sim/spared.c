#include "spared.h"

#include <string.h>

#include "scenario.h"
#include "simtarget.h"

static bool takes_access(const struct event *ev)
{
    return ev->type == EVENT_LEFT || ev->type == EVENT_DELETED || ev->type == EVENT_SUSPENDED ||
           ev->has_access_until;
}

/* A policy that is replaced may want less for a while, and a source that is asked may say what no event does. */
static bool may_be_cut(const struct world *w, size_t person)
{
    bool may = w->chaos.policies || w->chaos.thin > 0;
    for (size_t i = 0; !may && i < w->scenario->n_events; i++) {
        const struct sim_event *se = &w->scenario->events[i];
        may = se->person == person && takes_access(&se->ev);
    }
    return may;
}

static bool was_cut_by_us(const struct miro_user *user)
{
    for (size_t h = 1; h < user->n_history; h++)
        if (user->history[h - 1].active && !user->history[h].active &&
            strncmp(user->history[h].cause, "PATCH", 5) == 0)
            return true;
    return false;
}

void spared_check(struct world *w, size_t person)
{
    if (may_be_cut(w, person))
        return;
    for (size_t t = 0; t < w->n_targets; t++) {
        const struct miro *m = simtarget_miro(w->targets[t]);
        for (size_t i = 0; i < miro_users_n(m); i++) {
            const struct miro_user *user = miro_user_at(m, i);
            if (scenario_person_of(w->scenario, user->userName, strlen(user->userName)) == (int)person &&
                was_cut_by_us(user))
                world_fail(w, "P7 spared", "person %zu at %s was cut, and nobody has ever said so", person,
                           w->scenario->targets[t].name);
        }
    }
}
