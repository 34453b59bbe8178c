/* The table of all keys and what is made of it without reading anything. */
#include "config_key.h"

#include <stdarg.h>
#include <string.h>

#include "log.h"
#include "mem.h"

#define YEAR_MS INT64_C(31536000000)

#define TEXT(s, m, def, fl, mean)                                                                            \
    {                                                                                                        \
        .name = #m, .type = CONFIG_TEXT, .offset = offsetof(struct s, m), .flags = (fl), .text = (def),      \
        .meaning = (mean)                                                                                    \
    }
#define NUMBER(s, m, def, lo, hi, mean)                                                                      \
    {                                                                                                        \
        .name = #m, .type = CONFIG_NUMBER, .offset = offsetof(struct s, m), .number = (def), .min = (lo),    \
        .max = (hi), .meaning = (mean)                                                                       \
    }
#define REQUIRED_NUMBER(s, m, lo, hi, mean)                                                                  \
    {                                                                                                        \
        .name = #m, .type = CONFIG_NUMBER, .offset = offsetof(struct s, m), .flags = CONFIG_REQUIRED,        \
        .min = (lo), .max = (hi), .meaning = (mean)                                                          \
    }
#define CHOICE(s, m, def, list, mean)                                                                        \
    {                                                                                                        \
        .name = #m, .type = CONFIG_CHOICE, .offset = offsetof(struct s, m), .number = (def),                 \
        .choices = (list), .n_choices = ARRAY_SIZE(list), .meaning = (mean)                                  \
    }
#define REQUIRED_CHOICE(s, m, list, mean)                                                                    \
    {                                                                                                        \
        .name = #m, .type = CONFIG_CHOICE, .offset = offsetof(struct s, m), .flags = CONFIG_REQUIRED,        \
        .choices = (list), .n_choices = ARRAY_SIZE(list), .meaning = (mean)                                  \
    }
#define SECTION(s, m, table, mean)                                                                           \
    {                                                                                                        \
        .name = #m, .type = CONFIG_SECTION, .offset = offsetof(struct s, m), .keys = (table),                \
        .size = sizeof(((struct s *)0)->m), .meaning = (mean)                                                \
    }
#define LIST(s, m, table, mean)                                                                              \
    {                                                                                                        \
        .name = #m, .type = CONFIG_LIST, .offset = offsetof(struct s, m), .keys = (table),                   \
        .size = sizeof(*((struct s *)0)->m.v), .meaning = (mean)                                             \
    }
#define TEXTS(s, m, mean)                                                                                    \
    {                                                                                                        \
        .name = #m, .type = CONFIG_TEXTS, .offset = offsetof(struct s, m), .meaning = (mean)                 \
    }
#define END                                                                                                  \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

static const cyaml_strval_t formats[] = {{"logfmt", LOG_FORMAT_LOGFMT}, {"json", LOG_FORMAT_JSON}};
static const cyaml_strval_t levels[] = {{"debug", LOG_LEVEL_DEBUG},
                                        {"info", LOG_LEVEL_INFO},
                                        {"warn", LOG_LEVEL_WARN},
                                        {"error", LOG_LEVEL_ERROR}};
static const cyaml_strval_t switches[] = {{"on", 1}, {"off", 0}, {"true", 1}, {"false", 0}};
static const cyaml_strval_t said[] = {{"discover", CONFIG_AS_SAID},
                                      {"on", CONFIG_ON},
                                      {"off", CONFIG_OFF},
                                      {"true", CONFIG_ON},
                                      {"false", CONFIG_OFF}};
static const cyaml_strval_t client_auths[] = {{"basic", CONFIG_CLIENT_BASIC}, {"body", CONFIG_CLIENT_BODY}};
static const cyaml_strval_t modes[] = {{"converge", MODE_CONVERGE}, {"plan", MODE_PLAN}};
static const cyaml_strval_t keep_lasts[] = {
    {"auto", KEEP_LAST_AUTO}, {"on", KEEP_LAST_ON}, {"off", KEEP_LAST_OFF}};
static const cyaml_strval_t group_modes[] = {
    {"team", GROUPS_TEAM}, {"user_group", GROUPS_USER_GROUP}, {"none", GROUPS_NONE}};
static const cyaml_strval_t kinds[] = {{"miro", TARGET_MIRO}, {"scim", TARGET_SCIM}};

static const cyaml_strval_t unreadables[] = {{"deadletter", CONFIG_DEADLETTER}, {"refuse", CONFIG_REFUSE}};

static const struct config_key pair_keys[] = {
    TEXT(config_pair, name, NULL, CONFIG_REQUIRED, "name"),
    TEXT(config_pair, value, NULL, CONFIG_REQUIRED | CONFIG_MAY_BE_EMPTY, "value"),
    END,
};

static const struct config_key log_keys[] = {
    CHOICE(config_log, format, LOG_FORMAT_LOGFMT, formats, "how a line looks"),
    CHOICE(config_log, level, LOG_LEVEL_INFO, levels, "the least important messages that are written"),
    END,
};

static const struct config_key kafka_keys[] = {
    TEXT(config_kafka, brokers, NULL, CONFIG_REQUIRED, "bootstrap servers, host:port, separated by commas"),
    TEXT(config_kafka, topic_prefix, "rollcall", 0, "what the names of all topics begin with"),
    CHOICE(config_kafka, manage_topics, 1, switches,
           "create missing topics; off: an operator makes them. Their settings are verified either way"),
    NUMBER(config_kafka, partitions, 12, 1, 10000,
           "of events, persons, results and dead letters, when created"),
    NUMBER(config_kafka, replication_factor, 3, 1, 32, "of created topics"),
    LIST(config_kafka, properties, pair_keys,
         "passed to librdkafka (TLS, SASL); values may be secret references"),
    END,
};

static const struct config_key ingest_limit_keys[] = {
    NUMBER(config_ingest_limits, body_bytes, 1048576, 1024, 64 << 20, "longest body of a request"),
    NUMBER(config_ingest_limits, header_bytes, 16384, 1024, 1 << 20, "most bytes of headers of a request"),
    NUMBER(config_ingest_limits, connections, 4096, 1, 1000000, "open connections of the whole program"),
    NUMBER(config_ingest_limits, connections_per_address, 256, 1, 1000000,
           "open connections from one address; behind a trusted proxy: requests under way of one client"),
    NUMBER(config_ingest_limits, requests, 2048, 1, 1000000,
           "requests that wait for Kafka or the spool, of the whole program; more: 503"),
    NUMBER(config_ingest_limits, events_per_request, 20000, 1, 100000,
           "events that one request may make; more cannot be understood (see unreadable)"),
    END,
};

static const struct config_key spool_keys[] = {
    TEXT(config_spool, path, NULL, 0,
         "SQLite file, on a disk of this host; every ingest has its own (default: none, 503 while Kafka is "
         "away)"),
    NUMBER(config_spool, max_bytes, INT64_C(1) << 30, 1 << 20, INT64_C(1) << 40,
           "largest size of the file; full: 503"),
    END,
};

static const struct config_key tls_keys[] = {
    TEXT(config_tls, certificate, NULL, 0,
         "reference to a PEM file: certificate and chain (default: plain HTTP)"),
    TEXT(config_tls, key, NULL, 0, "reference to the PEM file of its private key"),
    TEXT(config_tls, client_ca, NULL, 0,
         "reference to a PEM file: who may certify clients (sources that want certificates; read at start "
         "only)"),
    END,
};

static const struct config_key archive_keys[] = {
    TEXTS(config_archive, keys,
          "references to keys, 64 hexadecimal digits each (default: no archive); the first one seals, all "
          "open"),
    NUMBER(config_archive, retention_days, 90, 1, 36500,
           "how long the topic keeps a body, when it is created"),
    END,
};

static const struct config_key ingest_keys[] = {
    TEXT(config_ingest, listen, "127.0.0.1:8080", 0,
         "where webhooks arrive, host:port (plain HTTP, unless tls says otherwise)"),
    TEXT(config_ingest, admin, "127.0.0.1:8081", 0, "where /healthz, /readyz and /metrics are served"),
    NUMBER(config_ingest, threads, 1, 1, 256, "threads that serve webhooks, each with its own producer"),
    TEXT(config_ingest, sources_dir, "sources", 0, "directory of the sources' Lua files"),
    TEXTS(config_ingest, trusted_proxies,
          "addresses and networks (10.0.0.0/8) whose X-Forwarded-For tells who the client is"),
    NUMBER(config_ingest, deadline_ms, 2500, 10, 60000,
           "a request that is not durable by then is answered 503"),
    SECTION(config_ingest, tls, tls_keys, "HTTPS without a proxy; the files are read anew at a reload"),
    SECTION(config_ingest, archive, archive_keys, "bodies as received, encrypted, in the topic raw"),
    SECTION(config_ingest, spool, spool_keys, "keeps events on disk while Kafka is away"),
    SECTION(config_ingest, limits, ingest_limit_keys, "what one request or client may take"),
    END,
};

static const struct config_key secret_keys[] = {
    TEXT(config_key_secret, name, NULL, CONFIG_REQUIRED, "what the source's file or the sender calls it"),
    TEXT(config_key_secret, secret, NULL, CONFIG_REQUIRED, "secret reference"),
    END,
};

static const struct config_key retry_keys[] = {
    NUMBER(config_retry, base_ms, 1000, 10, 3600000, "pause after the first failure; doubles with each one"),
    NUMBER(config_retry, cap_ms, 300000, 10, 86400000, "longest pause"),
    NUMBER(config_retry, deadline_ms, 86400000, 1000, YEAR_MS, "what kept failing for so long is rejected"),
    END,
};

static const struct config_key breaker_keys[] = {
    NUMBER(config_breaker, pause_ms, 1000, 10, 3600000,
           "before the first probe of a target in trouble; doubles with each one that fails"),
    NUMBER(config_breaker, pause_max_ms, 60000, 10, 86400000, "longest pause between probes"),
    END,
};

static const struct config_key source_api_keys[] = {
    TEXT(config_source_api, base_url, NULL, 0,
         "where its API begins, http(s) (default: as the source's file says)"),
    TEXT(config_source_api, token, NULL, 0,
         "secret reference; without it the source is never asked, and events count as they are"),
    NUMBER(config_source_api, requests, 0, 0, 1000000, "calls; 0: as the source's file says"),
    NUMBER(config_source_api, per_s, 60, 1, 86400, "within so many seconds, with requests"),
    NUMBER(config_source_api, timeout_ms, 10000, 100, 600000,
           "of one call, and between two answers where one is not enough (not known, back again)"),
    NUMBER(config_source_api, in_flight, 8, 1, 10000, "calls at once"),
    SECTION(config_source_api, retry, retry_keys, "what follows a temporary failure"),
    SECTION(config_source_api, breaker, breaker_keys,
            "what follows when the source refuses or fails everything"),
    END,
};

static const struct config_key source_keys[] = {
    TEXT(config_source, name, NULL, CONFIG_REQUIRED, "name in POST /hooks/<name>"),
    TEXT(config_source, kind, NULL, CONFIG_REQUIRED, "which file: <sources_dir>/<kind>.lua"),
    TEXT(config_source, tenant, NULL, CONFIG_REQUIRED, "whose people it speaks of"),
    TEXT(config_source, directory, NULL, 0, "name space of its person ids (default: its name)"),
    TEXTS(config_source, secrets, "secret references; several while one is being replaced"),
    LIST(config_source, keys, secret_keys,
         "secrets by name: for senders that say which one they used, and files that check several things"),
    LIST(config_source, options, pair_keys, "passed to the Lua file"),
    NUMBER(config_source, success_status, 0, 0, 299,
           "answer to an accepted request, from 200; 0: as the source's file says"),
    NUMBER(config_source, reject_status, 0, 0, 499,
           "answer to a request that fails verification, from 400, or from 200 to 299: accept and drop; 0: "
           "as the source's file says"),
    CHOICE(config_source, unreadable, CONFIG_DEADLETTER, unreadables,
           "a verified request, or an item of one, that cannot be understood: kept as a dead letter and "
           "answered with "
           "success (deadletter), or the request is refused (refuse)"),
    TEXT(config_source, capture_file, NULL, 0,
         "where a token is written that the sender hands over at set-up; must not exist"),
    NUMBER(config_source, tolerance_s, 0, 0, 86400,
           "how far a signed time may be off; 0: as the source's file says"),
    NUMBER(config_source, rate_per_s, 0, 0, 1000000, "verified requests a second; more: 503; 0: any number"),
    NUMBER(config_source, burst, 0, 0, 1000000,
           "so many at once before the rate counts; 0: two seconds' worth"),
    SECTION(config_source, api, source_api_keys,
            "how the worker asks it: for persons of whom a webhook says only that they changed, and for "
            "everybody"),
    END,
};

static const struct config_key dry_run_keys[] = {
    TEXT(config_dry_run, live_prefix, "rollcall", 0,
         "topic_prefix of those who write: their events are read, their records are copied once"),
    TEXT(config_dry_run, live_group, "rollcall-worker", 0,
         "their group: where its offsets stand the dry run begins"),
    NUMBER(config_dry_run, limit_percent, 10, 1, 100, "of each target's limits that look-ups may use"),
    END,
};

static const struct config_key worker_keys[] = {
    CHOICE(config_worker, mode, MODE_CONVERGE, modes,
           "plan: a dry run, which calls nothing that writes and publishes plans; with a group and a "
           "topic_prefix of its own"),
    SECTION(config_worker, dry_run, dry_run_keys, "of mode: plan"),
    TEXT(config_worker, group, "rollcall-worker", 0, "consumer group of all workers"),
    TEXT(config_worker, slot, NULL, 0,
         "identity of this worker, stable over restarts (default: --slot or host name)"),
    TEXT(config_worker, admin, "127.0.0.1:8082", 0, "where /healthz, /readyz and /metrics are served"),
    TEXT(config_worker, policy, "policy.lua", 0,
         "file that decides about each person's accounts: policy.lua or policy.yaml"),
    NUMBER(config_worker, session_timeout_ms, 10000, 1000, 30000,
           "a silent worker loses its partitions after this"),
    NUMBER(config_worker, heartbeat_ms, 3000, 100, 100000,
           "between heartbeats; at most a third of the session timeout"),
    NUMBER(config_worker, transaction_timeout_ms, 10000, 1000, 300000,
           "an open transaction is aborted after this"),
    NUMBER(config_worker, drain_ms, 10000, 0, 600000,
           "how long calls in flight may take at shutdown or revocation"),
    NUMBER(config_worker, stuck_ms, 60000, 10000, 3600000,
           "a worker without progress ends itself after this, one with a hung thread after half of it"),
    END,
};

static const struct config_key tenant_keys[] = {
    TEXT(config_tenant, name, NULL, CONFIG_REQUIRED, "name"),
    NUMBER(config_tenant, spread, 1, 1, 16,
           "number of buckets, hence of workers that can serve it at once, fixed once there are records"),
    TEXT(config_tenant, policy, NULL, 0,
         "file that decides about this tenant's persons; without it worker.policy"),
    TEXTS(config_tenant, protected, "accounts (by the targets' match attribute) that are never touched"),
    END,
};

static const struct config_key limit_keys[] = {
    TEXT(config_limit, class, NULL, CONFIG_REQUIRED, "endpoint class of the profile"),
    REQUIRED_NUMBER(config_limit, count, 1, 1000000, "calls"),
    REQUIRED_NUMBER(config_limit, window_ms, 1, 86400000, "in a window of this length"),
    END,
};

/* Defaults differ, what they mean does not. */
#define GUARD_LIMIT_KEYS(name, count_default, percent_default, floor_default)                                \
    static const struct config_key name[] = {                                                                \
        NUMBER(config_guard_limit, count, count_default, 0, 1000000,                                         \
               "more than these within the window are held; 0: any number"),                                 \
        NUMBER(config_guard_limit, percent, percent_default, 0, 100,                                         \
               "so are more than this share of the active accounts; 0: any share"),                          \
        NUMBER(config_guard_limit, floor, floor_default, 0, 1000000, "so many are never held"),              \
        END,                                                                                                 \
    }

GUARD_LIMIT_KEYS(guard_deactivation_keys, 500, 20, 20);
GUARD_LIMIT_KEYS(guard_deletion_keys, 100, 5, 10);
GUARD_LIMIT_KEYS(guard_creation_keys, 5000, 0, 0);
GUARD_LIMIT_KEYS(guard_upgrade_keys, 100, 0, 0);
GUARD_LIMIT_KEYS(guard_removal_keys, 500, 20, 20);

static const struct config_key guard_keys[] = {
    NUMBER(config_guard, window_ms, 86400000, 60000, 604800000,
           "what was done within this time counts together"),
    SECTION(config_guard, deactivations, guard_deactivation_keys, "accounts that are deactivated"),
    SECTION(config_guard, deletions, guard_deletion_keys, "accounts that are deleted"),
    SECTION(config_guard, creations, guard_creation_keys, "accounts that are made"),
    SECTION(config_guard, upgrades, guard_upgrade_keys, "licences that are raised (userType)"),
    SECTION(config_guard, removals, guard_removal_keys, "memberships of teams that are ended"),
    END,
};

static const struct config_key team_name_keys[] = {
    TEXT(config_team_name, name, NULL, CONFIG_REQUIRED, "as the policy says it"),
    TEXT(config_team_name, group, NULL, CONFIG_REQUIRED,
         "as the target's SCIM says it, at Miro the security group's name"),
    END,
};

static const struct config_key group_rename_keys[] = {
    TEXT(config_group_rename, from, NULL, CONFIG_REQUIRED, "its name at the target"),
    TEXT(config_group_rename, to, NULL, CONFIG_REQUIRED, "the name that it gets, unless a group has that"),
    END,
};

static const struct config_key attachment_keys[] = {
    TEXT(config_attachment, group, NULL, CONFIG_REQUIRED,
         "the user group's name, at most 255 bytes as all names of groups and teams here"),
    TEXT(config_attachment, team, NULL, CONFIG_REQUIRED, "the team's name, as Miro's pages show it"),
    END,
};

static const struct config_key rest_keys[] = {
    TEXT(config_rest, url, "https://api.miro.com", 0, "where it begins, http(s)"),
    TEXT(config_rest, org, NULL, 0, "the organisation's id; with token"),
    TEXT(config_rest, token, NULL, 0,
         "secret reference of an access token with organizations:groups:read, organizations:teams:read and "
         "organizations:teams:write (default: the API is not used)"),
    NUMBER(config_rest, requests, 2000, 1, 1000000, "calls in per_ms: Miro's limit for calls of level 1"),
    NUMBER(config_rest, per_ms, 60000, 1000, 3600000, "the window"),
    END,
};

static const struct config_key teams_keys[] = {
    NUMBER(config_teams, relist_ms, 3600000, 0, 604800000,
           "the target's teams are listed again so often, once a policy has named one; 0: only when one is "
           "missing"),
    NUMBER(config_teams, missing_ms, 60000, 1000, 86400000,
           "a listing younger than this is believed about a team that it has not"),
    CHOICE(config_teams, keep_last, KEEP_LAST_AUTO, keep_lasts,
           "nobody is taken out of the last team, since the target may remove who is in none and never "
           "registered "
           "(Miro); auto: on for Miro's teams, off for its user groups, of which nothing is known"),
    LIST(config_teams, names, team_name_keys,
         "teams that have another name at the target than in the policy"),
    LIST(config_teams, renames, group_rename_keys,
         "groups that are renamed at the target, at Miro the security group and not the team"),
    TEXTS(config_teams, owned,
          "with group_mode user_group: groups, by their names at the target or how these begin and *, that "
          "are made "
          "when the policy puts somebody in and they are not there"),
    TEXTS(config_teams, retired,
          "with group_mode user_group: groups, by their names at the target, that are deleted once nobody is "
          "in "
          "them, if they were made by us"),
    LIST(
        config_teams, attached, attachment_keys,
        "with kind miro and rest: user groups that are attached to teams, so that their people are in these"),
    LIST(config_teams, detached, attachment_keys,
         "likewise: those that are detached again, if we attached them; leaving one out of attached alone "
         "changes "
         "nothing"),
    END,
};

static const struct config_key capabilities_keys[] = {
    CHOICE(
        config_capabilities, discover, 1, switches,
        "ask the service (/ServiceProviderConfig, /ResourceTypes, /Schemas), daily, before it is called for "
        "anybody; kind scim only. What is said below counts more; what nobody says is taken to be patch, "
        "filter and groups on, the rest off"),
    CHOICE(config_capabilities, patch, CONFIG_AS_SAID, said,
           "resources are changed by PATCH; off: read, changed and put back whole"),
    CHOICE(config_capabilities, filter, CONFIG_AS_SAID, said,
           "accounts are found by filter; off: by listing everybody"),
    CHOICE(config_capabilities, etag, CONFIG_AS_SAID, said, "versions of resources are told apart"),
    CHOICE(config_capabilities, cursor, CONFIG_AS_SAID, said,
           "pages go by cursor (RFC 9865); off: by startIndex"),
    CHOICE(config_capabilities, groups, CONFIG_AS_SAID, said, "there are groups; off: none is asked for"),
    CHOICE(config_capabilities, members, CONFIG_AS_SAID, said,
           "a group that shows no members has none; off: it may hide them"),
    CHOICE(config_capabilities, bare_paths, CONFIG_AS_SAID, said,
           "PATCH replaces without path, the attributes stand in the value; off: one path for each"),
    END,
};

static const struct config_key oauth_keys[] = {
    TEXT(config_oauth, token_url, NULL, 0,
         "where a token is had for client credentials, https (default: tokens are not had this way)"),
    TEXT(config_oauth, client_id, NULL, 0, "who we are there"),
    TEXT(config_oauth, client_secret, NULL, 0, "secret reference"),
    TEXT(config_oauth, scope, NULL, 0, "what is asked for (default: nothing in particular)"),
    CHOICE(config_oauth, client_auth, CONFIG_CLIENT_BASIC, client_auths,
           "how we say who we are: HTTP Basic, or client_id and client_secret in the body"),
    END,
};

static const struct config_key auth_keys[] = {
    TEXT(config_auth, user, NULL, 0, "HTTP Basic, with password"),
    TEXT(config_auth, password, NULL, 0, "secret reference"),
    SECTION(config_auth, oauth, oauth_keys, "OAuth 2.0 client credentials"),
    END,
};

static const struct config_key target_tls_keys[] = {
    TEXT(config_target_tls, certificate, NULL, 0,
         "reference to the PEM file of our certificate and chain, for services that want one"),
    TEXT(config_target_tls, key, NULL, 0, "reference to the PEM file of its private key"),
    TEXT(config_target_tls, ca, NULL, 0,
         "reference to a PEM file: who alone may certify the service and the token endpoint (default: the "
         "system's)"),
    END,
};

static const struct config_key target_keys[] = {
    TEXT(config_target, name, NULL, CONFIG_REQUIRED, "name"),
    TEXT(config_target, tenant, NULL, CONFIG_REQUIRED, "whose accounts it holds"),
    REQUIRED_CHOICE(config_target, kind, kinds, "profile of the service"),
    TEXT(config_target, base_url, NULL, CONFIG_REQUIRED, "where its SCIM endpoints begin, http(s)"),
    TEXT(config_target, token, NULL, 0, "secret reference of the bearer token (default: none is sent)"),
    SECTION(config_target, auth, auth_keys, "instead of token: other ways to say who we are"),
    SECTION(config_target, tls, target_tls_keys, "certificates, where the system's do not do"),
    TEXT(config_target, directory, NULL, 0, "whose persons it takes (default: the tenant's only directory)"),
    TEXT(
        config_target, match, "userName", 0,
        "attribute by which an existing account is found; several, separated by commas: the first that finds "
        "one counts"),
    SECTION(config_target, capabilities, capabilities_keys,
            "what the service can do, where it does not say so"),
    NUMBER(config_target, timeout_ms, 10000, 100, 600000, "of one call"),
    NUMBER(config_target, call_life_ms, 30000, 100, 3600000,
           "how long a call of unknown outcome may still land, and how old what was read of an account may "
           "be when it is deleted or moved between teams"),
    NUMBER(config_target, arrival_ms, 2000, 0, 600000,
           "how long a call of a worker that died may be on its way: whoever takes over waits for so long"),
    NUMBER(config_target, in_flight, 64, 1, 10000, "calls at once"),
    SECTION(config_target, retry, retry_keys, "what follows a temporary failure"),
    SECTION(config_target, breaker, breaker_keys, "what follows when the target refuses or fails everything"),
    SECTION(config_target, guard, guard_keys, "unusual numbers are held until a person approves"),
    CHOICE(
        config_target, group_mode, GROUPS_TEAM, group_modes,
        "team: people join and leave teams (SCIM groups) that others make; user_group: those of teams.owned "
        "are "
        "made, those of teams.retired deleted; none: no team is touched or listed, whatever the policy says"),
    SECTION(config_target, teams, teams_keys, "teams are found by name"),
    SECTION(config_target, rest, rest_keys,
            "kind miro: Miro's REST API, for teams.attached and teams.detached"),
    LIST(config_target, limits, limit_keys, "replace the profile's limits, class by class"),
    END,
};

const struct config_key config_keys[] = {
    SECTION(config, log, log_keys, "log lines on standard error"),
    SECTION(config, kafka, kafka_keys, "the broker"),
    SECTION(config, ingest, ingest_keys, "rollcall-ingest"),
    LIST(config, sources, source_keys, "who sends webhooks"),
    SECTION(config, worker, worker_keys, "rollcall-worker"),
    LIST(config, tenants, tenant_keys, "companies"),
    LIST(config, targets, target_keys, "services whose accounts are kept"),
    END,
};

void config_path(char path[CONFIG_PATH_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(path, CONFIG_PATH_SIZE, format, args);
    va_end(args);
}

static void print_choices(const struct config_key *key, FILE *out)
{
    for (uint32_t i = 0; i < key->n_choices; i++)
        fprintf(out, "%s%s", i > 0 ? " or " : "; ", key->choices[i].str);
}

static const char *choice_name(const struct config_key *key)
{
    for (uint32_t i = 0; i < key->n_choices; i++)
        if (key->choices[i].val == key->number)
            return key->choices[i].str;
    return "";
}

static void print_value(const struct config_key *key, FILE *out)
{
    bool required = key->flags & CONFIG_REQUIRED;
    if (key->type == CONFIG_NUMBER)
        fprintf(out, "; %jd to %jd", (intmax_t)key->min, (intmax_t)key->max);
    else if (key->type == CONFIG_CHOICE)
        print_choices(key, out);
    if (required)
        fputs("; required", out);
    else if (key->type == CONFIG_NUMBER)
        fprintf(out, "; default %jd", (intmax_t)key->number);
    else if (key->type == CONFIG_CHOICE)
        fprintf(out, "; default %s", choice_name(key));
    else if (key->type == CONFIG_TEXT && key->text)
        fprintf(out, "; default %s", key->text);
}

static void print_keys(const struct config_key *keys, const char *prefix, FILE *out)
{
    static const char *const brackets[] = {[CONFIG_LIST] = "[]", [CONFIG_TEXTS] = "[]"};
    for (const struct config_key *key = keys; key->name; key++) {
        char path[CONFIG_PATH_SIZE];
        const char *bracket =
            key->type < ARRAY_SIZE(brackets) && brackets[key->type] ? brackets[key->type] : "";
        config_path(path, "%s%s%s%s", prefix, prefix[0] ? "." : "", key->name, bracket);
        fprintf(out, "%s\n    %s", path, key->meaning);
        print_value(key, out);
        fputc('\n', out);
        if (key->keys)
            print_keys(key->keys, path, out);
    }
}

void config_help(FILE *out)
{
    print_keys(config_keys, "", out);
}
