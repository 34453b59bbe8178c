#include "topic_reader.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "loop.h"
#include "mem.h"

enum {
    FETCH_WAIT_MS =
        100, /* the end is told by an empty answer; as long as nothing comes the broker is asked so often */
    BATCH = 500,
    SLICE_MS = 1000
};

struct topic_reader {
    const struct config *cfg; /* until topic_reader_begin has succeeded */
    char name[KAFKA_TOPIC_NAME_SIZE];
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    int fd;
    int32_t n;     /* partitions; 0: not begun */
    int64_t *ends; /* by partition; what is reached is set to 0 */
    int32_t left;  /* partitions not yet at their end */
    int32_t only;  /* partition; -1: all */
};

/* ---- where it ends ------------------------------------------------------------------------------------- */

static bool hopeless(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR__FATAL;
}

static bool failed(const struct topic_reader *r, rd_kafka_resp_err_t code, const char *what,
                   struct error *err)
{
    return error_set(err, hopeless(code) ? ERROR_PERMANENT : ERROR_TEMPORARY, "kafka: %s of %s: %s", what,
                     r->name, rd_kafka_err2str(code));
}

bool topic_reader_ask_partitions(struct topic_reader *r, int timeout_ms, int32_t *ret, struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(r->rk, 0, r->topic, &metadata, timeout_ms);
    if (code)
        return failed(r, code, "partitions", err);
    code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    *ret = code ? 0 : metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return *ret > 0 || failed(r, code, "partitions", err);
}

static bool is_read(const struct topic_reader *r, int32_t partition)
{
    return r->only < 0 || r->only == partition;
}

/* On a handle of its own: a read_committed one answers with the last stable offset. */
static bool ask_ends(struct topic_reader *r, int32_t n, int64_t *ends, int timeout_ms, struct error *err)
{
    rd_kafka_t *rk;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!kafka_reader_new(r->cfg, KAFKA_ROLE_WATERMARK, FETCH_WAIT_MS, &rk, err))
        return false;
    for (int32_t i = 0; i < n && !code; i++) {
        int64_t low;
        if (!is_read(r, i))
            continue;
        code = rd_kafka_query_watermark_offsets(rk, r->name, i, &low, &ends[i], timeout_ms);
        if (!code && low >= ends[i])
            ends[i] = 0;
    }
    rd_kafka_destroy(rk);
    return !code || failed(r, code, "end", err);
}

static bool start(struct topic_reader *r, enum topic_start from, int32_t partition, struct error *err)
{
    int64_t offset = from == TOPIC_FROM_END ? r->ends[partition] : 0;
    if (rd_kafka_consume_start_queue(r->topic, partition, offset > 0 ? offset : RD_KAFKA_OFFSET_BEGINNING,
                                     r->queue))
        return error_set(err, ERROR_SYSTEM, "kafka: reading of %s: %s", r->name,
                         rd_kafka_err2str(rd_kafka_last_error()));
    if (from == TOPIC_FROM_END)
        r->ends[partition] = 0;
    r->left += r->ends[partition] > 0;
    return true;
}

bool topic_reader_begin(struct topic_reader *r, enum topic_start from, int timeout_ms, struct error *err)
{
    int32_t n = 0;
    if (!topic_reader_ask_partitions(r, timeout_ms, &n, err))
        return false;
    int64_t *ends = xcalloc((size_t)n, sizeof *ends);
    if (!ask_ends(r, n, ends, timeout_ms, err)) {
        free(ends);
        return false;
    }
    r->ends = ends;
    r->n = n;
    for (int32_t i = 0; i < n; i++)
        if (is_read(r, i) && !start(r, from, i, err))
            return false;
    return true;
}

/* ---- records ------------------------------------------------------------------------------------------- */

static void note_end(struct topic_reader *r, int32_t partition, int64_t offset)
{
    if (partition < 0 || partition >= r->n || r->ends[partition] == 0 || offset < r->ends[partition])
        return;
    r->ends[partition] = 0;
    r->left--;
}

/* librdkafka ends header values with a NUL behind their size, so they serve as strings as they are. */
static size_t read_headers(const rd_kafka_message_t *m, struct event_header *v)
{
    rd_kafka_headers_t *headers;
    size_t n = 0, size;
    const void *value;
    if (rd_kafka_message_headers(m, &headers))
        return 0;
    while (n < TOPIC_HEADERS_MAX && !rd_kafka_header_get_all(headers, n, &v[n].name, &value, &size)) {
        v[n].value = value ? value : "";
        n++;
    }
    return n;
}

static void give(const rd_kafka_message_t *m, topic_record_fn *fn, void *ctx)
{
    struct event_header headers[TOPIC_HEADERS_MAX];
    rd_kafka_timestamp_type_t type;
    size_t n = read_headers(m, headers);
    fn(ctx, &(struct topic_record){.partition = m->partition,
                                   .offset = m->offset,
                                   .time_ms = rd_kafka_message_timestamp(m, &type),
                                   .key = {m->key, m->key_len},
                                   .value = {m->payload, m->payload ? m->len : 0},
                                   .headers = headers,
                                   .n_headers = n,
                                   .message = m});
}

static bool take(struct topic_reader *r, const rd_kafka_message_t *m, topic_record_fn *fn, void *ctx,
                 struct error *err)
{
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        note_end(r, m->partition, m->offset);
    else if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        return error_set(err, ERROR_TEMPORARY, "kafka: records of %s were deleted before they were read",
                         r->name);
    else if (m->err)
        return !hopeless(m->err) || failed(r, m->err, "records", err);
    else
        give(m, fn, ctx);
    return true;
}

static void drain_fd(const struct topic_reader *r)
{
    uint64_t count;
    ssize_t got = read(r->fd, &count, sizeof count);
    (void)got;
}

/* A batch waits until it is full: only the first record is waited for. */
static ssize_t next_batch(struct topic_reader *r, int wait_ms, rd_kafka_message_t **v)
{
    v[0] = rd_kafka_consume_queue(r->queue, wait_ms);
    if (!v[0])
        return 0;
    ssize_t more = rd_kafka_consume_batch_queue(r->queue, 0, v + 1, BATCH - 1);
    return 1 + (more > 0 ? more : 0);
}

bool topic_reader_poll(struct topic_reader *r, int wait_ms, topic_record_fn *fn, void *ctx, struct error *err)
{
    rd_kafka_message_t *v[BATCH];
    ssize_t n;
    bool ok = true;
    drain_fd(r); /* before the queue, which tells only that it is no longer empty */
    rd_kafka_poll(r->rk, 0);
    do {
        n = next_batch(r, wait_ms, v);
        for (ssize_t i = 0; i < n; i++) {
            ok = ok && take(r, v[i], fn, ctx, err);
            rd_kafka_message_destroy(v[i]);
        }
        wait_ms = 0;
    } while (ok && n > 0);
    return ok;
}

void topic_reader_only(struct topic_reader *r, int32_t partition)
{
    r->only = partition;
}

int32_t topic_reader_partitions(const struct topic_reader *r)
{
    return r->n;
}

bool topic_reader_reached(const struct topic_reader *r)
{
    return r->n > 0 && r->left == 0;
}

bool topic_reader_read_all(struct topic_reader *r, int timeout_ms, topic_record_fn *fn, void *ctx,
                           struct error *err)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    while (!topic_reader_begin(r, TOPIC_FROM_BEGINNING, SLICE_MS, err)) {
        if (err->kind != ERROR_TEMPORARY || clock_mono_ms() >= deadline_ms)
            return false;
        rd_kafka_poll(r->rk, SLICE_MS / 10); /* so that nothing spins while brokers are away */
    }
    while (!topic_reader_reached(r)) {
        if (!topic_reader_poll(r, SLICE_MS / 10, fn, ctx, err))
            return false;
        if (!topic_reader_reached(r) && clock_mono_ms() >= deadline_ms)
            return error_set(err, ERROR_TEMPORARY, "kafka: the end of %s was not reached in time", r->name);
    }
    return true;
}

int topic_reader_fd(const struct topic_reader *r)
{
    return r->fd;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static bool open_reader(struct topic_reader *r, struct error *err)
{
    static const uint64_t one = 1;
    r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->fd < 0)
        return error_set(err, ERROR_SYSTEM, "%s: eventfd: %m", r->name);
    if (!kafka_reader_new(r->cfg, KAFKA_ROLE_RESTORE, FETCH_WAIT_MS, &r->rk, err))
        return false;
    r->topic = rd_kafka_topic_new(r->rk, r->name, NULL);
    if (!r->topic)
        return failed(r, rd_kafka_last_error(), "opening", err);
    r->queue = rd_kafka_queue_new(r->rk);
    rd_kafka_queue_io_event_enable(r->queue, r->fd, &one, sizeof one);
    return true;
}

bool topic_reader_new(const struct config *cfg, enum kafka_topic topic, struct topic_reader **ret,
                      struct error *err)
{
    struct topic_reader *r = xcalloc(1, sizeof *r);
    r->fd = -1;
    r->only = -1;
    r->cfg = cfg;
    kafka_topic_name(cfg, topic, r->name);
    if (!open_reader(r, err)) {
        topic_reader_free(r);
        return false;
    }
    *ret = r;
    return true;
}

void topic_reader_free(struct topic_reader *r)
{
    if (!r)
        return;
    for (int32_t i = 0; i < r->n; i++)
        rd_kafka_consume_stop(r->topic, i); /* not started: says so, does nothing */
    if (r->queue)
        rd_kafka_queue_destroy(r->queue);
    if (r->topic)
        rd_kafka_topic_destroy(r->topic);
    if (r->rk)
        rd_kafka_destroy(r->rk);
    if (r->fd >= 0)
        close(r->fd);
    free(r->ends);
    free(r);
}
