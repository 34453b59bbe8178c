#include "topic_writer.h"

#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "mem.h"

enum { POLL_MS = 100 };

struct topic_writer {
    const struct config *cfg; /* borrowed */
    rd_kafka_t *rk;
    size_t waiting;              /* records without an answer */
    rd_kafka_resp_err_t outcome; /* the first that went wrong */
};

/* Rights that are missing do not come by themselves. */
static bool is_forbidden(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *ctx)
{
    struct topic_writer *w = ctx;
    (void)rk;
    w->outcome = w->outcome ? w->outcome : message->err;
    w->waiting--;
}

static bool open_producer(struct topic_writer *w, int timeout_ms, struct error *err)
{
    rd_kafka_conf_t *conf;
    char reason[256], *timeout = xasprintf("%d", timeout_ms);
    bool ok = kafka_conf_new(w->cfg, KAFKA_ROLE_PUBLISHER, NULL, &conf, err);
    if (ok) {
        rd_kafka_conf_set(conf, "message.timeout.ms", timeout, NULL, 0);
        rd_kafka_conf_set_opaque(conf, w);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        w->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
        ok = w->rk || error_set(err, ERROR_INPUT, "kafka: %s", reason);
        if (!ok)
            rd_kafka_conf_destroy(conf);
    }
    free(timeout);
    return ok;
}

bool topic_writer_new(const struct config *cfg, int timeout_ms, struct topic_writer **ret, struct error *err)
{
    struct topic_writer *w = xcalloc(1, sizeof *w);
    w->cfg = cfg;
    if (!open_producer(w, timeout_ms, err)) {
        free(w);
        return false;
    }
    *ret = w;
    return true;
}

/* Passed through producev, which does not free them twice when it fails. */
static rd_kafka_headers_t *headers_of(const struct topic_message *m)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(m->n_headers);
    for (size_t i = 0; i < m->n_headers; i++)
        rd_kafka_header_add(headers, m->headers[i].name, -1, m->headers[i].value, -1);
    return headers;
}

static rd_kafka_resp_err_t produce(struct topic_writer *w, const struct topic_message *m, const char *topic)
{
    rd_kafka_headers_t *headers = headers_of(m);
    int32_t partition = m->partition < 0 ? RD_KAFKA_PARTITION_UA : m->partition;
    rd_kafka_resp_err_t code =
        rd_kafka_producev(w->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(m->key.p, m->key.n),
                          RD_KAFKA_V_VALUE((void *)(uintptr_t)m->value.p, m->value.n),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (code)
        rd_kafka_headers_destroy(headers);
    return code;
}

/* A full queue is waited for. */
static void add(struct topic_writer *w, const struct topic_message *m, const char *topic)
{
    rd_kafka_resp_err_t code;
    while ((code = produce(w, m, topic)) == RD_KAFKA_RESP_ERR__QUEUE_FULL && !w->outcome)
        rd_kafka_poll(w->rk, POLL_MS);
    w->waiting += code == RD_KAFKA_RESP_ERR_NO_ERROR;
    w->outcome = w->outcome ? w->outcome : code;
}

bool topic_writer_send_all(struct topic_writer *w, const struct topic_message *m, size_t n, struct error *err)
{
    char topic[KAFKA_TOPIC_NAME_SIZE] = "";
    w->outcome = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; i < n && !w->outcome; i++) {
        kafka_topic_name(w->cfg, m[i].topic, topic);
        add(w, &m[i], topic);
    }
    while (w->waiting > 0) /* message.timeout.ms ends it */
        rd_kafka_poll(w->rk, POLL_MS);
    return !w->outcome || error_set(err, is_forbidden(w->outcome) ? ERROR_PERMANENT : ERROR_TEMPORARY,
                                    "kafka: %s: %s", topic, rd_kafka_err2str(w->outcome));
}

bool topic_writer_send(struct topic_writer *w, const struct topic_message *m, struct error *err)
{
    return topic_writer_send_all(w, m, 1, err);
}

void topic_writer_free(struct topic_writer *w)
{
    if (!w)
        return;
    rd_kafka_destroy(w->rk);
    free(w);
}
