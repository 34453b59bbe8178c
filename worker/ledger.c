#include "ledger.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "failpoint.h"
#include "mem.h"
#include "pulse.h"
#include "tx.h"

enum { CHUNKS_MAX = 8, IDLE_MS = 500, WARM_MS = 3000, SEEK_TRIES = 5 };

enum request_kind { REQUEST_NONE, REQUEST_COMMIT, REQUEST_RESTORE, REQUEST_MARK, REQUEST_SEEK };

struct request {
    enum request_kind kind;
    int64_t begun_ms;
    const struct engine_batch *batch;
    struct partition_offset *offsets; /* owned, as are: */
    size_t n_offsets;
    struct restore_part *parts;
    size_t n_parts;
};

struct ledger {
    /* the thread's own, apart from start and end */
    struct tx tx;
    struct restore restore;
    rd_kafka_t *group;      /* borrowed */
    struct request current; /* what it works on */

    /* shared */
    struct pulse pulse;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct request request; /* REQUEST_NONE: the thread waits */
    struct ledger_result *first, **last;
    size_t chunks; /* LEDGER_RECORDS handed over and not yet taken */
    int fd;

    /* the loop's own */
    pthread_t thread;
    bool started;
    bool busy;
    rd_kafka_consumer_group_metadata_t *membership; /* the thread reads it during a commit only */
};

/* ---- results ------------------------------------------------------------------------------------------- */

static void post(struct ledger *l, struct ledger_result *result)
{
    const uint64_t one = 1;
    pthread_mutex_lock(&l->lock);
    *l->last = result;
    l->last = &result->next;
    l->chunks += result->event == LEDGER_RECORDS;
    pthread_mutex_unlock(&l->lock);
    ssize_t written = write(l->fd, &one, sizeof one);
    (void)written; /* the counter is full: readable anyway */
}

static struct ledger_result *result_new(const struct ledger *l, enum ledger_event event)
{
    struct ledger_result *result = xcalloc(1, sizeof *result);
    result->event = event;
    if (l->current.kind != REQUEST_NONE)
        result->took_ms = clock_mono_ms() - l->current.begun_ms;
    return result;
}

static void post_failure(struct ledger *l, enum ledger_event event, const struct error *err)
{
    struct ledger_result *result = result_new(l, event);
    result->err = *err;
    post(l, result);
}

void ledger_result_done(struct ledger_result *result)
{
    if (!result)
        return;
    for (size_t i = 0; i < result->n_messages; i++)
        if (result->messages[i])
            rd_kafka_message_destroy(result->messages[i]);
    free(result->messages);
    free(result->offsets);
    free(result->parts);
    free(result);
}

static bool closes(enum ledger_event event)
{
    return event != LEDGER_READY && event != LEDGER_BOUNDS && event != LEDGER_RECORDS &&
           event != LEDGER_FATAL;
}

static void drain_fd(struct ledger *l)
{
    uint64_t count;
    ssize_t got = read(l->fd, &count, sizeof count);
    (void)got;
}

struct ledger_result *ledger_take(struct ledger *l)
{
    pthread_mutex_lock(&l->lock);
    struct ledger_result *result = l->first;
    if (result) {
        l->first = result->next;
        if (!l->first)
            l->last = &l->first;
        if (result->event == LEDGER_RECORDS) {
            l->chunks--;
            pthread_cond_signal(&l->changed);
        }
    } else {
        drain_fd(l); /* under the lock: whoever posts next makes it readable again */
    }
    pthread_mutex_unlock(&l->lock);
    if (result && closes(result->event))
        l->busy = false;
    return result;
}

/* ---- the thread's work --------------------------------------------------------------------------------- */

static struct timespec in_ms(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

/* Hands a chunk over; waits while the loop is CHUNKS_MAX behind. */
static void hand_over(void *ctx, rd_kafka_message_t **v, size_t n)
{
    struct ledger *l = ctx;
    struct ledger_result *result = result_new(l, LEDGER_RECORDS);
    result->messages = xmemdup(v, n * sizeof(rd_kafka_message_t *));
    result->n_messages = n;
    pthread_mutex_lock(&l->lock);
    while (l->chunks >= CHUNKS_MAX && !atomic_load(&l->pulse.stop) && !atomic_load(&l->pulse.cancel)) {
        const struct timespec until = in_ms(IDLE_MS);
        pthread_cond_timedwait(&l->changed, &l->lock, &until);
        pulse_beat(&l->pulse);
    }
    pthread_mutex_unlock(&l->lock);
    post(l, result);
}

static void tell_bounds(void *ctx, const struct restore_part *v, size_t n)
{
    struct ledger *l = ctx;
    struct ledger_result *result = result_new(l, LEDGER_BOUNDS);
    result->parts = xmemdup(v, n * sizeof *v);
    result->n_parts = n;
    post(l, result);
}

static bool work_commit(struct ledger *l)
{
    static const enum ledger_event events[] = {
        [TX_COMMITTED] = LEDGER_COMMITTED, [TX_ABORTED] = LEDGER_ABORTED, [TX_FATAL] = LEDGER_FATAL};
    struct tx_result done;
    tx_run(&l->tx, l->current.batch, l->membership, &done);
    struct ledger_result *result = result_new(l, events[done.end]);
    result->sent_boot_ms = done.sent_boot_ms;
    result->err = done.err;
    post(l, result);
    return done.end != TX_FATAL;
}

static bool work_restore(struct ledger *l)
{
    struct error err;
    bool ok = restore_run(&l->restore, l->current.parts, l->current.n_parts, &err);
    if (!ok && err.kind != ERROR_NONE) {
        post_failure(l, LEDGER_FATAL, &err);
        return false;
    }
    if (ok) {
        continuity_begin(&l->tx.continuity, l->current.parts, l->current.n_parts);
        FAILPOINT("after-restore");
    }
    struct ledger_result *result = result_new(l, ok ? LEDGER_RESTORED : LEDGER_CANCELLED);
    result->parts = l->current.parts;
    result->n_parts = l->current.n_parts;
    l->current.parts = NULL;
    post(l, result);
    return true;
}

static bool work_mark(struct ledger *l)
{
    bool ok = restore_ends(&l->restore, l->current.offsets, l->current.n_offsets);
    struct ledger_result *result = result_new(l, LEDGER_MARKED);
    if (ok) {
        result->offsets = l->current.offsets;
        result->n_offsets = l->current.n_offsets;
        l->current.offsets = NULL;
    }
    post(l, result);
    return true;
}

static bool seek_once(struct ledger *l, rd_kafka_topic_partition_list_t *list, struct error *err)
{
    pulse_beat(&l->pulse);
    rd_kafka_error_t *error = rd_kafka_seek_partitions(l->group, list, PULSE_SLICE_MS);
    if (error) {
        error_set(err, ERROR_TEMPORARY, "seek: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return false;
    }
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].err)
            return error_set(err, ERROR_TEMPORARY, "seek: %s", rd_kafka_err2str(list->elems[i].err));
    return true;
}

/* Nothing is merged meanwhile: a seek that was only late is done twice without harm. */
static bool seek_all(struct ledger *l, rd_kafka_topic_partition_list_t *list, struct error *err)
{
    for (int i = 0; i < SEEK_TRIES && !atomic_load(&l->pulse.stop); i++)
        if (seek_once(l, list, err))
            return true;
    return false;
}

static bool work_seek(struct ledger *l)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)l->current.n_offsets);
    struct error err = {0};
    pulse_moved(&l->pulse, "seeking");
    for (size_t i = 0; i < l->current.n_offsets; i++) {
        int64_t offset = l->current.offsets[i].offset;
        rd_kafka_topic_partition_list_add(list, l->tx.events, l->current.offsets[i].partition)->offset =
            offset;
    }
    if (seek_all(l, list, &err))
        post(l, result_new(l, LEDGER_SOUGHT));
    else
        post_failure(l, LEDGER_SEEK_FAILED, &err);
    rd_kafka_topic_partition_list_destroy(list);
    return true;
}

/* Waits for a request and takes it; false: the thread ends. */
static bool await_request(struct ledger *l)
{
    pulse_moved(&l->pulse, NULL);
    pthread_mutex_lock(&l->lock);
    while (l->request.kind == REQUEST_NONE && !atomic_load(&l->pulse.stop)) {
        const struct timespec until = in_ms(IDLE_MS);
        pthread_cond_timedwait(&l->changed, &l->lock, &until);
        pulse_beat(&l->pulse);
        rd_kafka_poll(l->tx.rk, 0); /* its callbacks; nothing here blocks */
    }
    l->current = l->request;
    l->request = (struct request){0};
    pthread_mutex_unlock(&l->lock);
    return !atomic_load(&l->pulse.stop);
}

static void request_done(struct request *r)
{
    free(r->offsets);
    free(r->parts);
    *r = (struct request){0};
}

typedef bool work_fn(struct ledger *l); /* false: the thread ends */

static work_fn *const works[] = {
    [REQUEST_COMMIT] = work_commit,
    [REQUEST_RESTORE] = work_restore,
    [REQUEST_MARK] = work_mark,
    [REQUEST_SEEK] = work_seek,
};

/* The first use of a topic costs a metadata request: better now than inside the first transaction. */
static void warm_topics(struct ledger *l)
{
    for (size_t i = 0; i < TX_TOPICS && !atomic_load(&l->pulse.stop); i++) {
        const struct rd_kafka_metadata *metadata;
        rd_kafka_topic_t *topic = rd_kafka_topic_new(l->tx.rk, l->tx.topics[i], NULL);
        if (topic && !rd_kafka_metadata(l->tx.rk, 0, topic, &metadata, WARM_MS))
            rd_kafka_metadata_destroy(metadata);
        if (topic)
            rd_kafka_topic_destroy(topic); /* librdkafka keeps what it learnt */
        pulse_beat(&l->pulse);
    }
}

static void *thread_main(void *ctx)
{
    struct ledger *l = ctx;
    struct error err = {0};
    warm_topics(l);
    if (!tx_init(&l->tx, &err)) {
        post_failure(l, LEDGER_FATAL, &err);
        return NULL;
    }
    post(l, result_new(l, LEDGER_READY));
    for (bool more = true; more && await_request(l);) {
        more = works[l->current.kind](l);
        request_done(&l->current);
    }
    return NULL;
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static void submit(struct ledger *l, const struct request *request)
{
    assert(!l->busy);
    l->busy = true;
    atomic_store(&l->pulse.cancel, false);
    pthread_mutex_lock(&l->lock);
    l->request = *request;
    l->request.begun_ms = clock_mono_ms();
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

void ledger_commit(struct ledger *l, const struct engine_batch *batch)
{
    submit(l, &(struct request){.kind = REQUEST_COMMIT, .batch = batch});
}

void ledger_restore(struct ledger *l, const struct restore_part *v, size_t n,
                    rd_kafka_consumer_group_metadata_t *group)
{
    assert(!l->busy);
    struct request request = {.kind = REQUEST_RESTORE, .n_parts = n, .parts = xmemdup(v, n * sizeof *v)};
    if (l->membership)
        rd_kafka_consumer_group_metadata_destroy(l->membership);
    l->membership = group;
    submit(l, &request);
}

void ledger_mark(struct ledger *l, const int32_t *partitions, size_t n)
{
    struct request request = {.kind = REQUEST_MARK, .n_offsets = n};
    request.offsets = xcalloc(n, sizeof *request.offsets);
    for (size_t i = 0; i < n; i++)
        request.offsets[i].partition = partitions[i];
    submit(l, &request);
}

void ledger_seek(struct ledger *l, const struct partition_offset *v, size_t n)
{
    struct request request = {.kind = REQUEST_SEEK, .n_offsets = n};
    request.offsets = xmemdup(v, n * sizeof *v);
    submit(l, &request);
}

void ledger_cancel(struct ledger *l)
{
    atomic_store(&l->pulse.cancel, true);
}

bool ledger_idle(const struct ledger *l)
{
    return !l->busy;
}

int ledger_fd(const struct ledger *l)
{
    return l->fd;
}

int64_t ledger_silent_ms(const struct ledger *l)
{
    return clock_mono_ms() - atomic_load(&l->pulse.beat_ms);
}

const _Atomic int64_t *ledger_beat(const struct ledger *l)
{
    return &l->pulse.beat_ms;
}

void ledger_waiting(const struct ledger *l, struct waiting *ret)
{
    rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)atomic_load(&l->pulse.trouble);
    ret->doing = atomic_load(&l->pulse.doing);
    ret->error = code ? rd_kafka_err2name(code) : NULL;
    ret->moved_ms = atomic_load(&l->pulse.moved_ms);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static bool open_producer(struct ledger *l, const struct config *cfg, const char *slot, struct error *err)
{
    static const enum kafka_topic topics[TX_TOPICS] = {[TOPIC_PERSONS] = KAFKA_PERSONS,
                                                       [TOPIC_RESULTS] = KAFKA_RESULTS,
                                                       [TOPIC_DEADLETTERS] = KAFKA_DEADLETTERS,
                                                       [TOPIC_TARGETS] = KAFKA_TARGETS,
                                                       [TOPIC_PLANS] = KAFKA_PLANS};
    rd_kafka_conf_t *conf;
    char reason[256];
    l->tx.pulse = &l->pulse;
    kafka_events_read_name(cfg, l->tx.events);
    for (size_t i = 0; i < TX_TOPICS; i++)
        kafka_topic_name(cfg, topics[i], l->tx.topics[i]);
    if (!kafka_conf_new(cfg, KAFKA_ROLE_LEDGER, slot, &conf, err))
        return false;
    tx_configure(&l->tx, conf);
    l->tx.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (l->tx.rk)
        return true;
    rd_kafka_conf_destroy(conf);
    return error_set(err, ERROR_INPUT, "kafka: %s", reason);
}

static void init_sync(struct ledger *l)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&l->lock, NULL);
    l->last = &l->first;
    pulse_moved(&l->pulse, "starting");
}

static bool start(struct ledger *l, struct error *err)
{
    l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->fd < 0)
        return error_set(err, ERROR_SYSTEM, "ledger: eventfd: %m");
    int code = pthread_create(&l->thread, NULL, thread_main, l);
    if (code)
        return error_set(err, ERROR_SYSTEM, "ledger: thread: %s", strerror(code));
    l->started = true;
    pthread_setname_np(l->thread, "ledger");
    return true;
}

bool ledger_new(const struct config *cfg, const char *slot, rd_kafka_t *group, struct ledger **ret,
                struct error *err)
{
    struct ledger *l = xcalloc(1, sizeof *l);
    l->fd = -1;
    l->group = group;
    l->restore.ctx = l;
    l->restore.bounds_known = tell_bounds;
    l->restore.records_read = hand_over;
    l->tx.continuity.ctx = &l->restore;
    l->tx.continuity.nothing_between = restore_nothing_between;
    init_sync(l);
    if (!open_producer(l, cfg, slot, err) || !restore_init(&l->restore, cfg, group, &l->pulse, err) ||
        !start(l, err)) {
        ledger_free(l);
        return false;
    }
    *ret = l;
    return true;
}

static void stop_thread(struct ledger *l)
{
    atomic_store(&l->pulse.stop, true);
    pthread_mutex_lock(&l->lock);
    pthread_cond_signal(&l->changed);
    pthread_mutex_unlock(&l->lock);
    pthread_join(l->thread, NULL);
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    if (l->started)
        stop_thread(l);
    for (struct ledger_result *result; (result = l->first);) {
        l->first = result->next;
        ledger_result_done(result);
    }
    request_done(&l->request);
    request_done(&l->current);
    restore_done(&l->restore);
    continuity_done(&l->tx.continuity);
    if (l->tx.rk)
        rd_kafka_destroy(l->tx.rk);
    if (l->membership)
        rd_kafka_consumer_group_metadata_destroy(l->membership);
    if (l->fd >= 0)
        close(l->fd);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
