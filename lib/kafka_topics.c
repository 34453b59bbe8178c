/* Topics: what they have to look like, making them, and refusing those that look otherwise. */
#include "kafka.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "loop.h"
#include "mem.h"

enum { RETRY_PAUSE_MS = 100, COMMAND_SIZE = 320, SETTINGS_MAX = 6, REPLICAS_WANTED = 3, INSYNC_WANTED = 2 };

#define DAY_MS   INT64_C(86400000)
#define MEBIBYTE INT64_C(1048576)

struct setting {
    const char *name;
    const char *value;
};

/* segment.* and the compaction lag of persons keep what a restore has to read near to the number of persons.
 */
static const struct topic_spec {
    bool compacted;
    bool per_partition; /* as many partitions as events; partition n belongs to events' partition n */
    struct setting settings[SETTINGS_MAX];
} specs[KAFKA_TOPICS] = {
    [KAFKA_EVENTS] = {false, true, {{"cleanup.policy", "delete"}, {"retention.ms", "604800000"}}},
    [KAFKA_PERSONS] = {true,
                       true,
                       {{"cleanup.policy", "compact"},
                        {"segment.bytes", "67108864"},
                        {"segment.ms", "3600000"},
                        {"min.cleanable.dirty.ratio", "0.2"},
                        {"max.compaction.lag.ms", "21600000"},
                        {"delete.retention.ms", "86400000"}}},
    [KAFKA_RESULTS] = {false, true, {{"cleanup.policy", "delete"}, {"retention.ms", "2592000000"}}},
    [KAFKA_DEADLETTERS] = {false, true, {{"cleanup.policy", "delete"}, {"retention.ms", "2592000000"}}},
    [KAFKA_CONTROL] = {true, false, {{"cleanup.policy", "compact"}, {"segment.ms", "86400000"}}},
    [KAFKA_TARGETS] = {true, false, {{"cleanup.policy", "compact"}, {"segment.ms", "86400000"}}},
    /* Its retention is the configuration's. What was erased is gone when the cleaner has come by: in a day. */
    [KAFKA_RAW] = {true,
                   true,
                   {{"cleanup.policy", "compact,delete"},
                    {"segment.ms", "21600000"},
                    {"max.compaction.lag.ms", "64800000"},
                    {"delete.retention.ms", "86400000"},
                    {"max.message.bytes", "68157440"}}},
    [KAFKA_PLANS] = {false, true, {{"cleanup.policy", "delete"}, {"retention.ms", "604800000"}}},
};

struct topics { /* one run */
    const struct config *cfg;
    rd_kafka_t *rk;
    int64_t deadline_ms; /* monotonic */
    char names[KAFKA_TOPICS][KAFKA_TOPIC_NAME_SIZE];
    int partitions[KAFKA_TOPICS]; /* 0: not there, or not to be used yet */
    bool listed[KAFKA_TOPICS];    /* there, whatever its state */
    int replicas[KAFKA_TOPICS];   /* the fewest of its partitions */
    int32_t broker;               /* one that is up */
    struct kafka_warnings *warnings;
    bool warned_replicas; /* once is enough */
    bool warned_unread;
};

__attribute__((format(printf, 2, 3))) static void warn(struct topics *t, const char *format, ...)
{
    struct kafka_warnings *w = t->warnings;
    if (!w || w->n == KAFKA_WARNINGS_MAX)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(w->v[w->n++], KAFKA_WARNING_SIZE, format, args);
    va_end(args);
}

static int left_ms(const struct topics *t)
{
    int64_t left = t->deadline_ms - clock_mono_ms();
    return left > 0 ? (int)left : 0;
}

static bool out_of_time(const struct topics *t, const char *what, struct error *err)
{
    return left_ms(t) == 0 && !error_set(err, ERROR_TEMPORARY, "kafka: %s: no answer in time from %.200s",
                                         what, t->cfg->kafka.brokers);
}

/* rd_kafka_poll, so that nothing spins while brokers are away. */
static void pause_a_moment(struct topics *t)
{
    rd_kafka_poll(t->rk, left_ms(t) < RETRY_PAUSE_MS ? left_ms(t) : RETRY_PAUSE_MS);
}

static int wanted_partitions(const struct topics *t, enum kafka_topic topic)
{
    if (!specs[topic].per_partition)
        return 1;
    return t->partitions[KAFKA_EVENTS] > 0 ? t->partitions[KAFKA_EVENTS] : (int)t->cfg->kafka.partitions;
}

static bool is_used(const struct topics *t, size_t topic)
{
    return topic != KAFKA_RAW || t->cfg->ingest.archive.keys.n > 0;
}

static const char *wanted_policy(enum kafka_topic topic)
{
    return specs[topic].settings[0].value;
}

static const char *wanted_insync(const struct config *cfg)
{
    return cfg->kafka.replication_factor >= REPLICAS_WANTED ? "2" : "1";
}

/* ---- what is there ------------------------------------------------------------------------------------- */

static void take_topic(struct topics *t, const rd_kafka_metadata_topic_t *found)
{
    for (size_t i = 0; i < KAFKA_TOPICS; i++) {
        if (strcmp(found->topic, t->names[i]) != 0)
            continue;
        t->listed[i] = true;
        if (found->err)
            return;
        t->partitions[i] = found->partition_cnt;
        t->replicas[i] = 0;
        for (int p = 0; p < found->partition_cnt; p++) {
            const rd_kafka_metadata_partition_t *partition = &found->partitions[p];
            if (p == 0 || partition->replica_cnt < t->replicas[i])
                t->replicas[i] = partition->replica_cnt;
            if (partition->leader < 0)
                t->partitions[i] = 0; /* being created or without a leader: look again */
        }
        return;
    }
}

/* All topics of the cluster in one question: asked for by name, a topic may be created by the broker. */
static rd_kafka_resp_err_t ask(struct topics *t)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(t->rk, true, NULL, &metadata, left_ms(t));
    if (rc)
        return rc;
    for (int i = 0; i < metadata->topic_cnt; i++)
        take_topic(t, &metadata->topics[i]);
    if (metadata->broker_cnt > 0)
        t->broker = metadata->brokers[0].id;
    rd_kafka_metadata_destroy(metadata);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool look(struct topics *t, struct error *err)
{
    memset(t->partitions, 0, sizeof t->partitions);
    memset(t->listed, 0, sizeof t->listed);
    while (ask(t) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (out_of_time(t, "listing topics", err))
            return false;
        pause_a_moment(t);
    }
    return true;
}

static void topic_command(const struct topics *t, enum kafka_topic topic, char out[COMMAND_SIZE])
{
    int n = snprintf(out, COMMAND_SIZE,
                     "kafka-topics.sh --bootstrap-server BROKERS --create --topic %s --partitions %d "
                     "--replication-factor %d",
                     t->names[topic], wanted_partitions(t, topic), (int)t->cfg->kafka.replication_factor);
    snprintf(out + n, COMMAND_SIZE - (size_t)n, " --config cleanup.policy=%s", wanted_policy(topic));
}

/* ---- making what is missing ---------------------------------------------------------------------------- */

static bool nothing_missing(const struct topics *t)
{
    for (size_t i = 0; i < KAFKA_TOPICS; i++)
        if (t->partitions[i] == 0 && is_used(t, i))
            return false;
    return true;
}

static rd_kafka_NewTopic_t *new_topic(const struct topics *t, enum kafka_topic topic)
{
    char why[128];
    rd_kafka_NewTopic_t *made = rd_kafka_NewTopic_new(t->names[topic], wanted_partitions(t, topic),
                                                      (int)t->cfg->kafka.replication_factor, why, sizeof why);
    if (!made)
        return NULL;
    for (const struct setting *s = specs[topic].settings; s < specs[topic].settings + SETTINGS_MAX && s->name;
         s++)
        rd_kafka_NewTopic_set_config(made, s->name, s->value);
    if (topic == KAFKA_RAW) {
        snprintf(why, sizeof why, "%lld", (long long)(t->cfg->ingest.archive.retention_days * DAY_MS));
        rd_kafka_NewTopic_set_config(made, "retention.ms", why);
    }
    rd_kafka_NewTopic_set_config(made, "min.insync.replicas", wanted_insync(t->cfg));
    rd_kafka_NewTopic_set_config(made, "unclean.leader.election.enable", "false");
    return made;
}

/* Runs one admin request: start queues it; its answer is returned (rd_kafka_event_destroy), NULL when there
 * is none. */
static rd_kafka_event_t *run_admin(struct topics *t, rd_kafka_admin_op_t op,
                                   void (*start)(struct topics *t, rd_kafka_AdminOptions_t *,
                                                 rd_kafka_queue_t *))
{
    char why[128];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(t->rk);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(t->rk, op);
    int timeout_ms = left_ms(t) > 0 ? left_ms(t) : 1;
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, why, sizeof why);
    if (op == RD_KAFKA_ADMIN_OP_CREATETOPICS)
        rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, why, sizeof why);
    start(t, options, queue);
    rd_kafka_event_t *answer = rd_kafka_queue_poll(queue, timeout_ms + RETRY_PAUSE_MS);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return answer;
}

static void start_create(struct topics *t, rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue)
{
    rd_kafka_NewTopic_t *fresh[KAFKA_TOPICS];
    size_t n = 0;
    for (size_t i = 0; i < KAFKA_TOPICS; i++)
        if (t->partitions[i] == 0 && is_used(t, i) && (fresh[n] = new_topic(t, (enum kafka_topic)i)))
            n++;
    rd_kafka_CreateTopics(t->rk, fresh, n, options, queue);
    rd_kafka_NewTopic_destroy_array(fresh, n);
}

/* An error of one topic: done (true) when there is nothing wrong or another program was faster. */
static bool judge_creation(const rd_kafka_topic_result_t *result, struct error *err)
{
    const char *name = rd_kafka_topic_result_name(result), *text = rd_kafka_topic_result_error_string(result);
    switch (rd_kafka_topic_result_error(result)) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        return true;
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
        return error_set(
            err, ERROR_INPUT,
            "kafka: cannot create %s: %.150s (kafka.replication_factor is more than there are brokers)", name,
            text ? text : "");
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
        return error_set(err, ERROR_INPUT,
                         "kafka: not allowed to create %s: %.150s (create the topics as README says and set "
                         "kafka.manage_topics: off)",
                         name, text ? text : "");
    default:
        return error_set(err, ERROR_TEMPORARY, "kafka: cannot create %s: %.200s", name, text ? text : "");
    }
}

static bool judge_creations(rd_kafka_event_t *answer, struct error *err)
{
    if (!answer)
        return error_set(err, ERROR_TEMPORARY, "kafka: creating topics: no answer in time");
    bool ok = true;
    size_t n = 0;
    const rd_kafka_topic_result_t **results = NULL;
    if (rd_kafka_event_error(answer))
        ok = error_set(err, ERROR_TEMPORARY, "kafka: creating topics: %s",
                       rd_kafka_event_error_string(answer));
    else
        results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer), &n);
    for (size_t i = 0; ok && i < n; i++)
        ok = judge_creation(results[i], err);
    rd_kafka_event_destroy(answer);
    return ok;
}

/* New topics take the number of partitions of events, if that is there. */
/* Nothing of those who write is made by a dry run. */
static bool say_no_events(const struct topics *t, struct error *err)
{
    if (t->listed[KAFKA_EVENTS])
        return error_set(err, ERROR_TEMPORARY, "kafka: %s has partitions without a leader",
                         t->names[KAFKA_EVENTS]);
    return error_set(err, ERROR_INPUT,
                     "kafka: there is no topic %s to be read: see worker.dry_run.live_prefix",
                     t->names[KAFKA_EVENTS]);
}

static bool create_missing(struct topics *t, struct error *err)
{
    if (!look(t, err))
        return false;
    if (nothing_missing(t))
        return true;
    if (t->cfg->worker.mode == MODE_PLAN && t->partitions[KAFKA_EVENTS] == 0)
        return say_no_events(t, err);
    if (!judge_creations(run_admin(t, RD_KAFKA_ADMIN_OP_CREATETOPICS, start_create), err))
        return false;
    for (;;) {
        if (!look(t, err))
            return false;
        if (nothing_missing(t))
            return true;
        if (out_of_time(t, "waiting for new topics", err))
            return false;
        pause_a_moment(t);
    }
}

/* ---- settings of what is there ------------------------------------------------------------------------- */

static void start_describe(struct topics *t, rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue)
{
    rd_kafka_ConfigResource_t *resources[KAFKA_TOPICS];
    char why[128];
    /* Any broker knows; librdkafka would wait for the controller, which a mock cluster does not have. */
    rd_kafka_AdminOptions_set_broker(options, t->broker, why, sizeof why);
    size_t n = 0;
    for (size_t i = 0; i < KAFKA_TOPICS; i++)
        if (is_used(t, i))
            resources[n++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->names[i]);
    rd_kafka_DescribeConfigs(t->rk, resources, n, options, queue);
    rd_kafka_ConfigResource_destroy_array(resources, n);
}

/* Borrowed from the resource; "" when the broker does not tell. */
static const char *setting_of(const rd_kafka_ConfigResource_t *resource, const char *name)
{
    size_t n;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);
    for (size_t i = 0; i < n; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return value ? value : "";
    }
    return "";
}

static int64_t number_of(const rd_kafka_ConfigResource_t *resource, const char *name)
{
    return strtoll(setting_of(resource, name), NULL, 10);
}

static bool check_policy(const struct topics *t, enum kafka_topic topic,
                         const rd_kafka_ConfigResource_t *resource, struct error *err)
{
    const char *has = setting_of(resource, "cleanup.policy"), *wants = wanted_policy(topic);
    if (strcmp(has, wants) == 0 || (topic == KAFKA_RAW && strcmp(has, "delete,compact") == 0))
        return true;
    return error_set(
        err, ERROR_INPUT,
        "kafka: %s has cleanup.policy=%s, which %s: kafka-configs.sh --bootstrap-server BROKERS --alter "
        "--entity-type topics --entity-name %s --add-config cleanup.policy=%s",
        t->names[topic], has,
        specs[topic].compacted ? "loses records that are still needed" : "loses all but the newest per key",
        t->names[topic], wants);
}

static void warn_of_settings(struct topics *t, enum kafka_topic topic,
                             const rd_kafka_ConfigResource_t *resource)
{
    const char *name = t->names[topic];
    bool few = t->replicas[topic] < REPLICAS_WANTED;
    if (few && !t->warned_replicas)
        warn(t,
             "%s (and maybe others) has %d replica(s), %d are wanted: accepted events may be lost with a "
             "broker",
             name, t->replicas[topic], REPLICAS_WANTED);
    if (!few && number_of(resource, "min.insync.replicas") < INSYNC_WANTED)
        warn(t, "%s has min.insync.replicas=%s, %d is wanted: an accepted event may be lost with a broker",
             name, setting_of(resource, "min.insync.replicas"), INSYNC_WANTED);
    t->warned_replicas |= few;
    if (topic == KAFKA_PERSONS && number_of(resource, "segment.bytes") > 256 * MEBIBYTE)
        warn(t,
             "%s has segment.bytes=%s: restores read up to that much per partition beyond the live records",
             name, setting_of(resource, "segment.bytes"));
    if (topic == KAFKA_RAW &&
        number_of(resource, "retention.ms") != t->cfg->ingest.archive.retention_days * DAY_MS)
        warn(t, "%s has retention.ms=%s, ingest.archive.retention_days says %d days", name,
             setting_of(resource, "retention.ms"), (int)t->cfg->ingest.archive.retention_days);
    if (topic == KAFKA_RAW &&
        number_of(resource, "max.message.bytes") < t->cfg->ingest.limits.body_bytes + MEBIBYTE)
        warn(t, "%s has max.message.bytes=%s: larger bodies cannot be archived and are answered 503", name,
             setting_of(resource, "max.message.bytes"));
    int64_t retention_ms = number_of(resource, "retention.ms");
    if (topic == KAFKA_EVENTS && retention_ms > 0 && retention_ms < DAY_MS)
        warn(t, "%s keeps events for less than a day: an outage of the workers as long loses them", name);
}

/* Settings that cannot be read. With manage_topics off somebody else answers for the topics: a warning. */
static bool judge_unread(struct topics *t, const char *name, rd_kafka_resp_err_t code, const char *text,
                         struct error *err)
{
    bool forbidden = code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
                     code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
                     code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
    if (!forbidden)
        return error_set(err, ERROR_TEMPORARY, "kafka: cannot read the settings of %s: %.200s", name, text);
    if (t->cfg->kafka.manage_topics)
        return error_set(err, ERROR_INPUT,
                         "kafka: cannot read the settings of %s: %.150s (allow DescribeConfigs, or set "
                         "kafka.manage_topics: off)",
                         name, text);
    if (!t->warned_unread)
        warn(t, "cannot read the settings of %s: %.80s; that %s is compacted is not verified", name, text,
             t->names[KAFKA_PERSONS]);
    t->warned_unread = true;
    return true;
}

static bool judge_resource(struct topics *t, const rd_kafka_ConfigResource_t *resource, struct error *err)
{
    const char *name = rd_kafka_ConfigResource_name(resource);
    if (rd_kafka_ConfigResource_error(resource))
        return judge_unread(t, name, rd_kafka_ConfigResource_error(resource),
                            rd_kafka_ConfigResource_error_string(resource), err);
    for (size_t i = 0; i < KAFKA_TOPICS; i++) {
        if (strcmp(name, t->names[i]) != 0)
            continue;
        if (!check_policy(t, (enum kafka_topic)i, resource, err))
            return false;
        warn_of_settings(t, (enum kafka_topic)i, resource);
    }
    return true;
}

static bool check_settings(struct topics *t, struct error *err)
{
    rd_kafka_event_t *answer = run_admin(t, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, start_describe);
    if (!answer)
        return error_set(err, ERROR_TEMPORARY, "kafka: reading topics' settings: no answer in time");
    bool ok = true;
    size_t n = 0;
    const rd_kafka_ConfigResource_t **resources = NULL;
    if (rd_kafka_event_error(answer))
        ok =
            judge_unread(t, "topics", rd_kafka_event_error(answer), rd_kafka_event_error_string(answer), err);
    else
        resources =
            rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(answer), &n);
    for (size_t i = 0; ok && i < n; i++)
        ok = judge_resource(t, resources[i], err);
    rd_kafka_event_destroy(answer);
    return ok;
}

/* ---- partitions ---------------------------------------------------------------------------------------- */

static bool check_partitions(struct topics *t, struct error *err)
{
    int events = t->partitions[KAFKA_EVENTS];
    for (size_t i = 0; i < KAFKA_TOPICS; i++) {
        if (!specs[i].per_partition || !is_used(t, i) || t->partitions[i] == events)
            continue;
        if (i == KAFKA_PERSONS)
            return error_set(
                err, ERROR_INPUT,
                "kafka: %s has %d partitions and %s has %d: persons live in the partition of their "
                "events, so neither number may ever change; start under a new kafka.topic_prefix, or "
                "delete the wrong one of the two while it is empty",
                t->names[i], t->partitions[i], t->names[KAFKA_EVENTS], events);
        if (t->partitions[i] > events) {
            warn(t, "%s has %d partitions, %s has %d: the last ones stay empty", t->names[i],
                 t->partitions[i], t->names[KAFKA_EVENTS], events);
            continue;
        }
        return error_set(
            err, ERROR_INPUT,
            "kafka: %s has %d partitions and %s has %d: kafka-topics.sh --bootstrap-server BROKERS --alter "
            "--topic %s --partitions %d",
            t->names[i], t->partitions[i], t->names[KAFKA_EVENTS], events, t->names[i], events);
    }
    if (t->cfg->kafka.manage_topics && events != t->cfg->kafka.partitions)
        warn(t, "%s has %d partitions; kafka.partitions: %d is for new topics only", t->names[KAFKA_EVENTS],
             events, (int)t->cfg->kafka.partitions);
    return true;
}

/* ---- topics that somebody else makes ------------------------------------------------------------------- */

static bool say_missing(const struct topics *t, struct error *err)
{
    size_t i = 0;
    while (t->partitions[i] > 0 || !is_used(t, i))
        i++;
    if (t->listed[i])
        return error_set(err, ERROR_TEMPORARY, "kafka: %s has partitions without a leader", t->names[i]);
    char command[COMMAND_SIZE];
    topic_command(t, (enum kafka_topic)i, command);
    return error_set(err, ERROR_INPUT, "kafka: there is no topic %s: %s", t->names[i], command);
}

static bool await_all(struct topics *t, struct error *err)
{
    for (;;) {
        if (!look(t, err))
            return false;
        if (nothing_missing(t))
            return true;
        if (left_ms(t) <= RETRY_PAUSE_MS)
            return say_missing(t, err);
        pause_a_moment(t);
    }
}

bool kafka_topics_ensure(const struct config *cfg, int timeout_ms, int *ret_partitions,
                         struct kafka_warnings *ret_warnings, struct error *err)
{
    struct topics t = {.cfg = cfg, .deadline_ms = clock_mono_ms() + timeout_ms, .warnings = ret_warnings};
    if (ret_warnings)
        ret_warnings->n = 0;
    for (size_t i = 0; i < KAFKA_TOPICS; i++)
        kafka_topic_name(cfg, (enum kafka_topic)i, t.names[i]);
    kafka_events_read_name(cfg, t.names[KAFKA_EVENTS]);
    rd_kafka_conf_t *conf;
    if (!kafka_conf_new(cfg, KAFKA_ROLE_ADMIN, NULL, &conf, err))
        return false;
    char why[256];
    t.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!t.rk) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_INPUT, "kafka: %s", why);
    }
    bool ok = (cfg->kafka.manage_topics ? create_missing(&t, err) : await_all(&t, err)) &&
              check_settings(&t, err) && check_partitions(&t, err);
    rd_kafka_destroy(t.rk);
    if (ok && ret_partitions)
        *ret_partitions = t.partitions[KAFKA_EVENTS];
    return ok;
}
