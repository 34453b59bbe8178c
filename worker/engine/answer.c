/* answer.c - the ways in which an answer (or none) changes what is known of an account, and what its result will say. */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "mem.h"

/* A result lists so many of each; what repeats after that is counted with the last. */
enum { OPERATIONS_MAX = 64, CHANGES_MAX = 128 };

/* ---- failures and doubt -------------------------------------------------------------------------------- */

void answer_forget_failures(struct work *w, struct target_state *t)
{
    t->attempts = w->failures = 0;
    t->failing_since_ms = w->failing_since_ms = 0;
    t->cut_failing_since_ms = w->cut_failing_since_ms = 0;
    t->next_attempt_ms = w->next_attempt_ms = 0;
    t->write_failed = w->write_failed = false;
    w->trouble = false;
}

/* Exponential back-off with full jitter, but not before the target said. */
static int64_t back_off(const struct answer *a, int64_t at_least_ms)
{
    const struct engine_target *cfg = a->f->target->cfg;
    int64_t cap = cfg->retry_base_ms;
    for (uint32_t i = 0; i < a->t->attempts && cap < cfg->retry_cap_ms; i++)
        cap *= 2;
    cap = cap < cfg->retry_cap_ms ? cap : cfg->retry_cap_ms;
    int64_t wait = 1 + (int64_t)(engine_random(a->e) % (uint64_t)(cap > 0 ? cap : 1));
    if (MUTATION(MUTATION_NO_BACKOFF))
        wait = 0;
    return at_least_ms > wait && !MUTATION(MUTATION_RETRY_AFTER_IGNORED) ? at_least_ms : wait;
}

/* While its breaker is open a target's failures are nobody's: the person waits with all others for a probe that works. */
void answer_fail(const struct answer *a, const char *reason, int64_t at_least_ms)
{
    struct target_state *t = a->t;
    struct work *w = a->w;
    a->e->stats.temporary++;
    target_state_fail(t, reason);
    target_state_failed(t, a->now.wall_ms);
    w->failed_ms = t->failed_ms;
    if (a->f->target->breaker.open && !MUTATION(MUTATION_TROUBLE_COUNTS)) {
        answer_forget_failures(w, t);
        return;
    }
    t->next_attempt_ms = w->next_attempt_ms = a->now.wall_ms + back_off(a, at_least_ms);
    w->failures = ++t->attempts;
    if (!t->failing_since_ms)
        t->failing_since_ms = a->now.wall_ms;
    w->failing_since_ms = t->failing_since_ms;
    if (!w->cuts || !t->cut_failing_since_ms)
        t->cut_failing_since_ms = w->cuts ? a->now.wall_ms : 0;
    w->cut_failing_since_ms = t->cut_failing_since_ms;
    t->write_failed |= step_writes(a->f->step);
    w->write_failed = t->write_failed;
}

void answer_throttled(const struct answer *a, const char *reason)
{
    int64_t until_ms = a->f->class >= 0 ? a->f->lane->budget.classes[a->f->class].paused_until_ms : 0;
    answer_fail(a, reason, until_ms - a->now.boot_ms);
}

static void doubt_moves(struct work *w, const struct attrs *moves)
{
    for (size_t i = 0; i < moves->n; i++)
        attrs_set(&w->doubted, moves->v[i].name, NULL);
}

/* The call may have been applied, or may be yet. */
void answer_doubt(const struct answer *a)
{
    struct target_state *t = a->t;
    target_state_set_known(t, KNOWN_UNKNOWN);
    a->w->fresh = a->w->unverified = false;
    search_done(&a->w->search);
    if (MUTATION(MUTATION_DOUBT_IGNORED))
        return;
    doubt_moves(a->w, &a->w->joining);
    doubt_moves(a->w, &a->w->leaving);
    int64_t until = a->now.wall_ms + a->f->target->cfg->call_life_ms;
    t->doubt_until_ms = until > t->doubt_until_ms ? until : t->doubt_until_ms;
    a->w->doubt_until_ms = t->doubt_until_ms;
}

void answer_doubt_until(const struct answer *a, int64_t until_ms)
{
    if (until_ms > a->t->doubt_until_ms)
        a->t->doubt_until_ms = a->w->doubt_until_ms = until_ms;
}

/* What the target would not take for that account is no word on the next one. Of teams that are not there it is. */
static void forgive_account(struct target_state *t)
{
    for (size_t i = t->n_refused; i-- > 0;)
        if (t->refused[i].what[0] != '+' &&
            strncmp(t->refused[i].what, REFUSED_TEAM, strlen(REFUSED_TEAM)) != 0)
            target_state_forgive(t, t->refused[i].what);
}

void answer_drop_link(const struct answer *a)
{
    if (MUTATION(MUTATION_LINK_KEPT_ON_404))
        return;
    free(a->t->link);
    free(a->w->link);
    a->t->link = a->w->link = NULL;
    forgive_account(a->t);
    whole_done(&a->w->was_account);
    attrs_done(&a->t->made_teams);                  /* they were that account's */
    if (!(a->t->doubt_until_ms && a->t->create_as)) /* a create that may still land brings them */
        attrs_done(&a->t->made_roles);
    target_state_forget_moves(a->t);
    attrs_done(&a->w->joining);
    attrs_done(&a->w->leaving);
    a->t->missing_until_ms = 0;
    a->w->slot->gen++;
}

void answer_set_link(const struct answer *a, const char *id)
{
    if (a->t->link && strcmp(a->t->link, id) == 0)
        return;
    free(a->t->link);
    free(a->w->link);
    a->t->link = xstrdup(id);
    a->w->link = xstrdup(id);
    a->t->missing_until_ms = 0;
    a->w->slot->gen++; /* a write to an account needs its link committed */
}

/* ---- what was done, for the result --------------------------------------------------------------------- */

/* The entry for the step under way: the last one goes on when it is a repetition, or when the list is full. */
static struct operation *current_operation(const struct answer *a)
{
    struct work *w = a->w;
    struct operation *last = w->n_operations > 0 ? &w->operations[w->n_operations - 1] : NULL;
    uint64_t team = a->f->team_id ? plan_value_fingerprint(a->f->team_id) : 0;
    if (last && last->step == a->f->step && last->team == team && !last->effective)
        return last;
    if (w->n_operations == OPERATIONS_MAX)
        return last;
    w->operations = xreallocarray(w->operations, w->n_operations + 1, sizeof *w->operations);
    last = &w->operations[w->n_operations++];
    *last = (struct operation){.step = a->f->step, .put = a->f->put, .team = team};
    return last;
}

void answer_operation(const struct answer *a, int status)
{
    struct operation *op = current_operation(a);
    a->w->attempts++;
    op->attempts++;
    op->status = status;
    op->ms += a->now.boot_ms - a->f->started.boot_ms;
    op->finished_ms = a->now.wall_ms;
}

void answer_change(const struct answer *a, const char *attribute, const char *before, const char *after)
{
    struct work *w = a->w;
    if (w->n_changes == CHANGES_MAX)
        return;
    const char *role = attr_role(attribute);
    attribute = role ? "admin_roles" : attribute;
    before = role && before ? role : before;
    after = role && after ? role : after;
    w->changes = xreallocarray(w->changes, w->n_changes + 1, sizeof *w->changes);
    w->changes[w->n_changes++] =
        (struct change){xstrdup(attribute), xstrdup_null(before), xstrdup_null(after), a->now.wall_ms};
}

static void effective(const struct answer *a, enum step step, uint64_t team)
{
    for (size_t i = a->w->n_operations; i-- > 0;) {
        if (a->w->operations[i].step != step || a->w->operations[i].team != team)
            continue;
        a->w->operations[i].effective = true;
        a->w->operations[i].finished_ms = a->now.wall_ms;
        return;
    }
}

void answer_effective(const struct answer *a, enum step step)
{
    effective(a, step, 0);
}

void answer_effective_move(const struct answer *a, enum step step, const char *team)
{
    effective(a, step, plan_value_fingerprint(team));
}

/* ---- what is known ------------------------------------------------------------------------------------- */

/* What was refused may have come about by other hands. */
static void know_attribute(const struct answer *a, const struct account *account, const char *name,
                           const char *wanted)
{
    const char *value = attribute_value(a->f->target->profile, &account->attrs, name, wanted);
    attrs_set(&a->t->known_attrs, name, value);
    if (scim_values_equal(name, value, wanted))
        target_state_forgive(a->t, name);
}

bool answer_differs(const struct answer *a, const struct account *account)
{
    const struct attrs *known = &a->t->known_attrs;
    for (size_t i = 0; a->t->known == KNOWN_ACCOUNT && i < known->n; i++) {
        const char *name = known->v[i].name, *value = known->v[i].value;
        if (!scim_values_equal(name, attribute_value(a->f->target->profile, &account->attrs, name, value),
                               value))
            return true;
    }
    return false;
}

/* Of the deliberate defects: as ours counts what is seen, wanted or not. */
static void note_roles(struct target_state *t, const struct attrs *want, const struct account *account)
{
    for (size_t i = 0; i < account->attrs.n; i++) {
        const char *name = account->attrs.v[i].name;
        if (attr_role(name) && (attrs_get(want, name) || MUTATION(MUTATION_ROLE_TAKEN_UNMADE)))
            attrs_set(&t->made_roles, name, "true");
    }
}

/* Keeps of the account what the policy names, and what identifies it: absent attributes are known as absent.
 */
void answer_know(const struct answer *a, const struct account *account)
{
    struct target_state *t = a->t;
    const struct attrs *want = &a->w->desired.attrs;
    target_state_set_known(t, KNOWN_ACCOUNT);
    t->missing_until_ms = 0;
    t->known_active = account->active;
    for (size_t i = 0; i < want->n; i++)
        know_attribute(a, account, want->v[i].name, want->v[i].value);
    if (MUTATION(MUTATION_ROLE_MADE_LATE) || MUTATION(MUTATION_ROLE_TAKEN_UNMADE))
        note_roles(t, want, account);
    for (size_t i = 0; i < t->made_roles.n; i++)
        attrs_set(&t->known_attrs, t->made_roles.v[i].name,
                  attrs_get(&account->attrs, t->made_roles.v[i].name));
    const char *const *matches; /* they tell whether it is protected */
    size_t n = target_matches(a->f->target, &matches);
    for (size_t i = 0; i < n; i++)
        attrs_set(&t->known_attrs, matches[i], attrs_get(&account->attrs, matches[i]));
    attrs_set(&t->known_attrs, "userName", attrs_get(&account->attrs, "userName"));
    moves_know(a, account);
}

void answer_refuse(const struct answer *a, const char *what, uint64_t fingerprint, const char *reason)
{
    target_state_refuse(a->t, what, fingerprint, reason);
    target_state_failed(a->t, a->now.wall_ms);
    a->w->failed_ms = a->t->failed_ms;
    a->e->stats.refused++;
}

void answer_refuse_step(const struct answer *a, const char *what, const char *reason)
{
    answer_refuse(a, what, plan_fingerprint(a->w->slot->live, &a->w->desired), reason);
}

void answer_refuse_attribute(const struct answer *a, const struct attr *want, const char *reason)
{
    answer_refuse(a, want->name, plan_value_fingerprint(want->value), reason);
    if (!a->t->doubt_until_ms)
        attrs_remove(&a->t->made_roles, want->name); /* if it is one: whoever gives it now, it was not us */
    a->w->refused = true;
}
