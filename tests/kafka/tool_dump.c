/* dump: one JSON line per record, one {"end":…} line per partition each time its end is reached. */
#include "tool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "buf.h"
#include "digest.h"
#include "json.h"
#include "mem.h"
#include "utf8.h"

enum { LINE_MAX_BYTES = 64 * 1024 * 1024, POLL_MS = 100, APPEAR_POLL_MS = 200 };

struct dump {
    const struct tool_options *o;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_partition_list_t *list; /* offset: where to stop; -1: stopped */
    int running;                           /* partitions whose end was not reached yet */
    struct buf line;
};

static volatile sig_atomic_t stop; /* set by SIGTERM and SIGINT: end of --follow */

static void on_signal(int signo)
{
    (void)signo;
    stop = 1;
}

static void print_line(struct dump *d)
{
    buf_addc(&d->line, '\n');
    fwrite(d->line.p, 1, d->line.n, stdout);
    buf_clear(&d->line);
}

static void print_end(struct dump *d, const rd_kafka_topic_partition_t *at, int64_t offset)
{
    struct json_out w;
    json_out_init(&w, &d->line);
    json_open(&w, NULL, '{');
    json_open(&w, "end", '{');
    json_put_string(&w, "topic", at->topic);
    json_put_int(&w, "partition", at->partition);
    json_put_int(&w, "offset", offset);
    json_close(&w);
    json_close(&w);
    print_line(d);
    fflush(stdout);
}

static bool has_control_bytes(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20)
            return true;
    return false;
}

static void put_base64(struct json_out *w, const char *name, struct str bytes)
{
    struct buf text;
    buf_init(&text, LINE_MAX_BYTES);
    base64_encode(bytes.p, bytes.n, &text);
    json_put_str(w, name, buf_str(&text));
    buf_done(&text);
}

/* Text as a string, anything else as {"base64": …}, nothing as null. */
static void put_bytes(struct json_out *w, const char *name, struct str bytes)
{
    if (!bytes.p) {
        json_put_null(w, name);
        return;
    }
    if (utf8_printable(bytes)) {
        json_put_str(w, name, bytes);
        return;
    }
    json_open(w, name, '{');
    put_base64(w, "base64", bytes);
    json_close(w);
}

/* JSON goes out as it came in (a number keeps its digits), a value with line breaks is printed anew. */
static void put_value(struct json_out *w, struct str value)
{
    cJSON *parsed;
    if (!value.p) {
        json_put_null(w, "value");
        json_put_bool(w, "tombstone", true);
        return;
    }
    if (!json_parse(value, &parsed, NULL)) {
        put_base64(w, "valueBase64", value);
        return;
    }
    if (!has_control_bytes(value)) {
        json_put_raw(w, "value", value);
    } else {
        char *text = cJSON_PrintUnformatted(parsed);
        json_put_raw(w, "value", str_of(text));
        free(text);
    }
    cJSON_Delete(parsed);
}

static void put_headers(struct json_out *w, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers;
    json_open(w, "headers", '{');
    if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *name;
        const void *value;
        size_t n;
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &n) == 0; i++)
            put_bytes(w, name, (struct str){value, n});
    }
    json_close(w);
}

static void print_record(struct dump *d, const rd_kafka_message_t *m)
{
    struct json_out w;
    json_out_init(&w, &d->line);
    json_open(&w, NULL, '{');
    json_put_string(&w, "topic", rd_kafka_topic_name(m->rkt));
    json_put_int(&w, "partition", m->partition);
    json_put_int(&w, "offset", m->offset);
    json_put_int(&w, "timestamp", rd_kafka_message_timestamp(m, NULL));
    put_bytes(&w, "key", (struct str){m->key, m->key_len});
    put_headers(&w, m);
    put_value(&w, (struct str){m->payload, m->len});
    json_close(&w);
    print_line(d);
}

/* Without --follow a partition ends where it ended when the dump began, so that a busy topic ends too. */
static void reached(struct dump *d, rd_kafka_topic_partition_t *at, int64_t next)
{
    if (at->offset < 0 || next < at->offset)
        return;
    at->offset = -1;
    d->running--;
    print_end(d, at, next);
}

/* Just after a topic's creation or a broker's start. */
static bool passes_by_itself(rd_kafka_resp_err_t code)
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
        RD_KAFKA_RESP_ERR__TRANSPORT,
        RD_KAFKA_RESP_ERR__WAIT_COORD,
    };
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i] == code)
            return true;
    return false;
}

static bool take(struct dump *d, const rd_kafka_message_t *m, struct error *err)
{
    bool eof = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    if (m->err && !eof && (passes_by_itself(m->err) || m->err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN))
        return true; /* librdkafka goes on; read_all gives up when nothing comes */
    if (m->err && !eof)
        return error_set(err, ERROR_TEMPORARY, "%s", rd_kafka_message_errstr(m));

    rd_kafka_topic_partition_t *at =
        rd_kafka_topic_partition_list_find(d->list, rd_kafka_topic_name(m->rkt), m->partition);
    if (!at || (at->offset < 0 && !d->o->follow))
        return true;
    if (!eof)
        print_record(d, m);
    if (!d->o->follow)
        reached(d, at, eof ? m->offset : m->offset + 1);
    else if (eof)
        print_end(d, at, m->offset);
    return true;
}

static bool read_all(struct dump *d, struct error *err)
{
    bool ok = true;
    time_t silent_since = time(NULL);
    while (ok && !stop && (d->o->follow || d->running > 0)) {
        rd_kafka_message_t *m = rd_kafka_consume_queue(d->queue, POLL_MS);
        if (m) {
            silent_since = m->err ? silent_since : time(NULL);
            ok = take(d, m, err);
            rd_kafka_message_destroy(m);
        }
        if (ok && !d->o->follow && (time(NULL) - silent_since) * 1000 > d->o->timeout_ms)
            ok = error_set(err, ERROR_TEMPORARY, "nothing arrived for %d ms", d->o->timeout_ms);
    }
    return ok;
}

static bool find_end(struct dump *d, rd_kafka_topic_partition_t *at, int64_t *ret_low, struct error *err)
{
    rd_kafka_resp_err_t code;
    for (int waited_ms = 0;; waited_ms += APPEAR_POLL_MS) {
        code = rd_kafka_query_watermark_offsets(d->rk, at->topic, at->partition, ret_low, &at->offset,
                                                d->o->timeout_ms);
        if (!passes_by_itself(code) || waited_ms >= d->o->timeout_ms || stop)
            break;
        rd_kafka_poll(d->rk, APPEAR_POLL_MS);
    }
    return !code || error_set(err, ERROR_TEMPORARY, "end of %s: %s", at->topic, rd_kafka_err2str(code));
}

/* Replaces the offsets of the list by the partitions' ends: the last stable offset, or with --uncommitted the
 * high watermark (librdkafka 2.0.2 answers by the client's own isolation level). */
static bool find_ends(struct dump *d, struct error *err)
{
    for (int i = 0; i < d->list->cnt; i++) {
        rd_kafka_topic_partition_t *at = &d->list->elems[i];
        int64_t low;
        if (!find_end(d, at, &low, err))
            return false;
        if (low >= at->offset)
            reached(d, at, at->offset);
    }
    return true;
}

static bool assign(struct dump *d, struct error *err)
{
    rd_kafka_topic_partition_list_t *from = rd_kafka_topic_partition_list_copy(d->list);
    for (int i = 0; i < from->cnt; i++)
        from->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t code = rd_kafka_assign(d->rk, from);
    rd_kafka_topic_partition_list_destroy(from);
    if (code)
        return error_set(err, ERROR_TEMPORARY, "assign: %s", rd_kafka_err2str(code));
    d->queue = rd_kafka_queue_get_consumer(d->rk);
    return true;
}

/* --follow waits for topics that do not exist yet. */
static bool find_partitions(struct dump *d, struct error *err)
{
    for (;;) {
        if (tool_partitions(d->rk, d->o, &d->list, err))
            return true;
        if (!d->o->follow || stop)
            return false;
        rd_kafka_poll(d->rk, APPEAR_POLL_MS);
    }
}

bool tool_dump(const struct tool_options *o, struct error *err)
{
    const struct tool_setting settings[] = {
        {"group.id", "kafka-tool"}, /* required, never joined: partitions are assigned by hand */
        {"enable.auto.commit", "false"},
        {"enable.partition.eof", "true"},
        {"auto.offset.reset", "earliest"},
        {"isolation.level", o->uncommitted ? "read_uncommitted" : "read_committed"},
        {"fetch.wait.max.ms", "100"},
        {"log_level", "2"},
        {NULL, NULL},
    };
    struct dump d = {.o = o};
    buf_init(&d.line, LINE_MAX_BYTES);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);

    bool ok = tool_client_new(RD_KAFKA_CONSUMER, o, settings, &d.rk, err) && find_partitions(&d, err);
    if (ok) {
        d.running = d.list->cnt;
        ok = (o->follow || find_ends(&d, err)) && assign(&d, err) && read_all(&d, err);
    }

    if (d.queue)
        rd_kafka_queue_destroy(d.queue);
    if (d.list)
        rd_kafka_topic_partition_list_destroy(d.list);
    if (d.rk) {
        rd_kafka_consumer_close(d.rk);
        rd_kafka_destroy(d.rk);
    }
    buf_done(&d.line);
    return ok || stop;
}
