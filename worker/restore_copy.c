#include "restore_copy.h"

#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "engine/record.h"
#include "kafka.h"
#include "loop.h"
#include "mem.h"
#include "now.h"
#include "topic_reader.h"

enum { READ_WAIT_MS = 200, POLL_MS = 100 };

static const char copying[] = "restore: copying the records of those who write";

struct copy { /* one under way */
    const struct config *cfg;
    struct config live; /* as those who write have it; borrows from cfg */
    struct pulse *pulse;
    int32_t partition;
    int64_t offset; /* behind all that the records have merged */
    rd_kafka_t *writer;
    char topic[KAFKA_TOPIC_NAME_SIZE];
    rd_kafka_resp_err_t failure; /* of a record that was not written */
};

static bool go_on(const struct copy *c)
{
    pulse_beat(c->pulse);
    return !atomic_load(&c->pulse->stop) && !atomic_load(&c->pulse->cancel);
}

static struct config live_config(const struct config *cfg)
{
    struct config live = *cfg;
    live.worker.mode = MODE_CONVERGE;
    live.worker.group = cfg->worker.dry_run.live_group;
    live.kafka.topic_prefix = cfg->worker.dry_run.live_prefix;
    return live;
}

/* ---- their offset -------------------------------------------------------------------------------------- */

static bool open_group(const struct copy *c, rd_kafka_t **ret, struct error *err)
{
    rd_kafka_conf_t *conf;
    char reason[256];
    if (!kafka_conf_new(&c->live, KAFKA_ROLE_RESTORE, NULL, &conf, err))
        return false;
    if (rd_kafka_conf_set(conf, "group.id", c->live.worker.group, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        *ret = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (*ret)
        return true;
    rd_kafka_conf_destroy(conf);
    return error_set(err, ERROR_INPUT, "kafka: %s", reason);
}

/* Asks only: nobody joins the group, and nothing is committed. */
static bool read_offset(struct copy *c, struct error *err)
{
    rd_kafka_t *rk = NULL;
    char events[KAFKA_TOPIC_NAME_SIZE];
    if (!open_group(c, &rk, err))
        return false;
    kafka_topic_name(&c->live, KAFKA_EVENTS, events);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_add(list, events, c->partition);
    rd_kafka_resp_err_t code;
    while ((code = rd_kafka_committed(rk, list, PULSE_SLICE_MS)) && go_on(c))
        pulse_pause(c->pulse, code);
    c->offset = !code && !at->err && at->offset >= 0 ? at->offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return !code || error_set(err, ERROR_TEMPORARY, "dry run: offset of group %s: %s", c->live.worker.group,
                              rd_kafka_err2str(code));
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *ctx)
{
    struct copy *c = ctx;
    (void)rk;
    if (message->err)
        c->failure = message->err;
}

static bool open_writer(struct copy *c, struct error *err)
{
    rd_kafka_conf_t *conf;
    char reason[256];
    kafka_topic_name(c->cfg, KAFKA_PERSONS, c->topic); /* ours */
    if (!kafka_conf_new(c->cfg, KAFKA_ROLE_PUBLISHER, NULL, &conf, err))
        return false;
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    c->writer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (c->writer)
        return true;
    rd_kafka_conf_destroy(conf);
    return error_set(err, ERROR_INPUT, "kafka: %s", reason);
}

static void write_record(struct copy *c, struct str key, struct str value, const rd_kafka_headers_t *headers)
{
    rd_kafka_resp_err_t code;
    do {
        rd_kafka_headers_t *own = headers ? rd_kafka_headers_copy(headers) : rd_kafka_headers_new(1);
        code = rd_kafka_producev(c->writer, RD_KAFKA_V_TOPIC(c->topic), RD_KAFKA_V_PARTITION(c->partition),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.p, key.n),
                                 RD_KAFKA_V_VALUE((void *)(uintptr_t)value.p, value.n),
                                 RD_KAFKA_V_HEADERS(own), RD_KAFKA_V_END);
        if (code)
            rd_kafka_headers_destroy(own);
        rd_kafka_poll(c->writer, code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? POLL_MS : 0);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && go_on(c));
    if (code)
        c->failure = code;
}

/* Of the newest event that a person's record has merged; -1: it is another kind of record. */
static int64_t offset_of(const struct topic_record *record)
{
    struct record_header headers[TOPIC_HEADERS_MAX];
    struct record_state state;
    for (size_t i = 0; i < record->n_headers; i++)
        headers[i] = (struct record_header){record->headers[i].name, record->headers[i].value};
    record_state_read(headers, record->n_headers, &state);
    return record->n_headers > 0 ? state.offset : -1;
}

/* The partition's own record says who writes there, and how far the sweep is: ours begins anew. */
static void take_record(void *ctx, const struct topic_record *record)
{
    struct copy *c = ctx;
    rd_kafka_headers_t *headers = NULL;
    if (str_eq(record->key, str_of(RECORD_PARTITION_KEY)))
        return;
    rd_kafka_message_headers(record->message, &headers);
    int64_t merged = offset_of(record);
    c->offset = merged >= c->offset ? merged + 1 : c->offset;
    write_record(c, record->key, record->value, headers);
}

static void write_partition(struct copy *c, int32_t partitions)
{
    const struct partition_record own = {.partition = c->partition,
                                         .partitions = partitions,
                                         .slot = "copy",
                                         .opened_at_ms = now_read().wall_ms,
                                         .offset = c->offset};
    struct buf value;
    buf_init(&value, 1024);
    partition_record_write(&own, &value);
    write_record(c, str_of(RECORD_PARTITION_KEY), buf_str(&value), NULL);
    buf_done(&value);
}

static bool written(struct copy *c, struct error *err)
{
    while (rd_kafka_flush(c->writer, PULSE_SLICE_MS) && go_on(c))
        ;
    if (rd_kafka_outq_len(c->writer) > 0)
        return error_set(err, ERROR_TEMPORARY, "dry run: copying records to %s: no acknowledgement",
                         c->topic);
    return !c->failure || error_set(err, ERROR_TEMPORARY, "dry run: copying records to %s: %s", c->topic,
                                    rd_kafka_err2str(c->failure));
}

/* ---- the copy ------------------------------------------------------------------------------------------ */

static bool copy_records(struct copy *c, struct topic_reader *reader, struct error *err)
{
    while (!topic_reader_begin(reader, TOPIC_FROM_BEGINNING, PULSE_SLICE_MS, err)) {
        if (err->kind != ERROR_TEMPORARY || !go_on(c))
            return false;
        pulse_pause(c->pulse, RD_KAFKA_RESP_ERR__TIMED_OUT);
    }
    while (!topic_reader_reached(reader)) {
        if (!go_on(c) || !topic_reader_poll(reader, READ_WAIT_MS, take_record, c, err))
            return false;
        pulse_moved(c->pulse, copying);
    }
    write_partition(c, topic_reader_partitions(reader));
    return written(c, err);
}

bool restore_copy(const struct config *cfg, int32_t partition, struct pulse *pulse, int64_t *ret_offset,
                  struct error *err)
{
    struct copy c = {.cfg = cfg, .live = live_config(cfg), .pulse = pulse, .partition = partition};
    struct topic_reader *reader = NULL;
    pulse_moved(pulse, copying);
    bool ok = read_offset(&c, err);
    if (ok && c.offset >= 0) {
        ok = open_writer(&c, err) && topic_reader_new(&c.live, KAFKA_PERSONS, &reader, err);
        if (ok)
            topic_reader_only(reader, partition);
        ok = ok && copy_records(&c, reader, err);
    }
    topic_reader_free(reader);
    if (c.writer)
        rd_kafka_destroy(c.writer);
    *ret_offset = c.offset;
    return ok;
}
