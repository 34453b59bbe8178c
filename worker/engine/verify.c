/* verify.c - whether a write did what its answer said: told by the read that follows it. */
#include <string.h>

#include "calls.h"

enum { KEPT_ACTIVE_MAX = 6 };

static const char *reason_kept(const struct answer *a, const char *name)
{
    bool licence = a->f->target->profile->licences && strcmp(name, "userType") == 0;
    return licence ? "finding: the target answered with success and kept the licence"
                   : "the target answered with success and kept another value";
}

/* By now another value may be, which is written next. An admin role that nobody names is taken. */
static bool is_wanted(const struct answer *a, const struct attr *written)
{
    const struct attr *want = attrs_find(&a->w->desired.attrs, written->name);
    return want ? scim_values_equal(written->name, want->value, written->value)
                : attr_role(written->name) != NULL;
}

static void verify_update(const struct answer *a, const struct attrs *written, const struct attrs *before)
{
    bool any = false;
    for (size_t i = 0; i < written->n; i++) {
        const char *name = written->v[i].name, *want = written->v[i].value;
        const char *after = attrs_get(&a->t->known_attrs, name);
        if (scim_values_equal(name, after, want)) {
            answer_change(a, name, attrs_get(before, name), after);
            target_state_forgive(a->t, name);
            any = true;
        } else if (a->t->known_active && is_wanted(a, &written->v[i])) {
            answer_refuse_attribute(a, &written->v[i], reason_kept(a, name));
        }
    }
    if (any)
        answer_effective(a, STEP_UPDATE);
}

/* Somebody keeps access that he must not have: tried again some times now, and then daily. */
static void cut_without_effect(const struct answer *a)
{
    if (MUTATION(MUTATION_LEAVER_GIVEN_UP) || ++a->w->kept_active >= KEPT_ACTIVE_MAX)
        answer_refuse_step(a, REFUSED_CUT, "the target answers with success and keeps the account");
    else
        answer_fail(a, "the target answered with success and kept the account", 0);
    a->t->write_failed = a->w->write_failed = true; /* also when it was a read that told */
}

static void verify_cut(const struct answer *a)
{
    if (!a->t->known_active) {
        answer_change(a, "active", "true", "false");
        target_state_forgive(a->t, REFUSED_CUT);
        answer_effective(a, STEP_DEACTIVATE);
    } else {
        cut_without_effect(a);
    }
}

static void verify_activate(const struct answer *a)
{
    if (a->t->known_active) {
        answer_change(a, "active", "false", "true");
        target_state_forgive(a->t, REFUSED_ACTIVATE);
        answer_effective(a, STEP_ACTIVATE);
    } else {
        answer_refuse_step(a, REFUSED_ACTIVATE,
                           "the target answered with success and kept the account inactive");
    }
}

static bool is_as_written(const struct answer *a)
{
    const struct attrs *written = &a->w->written;
    if (a->w->written_step == STEP_ACTIVATE)
        return a->t->known_active;
    for (size_t i = 0; a->t->known_active && i < written->n; i++)
        if (!scim_values_equal(written->v[i].name, attrs_get(&a->t->known_attrs, written->v[i].name),
                               written->v[i].value))
            return false;
    return true;
}

void answer_verify_read(const struct answer *a)
{
    struct work *w = a->w;
    bool cuts = w->written_step == STEP_DEACTIVATE || w->written_step == STEP_DELETE; /* at once made again */
    bool contradicted = !cuts && !is_as_written(a);
    if (contradicted && a->f->started.wall_ms < w->written_until_ms) {
        answer_doubt_until(a, w->written_until_ms);
        return;
    }
    w->unverified = false;
    if (!contradicted || !w->written_in_doubt)
        answer_verify(a, w->written_step, &w->written, &w->written_before);
}

void answer_verify(const struct answer *a, enum step step, const struct attrs *written,
                   const struct attrs *before)
{
    if (step == STEP_UPDATE)
        verify_update(a, written, before);
    else if (step == STEP_DEACTIVATE)
        verify_cut(a);
    else if (step == STEP_ACTIVATE)
        verify_activate(a);
    else if (step == STEP_DELETE)
        cut_without_effect(a);
}
