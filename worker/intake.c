#include "intake.h"

#include "event.h"
#include "failpoint.h"
#include "log.h"
#include "trial.h"

/* librdkafka ends header values with a NUL behind their size, so they serve as strings as they are. */
static size_t read_headers(const rd_kafka_message_t *message, struct record_header *v)
{
    rd_kafka_headers_t *headers;
    size_t n = 0, size;
    const void *value;
    if (rd_kafka_message_headers(message, &headers))
        return 0;
    while (n < INTAKE_HEADERS_MAX && !rd_kafka_header_get_all(headers, n, &v[n].name, &value, &size)) {
        v[n].value = value ? value : "";
        n++;
    }
    return n;
}

static struct str key_of(const rd_kafka_message_t *message)
{
    return (struct str){message->key, message->key_len};
}

static struct str value_of(const rd_kafka_message_t *message)
{
    return (struct str){message->payload, message->len};
}

static void take_event(struct engine *engine, const rd_kafka_message_t *message, struct now now)
{
    struct record_header raw[INTAKE_HEADERS_MAX];
    struct event_header headers[INTAKE_HEADERS_MAX];
    struct event ev;
    struct error err = {0};
    size_t n = read_headers(message, raw);
    for (size_t i = 0; i < n; i++)
        headers[i] = (struct event_header){raw[i].name, raw[i].value};
    if (!event_read(headers, n, value_of(message), &ev, &err)) {
        const struct no_event record = {key_of(message), value_of(message), raw, n, err.message};
        engine_event_invalid(engine, message->partition, message->offset, &record, now);
        return;
    }
    FAILPOINT_FOR("merge", ev.subject);
    engine_event(engine, message->partition, message->offset, &ev, now);
    event_done(&ev);
}

/* What a trial does: merges the record, and writes what comes of it. */
struct trial {
    struct engine *engine;
    const rd_kafka_message_t *message;
    struct now now;
};

static void try_event(void *ctx)
{
    const struct trial *t = ctx;
    take_event(t->engine, t->message, t->now);
    engine_batch_take(t->engine, t->now);
}

static void take_tried_event(struct engine *engine, const rd_kafka_message_t *message, struct now now)
{
    struct trial trial = {engine, message, now};
    if (trial_survived(try_event, &trial)) {
        take_event(engine, message, now);
        return;
    }
    struct record_header headers[INTAKE_HEADERS_MAX];
    const struct no_event record = {key_of(message), value_of(message), headers,
                                    read_headers(message, headers), NULL};
    log_error("a record that ends the worker goes to dead letters", LOG_I("partition", message->partition),
              LOG_I("offset", message->offset));
    engine_event_poison(engine, message->partition, message->offset, &record, now);
}

bool intake_event(struct engine *engine, const rd_kafka_message_t *message, struct now now)
{
    enum offer offer = engine_offer(engine, message->partition, message->offset);
    if (offer == OFFER_TAKE)
        take_event(engine, message, now);
    else if (offer == OFFER_TRY)
        take_tried_event(engine, message, now);
    return offer != OFFER_LATER;
}

bool intake_record(struct engine *engine, const rd_kafka_message_t *message, struct error *err)
{
    struct record_header headers[INTAKE_HEADERS_MAX];
    size_t n = read_headers(message, headers);
    return engine_restore_record(engine, message->partition, key_of(message), value_of(message), headers, n,
                                 err);
}
