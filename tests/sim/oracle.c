#include "oracle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "policy.h"

/* What an event says of one matter. */
struct word {
    const struct event *ev;
    int restrictive; /* the larger, the more */
    bool on;
    const char *value;
};

static bool takes_effect(const struct event *ev, int64_t now_ms)
{
    return ev->effective_at_ms == 0 || ev->effective_at_ms <= now_ms;
}

/* Ascending: the last one counts. Ids compare as the numbers that they are in hexadecimal. */
static int compare_words(const void *a, const void *b)
{
    const struct word *x = a, *y = b;
    if (x->ev->occurred_at_ms != y->ev->occurred_at_ms)
        return x->ev->occurred_at_ms < y->ev->occurred_at_ms ? -1 : 1;
    if (x->restrictive != y->restrictive)
        return x->restrictive < y->restrictive ? -1 : 1;
    return strncmp(x->ev->id, y->ev->id, 16);
}

typedef bool say_fn(const struct event *ev, const char *name, struct word *ret);

/* The last word that `say` finds in the events; false: there is none. */
static bool last_word(const struct event *const *events, size_t n, int64_t now_ms, say_fn *say,
                      const char *name, struct word *ret)
{
    struct word *words = xcalloc(n ? n : 1, sizeof *words);
    size_t n_words = 0;
    for (size_t i = 0; i < n; i++) {
        words[n_words] = (struct word){.ev = events[i]};
        if (takes_effect(events[i], now_ms) && say(events[i], name, &words[n_words]))
            n_words++;
    }
    qsort(words, n_words, sizeof *words, compare_words);
    if (n_words > 0)
        *ret = words[n_words - 1];
    free(words);
    return n_words > 0;
}

/* ---- what events say ----------------------------------------------------------------------------------- */

static bool say_employment(const struct event *ev, const char *name, struct word *ret)
{
    (void)name;
    ret->restrictive = ev->type == EVENT_DELETED ? 2 : ev->type == EVENT_LEFT;
    return ev->type == EVENT_JOINED || ev->type == EVENT_LEFT || ev->type == EVENT_DELETED;
}

static bool say_suspension(const struct event *ev, const char *name, struct word *ret)
{
    (void)name;
    ret->on = ev->type == EVENT_SUSPENDED;
    ret->restrictive = ret->on;
    return ret->on || ev->type == EVENT_RESUMED || ev->type == EVENT_LEFT || ev->type == EVENT_DELETED;
}

static bool say_attr(const struct event *ev, const char *name, struct word *ret)
{
    const struct attr *attr = attrs_find(&ev->profile, name);
    if (!attr)
        return ev->complete; /* what a complete profile does not name is cleared */
    ret->value = attr->value;
    return true;
}

static bool say_group(const struct event *ev, const char *name, struct word *ret)
{
    ret->on = ev->type != EVENT_MEMBERSHIP_REMOVED;
    ret->restrictive = !ret->on;
    for (size_t i = 0; i < ev->n_groups; i++)
        if (strcmp(ev->groups[i], name) == 0)
            return true;
    ret->on = false;
    ret->restrictive = 1;
    return ev->groups_complete; /* the person is in none that it does not name */
}

/* The end of access is one matter, but its restrictiveness is a time: the earlier, the more. */
static const struct event *last_access(const struct event *const *events, size_t n, int64_t now_ms)
{
    const struct event *last = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct event *ev = events[i];
        if (!ev->has_access_until || !takes_effect(ev, now_ms))
            continue;
        if (!last || ev->occurred_at_ms > last->occurred_at_ms) {
            last = ev;
            continue;
        }
        uint64_t mine = (uint64_t)ev->access_until_ms - 1, theirs = (uint64_t)last->access_until_ms - 1;
        if (ev->occurred_at_ms == last->occurred_at_ms &&
            (mine < theirs || (mine == theirs && strncmp(ev->id, last->id, 16) > 0)))
            last = ev;
    }
    return last;
}

/* ---- the fold ------------------------------------------------------------------------------------------ */

static void fold_attr(const struct event *const *events, size_t n, int64_t now_ms, const char *name,
                      struct oracle_person *ret)
{
    struct word word;
    for (size_t i = 0; i < ret->n_attrs; i++)
        if (strcmp(ret->attrs[i].name, name) == 0)
            return;
    if (!last_word(events, n, now_ms, say_attr, name, &word))
        return;
    assert(ret->n_attrs < ORACLE_NAMES_MAX);
    ret->attrs[ret->n_attrs++] = (struct oracle_attr){name, word.value, word.ev};
}

static void fold_group(const struct event *const *events, size_t n, int64_t now_ms, const char *name,
                       struct oracle_person *ret)
{
    struct word word;
    for (size_t i = 0; i < ret->n_groups; i++)
        if (strcmp(ret->groups[i].name, name) == 0)
            return;
    if (!last_word(events, n, now_ms, say_group, name, &word))
        return;
    assert(ret->n_groups < ORACLE_NAMES_MAX);
    ret->groups[ret->n_groups++] = (struct oracle_group){name, word.on};
}

void oracle_fold(const struct event *const *events, size_t n, int64_t now_ms, struct oracle_person *ret)
{
    static const enum employment by_rank[] = {EMPLOYMENT_JOINED, EMPLOYMENT_LEFT, EMPLOYMENT_DELETED};
    struct word word;
    *ret = (struct oracle_person){.employment = EMPLOYMENT_UNKNOWN};
    if (last_word(events, n, now_ms, say_employment, NULL, &word)) {
        ret->employment = by_rank[word.restrictive];
        ret->employment_by = word.ev;
    }
    if (last_word(events, n, now_ms, say_suspension, NULL, &word)) {
        ret->suspended = word.on;
        ret->suspension_by = word.ev;
    }
    ret->access_by = last_access(events, n, now_ms);
    ret->access_until_ms = ret->access_by ? ret->access_by->access_until_ms : 0;
    ret->ended = ret->access_until_ms != 0 && ret->access_until_ms <= now_ms;
    for (size_t i = 0; i < n; i++) {
        if (!takes_effect(events[i], now_ms))
            continue;
        for (size_t j = 0; j < events[i]->profile.n; j++)
            fold_attr(events, n, now_ms, events[i]->profile.v[j].name, ret);
        for (size_t j = 0; j < events[i]->n_groups; j++)
            fold_group(events, n, now_ms, events[i]->groups[j], ret);
    }
}

const char *oracle_attr(const struct oracle_person *p, const char *name, bool *ret_named)
{
    *ret_named = false;
    for (size_t i = 0; i < p->n_attrs; i++) {
        if (strcmp(p->attrs[i].name, name) != 0)
            continue;
        *ret_named = true;
        return p->attrs[i].value;
    }
    return NULL;
}

static const char *attr_of(const void *person, const char *name, bool *ret_named)
{
    return oracle_attr(person, name, ret_named);
}

static const char *group_of(const void *person, size_t i, bool *ret_member)
{
    const struct oracle_person *p = person;
    if (i >= p->n_groups)
        return NULL;
    *ret_member = p->groups[i].member;
    return p->groups[i].name;
}

void oracle_desired(const struct oracle_person *p, unsigned policy, struct desired *ret)
{
    struct policy_facts f = {p->employment, p->suspended, p->ended, p, attr_of, group_of};
    policy_decide(&f, policy, ret);
}
