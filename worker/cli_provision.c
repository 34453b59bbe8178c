#include "cli_provision.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli.h"
#include "cli_standing.h"
#include "event.h"
#include "json.h"
#include "loop.h"
#include "mem.h"
#include "topic_reader.h"

enum { SLICE_MS = 200, BEGIN_MS = 2000, KNOWN_AFTER_MS = 3000 /* without an answer: is anything known? */ };

struct expected { /* one target's result */
    const char *target;
    char id[EVENT_NAME_MAX + 32];
    bool seen;
};

struct provision {
    const struct config *cfg;
    const char *person;
    struct topic_reader *results;
    struct expected *v;
    size_t n, seen;
    bool rejected;
};

/* ---- whom it concerns ---------------------------------------------------------------------------------- */

/* "tenant/directory/" of the target is how the person begins. */
static bool takes(const struct config_target *target, const char *person)
{
    char *prefix = xasprintf("%s/%s/", target->tenant, target->directory);
    size_t n = strlen(prefix);
    bool fits = strncmp(person, prefix, n) == 0 && person[n];
    free(prefix);
    return fits;
}

static void expect(struct provision *p, const char *target, int64_t time_ms)
{
    p->v = xreallocarray(p->v, p->n + 1, sizeof *p->v);
    struct expected *e = &p->v[p->n++];
    *e = (struct expected){.target = target};
    snprintf(e->id, sizeof e->id, "effect:%016llx/%s",
             (unsigned long long)control_provision_effect(str_of(p->person), target, time_ms), target);
}

static bool go_to_end(struct provision *p, struct error *err)
{
    int64_t deadline_ms = clock_mono_ms() + CLI_KAFKA_MS;
    if (!topic_reader_new(p->cfg, KAFKA_RESULTS, &p->results, err))
        return false;
    while (!topic_reader_begin(p->results, TOPIC_FROM_END, BEGIN_MS, err))
        if (err->kind != ERROR_TEMPORARY || clock_mono_ms() >= deadline_ms)
            return false;
    return true;
}

bool provision_new(const struct config *cfg, const char *person, int64_t time_ms, struct provision **ret,
                   struct error *err)
{
    struct provision *p = xcalloc(1, sizeof *p);
    p->cfg = cfg;
    p->person = person;
    for (size_t i = 0; i < cfg->targets.n; i++)
        if (takes(&cfg->targets.v[i], person))
            expect(p, cfg->targets.v[i].name, time_ms);
    bool ok = p->n > 0
                  ? go_to_end(p, err)
                  : error_set(err, ERROR_INPUT,
                              "no target takes a person %.300s (wanted is TENANT/DIRECTORY/SUBJECT)", person);
    if (!ok) {
        provision_free(p);
        return false;
    }
    *ret = p;
    return true;
}

/* ---- what came ----------------------------------------------------------------------------------------- */

static void print_operations(const cJSON *result)
{
    const cJSON *op;
    cJSON_ArrayForEach(op, json_get(result, "operations"))
    {
        int64_t status = 0, attempts = 0, ms = 0;
        (void)json_int64(op, "status", &status);
        (void)json_int64(op, "attempts", &attempts);
        (void)json_int64(op, "ms", &ms);
        printf("  ");
        cli_put(stdout, json_string(op, "method"));
        printf(" ");
        cli_put(stdout, json_string(op, "resource"));
        printf("  status %lld  calls %lld  %lld ms\n", (long long)status, (long long)attempts, (long long)ms);
    }
}

static void put_value(const char *value)
{
    if (value)
        cli_put(stdout, value);
    else
        printf("(nothing)");
}

static void print_changes(const cJSON *result)
{
    const cJSON *change;
    cJSON_ArrayForEach(change, json_get(result, "changes"))
    {
        printf("  ");
        cli_put(stdout, json_string(change, "attribute"));
        printf(": ");
        put_value(json_string(change, "before"));
        printf(" -> ");
        put_value(json_string(change, "after"));
        printf("\n");
    }
}

static void print_line(const char *label, const char *text)
{
    if (!text)
        return;
    printf("  %s: ", label);
    cli_put(stdout, text);
    printf("\n");
}

static void print_result(const struct expected *e, const cJSON *result, const char *outcome)
{
    printf("%s: ", e->target);
    cli_put(stdout, outcome);
    printf("\n");
    print_line("account", json_string(result, "accountId"));
    print_operations(result);
    print_changes(result);
    print_line("cause", json_string(result, "cause"));
    print_line("what to do", json_string(result, "action"));
    fflush(stdout);
}

static void take_result(void *ctx, const struct topic_record *record)
{
    struct provision *p = ctx;
    cJSON *json = NULL;
    struct error err;
    if (!str_eq(record->key, str_of(p->person)) || !json_parse(record->value, &json, &err))
        return;
    const char *id = json_string(json, "id"), *outcome = json_string(json, "outcome");
    for (size_t i = 0; id && outcome && i < p->n; i++) {
        struct expected *e = &p->v[i];
        if (e->seen || strcmp(e->id, id) != 0)
            continue;
        e->seen = true;
        p->seen++;
        p->rejected |= strcmp(outcome, "rejected") == 0;
        print_result(e, json, outcome);
    }
    cJSON_Delete(json);
}

/* ---- what did not -------------------------------------------------------------------------------------- */

/* Why it may take longer: one reason is known for certain. */
static void explain(const struct provision *p)
{
    struct control control;
    struct error err = {0};
    bool read = standing_read(p->cfg, NULL, &control, &err);
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].seen)
            continue;
        bool paused = read && control_paused(&control, p->v[i].target);
        printf("%s: still open, %s\n", p->v[i].target,
               paused ? "the target is paused" : "its calls fail or wait, or no worker runs");
    }
    control_done(&control);
    printf("it stays asked for until a day has passed\n");
}

static bool poll_until(struct provision *p, int64_t deadline_ms, struct error *err)
{
    while (p->seen < p->n && clock_mono_ms() < deadline_ms)
        if (!topic_reader_poll(p->results, SLICE_MS, take_result, p, err))
            return false;
    return true;
}

/* Of somebody whom no event has named there is nothing to converge, and no result will come. */
static bool is_known(const struct provision *p)
{
    struct error err;
    bool known = true;
    if (p->seen > 0 || !standing_knows(p->cfg, p->person, &known, &err) || known)
        return true;
    fprintf(stderr, "rollcall-worker: nothing is known of ");
    cli_put(stderr, p->person);
    fprintf(stderr, ": no event has named this person, or the person was deleted long ago\n");
    return false;
}

int provision_wait(struct provision *p, int64_t timeout_ms)
{
    int64_t begun_ms = clock_mono_ms(), soon_ms = timeout_ms < KNOWN_AFTER_MS ? timeout_ms : KNOWN_AFTER_MS;
    struct error err;
    fflush(stdout);
    if (!poll_until(p, begun_ms + soon_ms, &err))
        return cli_fail(&err);
    if (p->seen < p->n && !is_known(p))
        return EX_NOINPUT;
    if (!poll_until(p, begun_ms + timeout_ms, &err))
        return cli_fail(&err);
    if (p->seen < p->n) {
        explain(p);
        return EX_TEMPFAIL;
    }
    return p->rejected ? EX_UNAVAILABLE : EX_OK;
}

bool provision_complete(const struct provision *p)
{
    return p->seen == p->n;
}

void provision_free(struct provision *p)
{
    if (!p)
        return;
    topic_reader_free(p->results);
    free(p->v);
    free(p);
}
