/* restore.c - the engine alone with many persons: how fast they are restored, what they weigh, what each turn of the
 * loop costs then.
 *
 *     restore [PERSONS [PARTITIONS [TENANTS [BUSY]]]]
 *
 * 1,000,000 over 96 partitions, of 100 tenants with two targets each; one person of 100 (BUSY) has work under way. Times
 * are CPU time of the one thread; making the records is not among them. The partitions were closed in order. */
#include <assert.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../worker/engine/engine.h"
#include "../../worker/engine/record.h"
#include "mem.h"
#include "persons.h"

enum { CHUNK = 10000, TURNS = 100000, EVENTS = 50000, LEASE_MS = 30000 };

#define AT_MS INT64_C(1794912255123)

struct stored { /* one record of the persons topic */
    struct buf key, value;
    char state[RECORD_STATE_SIZE];
};

struct bench {
    struct persons persons;
    size_t n;
    int32_t partitions;
    struct engine_target *targets;
    char (*names)[2][24]; /* of the targets, and their tenants */
    struct engine_config cfg;
    struct engine *e;
    struct now now;
    struct stored *chunk;
    size_t asked; /* how often the policy was */
    size_t heap;  /* bytes allocated before anybody was restored */
};

/* ---- measuring ----------------------------------------------------------------------------------------- */

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t heap_bytes(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* As the system counts it: with what malloc keeps in reserve. */
static size_t resident_bytes(void)
{
    size_t total, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%zu %zu", &total, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void say(const char *what, double value, const char *unit)
{
    printf("%-44s %12.*f %s\n", what, value < 100 ? 2 : 0, value, unit);
}

static void say_ms(const char *what, double begun_s)
{
    say(what, (cpu_s() - begun_s) * 1e3, "ms");
}

/* ---- the world ----------------------------------------------------------------------------------------- */

/* Everybody who has joined has an account that says what the profile says. */
static bool policy(void *ctx, const struct person_view *view, const char *target, struct desired *ret,
                   struct error *err)
{
    (void)target, (void)err;
    ((struct bench *)ctx)->asked++;
    *ret = (struct desired){.kind = DESIRE_ACCOUNT, .active = ACTIVE_ON};
    for (size_t i = 0; i < view->person->n_attrs; i++)
        attrs_set(&ret->attrs, view->person->attrs[i].name, view->person->attrs[i].value);
    return true;
}

static void open_targets(struct bench *b)
{
    size_t n = b->persons.tenants * b->persons.targets;
    b->targets = xcalloc(n, sizeof *b->targets);
    b->names = xcalloc(n, sizeof *b->names);
    for (size_t i = 0; i < n; i++) {
        size_t tenant = i / b->persons.targets;
        persons_target(tenant, i % b->persons.targets, b->names[i][0]);
        snprintf(b->names[i][1], sizeof b->names[i][1], "t%03zu", tenant);
        b->targets[i] = (struct engine_target){.name = b->names[i][0],
                                               .tenant = b->names[i][1],
                                               .directory = "hr",
                                               .kind = "miro",
                                               .match = "userName",
                                               .timeout_ms = 10000,
                                               .call_life_ms = 20000,
                                               .in_flight_max = 32,
                                               .retry_base_ms = 1000,
                                               .retry_cap_ms = 60000,
                                               .deadline_ms = 3600000,
                                               .arrival_ms = 10000,
                                               .breaker_pause_ms = 15000,
                                               .breaker_pause_max_ms = 300000};
    }
    b->cfg = (struct engine_config){.targets = b->targets,
                                    .n_targets = n,
                                    .partitions = b->partitions,
                                    .slot = "bench",
                                    .lease_ms = LEASE_MS,
                                    .live_max = 20000,
                                    .tombstone_ms = INT64_C(30) * 24 * 3600 * 1000,
                                    .seed = 1};
    const struct engine_ports ports = {.ctx = b, .policy = policy};
    b->now = (struct now){.wall_ms = AT_MS + 10 * 24 * 3600 * 1000, .boot_ms = 1000000};
    b->e = engine_new(&b->cfg, &ports);
}

/* ---- restore ------------------------------------------------------------------------------------------- */

static void make_record(const struct bench *b, size_t i, struct stored *s)
{
    struct person p;
    persons_key(&b->persons, i, &s->key);
    persons_make(&b->persons, i, &p);
    buf_clear(&s->value);
    record_write(&p, &s->value);
    record_state_format(&(struct record_state){(int64_t)p.seq, p.offset, .flags = record_flags(&p)},
                        s->state);
    person_done(&p);
}

static void open_chunk(struct bench *b)
{
    b->chunk = xcalloc(CHUNK, sizeof *b->chunk);
    for (size_t i = 0; i < CHUNK; i++) {
        buf_init(&b->chunk[i].key, 100);
        buf_init(&b->chunk[i].value, RECORD_MAX);
        make_record(b, i, &b->chunk[i]); /* takes its memory before memory is measured */
    }
}

static void restore_record(struct bench *b, size_t i, const struct stored *s)
{
    const struct record_header header = {RECORD_STATE, s->state};
    struct error err;
    bool ok = engine_restore_record(b->e, (int32_t)(i % (size_t)b->partitions), buf_str(&s->key),
                                    buf_str(&s->value), &header, 1, &err);
    assert(ok);
}

static double restore_chunk(struct bench *b, size_t first, size_t n, size_t *bytes)
{
    for (size_t i = 0; i < n; i++) {
        make_record(b, first + i, &b->chunk[i]);
        *bytes += b->chunk[i].key.n + b->chunk[i].value.n;
    }
    double begun = cpu_s();
    for (size_t i = 0; i < n; i++)
        restore_record(b, first + i, &b->chunk[i]);
    return cpu_s() - begun;
}

static void restore_partition_record(struct bench *b, int32_t partition)
{
    const struct partition_record closed = {.partition = partition,
                                            .partitions = b->partitions,
                                            .slot = "before",
                                            .opened_at_ms = AT_MS,
                                            .offset = (int64_t)b->n};
    struct buf value;
    struct error err;
    buf_init(&value, 1024);
    partition_record_write(&closed, &value);
    bool ok =
        engine_restore_record(b->e, partition, str_of(RECORD_PARTITION_KEY), buf_str(&value), NULL, 0, &err);
    assert(ok);
    buf_done(&value);
}

static void say_memory(const struct bench *b, const char *what)
{
    say(what, (double)(heap_bytes() - b->heap) / (double)b->n, "bytes");
}

static void bench_restore(struct bench *b)
{
    double took = 0;
    size_t bytes = 0;
    for (int32_t p = 0; p < b->partitions; p++) {
        engine_restore_begin(b->e, p);
        restore_partition_record(b, p);
    }
    size_t resident = resident_bytes();
    b->heap = heap_bytes();
    for (size_t i = 0; i < b->n; i += CHUNK) {
        size_t n = b->n - i < CHUNK ? b->n - i : CHUNK;
        took += restore_chunk(b, i, n, &bytes);
    }
    say("a record, key included", (double)bytes / (double)b->n, "bytes");
    say("restored", (double)b->n / took, "persons/s");
    say_memory(b, "allocated per person");
    say("resident per person", (double)(resident_bytes() - resident) / (double)b->n, "bytes");
    double begun = cpu_s();
    for (int32_t p = 0; p < b->partitions; p++) {
        struct error err;
        bool ok = engine_restore_end(b->e, p, (int64_t)b->n, b->now, &err);
        assert(ok);
    }
    say_ms("end of restore", begun);
}

/* ---- the loop's turns ---------------------------------------------------------------------------------- */

static size_t commit(struct bench *b)
{
    const struct engine_batch *batch = engine_batch_take(b->e, b->now);
    size_t n = batch ? batch->n_records : 0;
    if (batch)
        engine_batch_committed(b->e, b->now.boot_ms, b->now);
    return n;
}

static void bench_commit(struct bench *b, const char *what)
{
    char text[64];
    double begun = cpu_s();
    size_t n = commit(b);
    snprintf(text, sizeof text, "%s, %zu records", what, n);
    say_ms(text, begun);
}

/* Ticks until one asks the policy nothing more. */
static void bench_plan(struct bench *b, const char *whom)
{
    char text[64];
    size_t turns = 0, asked;
    double begun = cpu_s(), longest = 0, turn = begun;
    do {
        asked = b->asked;
        engine_tick(b->e, b->now);
        double end = cpu_s();
        longest = end - turn > longest ? end - turn : longest;
        turn = end;
        turns++;
    } while (b->asked > asked);
    snprintf(text, sizeof text, "%s planned, %zu turns", whom, turns);
    say_ms(text, begun);
    say("the longest of them", longest * 1e3, "ms");
}

static void bench_policy(struct bench *b)
{
    double begun = cpu_s();
    engine_policy_changed(b->e, 1, b->now);
    say_ms("a new policy", begun);
    bench_plan(b, "everybody");
}

static void bench_turns(struct bench *b)
{
    double begun = cpu_s();
    for (size_t i = 0; i < TURNS; i++) {
        engine_tick(b->e, b->now);
        engine_batch_take(b->e, b->now);
        engine_wake_in(b->e, b->now);
    }
    say("a turn with nothing to do", (cpu_s() - begun) * 1e6 / TURNS, "µs");
}

static void bench_calls(struct bench *b)
{
    const struct call_reply lost = {.outcome = CALL_NOT_SENT, .retry_after_ms = -1};
    size_t n = 0;
    b->now.wall_ms += LEASE_MS / 2;
    b->now.boot_ms += LEASE_MS / 2;
    double begun = cpu_s();
    for (const struct call *call; (call = engine_call_next(b->e, b->now)); n++)
        engine_call_done(b->e, call, &lost, b->now);
    say("calls that may start at once", (double)n, "calls");
    say("a call, started and not sent", (cpu_s() - begun) * 1e6 / (double)(n + 1), "µs");
}

static struct event change_of(const struct bench *b, size_t i)
{
    struct event ev = {
        .type = EVENT_CHANGED, .occurred_at_ms = b->now.wall_ms, .received_at_ms = b->now.wall_ms};
    struct buf key;
    char id[EVENT_ID_SIZE];
    buf_init(&key, 100);
    persons_key(&b->persons, i, &key);
    ev.tenant = xstrndup(key.p, 4);
    ev.tenant[strcspn(ev.tenant, "/")] = '\0';
    ev.directory = xstrdup("hr");
    ev.subject = xstrdup(strrchr(key.p, '/') + 1);
    ev.source = xstrdup("bench");
    snprintf(id, sizeof id, "%032zx", i + 1);
    memcpy(ev.id, id, sizeof id);
    attrs_set(&ev.profile, "department", "Elsewhere");
    buf_done(&key);
    return ev;
}

static void bench_events(struct bench *b)
{
    double took = 0;
    size_t n = b->n < EVENTS ? b->n : EVENTS;
    for (size_t i = 0; i < n; i++) {
        size_t person = i * (b->n / n);
        struct event ev = change_of(b, person);
        double begun = cpu_s();
        engine_event(b->e, (int32_t)(person % (size_t)b->partitions), (int64_t)(b->n + i), &ev, b->now);
        took += cpu_s() - begun;
        event_done(&ev);
    }
    say("an event of a person at rest", took * 1e6 / (double)n, "µs");
}

static void bench_end(struct bench *b)
{
    double begun = cpu_s();
    for (int32_t p = 0; p < b->partitions; p++)
        engine_revoke(b->e, p);
    say_ms("revoke", begun);
    begun = cpu_s();
    for (int32_t p = 0; p < b->partitions; p++)
        engine_close(b->e, p, b->now);
    say_ms("close", begun);
    begun = cpu_s();
    while (commit(b) > 0)
        ;
    for (int32_t p = 0; p < b->partitions; p++) {
        bool clean = engine_clean(b->e, p);
        assert(clean);
    }
    say_ms("last commits", begun);
    begun = cpu_s();
    for (int32_t p = 0; p < b->partitions; p++)
        engine_drop(b->e, p);
    say_ms("drop", begun);
}

/* ---- main ---------------------------------------------------------------------------------------------- */

static size_t argument(int argc, char **argv, int at, size_t otherwise)
{
    long value = argc > at ? strtol(argv[at], NULL, 10) : (long)otherwise;
    if (value < 1 || value > 100000000) {
        fprintf(stderr, "restore [PERSONS [PARTITIONS [TENANTS [BUSY]]]]\n");
        exit(64);
    }
    return (size_t)value;
}

static void close_all(struct bench *b)
{
    engine_free(b->e);
    for (size_t i = 0; i < CHUNK; i++) {
        buf_done(&b->chunk[i].key);
        buf_done(&b->chunk[i].value);
    }
    free(b->chunk);
    free(b->targets);
    free(b->names);
}

int main(int argc, char **argv)
{
    struct bench b = {.n = argument(argc, argv, 1, 1000000),
                      .partitions = (int32_t)argument(argc, argv, 2, 96),
                      .persons = {.tenants = argument(argc, argv, 3, 100),
                                  .targets = 2,
                                  .at_ms = AT_MS,
                                  .open_one = argument(argc, argv, 4, 100)}};
    printf("%zu persons, one of %zu busy, %d partitions, %zu tenants, %zu targets\n", b.n, b.persons.open_one,
           b.partitions, b.persons.tenants, b.persons.tenants * b.persons.targets);
    open_targets(&b);
    open_chunk(&b);
    bench_restore(&b);
    bench_commit(&b, "opening commit");
    bench_plan(&b, "who is busy");
    say_memory(&b, "allocated per person then");
    bench_turns(&b);
    bench_calls(&b);
    bench_events(&b);
    bench_commit(&b, "commit of the events");
    bench_policy(&b);
    bench_end(&b);
    close_all(&b);
    return 0;
}
