/* produce: JSON lines from standard input become records, acknowledged by all replicas, in one transaction if
 * asked.
 *
 * A line: {"key":…, "partition":…, "headers":{…}, "value":…}. All are optional; without partition murmur2 of
 * the key decides; "valueText" and "valueBase64" carry values that are not JSON; a missing or null value is a
 * tombstone. */
#include "tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "digest.h"
#include "json.h"
#include "mem.h"

enum { VALUE_MAX_BYTES = 64 * 1024 * 1024 };

struct delivery {
    size_t done;
    size_t failed;
    rd_kafka_resp_err_t last; /* of the last failure */
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct delivery *d = opaque;
    (void)rk;
    d->done++;
    if (m->err) {
        d->failed++;
        d->last = m->err;
    }
}

static void add_headers(const cJSON *line, rd_kafka_headers_t *headers)
{
    const cJSON *h;
    cJSON_ArrayForEach(h, json_get(line, "headers"))
        rd_kafka_header_add(headers, h->string, -1, h->valuestring, h->valuestring ? -1 : 0);
}

/* Appends the value's bytes; false with ERROR_INPUT if its base64 is none. *ret_null: the record is a
 * tombstone. */
static bool read_value(const cJSON *line, struct buf *out, bool *ret_null, struct error *err)
{
    const cJSON *value = json_get(line, "value");
    const char *text = json_string(line, "valueText"), *base64 = json_string(line, "valueBase64");
    *ret_null = false;
    if (base64)
        return base64_decode(str_of(base64), out) || error_set(err, ERROR_INPUT, "valueBase64 is not base64");
    if (text) {
        buf_adds(out, text);
    } else if (value && !cJSON_IsNull(value)) {
        char *json = cJSON_PrintUnformatted(value);
        buf_adds(out, json);
        free(json);
    } else {
        *ret_null = true;
    }
    return true;
}

static bool send_record(rd_kafka_t *rk, const char *topic, const cJSON *line, struct str value,
                        struct error *err)
{
    int64_t partition = RD_KAFKA_PARTITION_UA;
    const char *key = json_string(line, "key");
    (void)json_int64(line, "partition", &partition);
    for (;;) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
        add_headers(line, headers);
        rd_kafka_resp_err_t code = rd_kafka_producev(
            rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION((int32_t)partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value.p, value.n), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_END);
        if (!code)
            return true;
        rd_kafka_headers_destroy(headers);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return error_set(err, ERROR_TEMPORARY, "produce: %s", rd_kafka_err2str(code));
        rd_kafka_poll(rk, 100);
    }
}

static bool send_line(rd_kafka_t *rk, const char *topic, struct str text, struct error *err)
{
    cJSON *line;
    bool null;
    struct buf value;
    if (!json_parse(text, &line, err))
        return false;
    buf_init(&value, VALUE_MAX_BYTES);
    bool ok = read_value(line, &value, &null, err);
    /* An empty value is not a tombstone: it needs an address. */
    ok = ok && send_record(rk, topic, line,
                           null ? (struct str){0} : (struct str){value.p ? value.p : "", value.n}, err);
    buf_done(&value);
    cJSON_Delete(line);
    return ok;
}

static bool send_all(rd_kafka_t *rk, const char *topic, size_t *ret_lines, struct error *err)
{
    char *text = NULL;
    size_t size = 0, lines = 0;
    bool ok = true;
    for (ssize_t n; ok && (n = getline(&text, &size, stdin)) > 0;) {
        ok = text[0] == '\n' || send_line(rk, topic, (struct str){text, (size_t)n}, err);
        lines += ok && text[0] != '\n';
        rd_kafka_poll(rk, 0);
    }
    free(text);
    *ret_lines = lines;
    return ok || error_wrap(err, "line %zu", lines + 1);
}

static bool transaction_step(const char *what, rd_kafka_error_t *error, struct error *err)
{
    if (!error)
        return true;
    error_set(err, ERROR_TEMPORARY, "%s: %s", what, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return false;
}

static bool begin(rd_kafka_t *rk, const struct tool_options *o, struct error *err)
{
    if (!o->transaction)
        return true;
    return transaction_step("init", rd_kafka_init_transactions(rk, o->timeout_ms), err) &&
           transaction_step("begin", rd_kafka_begin_transaction(rk), err);
}

static bool end(rd_kafka_t *rk, const struct tool_options *o, struct error *err)
{
    if (!o->transaction || strcmp(o->end, "leave") == 0)
        return true;
    if (strcmp(o->end, "abort") == 0)
        return transaction_step("abort", rd_kafka_abort_transaction(rk, o->timeout_ms), err);
    return transaction_step("commit", rd_kafka_commit_transaction(rk, o->timeout_ms), err);
}

static bool await_deliveries(rd_kafka_t *rk, const struct tool_options *o, const struct delivery *d,
                             size_t lines, struct error *err)
{
    rd_kafka_flush(rk, o->timeout_ms);
    if (d->failed > 0)
        return error_set(err, ERROR_TEMPORARY, "%zu of %zu records failed: %s", d->failed, lines,
                         rd_kafka_err2str(d->last));
    if (d->done < lines)
        return error_set(err, ERROR_TEMPORARY, "%zu of %zu records not acknowledged in %d ms",
                         lines - d->done, lines, o->timeout_ms);
    return true;
}

static bool producer_new(const struct tool_options *o, struct delivery *d, rd_kafka_t **ret,
                         struct error *err)
{
    const struct tool_setting settings[] = {
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"partitioner", "murmur2_random"},
        {"linger.ms", "1"},
        {"log_level", "2"},
        {o->transaction ? "transactional.id" : NULL, o->transaction},
        {NULL, NULL},
    };
    return tool_producer_new(o, settings, on_delivery, d, ret, err);
}

bool tool_produce(const struct tool_options *o, struct error *err)
{
    struct delivery d = {0};
    rd_kafka_t *rk = NULL;
    size_t lines = 0;
    bool ok = producer_new(o, &d, &rk, err) && begin(rk, o, err) && send_all(rk, o->args[0], &lines, err) &&
              await_deliveries(rk, o, &d, lines, err) && end(rk, o, err);
    if (ok)
        printf("{\"produced\":%zu}\n", lines);
    if (rk) {
        rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(rk);
    }
    return ok;
}
