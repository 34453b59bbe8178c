/* membership_kit.h - the membership between a fake consumer, ledger, intake and engine: they write down what they are asked,
 * in order. Their functions are defined here, so the linker never takes the real ones. */
#ifndef ROLLCALL_TEST_MEMBERSHIP_KIT_H
#define ROLLCALL_TEST_MEMBERSHIP_KIT_H

#include "../../worker/membership.h"
#include "../../worker/intake.h"
#include "../../worker/reading.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "buf.h"
#include "log.h"
#include "mem.h"

enum { DRAIN_MS = 60000 };

static struct fake {
    struct buf said;              /* what was asked, one word each */
    struct ledger_result *result; /* the next one to be taken */
    bool ledger_busy;
    bool consumer_more;
    size_t polled;
    size_t in_flight;
    bool clean;
    const struct engine_batch *batch; /* the next one to be taken */
    int64_t position;
    bool restore_end_fails;
    bool kept;     /* partition 3 is as it was left */
    bool unmarked; /* no broker says where records end */
    bool later;
    bool slow; /* an event takes longer than a turn may */ /* the engine takes no event now */
    struct error failure;
} fake;

static struct membership *m;

static inline void say(const char *word)
{
    buf_addc(&fake.said, ' ');
    buf_adds(&fake.said, word);
}

static inline void say_number(const char *word, int64_t n)
{
    say(word);
    buf_addi(&fake.said, n);
}

/* ---- engine -------------------------------------------------------------------------------------------- */

void engine_restore_begin(struct engine *e, int32_t partition)
{
    (void)e;
    say_number("begin", partition);
}

bool engine_restore_end(struct engine *e, int32_t partition, int64_t committed, struct now now,
                        struct error *err)
{
    (void)e, (void)now;
    say_number("end", partition);
    say_number("@", committed);
    return !fake.restore_end_fails || error_set(err, ERROR_PERMANENT, "foreign records");
}

void engine_begin_at(struct engine *e, int32_t partition, int64_t offset)
{
    (void)e;
    say_number("begin-at", partition);
    say_number("@", offset);
}

void engine_revoke(struct engine *e, int32_t partition)
{
    (void)e;
    say_number("revoke", partition);
}

size_t engine_in_flight(const struct engine *e, int32_t partition)
{
    (void)e, (void)partition;
    return fake.in_flight;
}

void engine_close(struct engine *e, int32_t partition, struct now now)
{
    (void)e, (void)now;
    say_number("close", partition);
}

bool engine_clean(const struct engine *e, int32_t partition)
{
    (void)e, (void)partition;
    return fake.clean;
}

void engine_drop(struct engine *e, int32_t partition)
{
    (void)e;
    say_number("drop", partition);
}

void engine_park(struct engine *e, int32_t partition, struct now now)
{
    (void)e, (void)now;
    say_number("park", partition);
}

void engine_unpark(struct engine *e, int32_t partition, struct now now)
{
    (void)e, (void)now;
    say_number("unpark", partition);
}

int64_t engine_position(const struct engine *e, int32_t partition)
{
    (void)e, (void)partition;
    return fake.position;
}

const struct engine_batch *engine_batch_take(struct engine *e, struct now now)
{
    (void)e, (void)now;
    const struct engine_batch *batch = fake.batch;
    fake.batch = NULL;
    return batch;
}

void engine_batch_committed(struct engine *e, int64_t sent_boot_ms, struct now now)
{
    (void)e, (void)now;
    say_number("committed@", sent_boot_ms);
}

void engine_batch_aborted(struct engine *e, struct now now)
{
    (void)e, (void)now;
    say("aborted");
}

void engine_stats(const struct engine *e, struct engine_stats *ret)
{
    (void)e;
    *ret = (struct engine_stats){0};
}

/* ---- intake -------------------------------------------------------------------------------------------- */

bool intake_record(struct engine *engine, const rd_kafka_message_t *message, struct error *err)
{
    (void)engine, (void)message, (void)err;
    say("record");
    return true;
}

bool intake_event(struct engine *engine, const rd_kafka_message_t *message, struct now now)
{
    (void)engine, (void)message, (void)now;
    static const struct timespec slow = {.tv_nsec = (READING_TURN_MAX_MS + 10) * 1000000L};
    if (fake.slow)
        nanosleep(&slow, NULL);
    say(fake.later ? "later" : "event");
    return !fake.later;
}

void rd_kafka_message_destroy(rd_kafka_message_t *message)
{
    (void)message;
    say("destroy");
}

/* ---- ledger -------------------------------------------------------------------------------------------- */

void ledger_commit(struct ledger *l, const struct engine_batch *batch)
{
    (void)l, (void)batch;
    fake.ledger_busy = true;
    say("commit");
}

void ledger_restore(struct ledger *l, const struct restore_part *v, size_t n,
                    rd_kafka_consumer_group_metadata_t *group)
{
    (void)l, (void)group;
    fake.ledger_busy = true;
    say_number("restore", (int64_t)n);
    for (size_t i = 0; i < n; i++)
        if (v[i].left_end)
            say_number("left@", v[i].left_offset);
}

void ledger_mark(struct ledger *l, const int32_t *partitions, size_t n)
{
    (void)l, (void)partitions;
    fake.ledger_busy = true;
    say_number("mark", (int64_t)n);
}

void ledger_seek(struct ledger *l, const struct partition_offset *v, size_t n)
{
    (void)l;
    fake.ledger_busy = true;
    say_number("seek", (int64_t)n);
    say_number("@", v[0].offset);
}

void ledger_cancel(struct ledger *l)
{
    (void)l;
    say("cancel");
}

bool ledger_idle(const struct ledger *l)
{
    (void)l;
    return !fake.ledger_busy;
}

struct ledger_result *ledger_take(struct ledger *l)
{
    (void)l;
    struct ledger_result *result = fake.result;
    fake.result = NULL;
    return result;
}

void ledger_result_done(struct ledger_result *result)
{
    free(result->messages);
    free(result->offsets);
    free(result->parts);
    free(result);
}

/* ---- consumer ------------------------------------------------------------------------------------------ */

size_t consumer_poll(struct consumer *c, size_t max)
{
    (void)c, (void)max;
    fake.polled++;
    return 0;
}

bool consumer_more(const struct consumer *c)
{
    (void)c;
    return fake.consumer_more;
}

void consumer_assign(struct consumer *c, const struct partition_offset *v, size_t n)
{
    (void)c;
    say_number("assign", (int64_t)n);
    if (n > 0)
        say_number("@", v[0].offset);
}

void consumer_unassign(struct consumer *c)
{
    (void)c;
    say("unassign");
}

bool consumer_subscribe(struct consumer *c, struct error *err)
{
    (void)c, (void)err;
    say("subscribe");
    return true;
}

void consumer_pause(struct consumer *c, bool paused)
{
    (void)c;
    say(paused ? "pause" : "resume");
}

/* ---- the bench ----------------------------------------------------------------------------------------- */

static inline void on_failed(void *ctx, const struct error *err)
{
    (void)ctx;
    fake.failure = *err;
}

static inline void set_up(void)
{
    fake = (struct fake){.clean = true, .position = 70};
    buf_init(&fake.said, 4096);
    const struct membership_settings settings = {.partitions = 5, .drain_ms = DRAIN_MS, .failed = on_failed};
    m = membership_new(&settings);
    membership_connect(m, NULL, NULL);
}

static inline void tear_down(void)
{
    membership_free(m);
    buf_done(&fake.said);
}

static inline void assert_said(const char *expected)
{
    char *said = buf_take(&fake.said);
    ck_assert_str_eq(said[0] == ' ' ? said + 1 : said, expected);
    free(said);
}

/* What the ledger says of partitions 3 and 4. */
static inline void answer(enum ledger_event event)
{
    static const enum ledger_event open_ended[] = {LEDGER_READY, LEDGER_BOUNDS, LEDGER_RECORDS};
    struct ledger_result *result = fake.result = xcalloc(1, sizeof *fake.result);
    result->event = event;
    result->sent_boot_ms = 5;
    result->n_parts = 2;
    result->parts = xcalloc(2, sizeof *result->parts);
    result->parts[0] = (struct restore_part){.partition = 3, .offset = 70, .kept = fake.kept};
    result->parts[1] = (struct restore_part){.partition = 4, .offset = -1, .first = 9};
    result->n_offsets = event == LEDGER_MARKED && !fake.unmarked ? 2 : 0;
    result->offsets = xcalloc(2, sizeof *result->offsets);
    result->offsets[0] = (struct partition_offset){3, 1000};
    result->offsets[1] = (struct partition_offset){4, 2000};
    error_set(&result->err, ERROR_TEMPORARY, "of the ledger");
    bool closes = true;
    for (size_t i = 0; i < ARRAY_SIZE(open_ended); i++)
        closes = closes && event != open_ended[i];
    fake.ledger_busy = fake.ledger_busy && !closes;
    membership_take_results(m);
}

static inline void assign(void)
{
    static const int32_t partitions[] = {3, 4};
    membership_assigned(m, partitions, 2, NULL);
}

static inline void serve(void)
{
    assign();
    answer(LEDGER_BOUNDS);
    answer(LEDGER_RESTORED);
    buf_clear(&fake.said);
}

static const struct engine_batch batch;

static inline void begin_commit(void)
{
    fake.batch = &batch;
    membership_commit(m);
    ck_assert(fake.ledger_busy);
}

static inline bool give_record(void)
{
    static rd_kafka_message_t message = {.partition = 3};
    return membership_message(m, &message);
}

#endif
