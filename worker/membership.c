#include "membership.h"

#include <assert.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "decisions.h"
#include "failpoint.h"
#include "intake.h"
#include "log.h"
#include "mem.h"
#include "now.h"
#include "parking.h"
#include "reading.h"
#include "worker_metrics.h"

/* Results per turn: a restore may hand over chunks as fast as they are taken. */
enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 2000, RESULTS_MAX = 16 };

enum state { IDLE, RESTORING, RUNNING, SEEKING, LEAVING };

struct membership {
    struct membership_settings is;
    struct consumer *consumer;
    struct ledger *ledger;
    enum state state;
    int32_t *partitions;
    size_t n;
    bool ledger_ready;

    bool revoked; /* RESTORING, SEEKING: leave as soon as the ledger has answered */
    bool lost;    /* with revoked or LEAVING: nothing can be committed any more */
    bool drain;   /* take nothing more */

    /* LEAVING */
    bool closed;  /* the closing records are on their way */
    bool marking; /* the ledger is asked where the records end */
    int64_t leave_by_ms;
    struct parking parking; /* what was given back in order and may come straight back; until RESTORED */

    /* RUNNING, LEAVING */
    const struct engine_batch *batch; /* with the ledger */
    unsigned aborts;                  /* in a row */
    int64_t aborted_ms;               /* the last of them; 0: none */
    int64_t commit_after_ms;          /* pause after an abort */
    struct reading reading;

    uint64_t restored; /* records, of the restore under way */
    struct held_alarm held_alarm;
};

static int until_ms(int64_t when_ms)
{
    int64_t left = when_ms - clock_mono_ms();
    return left < 0 ? 0 : (int)left;
}

static void fail(struct membership *m, const struct error *err)
{
    m->is.failed(m->is.ctx, err);
}

void membership_failed(void *ctx, const struct error *err)
{
    fail(ctx, err);
}

/* Outside RUNNING a record is passed over: it is read again from the committed offset, by us or by the next
 * owner. */
bool membership_message(void *ctx, rd_kafka_message_t *message)
{
    struct membership *m = ctx;
    return m->state != RUNNING || reading_take(&m->reading, message);
}

void membership_poll(struct membership *m)
{
    reading_poll(&m->reading, m->state == RUNNING);
}

/* ---- leaving ------------------------------------------------------------------------------------------- */

/* They are not ours any more; what is kept of them is the engine's and the parking's business. */
static void release(struct membership *m)
{
    log_info("partitions released", LOG_I("partitions", m->n), LOG_B("lost", m->lost));
    reading_forget_kept(&m->reading);
    free(m->partitions);
    m->partitions = NULL;
    m->n = 0;
    m->revoked = m->lost = m->closed = m->marking = false;
    m->state = IDLE;
    metrics_set(m->is.metrics, WM_PARTITIONS, NULL, 0);
    consumer_unassign(m->consumer);
    FAILPOINT("after-close");
}

static void drop_all(struct membership *m)
{
    for (size_t i = 0; i < m->n; i++)
        engine_drop(m->is.engine, m->partitions[i]);
    parking_done(&m->parking); /* a restore cut short: dropped with the others */
    release(m);
}

static void begin_leaving(struct membership *m)
{
    m->state = LEAVING;
    m->closed = false;
    reading_forget_kept(&m->reading);
    m->leave_by_ms = clock_mono_ms() + m->is.drain_ms;
    reading_resume(&m->reading);
    for (size_t i = 0; i < m->n; i++)
        engine_revoke(m->is.engine, m->partitions[i]);
}

static bool all_clean(const struct membership *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (!engine_clean(m->is.engine, m->partitions[i]))
            return false;
    return true;
}

static void close_all(struct membership *m)
{
    struct now now = now_read();
    FAILPOINT("before-close");
    for (size_t i = 0; i < m->n; i++)
        engine_close(m->is.engine, m->partitions[i], now);
    m->closed = true;
}

/* Asked while they are still ours: nobody else can have written. */
static void mark(struct membership *m)
{
    m->marking = true;
    ledger_mark(m->ledger, m->partitions, m->n);
}

/* One step of LEAVING. Half of the time is for calls in flight, the rest for the commits. What is not clean
 * at the end is left as after a crash: the next owner finds the partition open. */
static void leave(struct membership *m)
{
    int64_t left_ms = m->leave_by_ms - clock_mono_ms();
    if (!m->lost && !m->closed) {
        bool calls_done = engine_in_flight(m->is.engine, -1) == 0;
        if (!calls_done && left_ms > m->is.drain_ms / 2)
            return;
        close_all(m);
    }
    if (m->batch || m->marking) /* the engine's records are in the ledger's hands */
        return;
    if (m->lost || (m->drain && all_clean(m)))
        drop_all(m);
    else if (all_clean(m))
        mark(m);
    else if (left_ms <= 0) {
        log_warn("partitions given up unfinished", LOG_I("partitions", m->n));
        drop_all(m);
    }
}

/* Closed and committed, and where their records end is known: they may come back as they are. */
static void on_marked(struct membership *m, const struct ledger_result *result)
{
    if (m->lost || m->drain || result->n_offsets == 0) {
        drop_all(m);
        return;
    }
    for (size_t i = 0; i < result->n_offsets; i++)
        parking_add(&m->parking, m->is.engine, result->offsets[i].partition, result->offsets[i].offset);
    release(m);
}

/* Leaves as soon as the ledger has nothing of ours in hand that is not a commit. */
static void give_back(struct membership *m, bool lost)
{
    m->lost = m->lost || lost;
    switch (m->state) {
    case IDLE:
        consumer_unassign(m->consumer);
        break;
    case RUNNING:
        begin_leaving(m);
        break;
    case RESTORING:
        ledger_cancel(m->ledger);
        m->revoked = true;
        break;
    case SEEKING:
        m->revoked = true;
        break;
    case LEAVING:
        break;
    }
}

void membership_revoked(void *ctx, bool lost)
{
    struct membership *m = ctx;
    log_info("partitions revoked", LOG_I("partitions", m->n), LOG_B("lost", lost));
    give_back(m, lost);
}

void membership_drain(struct membership *m)
{
    m->drain = true;
    if (m->state != IDLE)
        give_back(m, false);
}

bool membership_drained(const struct membership *m)
{
    return m->drain && m->state == IDLE;
}

/* ---- arriving ------------------------------------------------------------------------------------------ */

/* A topic that grew: persons would move to other partitions than their records. */
static bool all_known(struct membership *m, const int32_t *partitions, size_t n)
{
    struct error err;
    for (size_t i = 0; i < n; i++) {
        if (partitions[i] < m->is.partitions)
            continue;
        error_set(
            &err, ERROR_PERMANENT,
            "the events topic had %d partitions at start and has at least %d now: persons would lose their "
            "order; recreate it with %d partitions",
            m->is.partitions, partitions[i] + 1, m->is.partitions);
        fail(m, &err);
        return false;
    }
    return true;
}

void membership_assigned(void *ctx, const int32_t *partitions, size_t n,
                         rd_kafka_consumer_group_metadata_t *group)
{
    struct membership *m = ctx;
    assert(m->state == IDLE);
    metrics_add(m->is.metrics, WM_REBALANCES, NULL, 1);
    if (m->drain || n == 0 || !all_known(m, partitions, n)) {
        rd_kafka_consumer_group_metadata_destroy(group);
        parking_match(&m->parking, m->is.engine, NULL, 0);
        consumer_assign(m->consumer, NULL, 0);
        m->state = n == 0 && !m->drain ? RUNNING : IDLE;
        return;
    }
    log_info("partitions assigned", LOG_I("partitions", n), LOG_I("first", partitions[0]),
             LOG_I("last", partitions[n - 1]));
    m->partitions = xmemdup(partitions, n * sizeof *partitions);
    m->n = n;
    m->restored = 0;
    m->state = RESTORING;
    struct restore_part *parts = xcalloc(n, sizeof *parts);
    for (size_t i = 0; i < n; i++)
        parts[i].partition = partitions[i];
    parking_match(&m->parking, m->is.engine, parts, n);
    ledger_restore(m->ledger, parts, n, group);
    free(parts);
}

static void on_bounds(struct membership *m, const struct ledger_result *result)
{
    parking_resolve(&m->parking, m->is.engine, result->parts, result->n_parts);
    for (size_t i = 0; i < result->n_parts; i++)
        if (!result->parts[i].kept)
            engine_restore_begin(m->is.engine, result->parts[i].partition);
}

static void on_records(struct membership *m, const struct ledger_result *result)
{
    struct error err = {0};
    if (m->revoked)
        return;
    for (size_t i = 0; i < result->n_messages; i++) {
        if (!intake_record(m->is.engine, result->messages[i], &err)) {
            error_wrap(&err, "persons topic, partition %d, offset %lld", result->messages[i]->partition,
                       (long long)result->messages[i]->offset);
            fail(m, &err);
            return;
        }
    }
    m->restored += result->n_messages;
    metrics_add(m->is.metrics, WM_RESTORED_RECORDS, NULL, (int64_t)result->n_messages);
}

static bool begin_service(struct membership *m, const struct restore_part *part, struct error *err)
{
    if (part->kept) {
        engine_unpark(m->is.engine, part->partition, now_read());
        return true;
    }
    if (!engine_restore_end(m->is.engine, part->partition, part->offset, now_read(), err))
        return false; /* the message names the partition */
    if (part->offset < 0)
        engine_begin_at(m->is.engine, part->partition, part->first);
    return true;
}

/* Starts reading where the group has committed, or at the first record that there was. */
static void start_reading(struct membership *m, const struct ledger_result *result)
{
    struct partition_offset *v = xcalloc(result->n_parts, sizeof *v);
    for (size_t i = 0; i < result->n_parts; i++) {
        int32_t partition = result->parts[i].partition;
        v[i] = (struct partition_offset){partition, engine_position(m->is.engine, partition)};
    }
    consumer_assign(m->consumer, v, result->n_parts);
    free(v);
}

static size_t count_kept(const struct ledger_result *result)
{
    size_t n = 0;
    for (size_t i = 0; i < result->n_parts; i++)
        n += result->parts[i].kept;
    return n;
}

static void on_restored(struct membership *m, struct ledger_result *result)
{
    struct error err = {0};
    if (m->revoked) {
        drop_all(m);
        return;
    }
    for (size_t i = 0; i < result->n_parts; i++) {
        if (!begin_service(m, &result->parts[i], &err)) {
            fail(m, &err);
            return;
        }
    }
    m->state = RUNNING;
    m->reading.ahead = 0;
    m->aborts = 0;
    m->commit_after_ms = 0;
    mem_give_back(); /* what the records came in */
    start_reading(m, result);
    metrics_set(m->is.metrics, WM_PARTITIONS, NULL, (int64_t)m->n);
    metrics_add(m->is.metrics, WM_RESTORE_TIME, NULL, result->took_ms);
    log_info("partitions restored", LOG_I("partitions", m->n), LOG_I("kept", count_kept(result)),
             LOG_I("records", m->restored), LOG_I("ms", result->took_ms));
}

/* ---- commits ------------------------------------------------------------------------------------------- */

static void look_at_crowd(struct membership *m)
{
    struct engine_stats stats;
    engine_stats(m->is.engine, &stats);
    reading_note_waiting(&m->reading, stats.waiting);
    decisions_alarm_held(&m->held_alarm, &stats, clock_mono_ms());
}

static void on_committed(struct membership *m, const struct ledger_result *result)
{
    assert(m->batch);
    decisions_log(m->batch);
    metrics_add(m->is.metrics, WM_COMMITS, NULL, 1);
    metrics_add(m->is.metrics, WM_COMMIT_TIME, NULL, result->took_ms);
    metrics_add(m->is.metrics, WM_COMMIT_RECORDS, NULL, (int64_t)m->batch->n_records);
    m->batch = NULL;
    m->aborts = 0;
    m->commit_after_ms = 0;
    engine_batch_committed(m->is.engine, result->sent_boot_ms, now_read());
    look_at_crowd(m);
    reading_offer_kept(&m->reading);
}

static void seek_back(struct membership *m)
{
    struct partition_offset *v = xcalloc(m->n, sizeof *v);
    for (size_t i = 0; i < m->n; i++)
        v[i] = (struct partition_offset){m->partitions[i], engine_position(m->is.engine, m->partitions[i])};
    m->state = SEEKING;
    ledger_seek(m->ledger, v, m->n);
    free(v);
}

static int64_t backoff_ms(unsigned aborts)
{
    int64_t ms = (int64_t)BACKOFF_MIN_MS << (aborts < 8 ? aborts : 8);
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

static void on_aborted(struct membership *m, const struct ledger_result *result)
{
    assert(m->batch);
    log_warn("transaction aborted", LOG_I("records", m->batch->n_records), LOG_I("ms", result->took_ms),
             LOG_ERROR_FIELD(&result->err));
    m->batch = NULL;
    m->reading.ahead = 0;
    m->aborted_ms = clock_mono_ms();
    m->commit_after_ms = m->aborted_ms + backoff_ms(m->aborts++);
    engine_batch_aborted(m->is.engine, now_read());
    reading_forget_kept(&m->reading); /* it is read again */
    if (m->state == RUNNING)
        seek_back(m);
}

static void on_sought(struct membership *m)
{
    m->state = RUNNING;
    if (m->revoked) {
        m->revoked = false;
        begin_leaving(m);
    }
}

/* During a rebalance a seek may find nobody to answer; the partitions go back anyway. */
static void on_seek_failed(struct membership *m, const struct ledger_result *result)
{
    if (m->revoked)
        on_sought(m);
    else
        fail(m, &result->err);
}

/* The transactional id is ours: now the group. Who cannot have it must not hold partitions meanwhile. */
static void on_ready(struct membership *m)
{
    struct error err = {0};
    m->ledger_ready = true;
    if (!m->drain && !consumer_subscribe(m->consumer, &err))
        fail(m, &err);
}

static void on_result(struct membership *m, struct ledger_result *result)
{
    switch (result->event) {
    case LEDGER_READY:
        on_ready(m);
        break;
    case LEDGER_COMMITTED:
        on_committed(m, result);
        break;
    case LEDGER_ABORTED:
        on_aborted(m, result);
        break;
    case LEDGER_BOUNDS:
        on_bounds(m, result);
        break;
    case LEDGER_RECORDS:
        on_records(m, result);
        break;
    case LEDGER_MARKED:
        on_marked(m, result);
        break;
    case LEDGER_RESTORED:
    case LEDGER_CANCELLED:
        on_restored(m, result);
        break;
    case LEDGER_SOUGHT:
        on_sought(m);
        break;
    case LEDGER_SEEK_FAILED:
        on_seek_failed(m, result);
        break;
    case LEDGER_FATAL:
        fail(m, &result->err);
        break;
    }
}

void membership_take_results(struct membership *m)
{
    struct ledger_result *result;
    reading_begin_turn(&m->reading);
    for (int n = 0; n < RESULTS_MAX && (result = ledger_take(m->ledger)); n++) {
        on_result(m, result);
        ledger_result_done(result);
    }
}

int membership_commit_in_ms(const struct membership *m)
{
    bool may = m->state == RUNNING || (m->state == LEAVING && !m->lost);
    if (!may || !ledger_idle(m->ledger))
        return -1;
    return until_ms(m->commit_after_ms);
}

void membership_commit(struct membership *m)
{
    if (m->state == LEAVING)
        leave(m);
    if (membership_commit_in_ms(m) != 0)
        return;
    m->batch = engine_batch_take(m->is.engine, now_read());
    if (!m->batch)
        return;
    m->reading.ahead = 0;
    ledger_commit(m->ledger, m->batch);
}

/* ---- the loop's questions ------------------------------------------------------------------------------ */

int membership_timeout_ms(const struct membership *m)
{
    if (reading_timeout_ms(&m->reading) >= 0)
        return reading_timeout_ms(&m->reading);
    if (consumer_more(m->consumer))
        return 0;
    if (m->state == LEAVING && !m->batch)
        return until_ms(m->closed ? m->leave_by_ms : m->leave_by_ms - m->is.drain_ms / 2);
    return -1;
}

bool membership_aborting(const struct membership *m)
{
    return m->aborted_ms > 0 &&
           clock_mono_ms() - m->aborted_ms < MEMBERSHIP_ABORTING_MS + 2 * m->is.transaction_timeout_ms;
}

bool membership_leaving(const struct membership *m)
{
    return m->drain || m->state == LEAVING;
}

bool membership_ready(const struct membership *m, const char **ret_why)
{
    *ret_why = NULL;
    if (m->drain)
        *ret_why = "draining";
    else if (!m->ledger_ready)
        *ret_why = "waiting for Kafka";
    else if (m->state == IDLE)
        *ret_why = "waiting for the group";
    else if (m->state == RESTORING)
        *ret_why = "restoring";
    else if (m->state == LEAVING)
        *ret_why = "giving partitions back";
    return !*ret_why;
}

struct membership *membership_new(const struct membership_settings *settings)
{
    struct membership *m = xcalloc(1, sizeof *m);
    m->is = *settings;
    return m;
}

void membership_connect(struct membership *m, struct consumer *consumer, struct ledger *ledger)
{
    m->consumer = consumer;
    m->ledger = ledger;
    m->reading = (struct reading){.engine = m->is.engine, .consumer = consumer, .metrics = m->is.metrics};
}

void membership_free(struct membership *m)
{
    if (!m)
        return;
    reading_forget_kept(&m->reading);
    free(m->partitions);
    parking_done(&m->parking);
    free(m);
}
