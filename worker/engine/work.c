/* work.c - what goes on for a person at a target: its life, its place in a ready list, the policy's word, its plan. */
#include "engine_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "mutation.h"

/* ---- works --------------------------------------------------------------------------------------------- */

struct work *work_find(const struct slot *slot, const char *target)
{
    for (size_t i = 0; i < slot->n_works; i++)
        if (strcmp(slot->works[i]->name, target) == 0)
            return slot->works[i];
    return NULL;
}

struct lane *lane_of(const struct target *t, const struct slot *slot)
{
    const char *person = strchr(slot->key, '/');
    assert(person); /* tenant/directory/subject */
    return &t->lanes[event_bucket(str_of(person + 1), t->n_lanes)];
}

static void join_home(struct work *w)
{
    struct partition *p = w->home;
    w->home_next = NULL;
    w->home_prev = p->works_last;
    *(p->works_last ? &p->works_last->home_next : &p->works_first) = w;
    p->works_last = w;
}

static void leave_home(struct work *w)
{
    struct partition *p = w->home;
    *(w->home_prev ? &w->home_prev->home_next : &p->works_first) = w->home_next;
    *(w->home_next ? &w->home_next->home_prev : &p->works_last) = w->home_prev;
}

struct work *work_add(struct engine *e, struct slot *slot, const char *target)
{
    struct work *w = xcalloc(1, sizeof *w);
    w->slot = slot;
    w->home = engine_partition(e, slot->partition);
    w->policy_gen = e->policy_gen;
    join_home(w);
    w->target = engine_target(e, target);
    w->lane = w->target ? lane_of(w->target, slot) : NULL;
    w->name = xstrdup(target);
    slot->works = xreallocarray(slot->works, slot->n_works + 1, sizeof *slot->works);
    slot->works[slot->n_works++] = w;
    const struct target_state *t = person_target(slot_live(e, slot), target);
    w->resumed = t && t->open && !t->held_word;   /* for what is held nothing was done */
    if (t && !target_state_waits_for_policy(t)) { /* facts that an abort does not take back */
        w->failures = t->attempts;
        w->failing_since_ms = t->failing_since_ms;
        w->next_attempt_ms = t->next_attempt_ms;
        w->write_failed = t->write_failed;
        w->cut_failing_since_ms = t->cut_failing_since_ms;
    }
    return w;
}

void work_count_doubt(struct work *w, bool doubtful)
{
    if (!w->target || w->doubtful == doubtful)
        return;
    w->doubtful = doubtful;
    w->target->doubtful += doubtful ? 1 : (size_t)-1;
}

static void work_free(struct work *w)
{
    work_dequeue(w);
    work_count_doubt(w, false);
    leave_home(w);
    if (w->flight) {
        w->flight->slot = NULL;
        w->flight->work = NULL;
    }
    for (size_t i = 0; i < w->n_changes; i++) {
        free(w->changes[i].attribute);
        free(w->changes[i].before);
        free(w->changes[i].after);
    }
    free(w->changes);
    free(w->operations);
    free(w->link);
    free(w->farewell_why);
    attrs_done(&w->written);
    attrs_done(&w->written_before);
    attrs_done(&w->joining);
    attrs_done(&w->leaving);
    attrs_done(&w->doubted);
    attrs_done(&w->teams_read);
    search_done(&w->search);
    whole_done(&w->was_account);
    work_drop_team(w);
    dryrun_free(w->dryrun);
    desired_done(&w->desired);
    free(w->teams);
    free(w->name);
    free(w);
}

void work_drop_team(struct work *w)
{
    whole_done(&w->was_team);
    free(w->team_at_hand);
    w->team_at_hand = NULL;
}

void work_free_all(struct slot *slot)
{
    for (size_t i = 0; i < slot->n_works; i++)
        work_free(slot->works[i]);
    free(slot->works);
    slot->works = NULL;
    slot->n_works = 0;
}

/* The guard holds it before anything was done: perhaps for days, and there may be a million. Who is held and to be looked
 * at first is none of them: a decision wakes the held, a commit or the opening of the partition wakes works. */
static bool waits_untouched(const struct work *w, const struct target_state *t)
{
    return w->held && w->started_ms == 0 && w->attempts == 0 && !w->trouble && !t->doubt_until_ms;
}

void work_drop_finished(struct slot *slot)
{
    for (size_t i = slot->n_works; i-- > 0;) {
        struct work *w = slot->works[i];
        const struct target_state *t = person_target(slot->live, w->name);
        if (w->flight || w->queued || w->learnt || w->learnt_batched)
            continue; /* what was learnt must outlive an abort */
        if (t && t->open && !waits_untouched(w, t))
            continue;
        work_free(w);
        slot->works[i] = slot->works[--slot->n_works];
    }
    if (slot->n_works == 0) {
        free(slot->works);
        slot->works = NULL;
    }
}

/* No older than a call may be: what was read before a pause, an approval or a long queue says nothing of today. */
bool work_is_fresh(const struct work *w, struct now now)
{
    return w->fresh && now.boot_ms - w->read_ms <= w->target->cfg->call_life_ms;
}

/* ---- ready lists --------------------------------------------------------------------------------------- */

void work_enqueue(struct work *w, enum priority priority, int class)
{
    int list = class < 0 ? LIMITS_MAX : class;
    if (w->queued && w->priority == priority && w->list == list)
        return; /* keeps its place */
    work_dequeue(w);
    struct work_list *l = &w->lane->ready[priority][list];
    w->queued = true;
    w->priority = priority;
    w->list = list;
    w->next = NULL;
    w->prev = l->last;
    *(l->last ? &l->last->next : &l->first) = w;
    l->last = w;
    w->target->waiting++;
    turns_call(&w->target->turn);
}

void work_dequeue(struct work *w)
{
    if (!w->queued)
        return;
    struct work_list *l = &w->lane->ready[w->priority][w->list];
    *(w->prev ? &w->prev->next : &l->first) = w->next;
    *(w->next ? &w->next->prev : &l->last) = w->prev;
    w->queued = false;
    if (--w->target->waiting == 0 && !target_has_errand(w->target))
        turns_wait(&w->target->turn, INT64_MAX);
}

/* ---- the policy's word --------------------------------------------------------------------------------- */

/* What is wanted of teams borrows from it. */
static void forget_desired(struct work *w)
{
    desired_done(&w->desired);
    free(w->teams);
    w->teams = NULL;
    w->n_teams = 0;
    w->desired_valid = w->teams_valid = false;
}

void work_forget_desired(struct slot *slot)
{
    for (size_t i = 0; i < slot->n_works; i++)
        forget_desired(slot->works[i]);
}

void work_catch_up(struct engine *e, struct work *w)
{
    if (!work_is_behind(e, w))
        return;
    forget_desired(w);
    w->policy_gen = e->policy_gen;
    leave_home(w);
    join_home(w);
}

static bool is_protected_name(const struct engine_target *cfg, const char *name)
{
    for (size_t i = 0; name && i < cfg->n_protected; i++)
        if (strcasecmp(cfg->protected_names[i], name) == 0)
            return true;
    return false;
}

static bool is_announced_protected(const struct work *w, const char *match)
{
    const struct person *p = w->slot->live;
    for (size_t i = 0; i < p->n_scheduled && plan_cuts_nameless(p, &w->desired, match); i++)
        if (is_protected_name(w->target->cfg, attrs_get(&p->scheduled[i].event.profile, match)))
            return true;
    return false;
}

bool work_is_protected(const struct work *w, const struct target_state *t, const struct attrs *account)
{
    const struct engine_target *cfg = w->target->cfg;
    const struct person *p = w->slot->live;
    const char *const names[] = {
        person_attr(p, "userName"),
        attrs_get(&t->known_attrs, "userName"),
        t->create_as,
        account ? attrs_get(account, "userName") : NULL,
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (is_protected_name(cfg, names[i]))
            return true;
    const char *const *matches;
    size_t n = target_matches(w->target, &matches);
    for (size_t i = 0; i < n; i++)
        if (is_protected_name(cfg, plan_match_value(p, &w->desired, matches[i])) ||
            is_announced_protected(w, matches[i]) || is_protected_name(cfg, person_attr(p, matches[i])) ||
            is_protected_name(cfg, attrs_get(&t->known_attrs, matches[i])) ||
            (account && is_protected_name(cfg, attrs_get(account, matches[i]))))
            return true;
    return false;
}

/* A policy that fails deprovisions nobody: in every state the account stays as it is. Whom the source itself calls gone loses
 * access nevertheless, unless the policy has kept its hands off the account before; of who is on hold a policy may say that
 * access stays. */
static bool fall_back(const struct person *p, const struct target_state *t, struct desired *ret)
{
    bool gone = p->employment == EMPLOYMENT_LEFT || p->employment == EMPLOYMENT_DELETED;
    if ((!gone && !MUTATION(MUTATION_POLICY_ERROR_CUTS)) || !t->link || t->out_of_reach)
        return false;
    *ret = (struct desired){.kind = DESIRE_ACCOUNT, .active = ACTIVE_OFF};
    return true;
}

static struct person_view view_of(const struct person_key *key, const struct person *p, struct now now)
{
    return (struct person_view){
        key->tenant, key->directory, key->subject, p, person_may_have_access(p, now.wall_ms), now.wall_ms};
}

/* A policy that has no word then makes no exception. */
bool work_wants_no_cut(struct engine *e, const struct work *w, struct now now)
{
    struct person gone = *w->slot->live; /* borrows */
    if (gone.employment == EMPLOYMENT_LEFT || gone.employment == EMPLOYMENT_DELETED)
        return true; /* that was the question */
    gone.employment = EMPLOYMENT_LEFT;
    gone.suspended = false;
    struct person_key key;
    slot_key(w->slot, &key);
    struct person_view view = view_of(&key, &gone, now);
    struct desired word = {.kind = DESIRE_NOTHING};
    struct error err;
    bool nothing = e->ports.policy(e->ports.ctx, &view, w->name, &word, &err) && word.kind == DESIRE_NOTHING;
    desired_done(&word);
    return nothing;
}

/* Of teams nothing is done there, whatever the policy says. */
static void heed_group_mode(struct work *w)
{
    if (!w->target || w->target->cfg->group_mode != GROUP_MODE_NONE)
        return;
    attrs_done(&w->desired.teams);
    w->desired.has_teams = w->desired.leave_teams = false;
}

bool work_ask_policy(struct engine *e, struct work *w, const struct target_state *t, struct now now,
                     struct error *err)
{
    work_catch_up(e, w);
    if (w->desired_valid)
        return true;
    const struct person *p = w->slot->live;
    struct person_key key;
    slot_key(w->slot, &key);
    struct person_view view = view_of(&key, p, now);
    forget_desired(w);
    if (!e->ports.policy(e->ports.ctx, &view, w->name, &w->desired, err)) {
        e->stats.policy_errors++;
        desired_done(&w->desired);
        if (!fall_back(p, t, &w->desired))
            return false;
    }
    heed_group_mode(w);
    w->desired_valid = true;
    return true;
}

void work_end_farewell(struct work *w)
{
    free(w->farewell_why);
    w->farewell_why = NULL;
    w->farewell_until_ms = 0;
}

void work_plan_input(const struct work *w, const struct target_state *t, struct now now,
                     struct plan_input *ret)
{
    static const struct desired nothing = {.kind = DESIRE_NOTHING};
    assert(w->desired_valid);
    const struct desired *desired = work_is_protected(w, t, NULL) ? &nothing : &w->desired;
    *ret = (struct plan_input){.profile = w->target->profile,
                               .leaves_last = w->target->cfg->leaves_last,
                               .person = w->slot->live,
                               .state = t,
                               .desired = desired,
                               .match = w->target->cfg->match,
                               .can = &w->target->can,
                               .search = &w->search,
                               .must_be = w->exists > 0,
                               .account = &w->was_account,
                               .team = &w->was_team,
                               .team_id = w->team_at_hand,
                               .teams_hidden = w->teams_hidden,
                               .teams_read = &w->teams_read,
                               .all_teams = w->all_teams,
                               .now_ms = now.wall_ms,
                               .fresh = work_is_fresh(w, now),
                               .bare = w->bare,
                               .without_licence = w->licence != ADMITTED,
                               .farewell = !w->farewell_why && !work_farewell_ends(w, now),
                               .teams = w->teams,
                               .n_teams = w->n_teams,
                               .joining = &w->joining,
                               .leaving = &w->leaving,
                               .written_step = w->written_step,
                               .written = w->unverified ? &w->written : NULL};
    ret->n_matches = target_matches(w->target, &ret->matches);
}

void work_plan(struct work *w, struct target_state *t, struct now now, struct plan *ret)
{
    struct plan_input in;
    teams_resolve(w);
    work_plan_input(w, t, now, &in);
    plan_make(&in, ret);
    while (w->one_by_one && ret->step == STEP_UPDATE && ret->changes.n > 1)
        attrs_remove(&ret->changes, ret->changes.v[ret->changes.n - 1].name);
}
