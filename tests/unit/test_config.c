#include "test_lib.h"

#include <stdio.h>

#include "config.h"
#include "log.h"

static char directory[] = "/tmp/rollcall-config-XXXXXX";

static bool load(const char *text, struct config **ret, struct error *err)
{
    char path[64];
    snprintf(directory, sizeof directory, "/tmp/rollcall-config-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/c.yaml", directory);
    FILE *out = fopen(path, "we");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    bool ok = config_load(path, ret, err);
    unlink(path);
    rmdir(directory);
    return ok;
}

#define KAFKA   "kafka: {brokers: 'k:9092'}\n"
#define TENANTS "tenants: [{name: acme}, {name: umbrella}]\n"
#define SOURCES "sources: [{name: okta, kind: okta, tenant: acme}]\n"
#define BASE    KAFKA TENANTS SOURCES

START_TEST(gives_every_key_its_default)
{
    struct config *cfg;
    struct error err = {0};
    ck_assert_msg(
        load(BASE "targets: [{name: m, tenant: acme, kind: miro, base_url: 'https://x/'}]\n", &cfg, &err),
        "%s", err.message);
    ck_assert_str_eq(cfg->kafka.topic_prefix, "rollcall");
    ck_assert_int_eq(cfg->kafka.manage_topics, 1);
    ck_assert_int_eq(cfg->kafka.partitions, 12);
    ck_assert_int_eq(cfg->log.level, LOG_LEVEL_INFO);
    ck_assert_int_eq(cfg->ingest.limits.body_bytes, 1048576);
    ck_assert_str_eq(cfg->ingest.listen, "127.0.0.1:8080");
    ck_assert_int_eq(cfg->sources.v[0].reject_status, 0);
    ck_assert_str_eq(cfg->sources.v[0].directory, "okta");
    ck_assert_ptr_null(cfg->worker.slot);
    ck_assert_int_eq(config_lease_ms(cfg), 7000);
    const struct config_target *target = &cfg->targets.v[0];
    ck_assert_str_eq(target->directory, "okta");
    ck_assert_str_eq(target->base_url, "https://x");
    ck_assert_str_eq(target->match, "userName");
    ck_assert_int_eq(target->retry.deadline_ms, 86400000);
    ck_assert_ptr_null(target->token);
    ck_assert_uint_eq(target->limits.n, 0);
    config_free(cfg);
}
END_TEST

static const char everything[] =
    "log: {format: json, level: debug}\n"
    "kafka:\n"
    "  brokers: a:1,b:2\n"
    "  topic_prefix: rc\n"
    "  manage_topics: off\n"
    "  partitions: 3\n"
    "  replication_factor: 1\n"
    "  properties:\n"
    "    - {name: security.protocol, value: SASL_SSL}\n"
    "    - {name: sasl.password, value: 'file:pw'}\n"
    "ingest: {listen: '[::1]:0', admin: 'h:1', threads: 2, sources_dir: s, deadline_ms: 2000,\n"
    "  limits: {body_bytes: 2048, header_bytes: 4096, connections: 5, connections_per_address: 4, "
    "events_per_request: 3}}\n"
    "worker: {group: g, slot: w-0, admin: 'h:2', policy: /p.lua, session_timeout_ms: 6000, heartbeat_ms: "
    "2000,\n"
    "  transaction_timeout_ms: 5000, drain_ms: 1}\n"
    "tenants:\n"
    "  - name: acme\n"
    "    spread: 4\n"
    "    protected: [boss@example.com, 'root']\n"
    "sources:\n"
    "  - {name: hr, kind: bamboohr, tenant: acme, directory: people, secrets: ['file:one', 'env:TWO'],\n"
    "     options: [{name: zone, value: ''}], success_status: 202, reject_status: 403, tolerance_s: 60}\n"
    "targets:\n"
    "  - name: miro\n"
    "    tenant: acme\n"
    "    kind: miro\n"
    "    base_url: https://miro.com/api/v1/scim\n"
    "    token: credential:miro\n"
    "    directory: people\n"
    "    match: externalId\n"
    "    timeout_ms: 5000\n"
    "    call_life_ms: 6000\n"
    "    in_flight: 8\n"
    "    retry: {base_ms: 10, cap_ms: 20, deadline_ms: 1000}\n"
    "    group_mode: user_group\n"
    "    teams: {names: [{name: Design, group: SG Design}], renames: [{from: a, to: b}], owned: ['rc *', "
    "Guild],\n"
    "      retired: [Old]}\n"
    "    limits: [{class: users, count: 10, window_ms: 1000}]\n";

START_TEST(reads_every_key)
{
    struct config *cfg;
    struct error err = {0};
    ck_assert_msg(load(everything, &cfg, &err), "%s", err.message);
    ck_assert_int_eq(cfg->log.format, LOG_FORMAT_JSON);
    ck_assert_int_eq(cfg->kafka.manage_topics, 0);
    ck_assert_str_eq(config_pair_get(&cfg->kafka.properties, "security.protocol"), "SASL_SSL");
    char expected[64];
    snprintf(expected, sizeof expected, "file:%s/pw", directory);
    ck_assert_str_eq(config_pair_get(&cfg->kafka.properties, "sasl.password"), expected);
    snprintf(expected, sizeof expected, "%s/s", directory);
    ck_assert_str_eq(cfg->ingest.sources_dir, expected);
    ck_assert_int_eq(cfg->ingest.limits.events_per_request, 3);
    ck_assert_str_eq(cfg->worker.policy, "/p.lua");
    ck_assert_str_eq(cfg->worker.slot, "w-0");
    ck_assert_int_eq(cfg->worker.drain_ms, 1);
    ck_assert_int_eq(config_tenant(cfg, "acme")->spread, 4);
    ck_assert_str_eq(config_tenant(cfg, "acme")->protected.v[1], "root");
    const struct config_source *source = config_source(cfg, "hr");
    ck_assert_str_eq(source->directory, "people");
    ck_assert_str_eq(source->secrets.v[1], "env:TWO");
    ck_assert_str_eq(config_pair_get(&source->options, "zone"), "");
    ck_assert_int_eq(source->success_status, 202);
    ck_assert_int_eq(cfg->targets.v[0].kind, TARGET_MIRO);
    ck_assert_int_eq(cfg->targets.v[0].retry.cap_ms, 20);
    ck_assert_int_eq(cfg->targets.v[0].group_mode, GROUPS_USER_GROUP);
    ck_assert_str_eq(cfg->targets.v[0].teams.names.v[0].group, "SG Design");
    ck_assert_str_eq(cfg->targets.v[0].teams.renames.v[0].to, "b");
    ck_assert_str_eq(cfg->targets.v[0].teams.owned.v[1], "Guild");
    ck_assert_str_eq(cfg->targets.v[0].teams.retired.v[0], "Old");
    ck_assert_str_eq(cfg->targets.v[0].limits.v[0].class, "users");
    ck_assert_int_eq(cfg->targets.v[0].limits.v[0].window_ms, 1000);
    ck_assert_ptr_null(config_tenant(cfg, "x"));
    config_free(cfg);
}
END_TEST

#define REST   ", rest: {token: 'env:T', org: '1'}"
#define MIRO   "name: m, tenant: acme, kind: miro, base_url: 'https://x'"
#define LONG64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG   LONG64 LONG64 LONG64 LONG64 /* 256 bytes */
#define TARGET "name: m, tenant: acme, kind: scim, base_url: 'https://x'"

static const struct {
    const char *text, *why;
} bad[] = {
    {"", "kafka.brokers: missing"},
    {"kafka: {brokers: }\n", "kafka.brokers: empty"},
    {"kafka: [1]\n", "kafka: Expecting MAPPING"},
    {"kafka:\n  broker: x\n", "kafka: unknown key \"broker\" (near line 2)"},
    {"nonsense: 1\n", "unknown key \"nonsense\""},
    {"kafka: {brokers: x\n", "near line"},
    {"kafka: {brokers: x}\nkafka: {brokers: y}\n", "already seen"},
    {"kafka: {brokers: [x]}\n", "kafka.brokers: Expecting STRING"},
    {"kafka: {brokers: x, partitions: 10k}\n", "kafka.partitions: not a whole number from 1 to 10000"},
    {"kafka: {brokers: x, partitions: 1.5}\n", "kafka.partitions"},
    {"kafka: {brokers: x, partitions: 0}\n", "kafka.partitions"},
    {"kafka: {brokers: x, partitions: ''}\n", "kafka.partitions"},
    {"kafka: {brokers: x, partitions: 99999999999999999999}\n", "kafka.partitions"},
    {"kafka: {brokers: x, manage_topics: maybe}\n", "kafka.manage_topics"},
    {"kafka: {brokers: x, manage_topics: 1}\n", "kafka.manage_topics"},
    {"kafka: {brokers: x, topic_prefix: 'a b'}\n", "kafka.topic_prefix"},
    {"kafka: {brokers: x, properties: [{name: a, value: b}, {name: a, value: c}]}\n",
     "kafka.properties[1]: \"a\" is already taken by kafka.properties[0]"},
    {KAFKA "log: {level: loud}\n", "log.level"},
    {KAFKA "ingest: {listen: nowhere}\n", "ingest.listen: \"nowhere\" is not host:port"},
    {KAFKA "ingest: {admin: '::1:80'}\n", "brackets"},
    {KAFKA "ingest: {admin: 'x:65536'}\n", "ingest.admin"},
    {KAFKA "worker: {heartbeat_ms: 4000}\n", "worker.heartbeat_ms"},
    {KAFKA "tenants: [{name: a}, {name: Acme}]\n", "tenants[1].name"},
    {KAFKA "tenants: [{name: a}, {name: a}]\n", "tenants[1]: \"a\" is already taken"},
    {KAFKA "tenants: [{name: a, protected: ['']}]\n", "tenants[0].protected"},
    {KAFKA TENANTS "sources: [{name: s, kind: k, tenant: nobody}]\n",
     "sources[0].tenant: tenants has no \"nobody\""},
    {KAFKA TENANTS "sources: [{name: s, kind: ../k, tenant: acme}]\n", "sources[0].kind"},
    {KAFKA TENANTS "sources: [{name: s, kind: k, tenant: acme, secrets: ['file:/x', 'hunter2']}]\n",
     "sources[0].secrets[1]: not a secret reference"},
    {KAFKA TENANTS "sources: [{name: s, tenant: acme}]\n", "sources[0].kind: missing"},
    {KAFKA TENANTS "sources: [{name: s, kind: k, tenant: acme, success_status: 302}]\n",
     "sources[0].success_status"},
    {KAFKA TENANTS "sources: [{name: s, kind: k, tenant: acme, api: {token: hunter2}}]\n",
     "sources[0].api.token: not a secret reference"},
    {KAFKA TENANTS "sources: [{name: s, kind: k, tenant: acme, api: {base_url: 'http://vendor.example'}}]\n",
     "sources[0].api.base_url: http:// sends token and persons in clear"},
    {KAFKA TENANTS "sources: [{name: s, kind: k, tenant: acme, api: {retry: {base_ms: 20, cap_ms: 10}}}]\n",
     "sources[0].api.retry.base_ms: more than cap_ms"},
    {KAFKA TENANTS SOURCES
     "targets: [{name: source.x, tenant: acme, kind: miro, base_url: 'https://x.example'}]\n",
     "targets[0].name: names that begin with \"source.\" mean sources"},
    {BASE "targets: [{" TARGET "}, {" TARGET "}]\n", "targets[1]: \"m\" is already taken"},
    {BASE "targets: [{" TARGET "}, {" TARGET ", token: [a]}]\n", "targets[1].token: Expecting STRING"},
    {BASE "targets: [{" TARGET ", token: hunter2}]\n", "targets[0].token: not a secret reference"},
    {BASE "targets: [{" TARGET ", tokn: x}]\n", "targets[0]: unknown key \"tokn\""},
    {BASE "targets: [{name: m, tenant: acme, base_url: 'https://x'}]\n", "targets[0].kind: missing"},
    {BASE "targets: [{name: m, tenant: acme, kind: scim, base_url: 'ftp://x'}]\n", "targets[0].base_url"},
    {BASE "targets: [{name: m, tenant: acme, kind: scim, base_url: 'https://u:p@x'}]\n",
     "targets[0].base_url"},
    {BASE "targets: [{name: m, tenant: umbrella, kind: scim, base_url: 'https://x'}]\n",
     "targets[0].directory: missing, and no source of tenant \"umbrella\""},
    {KAFKA TENANTS "sources: [{name: a, kind: k, tenant: acme}, {name: b, kind: k, tenant: acme}]\n"
                   "targets: [{" TARGET "}]\n",
     "targets[0].directory: missing, and tenant \"acme\" has several"},
    {BASE "targets: [{name: m, tenant: acme, kind: scim, base_url: 'http://x'}]\n",
     "targets[0].base_url: http:// sends token and persons in clear"},
    {BASE "targets: [{name: m, tenant: acme, kind: scim, base_url: 'http://127.0.0.1.evil.example/'}]\n",
     "targets[0].base_url: http://"},
    {BASE "targets: [{name: all, tenant: acme, kind: scim, base_url: 'https://x'}]\n",
     "targets[0].name: \"all\" is not a name"},
    {BASE "targets: [{" TARGET ", match: nonsense}]\n", "targets[0].match: \"nonsense\" is not userName,"},
    {BASE "targets: [{" TARGET ", match: 'userName, nonsense'}]\n", "targets[0].match: \"nonsense\" is not"},
    {BASE "targets: [{" TARGET ", match: ','}]\n", "targets[0].match: names no attribute"},
    {BASE "targets: [{" TARGET ", token: 'env:T', auth: {user: u, password: 'env:P'}}]\n",
     "targets[0]: token, auth.user and auth.oauth: only one of them"},
    {BASE "targets: [{" TARGET ", auth: {user: u}}]\n", "targets[0].auth: user and password belong together"},
    {BASE "targets: [{" TARGET ", auth: {user: u, password: hunter2}}]\n",
     "targets[0].auth.password: not a secret reference"},
    {BASE "targets: [{" TARGET ", auth: {oauth: {token_url: 'https://x/t', client_id: c}}}]\n",
     "targets[0].auth.oauth: token_url, client_id and client_secret belong together"},
    {BASE "targets: [{" TARGET
          ", auth: {oauth: {token_url: 'http://x/t', client_id: c, client_secret: 'env:S'}}}]\n",
     "targets[0].auth.oauth.token_url: http:// sends token"},
    {BASE "targets: [{" TARGET ", tls: {key: 'file:k'}}]\n", "targets[0].tls: certificate and key belong"},
    {BASE "targets: [{" TARGET ", capabilities: {patch: maybe}}]\n", "targets[0].capabilities.patch"},
    {BASE "targets: [{" TARGET ", retry: {base_ms: 1000, cap_ms: 100}}]\n", "targets[0].retry.base_ms"},
    {BASE "targets: [{" TARGET ", breaker: {pause_max_ms: 100}}]\n", "targets[0].breaker.pause_ms"},
    {BASE "targets: [{" TARGET ", timeout_ms: 10000, call_life_ms: 9999}]\n", "targets[0].call_life_ms"},
    {BASE "targets: [{" TARGET ", teams: {owned: [Guild]}}]\n", "targets[0].teams: owned and retired need"},
    {BASE "targets: [{" TARGET ", teams: {attached: [{group: g, team: t}]}}]\n",
     "targets[0].teams: attached and detached need rest.token and rest.org"},
    {BASE "targets: [{" TARGET ", rest: {token: 'env:T'}}]\n", "targets[0].rest: token and org belong"},
    {BASE "targets: [{" MIRO REST ", teams: {"
          "attached: [{group: guild, team: t}], detached: [{group: guild, team: t}]}}]\n",
     "targets[0].teams.attached[0]: also one of"},
    {BASE "targets: [{" MIRO REST ", teams: {attached: [{group: g, team: t}, {group: " LONG
          ", team: t}]}}]\n",
     "targets[0].teams.attached[1].group: longer than 255 bytes"},
    {BASE "targets: [{" MIRO REST ", teams: {attached: [{group: g, team: " LONG "}]}}]\n",
     "targets[0].teams.attached[0].team: longer than 255 bytes"},
    {BASE "targets: [{" MIRO REST ", teams: {detached: [{group: " LONG ", team: t}]}}]\n",
     "targets[0].teams.detached[0].group: longer than 255 bytes"},
    {BASE "targets: [{" TARGET ", teams: {names: [{name: a, group: " LONG "}]}}]\n",
     "targets[0].teams.names[0].group: longer than 255 bytes"},
    {BASE "targets: [{" TARGET ", teams: {renames: [{from: a, to: " LONG "}]}}]\n",
     "targets[0].teams.renames[0].to: longer than 255 bytes"},
    {BASE "targets: [{name: rest.m, tenant: acme, kind: miro, base_url: 'https://x'}]\n",
     "targets[0].name: names that begin with \"rest.\""},
    {BASE "targets: [{" TARGET REST "}]\n", "targets[0].rest: kind miro alone"},
    {BASE "targets: [{" TARGET ", group_mode: user_group, teams: {owned: ['a*b']}}]\n",
     "targets[0].teams.owned[0]: a name"},
    {BASE "targets: [{" TARGET ", teams: {names: [{name: a, group: x}, {name: b, group: x}]}}]\n",
     "targets[0].teams.names[1].group: targets[0].teams.names[0] has the same"},
    {BASE "targets: [{" TARGET ", teams: {names: [{name: a, group: x}, {name: a, group: y}]}}]\n",
     "targets[0].teams.names[1]: \"a\" is already taken"},
    {BASE "targets: [{" TARGET ", group_mode: teams}]\n", "targets[0].group_mode"},
    {BASE "targets: [{" TARGET ", limits: [{class: a, count: 1}]}]\n",
     "targets[0].limits[0].window_ms: missing"},
    {BASE "targets: [{" TARGET
          ", limits: [{class: a, count: 1, window_ms: 1}, {class: a, count: 1, window_ms: 1}]}]\n",
     "targets[0].limits[1]: \"a\" is already taken"},
};

START_TEST(refuses_mistakes_and_says_where)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct config *cfg;
        struct error err = {0};
        ck_assert_msg(!load(bad[i].text, &cfg, &err), "row %zu: %s", i, bad[i].text);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_msg(strstr(err.message, bad[i].why), "row %zu: %s", i, err.message);
        ck_assert_ptr_nonnull(strstr(err.message, "c.yaml: "));
        ck_assert_ptr_null(strstr(err.message, "hunter2"));
    }
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_an_input_error)
{
    struct config *cfg;
    struct error err = {0};
    ck_assert(!config_load("/nonexistent/c.yaml", &cfg, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "/nonexistent/c.yaml"));
    ck_assert(!config_load("/tmp", &cfg, &err));
    ck_assert_msg(err.kind == ERROR_INPUT, "%s", err.message);
    config_free(NULL);
}
END_TEST

START_TEST(plain_http_goes_to_this_host_only)
{
    static const char *const urls[] = {"http://localhost", "http://127.0.0.1:8080/v2", "http://[::1]:1",
                                       "http://LOCALHOST/scim"};
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        struct config *cfg;
        struct error err = {0};
        char *text =
            xasprintf(BASE "targets: [{name: m, tenant: acme, kind: scim, base_url: '%s'}]\n", urls[i]);
        ck_assert_msg(load(text, &cfg, &err), "%s", err.message);
        config_free(cfg);
        free(text);
    }
}
END_TEST

START_TEST(sources_may_share_a_directory)
{
    struct config *cfg;
    struct error err = {0};
    static const char text[] = KAFKA TENANTS "sources: [{name: a, kind: k, tenant: acme, directory: d}, "
                                             "{name: b, kind: k, tenant: acme, directory: d}, "
                                             "{name: c, kind: k, tenant: umbrella}]\n"
                                             "targets: [{" TARGET "}]\n";
    ck_assert_msg(load(text, &cfg, &err), "%s", err.message);
    ck_assert_str_eq(cfg->targets.v[0].directory, "d");
    config_free(cfg);
}
END_TEST

START_TEST(help_documents_every_section)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    config_help(out);
    fclose(out);
    static const char *const expected[] = {"log.level\n",
                                           "kafka.properties[].value\n",
                                           "ingest.limits.connections_per_address\n",
                                           "sources[].secrets[]\n",
                                           "worker.drain_ms\n",
                                           "tenants[].protected[]\n",
                                           "targets[].limits[].window_ms\n",
                                           "; 1 to 10000; default 12",
                                           "; logfmt or json; default logfmt",
                                           "; required"};
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        ck_assert_msg(strstr(text, expected[i]), "%s", expected[i]);
    free(text);
}
END_TEST

START_TEST(reads_addresses)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } rows[] = {{"h:1", "h", 1},       {"127.0.0.1:65535", "127.0.0.1", 65535},
                {"[::1]:0", "::1", 0}, {"h", NULL, 0},
                {":1", NULL, 0},       {"h:", NULL, 0},
                {"h:x", NULL, 0},      {"h:-1", NULL, 0},
                {"[]:1", NULL, 0}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *host = NULL;
        uint16_t port = 0;
        ck_assert_msg(config_address_parse(rows[i].text, &host, &port, NULL) == (rows[i].host != NULL), "%s",
                      rows[i].text);
        if (!rows[i].host)
            continue;
        ck_assert_str_eq(host, rows[i].host);
        ck_assert_uint_eq(port, rows[i].port);
        free(host);
    }
}
END_TEST

RUN_TESTS("config", plain_http_goes_to_this_host_only, gives_every_key_its_default, reads_every_key,
          refuses_mistakes_and_says_where, a_file_that_cannot_be_opened_is_an_input_error,
          sources_may_share_a_directory, help_documents_every_section, reads_addresses)
