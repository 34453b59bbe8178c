#include "../../worker/settings.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../worker/worker_metrics.h"
#include "mem.h"
#include "test_lib.h"

static struct config_target target = {
    .name = "miro",
    .tenant = "acme",
    .directory = "hr",
    .kind = TARGET_MIRO,
    .base_url = "http://t",
    .match = "userName",
    .timeout_ms = 1,
    .call_life_ms = 2,
    .arrival_ms = 7,
    .in_flight = 3,
    .retry = {4, 5, 6},
    .breaker = {8, 9},
};
static char *protected_names[] = {"root@acme.test"};
static struct config_tenant tenant = {.name = "acme", .protected = {protected_names, 1}};

static struct config config_of(void)
{
    struct config cfg = {.tenants = {&tenant, 1}, .targets = {&target, 1}};
    cfg.worker.session_timeout_ms = 10000;
    cfg.worker.heartbeat_ms = 3000;
    return cfg;
}

START_TEST(the_engine_is_told_what_the_config_says)
{
    static struct config_limit limit = {"users.read", 10, 1000};
    struct config cfg = config_of();
    target.limits = (struct config_limits){&limit, 1};
    struct engine_config *c = settings_engine_new(&cfg, NULL, "s", 12, 1, 7);
    const struct engine_target *t = &c->targets[0];
    ck_assert_int_eq(c->partitions, 12);
    ck_assert_int_eq(c->lease_ms, 7000);
    ck_assert_str_eq(c->slot, "s");
    ck_assert_str_eq(t->kind, "miro");
    ck_assert_str_eq(t->directory, "hr");
    ck_assert_int_eq(t->timeout_ms, 1);
    ck_assert_int_eq(t->call_life_ms, 2);
    ck_assert_int_eq(t->arrival_ms, 7);
    ck_assert_uint_eq(t->in_flight_max, 3);
    ck_assert_int_eq(t->retry_base_ms, 4);
    ck_assert_int_eq(t->retry_cap_ms, 5);
    ck_assert_int_eq(t->deadline_ms, 6);
    ck_assert_int_eq(t->breaker_pause_ms, 8);
    ck_assert_int_eq(t->breaker_pause_max_ms, 9);
    ck_assert_str_eq(t->limits[0].class_name, "users.read");
    ck_assert_uint_eq(t->limits[0].count, 10);
    ck_assert_int_eq(t->limits[0].window_ms, 1000);
    ck_assert(!c->plan_only);
    ck_assert_uint_eq(t->n_protected, 1);
    ck_assert_str_eq(t->protected_names[0], "root@acme.test");
    settings_engine_free(c);
    target.limits = (struct config_limits){0};
}
END_TEST

START_TEST(a_dry_run_has_a_share_of_each_limit)
{
    static struct config_limit limit = {"users.read", 300, 1000};
    struct config cfg = config_of();
    target.limits = (struct config_limits){&limit, 1};
    cfg.worker.mode = MODE_PLAN;
    cfg.worker.dry_run.limit_percent = 10;
    struct engine_config *c = settings_engine_new(&cfg, NULL, "s", 12, 1, 7);
    const struct engine_target *t = &c->targets[0];
    ck_assert(c->plan_only);
    ck_assert_uint_eq(t->limits[0].count, 30);
    ck_assert_str_eq(t->limits[1].class_name, "users.create"); /* of what the profile knows, too */
    ck_assert_uint_ge(t->limits[1].count, 1);
    settings_engine_free(c);
    target.limits = (struct config_limits){0};
}
END_TEST

/* A file of sources_dir with an API side; the directory is freed by the caller. */
static char *write_source(const char *name, const char *text)
{
    static char directory[] = "/tmp/rollcall-settings-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    char *path = xasprintf("%s/%s.lua", directory, name);
    FILE *out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    free(path);
    return xstrdup(directory);
}

static const char hr_file[] = "return { api = { auth = 'basic', limit = { requests = 90, per_s = 10 } },\n"
                              "fetch = function(s) return { path = '/p/' .. rollcall.escape(s) } end, person "
                              "= function(r) return nil end }";

START_TEST(ways_to_talk_to_a_target_reach_engine_and_client)
{
    struct config cfg = config_of();
    struct config_target *there = &cfg.targets.v[0];
    const struct config_target before = *there;
    struct tokens tokens;
    struct error err = {0};
    setenv("TEST_WORKER_TOKEN", "pass", 1);
    there->kind = TARGET_SCIM;
    there->match = (char *)"externalId,userName";
    there->token = NULL;
    there->limits.n = 0;
    there->capabilities = (struct config_capabilities){.discover = 1, .patch = CONFIG_OFF};
    there->auth = (struct config_auth){.user = (char *)"kim", .password = (char *)"env:TEST_WORKER_TOKEN"};
    ck_assert_msg(tokens_load(&cfg, &tokens, &err), "%s", err.message);
    struct engine_config *c = settings_engine_new(&cfg, NULL, "s", 12, 1, 7);
    struct http_target *http = settings_http_new(&cfg, &tokens, NULL);
    const struct engine_target *t = &c->targets[0];
    ck_assert_uint_eq(t->n_matches, 2);
    ck_assert_str_eq(t->matches[0], "externalId");
    ck_assert_str_eq(t->match, "userName"); /* which every account has */
    ck_assert(t->discovers && t->capabilities.patch == SWITCH_OFF && t->capabilities.etag == SWITCH_AS_SAID);
    ck_assert_str_eq(http[0].before_token, "Authorization: Basic ");
    ck_assert_str_eq(http[0].token, "a2ltOnBhc3M=");
    settings_engine_free(c);
    free(http);
    tokens_done(&tokens);
    *there = before;
}
END_TEST

START_TEST(a_source_that_is_fetched_from_is_a_target_behind_the_others)
{
    static struct config_source source = {
        .name = (char *)"hr",
        .kind = (char *)"hr",
        .tenant = (char *)"acme",
        .directory = (char *)"people",
        .api = {.base_url = (char *)"http://127.0.0.1:1",
                .token = (char *)"env:TEST_WORKER_TOKEN",
                .per_s = 60,
                .timeout_ms = 5,
                .in_flight = 4,
                .retry = {1, 2, 3},
                .breaker = {6, 7}},
    };
    struct config cfg = config_of();
    struct asked_sources *sources;
    struct tokens tokens;
    struct error err = {0};
    cfg.sources = (struct config_sources){&source, 1};
    cfg.ingest.sources_dir = write_source("hr", hr_file);
    setenv("TEST_WORKER_TOKEN", "kim:pass", 1);
    tenant.spread = 3;
    ck_assert_msg(asked_sources_load(&cfg, &sources, &err), "%s", err.message);
    ck_assert(tokens_load(&cfg, &tokens, &err));
    struct engine_config *c = settings_engine_new(&cfg, sources, "s", 12, 1, 7);
    struct http_target *http = settings_http_new(&cfg, &tokens, sources);
    ck_assert_uint_eq(c->n_targets, 2);
    const struct engine_target *t = &c->targets[1];
    ck_assert_str_eq(t->name, "source.hr");
    ck_assert_str_eq(t->kind, "source");
    ck_assert_str_eq(t->directory, "people");
    ck_assert_uint_eq(t->spread, 3);
    ck_assert_str_eq(t->limits[0].class_name, "api");
    ck_assert_uint_eq(t->limits[0].count, 90);
    ck_assert_int_eq(t->limits[0].window_ms, 10000);
    ck_assert_int_eq(t->deadline_ms, 3);
    ck_assert(http[1].source);
    ck_assert_str_eq(http[1].before_token, "Authorization: Basic ");
    ck_assert_str_eq(http[1].token, "a2ltOnBhc3M=");
    settings_engine_free(c);
    free(http);
    tokens_done(&tokens);
    asked_sources_free(sources);
    tenant.spread = 91;
    ck_assert(!asked_sources_load(&cfg, &sources, &err));
    ck_assert_str_eq(err.message,
                     "source hr: api.requests: 90 calls, which 91 buckets (tenants[].spread) cannot share");
    tenant.spread = 0;
    source.api.base_url = NULL;
    ck_assert(!asked_sources_load(&cfg, &sources, &err));
    ck_assert_str_eq(err.message, "source hr: api.base_url: missing, and its file says none");
    source.api.token = NULL; /* never asked, so nothing of it is read */
    ck_assert(asked_sources_load(&cfg, &sources, &err));
    ck_assert_uint_eq(sources->n, 0);
    asked_sources_free(sources);
    char *path = xasprintf("%s/hr.lua", cfg.ingest.sources_dir);
    unlink(path);
    rmdir(cfg.ingest.sources_dir);
    free(path);
    free(cfg.ingest.sources_dir);
}
END_TEST

START_TEST(a_class_of_limits_is_one_of_the_profile)
{
    static struct config_limit limits[] = {{"users.read", 10, 1000}, {"users.raed", 10, 1000}};
    struct config cfg = config_of();
    struct error err = {0};
    target.limits = (struct config_limits){limits, 1};
    ck_assert(settings_check(&cfg, &err));
    target.limits.n = 2;
    ck_assert(!settings_check(&cfg, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(err.message,
                     "targets[0].limits[1].class: miro has no class users.raed; it has users.read, "
                     "users.create, users.update, users.delete, groups.read, groups.list, groups.update, "
                     "groups.update_large, groups.create, groups.delete");
    target.limits = (struct config_limits){0};
}
END_TEST

START_TEST(every_bucket_has_a_call_of_each_class_that_persons_need)
{
    static struct config_limit limit = {"users.delete", 3, 1000};
    struct config cfg = config_of();
    struct error err = {0};
    tenant.spread = 16;
    ck_assert(settings_check(&cfg, &err));
    target.limits = (struct config_limits){&limit, 1};
    ck_assert(!settings_check(&cfg, &err));
    ck_assert_str_eq(err.message,
                     "targets[0].limits: users.delete allows 3 calls, which 16 buckets (tenants[].spread) "
                     "cannot share");
    tenant.spread = 3;
    ck_assert(settings_check(&cfg, &err));
    target.limits = (struct config_limits){0};
    tenant.spread = 0;
}
END_TEST

START_TEST(tokens_are_read_all_or_none)
{
    struct config cfg = config_of();
    struct tokens tokens;
    struct error err = {0};
    target.token = (char *)"env:TEST_WORKER_TOKEN";
    unsetenv("TEST_WORKER_TOKEN");
    ck_assert(!tokens_load(&cfg, &tokens, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "targets[0].token"));
    setenv("TEST_WORKER_TOKEN", "s3cret", 1);
    ck_assert(tokens_load(&cfg, &tokens, &err));
    struct http_target *http = settings_http_new(&cfg, &tokens, NULL);
    ck_assert_str_eq(http[0].token, "s3cret");
    ck_assert_str_eq(http[0].base_url, "http://t");
    free(http);
    tokens_done(&tokens);
    target.token = NULL;
}
END_TEST

START_TEST(a_target_without_token_sends_none)
{
    struct config cfg = config_of();
    struct tokens tokens;
    struct error err = {0};
    ck_assert(tokens_load(&cfg, &tokens, &err));
    struct http_target *http = settings_http_new(&cfg, &tokens, NULL);
    ck_assert_ptr_null(http[0].token);
    free(http);
    tokens_done(&tokens);
}
END_TEST

START_TEST(calls_are_counted_by_how_they_ended)
{
    static const struct {
        struct call_reply reply;
        const char *label;
    } rows[] = {
        {{.outcome = CALL_REPLIED, .status = 200}, "2xx"}, {{.outcome = CALL_REPLIED, .status = 404}, "404"},
        {{.outcome = CALL_REPLIED, .status = 429}, "429"}, {{.outcome = CALL_REPLIED, .status = 503}, "5xx"},
        {{.outcome = CALL_REPLIED, .status = 401}, "401"}, {{.outcome = CALL_REPLIED, .status = 403}, "403"},
        {{.outcome = CALL_REPLIED, .status = 408}, "408"}, {{.outcome = CALL_REPLIED, .status = 409}, "409"},
        {{.outcome = CALL_REPLIED, .status = 400}, "4xx"}, {{.outcome = CALL_REPLIED, .status = 302}, "3xx"},
        {{.outcome = CALL_REPLIED, .status = 999}, "odd"}, {{.outcome = CALL_REPLIED, .status = 0}, "odd"},
        {{.outcome = CALL_NOT_SENT}, "not_sent"},          {{.outcome = CALL_UNKNOWN}, "unknown"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ck_assert_str_eq(worker_metrics_status(&rows[i].reply), rows[i].label);
}
END_TEST

START_TEST(every_metric_has_a_name_and_is_shown)
{
    struct metrics *metrics = worker_metrics_new();
    const struct engine_stats stats = {.events = 41, .results = {1, 2, 3, 4, 5, 6, 7}};
    struct buf out;
    buf_init(&out, 1 << 20);
    worker_metrics_engine(metrics, &stats);
    metrics_render(metrics, &out);
    ck_assert_ptr_nonnull(strstr(out.p, "rollcall_worker_events_total 41\n"));
    ck_assert_ptr_nonnull(strstr(out.p, "rollcall_worker_results_total{outcome=\"applied\"} 1\n"));
    ck_assert_ptr_nonnull(strstr(out.p, "rollcall_worker_results_total{outcome=\"denied\"} 7\n"));
    buf_done(&out);
    metrics_free(metrics);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_settings");
    TCase *tc = tcase_create("settings");
    tcase_add_test(tc, the_engine_is_told_what_the_config_says);
    tcase_add_test(tc, a_dry_run_has_a_share_of_each_limit);
    tcase_add_test(tc, ways_to_talk_to_a_target_reach_engine_and_client);
    tcase_add_test(tc, a_source_that_is_fetched_from_is_a_target_behind_the_others);
    tcase_add_test(tc, a_class_of_limits_is_one_of_the_profile);
    tcase_add_test(tc, every_bucket_has_a_call_of_each_class_that_persons_need);
    tcase_add_test(tc, tokens_are_read_all_or_none);
    tcase_add_test(tc, a_target_without_token_sends_none);
    tcase_add_test(tc, calls_are_counted_by_how_they_ended);
    tcase_add_test(tc, every_metric_has_a_name_and_is_shown);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
