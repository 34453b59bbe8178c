/* What of a large request reaches Kafka. The publisher, the spool and the answer are this file's own. */
#include "test_lib.h"

#include "../../ingest/request_internal.h"
#include "mem.h"

enum { EVENTS = 5000, REFUSED_AT = 7 };

static struct {
    size_t sent, open, tries;
    size_t refused_at; /* Kafka's word of that one; SIZE_MAX: of none */
    enum error_kind error;
    size_t error_at; /* it is not even taken; SIZE_MAX: none */
    const char *answer;
} kafka;

bool publisher_send(struct publisher *p, const struct event *ev, unsigned spread, void *opaque,
                    struct error *err)
{
    struct request *req = opaque;
    (void)p, (void)spread;
    ck_assert_uint_lt(++kafka.tries, 2 * EVENTS); /* it ends */
    if ((size_t)(ev - req->events.v) == kafka.error_at)
        return error_set(err, kafka.error, "not this one");
    kafka.sent++;
    kafka.open++;
    return true;
}

bool publisher_send_record(struct publisher *p, enum publisher_topic topic, const struct record *record,
                           void *opaque, struct error *err)
{
    (void)p, (void)topic, (void)record, (void)opaque;
    return error_set(err, ERROR_INPUT, "there is no archive");
}

bool publisher_down(const struct publisher *p)
{
    (void)p;
    return false;
}

bool spool_first(const struct spool *s)
{
    (void)s;
    return false;
}

bool spool_usable(const struct spool *s)
{
    (void)s;
    return false;
}

bool spool_put(struct spool_port *port, struct spool_job *job, void *opaque)
{
    (void)port, (void)opaque;
    spool_job_free(job);
    return false;
}

static void answer(struct request *req, const char *kind)
{
    request_unlist(req);
    if (req->answered || !req->x)
        return;
    req->answered = true;
    kafka.answer = kind;
}

void request_reject(struct request *req, unsigned status, const char *reason)
{
    (void)status;
    answer(req, reason);
}

void request_unavailable(struct request *req, const char *reason)
{
    answer(req, reason);
}

void request_succeed(struct request *req, const char *kind)
{
    answer(req, kind);
}

void requests_drop_set(struct requests *r, struct sources *set)
{
    (void)r, (void)set;
}

static struct source src = {.name = (char *)"s", .spread = 1};
static struct sources set;
static struct requests owner;
static int exchange;

static struct request *begin(size_t refused_at, size_t error_at, enum error_kind error)
{
    struct request *req = xcalloc(1, sizeof *req);
    kafka.sent = kafka.open = kafka.tries = 0;
    kafka.refused_at = refused_at;
    kafka.error_at = error_at;
    kafka.error = error;
    kafka.answer = "";
    struct config cfg = {.ingest.limits.requests = 1};
    owner = (struct requests){.load = load_new(&cfg)};
    *req = (struct request){.owner = &owner,
                            .x = (struct exchange *)(void *)&exchange,
                            .set = &set,
                            .src = &src,
                            .deadline_ms = INT64_MAX,
                            .events = {.v = xcalloc(EVENTS, sizeof *req->events.v), .n = EVENTS}};
    set.references = 1;
    request_make_durable(req);
    return req;
}

/* Kafka says what became of all that it has; the last word may end the request. */
static void report_all(struct request *req)
{
    for (size_t at = 0; kafka.open > 0; at++) {
        kafka.open--;
        request_report(req, at == kafka.refused_at ? PUBLISHER_REFUSED : PUBLISHER_DELIVERED);
    }
}

static void end(struct request *req)
{
    req->x = NULL;
    request_release(req);
    ck_assert_uint_eq(set.references, 0);
    ck_assert_ptr_null(owner.waiting);
    load_free(owner.load);
}

START_TEST(all_of_a_large_request_reaches_kafka)
{
    struct request *req = begin(SIZE_MAX, SIZE_MAX, ERROR_NONE);
    ck_assert_uint_lt(kafka.sent, EVENTS);
    report_all(req);
    ck_assert_uint_eq(kafka.sent, EVENTS);
    ck_assert_str_eq(kafka.answer, "accepted");
    end(req);
}
END_TEST

START_TEST(an_event_that_kafka_refuses_keeps_none_behind_it_away)
{
    struct request *req = begin(REFUSED_AT, SIZE_MAX, ERROR_NONE);
    report_all(req);
    ck_assert_uint_eq(kafka.sent, EVENTS);
    ck_assert_str_eq(kafka.answer, "kafka");
    end(req);
}
END_TEST

START_TEST(nor_does_one_that_the_producer_refuses)
{
    struct request *req = begin(SIZE_MAX, REFUSED_AT, ERROR_PERMANENT);
    ck_assert_str_eq(kafka.answer, "");
    report_all(req);
    ck_assert_uint_eq(kafka.sent, EVENTS - 1);
    ck_assert_str_eq(kafka.answer, "kafka");
    end(req);
}
END_TEST

START_TEST(a_full_queue_ends_the_request_also_when_its_sender_is_gone)
{
    struct request *req = begin(SIZE_MAX, EVENTS / 2, ERROR_TEMPORARY);
    req->x = NULL;
    report_all(req);
    load_free(owner.load);
    ck_assert_uint_eq(kafka.sent, EVENTS / 2);
    ck_assert_uint_eq(set.references, 0); /* it is freed */
    ck_assert_ptr_null(owner.waiting);
}
END_TEST

RUN_TESTS("ingest_request", all_of_a_large_request_reaches_kafka,
          an_event_that_kafka_refuses_keeps_none_behind_it_away, nor_does_one_that_the_producer_refuses,
          a_full_queue_ends_the_request_also_when_its_sender_is_gone)
