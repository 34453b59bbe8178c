#include "feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "event.h"
#include "loop.h"
#include "mem.h"

enum { FLUSH_MS = 60000, FULL_MS = 100 };

static const char source[] = "hr";

struct feed_person {
    int64_t numbered;    /* events so far */
    int64_t occurred_ms; /* of the newest: strictly later each time */
};

struct feed {
    struct feed_settings is;
    rd_kafka_t *rk;
    struct feed_person *persons;
    struct buf key, value;
    uint64_t published, failed;
};

/* ---- one event ----------------------------------------------------------------------------------------- */

static void put_header(void *ctx, const char *name, const char *value)
{
    rd_kafka_header_add(ctx, name, -1, value, -1);
}

/* The texts of an event, so that it needs no allocation of its own but for the profile. */
struct texts {
    char tenant[24], subject[32], user_name[48], display_name[64], department[40];
};

static void describe(struct feed *f, size_t person, struct texts *texts, struct event *ev)
{
    struct feed_person *p = &f->persons[person];
    int64_t number = p->numbered++, now_ms = clock_real_ms();
    char sender_id[48];
    p->occurred_ms = now_ms > p->occurred_ms ? now_ms : p->occurred_ms + 1;
    snprintf(texts->tenant, sizeof texts->tenant, "t%02zu", person % f->is.n_tenants);
    snprintf(texts->subject, sizeof texts->subject, "user-%zu", person);
    snprintf(texts->user_name, sizeof texts->user_name, "user-%zu@bench.example", person);
    snprintf(texts->display_name, sizeof texts->display_name, "Person %zu #%lld", person, (long long)number);
    snprintf(texts->department, sizeof texts->department, "Department %zu", person % 40);
    int n = snprintf(sender_id, sizeof sender_id, "%zu/%lld", person, (long long)number);
    *ev = (struct event){.type = number == 0 ? EVENT_JOINED : EVENT_CHANGED,
                         .tenant = texts->tenant,
                         .directory = (char *)(uintptr_t)source,
                         .subject = texts->subject,
                         .source = (char *)(uintptr_t)source,
                         .occurred_at_ms = p->occurred_ms,
                         .received_at_ms = now_ms};
    event_id_make(source, (struct str){sender_id, (size_t)n}, ev->id);
    attrs_set(&ev->profile, "userName", texts->user_name);
    attrs_set(&ev->profile, "displayName", texts->display_name);
    attrs_set(&ev->profile, "department", texts->department);
    attrs_set(&ev->profile, "title", "Senior engineer for the flow of water");
}

static void publish(struct feed *f, const char *topic, size_t person, bool by_person)
{
    struct texts texts;
    struct event ev;
    describe(f, person, &texts, &ev);
    buf_clear(&f->key);
    buf_clear(&f->value);
    if (by_person)
        buf_adds(&f->key, texts.subject);
    else
        event_key(&ev, f->is.spread, &f->key);
    event_write_value(&ev, &f->value);
    for (;;) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
        event_each_header(&ev, put_header, headers);
        rd_kafka_resp_err_t code =
            rd_kafka_producev(f->rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_KEY(f->key.p, f->key.n), RD_KAFKA_V_VALUE(f->value.p, f->value.n),
                              RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        if (!code)
            break;
        rd_kafka_headers_destroy(headers);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            f->failed++;
            break;
        }
        rd_kafka_poll(f->rk, FULL_MS);
    }
    attrs_done(&ev.profile);
}

/* ---- the two ways -------------------------------------------------------------------------------------- */

void feed_next(struct feed *f, size_t person)
{
    f->published++;
    publish(f, f->is.topic, person, false);
}

bool feed_backlog(struct feed *f, const char *topic, size_t n, struct error *err)
{
    uint64_t failed = f->failed;
    for (size_t i = 0; i < n; i++)
        publish(f, topic, i % f->is.n_persons, true);
    rd_kafka_resp_err_t code = rd_kafka_flush(f->rk, FLUSH_MS);
    return (!code && f->failed == failed) ||
           error_set(err, ERROR_TEMPORARY, "backlog: %s", code ? rd_kafka_err2str(code) : "not delivered");
}

void feed_run(struct feed *f)
{
    rd_kafka_poll(f->rk, 0);
}

uint64_t feed_published(const struct feed *f)
{
    return f->published;
}

uint64_t feed_failed(const struct feed *f)
{
    return f->failed;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *ctx)
{
    struct feed *f = ctx;
    (void)rk;
    f->failed += message->err != 0;
}

static bool open_producer(struct feed *f, struct error *err)
{
    static const char *const settings[][2] = {
        {"enable.idempotence", "true"},    {"acks", "all"}, {"linger.ms", "1"}, {"compression.type", "lz4"},
        {"partitioner", "murmur2_random"},
    };
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = rd_kafka_conf_set(conf, "bootstrap.servers", f->is.brokers, reason, sizeof reason) == 0;
    for (size_t i = 0; ok && i < ARRAY_SIZE(settings); i++)
        ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof reason) == 0;
    rd_kafka_conf_set_opaque(conf, f);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    f->rk = ok ? rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason) : NULL;
    if (f->rk)
        return true;
    rd_kafka_conf_destroy(conf);
    return error_set(err, ERROR_INPUT, "feed: %s", reason);
}

bool feed_new(const struct feed_settings *settings, struct feed **ret, struct error *err)
{
    struct feed *f = xcalloc(1, sizeof *f);
    f->is = *settings;
    f->persons = xcalloc(settings->n_persons, sizeof *f->persons);
    buf_init(&f->key, 256);
    buf_init(&f->value, EVENT_VALUE_MAX);
    if (!open_producer(f, err)) {
        feed_free(f);
        return false;
    }
    *ret = f;
    return true;
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    if (f->rk)
        rd_kafka_destroy(f->rk);
    buf_done(&f->key);
    buf_done(&f->value);
    free(f->persons);
    free(f);
}
