#include "licences.h"

#include <string.h>

#include "digest.h"
#include "scenario.h"
#include "simcontrol.h"
#include "simtarget.h"
#include "witness.h"

enum { DENIED = 500 }; /* of a thousand that are held */

static uint64_t stamp_of(const struct person *p, const char *name)
{
    for (size_t i = 0; i < p->n_attrs; i++)
        if (strcmp(p->attrs[i].name, name) == 0)
            return p->attrs[i].stamp.event;
    return 0;
}

/* All that decides whether it is wanted, and asked about anew. */
static uint64_t words_of(const struct person *p)
{
    uint64_t parts[] = {p->employment_stamp.event, p->suspension_stamp.event, p->access_until_stamp.event,
                        p->access_ended,           p->complete_stamp.event,   stamp_of(p, "userType"),
                        stamp_of(p, "userName")};
    return digest_hash64(parts, sizeof parts) | 1;
}

/* Somebody looks at what is held for the first time. */
static void look_at(struct world *w, struct account_note *note, const struct person *p,
                    const struct target_state *t)
{
    if (!t->held_word || t->held_what != GUARD_UPGRADE || t->held_word == note->held_word)
        return;
    note->held_word = t->held_word;
    note->held_words = words_of(p);
    if (!w->quiet && prng_chance(&w->prng, DENIED))
        simcontrol_deny(w, t->held_id);
}

void licences_note(struct world *w, size_t person, const struct person *p)
{
    for (size_t i = 0; i < w->scenario->n_targets; i++) {
        struct account_note *note = witness_account(w, person, i);
        const struct target_state *t = NULL;
        for (size_t k = 0; k < p->n_targets && !t; k++)
            if (strcmp(p->targets[k].target, w->scenario->targets[i].name) == 0)
                t = &p->targets[k];
        if (!t)
            continue;
        const struct refused *denied = target_state_refused(t, REFUSED_DENIED);
        note->is_denied = denied != NULL;
        if (denied && denied->fingerprint != note->denied) {
            note->denied = denied->fingerprint;
            note->denied_words = denied->fingerprint == note->held_word ? note->held_words : 0;
        }
        if (note->denied_words != words_of(p))
            note->denied_words = 0; /* asked anew, perhaps */
        else if (!denied)
            world_fail(w, "P7 licence",
                       "what was denied of person %zu at %s is forgotten, and nobody said more", person,
                       t->target);
        look_at(w, note, p, t);
    }
}

unsigned licences_of(const struct world *w, size_t target, size_t person)
{
    unsigned n = 0;
    const struct miro_user *user;
    for (size_t i = 0; (user = simtarget_account(w->targets[target], person, i)); i++) {
        const char *licence = attrs_get(&user->attributes, "userType");
        n += licence && strcmp(licence, "Full") == 0;
    }
    return n;
}

void licences_given(struct world *w, size_t target, size_t person)
{
    const struct account_note *note = witness_account(w, person, target);
    if (world_now(w) < w->scenario->quiet_ms)
        world_fail(w, "P7 guard", "person %zu at %s gets a licence, and nobody has approved", person,
                   w->scenario->targets[target].name);
    if (note->denied_words)
        world_fail(w, "P7 licence", "person %zu at %s gets a licence that was denied", person,
                   w->scenario->targets[target].name);
}

bool licences_denied(const struct world *w, size_t person, size_t target)
{
    return witness_account(w, person, target)->is_denied;
}
