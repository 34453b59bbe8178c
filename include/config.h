/* config.h - the one YAML file that both programs read.
 *
 * Unknown keys, wrong types and numbers out of range are errors that name the key's path (targets[2].token)
 * or the line. Every key, its default and its meaning stand in one table in config_keys.c: it drives reading,
 * checking and config_help. Relative paths (sources_dir, policy, file: references) are relative to the config
 * file's directory and made absolute here. All numbers are int64_t, all choices their enum in an int64_t, all
 * strings owned by the config. Thread rule: immutable after config_load. To add a key: a member here, a row
 * in the table, docs follow. */
#ifndef ROLLCALL_CONFIG_H
#define ROLLCALL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "error.h"

enum { CONFIG_FILE_MAX = 4 * 1024 * 1024 };

enum config_target_kind { TARGET_MIRO, TARGET_SCIM };

struct config_pair {
    char *name;
    char *value;
};

struct config_pairs {
    struct config_pair *v;
    size_t n;
};

struct config_strings {
    char **v;
    size_t n;
};

struct config_log {
    int64_t format; /* enum log_format */
    int64_t level;  /* enum log_level */
};

struct config_kafka {
    char *brokers;
    char *topic_prefix;
    int64_t manage_topics; /* 0 or 1 */
    int64_t partitions;
    int64_t replication_factor;
    struct config_pairs properties; /* for librdkafka; a value may be a secret reference */
};

struct config_ingest_limits {
    int64_t body_bytes;
    int64_t header_bytes;
    int64_t connections; /* of the whole program */
    int64_t connections_per_address;
    int64_t requests; /* that wait for Kafka or the spool; of the whole program */
    int64_t events_per_request;
};

struct config_spool {
    char *path; /* NULL: none */
    int64_t max_bytes;
};

struct config_tls {
    char *certificate; /* secret references to PEM; both or none (NULL) */
    char *key;
    char *client_ca; /* NULL: clients are not asked for certificates */
};

struct config_archive {
    struct config_strings keys; /* references; none: no archive */
    int64_t retention_days;
};

struct config_ingest {
    char *listen; /* "host:port", as for admin; port 0: any */
    char *admin;
    int64_t threads;
    char *sources_dir;
    struct config_strings trusted_proxies; /* addresses and networks */
    int64_t deadline_ms;
    struct config_tls tls;
    struct config_archive archive;
    struct config_spool spool;
    struct config_ingest_limits limits;
};

enum config_unreadable { CONFIG_DEADLETTER, CONFIG_REFUSE };

struct config_key_secret {
    char *name;
    char *secret; /* a reference */
};

struct config_key_secrets {
    struct config_key_secret *v;
    size_t n;
};

struct config_retry {
    int64_t base_ms;
    int64_t cap_ms;
    int64_t deadline_ms;
};

struct config_breaker {
    int64_t pause_ms;
    int64_t pause_max_ms;
};

/* A source that is asked is, to the worker, one more service with a budget, a breaker and a pause: by this and its name. */
#define CONFIG_SOURCE_PREFIX "source."
#define CONFIG_REST_PREFIX   "rest."

/* What the worker needs to ask a source about its people; the source's file says the rest. */
struct config_source_api {
    char *base_url;   /* NULL: as the file says */
    char *token;      /* reference; NULL: the source is not asked */
    int64_t requests; /* 0: as the file says; else in per_s seconds */
    int64_t per_s;
    int64_t timeout_ms;
    int64_t in_flight;
    struct config_retry retry;
    struct config_breaker breaker;
};

struct config_source {
    char *name;
    char *kind; /* the file <sources_dir>/<kind>.lua */
    char *tenant;
    char *directory;               /* never NULL: the source's name unless given */
    struct config_strings secrets; /* references */
    struct config_key_secrets keys;
    struct config_pairs options;
    int64_t success_status; /* 0: as the source's file says; reject_status too */
    int64_t reject_status;
    int64_t unreadable; /* enum config_unreadable */
    char *capture_file; /* NULL: none */
    int64_t tolerance_s;
    int64_t rate_per_s; /* 0: no limit */
    int64_t burst;      /* 0: two seconds' worth */
    struct config_source_api api;
};

enum config_mode { MODE_CONVERGE, MODE_PLAN };

struct config_dry_run { /* of mode plan: who does the real thing */
    char *live_prefix;
    char *live_group;
    int64_t limit_percent;
};

struct config_worker {
    int64_t mode; /* enum config_mode */
    struct config_dry_run dry_run;
    char *group;
    char *slot; /* NULL: the program takes --slot or the host name */
    char *admin;
    char *policy;
    int64_t session_timeout_ms;
    int64_t heartbeat_ms;
    int64_t transaction_timeout_ms;
    int64_t drain_ms;
    int64_t stuck_ms; /* without progress for so long, the process ends */
};

struct config_tenant {
    char *name;
    int64_t spread;
    char *policy;                    /* NULL: worker.policy */
    struct config_strings protected; /* account names (match values) out of reach of policy */
};

struct config_limit {
    char *class;
    int64_t count;
    int64_t window_ms;
};

struct config_limits {
    struct config_limit *v;
    size_t n;
};

struct config_guard_limit {
    int64_t count;
    int64_t percent;
    int64_t floor;
};

struct config_guard {
    int64_t window_ms;
    struct config_guard_limit deactivations;
    struct config_guard_limit deletions;
    struct config_guard_limit creations;
    struct config_guard_limit upgrades;
    struct config_guard_limit removals;
};

struct config_team_name {
    char *name;  /* as the policy says it */
    char *group; /* as the target does */
};

enum { CONFIG_TEAM_NAME_MAX = 255 }; /* bytes of a group's or team's name at a target */

struct config_team_names {
    struct config_team_name *v;
    size_t n;
};

struct config_group_rename { /* names at the target */
    char *from, *to;
};

struct config_group_renames {
    struct config_group_rename *v;
    size_t n;
};

struct config_attachment { /* names, as Miro's pages show them */
    char *group, *team;
};

struct config_attachments {
    struct config_attachment *v;
    size_t n;
};

struct config_teams {
    int64_t relist_ms;
    int64_t missing_ms;
    int64_t keep_last; /* enum config_keep_last */
    struct config_team_names names;
    struct config_group_renames renames;
    struct config_strings owned;   /* names of groups, or how they begin and "*" */
    struct config_strings retired; /* names of groups */
    struct config_attachments attached, detached;
};

struct config_rest { /* Miro's REST API; without a token it is not used */
    char *url;
    char *org;
    char *token; /* reference */
    int64_t requests, per_ms;
};

enum config_keep_last { KEEP_LAST_AUTO, KEEP_LAST_ON, KEEP_LAST_OFF };

enum config_group_mode { GROUPS_TEAM, GROUPS_USER_GROUP, GROUPS_NONE };

/* What a service says of itself, or it does not; each an enum config_said. */
enum config_said { CONFIG_AS_SAID, CONFIG_ON, CONFIG_OFF };

struct config_capabilities {
    int64_t discover; /* 0 or 1: whether it is asked */
    int64_t patch;
    int64_t filter;
    int64_t etag;
    int64_t cursor;
    int64_t groups;
    int64_t members;
    int64_t bare_paths;
};

enum config_client_auth { CONFIG_CLIENT_BASIC, CONFIG_CLIENT_BODY };

struct config_oauth { /* client credentials, RFC 6749 4.4; no token_url: not this way */
    char *token_url;
    char *client_id;
    char *client_secret; /* reference */
    char *scope;         /* NULL: none is named */
    int64_t client_auth; /* enum config_client_auth */
};

struct config_auth { /* other than by `token` */
    char *user;      /* HTTP Basic; NULL: not this way */
    char *password;  /* reference */
    struct config_oauth oauth;
};

struct config_target_tls { /* references to PEM; NULL: none */
    char *certificate;
    char *key;
    char *ca;
};

struct config_target {
    char *name;
    char *tenant;
    int64_t kind;   /* enum config_target_kind */
    char *base_url; /* http(s), without a trailing slash */
    char *token;    /* reference; NULL: no authorization header */
    struct config_auth auth;
    struct config_target_tls tls;
    char *directory; /* never NULL: the tenant's only directory unless given */
    char *match;     /* attributes in order of precedence, separated by commas */
    struct config_capabilities capabilities;
    int64_t timeout_ms;
    int64_t call_life_ms;
    int64_t arrival_ms;
    int64_t in_flight;
    struct config_retry retry;
    struct config_breaker breaker;
    struct config_guard guard;
    int64_t group_mode; /* enum config_group_mode */
    struct config_teams teams;
    struct config_rest rest;
    struct config_limits limits; /* override the profile's table, class by class */
};

struct config_sources {
    struct config_source *v;
    size_t n;
};

struct config_tenants {
    struct config_tenant *v;
    size_t n;
};

struct config_targets {
    struct config_target *v;
    size_t n;
};

struct config {
    char *path; /* of the file */
    struct config_log log;
    struct config_kafka kafka;
    struct config_ingest ingest;
    struct config_worker worker;
    struct config_sources sources;
    struct config_tenants tenants;
    struct config_targets targets;
};

/* Reads and checks the file; free with config_free. Fails with ERROR_INPUT (the programs exit with EX_CONFIG,
 * 78), also when the file is not there or may not be read; ERROR_SYSTEM when reading it fails. Secrets are only checked for form. */
bool config_load(const char *path, struct config **ret, struct error *err)
    __attribute__((warn_unused_result));
void config_free(struct config *cfg);

/* The documentation of every key: path, default, meaning. */
void config_help(FILE *out);

/* How long after a group-validated commit a worker may start calls: session timeout − heartbeat. */
int64_t config_lease_ms(const struct config *cfg);

/* The attributes of targets[].match, at most CONFIG_MATCHES_MAX: in the order given. The caller frees each and none else. */
enum { CONFIG_MATCHES_MAX = 4 };
size_t config_matches(const struct config_target *target, char *ret[CONFIG_MATCHES_MAX]);

/* By name; NULL when there is none. Borrowed. */
const struct config_tenant *config_tenant(const struct config *cfg, const char *name);
const struct config_source *config_source(const struct config *cfg, const char *name);
const char *config_pair_get(const struct config_pairs *pairs, const char *name); /* NULL when absent */

/* "host:port" or "[v6]:port" → host (freed by the caller) and port. Fails with ERROR_INPUT. */
bool config_address_parse(const char *address, char **ret_host, uint16_t *ret_port, struct error *err)
    __attribute__((warn_unused_result));

#endif
