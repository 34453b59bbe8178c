/* bench-load: posts signed webhooks and prints one JSON line of how it went, or counts what became of them in a topic.
 *
 *     bench-load --port 8080 --kinds standard --connections 64 --requests 100000 --pid 4711
 *     bench-load --brokers 127.0.0.1:9092 --count rollcall.events
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "client.h"
#include "json.h"
#include "loop.h"
#include "mem.h"
#include "options.h"
#include "tests/bench/target/tally.h"
#include "tests/bench/target/usage.h"

enum { REPORT_MAX = 4096 };

static uint64_t number_of(const struct options *o, const char *name, uint64_t otherwise)
{
    const char *text = options_get(o, name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

struct row {
    const char *name;
    int64_t value;
};

static void say(const struct row *rows, size_t n)
{
    struct buf out;
    struct json_out w;
    buf_init(&out, REPORT_MAX);
    json_out_init(&w, &out);
    json_open(&w, NULL, '{');
    for (size_t i = 0; i < n; i++)
        json_put_int(&w, rows[i].name, rows[i].value);
    json_close(&w);
    printf("%s\n", out.p);
    buf_done(&out);
}

static void say_report(const struct load_report *report, struct usage before, struct usage after)
{
    const struct row rows[] = {
        {"sent", (int64_t)report->sent},
        {"answered", (int64_t)report->answered},
        {"refused", (int64_t)report->refused},
        {"unexpected", (int64_t)report->unexpected},
        {"status", report->status},
        {"broken", (int64_t)report->broken},
        {"ms", report->ms},
        {"p50Us", histogram_at(&report->us, 0.5)},
        {"p90Us", histogram_at(&report->us, 0.9)},
        {"p99Us", histogram_at(&report->us, 0.99)},
        {"maxUs", report->us.max},
        {"cpuUs", after.cpu_us - before.cpu_us},
        {"residentKib", after.resident_kib},
    };
    say(rows, ARRAY_SIZE(rows));
}

static bool post(const struct options *o, struct error *err)
{
    struct webhooks webhooks;
    struct load_report report = {0};
    uint64_t seconds = number_of(o, "seconds", 0);
    pid_t pid = (pid_t)number_of(o, "pid", 0);
    struct load_settings settings = {
        .port = (uint16_t)number_of(o, "port", 0),
        .connections = number_of(o, "connections", 1),
        .requests = number_of(o, "requests", UINT64_MAX),
        .first = number_of(o, "first", 0),
        .per_s = number_of(o, "rate", 0),
        .per_connection = number_of(o, "per-connection", 0),
        .until_ms = seconds > 0 ? clock_mono_ms() + (int64_t)seconds * 1000 : 0,
        .webhooks = &webhooks,
    };
    bool ok = webhooks_init(&webhooks, options_get(o, "kinds") ? options_get(o, "kinds") : "standard", err);
    struct usage before = usage_read(pid);
    ok = ok && load_run(&settings, &report, err);
    if (ok)
        say_report(&report, before, usage_read(pid));
    webhooks_done(&webhooks);
    return ok;
}

static bool count(const struct options *o, struct error *err)
{
    struct tally tally;
    const struct tally_mark mark = {WEBHOOK_MARK, WEBHOOK_DIGITS};
    if (!options_get(o, "brokers"))
        return error_set(err, ERROR_INPUT, "--brokers is needed");
    if (!tally_topic(options_get(o, "brokers"), options_get(o, "count"), &mark, &tally, err))
        return false;
    const struct row rows[] = {{"records", (int64_t)tally.records},
                               {"events", (int64_t)tally.different},
                               {"others", (int64_t)tally.unmarked}};
    say(rows, ARRAY_SIZE(rows));
    return true;
}

int main(int argc, char **argv)
{
    static const struct option_def defs[] = {
        {"port", 'p', "N", "where webhooks are posted, on 127.0.0.1"},
        {"kinds", 'k', "NAME,…",
         "okta, standard, forged, unreadable, or files with requests; in turn (standard)"},
        {"connections", 'c', "N", "open at a time, one request under way on each (1)"},
        {"requests", 'n', "N", "in all"},
        {"first", 'f', "N", "number of the first one (0)"},
        {"seconds", 's', "N", "ends then at the latest"},
        {"rate", 'r', "N", "requests a second; as fast as answers come if not given"},
        {"per-connection", 'x', "N", "requests, then it is closed and a new one opened; never if not given"},
        {"pid", 0, "PID", "whose CPU time and memory are reported"},
        {"brokers", 'b', "HOST:PORT", "Kafka's bootstrap servers"},
        {"count", 't', "TOPIC", "counts the webhooks that are in it, and how many different ones"},
        {0},
    };
    struct options o;
    struct error err = {0};
    signal(SIGPIPE, SIG_IGN);
    bool ok = options_parse(argc, argv, "load of the ingest's benchmark", defs, &o, &err);
    if (ok && o.done)
        return EX_OK;
    ok = ok && (options_get(&o, "count") ? count(&o, &err) : post(&o, &err));
    if (!ok)
        fprintf(stderr, "bench-load: %s\n", err.message);
    return ok ? EX_OK : err.kind == ERROR_INPUT ? EX_USAGE : EX_UNAVAILABLE;
}
