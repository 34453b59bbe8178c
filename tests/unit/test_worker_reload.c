/* What a running worker takes of a changed configuration, and what it refuses with a word. */
#include "worker/reload.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "test_lib.h"

static const char before[] =
    "kafka: {brokers: 'localhost:1'}\n"
    "worker: {policy: policy.lua}\n"
    "tenants:\n"
    "  - {name: acme, protected: [root]}\n"
    "targets:\n"
    "  - {name: miro, tenant: acme, kind: miro, base_url: 'https://h/a', directory: hr, in_flight: 3}\n"
    "  - {name: jira, tenant: acme, kind: scim, base_url: 'https://h/b', directory: hr}\n";

static char path[64];
static struct config *running;

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void set_up(void)
{
    struct error err = {0};
    snprintf(path, sizeof path, "/tmp/test_worker_reload.XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    put(before);
    ck_assert_msg(config_load(path, &running, &err), "%s", err.message);
}

static void tear_down(void)
{
    config_free(running);
    unlink(path);
}

/* The text of before with one piece replaced. */
static void change(const char *from, const char *to)
{
    char text[2048];
    const char *at = strstr(before, from);
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - before), before, to, at + strlen(from));
    put(text);
}

START_TEST(numbers_and_protected_names_are_taken)
{
    struct config *cfg;
    struct error err = {0};
    change("in_flight: 3", "in_flight: 9, limits: [{class: users.read, count: 7, window_ms: 1000}]");
    ck_assert_msg(reload_config(running, &cfg, &err), "%s", err.message);
    ck_assert_int_eq(cfg->targets.v[0].in_flight, 9);
    ck_assert_int_eq(cfg->targets.v[0].limits.v[0].count, 7);
    config_free(cfg);
    change("[root]", "[root, boss]");
    ck_assert_msg(reload_config(running, &cfg, &err), "%s", err.message);
    ck_assert_uint_eq(cfg->tenants.v[0].protected.n, 2);
    config_free(cfg);
}
END_TEST

START_TEST(targets_keep_their_numbers_though_the_file_has_another_order)
{
    struct config *cfg;
    struct error err = {0};
    const char *miro = strstr(before, "  - {name: miro"), *jira = strstr(before, "  - {name: jira");
    char text[2048];
    snprintf(text, sizeof text, "%.*s%s%.*s", (int)(miro - before), before, jira, (int)(jira - miro), miro);
    put(text);
    ck_assert_msg(reload_config(running, &cfg, &err), "%s", err.message);
    ck_assert_str_eq(cfg->targets.v[0].name, "miro");
    ck_assert_str_eq(cfg->targets.v[1].name, "jira");
    config_free(cfg);
}
END_TEST

START_TEST(what_makes_another_target_of_it_needs_a_restart)
{
    static const struct {
        const char *from, *to, *said;
    } rows[] = {
        {"https://h/a", "https://h/c", "target miro has another base_url: that needs a restart"},
        {"kind: scim", "kind: miro", "target jira has another kind: that needs a restart"},
        {"name: jira", "name: jurra", "target jira is gone: that needs a restart"},
        {"{name: acme,", "{name: acme, spread: 2,",
         "the spread of tenant acme has changed: that needs a restart"},
        {"targets:\n",
         "targets:\n  - {name: new, tenant: acme, kind: scim, base_url: 'https://h/d', directory: hr}\n",
         "target new is new: that needs a restart"},
        {"in_flight: 3", "in_flight: 0", "targets[0].in_flight"},
        {"in_flight: 3", "limits: [{class: no, count: 7, window_ms: 1000}]", "miro has no class no"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct config *cfg;
        struct error err = {0};
        change(rows[i].from, rows[i].to);
        ck_assert_msg(!reload_config(running, &cfg, &err), "%s", rows[i].to);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, rows[i].said) != NULL, "%s", err.message);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_reload");
    TCase *tc = tcase_create("worker_reload");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, numbers_and_protected_names_are_taken);
    tcase_add_test(tc, targets_keep_their_numbers_though_the_file_has_another_order);
    tcase_add_test(tc, what_makes_another_target_of_it_needs_a_restart);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
