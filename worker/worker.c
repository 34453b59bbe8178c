#include "worker_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "admin.h"
#include "consumer.h"
#include "directories.h"
#include "engine/engine.h"
#include "http_client.h"
#include "kafka.h"
#include "last_words.h"
#include "ledger.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "membership.h"
#include "notices.h"
#include "now.h"
#include "options.h"
#include "policies.h"
#include "asked_sources.h"
#include "trouble.h"
#include "worker_metrics.h"

enum {
    TOPICS_SLICE_MS = 3000, /* a signal waits for so long at most */
    TOPICS_PAUSE_MS = 200,
    NOTICES_SLICE_MS = 1000,
    TOPICS_SAY_EVERY = 10, /* tries */
    CALLS_PER_TURN = 500,
    COMMIT_GRACE_MS = 5000, /* after drain_ms: for the closing commit */
    TEAR_DOWN_MAX_S = 15,
    RECHECK_MS = 200,
    TURN_MAX_MS = 1000, /* the deadman counts turns, the group counts polls */
};

/* ---- what the pieces ask of each other ----------------------------------------------------------------- */

static void on_failed(void *ctx, const struct error *err)
{
    struct worker *w = ctx;
    if (w->failed)
        return;
    w->failed = true;
    w->failure = *err;
}

static bool on_policy(void *ctx, const struct person_view *view, const char *target, struct desired *ret,
                      struct error *err)
{
    struct worker *w = ctx;
    return policies_ask(w->policies, view, target, ret, err);
}

static bool on_fetch(void *ctx, const struct person_view *view, size_t source, struct source_request *ret,
                     struct error *err)
{
    struct worker *w = ctx;
    return asked_sources_fetch(w->sources, source - w->cfg->targets.n, view, ret, err);
}

static bool on_person(void *ctx, const struct person_view *view, size_t source,
                      const struct source_reply *reply, struct source_person *ret, struct error *err)
{
    struct worker *w = ctx;
    return asked_sources_person(w->sources, source - w->cfg->targets.n, view, reply, ret, err);
}

static bool on_may_write(void *ctx, const struct call *call)
{
    struct worker *w = ctx;
    bool may = engine_call_may_write(w->engine, call, now_read());
    if (!may)
        metrics_add(w->metrics, WM_CALLS_REFUSED, NULL, 1);
    return may;
}

static void on_call_done(void *ctx, const struct call *call, const struct call_reply *reply,
                         int64_t elapsed_ms)
{
    struct worker *w = ctx;
    const char *target = engine_target_name(w->engine, call->target);
    metrics_add2(w->metrics, WM_CALLS, target, worker_metrics_status(reply), 1);
    metrics_add(w->metrics, WM_CALL_TIME, target, elapsed_ms);
    size_t index = call->target, n_persons = call->n_persons; /* the call ends here */
    engine_call_done(w->engine, call, reply, now_read());
    struct engine_target_figures figures;
    engine_target_figures(w->engine, index, &figures);
    trouble_tell(&w->troubles[index], target, &figures, reply, w->metrics);
    if (n_persons == 0 && w->directories)
        directories_tell(w->directories);
}

static bool on_ready_asked(void *ctx, struct buf *reason)
{
    struct worker *w = ctx;
    const char *why = "waiting for Kafka";
    if (w->open && membership_ready(w->membership, &why) && !patience_strained(&w->patience))
        return true;
    why = why ? why : "Kafka does not answer";
    buf_adds(reason, why);
    return false;
}

static void on_metrics_asked(void *ctx, struct buf *out)
{
    struct worker *w = ctx;
    struct engine_stats stats;
    if (w->open) {
        engine_stats(w->engine, &stats);
        worker_metrics_engine(w->metrics, &stats);
        metrics_set(w->metrics, WM_LEDGER_SILENT, NULL, ledger_silent_ms(w->ledger));
    }
    metrics_render(w->metrics, out);
}

/* ---- signals ------------------------------------------------------------------------------------------- */

static void begin_stop(struct worker *w)
{
    if (w->stopping)
        return;
    log_info("draining", LOG_I("drain_ms", w->cfg->worker.drain_ms));
    watchdog_stopping();
    w->stopping = true;
    w->stop_by_ms = clock_mono_ms() + w->cfg->worker.drain_ms + COMMIT_GRACE_MS;
    if (w->open)
        membership_drain(w->membership);
}

static void on_signal(void *ctx, uint32_t events)
{
    struct worker *w = ctx;
    (void)events;
    for (int signo; (signo = loop_signal_read(w->signal_fd)) != 0;) {
        if (signo == SIGHUP)
            worker_reload(w);
        else
            begin_stop(w);
    }
}

/* ---- the loop ------------------------------------------------------------------------------------------ */

static void start_calls(struct worker *w)
{
    size_t started = 0;
    for (const struct call *call;
         started < CALLS_PER_TURN && (call = engine_call_next(w->engine, now_read()));) {
        http_client_start(w->http, call);
        started++;
    }
    w->more_calls = started == CALLS_PER_TURN;
    if (started > 0)
        http_client_run(w->http);
}

static int sooner(int a, int64_t b)
{
    if (b < 0 || (a >= 0 && a <= b))
        return a;
    return b > INT32_MAX ? INT32_MAX : (int)b;
}

/* What the engine would do at once may be a batch that cannot be taken yet: then its wish waits for that. */
static int64_t engine_wait_ms(const struct worker *w)
{
    int64_t wait = engine_wake_in(w->engine, now_read());
    int commit_in = membership_commit_in_ms(w->membership);
    if (wait != 0 || commit_in == 0 || w->more_calls)
        return wait;
    return commit_in > 0 ? commit_in : RECHECK_MS;
}

static int wait_ms(const struct worker *w)
{
    int wait = sooner(TURN_MAX_MS, engine_wait_ms(w));
    wait = sooner(wait, membership_timeout_ms(w->membership));
    wait = sooner(wait, http_client_timeout_ms(w->http));
    wait = sooner(wait, admin_timeout_ms(w->admin));
    wait = sooner(wait, watchdog_timeout_ms(&w->watchdog));
    if (w->stopping)
        wait = sooner(wait, RECHECK_MS);
    return wait;
}

static bool stopped(const struct worker *w)
{
    if (w->failed || membership_drained(w->membership))
        return true;
    return w->stopping && clock_mono_ms() >= w->stop_by_ms;
}

/* Leaving and draining have bounds of their own; of them only a commit is watched. */
static const char *waited_for(const struct worker *w)
{
    const char *why;
    if (!membership_ready(w->membership, &why) && !membership_leaving(w->membership))
        return why;
    return ledger_idle(w->ledger) ? NULL : "committing";
}

static void look_at_progress(struct worker *w)
{
    struct error err;
    struct waiting waiting = {.what = waited_for(w)};
    atomic_store(&w->turned_ms, clock_mono_ms());
    if (membership_aborting(w->membership) && !membership_leaving(w->membership))
        waiting =
            (struct waiting){.what = "transactions are aborted"}; /* steps that succeed are no progress */
    else
        ledger_waiting(w->ledger, &waiting);
    /* Others may take their time to give partitions back. */
    if (!patience_look(&w->patience, &waiting, w->cfg->worker.stuck_ms + w->cfg->worker.drain_ms, &err))
        on_failed(w, &err);
}

/* After a failure nothing is begun any more, and nothing is waited for. */
static void turn(struct worker *w)
{
    membership_take_results(w->membership);
    membership_poll(w->membership);
    look_at_progress(w);
    if (w->failed)
        return;
    engine_tick(w->engine, now_read());
    start_calls(w);
    membership_commit(w->membership);
    watchdog_beat(&w->watchdog, ledger_silent_ms(w->ledger));
    loop_wait(w->loop, stopped(w) ? 0 : wait_ms(w));
    http_client_run(w->http);
    if (admin_timeout_ms(w->admin) == 0)
        admin_run(w->admin);
}

bool worker_run(struct worker *w, struct error *err)
{
    if (!w->open)
        return true;
    log_info("started", LOG_S("version", ROLLCALL_VERSION), LOG_S("slot", w->slot),
             LOG_S("mode", w->cfg->worker.mode == MODE_PLAN ? "plan" : "converge"));
    watchdog_ready();
    while (!stopped(w))
        turn(w);
    if (w->failed) {
        *err = w->failure;
        return false;
    }
    return membership_drained(w->membership) ||
           error_set(err, ERROR_TEMPORARY,
                     "no time left to commit everything; whoever takes the partitions begins with doubt");
}

/* ---- opening, one step per piece ----------------------------------------------------------------------- */

static void on_consumer(void *ctx, uint32_t events)
{
    struct worker *w = ctx;
    (void)events;
    consumer_ready(w->consumer);
}

/* The turn takes the results; taking the last one quiets the descriptor. */
static void on_ledger(void *ctx, uint32_t events)
{
    (void)ctx, (void)events;
}

static void on_notices(void *ctx, uint32_t events)
{
    struct worker *w = ctx;
    struct error err;
    (void)events;
    if (!notices_take(w->notices, &err))
        on_failed(w, &err);
}

static void on_directories(void *ctx, uint32_t events)
{
    struct worker *w = ctx;
    struct error err;
    (void)events;
    if (!directories_take(w->directories, &err))
        on_failed(w, &err);
}

static void on_admin(void *ctx, uint32_t events)
{
    struct worker *w = ctx;
    (void)events;
    admin_run(w->admin);
}

static bool open_loop(struct worker *w, struct error *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
    signal(SIGPIPE, SIG_IGN);
    w->signal_fd = loop_signal_fd(signals, err);
    return w->signal_fd >= 0 && loop_new(&w->loop, err) &&
           loop_add(w->loop, w->signal_fd, EPOLLIN, on_signal, w, err);
}

static bool open_policies(struct worker *w, struct error *err)
{
    return policies_new(w->cfg, &w->policies, err);
}

static bool check_settings(struct worker *w, struct error *err)
{
    return settings_check(w->cfg, err);
}

static bool open_tokens(struct worker *w, struct error *err)
{
    return tokens_load(w->cfg, &w->tokens, err);
}

static bool open_sources(struct worker *w, struct error *err)
{
    if (!asked_sources_load(w->cfg, &w->sources, err))
        return false;
    w->troubles =
        xcalloc(w->cfg->targets.n + w->sources->n_fetched + settings_rests(w->cfg), sizeof *w->troubles);
    return true;
}

/* The signals are heard and the admin listener answers in between. */
static void wait_for_kafka(struct worker *w, unsigned tries, const struct error *err)
{
    if (tries % TOPICS_SAY_EVERY == 0)
        log_warn("waiting for Kafka", LOG_ERROR_FIELD(err));
    watchdog_waiting();
    loop_wait(w->loop, TOPICS_PAUSE_MS);
    admin_run(w->admin);
}

/* Waits for the brokers as long as it takes, or until SIGTERM. */
static bool open_topics(struct worker *w, struct error *err)
{
    struct kafka_warnings warnings = {0};
    for (unsigned tries = 0; !w->stopping; tries++) {
        bool ok = kafka_topics_ensure(w->cfg, TOPICS_SLICE_MS, &w->partitions, &warnings, err);
        if (!ok && err->kind == ERROR_TEMPORARY) {
            wait_for_kafka(w, tries, err);
            continue;
        }
        for (size_t i = 0; i < warnings.n; i++)
            log_warn("kafka", LOG_S("warning", warnings.v[i]));
        return ok;
    }
    return true;
}

static bool open_engine(struct worker *w, struct error *err)
{
    const struct engine_ports ports = {.ctx = w, .policy = on_policy, .fetch = on_fetch, .person = on_person};
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        return error_set(err, ERROR_SYSTEM, "getrandom: %m");
    w->engine_config = settings_engine_new(worker_config_now(w), w->sources, w->slot, w->partitions,
                                           policies_fingerprint(w->policies), seed);
    settings_engine_generations(w->engine_config, worker_config_now(w), policies_fingerprint_of, w->policies);
    w->engine = engine_new(w->engine_config, &ports);
    return true;
}

/* What people decided is known before anything can start. */
static bool open_notices(struct worker *w, struct error *err)
{
    if (!notices_new(w->cfg, w->engine, w->metrics, &w->notices, err))
        return false;
    for (unsigned tries = 0; !notices_catch_up(w->notices, NOTICES_SLICE_MS, err); tries++) {
        if (err->kind != ERROR_TEMPORARY)
            return error_wrap(err, "control");
        wait_for_kafka(w, tries + 1, err);
        if (w->stopping)
            return true;
    }
    return loop_add(w->loop, notices_fd(w->notices), EPOLLIN, on_notices, w, err);
}

/* Nothing about a team is decided before what is known of them has been read. */
static bool open_directories(struct worker *w, struct error *err)
{
    if (!directories_new(w->cfg, w->engine, w->metrics, &w->directories, err))
        return false;
    for (unsigned tries = 0; !directories_catch_up(w->directories, NOTICES_SLICE_MS, err); tries++) {
        if (err->kind != ERROR_TEMPORARY)
            return error_wrap(err, "targets");
        wait_for_kafka(w, tries + 1, err);
        if (w->stopping)
            return true;
    }
    return loop_add(w->loop, directories_fd(w->directories), EPOLLIN, on_directories, w, err);
}

void worker_tell_certificates(struct worker *w)
{
    const struct config_targets *targets = &worker_config_now(w)->targets;
    for (size_t i = 0; i < targets->n; i++) {
        int64_t expires_s = w->tokens.v[i].expires_s;
        metrics_set(w->metrics, WM_CERTIFICATE_EXPIRES, targets->v[i].name,
                    expires_s > 0 ? expires_s : METRIC_ABSENT);
    }
}

static bool open_http(struct worker *w, struct error *err)
{
    const struct http_callbacks callbacks = {.ctx = w, .may_write = on_may_write, .done = on_call_done};
    struct http_target *targets = settings_http_new(w->cfg, &w->tokens, w->sources);
    bool ok = http_client_new(w->loop, targets, engine_target_count(w->engine), &callbacks, &w->http, err);
    free(targets);
    if (ok && w->cfg->worker.mode == MODE_PLAN)
        http_client_only_read(w->http);
    worker_tell_certificates(w);
    return ok;
}

static bool open_membership(struct worker *w, struct error *err)
{
    const struct membership_settings settings = {.engine = w->engine,
                                                 .metrics = w->metrics,
                                                 .partitions = w->partitions,
                                                 .drain_ms = w->cfg->worker.drain_ms,
                                                 .transaction_timeout_ms =
                                                     w->cfg->worker.transaction_timeout_ms,
                                                 .ctx = w,
                                                 .failed = on_failed};
    w->membership = membership_new(&settings);
    const struct consumer_callbacks callbacks = {.ctx = w->membership,
                                                 .assigned = membership_assigned,
                                                 .revoked = membership_revoked,
                                                 .message = membership_message,
                                                 .failed = membership_failed};
    return consumer_new(w->cfg, w->slot, &callbacks, &w->consumer, err);
}

/* Its thread makes the transactional id ours at once. That ends what the slot's last life has left open, which
 * open_directories would otherwise wait for until it times out. */
static bool open_ledger(struct worker *w, struct error *err)
{
    return ledger_new(w->cfg, w->slot, consumer_handle(w->consumer), &w->ledger, err);
}

/* The loop's first turn hears that the ledger is ready, and joins the group then (membership.c): a member that fails
 * afterwards keeps its partitions from the others for a session. */
static bool open_group(struct worker *w, struct error *err)
{
    membership_connect(w->membership, w->consumer, w->ledger);
    return loop_add(w->loop, consumer_fd(w->consumer), EPOLLIN, on_consumer, w, err) &&
           loop_add(w->loop, ledger_fd(w->ledger), EPOLLIN, on_ledger, w, err);
}

static bool open_admin(struct worker *w, struct error *err)
{
    const struct admin_callbacks callbacks = {.ctx = w, .ready = on_ready_asked, .metrics = on_metrics_asked};
    watchdog_init(&w->watchdog);
    w->metrics = worker_metrics_new();
    return admin_new(w->cfg->worker.admin, &callbacks, &w->admin, err) &&
           loop_add(w->loop, admin_fd(w->admin), EPOLLIN, on_admin, w, err);
}

static bool open_deadman(struct worker *w, struct error *err)
{
    deadman_watch(&w->deadman, "loop", &w->turned_ms);
    deadman_watch(&w->deadman, "ledger", ledger_beat(w->ledger));
    return deadman_start(&w->deadman, w->cfg->worker.stuck_ms / 2, (enum log_format)w->cfg->log.format, err);
}

bool worker_new(const struct config *cfg, const char *slot, struct worker **ret, struct error *err)
{
    static bool (*const steps[])(struct worker * w, struct error * err) = {
        open_loop,   open_policies, check_settings,   open_tokens, open_sources,
        open_admin,  open_topics,   open_engine,      open_http,   open_membership,
        open_ledger, open_notices,  open_directories, open_group,  open_deadman,
    };
    struct worker *w = xcalloc(1, sizeof *w);
    *w = (struct worker){.cfg = cfg, .slot = slot, .signal_fd = -1};
    for (size_t i = 0; i < ARRAY_SIZE(steps) && !w->stopping; i++) {
        if (!steps[i](w, err)) {
            worker_free(w);
            return false;
        }
    }
    w->open = !w->stopping;
    *ret = w;
    return true;
}

/* The ledger goes before the consumer that it borrows and the engine whose batch it may hold. */
void worker_free(struct worker *w)
{
    if (!w)
        return;
    last_words_begin((enum log_format)w->cfg->log.format, TEAR_DOWN_MAX_S);
    deadman_done(&w->deadman);
    admin_free(w->admin);
    http_client_free(w->http);
    ledger_free(w->ledger);
    if (w->consumer)
        consumer_close(w->consumer);
    consumer_free(w->consumer);
    membership_free(w->membership);
    notices_free(w->notices);
    directories_free(w->directories);
    engine_free(w->engine);
    settings_engine_free(w->engine_config);
    config_free(w->reloaded);
    free(w->troubles);
    tokens_done(&w->tokens);
    asked_sources_free(w->sources);
    policies_free(w->policies);
    metrics_free(w->metrics);
    loop_free(w->loop);
    if (w->signal_fd >= 0)
        close(w->signal_fd);
    last_words_end();
    free(w);
}

bool worker_check(const struct config *cfg, struct error *err)
{
    struct worker w = {.cfg = cfg};
    bool ok = kafka_properties_check(cfg, err) && open_policies(&w, err) && check_settings(&w, err) &&
              open_tokens(&w, err) && open_sources(&w, err);
    tokens_done(&w.tokens);
    asked_sources_free(w.sources);
    free(w.troubles);
    policies_free(w.policies);
    return ok;
}
