#include "publisher.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "counters.h"
#include "kafka.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

enum {
    LANES = 2,
    BUSY = 12, /* events under way from which gathering pays */
    HEADERS = 12,
    KEY_MAX = 128,
    BODY_OVERHEAD = 1024 * 1024, /* of an archived body: what is sealed with it */
    RENEW_MS = 1000,             /* a producer that dies at once is not made anew in every turn */
};

static const enum kafka_topic kafka_topics[PUBLISHER_TOPICS] = {KAFKA_EVENTS, KAFKA_RAW};
static const char *const lane_linger[LANES] = {"0", "1"};

struct lane {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topics[PUBLISHER_TOPICS]; /* NULL: not configured */
    rd_kafka_queue_t *queue;
};

struct publisher {
    const struct config *cfg;
    enum publisher_kind kind;
    publisher_report_fn *report;
    struct metrics *metrics;
    struct lane lanes[LANES];
    size_t n_lanes;
    int fd; /* eventfd: librdkafka writes when a queue gets its first entry */
    size_t in_flight;
    int64_t renew_ms;      /* monotonic; not before */
    struct buf key, value; /* reused */
    _Atomic bool down;
};

/* ---- librdkafka's callbacks, all inside publisher_poll ------------------------------------------------- */

static enum publisher_outcome outcome_of(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return PUBLISHER_DELIVERED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return PUBLISHER_REFUSED;
    default:
        return PUBLISHER_FAILED;
    }
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct publisher *p = opaque;
    enum publisher_outcome outcome = outcome_of(message->err);
    (void)rk;
    p->in_flight--;
    if (outcome == PUBLISHER_DELIVERED)
        atomic_store_explicit(&p->down, false, memory_order_relaxed);
    else
        metrics_add(p->metrics, COUNT_PUBLISH_FAILED, rd_kafka_err2name(message->err), 1);
    p->report(message->_private, outcome);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct publisher *p = opaque;
    char text[256];
    (void)reason;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store_explicit(&p->down, true, memory_order_relaxed);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, text, sizeof text);
        log_error("the producer cannot go on", LOG_S("error", rd_kafka_err2name(fatal)),
                  LOG_S("detail", text));
    }
}

/* Statistics come once a second; the only thing wanted of them is whether some broker is connected. */
static int on_stats(rd_kafka_t *rk, char *json, size_t size, void *opaque)
{
    static const char up[] = "\"state\":\"UP\"";
    struct publisher *p = opaque;
    const struct rd_kafka_metadata *metadata = NULL;
    if (!atomic_load_explicit(&p->down, memory_order_relaxed))
        return 0;
    if (memmem(json, size, up, sizeof up - 1))
        atomic_store_explicit(&p->down, false, memory_order_relaxed);
    else if (rd_kafka_metadata(rk, 0, p->lanes[0].topics[PUBLISHER_EVENTS], &metadata, 0) ==
             RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata); /* asked for only to make it connect */
    return 0;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *err)
{
    char why[256];
    return rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK ||
           error_set(err, ERROR_INPUT, "librdkafka refuses %s: %s", name, why);
}

static bool has_property(const struct config *cfg, const char *name)
{
    return config_pair_get(&cfg->kafka.properties, name) != NULL;
}

static bool own_linger(const struct config *cfg)
{
    return has_property(cfg, "linger.ms") || has_property(cfg, "queue.buffering.max.ms");
}

/* A message that could not be sent until long after its request was answered with 503 is given up: the sender
 * sends it again. What the spool sends is never given up: its order rests on it. What the operator has set stays,
 * except where readers rely on it. */
static bool configure(struct publisher *p, const struct config *cfg, size_t lane, rd_kafka_conf_t *conf,
                      struct error *err)
{
    char timeout[24], most[24];
    bool patient = p->kind == PUBLISHER_PATIENT; /* 0: for ever */
    snprintf(timeout, sizeof timeout, "%lld", patient ? 0 : (long long)cfg->ingest.deadline_ms * 2);
    bool own_timeout =
        !patient && (has_property(cfg, "message.timeout.ms") || has_property(cfg, "delivery.timeout.ms"));
    snprintf(most, sizeof most, "%lld", (long long)cfg->ingest.limits.body_bytes + BODY_OVERHEAD);
    bool large = cfg->ingest.archive.keys.n > 0 && !has_property(cfg, "message.max.bytes");
    rd_kafka_conf_set_opaque(conf, p);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_stats_cb(conf, on_stats);
    return set(conf, "partitioner", "murmur2_random", err) &&
           set(conf, "statistics.interval.ms", "1000", err) &&
           (!large || set(conf, "message.max.bytes", most, err)) &&
           (own_timeout || set(conf, "message.timeout.ms", timeout, err)) &&
           (own_linger(cfg) || set(conf, "linger.ms", patient ? "5" : lane_linger[lane], err));
}

static bool lane_init(struct publisher *p, const struct config *cfg, size_t at, struct error *err)
{
    static const uint64_t one = 1;
    struct lane *lane = &p->lanes[at];
    char topic[KAFKA_TOPIC_NAME_SIZE], why[256];
    rd_kafka_conf_t *conf;
    if (!kafka_conf_new(cfg, KAFKA_ROLE_PUBLISHER, NULL, &conf, err))
        return false;
    if (!configure(p, cfg, at, conf, err)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    lane->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!lane->rk) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_INPUT, "cannot make a producer: %s", why);
    }
    for (size_t i = 0; i < PUBLISHER_TOPICS; i++) {
        if (i == PUBLISHER_RAW && cfg->ingest.archive.keys.n == 0)
            continue;
        kafka_topic_name(cfg, kafka_topics[i], topic);
        lane->topics[i] = rd_kafka_topic_new(lane->rk, topic, NULL);
        if (!lane->topics[i])
            return error_set(err, ERROR_INPUT, "cannot use topic %s", topic);
    }
    lane->queue = rd_kafka_queue_get_main(lane->rk);
    rd_kafka_queue_io_event_enable(lane->queue, p->fd, &one, sizeof one);
    return true;
}

bool publisher_new(const struct config *cfg, enum publisher_kind kind, publisher_report_fn *report,
                   struct metrics *metrics, struct publisher **ret, struct error *err)
{
    struct publisher *p = xcalloc(1, sizeof *p);
    p->cfg = cfg;
    p->kind = kind;
    p->report = report;
    p->metrics = metrics;
    buf_init(&p->key, KEY_MAX);
    buf_init(&p->value, EVENT_VALUE_MAX);
    p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    bool ok = p->fd >= 0 || error_set(err, ERROR_SYSTEM, "cannot make an eventfd: %s", strerror(errno));
    size_t lanes = own_linger(cfg) || kind == PUBLISHER_PATIENT ? 1 : LANES;
    for (; ok && p->n_lanes < lanes; p->n_lanes++)
        ok = lane_init(p, cfg, p->n_lanes, err);
    if (!ok) {
        publisher_free(p);
        return false;
    }
    *ret = p;
    return true;
}

static void lane_done(struct lane *lane)
{
    if (!lane->rk)
        return;
    rd_kafka_purge(lane->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_flush(lane->rk, 100) == RD_KAFKA_RESP_ERR__TIMED_OUT)
        ;
    if (lane->queue) {
        rd_kafka_queue_io_event_enable(lane->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(lane->queue);
    }
    for (size_t i = 0; i < PUBLISHER_TOPICS; i++)
        if (lane->topics[i])
            rd_kafka_topic_destroy(lane->topics[i]);
    rd_kafka_destroy(lane->rk);
    *lane = (struct lane){0};
}

void publisher_free(struct publisher *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < LANES; i++)
        lane_done(&p->lanes[i]);
    if (p->fd >= 0)
        close(p->fd);
    buf_done(&p->key);
    buf_done(&p->value);
    free(p);
}

int publisher_fd(const struct publisher *p)
{
    return p->fd;
}

void publisher_poll(struct publisher *p)
{
    uint64_t count;
    (void)!read(p->fd, &count, sizeof count);
    for (size_t i = 0; i < p->n_lanes; i++)
        rd_kafka_poll(p->lanes[i].rk, 0);
}

size_t publisher_in_flight(const struct publisher *p)
{
    return p->in_flight;
}

bool publisher_down(const struct publisher *p)
{
    return atomic_load_explicit(&p->down, memory_order_relaxed);
}

static bool lane_fatal(const struct lane *lane)
{
    return rd_kafka_fatal_error(lane->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool publisher_fatal(const struct publisher *p)
{
    for (size_t i = 0; i < p->n_lanes; i++)
        if (lane_fatal(&p->lanes[i]))
            return true;
    return false;
}

/* A new one is made with settings that worked before: on failure we are out of descriptors or memory. */
void publisher_renew(struct publisher *p)
{
    int64_t now = clock_mono_ms();
    struct error err = {0};
    if (!publisher_fatal(p) || now < p->renew_ms)
        return;
    p->renew_ms = now + RENEW_MS;
    for (size_t i = 0; i < p->n_lanes; i++) {
        if (!lane_fatal(&p->lanes[i]))
            continue;
        lane_done(&p->lanes[i]);
        if (!lane_init(p, p->cfg, i, &err)) {
            log_error("cannot make the producer anew", LOG_ERROR_FIELD(&err));
            abort();
        }
    }
    log_info("the producer is made anew");
}

/* ---- sending ------------------------------------------------------------------------------------------- */

static void add_header(void *ctx, const char *name, const char *value)
{
    rd_kafka_header_add(ctx, name, -1, value, -1);
}

/* Takes the headers over. They go through producev, which leaves them to us on failure; produceva of 2.0.2 frees them
 * twice. */
static bool produce(struct publisher *p, enum publisher_topic topic, struct str key,
                    rd_kafka_headers_t *headers, struct str value, void *opaque, struct error *err)
{
    const struct lane *lane = &p->lanes[p->n_lanes > 1 && p->in_flight >= BUSY ? 1 : 0];
    rd_kafka_resp_err_t code = rd_kafka_producev(
        lane->rk, RD_KAFKA_V_RKT(lane->topics[topic]), RD_KAFKA_V_KEY(key.p, key.n),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)value.p, value.n), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->in_flight++;
        return true;
    }
    rd_kafka_headers_destroy(headers);
    if (p->kind == PUBLISHER_PATIENT && code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return error_set(err, ERROR_TEMPORARY, "the queue is full"); /* its owner looks for that */
    metrics_add(p->metrics, COUNT_PUBLISH_FAILED, rd_kafka_err2name(code), 1);
    return error_set(err, outcome_of(code) == PUBLISHER_REFUSED ? ERROR_PERMANENT : ERROR_TEMPORARY,
                     "cannot publish: %s", rd_kafka_err2str(code));
}

bool publisher_send(struct publisher *p, const struct event *ev, unsigned spread, void *opaque,
                    struct error *err)
{
    buf_clear(&p->key);
    buf_clear(&p->value);
    event_key(ev, spread, &p->key);
    event_write_value(ev, &p->value);
    if (!buf_ok(&p->key) || !buf_ok(&p->value))
        return error_set(err, ERROR_INPUT, "the event is larger than %d bytes", EVENT_VALUE_MAX);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(HEADERS);
    event_each_header(ev, add_header, headers);
    return produce(p, PUBLISHER_EVENTS, buf_str(&p->key), headers, buf_str(&p->value), opaque, err);
}

bool publisher_send_record(struct publisher *p, enum publisher_topic topic, const struct record *record,
                           void *opaque, struct error *err)
{
    if (!p->lanes[0].topics[topic])
        return error_set(err, ERROR_INPUT, "there is no archive (ingest.archive)");
    rd_kafka_headers_t *headers = rd_kafka_headers_new(HEADERS);
    if (!record_each_header(record->headers, add_header, headers)) {
        rd_kafka_headers_destroy(headers);
        return error_set(err, ERROR_INPUT, "a stored record's headers are broken");
    }
    return produce(p, topic, record->key, headers, record->value, opaque, err);
}
