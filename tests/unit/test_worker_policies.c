#include "../../worker/policies.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../worker/engine/person.h"
#include "mem.h"
#include "test_lib.h"

/* Three tenants: one has a policy of its own, two have the file of worker.policy, one of them by name. */
static char ours[64], theirs[64]; /* paths */
static char acme[] = "acme", globex[] = "globex", initech[] = "initech";

static void write_policy(const char *path, const char *title)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "return {desired = function() return {active = true, title = \"%s\"} end}\n", title);
    fclose(f);
}

static struct config_tenant tenants[] = {
    {.name = acme}, {.name = globex, .policy = theirs}, {.name = initech, .policy = ours}};

static struct config company(void)
{
    write_policy(ours, "ours");
    write_policy(theirs, "theirs");
    return (struct config){.worker = {.policy = ours}, .tenants = {.v = tenants, .n = ARRAY_SIZE(tenants)}};
}

static void forget(void)
{
    unlink(ours);
    unlink(theirs);
}

static void says(struct policies *p, const char *tenant, const char *title)
{
    struct person person = {.employment = EMPLOYMENT_JOINED};
    struct person_view view = {
        .tenant = tenant, .directory = "hr", .subject = "42", .person = &person, .may_have_access = true};
    struct desired d = {0};
    struct error err;
    ck_assert_msg(policies_ask(p, &view, "miro", &d, &err), "%s", err.message);
    ck_assert_str_eq(attrs_get(&d.attrs, "title"), title);
    desired_done(&d);
}

START_TEST(each_tenant_is_asked_its_own_policy)
{
    struct config cfg = company();
    struct policies *p;
    struct error err;
    ck_assert_msg(policies_new(&cfg, &p, &err), "%s", err.message);
    says(p, acme, "ours");
    says(p, globex, "theirs");
    says(p, initech, "ours");
    says(p, "unheard-of", "ours");
    policies_free(p);
    forget();
}
END_TEST

static uint64_t fingerprint(const struct config *cfg)
{
    struct policies *p;
    struct error err;
    ck_assert_msg(policies_new(cfg, &p, &err), "%s", err.message);
    uint64_t sum = policies_fingerprint(p);
    policies_free(p);
    return sum;
}

START_TEST(a_tenants_policy_changes_the_fingerprint_and_so_does_who_has_it)
{
    struct config cfg = company();
    struct config_tenant swapped[] = {{.name = acme, .policy = theirs}, {.name = globex}};
    uint64_t first = fingerprint(&cfg);
    ck_assert(fingerprint(&cfg) == first);
    write_policy(theirs, "another");
    ck_assert(fingerprint(&cfg) != first);
    write_policy(theirs, "theirs");
    ck_assert(fingerprint(&cfg) == first);
    cfg.tenants = (struct config_tenants){.v = swapped, .n = ARRAY_SIZE(swapped)};
    ck_assert(fingerprint(&cfg) != first);
    forget();
}
END_TEST

START_TEST(one_tenants_broken_policy_is_named_and_none_is_taken)
{
    struct config cfg = company();
    struct policies *p = NULL;
    struct error err;
    FILE *f = fopen(theirs, "w");
    fputs("return 1\n", f);
    fclose(f);
    ck_assert(!policies_new(&cfg, &p, &err));
    ck_assert_ptr_null(p);
    ck_assert_msg(strncmp(err.message, "tenants[1].policy", strlen("tenants[1].policy")) == 0, "%s",
                  err.message);
    unlink(ours);
    ck_assert(!policies_new(&cfg, &p, &err));
    ck_assert_msg(strncmp(err.message, "worker.policy", strlen("worker.policy")) == 0, "%s", err.message);
    forget();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_policies");
    TCase *tc = tcase_create("policies");
    snprintf(ours, sizeof ours, "/tmp/policies.%d.ours.lua", (int)getpid());
    snprintf(theirs, sizeof theirs, "/tmp/policies.%d.theirs.lua", (int)getpid());
    tcase_add_test(tc, each_tenant_is_asked_its_own_policy);
    tcase_add_test(tc, a_tenants_policy_changes_the_fingerprint_and_so_does_who_has_it);
    tcase_add_test(tc, one_tenants_broken_policy_is_named_and_none_is_taken);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
