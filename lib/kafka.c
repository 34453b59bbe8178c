#include "kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <librdkafka/rdkafka.h>

#include "log.h"
#include "mem.h"
#include "secret.h"

enum {
    R_ADMIN = 1 << KAFKA_ROLE_ADMIN,
    R_PUBLISHER = 1 << KAFKA_ROLE_PUBLISHER,
    R_LEDGER = 1 << KAFKA_ROLE_LEDGER,
    R_EVENTS = 1 << KAFKA_ROLE_EVENTS,
    R_RESTORE = 1 << KAFKA_ROLE_RESTORE,
    R_WATERMARK = 1 << KAFKA_ROLE_WATERMARK,
    R_PRODUCERS = R_PUBLISHER | R_LEDGER,
    R_READERS = R_RESTORE | R_WATERMARK,
    R_CONSUMERS = R_EVENTS | R_READERS,
    R_ALL = R_ADMIN | R_PRODUCERS | R_CONSUMERS
};

static const char *const role_names[] = {"admin", "publisher", "ledger", "events", "restore", "watermark"};

enum value { /* where a setting's value comes from */
             LITERAL,
             BROKERS,
             CLIENT_ID,
             GROUP,
             READER_GROUP,
             SLOT,
             TRANSACTIONAL_ID,
             TRANSACTION_TIMEOUT,
             SESSION_TIMEOUT,
             HEARTBEAT,
};

struct setting {
    const char *name;
    unsigned roles;
    enum value value;
    const char *literal;
    bool overridable; /* kafka.properties may say otherwise */
};

/* What correctness rests on, and a few defaults that we prefer to librdkafka's. A reader (restore, watermark)
 * needs a group id to be allowed to assign; it never joins or commits. An offset that is gone is an error,
 * not a jump. */
static const struct setting settings[] = {
    {"client.id", R_ALL, CLIENT_ID, NULL, true},
    {"max.poll.interval.ms", R_EVENTS, LITERAL, "30000",
     true}, /* a loop that hangs gives its partitions up */
    {"linger.ms", R_LEDGER, LITERAL, "0", true},
    {"queue.buffering.max.kbytes", R_PUBLISHER, LITERAL, "65536", true}, /* 1 GiB by default */
    {"compression.type", R_PRODUCERS, LITERAL, "lz4", true},
    {"fetch.error.backoff.ms", R_CONSUMERS, LITERAL, "100", true},
    {"fetch.wait.max.ms", R_CONSUMERS, LITERAL, "50",
     true}, /* librdkafka's mock does not answer before, come what may */
    /* Of all partitions together. At 64 MiB, the default, librdkafka takes breaks of a second. */
    {"queued.max.messages.kbytes", R_RESTORE, LITERAL, "262144", true},
    {"queued.min.messages", R_RESTORE, LITERAL, "1000000", true},
    {"fetch.max.bytes", R_RESTORE, LITERAL, "4194304",
     true}, /* answers whose memory jemalloc keeps (8 MiB) */
    {"socket.keepalive.enable", R_ALL, LITERAL, "true", true},
    {"reconnect.backoff.max.ms", R_ALL, LITERAL, "2000", true},
    {"bootstrap.servers", R_ALL, BROKERS, NULL, false},
    {"enable.idempotence", R_PRODUCERS, LITERAL, "true", false},
    {"acks", R_PRODUCERS, LITERAL, "all", false},
    /* With more, a request that a new leader refuses is called delivered as soon as the next one is (README 11). */
    {"max.in.flight.requests.per.connection", R_PRODUCERS, LITERAL, "1", false},
    {"delivery.report.only.error", R_PRODUCERS, LITERAL, "false", false}, /* we live by the good ones */
    {"partitioner", R_PRODUCERS, LITERAL, "murmur2_random", false},
    {"transactional.id", R_LEDGER, TRANSACTIONAL_ID, NULL, false},
    {"transaction.timeout.ms", R_LEDGER, TRANSACTION_TIMEOUT, NULL, false},
    {"group.id", R_EVENTS, GROUP, NULL, false},
    {"group.id", R_READERS, READER_GROUP, NULL, false},
    {"group.instance.id", R_EVENTS, SLOT, NULL, false},
    {"session.timeout.ms", R_CONSUMERS, SESSION_TIMEOUT, NULL, false}, /* at most max.poll.interval.ms */
    {"heartbeat.interval.ms", R_EVENTS, HEARTBEAT, NULL, false},
    {"partition.assignment.strategy", R_EVENTS, LITERAL, "range", false},
    {"isolation.level", R_EVENTS | R_RESTORE, LITERAL, "read_committed", false},
    {"isolation.level", R_WATERMARK, LITERAL, "read_uncommitted", false},
    {"enable.auto.commit", R_CONSUMERS, LITERAL, "false", false},
    {"enable.auto.offset.store", R_CONSUMERS, LITERAL, "false", false},
    {"enable.partition.eof", R_READERS, LITERAL, "true", false},
    {"auto.offset.reset", R_CONSUMERS, LITERAL, "error", false},
};

/* Other names by which librdkafka would take a fixed setting. */
static const char *const fixed_aliases[] = {
    "metadata.broker.list", "request.required.acks",    "auto.commit.enable",
    "group.protocol",       "message.send.max.retries", "retries",
    "max.in.flight"};

void kafka_topic_name(const struct config *cfg, enum kafka_topic topic, char out[KAFKA_TOPIC_NAME_SIZE])
{
    static const char *const suffixes[KAFKA_TOPICS] = {"events",  "persons", "results", "deadletters",
                                                       "control", "targets", "plans",   "raw"};
    snprintf(out, KAFKA_TOPIC_NAME_SIZE, "%s.%s", cfg->kafka.topic_prefix, suffixes[topic]);
}

void kafka_events_read_name(const struct config *cfg, char out[KAFKA_TOPIC_NAME_SIZE])
{
    if (cfg->worker.mode == MODE_PLAN)
        snprintf(out, KAFKA_TOPIC_NAME_SIZE, "%s.events", cfg->worker.dry_run.live_prefix);
    else
        kafka_topic_name(cfg, KAFKA_EVENTS, out);
}

static char *value_of(const struct setting *s, const struct config *cfg, enum kafka_role role,
                      const char *slot)
{
    switch (s->value) {
    case BROKERS:
        return xstrdup(cfg->kafka.brokers);
    case CLIENT_ID: /* equal ones confuse librdkafka 2.0.2's cooperative assignor and everybody's broker logs
                     */
        return slot ? xasprintf("rollcall-%s-%s", role_names[role], slot)
                    : xasprintf("rollcall-%s", role_names[role]);
    case GROUP:
        return xstrdup(cfg->worker.group);
    case READER_GROUP:
        return xasprintf("%s-reader", cfg->worker.group);
    case SLOT:
        return xstrdup(slot ? slot : "");
    case TRANSACTIONAL_ID:
        return xasprintf("%s-%s", cfg->worker.group, slot ? slot : "");
    case TRANSACTION_TIMEOUT:
        return xasprintf("%jd", (intmax_t)cfg->worker.transaction_timeout_ms);
    case SESSION_TIMEOUT:
        return xasprintf("%jd", (intmax_t)cfg->worker.session_timeout_ms);
    case HEARTBEAT:
        return xasprintf("%jd", (intmax_t)cfg->worker.heartbeat_ms);
    default:
        return xstrdup(s->literal);
    }
}

/* librdkafka fits one to the other by itself, unless both are set. */
static bool gives_way(const struct setting *s, const struct config *cfg)
{
    for (size_t i = 0; i < cfg->kafka.properties.n && strcmp(s->name, "fetch.max.bytes") == 0; i++)
        if (strcmp(cfg->kafka.properties.v[i].name, "message.max.bytes") == 0)
            return true;
    return false;
}

static bool apply_settings(rd_kafka_conf_t *conf, const struct config *cfg, enum kafka_role role,
                           const char *slot, bool overridable, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        const struct setting *s = &settings[i];
        if (!(s->roles & 1u << role) || s->overridable != overridable || gives_way(s, cfg))
            continue;
        char *value = value_of(s, cfg, role, slot), why[256];
        rd_kafka_conf_res_t rc = rd_kafka_conf_set(conf, s->name, value, why, sizeof why);
        free(value);
        if (rc != RD_KAFKA_CONF_OK)
            return error_set(err, ERROR_INPUT, "kafka: %s", why);
    }
    return true;
}

static bool is_fixed(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        if (!settings[i].overridable && strcmp(settings[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(fixed_aliases); i++)
        if (strcmp(fixed_aliases[i], name) == 0)
            return true;
    return false;
}

static bool apply_secret(rd_kafka_conf_t *conf, const struct config_pair *pair, struct error *err)
{
    struct secret secret;
    if (!secret_load_text(pair->value, &secret, err))
        return false;
    char why[256]; /* may repeat the value: not shown */
    rd_kafka_conf_res_t rc = rd_kafka_conf_set(conf, pair->name, secret.p, why, sizeof why);
    secret_done(&secret);
    return rc == RD_KAFKA_CONF_OK ||
           error_set(err, ERROR_INPUT, "%s: librdkafka refuses the name or the secret's value", pair->name);
}

static bool apply_property(rd_kafka_conf_t *conf, const struct config_pair *pair, struct error *err)
{
    char why[256];
    if (is_fixed(pair->name))
        return error_set(err, ERROR_INPUT, "%s is set by the program", pair->name);
    if (secret_ref_ok(pair->value, NULL))
        return apply_secret(conf, pair, err);
    return rd_kafka_conf_set(conf, pair->name, pair->value, why, sizeof why) == RD_KAFKA_CONF_OK ||
           error_set(err, ERROR_INPUT, "%s", why);
}

static bool apply_properties(rd_kafka_conf_t *conf, const struct config *cfg, struct error *err)
{
    for (size_t i = 0; i < cfg->kafka.properties.n; i++)
        if (!apply_property(conf, &cfg->kafka.properties.v[i], err))
            return error_wrap(err, "kafka.properties[%zu]", i);
    return true;
}

/* What librdkafka calls an error is mostly a broker that is away for a moment: a warning. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    enum log_level ours = level <= LOG_CRIT      ? LOG_LEVEL_ERROR
                          : level <= LOG_WARNING ? LOG_LEVEL_WARN
                          : level <= LOG_INFO    ? LOG_LEVEL_INFO
                                                 : LOG_LEVEL_DEBUG;
    log_at(ours, text, LOG_S("client", rk ? rd_kafka_name(rk) : "kafka"), LOG_S("facility", facility));
}

bool kafka_conf_new(const struct config *cfg, enum kafka_role role, const char *slot, rd_kafka_conf_t **ret,
                    struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (!apply_settings(conf, cfg, role, slot, true, err) || !apply_properties(conf, cfg, err) ||
        !apply_settings(conf, cfg, role, slot, false, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    *ret = conf;
    return true;
}

bool kafka_properties_check(const struct config *cfg, struct error *err)
{
    rd_kafka_conf_t *conf;
    if (!kafka_conf_new(cfg, KAFKA_ROLE_ADMIN, NULL, &conf, err))
        return false;
    rd_kafka_conf_destroy(conf);
    return true;
}

bool kafka_reader_new(const struct config *cfg, enum kafka_role role, int empty_wait_ms, rd_kafka_t **ret,
                      struct error *err)
{
    rd_kafka_conf_t *conf;
    char reason[256], wait[16];
    if (!kafka_conf_new(cfg, role, NULL, &conf, err))
        return false;
    snprintf(wait, sizeof wait, "%d", empty_wait_ms);
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", wait, NULL, 0);
    *ret = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (*ret)
        return true;
    rd_kafka_conf_destroy(conf);
    return error_set(err, ERROR_INPUT, "kafka: %s", reason);
}
