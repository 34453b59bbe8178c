/* The simulator's oracle against cases worked out by hand: what it says has to be right before anything is
 * measured by it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/oracle.h"
#include "mem.h"
#include "test_lib.h"

enum { EVENTS_MAX = 4, T = 1000, NOW = 1000 * 1000 };

struct said { /* an event in short; type EVENT_TYPES ends the list */
    enum event_type type;
    int64_t at;
    char id; /* hex digit that the id consists of */
    const char *name, *value;
    int64_t effective, until;
    bool complete, has_until;
    const char *group;
    bool all_groups;
};

#define SAID(what, when, hex) .type = what, .at = when, .id = hex
#define LAST                  SAID(EVENT_TYPES, 0, '0')

static struct event *make(const struct said *said)
{
    struct event *ev = xcalloc(1, sizeof *ev);
    memset(ev->id, said->id, EVENT_ID_SIZE - 1);
    ev->type = said->type;
    ev->occurred_at_ms = said->at;
    ev->effective_at_ms = said->effective;
    ev->complete = said->complete;
    ev->groups_complete = said->all_groups;
    ev->has_access_until = said->has_until;
    ev->access_until_ms = said->until;
    if (said->name)
        attrs_set(&ev->profile, said->name, said->value);
    if (said->group) {
        ev->n_groups = 1;
        ev->groups = xcalloc(1, sizeof *ev->groups);
        ev->groups[0] = xstrdup(said->group);
    }
    return ev;
}

/* Folds and then calls check with the outcome. */
static void fold(const struct said *said, void (*check)(const struct oracle_person *p, const void *arg),
                 const void *arg)
{
    struct event *events[EVENTS_MAX] = {0};
    size_t n = 0;
    for (; said[n].type != EVENT_TYPES; n++)
        events[n] = make(&said[n]);
    struct oracle_person p;
    oracle_fold((const struct event *const *)events, n, NOW, &p);
    check(&p, arg);
    for (size_t i = 0; i < n; i++) {
        event_done(events[i]);
        free(events[i]);
    }
}

/* ---- status -------------------------------------------------------------------------------------------- */

static const struct status_row {
    const char *name;
    struct said said[EVENTS_MAX];
    enum employment employment;
    bool suspended, ended;
} status_rows[] = {
    {"nobody said anything", {{LAST}}, EMPLOYMENT_UNKNOWN, false, false},
    {"the later word wins, told first",
     {{SAID(EVENT_LEFT, 2 * T, '1')}, {SAID(EVENT_JOINED, T, '2')}, {LAST}},
     EMPLOYMENT_LEFT,
     false,
     false},
    {"a rehire wins over an earlier leaving",
     {{SAID(EVENT_LEFT, T, '1')}, {SAID(EVENT_JOINED, 2 * T, '2')}, {LAST}},
     EMPLOYMENT_JOINED,
     false,
     false},
    {"left beats joined of the same instant",
     {{SAID(EVENT_JOINED, T, 'f')}, {SAID(EVENT_LEFT, T, '0')}, {LAST}},
     EMPLOYMENT_LEFT,
     false,
     false},
    {"deleted beats left of the same instant",
     {{SAID(EVENT_DELETED, T, '0')}, {SAID(EVENT_LEFT, T, 'f')}, {LAST}},
     EMPLOYMENT_DELETED,
     false,
     false},
    {"a change says nothing of employment",
     {{SAID(EVENT_LEFT, T, '1')}, {SAID(EVENT_CHANGED, 2 * T, '2')}, {LAST}},
     EMPLOYMENT_LEFT,
     false,
     false},
    {"a hold lasts beyond a rehire",
     {{SAID(EVENT_SUSPENDED, T, '1')}, {SAID(EVENT_JOINED, 2 * T, '2')}, {LAST}},
     EMPLOYMENT_JOINED,
     true,
     false},
    {"leaving ends a hold",
     {{SAID(EVENT_SUSPENDED, T, '1')},
      {SAID(EVENT_LEFT, 2 * T, '2')},
      {SAID(EVENT_JOINED, 3 * T, '3')},
      {LAST}},
     EMPLOYMENT_JOINED,
     false,
     false},
    {"a hold beats its end of the same instant",
     {{SAID(EVENT_SUSPENDED, T, '0')}, {SAID(EVENT_RESUMED, T, 'f')}, {LAST}},
     EMPLOYMENT_UNKNOWN,
     true,
     false},
    {"what is to come has not happened",
     {{SAID(EVENT_JOINED, T, '1')}, {SAID(EVENT_LEFT, 2 * T, '2'), .effective = NOW + 1}, {LAST}},
     EMPLOYMENT_JOINED,
     false,
     false},
    {"what has come counts from when it was said",
     {{SAID(EVENT_LEFT, T, '1'), .effective = NOW}, {SAID(EVENT_JOINED, 2 * T, '2')}, {LAST}},
     EMPLOYMENT_JOINED,
     false,
     false},
    {"access that has ended",
     {{SAID(EVENT_JOINED, T, '1'), .has_until = true, .until = NOW}, {LAST}},
     EMPLOYMENT_JOINED,
     false,
     true},
    {"access that has not ended yet",
     {{SAID(EVENT_JOINED, T, '1'), .has_until = true, .until = NOW + 1}, {LAST}},
     EMPLOYMENT_JOINED,
     false,
     false},
    {"an end that was taken back",
     {{SAID(EVENT_JOINED, T, '1'), .has_until = true, .until = T},
      {SAID(EVENT_CHANGED, 2 * T, '2'), .has_until = true},
      {LAST}},
     EMPLOYMENT_JOINED,
     false,
     false},
    {"of two ends said at one instant the earlier",
     {{SAID(EVENT_JOINED, T, '1'), .has_until = true, .until = T},
      {SAID(EVENT_CHANGED, T, 'f'), .has_until = true},
      {LAST}},
     EMPLOYMENT_JOINED,
     false,
     true},
};

static void check_status(const struct oracle_person *p, const void *arg)
{
    const struct status_row *row = arg;
    ck_assert_msg(p->employment == row->employment, "%s: employment is %d", row->name, (int)p->employment);
    ck_assert_msg(p->suspended == row->suspended, "%s: suspended is %d", row->name, p->suspended);
    ck_assert_msg(p->ended == row->ended, "%s: ended is %d", row->name, p->ended);
}

START_TEST(folds_employment_holds_and_ends_of_access)
{
    fold(status_rows[_i].said, check_status, &status_rows[_i]);
}
END_TEST

/* ---- attributes ---------------------------------------------------------------------------------------- */

static const struct attr_row {
    const char *name;
    struct said said[EVENTS_MAX];
    bool named;
    const char *value;
} attr_rows[] = {
    {"never named", {{SAID(EVENT_JOINED, T, '1'), "userName", "u"}, {LAST}}, false, NULL},
    {"the later value, told first",
     {{SAID(EVENT_CHANGED, 2 * T, '1'), "department", "new"},
      {SAID(EVENT_JOINED, T, '2'), "department", "old"},
      {LAST}},
     true,
     "new"},
    {"of one instant the larger id",
     {{SAID(EVENT_CHANGED, T, '2'), "department", "two"},
      {SAID(EVENT_CHANGED, T, '1'), "department", "one"},
      {LAST}},
     true,
     "two"},
    {"cleared by name",
     {{SAID(EVENT_JOINED, T, '1'), "department", "old"},
      {SAID(EVENT_CHANGED, 2 * T, '2'), "department", NULL},
      {LAST}},
     true,
     NULL},
    {"cleared by a complete profile that does not name it",
     {{SAID(EVENT_JOINED, T, '1'), "department", "old"},
      {SAID(EVENT_CHANGED, 2 * T, '2'), "userName", "u", .complete = true},
      {LAST}},
     true,
     NULL},
    {"a complete profile older than the word clears nothing",
     {{SAID(EVENT_JOINED, 2 * T, '1'), "department", "old"},
      {SAID(EVENT_CHANGED, T, '2'), "userName", "u", .complete = true},
      {LAST}},
     true,
     "old"},
};

static void check_attr(const struct oracle_person *p, const void *arg)
{
    const struct attr_row *row = arg;
    bool named;
    const char *value = oracle_attr(p, "department", &named);
    ck_assert_msg(named == row->named, "%s: named is %d", row->name, named);
    ck_assert_pstr_eq(value, row->value);
}

START_TEST(folds_attributes_one_by_one)
{
    fold(attr_rows[_i].said, check_attr, &attr_rows[_i]);
}
END_TEST

static void check_not_member(const struct oracle_person *p, const void *arg)
{
    (void)arg;
    ck_assert_uint_eq(p->n_groups, 1);
    ck_assert(!p->groups[0].member);
}

START_TEST(removes_from_a_group_when_both_are_said_at_one_instant)
{
    const struct said said[] = {{SAID(EVENT_MEMBERSHIP_REMOVED, T, '0'), .group = "g"},
                                {SAID(EVENT_MEMBERSHIP_ADDED, T, 'f'), .group = "g"},
                                {LAST}};
    fold(said, check_not_member, NULL);
}
END_TEST

START_TEST(ends_a_membership_that_a_complete_list_does_not_name)
{
    const struct said said[] = {{SAID(EVENT_MEMBERSHIP_ADDED, T, 'f'), .group = "g"},
                                {SAID(EVENT_CHANGED, 2 * T, '0'), .all_groups = true},
                                {LAST}};
    fold(said, check_not_member, NULL);
}
END_TEST

/* ---- the account that follows -------------------------------------------------------------------------- */

static const struct desire_row {
    const char *name;
    struct said said[EVENTS_MAX];
    enum desire kind;
    enum desire_active active;
} desire_rows[] = {
    {"an employee with a name",
     {{SAID(EVENT_JOINED, T, '1'), "userName", "u"}, {LAST}},
     DESIRE_ACCOUNT,
     ACTIVE_ON},
    {"an employee without a name",
     {{SAID(EVENT_JOINED, T, '1'), "department", "d"}, {LAST}},
     DESIRE_NOTHING,
     ACTIVE_AS_IS},
    {"a person of whom only changes are known",
     {{SAID(EVENT_CHANGED, T, '1'), "userName", "u"}, {LAST}},
     DESIRE_ACCOUNT,
     ACTIVE_AS_IS},
    {"a leaver", {{SAID(EVENT_LEFT, T, '1'), "userName", "u"}, {LAST}}, DESIRE_ACCOUNT, ACTIVE_OFF},
    {"a held employee",
     {{SAID(EVENT_JOINED, T, '1'), "userName", "u"}, {SAID(EVENT_SUSPENDED, T, '2')}, {LAST}},
     DESIRE_ACCOUNT,
     ACTIVE_OFF},
    {"a deleted person",
     {{SAID(EVENT_DELETED, T, '1'), "userName", "u"}, {LAST}},
     DESIRE_ACCOUNT,
     ACTIVE_OFF},
    {"a deleted person to be purged",
     {{SAID(EVENT_DELETED, T, '1'), "purge", "yes"}, {LAST}},
     DESIRE_ABSENT,
     ACTIVE_OFF},
};

static void check_desire(const struct oracle_person *p, const void *arg)
{
    const struct desire_row *row = arg;
    struct desired want;
    oracle_desired(p, 0, &want);
    ck_assert_msg(want.kind == row->kind, "%s: kind is %d", row->name, (int)want.kind);
    if (want.kind == DESIRE_ACCOUNT)
        ck_assert_msg(want.active == row->active, "%s: active is %d", row->name, (int)want.active);
    desired_done(&want);
}

START_TEST(wants_the_account_that_the_policy_says)
{
    fold(desire_rows[_i].said, check_desire, &desire_rows[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim_oracle");
    TCase *tc = tcase_create("oracle");
    tcase_add_loop_test(tc, folds_employment_holds_and_ends_of_access, 0, (int)ARRAY_SIZE(status_rows));
    tcase_add_loop_test(tc, folds_attributes_one_by_one, 0, (int)ARRAY_SIZE(attr_rows));
    tcase_add_test(tc, removes_from_a_group_when_both_are_said_at_one_instant);
    tcase_add_test(tc, ends_a_membership_that_a_complete_list_does_not_name);
    tcase_add_loop_test(tc, wants_the_account_that_the_policy_says, 0, (int)ARRAY_SIZE(desire_rows));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
