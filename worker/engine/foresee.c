#include "foresee.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

static void change(struct foresight *f, const char *attribute, const char *before, const char *after)
{
    const char *role = attr_role(attribute);
    attribute = role ? "admin_roles" : attribute;
    before = role && before ? role : before;
    after = role && after ? role : after;
    f->changes = xreallocarray(f->changes, f->n_changes + 1, sizeof *f->changes);
    f->changes[f->n_changes++] =
        (struct foreseen_change){xstrdup(attribute), xstrdup_null(before), xstrdup_null(after)};
}

static void request(const struct plan_input *in, const struct plan *plan, struct scim_request *ret)
{
    const char *link = in->state->link;
    bool on = plan->step == STEP_ACTIVATE, updates = plan->step == STEP_UPDATE;
    enum scim_access access = updates ? ACCESS_AS_IS : on ? ACCESS_ON : ACCESS_OFF;
    bool puts = !in->can->patch && strcmp(step_method(plan->step), "PATCH") == 0 &&
                (step_moves(plan->step)
                     ? scim_put_team(plan->team_id, in->team, &link, 1, plan->step == STEP_JOIN, ret)
                     : scim_put_user(link, in->account, &plan->changes, access, ret));
    if (puts)
        return;
    switch (plan->step) {
    case STEP_CREATE:
        scim_create(in->profile, &plan->changes, ret);
        return;
    case STEP_UPDATE:
        scim_update(in->profile, link, &plan->changes, &in->state->known_attrs, in->can->bare_paths, ret);
        return;
    case STEP_ACTIVATE:
    case STEP_DEACTIVATE:
        scim_set_active(in->profile, link, on, in->can->bare_paths, ret);
        return;
    case STEP_JOIN:
    case STEP_LEAVE:
        scim_move(in->profile, plan->team_id, &link, 1, plan->step == STEP_JOIN, ret);
        return;
    default:
        scim_delete(link, ret);
    }
}

static void set_active(struct target_state *t, bool active, struct foresight *f)
{
    change(f, "active", t->known == KNOWN_ACCOUNT ? (t->known_active ? "true" : "false") : NULL,
           active ? "true" : "false");
    t->known_active = active;
}

static void set_attrs(struct target_state *t, const struct attrs *changes, struct foresight *f)
{
    for (size_t i = 0; i < changes->n; i++) {
        const struct attr *a = &changes->v[i];
        change(f, a->name, attrs_get(&t->known_attrs, a->name), a->value);
        attrs_set(&t->known_attrs, a->name, a->value);
    }
}

/* What the step's success would make of the state, whose link and known_attrs are the copy's own. */
static void apply(const struct plan *plan, const struct attrs *wanted, struct target_state *t,
                  struct attrs *leaving, struct foresight *f)
{
    static char new_id[] = FORESEE_NEW_ID;
    switch (plan->step) {
    case STEP_CREATE:
        set_active(t, true, f);
        set_attrs(t, &plan->changes, f);
        for (size_t i = 0; i < wanted->n; i++) /* what stands in no request is without value there */
            if (!attrs_find(&t->known_attrs, wanted->v[i].name))
                attrs_set(&t->known_attrs, wanted->v[i].name, NULL);
        t->known = KNOWN_ACCOUNT;
        t->link = new_id;
        return;
    case STEP_UPDATE:
        set_attrs(t, &plan->changes, f);
        return;
    case STEP_ACTIVATE:
    case STEP_DEACTIVATE:
        set_active(t, plan->step == STEP_ACTIVATE, f);
        return;
    case STEP_JOIN:
        change(f, "team", NULL, plan->team_name);
        return;
    case STEP_LEAVE:
        change(f, "team", plan->team_name, NULL);
        if (plan->before_cut)
            attrs_set(leaving, plan->team_id, plan->team_name);
        return;
    default:
        t->known = KNOWN_ABSENT;
        t->link = NULL;
    }
}

void foresee(const struct plan_input *in, struct foresight *ret)
{
    struct target_state state = *in->state;
    struct plan_input virtual = *in;
    struct attrs leaving = {0};
    *ret = (struct foresight){0};
    state.known_attrs = (struct attrs){0};
    attrs_copy(&state.known_attrs, &in->state->known_attrs);
    attrs_copy(&leaving, in->leaving);
    virtual.state = &state;
    virtual.leaving = &leaving;
    for (;;) {
        struct plan plan;
        plan_make(&virtual, &plan);
        ret->open = plan.step == STEP_LOOKUP || plan.step == STEP_TEAM ||
                    (plan.step != STEP_NONE && ret->n_calls == FORESEE_CALLS_MAX);
        if (!step_writes(plan.step) || ret->open) {
            plan_done(&plan);
            break;
        }
        struct foreseen_call *call = &ret->calls[ret->n_calls++];
        call->step = plan.step;
        request(&virtual, &plan, &call->request);
        apply(&plan, &in->desired->attrs, &state, &leaving, ret);
        bool moves = step_moves(plan.step) && !plan.before_cut; /* seen to be done before the next one */
        plan_done(&plan);
        if (moves) {
            ret->open = true;
            break;
        }
    }
    attrs_done(&state.known_attrs);
    attrs_done(&leaving);
}

void foresight_done(struct foresight *f)
{
    for (size_t i = 0; i < f->n_calls; i++)
        scim_request_done(&f->calls[i].request);
    for (size_t i = 0; i < f->n_changes; i++) {
        free(f->changes[i].attribute);
        free(f->changes[i].before);
        free(f->changes[i].after);
    }
    free(f->changes);
    *f = (struct foresight){0};
}
