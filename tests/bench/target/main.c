/* bench-target: the target and the feed of the worker's benchmarks in one thread, so that the next event of a
 * person can be published at the instant at which the call for the one before is seen.
 *
 * Says {"port":N} when it listens. Then one command a line on standard input, each answered by a JSON line:
 *
 *     delay MS                 answers take so long from now on (while none waits)
 *     feed                     publishes the first event of every person, and each next one when its time comes
 *     stop                     no further events
 *     backlog TOPIC N          publishes N events keyed by person and returns when they are acknowledged
 *     measure SECONDS PID…     after that time: what happened meanwhile, and what the processes used for it
 *     results TOPIC            how many results it holds, of how many events; blocks
 *     watch                    forgets which tenants have been called
 *     report                   totals, and when each tenant was first called since `watch`
 *
 * Ends when standard input does. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sysexits.h>
#include <unistd.h>

#include "dialect.h"
#include "feed.h"
#include "json.h"
#include "loop.h"
#include "mem.h"
#include "options.h"
#include "score.h"
#include "service.h"
#include "tally.h"
#include "usage.h"

enum { LINE_MAX_BYTES = 512, PIDS_MAX = 8, REPORT_MAX = 64 * 1024 };

struct measurement {
    int64_t begun_ms, until_ms; /* until_ms 0: none is under way */
    pid_t pids[PIDS_MAX];
    size_t n_pids;
    struct usage before[PIDS_MAX];
    uint64_t answered;
};

struct bench {
    struct loop *loop;
    struct service *service;
    struct feed *feed;
    struct score score;
    struct measurement m;
    const char *brokers;
    bool feeding, ended;
    char line[LINE_MAX_BYTES];
    size_t line_n;
};

/* ---- calls --------------------------------------------------------------------------------------------- */

static int64_t patch(struct bench *b, const struct dialect_request *r)
{
    bool next = score_patch(&b->score, r->person, r->number);
    if (next && b->feeding)
        feed_next(b->feed, r->person);
    return (int64_t)r->person;
}

static int64_t on_request(void *ctx, const struct request *request, int *status, struct buf *body)
{
    struct bench *b = ctx;
    struct dialect_request r;
    if (!dialect_parse(request, &r) || r.person >= b->score.n_persons || r.tenant >= b->score.n_tenants) {
        *status = 404;
        return SERVICE_NO_TAG;
    }
    score_call(&b->score, r.tenant, clock_mono_ms());
    int64_t tag = SERVICE_NO_TAG;
    if (r.call == DIALECT_PATCH)
        tag = patch(b, &r);
    else
        b->score.reads++;
    dialect_write(&r, b->score.persons[r.person].last, body);
    return tag;
}

static void on_answered(void *ctx, int64_t tag)
{
    struct bench *b = ctx;
    score_answered(&b->score, (size_t)tag);
}

/* ---- commands ------------------------------------------------------------------------------------------ */

static void say(struct buf *out)
{
    printf("%s\n", out->p);
    fflush(stdout);
    buf_done(out);
}

static void say_done(bool ok, const char *why)
{
    struct buf out;
    struct json_out w;
    buf_init(&out, REPORT_MAX);
    json_out_init(&w, &out);
    json_open(&w, NULL, '{');
    json_put_bool(&w, "ok", ok);
    if (!ok)
        json_put_string(&w, "why", why);
    json_close(&w);
    say(&out);
}

static void do_delay(struct bench *b, char *words)
{
    service_set_delay(b->service, strtol(words, NULL, 10));
    say_done(true, NULL);
}

static void do_feed(struct bench *b, char *words)
{
    (void)words;
    b->feeding = true;
    for (size_t i = 0; i < b->score.n_persons; i++)
        feed_next(b->feed, i);
    say_done(true, NULL);
}

static void do_stop(struct bench *b, char *words)
{
    (void)words;
    b->feeding = false;
    say_done(true, NULL);
}

static void do_backlog(struct bench *b, char *words)
{
    struct error err;
    char *topic = strtok_r(words, " ", &words), *count = strtok_r(NULL, " ", &words);
    bool ok = topic && count && feed_backlog(b->feed, topic, strtoul(count, NULL, 10), &err);
    say_done(ok, topic && count ? err.message : "backlog TOPIC N");
}

static void do_measure(struct bench *b, char *words)
{
    struct measurement *m = &b->m;
    char *seconds = strtok_r(words, " ", &words);
    *m = (struct measurement){.begun_ms = clock_mono_ms(), .answered = b->score.answered};
    m->until_ms = m->begun_ms + (seconds ? strtol(seconds, NULL, 10) : 1) * 1000;
    for (char *pid; m->n_pids < PIDS_MAX && (pid = strtok_r(NULL, " ", &words)); m->n_pids++) {
        m->pids[m->n_pids] = (pid_t)strtol(pid, NULL, 10);
        m->before[m->n_pids] = usage_read(m->pids[m->n_pids]);
    }
    b->score.in_flight_max = b->score.in_flight;
}

static void end_measure(struct bench *b)
{
    struct measurement *m = &b->m;
    int64_t cpu_us = 0, resident_kib = 0;
    struct buf out;
    struct json_out w;
    for (size_t i = 0; i < m->n_pids; i++) {
        struct usage now = usage_read(m->pids[i]);
        cpu_us += now.cpu_us - m->before[i].cpu_us;
        resident_kib += now.resident_kib;
    }
    buf_init(&out, REPORT_MAX);
    json_out_init(&w, &out);
    json_open(&w, NULL, '{');
    json_put_int(&w, "ms", clock_mono_ms() - m->begun_ms);
    json_put_int(&w, "calls", (int64_t)(b->score.answered - m->answered));
    json_put_int(&w, "cpuUs", cpu_us);
    json_put_int(&w, "residentKib", resident_kib);
    json_put_int(&w, "inFlightMax", (int64_t)b->score.in_flight_max);
    json_close(&w);
    say(&out);
    m->until_ms = 0;
}

static void do_results(struct bench *b, char *topic)
{
    static const struct tally_mark event_id = {"\"eventId\":\"", 32};
    struct tally tally = {0};
    struct error err;
    struct buf out;
    struct json_out w;
    if (!tally_topic(b->brokers, topic, &event_id, &tally, &err)) {
        say_done(false, err.message);
        return;
    }
    buf_init(&out, REPORT_MAX);
    json_out_init(&w, &out);
    json_open(&w, NULL, '{');
    json_put_int(&w, "records", (int64_t)(tally.records + tally.unmarked));
    json_put_int(&w, "events", (int64_t)(tally.different + tally.unmarked));
    json_close(&w);
    say(&out);
}

static void do_watch(struct bench *b, char *words)
{
    (void)words;
    score_watch(&b->score);
    say_done(true, NULL);
}

static void do_report(struct bench *b, char *words)
{
    const struct score *s = &b->score;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"published", feed_published(b->feed)},
        {"notAcknowledged", feed_failed(b->feed)},
        {"patches", s->patches},
        {"answered", s->answered},
        {"reads", s->reads},
        {"coalesced", s->skipped},
        {"repeated", s->repeated},
        {"overlapped", s->overlapped},
        {"brokenConnections", service_broken(b->service)},
    };
    struct buf out;
    struct json_out w;
    (void)words;
    buf_init(&out, REPORT_MAX);
    json_out_init(&w, &out);
    json_open(&w, NULL, '{');
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        json_put_int(&w, rows[i].name, (int64_t)rows[i].value);
    json_put_int(&w, "nowMs", clock_mono_ms());
    json_open(&w, "firstCallMs", '[');
    for (size_t i = 0; i < s->n_tenants; i++)
        json_put_int(&w, NULL, s->first_ms[i]);
    json_close(&w);
    json_close(&w);
    say(&out);
}

static const struct {
    const char *name;
    void (*fn)(struct bench *b, char *words);
} commands[] = {
    {"delay", do_delay},     {"feed", do_feed},   {"stop", do_stop},     {"backlog", do_backlog},
    {"measure", do_measure}, {"watch", do_watch}, {"report", do_report}, {"results", do_results},
};

static void obey(struct bench *b, char *line)
{
    char *words = line, *name = strtok_r(line, " ", &words);
    for (size_t i = 0; name && i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            commands[i].fn(b, words);
            return;
        }
    }
    say_done(false, "no such command");
}

static void on_input(void *ctx, uint32_t events)
{
    struct bench *b = ctx;
    (void)events;
    ssize_t got = read(STDIN_FILENO, b->line + b->line_n, sizeof b->line - 1 - b->line_n);
    if (got <= 0) {
        b->ended = true;
        return;
    }
    b->line_n += (size_t)got;
    b->line[b->line_n] = '\0';
    for (char *end; (end = strchr(b->line, '\n')) != NULL;) {
        *end++ = '\0';
        obey(b, b->line);
        b->line_n = strlen(end);
        memmove(b->line, end, b->line_n + 1);
    }
}

/* ---- the program --------------------------------------------------------------------------------------- */

static int wait_ms(const struct bench *b)
{
    int wait = service_timeout_ms(b->service);
    int64_t left = b->m.until_ms ? b->m.until_ms - clock_mono_ms() : INT32_MAX;
    if (left < wait || wait < 0)
        wait = left < 0 ? 0 : (int)left;
    return wait;
}

static void run(struct bench *b)
{
    while (!b->ended) {
        loop_wait(b->loop, wait_ms(b));
        service_run(b->service);
        feed_run(b->feed);
        if (b->m.until_ms && clock_mono_ms() >= b->m.until_ms)
            end_measure(b);
    }
}

static size_t count_of(const struct options *o, const char *name, size_t otherwise)
{
    const char *text = options_get(o, name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

static bool open_all(struct bench *b, const struct options *o, struct error *err)
{
    const struct service_callbacks callbacks = {b, on_request, on_answered};
    const struct feed_settings feed = {.brokers = options_get(o, "brokers"),
                                       .topic = options_get(o, "topic"),
                                       .n_persons = count_of(o, "persons", 1000),
                                       .n_tenants = count_of(o, "tenants", 1),
                                       .spread = (unsigned)count_of(o, "spread", 1)};
    if (!feed.brokers || !feed.topic)
        return error_set(err, ERROR_INPUT, "--brokers and --topic are needed");
    b->brokers = feed.brokers;
    score_init(&b->score, feed.n_persons, feed.n_tenants);
    return loop_new(&b->loop, err) && service_new(b->loop, &callbacks, &b->service, err) &&
           feed_new(&feed, &b->feed, err) && loop_add(b->loop, STDIN_FILENO, EPOLLIN, on_input, b, err);
}

static void close_all(struct bench *b)
{
    service_free(b->service);
    feed_free(b->feed);
    loop_free(b->loop);
    score_done(&b->score);
}

int main(int argc, char **argv)
{
    static const struct option_def defs[] = {
        {"brokers", 'b', "HOST:PORT", "Kafka's bootstrap servers"},
        {"topic", 't', "NAME", "events topic of the worker"},
        {"persons", 'p', "N", "persons (1000)"},
        {"tenants", 'n', "N", "tenants that they belong to in turn (1)"},
        {"spread", 's', "N", "buckets of each tenant, as the worker's configuration says (1)"},
        {0},
    };
    struct options o;
    struct error err = {0};
    struct bench b = {0};
    signal(SIGPIPE, SIG_IGN);
    bool ok = options_parse(argc, argv, "target and feed of the worker's benchmarks", defs, &o, &err);
    if (ok && o.done)
        return EX_OK;
    ok = ok && open_all(&b, &o, &err);
    if (ok) {
        printf("{\"port\":%d}\n", service_port(b.service));
        fflush(stdout);
        run(&b);
    } else {
        fprintf(stderr, "bench-target: %s\n", err.message);
    }
    close_all(&b);
    return ok ? EX_OK : err.kind == ERROR_INPUT ? EX_USAGE : EX_UNAVAILABLE;
}
