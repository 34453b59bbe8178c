/* replies.c - what an answer (or none) says about an account. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "calls.h"
#include "mem.h"

enum { EXISTS_MAX = 4, CHANGED_AT_ONCE = 3 };

/* ---- success, step by step ----------------------------------------------------------------------------- */

static void end_of_attempts(const struct answer *a)
{
    struct target_state *t = a->t;
    if (t->write_failed && !step_writes(a->f->step) && !MUTATION(MUTATION_READ_ENDS_BACKOFF))
        return; /* it is a write that keeps failing: a read in between changes nothing about that */
    if (a->f->by_match && a->w->search_broke_off && a->w->search.wish)
        return; /* likewise a list: its first pages are no news */
    answer_forget_failures(a->w, t);
}

/* A read that began after the last call that may land has had its time ends the doubt. */
static void end_of_doubt(const struct answer *a)
{
    int64_t began_ms = a->f->by_match ? a->f->search_ms : a->f->started.wall_ms;
    bool late_enough = began_ms >= a->t->doubt_until_ms || MUTATION(MUTATION_DOUBT_ENDS_EARLY);
    if (a->t->doubt_until_ms && late_enough)
        a->t->doubt_until_ms = a->w->doubt_until_ms = 0;
}

/* A read that contradicts what a write has answered just now comes from before it: looked at again later. */
static bool is_old_news(const struct answer *a, const struct account *account)
{
    const struct target_state *t = a->t;
    bool others_write = a->e->cfg.plan_only; /* and they have changed it meanwhile */
    if (others_write || a->f->started.wall_ms >= t->switched_until_ms)
        return false;
    return account->active != t->switched_on || answer_differs(a, account);
}

static void note_switch(const struct answer *a)
{
    enum step step = a->f->step;
    struct target_state *t = a->t;
    if (step != STEP_CREATE && step != STEP_ACTIVATE && step != STEP_DEACTIVATE && step != STEP_UPDATE)
        return;
    t->switched_until_ms = a->now.wall_ms + a->f->target->cfg->call_life_ms;
    t->switched_on = t->known == KNOWN_ACCOUNT ? t->known_active : step != STEP_DEACTIVATE;
}

static void read_now(const struct answer *a)
{
    a->w->fresh = true;
    a->w->read_ms = a->now.boot_ms;
}

static void took_account(const struct answer *a, const struct account *account)
{
    bool old = is_old_news(a, account);
    answer_know(a, account);
    read_now(a);
    end_of_doubt(a);
    if (old)
        answer_doubt_until(a, a->t->switched_until_ms);
    moves_verify(a);
    if (a->w->unverified)
        answer_verify_read(a);
}

static void took_absence(const struct answer *a, const struct search_wish *wish)
{
    target_state_set_known(a->t, KNOWN_ABSENT);
    a->t->searched = search_subject(wish);
    read_now(a);
    a->w->unverified = false;
    end_of_doubt(a);
    if (a->w->exists == 0)
        return;
    a->w->bare = true; /* what exists may be a licence too many, or whatever else it calls a conflict */
    if (a->w->exists >= EXISTS_MAX)
        answer_refuse_step(a, REFUSED_CREATE, FINDING_UNSEEN);
    else
        answer_fail(a, "the target says that the account exists, yet the lookup did not find it", 0);
}

static void took_found(const struct answer *a, const struct search_wish *wish, const struct account *account,
                       size_t found)
{
    const char *reason;
    struct plan_input in;
    took_account(a, account);
    a->t->searched = search_subject(wish);
    work_plan_input(a->w, a->t, a->now, &in);
    if (work_is_protected(a->w, a->t, &account->attrs))
        return;
    if (found > 1) {
        answer_refuse_step(a, REFUSED_ADOPT, FINDING_SEVERAL);
    } else if (plan_may_adopt(&in, account, &reason)) {
        if (account->active)
            answer_set_link(a, account->id);
        target_state_forgive(a->t, REFUSED_ADOPT);
    } else {
        answer_refuse_step(a, REFUSED_ADOPT, reason);
    }
}

static void search_wish(const struct answer *a, struct search_wish *ret)
{
    struct plan_input in;
    work_plan_input(a->w, a->t, a->now, &in);
    plan_search(&in, ret);
}

/* The search as the answer finds it; false: by now it is for something else, and the answer says nothing about that. */
static bool same_search(const struct answer *a, const struct search_wish *wish)
{
    search_begin(&a->w->search, wish);
    return a->w->search.wish == a->f->search;
}

static void end_of_search(const struct answer *a, const struct search_wish *wish, enum search_news news)
{
    struct search *s = &a->w->search;
    a->w->search_taken_ms = a->now.boot_ms;
    if (news == SEARCH_GOES_ON)
        return;
    a->w->search_broke_off = news == SEARCH_UNCLEAR;
    a->w->searches_aged = 0;
    if (news == SEARCH_FOUND)
        took_found(a, wish, &s->best, s->found);
    else if (news == SEARCH_NOBODY)
        took_absence(a, wish);
    else
        answer_fail(a, "the target's list of accounts ended before all were shown, or does not end", 0);
    search_done(s);
}

static void took_search(const struct answer *a)
{
    struct search_wish wish;
    struct search_question asked;
    struct user_page page;
    struct error err;
    search_wish(a, &wish);
    if (!same_search(a, &wish) || !search_next(&a->w->search, &wish, &asked))
        return;
    if (!scim_parse_users(a->reply->body, asked.matches, asked.n, &page, &err)) {
        answer_fail(a, err.message, 0);
        return;
    }
    end_of_search(a, &wish, search_take(&a->w->search, &wish, &page, a->f->list_count));
    user_page_done(&page);
}

/* A filter that cannot be asked, or a look-up that is answered with 404 where nobody matches. */
static void took_no_search(const struct answer *a, bool refused)
{
    struct search_wish wish;
    search_wish(a, &wish);
    if (!same_search(a, &wish))
        return;
    end_of_search(a, &wish,
                  refused ? search_take_refusal(&a->w->search, &wish)
                          : search_take_none(&a->w->search, &wish));
}

static void took_user(const struct answer *a)
{
    struct account account = {0};
    struct error err;
    if (!scim_parse_user(a->reply->body, &account, &err)) {
        answer_fail(a, err.message, 0);
        return;
    }
    if (!a->f->target->can.patch)
        whole_take(&a->w->was_account, a->reply->body, a->f->target->can.etag, a->reply->etag);
    took_account(a, &account);
    account_done(&account);
}

/* Created: the link counts, the rest is read back, since some services say 201 and store nothing. */
static void took_create(const struct answer *a)
{
    struct account account = {0};
    struct error err;
    target_state_set_known(a->t, KNOWN_UNKNOWN);
    if (scim_parse_user(a->reply->body, &account, &err))
        answer_set_link(a, account.id);
    account_done(&account);
    for (size_t i = 0; i < a->f->changes.n; i++)
        if (!profile_read_only(a->f->target->profile, a->f->changes.v[i].name))
            answer_change(a, a->f->changes.v[i].name, NULL, a->f->changes.v[i].value);
    answer_change(a, "active", NULL, "true");
    answer_effective(a, STEP_CREATE);
}

/* 204, RFC 7644 3.5.2: read before believing. What was written just before and is not to be seen yet is awaited with it: else
 * each of two that change nothing would be written again because of the other. */
static void await_read(const struct answer *a)
{
    struct work *w = a->w;
    bool more = w->unverified && w->written_step == STEP_UPDATE && a->f->step == STEP_UPDATE;
    target_state_set_known(a->t, KNOWN_UNKNOWN);
    if (!more) {
        w->written_in_doubt = a->t->doubt_until_ms != 0;
        attrs_done(&w->written);
    }
    w->unverified = true;
    w->written_step = a->f->step;
    w->written_until_ms = a->now.wall_ms + a->f->target->cfg->call_life_ms;
    for (size_t i = 0; i < a->f->changes.n; i++)
        attrs_set(&w->written, a->f->changes.v[i].name, a->f->changes.v[i].value);
}

static void took_patch(const struct answer *a)
{
    struct account account = {0};
    struct error err;
    struct attrs before = a->t->known_attrs;
    a->t->known_attrs = (struct attrs){0};
    if (MUTATION(MUTATION_REPLY_NOT_READ)) {
        a->t->known_active = a->f->step == STEP_ACTIVATE || (a->t->known_active && a->f->step == STEP_UPDATE);
        a->t->known_attrs = before;
        before = (struct attrs){0};
        for (size_t i = 0; i < a->f->changes.n; i++)
            attrs_set(&a->t->known_attrs, a->f->changes.v[i].name, a->f->changes.v[i].value);
        answer_effective(a, a->f->step);
    } else if (a->reply->body.n > 0 && scim_parse_user(a->reply->body, &account, &err)) {
        answer_know(a, &account);
        if (a->f->step == STEP_DEACTIVATE || account.says_teams)
            moves_verify(a);
        answer_verify(a, a->f->step, &a->f->changes, &before);
        a->w->unverified = false; /* what was written before, and is not to be seen, is written again */
    } else {
        await_read(a);
        attrs_done(&a->w->written_before);
        a->w->written_before = before;
        before = (struct attrs){0};
    }
    account_done(&account);
    attrs_done(&before);
}

static void took_delete(const struct answer *a)
{
    target_state_set_known(a->t, KNOWN_UNKNOWN);
    a->w->unverified = true; /* the next read must not find it */
    a->w->written_step = STEP_DELETE;
}

static void took_success(const struct answer *a)
{
    uint32_t attempts = a->t->attempts;
    switch (a->f->step) {
    case STEP_LOOKUP:
        if (a->f->by_match)
            took_search(a);
        else
            took_user(a);
        break;
    case STEP_TEAM:
        team_read(a);
        break;
    case STEP_CREATE:
        took_create(a);
        break;
    case STEP_DELETE:
        took_delete(a);
        break;
    case STEP_JOIN:
    case STEP_LEAVE:
        move_made(a);
        break;
    default:
        took_patch(a);
    }
    note_switch(a);
    if (a->t->attempts == attempts) /* the answer made sense */
        end_of_attempts(a);
}

/* ---- other answers ------------------------------------------------------------------------------------- */

/* A DELETE of ours, and the read that was to miss did. */
static void took_deletion(const struct answer *a)
{
    end_of_attempts(a);
    answer_drop_link(a);
    /* A create that may still land takes the freed name: its doubt ends with a look-up by that name only. */
    bool may_come_back = a->t->doubt_until_ms && a->t->create_as;
    struct search_wish wish;
    search_wish(a, &wish);
    target_state_set_known(a->t, may_come_back ? KNOWN_UNKNOWN : KNOWN_ABSENT);
    a->t->searched = may_come_back ? 0 : search_subject(&wish); /* by whatever name: it was ours */
    a->w->unverified = false;
    if (!may_come_back)
        end_of_doubt(a);
    answer_change(a, "active", NULL, NULL);
    answer_effective(a, STEP_DELETE);
}

/* One 404 may be old: a replica that lags knows nothing yet of an account that was just made, and looking for it by a
 * name that has changed meanwhile would make a second one. So the link goes with a second 404, a call's life later. */
static void took_missing(const struct answer *a)
{
    bool again = a->t->missing_until_ms && a->f->started.wall_ms >= a->t->missing_until_ms;
    end_of_attempts(a);
    target_state_set_known(a->t, KNOWN_UNKNOWN);
    a->w->fresh = a->w->unverified = false;
    if (again || MUTATION(MUTATION_FIRST_404_DROPS_LINK)) {
        answer_drop_link(a);
        a->w->vanished = true;
    } else if (!a->t->missing_until_ms)
        a->t->missing_until_ms = a->now.wall_ms + a->f->target->cfg->call_life_ms;
    if (MUTATION(MUTATION_LINK_KEPT_ON_404))
        answer_fail(a, "404", 0);
}

static void took_gone(const struct answer *a, const char *reason)
{
    if (a->f->step == STEP_TEAM) {
        team_gone(a, reason);
    } else if (step_moves(a->f->step)) {
        if (move_split(a))
            return;
        if (a->f->before_cut)
            move_refused(a, reason);
        else
            move_gone(a, reason);
    } else if (a->w->unverified && a->w->written_step == STEP_DELETE && a->f->step == STEP_LOOKUP)
        took_deletion(a);
    else
        took_missing(a);
}

/* A create that says more than it needs to: what is wrong with it may be one attribute, of which the update will tell. */
static bool may_be_bare(const struct answer *a)
{
    bool malformed = a->reply->status == 400 || a->reply->status == 422;
    size_t least = strcmp(a->f->target->cfg->match, "userName") == 0 ? 1 : 2;
    return a->f->step == STEP_CREATE && malformed && !a->w->bare && a->f->changes.n > least;
}

/* An update may meet a conflict because somebody has changed the account, or find nothing of what it is to take: looked at
 * once before it is refused. */
static bool is_first_conflict(const struct answer *a, const char *reason)
{
    bool conflict = a->reply->status == 409 || strcasestr(reason, " noTarget");
    return a->f->step == STEP_UPDATE && conflict && !a->w->conflicted && a->f->meaning.class != REPLY_BARRED;
}

/* One that says no type may have been read for it. To the target it is not the same: a path with a filter meets nothing
 * (RFC 7644 3.5.2.3). */
static bool lacks_entry(const struct answer *a, const char *reason)
{
    const struct attr *change = a->f->changes.v;
    if (a->f->step != STEP_UPDATE || a->f->changes.n != 1 || !change->value || !scim_has_type(change->name))
        return false;
    const char *known = attrs_get(&a->t->known_attrs, change->name);
    return known && *known && strcasestr(reason, " noTarget");
}

/* What was put back may have been an old account: refused, it says nothing of the account as it is when the doubt ends. */
static bool may_be_put_stale(const struct answer *a)
{
    bool barred = a->f->meaning.class == REPLY_BARRED;
    return a->f->put && a->t->doubt_until_ms && !barred && !step_moves(a->f->step);
}

/* By a cursor that has expired, perhaps (RFC 9865): the list is begun anew. */
static void took_no_page(const struct answer *a, const char *reason)
{
    a->w->search_broke_off = true;
    search_done(&a->w->search);
    answer_fail(a, reason, 0);
}

static void refuse_attributes(const struct answer *a, const char *reason)
{
    for (size_t i = 0; i < a->f->changes.n; i++)
        answer_refuse_attribute(a, &a->f->changes.v[i], reason);
}

static void took_refusal(const struct answer *a, const char *reason)
{
    const char *step = plan_refused_name(a->f->step);
    if (a->f->by_match && a->f->target->profile->insists && !a->f->list_count) {
        took_no_search(a, true);
    } else if (may_be_bare(a)) {
        a->w->bare = true;
    } else if (lacks_entry(a, reason)) {
        attrs_set(&a->t->known_attrs, a->f->changes.v[0].name, NULL); /* so it is added */
    } else if (is_first_conflict(a, reason)) {
        a->w->conflicted = true;
        target_state_set_known(a->t, KNOWN_UNKNOWN);
    } else if (may_be_put_stale(a)) {
        answer_fail(a, reason, a->t->doubt_until_ms - a->now.wall_ms);
    } else if (step) {
        answer_refuse_step(a, step, reason);
    } else if (step_moves(a->f->step) || a->f->step == STEP_TEAM) {
        if (!move_split(a))
            move_refused(a, reason);
    } else if (a->f->step == STEP_UPDATE && a->f->changes.n > 1 && a->f->meaning.class != REPLY_BARRED) {
        a->w->one_by_one = true;
    } else if (a->f->step == STEP_UPDATE) {
        refuse_attributes(a, reason);
    } else if (a->f->by_match && a->w->search.cursor) {
        took_no_page(a, reason);
    } else {
        answer_fail(a, reason, 0); /* a read: until its deadline */
    }
}

/* A server that failed while writing may have written; 503 says that it did not begin. */
static void took_temporary(const struct answer *a, const char *reason)
{
    if (step_writes(a->f->step) && a->reply->status != 503)
        answer_doubt(a);
    if (move_ends_farewell(a, reason))
        return;
    move_split(a);
    answer_fail(a, reason, a->reply->retry_after_ms);
}

/* Somebody else has changed it since it was read: read, and put back, again. */
static void took_change(const struct answer *a, const char *reason)
{
    struct work *w = a->w;
    if (MUTATION(MUTATION_PUT_STALE))
        return;
    whole_done(&w->was_account);
    work_drop_team(w);
    if (++w->changed % CHANGED_AT_ONCE == 0) /* a busy one */
        answer_fail(a, reason, 0);
}

void reply_describe(const struct call_reply *reply, char reason[REPLY_REASON_MAX])
{
    char type[SCIM_TYPE_MAX] = "", detail[SCIM_DETAIL_MAX] = "";
    int status = reply->status;
    if (reply->outcome != CALL_REPLIED) {
        snprintf(reason, REPLY_REASON_MAX, "%s", reply->error ? reply->error : "no answer");
        return;
    }
    if (status >= 400)
        scim_parse_error(reply->body, type, detail);
    snprintf(reason, REPLY_REASON_MAX, "%d%s%s%s%s", status, *type ? " " : "", type, *detail ? ": " : "",
             detail);
}

struct meaning reply_meaning(const struct flight *f, const struct call_reply *reply)
{
    char type[SCIM_TYPE_MAX] = "", detail[SCIM_DETAIL_MAX] = "";
    if (reply->outcome != CALL_REPLIED)
        return profile_failure_meaning(reply->failure);
    if (reply->status >= 400)
        scim_parse_error(reply->body, type, detail);
    /* Where it is known to be SCIM that answers at this base. */
    if (f->by_match && reply->status == 404 && f->target->can.proved && scim_is_error(reply->body))
        return (struct meaning){REPLY_NONE, HEALTH_WELL, false};
    return profile_meaning(f->target->profile,
                           &(struct answer_facts){f->step, f->by_match, reply->status, type, detail});
}

static void took_reply(const struct answer *a)
{
    char reason[REPLY_REASON_MAX];
    reply_describe(a->reply, reason);
    answer_operation(a, a->reply->status);
    switch (a->f->meaning.class) {
    case REPLY_OK:
        took_success(a);
        break;
    case REPLY_EXISTS:
        a->w->exists++;
        target_state_set_known(a->t, KNOWN_UNKNOWN);
        search_done(&a->w->search);
        break;
    case REPLY_NONE:
        took_no_search(a, false);
        break;
    case REPLY_CHANGED:
        took_change(a, reason);
        break;
    case REPLY_GONE:
        took_gone(a, reason);
        break;
    case REPLY_TEMPORARY:
        took_temporary(a, reason);
        break;
    case REPLY_THROTTLED:
        if (!move_ends_farewell(a, reason))
            answer_throttled(a, reason);
        break;
    case REPLY_TROUBLE:
        if (!move_ends_farewell(a, reason))
            answer_fail(a, reason, a->reply->retry_after_ms);
        break;
    case REPLY_PERMANENT:
    case REPLY_BARRED:
        took_refusal(a, reason);
        break;
    }
}

static void took_no_reply(const struct answer *a)
{
    answer_operation(a, 0);
    bool first = a->f->call.method; /* of those who travel in the call */
    if (a->reply->outcome == CALL_UNKNOWN && step_writes(a->f->step) &&
        (first || !MUTATION(MUTATION_TEAM_DOUBTS_ONE))) {
        answer_doubt(a);
        move_split(a);
    }
    const char *reason = a->reply->error ? a->reply->error : "no answer";
    if (!move_ends_farewell(a, reason))
        answer_fail(a, reason, 0);
}

void reply_take(struct engine *e, struct flight *f, struct target_state *t, const struct call_reply *reply,
                struct now now)
{
    struct answer a = {e, f, f->work, t, reply, now};
    if (reply->failure == FAILURE_HELD_BACK)
        return; /* by our own lease: nobody's failure */
    f->work->trouble = f->meaning.class == REPLY_TROUBLE;
    if (step_writes(f->step) && !MUTATION(MUTATION_PUT_STALE)) { /* it is not any more as it was read */
        whole_done(&f->work->was_account);
        work_drop_team(f->work);
    }
    if (reply->outcome == CALL_REPLIED)
        took_reply(&a);
    else
        took_no_reply(&a);
}

static void took_stale(const struct answer *a)
{
    char reason[REPLY_REASON_MAX];
    a->w->trouble = a->f->meaning.class == REPLY_TROUBLE;
    if (a->reply->outcome != CALL_REPLIED) {
        took_no_reply(a);
        return;
    }
    reply_describe(a->reply, reason);
    if (a->f->meaning.class == REPLY_THROTTLED)
        answer_throttled(a, reason);
    else if (a->f->meaning.class == REPLY_TEMPORARY || a->f->meaning.class == REPLY_TROUBLE)
        took_temporary(a, reason);
}

void reply_take_stale(struct engine *e, struct flight *f, struct target_state *t,
                      const struct call_reply *reply, struct now now)
{
    struct answer a = {e, f, f->work, t, reply, now};
    if (reply->failure != FAILURE_HELD_BACK)
        took_stale(&a);
    target_state_set_known(t, KNOWN_UNKNOWN);
    f->work->fresh = f->work->unverified = false;
    search_done(&f->work->search);
    if (step_writes(f->step) && reply->outcome == CALL_REPLIED)
        answer_doubt(&a); /* as for every write whose answer is undone */
}
