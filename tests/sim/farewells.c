#include "farewells.h"

#include <stdio.h>
#include <string.h>

#include "../../worker/engine/person.h"
#include "json.h"
#include "scenario.h"
#include "simlog.h"
#include "simtarget.h"
#include "world.h"

static bool is_refused(const cJSON *state, const char *team)
{
    char what[MIRO_ID_SIZE + sizeof REFUSED_MOVE];
    const cJSON *item;
    snprintf(what, sizeof what, REFUSED_MOVE "%s", team);
    cJSON_ArrayForEach(item, json_get(state, "refused"))
    {
        const char *of = json_string(item, "what");
        if (of && strcmp(of, what) == 0)
            return true;
    }
    return false;
}

void farewells_check(struct world *w, size_t person, size_t target, const struct miro_user *user)
{
    cJSON *document;
    const struct sim_person *who = &w->scenario->persons[person];
    const char *name = w->scenario->targets[target].name;
    const cJSON *state = simlog_state(w->log, who->partition, str_of(who->key), name, &document);
    for (size_t i = 0; i < user->n_teams; i++)
        if (!is_refused(state, user->teams[i]->id))
            world_fail(w, "P3 teams", "person %zu has left %s, and is in %s without a word", person, name,
                       user->teams[i]->displayName);
    cJSON_Delete(document);
}
