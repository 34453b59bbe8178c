#include "farewells.h"

#include <stdio.h>
#include <string.h>

#include "../../worker/engine/person.h"
#include "json.h"
#include "scenario.h"
#include "simlog.h"
#include "simtarget.h"
#include "witness.h"
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

static bool refuses_team(const struct target_state *t)
{
    for (size_t i = 0; i < t->n_refused; i++)
        if (strncmp(t->refused[i].what, REFUSED_MOVE, strlen(REFUSED_MOVE)) == 0)
            return true;
    return false;
}

void farewells_note(struct world *w, size_t person, const struct person *p)
{
    for (size_t i = 0; i < w->scenario->n_targets; i++)
        for (size_t k = 0; k < p->n_targets; k++) {
            const struct target_state *t = &p->targets[k];
            if (strcmp(t->target, w->scenario->targets[i].name) != 0)
                continue;
            struct account_note *note = witness_account(w, person, i);
            bool active = t->known == KNOWN_ACCOUNT && t->known_active;
            note->kept_team = refuses_team(t) || (note->kept_team && !active);
        }
}

void farewells_note_result(struct account_note *note, const cJSON *result)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(result, "refused"))
    {
        const char *attribute = json_string(item, "attribute");
        note->kept_team |= attribute && strcmp(attribute, "teams") == 0;
    }
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
