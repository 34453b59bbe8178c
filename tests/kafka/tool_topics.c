/* topics, create, group-offsets: what there is, and making topics as an operator would. */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "mem.h"

enum { LINE_MAX_BYTES = 1024 * 1024, LEADER_POLL_MS = 50 };

static const struct tool_setting quiet[] = {{"log_level", "2"}, {NULL, NULL}};

static void print_topic(const rd_kafka_metadata_topic_t *topic, struct buf *line)
{
    struct json_out w;
    int led = 0;
    for (int p = 0; p < topic->partition_cnt; p++)
        led += topic->partitions[p].leader >= 0;
    json_out_init(&w, line);
    json_open(&w, NULL, '{');
    json_put_string(&w, "topic", topic->topic);
    json_put_int(&w, "partitions", topic->partition_cnt);
    json_put_int(&w, "led", led);
    json_put_int(&w, "replicas", topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0);
    json_close(&w);
    printf("%s\n", line->p);
    buf_clear(line);
}

static bool wanted(const struct tool_options *o, const char *name)
{
    for (int i = 0; i < o->n_args; i++)
        if (strcmp(o->args[i], name) == 0)
            return true;
    return o->n_args == 0;
}

static bool print_topics(rd_kafka_t *rk, const struct tool_options *o, struct error *err)
{
    const rd_kafka_metadata_t *md;
    struct buf line;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 1, NULL, &md, o->timeout_ms);
    if (code)
        return error_set(err, ERROR_TEMPORARY, "metadata from %s: %s", o->brokers, rd_kafka_err2str(code));
    buf_init(&line, LINE_MAX_BYTES);
    printf("{\"brokers\":%d}\n", md->broker_cnt);
    for (int t = 0; t < md->topic_cnt; t++)
        if (wanted(o, md->topics[t].topic))
            print_topic(&md->topics[t], &line);
    buf_done(&line);
    rd_kafka_metadata_destroy(md);
    return true;
}

bool tool_topics(const struct tool_options *o, struct error *err)
{
    rd_kafka_t *rk;
    if (!tool_client_new(RD_KAFKA_PRODUCER, o, quiet, &rk, err))
        return false;
    bool ok = print_topics(rk, o, err);
    rd_kafka_destroy(rk);
    return ok;
}

/* One field of NAME:PARTITIONS[:REPLICAS][:CONFIG=VALUE]…, cut off `rest` in place. */
static char *next_field(char **rest)
{
    return strsep(rest, ":");
}

static int number_or(const char *text, int fallback)
{
    char *end;
    long n = text ? strtol(text, &end, 10) : 0;
    return text && end != text && *end == '\0' && n > 0 && n <= 10000 ? (int)n : fallback;
}

static bool add_config(rd_kafka_NewTopic_t *topic, char *field, struct error *err)
{
    char *equals = strchr(field, '=');
    if (!equals)
        return error_set(err, ERROR_INPUT, "'%s' is not CONFIG=VALUE", field);
    *equals = '\0';
    rd_kafka_resp_err_t code = rd_kafka_NewTopic_set_config(topic, field, equals + 1);
    return !code || error_set(err, ERROR_INPUT, "config %s: %s", field, rd_kafka_err2str(code));
}

/* Reads spec, which it cuts up; the caller frees *ret with rd_kafka_NewTopic_destroy (also on failure, unless
 * NULL). */
static bool read_spec(char *spec, rd_kafka_NewTopic_t **ret, struct error *err)
{
    char reason[256];
    char *rest = spec, *name = next_field(&rest), *count = next_field(&rest), *field = next_field(&rest);
    int partitions = number_or(count, -1), replicas = number_or(field, -1);
    if (partitions < 0)
        return error_set(err, ERROR_INPUT, "%s needs a number of partitions", name);
    *ret = rd_kafka_NewTopic_new(name, partitions, replicas, reason, sizeof reason);
    if (!*ret)
        return error_set(err, ERROR_INPUT, "%s: %s", name, reason);
    if (replicas > 0)
        field = next_field(&rest);
    for (; field; field = next_field(&rest))
        if (!add_config(*ret, field, err))
            return false;
    return true;
}

/* A topic that exists already is as good as a new one. */
static bool check_created(rd_kafka_event_t *event, struct error *err)
{
    size_t n;
    if (rd_kafka_event_error(event))
        return error_set(err, ERROR_TEMPORARY, "%s", rd_kafka_event_error_string(event));
    const rd_kafka_topic_result_t **topics =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(topics[i]);
        if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            return error_set(err, ERROR_PERMANENT, "%s: %s", rd_kafka_topic_result_name(topics[i]),
                             rd_kafka_topic_result_error_string(topics[i]));
    }
    return true;
}

static bool create(rd_kafka_t *rk, rd_kafka_NewTopic_t **topics, size_t n, int timeout_ms, struct error *err)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_CreateTopics(rk, topics, n, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
    bool ok = event ? check_created(event, err) : error_set(err, ERROR_TEMPORARY, "no answer");
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return ok;
}

bool tool_create(const struct tool_options *o, struct error *err)
{
    rd_kafka_t *rk = NULL;
    size_t n = (size_t)o->n_args;
    rd_kafka_NewTopic_t **topics = xcalloc(n, sizeof *topics);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = read_spec(o->args[i], &topics[i], err);
    ok = ok && tool_client_new(RD_KAFKA_PRODUCER, o, quiet, &rk, err) &&
         create(rk, topics, n, o->timeout_ms, err);
    if (rk)
        rd_kafka_destroy(rk);
    for (size_t i = 0; i < n; i++)
        if (topics[i])
            rd_kafka_NewTopic_destroy(topics[i]);
    free(topics);
    return ok;
}

static void print_offset(rd_kafka_t *rk, const struct tool_options *o, const rd_kafka_topic_partition_t *at,
                         struct buf *line)
{
    struct json_out w;
    int64_t low, high = -1;
    (void)rd_kafka_query_watermark_offsets(rk, at->topic, at->partition, &low, &high, o->timeout_ms);
    json_out_init(&w, line);
    json_open(&w, NULL, '{');
    json_put_string(&w, "topic", at->topic);
    json_put_int(&w, "partition", at->partition);
    json_put_int(&w, "committed", at->offset < 0 ? -1 : at->offset);
    json_put_int(&w, "end", high);
    json_close(&w);
    printf("%s\n", line->p);
    buf_clear(line);
}

static bool print_offsets(rd_kafka_t *rk, const struct tool_options *o, struct error *err)
{
    struct tool_options topics = *o; /* without the group in front */
    struct buf line;
    rd_kafka_topic_partition_list_t *list;
    topics.args++;
    topics.n_args--;
    if (!tool_partitions(rk, &topics, &list, err))
        return false;
    buf_init(&line, LINE_MAX_BYTES);
    rd_kafka_resp_err_t code = rd_kafka_committed(rk, list, o->timeout_ms);
    for (int i = 0; !code && i < list->cnt; i++)
        print_offset(rk, o, &list->elems[i], &line);
    rd_kafka_topic_partition_list_destroy(list);
    buf_done(&line);
    return !code || error_set(err, ERROR_TEMPORARY, "offsets: %s", rd_kafka_err2str(code));
}

bool tool_group_offsets(const struct tool_options *o, struct error *err)
{
    const struct tool_setting settings[] = {{"group.id", o->args[0]}, {"log_level", "2"}, {NULL, NULL}};
    rd_kafka_t *rk;
    if (!tool_client_new(RD_KAFKA_CONSUMER, o, settings, &rk, err))
        return false;
    bool ok = print_offsets(rk, o, err);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return ok;
}
