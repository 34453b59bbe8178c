#include "spool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "counters.h"
#include "failpoint.h"
#include "log.h"
#include "mem.h"
#include "publisher.h"
#include "spool_job.h"

enum {
    QUEUE_MAX = 64 * 1024 * 1024, /* of jobs that wait for a commit */
    GROUP_MAX = 4 * 1024 * 1024,  /* of one commit */
    WINDOW = 8192,                /* records under way to Kafka; a power of two */
    WINDOW_BYTES = 16 * 1024 * 1024,
    FORGET_MS = 200, /* acknowledged records are deleted so often, and with every commit */
    RETRY_MS = 1000, /* after a failure of Kafka's or the disk's */
    TURN_MS = 1000,
    LAST_REPORTS_MS = 1000, /* at the end; a report that is missed costs a duplicate, which is harmless */
};

struct spool_port {
    struct spool *spool;
    struct loop *loop;
    spool_done_fn *done;
    struct job_stack finished;
    size_t pending;
};

/* A record under way, in a ring. Deleted from the file when all before it are through as well. */
struct sent {
    struct spool *spool;
    int64_t seq, at_ms;
    size_t bytes;
    bool alone; /* in no batch with another one */
    enum { SENT, DELIVERED, REFUSED, FAILED } state;
};

struct spool {
    const struct config *cfg;
    struct metrics *metrics;
    struct loop *loop;
    pthread_t id;
    bool started;
    struct job_stack jobs;
    _Atomic bool stopping, held, damaged, failing, full;
    _Atomic int64_t backlog;   /* records put and neither acknowledged nor given back */
    _Atomic int64_t queued;    /* bytes of jobs that wait */
    _Atomic int64_t bytes;     /* of the file */
    _Atomic int64_t oldest_ms; /* when the oldest unsent record came; 0: there is none */

    /* The thread's own from here. */
    struct spool_file *file;
    struct publisher *publisher;
    struct spool_job *first, *last; /* jobs taken, to be committed */
    struct sent ring[WINDOW];
    size_t head, n; /* of the ring */
    size_t under_way, under_way_bytes;
    int64_t last_seq, read_seq; /* of the file; handed to the producer */
    int64_t forget_seq;         /* delivered up to here, 0: nothing to delete */
    int64_t alone_seq;          /* up to here records go one at a time: some were refused with their batch */
    int64_t refused[WINDOW];
    size_t n_refused;
    bool rewind;       /* something failed: send again from the first unacknowledged record */
    int64_t pause_ms;  /* monotonic: send nothing before */
    int64_t forgot_ms; /* last deletion */
    int64_t probe_ms;  /* when to try the disk next */
    bool told_failing;
};

/* ---- jobs in and out ---------------------------------------------------------------------------------- */

bool spool_put(struct spool_port *port, struct spool_job *job, void *opaque)
{
    struct spool *s = port->spool;
    int64_t bytes = (int64_t)job->bytes.n;
    bool ok = atomic_fetch_add(&s->queued, bytes) + bytes <= QUEUE_MAX && !atomic_load(&s->damaged);
    if (!ok) {
        atomic_fetch_sub(&s->queued, bytes);
        spool_job_free(job);
        return false;
    }
    job->port = port;
    job->opaque = opaque;
    port->pending++;
    atomic_fetch_add(&s->backlog, (int64_t)job->n);
    if (job_push(&s->jobs, job))
        loop_wake(s->loop);
    return true;
}

struct spool_port *spool_port_new(struct spool *s, struct loop *loop, spool_done_fn *done)
{
    struct spool_port *port = xcalloc(1, sizeof *port);
    *port = (struct spool_port){.spool = s, .loop = loop, .done = done};
    return port;
}

void spool_port_free(struct spool_port *port)
{
    if (!port)
        return;
    assert(port->pending == 0);
    free(port);
}

void spool_poll(struct spool_port *port)
{
    for (struct spool_job *job = job_take_all(&port->finished), *next; job; job = next) {
        next = job->next;
        port->pending--;
        port->done(job->opaque, job->kept);
        spool_job_free(job);
    }
}

size_t spool_pending(const struct spool_port *port)
{
    return port->pending;
}

bool spool_first(const struct spool *s)
{
    return !atomic_load(&s->damaged) && (atomic_load(&s->backlog) > 0 || atomic_load(&s->held));
}

bool spool_usable(const struct spool *s)
{
    return !atomic_load(&s->damaged) && !atomic_load(&s->failing) && !atomic_load(&s->full);
}

/* ---- commits ------------------------------------------------------------------------------------------- */

static void give_back(struct spool *s, struct spool_job *job, bool kept)
{
    struct spool_port *port = job->port;
    atomic_fetch_sub(&s->queued, (int64_t)job->bytes.n);
    if (kept)
        metrics_add(s->metrics, COUNT_SPOOLED, NULL, (int64_t)job->n);
    else
        atomic_fetch_sub(&s->backlog, (int64_t)job->n);
    job->kept = kept;
    if (job_push(&port->finished, job))
        loop_wake(port->loop);
}

/* Says once that the disk fails, and once that it works again. */
static void note(struct spool *s, bool ok, const struct error *err)
{
    if (!ok && err->kind == ERROR_PERMANENT)
        atomic_store(&s->damaged, true);
    atomic_store(&s->failing, !ok);
    if (!ok && !s->told_failing)
        log_error("the spool cannot be written", LOG_ERROR_FIELD(err));
    else if (ok && s->told_failing)
        log_info("the spool can be written again");
    s->told_failing = !ok;
}

/* Cuts off the queue what one commit takes; at least one job. */
static struct spool_job *take_group(struct spool *s)
{
    struct spool_job *group = s->first, *end = group;
    if (!group)
        return NULL;
    for (size_t bytes = group->bytes.n; end->next && bytes + end->next->bytes.n <= GROUP_MAX; end = end->next)
        bytes += end->next->bytes.n;
    s->first = end->next;
    end->next = NULL;
    return group;
}

static bool forget(struct spool *s, struct error *err)
{
    for (size_t i = 0; i < s->n_refused; i++)
        if (!spool_file_refuse(s->file, s->refused[i], err))
            return false;
    return s->forget_seq == 0 || spool_file_forget(s->file, s->forget_seq, err);
}

/* A job that does not fit whole is marked by kept = false and left out; the others' rows go in. */
static bool append_group(struct spool *s, struct spool_job *group, struct error *err)
{
    int64_t now = clock_real_ms();
    bool full = false;
    for (struct spool_job *job = group; job; job = job->next) {
        job->kept = spool_file_has_room(s->file, job->bytes.n + job->n * sizeof(struct spool_row));
        full = full || !job->kept;
        if (job->kept && !job_append(job, s->file, now, &s->last_seq, err))
            return false;
    }
    if (full && !atomic_load(&s->full))
        log_error("the spool is full, senders are told to come again; see ingest.spool.max_bytes",
                  LOG_I("bytes", spool_file_bytes(s->file)));
    atomic_store(&s->full, full);
    return true;
}

static void commit_group(struct spool *s, struct spool_job *group)
{
    struct error err = {0};
    int64_t last_seq = s->last_seq;
    bool ok = spool_file_begin(s->file, &err) && forget(s, &err) && append_group(s, group, &err);
    FAILPOINT("spool.before_commit");
    ok = ok && spool_file_commit(s->file, &err);
    FAILPOINT("spool.after_commit");
    if (ok) {
        s->forget_seq = 0;
        s->n_refused = 0;
    } else {
        spool_file_rollback(s->file);
        s->last_seq = last_seq;
    }
    s->forgot_ms = clock_mono_ms();
    note(s, ok, &err);
    for (struct spool_job *next; group; group = next) {
        next = group->next;
        give_back(s, group, ok && group->kept);
    }
    atomic_store(&s->bytes, spool_file_bytes(s->file));
}

static void take_jobs(struct spool *s)
{
    struct spool_job *job = job_take_all(&s->jobs);
    if (!job)
        return;
    if (s->first)
        s->last->next = job;
    else
        s->first = job;
    while (job->next)
        job = job->next;
    s->last = job;
}

/* Whether the disk works, and whether there is room, is looked at when nobody asks, too: while it does not, senders may
 * be kept away by a load balancer that believes /readyz. */
static void probe(struct spool *s, int64_t now_ms)
{
    struct error err = {0};
    if (atomic_load(&s->full) &&
        spool_file_has_room(s->file, GROUP_MAX < s->cfg->ingest.spool.max_bytes / 8
                                         ? GROUP_MAX
                                         : (size_t)s->cfg->ingest.spool.max_bytes / 8))
        atomic_store(&s->full, false);
    if (!atomic_load(&s->failing) || now_ms < s->probe_ms)
        return;
    s->probe_ms = now_ms + RETRY_MS;
    note(s, spool_file_probe(s->file, &err), &err);
}

static bool forget_due(const struct spool *s, int64_t now_ms)
{
    return (s->forget_seq > 0 || s->n_refused > 0) && now_ms - s->forgot_ms >= FORGET_MS;
}

static void commit(struct spool *s, int64_t now_ms)
{
    take_jobs(s);
    struct spool_job *group = atomic_load(&s->damaged) ? NULL : take_group(s);
    if (group || (!atomic_load(&s->damaged) && forget_due(s, now_ms)))
        commit_group(s, group);
    while (atomic_load(&s->damaged) && (group = take_group(s)))
        for (struct spool_job *next; group; group = next) {
            next = group->next;
            give_back(s, group, false);
        }
}

/* ---- sending ------------------------------------------------------------------------------------------- */

static void on_report(void *opaque, enum publisher_outcome outcome)
{
    struct sent *record = opaque;
    struct spool *s = record->spool;
    s->under_way--;
    s->under_way_bytes -= record->bytes;
    if (outcome == PUBLISHER_REFUSED &&
        !record->alone) { /* for a neighbour, perhaps: a batch is refused whole */
        s->alone_seq = record->seq > s->alone_seq ? record->seq : s->alone_seq;
        outcome = PUBLISHER_FAILED;
    }
    if (outcome == PUBLISHER_FAILED) {
        record->state = FAILED;
        s->rewind = true;
        return;
    }
    record->state = outcome == PUBLISHER_DELIVERED ? DELIVERED : REFUSED;
    atomic_fetch_sub(&s->backlog, 1);
    if (record->state == REFUSED) {
        assert(s->n_refused < WINDOW);
        s->refused[s->n_refused++] = record->seq;
        metrics_add(s->metrics, COUNT_SPOOL_REFUSED, NULL, 1);
        log_error("Kafka refuses a record of the spool; it stays there and is tried again at the next start",
                  LOG_I("seq", record->seq));
    } else {
        metrics_add(s->metrics, COUNT_SPOOL_SENT, NULL, 1);
    }
}

static bool send_row(void *ctx, const struct spool_row *row)
{
    struct spool *s = ctx;
    struct error err;
    struct sent *record = &s->ring[(s->head + s->n) % WINDOW];
    const struct record *r = &row->record;
    if (s->read_seq <= s->alone_seq && s->under_way > 0)
        return false;
    if (s->n == WINDOW || s->n_refused + s->n >= WINDOW || s->under_way_bytes > WINDOW_BYTES)
        return false;
    *record = (struct sent){.spool = s,
                            .seq = row->seq,
                            .at_ms = row->at_ms,
                            .bytes = r->key.n + r->headers.n + r->value.n,
                            .alone = row->seq <= s->alone_seq};
    enum publisher_topic topic = row->topic == SPOOL_RAW ? PUBLISHER_RAW : PUBLISHER_EVENTS;
    if (!publisher_send_record(s->publisher, topic, r, record, &err)) {
        if (err.kind == ERROR_TEMPORARY) {
            s->rewind = s->rewind || publisher_fatal(s->publisher);
            return false;
        }
        s->under_way++;
        s->under_way_bytes += record->bytes;
        record->alone = true; /* it was in no batch yet */
        on_report(record, PUBLISHER_REFUSED);
    } else {
        s->under_way++;
        s->under_way_bytes += record->bytes;
    }
    s->n++;
    s->read_seq = row->seq;
    return true;
}

static void send_more(struct spool *s, int64_t now_ms)
{
    struct error err = {0};
    if (atomic_load(&s->held) || s->rewind || now_ms < s->pause_ms || s->read_seq >= s->last_seq ||
        s->n > WINDOW / 2 || s->under_way_bytes > WINDOW_BYTES / 2)
        return;
    if (spool_file_read(s->file, s->read_seq, send_row, s, &err))
        return;
    note(s, false, &err);
    s->pause_ms = now_ms + RETRY_MS;
}

/* What is through at the head of the ring can be deleted. */
static void advance(struct spool *s)
{
    while (s->n > 0 && (s->ring[s->head].state == DELIVERED || s->ring[s->head].state == REFUSED)) {
        s->forget_seq = s->ring[s->head].seq;
        s->head = (s->head + 1) % WINDOW;
        s->n--;
    }
}

static void on_publisher(void *ctx, uint32_t events)
{
    (void)ctx; /* a turn looks at everything */
    (void)events;
}

/* Once nothing is under way: send again from the first that failed. What was delivered behind it comes twice, and is
 * one to every reader: same id. */
static void send_again(struct spool *s, int64_t now_ms)
{
    if (!s->rewind || s->under_way > 0 || s->n_refused > 0)
        return;
    if (s->n > 0)
        s->read_seq = s->ring[s->head].seq - 1;
    for (; s->n > 0; s->n--, s->head = (s->head + 1) % WINDOW)
        if (s->ring[s->head].state == DELIVERED)
            atomic_fetch_add(&s->backlog, 1);
    s->pause_ms = now_ms + RETRY_MS;
    s->rewind = false;
    publisher_renew(s->publisher);
}

/* ---- the thread ---------------------------------------------------------------------------------------- */

static bool take_age(void *ctx, const struct spool_row *row)
{
    *(int64_t *)ctx = row->at_ms;
    return false;
}

static void tell_age(struct spool *s)
{
    struct error ignored;
    int64_t oldest = 0;
    if (s->n > 0)
        oldest = s->ring[s->head].at_ms;
    else if (s->read_seq < s->last_seq && !spool_file_read(s->file, s->read_seq, take_age, &oldest, &ignored))
        oldest = 0;
    if (oldest == 0 && atomic_load(&s->oldest_ms) != 0)
        log_info("the spool is empty, events go to Kafka directly");
    else if (oldest != 0 && atomic_load(&s->oldest_ms) == 0)
        log_warn("events go to the spool", LOG_I("events", atomic_load(&s->backlog)));
    atomic_store(&s->oldest_ms, oldest);
}

static int timeout_ms(const struct spool *s, int64_t now_ms)
{
    if (s->first)
        return 0;
    if (s->forget_seq > 0 || s->n_refused > 0)
        return FORGET_MS;
    return s->pause_ms > now_ms ? (int)(s->pause_ms - now_ms) : TURN_MS;
}

static void turn(struct spool *s)
{
    int64_t now = clock_mono_ms();
    commit(s, now);
    publisher_poll(s->publisher);
    advance(s);
    send_again(s, now);
    if (!atomic_load(&s->damaged)) {
        probe(s, now);
        send_more(s, now);
    }
    if (atomic_load(&s->backlog) == 0 && s->forget_seq == 0)
        spool_file_shrink(s->file);
    tell_age(s);
    loop_wait(s->loop, timeout_ms(s, now));
}

/* Everything that was put is committed or refused; reports are awaited for a moment. */
static void finish(struct spool *s)
{
    int64_t end = clock_mono_ms() + LAST_REPORTS_MS;
    do
        commit(s, clock_mono_ms());
    while (s->first);
    while (s->under_way > 0 && clock_mono_ms() < end) {
        loop_wait(s->loop, (int)(end - clock_mono_ms()));
        publisher_poll(s->publisher);
    }
    advance(s);
    if (s->forget_seq > 0 && !atomic_load(&s->damaged))
        commit_group(s, NULL);
    if (atomic_load(&s->backlog) > 0)
        log_info("events stay in the spool, they are sent at the next start",
                 LOG_I("events", atomic_load(&s->backlog)));
}

static void *thread_main(void *arg)
{
    struct spool *s = arg;
    while (!atomic_load(&s->stopping))
        turn(s);
    finish(s);
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static bool open_file(struct spool *s, struct error *err)
{
    const struct config_spool *c = &s->cfg->ingest.spool;
    if (spool_file_open(c->path, c->max_bytes, NULL, &s->file, err)) {
        atomic_store(&s->backlog, spool_file_rows(s->file));
        atomic_store(&s->bytes, spool_file_bytes(s->file));
        s->last_seq = spool_file_last(s->file);
        return true;
    }
    if (err->kind != ERROR_PERMANENT)
        return false;
    log_error("going on without a spool", LOG_ERROR_FIELD(err));
    atomic_store(&s->damaged, true);
    return true;
}

bool spool_new(const struct config *cfg, struct metrics *metrics, struct spool **ret, struct error *err)
{
    struct spool *s = xcalloc(1, sizeof *s);
    s->cfg = cfg;
    s->metrics = metrics;
    s->alone_seq = -1;
    atomic_store(&s->held, true);
    if (!open_file(s, err) || !loop_new(&s->loop, err) ||
        !publisher_new(cfg, PUBLISHER_PATIENT, on_report, metrics, &s->publisher, err) ||
        !loop_add(s->loop, publisher_fd(s->publisher), EPOLLIN, on_publisher, s, err)) {
        spool_free(s);
        return false;
    }
    *ret = s;
    return true;
}

bool spool_start(struct spool *s, struct error *err)
{
    if (!s->file)
        return true;
    int rc = pthread_create(&s->id, NULL, thread_main, s);
    if (rc != 0)
        return error_set(err, ERROR_SYSTEM, "cannot start a thread: %s", strerror(rc));
    pthread_setname_np(s->id, "spool");
    s->started = true;
    return true;
}

void spool_stop(struct spool *s)
{
    if (!s->started)
        return;
    atomic_store(&s->stopping, true);
    loop_wake(s->loop);
    pthread_join(s->id, NULL);
    s->started = false;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    spool_stop(s);
    publisher_free(s->publisher);
    spool_file_close(s->file);
    loop_free(s->loop);
    free(s);
}

void spool_release(struct spool *s)
{
    atomic_store(&s->held, false);
    loop_wake(s->loop);
}

void spool_gauges(struct spool *s)
{
    int64_t oldest = atomic_load(&s->oldest_ms), now = clock_real_ms();
    metrics_set(s->metrics, COUNT_SPOOL_EVENTS, NULL, atomic_load(&s->backlog));
    metrics_set(s->metrics, COUNT_SPOOL_BYTES, NULL, atomic_load(&s->bytes));
    metrics_set(s->metrics, COUNT_SPOOL_AGE, NULL, oldest > 0 && now > oldest ? now - oldest : 0);
    metrics_set(s->metrics, COUNT_SPOOL_USABLE, NULL, spool_usable(s));
}
