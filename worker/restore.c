#include "restore.h"

#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "failpoint.h"
#include "restore_copy.h"
#include "mem.h"

enum {
    FETCH_WAIT_MS = 10,
    READ_WAIT_MS = 100,
    WARM_MS = 3000,
    EVENTS_WAIT_MS =
        45000 /* longer than replica.lag.time.max.ms: a new leader may not know its own end before */,
    END_TRIES = 10,
    BETWEEN_MS = 5000,
    PARTITIONS_AT_ONCE = 8, /* at least; as many more as together hold: */
    RECORDS_AT_ONCE = 65536
};

struct extent { /* of a partition */
    int64_t low, high;
};

struct reading { /* one restore under way */
    struct restore *r;
    struct restore_part *v;
    size_t n;
    int64_t *committed; /* by index into v: offsets as the group answered at first; -1: none */
    int64_t *ends;      /* high watermarks by index into v; what is reached is set to 0 */
    int64_t *sizes;     /* offsets between the watermarks, by index into v: no fewer than there are records */
    size_t left;        /* partitions not yet at their end */
    size_t begun;       /* partitions of v that are being read or need not be */
    size_t at_once;     /* of them, those not yet at their end */
    int64_t ahead;      /* their sizes together */
    rd_kafka_queue_t *queue;
};

static bool go_on(struct restore *r)
{
    pulse_beat(r->pulse);
    return !atomic_load(&r->pulse->stop) && !atomic_load(&r->pulse->cancel);
}

/* Errors that time does not heal. All others are waited out: the brokers may come back. */
static bool hopeless(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR__FATAL;
}

/* True: try again. Otherwise err is set, or untouched when cancelled. */
static bool wait_out(struct restore *r, rd_kafka_resp_err_t code, const char *what, struct error *err)
{
    if (hopeless(code))
        return error_set(err, ERROR_PERMANENT, "restore: %s: %s", what, rd_kafka_err2str(code));
    if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) /* librdkafka has stopped reading there */
        return error_set(err, ERROR_TEMPORARY, "restore: %s: a replica that lags was asked; to begin anew",
                         what);
    pulse_pause(r->pulse, code);
    return true;
}

/* ---- 1. committed offsets ------------------------------------------------------------------------------ */

static rd_kafka_resp_err_t ask_committed(struct restore *r, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(r->group, list, PULSE_SLICE_MS);
    for (int i = 0; !code && i < list->cnt; i++)
        code = list->elems[i].err;
    return code;
}

static bool read_committed_offsets(struct reading *rd, int64_t *ret, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)rd->n);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (size_t i = 0; i < rd->n; i++)
        rd_kafka_topic_partition_list_add(list, rd->r->events, rd->v[i].partition);
    pulse_moved(rd->r->pulse, "restore: reading committed offsets");
    while (go_on(rd->r) && (code = ask_committed(rd->r, list)))
        if (!wait_out(rd->r, code, "committed offsets", err))
            break;
    for (size_t i = 0; !code && i < rd->n; i++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_topic_partition_list_find(list, rd->r->events, rd->v[i].partition);
        ret[i] = found && found->offset >= 0 ? found->offset : -1;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return !code;
}

static bool begin_at_committed(struct reading *rd, struct error *err)
{
    if (!read_committed_offsets(rd, rd->committed, err))
        return false;
    for (size_t i = 0; i < rd->n; i++)
        rd->v[i].offset = rd->committed[i];
    return true;
}

/* A dry run that begins: it takes over from those who write, where they are. */
static bool copy_live(struct reading *rd, struct error *err)
{
    for (size_t i = 0; rd->r->cfg->worker.mode == MODE_PLAN && i < rd->n; i++)
        if (rd->v[i].offset < 0 &&
            !restore_copy(rd->r->cfg, rd->v[i].partition, rd->r->pulse, &rd->v[i].offset, err))
            return false;
    return true;
}

/* ---- 2. what the partitions hold ----------------------------------------------------------------------- */

/* A handle that only asks for watermarks never learns by itself that a partition has another leader: in 2.0.2 it
 * asks the old one for ever. */
static void refresh(rd_kafka_t *rk, rd_kafka_topic_t *topic, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata;
    if (!rd_kafka_metadata(rk, 0, topic, &metadata, timeout_ms))
        rd_kafka_metadata_destroy(metadata);
}

/* Of the leader; open transactions are included in ret_high. */
static bool query(struct restore *r, rd_kafka_topic_t *topic, int32_t partition, struct extent *ret,
                  struct error *err)
{
    for (;;) {
        if (!go_on(r))
            return false;
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            r->asker, rd_kafka_topic_name(topic), partition, &ret->low, &ret->high, PULSE_SLICE_MS);
        if (!code)
            return true;
        if (!wait_out(r, code, "watermark", err))
            return false;
        refresh(r->asker, topic, PULSE_SLICE_MS);
    }
}

/* Events that are gone are not passed over in silence. Only the leader knows: a replica that lags or has just been
 * put in place says so of events that are there, which is why the consumer's word for it is not enough. A new
 * leader may need a moment to know how far it goes. */
static bool check_events(struct restore *r, const struct restore_part *at, struct error *err)
{
    struct extent has;
    int64_t deadline_ms = clock_mono_ms() + EVENTS_WAIT_MS;
    pulse_moved(r->pulse, "restore: looking for the events");
    do {
        if (!query(r, r->asked_events, at->partition, &has, err))
            return false;
        if (at->offset >= has.low && at->offset <= has.high)
            return true;
        pulse_pause(r->pulse, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    } while (at->offset > has.high && clock_mono_ms() < deadline_ms);
    if (at->offset < has.low)
        return error_set(
            err, ERROR_PERMANENT,
            "events of partition %d were deleted before they were read (from %lld on; the first that is "
            "left is %lld); lengthen the topic's retention, then set the group's offset with "
            "kafka-consumer-groups --reset-offsets --to-earliest",
            at->partition, (long long)at->offset, (long long)has.low);
    return error_set(
        err, ERROR_PERMANENT,
        "the group has read partition %d up to %lld but the events topic ends at %lld: it has lost "
        "events or was made anew; start under a new kafka.topic_prefix",
        at->partition, (long long)at->offset, (long long)has.high);
}

/* Nobody has read the partition yet. What is gone of it was gone before us, and our first commit says so: an offset of 0 would
 * be taken for events that have been lost since. */
static bool find_first(struct restore *r, struct restore_part *part, struct error *err)
{
    struct extent has;
    pulse_moved(r->pulse, "restore: looking for the first event");
    if (!query(r, r->asked_events, part->partition, &has, err))
        return false;
    part->first = has.low;
    return true;
}

static bool look_at_partitions(struct reading *rd, struct error *err)
{
    for (size_t i = 0; i < rd->n; i++) {
        struct restore_part *part = &rd->v[i];
        struct extent persons;
        if (part->offset >= 0 ? !check_events(rd->r, part, err) : !find_first(rd->r, part, err))
            return false;
        pulse_moved(rd->r->pulse, "restore: reading watermarks");
        if (!query(rd->r, rd->r->asked_persons, part->partition, &persons, err))
            return false;
        part->kept =
            part->left_end > 0 && part->left_end == persons.high && part->left_offset == part->offset;
        part->end = part->kept ? part->left_end : 0;
        rd->ends[i] = part->kept ? 0 : persons.high;
        rd->sizes[i] = persons.high - persons.low;
        rd->left += rd->ends[i] > 0;
    }
    return true;
}

/* ---- 3. records ---------------------------------------------------------------------------------------- */

static void note_end(struct reading *rd, int32_t partition, int64_t offset)
{
    for (size_t i = 0; i < rd->n; i++) {
        if (rd->v[i].partition != partition)
            continue;
        rd->v[i].end = offset;
        if (rd->ends[i] == 0 || offset < rd->ends[i])
            continue;
        rd->ends[i] = 0;
        rd->left--;
        rd->at_once--;
        rd->ahead -= rd->sizes[i];
    }
}

static bool start_partition(struct reading *rd, size_t i, struct error *err)
{
    rd->at_once++;
    rd->ahead += rd->sizes[i];
    return !rd_kafka_consume_start_queue(rd->r->records, rd->v[i].partition, RD_KAFKA_OFFSET_BEGINNING,
                                         rd->queue) ||
           error_set(err, ERROR_SYSTEM, "restore: reading partition %d: %s", rd->v[i].partition,
                     rd_kafka_err2str(rd_kafka_last_error()));
}

/* Not all at once: librdkafka would read ahead what its queue may hold, and each byte of it lie in memory that is
 * new. Read a few at a time, records come in what the ones before them have left. */
static bool start_some(struct reading *rd, struct error *err)
{
    for (; rd->begun < rd->n; rd->begun++) {
        if (rd->ends[rd->begun] == 0)
            continue;
        if (rd->at_once >= PARTITIONS_AT_ONCE && rd->ahead + rd->sizes[rd->begun] > RECORDS_AT_ONCE)
            break;
        if (!start_partition(rd, rd->begun, err))
            return false;
    }
    return true;
}

/* Keeps the records in v and answers how many; ends and passing errors are dealt with here. */
static size_t sift(struct reading *rd, rd_kafka_message_t **v, size_t n, rd_kafka_resp_err_t *ret_error)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!v[i]->err) {
            v[kept++] = v[i];
            continue;
        }
        if (v[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            note_end(rd, v[i]->partition, v[i]->offset);
        else
            *ret_error = v[i]->err;
        rd_kafka_message_destroy(v[i]);
    }
    return kept;
}

static const char reading_records[] = "restore: reading records";

static bool read_records(struct reading *rd, struct error *err)
{
    struct restore *r = rd->r;
    rd_kafka_message_t *chunk[RESTORE_CHUNK];
    pulse_moved(r->pulse, reading_records);
    while (rd->left > 0) {
        rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
        if (!go_on(r))
            return false;
        ssize_t got = rd_kafka_consume_batch_queue(rd->queue, READ_WAIT_MS, chunk, RESTORE_CHUNK);
        size_t n = got > 0 ? sift(rd, chunk, (size_t)got, &code) : 0;
        if (n > 0) {
            pulse_moved(r->pulse, reading_records);
            r->records_read(r->ctx, chunk, n);
        }
        FAILPOINT("during-restore");
        if (code && !wait_out(r, code, "records", err))
            return false;
        if (!start_some(rd, err))
            return false;
    }
    return true;
}

static bool start_reading(struct reading *rd, struct error *err)
{
    rd->r->bounds_known(rd->r->ctx, rd->v, rd->n);
    FAILPOINT("before-restore");
    return start_some(rd, err);
}

static void stop_reading(struct reading *rd)
{
    for (size_t i = 0; i < rd->n; i++)
        rd_kafka_consume_stop(rd->r->records, rd->v[i].partition); /* not started: says so, does nothing */
}

bool restore_nothing_between(void *ctx, int32_t partition, int64_t from, int64_t to)
{
    struct restore *r = ctx;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(r->reader);
    int64_t deadline_ms = clock_mono_ms() + BETWEEN_MS;
    bool something = rd_kafka_consume_start_queue(r->records, partition, from, queue) != 0, reached = false;
    while (!something && !reached && go_on(r) && clock_mono_ms() < deadline_ms) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(queue, READ_WAIT_MS);
        if (!message)
            continue;
        reached =
            message->offset >= to && (!message->err || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF);
        something = !message->err && !reached;
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consume_stop(r->records, partition);
    rd_kafka_queue_destroy(queue);
    return reached;
}

static bool ask_end(struct restore *r, rd_kafka_t *rk, int32_t partition, int64_t *ret)
{
    int64_t low;
    pulse_beat(r->pulse);
    return !rd_kafka_query_watermark_offsets(rk, r->persons, partition, &low, ret, PULSE_SLICE_MS);
}

/* A commit is answered before its markers are in the partitions, and each of them moves the end by one: the end is
 * what it will stay when the last stable offset (the reader is read_committed) has reached it. */
static bool find_end(struct restore *r, struct partition_offset *p)
{
    int64_t stable;
    for (int i = 0; i < END_TRIES; i++) {
        if (!ask_end(r, r->reader, p->partition, &stable) || !ask_end(r, r->asker, p->partition, &p->offset))
            return false;
        if (stable >= p->offset)
            return true;
        pulse_pause(r->pulse, 0);
    }
    return false;
}

bool restore_ends(struct restore *r, struct partition_offset *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!find_end(r, &v[i]))
            return false;
    return true;
}

/* ---- 4. nobody has gone on meanwhile ------------------------------------------------------------------- */

/* Who stood still in the middle of a restore may have lost the partition, and has read what its new owner wrote. */
static bool check_unmoved(struct reading *rd, struct error *err)
{
    int64_t *now = xcalloc(rd->n, sizeof *now);
    bool ok = read_committed_offsets(rd, now, err);
    for (size_t i = 0; ok && i < rd->n; i++)
        if (now[i] != rd->committed[i])
            ok = error_set(
                err, ERROR_TEMPORARY,
                "restore: somebody else has read partition %d on meanwhile (this process stood still "
                "too long); to begin anew",
                rd->v[i].partition);
    free(now);
    return ok;
}

bool restore_run(struct restore *r, struct restore_part *v, size_t n, struct error *err)
{
    struct reading rd = {.r = r,
                         .v = v,
                         .n = n,
                         .ends = xcalloc(n, sizeof *rd.ends),
                         .sizes = xcalloc(n, sizeof *rd.sizes),
                         .committed = xcalloc(n, sizeof *rd.committed)};
    *err = (struct error){0};
    rd.queue = rd_kafka_queue_new(r->reader);
    bool ok = begin_at_committed(&rd, err) && copy_live(&rd, err) && look_at_partitions(&rd, err) &&
              start_reading(&rd, err) && read_records(&rd, err) && check_unmoved(&rd, err);
    stop_reading(&rd);
    rd_kafka_queue_destroy(rd.queue);
    free(rd.ends);
    free(rd.sizes);
    free(rd.committed);
    return ok;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

bool restore_init(struct restore *r, const struct config *cfg, rd_kafka_t *group, struct pulse *pulse,
                  struct error *err)
{
    r->group = group;
    r->pulse = pulse;
    r->cfg = cfg;
    kafka_events_read_name(cfg, r->events);
    kafka_topic_name(cfg, KAFKA_PERSONS, r->persons);
    if (!kafka_reader_new(cfg, KAFKA_ROLE_RESTORE, FETCH_WAIT_MS, &r->reader, err) ||
        !kafka_reader_new(cfg, KAFKA_ROLE_WATERMARK, FETCH_WAIT_MS, &r->asker, err))
        return false;
    r->records = rd_kafka_topic_new(r->reader, r->persons, NULL);
    r->asked_persons = rd_kafka_topic_new(r->asker, r->persons, NULL);
    r->asked_events = rd_kafka_topic_new(r->asker, r->events, NULL);
    if (!r->records || !r->asked_persons || !r->asked_events)
        return error_set(err, ERROR_INPUT, "kafka: topic %s: %s", r->persons,
                         rd_kafka_err2str(rd_kafka_last_error()));
    /* The first use of a topic costs a metadata request: better now than inside the first rebalance. */
    refresh(r->reader, r->records, WARM_MS);
    return true;
}

void restore_done(struct restore *r)
{
    if (r->records)
        rd_kafka_topic_destroy(r->records);
    if (r->asked_persons)
        rd_kafka_topic_destroy(r->asked_persons);
    if (r->asked_events)
        rd_kafka_topic_destroy(r->asked_events);
    if (r->reader)
        rd_kafka_destroy(r->reader);
    if (r->asker)
        rd_kafka_destroy(r->asker);
    *r = (struct restore){0};
}
