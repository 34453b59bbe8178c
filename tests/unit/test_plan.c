#include "../../worker/engine/plan.h"
#include "event_kit.h"

/* What is known and wanted → the next step. */
struct row {
    const char *name;
    enum known_kind known;
    const char *link; /* NULL: none */
    bool inactive, fresh;
    int64_t doubt; /* seconds; 0: none; now is 100 */
    const char *account;
    enum desire want;
    enum desire_active active;
    const char *attrs;
    enum step step;
    const char *changes; /* names, in order; NULL: none */
    bool rejected;
};

#define ACCOUNT_ON    DESIRE_ACCOUNT, ACTIVE_ON
#define ACCOUNT_OFF   DESIRE_ACCOUNT, ACTIVE_OFF
#define ACCOUNT_AS_IS DESIRE_ACCOUNT, ACTIVE_AS_IS

static const struct row rows[] = {
    {"what is unknown is looked up", KNOWN_UNKNOWN, NULL, 0, 0, 0, "", ACCOUNT_ON, "userName=z", STEP_LOOKUP,
     NULL, 0},
    {"also for a leaver", KNOWN_UNKNOWN, "7", 0, 0, 0, "", ACCOUNT_OFF, "", STEP_LOOKUP, NULL, 0},
    {"without a name there is no lookup", KNOWN_UNKNOWN, NULL, 0, 0, 0, "", ACCOUNT_ON, "title=x", STEP_NONE,
     NULL, 1},
    {"who is absent is created", KNOWN_ABSENT, NULL, 0, 0, 0, "", ACCOUNT_ON, "title=x;userName=z",
     STEP_CREATE, "title userName", 0},
    {"who is absent and not wanted active stays so", KNOWN_ABSENT, NULL, 0, 0, 0, "", ACCOUNT_AS_IS,
     "userName=z", STEP_NONE, NULL, 0},
    {"a leaver without account needs nothing", KNOWN_ABSENT, NULL, 0, 0, 0, "", ACCOUNT_OFF, "", STEP_NONE,
     NULL, 0},
    {"nobody wants somebody absent", KNOWN_ABSENT, NULL, 0, 0, 0, "", DESIRE_ABSENT, ACTIVE_AS_IS, "",
     STEP_NONE, NULL, 0},
    {"what agrees needs nothing", KNOWN_ACCOUNT, "7", 0, 0, 0, "userName=Z;title=x", ACCOUNT_ON,
     "userName=z;title=x", STEP_NONE, NULL, 0},
    {"what differs is changed", KNOWN_ACCOUNT, "7", 0, 0, 0, "userName=z;title=x;nick=n", ACCOUNT_ON,
     "userName=z;title=y;nick", STEP_UPDATE, "nick title", 0},
    {"what was never looked at is", KNOWN_ACCOUNT, "7", 0, 0, 0, "userName=z", ACCOUNT_ON, "title=y",
     STEP_LOOKUP, NULL, 0},
    {"what the target alone decides is left out", KNOWN_ACCOUNT, "7", 0, 0, 0, "userName=z", ACCOUNT_ON,
     "externalId=9;emails.work=z", STEP_NONE, NULL, 0},
    {"access goes first", KNOWN_ACCOUNT, "7", 0, 0, 0, "title=x", ACCOUNT_OFF, "title=y", STEP_DEACTIVATE,
     NULL, 0},
    {"who is inactive already is cut", KNOWN_ACCOUNT, "7", 1, 0, 0, "", ACCOUNT_OFF, "", STEP_NONE, NULL, 0},
    {"access before attributes", KNOWN_ACCOUNT, "7", 1, 0, 0, "title=x", ACCOUNT_ON, "title=y", STEP_ACTIVATE,
     NULL, 0},
    {"attributes of the inactive are frozen", KNOWN_ACCOUNT, "7", 1, 0, 0, "title=x", ACCOUNT_AS_IS,
     "title=y", STEP_NONE, NULL, 0},
    {"an active account is left active", KNOWN_ACCOUNT, "7", 0, 0, 0, "title=x", ACCOUNT_AS_IS, "title=x",
     STEP_NONE, NULL, 0},
    {"delete reads first", KNOWN_ACCOUNT, "7", 0, 0, 0, "", DESIRE_ABSENT, ACTIVE_AS_IS, "", STEP_LOOKUP,
     NULL, 0},
    {"and then deletes", KNOWN_ACCOUNT, "7", 0, 1, 0, "", DESIRE_ABSENT, ACTIVE_AS_IS, "", STEP_DELETE, NULL,
     0},
    {"an inactive account is deleted too", KNOWN_ACCOUNT, "7", 1, 1, 0, "", DESIRE_ABSENT, ACTIVE_AS_IS, "",
     STEP_DELETE, NULL, 0},
    {"an account without a link is looked up again", KNOWN_ACCOUNT, NULL, 0, 0, 0, "", ACCOUNT_ON,
     "userName=z", STEP_LOOKUP, NULL, 0},
    {"a cut without a link looks up", KNOWN_ACCOUNT, NULL, 0, 0, 0, "", ACCOUNT_OFF, "userName=z",
     STEP_LOOKUP, NULL, 0},
    {"converged in doubt is waited for", KNOWN_ACCOUNT, "7", 0, 0, 200, "title=x", ACCOUNT_ON, "title=x",
     STEP_WAIT, NULL, 0},
    {"so is an absence in doubt", KNOWN_ABSENT, NULL, 0, 0, 200, "", ACCOUNT_OFF, "", STEP_WAIT, NULL, 0},
    {"writes go on in doubt once it was read", KNOWN_ACCOUNT, "7", 0, 0, 200, "title=x", ACCOUNT_ON,
     "title=y", STEP_UPDATE, "title", 0},
    {"doubt ends with a look", KNOWN_ACCOUNT, "7", 0, 0, 100, "title=x", ACCOUNT_ON, "title=x", STEP_LOOKUP,
     NULL, 0},
    {"unwanted is untouched", KNOWN_ACCOUNT, "7", 0, 0, 0, "title=x", DESIRE_NOTHING, ACTIVE_AS_IS, "",
     STEP_NONE, NULL, 0},
};

static void names_of(const struct attrs *attrs, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < attrs->n && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? " " : "", attrs->v[i].name);
}

static const struct capabilities everything = {.patch = true, .filter = true, .groups = true};
static const char *const by_name[] = {"userName"};

static void check_row(const struct row *row)
{
    struct person p = {0};
    struct target_state t = {.known = row->known,
                             .link = xstrdup_null(row->link),
                             .known_active = !row->inactive,
                             .doubt_until_ms = row->doubt * 1000};
    struct desired d = {.kind = row->want, .active = row->active};
    struct plan plan;
    char changes[200];
    put_attrs(&t.known_attrs, row->account);
    put_attrs(&d.attrs, row->attrs);
    plan_make(&(struct plan_input){.profile = profile_find("miro"),
                                   .person = &p,
                                   .state = &t,
                                   .desired = &d,
                                   .match = "userName",
                                   .matches = by_name,
                                   .n_matches = 1,
                                   .can = &everything,
                                   .search = &(struct search){0},
                                   .now_ms = 100 * 1000,
                                   .fresh = row->fresh},
              &plan);
    names_of(&plan.changes, changes, sizeof changes);
    ck_assert_msg(plan.step == row->step, "%s: %s, not %s", row->name, step_name(plan.step),
                  step_name(row->step));
    ck_assert_msg(strcmp(changes, row->changes ? row->changes : "") == 0, "%s: %s", row->name, changes);
    ck_assert_msg(!plan.rejected == !row->rejected && !plan.action == !row->rejected, "%s: rejected",
                  row->name);
    ck_assert_msg(plan.ignored == (row->want == DESIRE_NOTHING), "%s: ignored", row->name);
    plan_done(&plan);
    attrs_done(&t.known_attrs);
    free(t.link);
    desired_done(&d);
}

START_TEST(desired_minus_known_is_the_next_step)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        check_row(&rows[i]);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------------------ */

START_TEST(what_was_refused_rests_until_something_else_is_wanted)
{
    static const struct {
        const char *what;
        enum known_kind known;
        bool inactive, fresh;
        enum desire want;
        enum desire_active active;
        enum step step;
    } refusals[] = {
        {REFUSED_CREATE, KNOWN_ABSENT, false, false, ACCOUNT_ON, STEP_CREATE},
        {REFUSED_ACTIVATE, KNOWN_ACCOUNT, true, false, ACCOUNT_ON, STEP_ACTIVATE},
        {REFUSED_CUT, KNOWN_ACCOUNT, false, false, ACCOUNT_OFF, STEP_DEACTIVATE},
        {REFUSED_CUT, KNOWN_ACCOUNT, false, true, DESIRE_ABSENT, ACTIVE_AS_IS, STEP_DELETE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct person p = {.employment_stamp = {1, 1}};
        struct desired d = {.kind = refusals[i].want, .active = refusals[i].active};
        struct target_state *t = person_target_add(&p, "miro");
        struct plan plan;
        t->known = refusals[i].known;
        t->known_active = !refusals[i].inactive;
        t->link = refusals[i].known == KNOWN_ACCOUNT ? xstrdup("7") : NULL;
        put_attrs(&d.attrs, "userName=z");
        if (t->known == KNOWN_ACCOUNT)
            put_attrs(&t->known_attrs, "userName=z");
        target_state_refuse(t, refusals[i].what, plan_fingerprint(&p, &d), "no");
        struct plan_input in = {.profile = profile_find("miro"),
                                .person = &p,
                                .state = t,
                                .desired = &d,
                                .match = "userName",
                                .matches = by_name,
                                .n_matches = 1,
                                .can = &everything,
                                .search = &(struct search){0},
                                .fresh = refusals[i].fresh};
        plan_make(&in, &plan);
        ck_assert_int_eq(plan.step, STEP_NONE);
        ck_assert_str_eq(plan.rejected, "no");
        ck_assert_ptr_nonnull(plan.action);
        plan_done(&plan);
        p.employment_stamp.event = 2; /* a newer word */
        plan_make(&in, &plan);
        ck_assert_int_eq(plan.step, refusals[i].step);
        ck_assert_str_eq(plan_refused_name(plan.step), refusals[i].what);
        plan_done(&plan);
        desired_done(&d);
        person_done(&p);
    }
    ck_assert_ptr_null(plan_refused_name(STEP_UPDATE));
}
END_TEST

START_TEST(a_refused_attribute_leaves_the_others_to_go_on)
{
    struct person p = {0};
    struct desired d = {.kind = DESIRE_ACCOUNT, .active = ACTIVE_ON};
    struct target_state *t = person_target_add(&p, "miro");
    struct plan plan;
    put_attrs(&d.attrs, "title=y;nick=m");
    put_attrs(&t->known_attrs, "title=x;nick=n");
    t->known = KNOWN_ACCOUNT;
    t->known_active = true;
    t->link = xstrdup("7");
    target_state_refuse(t, "title", plan_value_fingerprint("y"), "no");
    struct plan_input in = {.profile = profile_find("miro"),
                            .person = &p,
                            .state = t,
                            .desired = &d,
                            .match = "userName",
                            .matches = by_name,
                            .n_matches = 1,
                            .can = &everything};
    plan_make(&in, &plan);
    ck_assert_uint_eq(plan.changes.n, 1);
    ck_assert_str_eq(plan.changes.v[0].name, "nick");
    plan_done(&plan);
    attrs_set(&d.attrs, "title", "z");
    plan_make(&in, &plan);
    ck_assert_uint_eq(plan.changes.n, 2);
    plan_done(&plan);
    desired_done(&d);
    person_done(&p);
}
END_TEST

START_TEST(the_fingerprint_is_of_all_that_is_wanted)
{
    struct person p = {0};
    struct desired d = {.kind = DESIRE_ACCOUNT, .active = ACTIVE_ON};
    uint64_t seen[6];
    put_attrs(&d.attrs, "a=b");
    seen[0] = plan_fingerprint(&p, &d);
    attrs_set(&d.attrs, "a", "c");
    seen[1] = plan_fingerprint(&p, &d);
    attrs_set(&d.attrs, "a", NULL);
    seen[2] = plan_fingerprint(&p, &d);
    d.active = ACTIVE_OFF;
    seen[3] = plan_fingerprint(&p, &d);
    p.employment_stamp.event = 9;
    seen[4] = plan_fingerprint(&p, &d);
    p.suspension_stamp.event = 9;
    seen[5] = plan_fingerprint(&p, &d);
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < i; j++)
            ck_assert_uint_ne(seen[i], seen[j]);
    ck_assert_uint_eq(plan_fingerprint(&p, &d), seen[5]);
    desired_done(&d);
}
END_TEST

START_TEST(adoption_is_careful)
{
    static const struct {
        const char *ours, *theirs;
        bool inactive;
        enum desire_active active;
        bool may;
    } cases[] = {
        {"employeeNumber=1", "employeeNumber=1", false, ACTIVE_ON, true},
        {"employeeNumber=1", "employeeNumber=2", false, ACTIVE_ON, false},
        {"employeeNumber=1", "employeeNumber=2", false, ACTIVE_OFF, false},
        {"employeeNumber=1", "", false, ACTIVE_ON, true},
        {"", "employeeNumber=2", false, ACTIVE_ON, true},
        {"", "", true, ACTIVE_ON, false},
        {"", "", true, ACTIVE_AS_IS, false},
        {"", "", true, ACTIVE_OFF, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct person p = {0};
        struct desired d = {.kind = DESIRE_ACCOUNT, .active = cases[i].active};
        struct account found = {.active = !cases[i].inactive};
        const struct plan_input in = {.person = &p, .desired = &d, .match = "userName"};
        const char *reason = NULL;
        put_attrs(&d.attrs, cases[i].ours);
        put_attrs(&found.attrs, cases[i].theirs);
        ck_assert_msg(plan_may_adopt(&in, &found, &reason) == cases[i].may, "row %zu", i);
        ck_assert_int_eq(!reason, cases[i].may);
        desired_done(&d);
        account_done(&found);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        desired_minus_known_is_the_next_step,
        what_was_refused_rests_until_something_else_is_wanted,
        a_refused_attribute_leaves_the_others_to_go_on,
        the_fingerprint_is_of_all_that_is_wanted,
        adoption_is_careful,
    };
    return kit_run("plan", tests, ARRAY_SIZE(tests));
}
