/* rollcall-ingest: webhooks in, lifecycle events out to Kafka. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "admin.h"
#include "archive_tools.h"
#include "check.h"
#include "config.h"
#include "counters.h"
#include "failpoint.h"
#include "http_tls.h"
#include "jws.h"
#include "kafka.h"
#include "log.h"
#include "loop.h"
#include "mem.h"
#include "metrics.h"
#include "options.h"
#include "proxies.h"
#include "rfc3339.h"
#include "server.h"
#include "sign.h"
#include "source.h"
#include "topics.h"

enum { TURN_MS = 1000, DESCRIPTORS_PER_THREAD = 64, TRIED_OPTIONS_MAX = 16 };

/* jemalloc reads this at start (only in releases, see the Makefile). librdkafka and LZ4 take some 70 KiB for each request to
 * Kafka and give them back; what is more than 32 KiB a thread does not keep by itself, and each time its pages go back to
 * the kernel. */
extern const char *malloc_conf;
const char *malloc_conf = "tcache_max:131072";

static const char DEFAULT_CONFIG[] = "/etc/rollcall/rollcall.yaml";
static const char USAGE[] = /* after "usage: rollcall-ingest [options]" */
    "   or: rollcall-ingest [options] check SOURCE FILE\n"
    "   or: rollcall-ingest [options] sign SOURCE FILE\n"
    "   or: rollcall-ingest jwks FILE\n"
    "   or: rollcall-ingest [options] replay SOURCE --since TIME [--until TIME] [--dry-run]\n"
    "   or: rollcall-ingest [options] erase TENANT/DIRECTORY/SUBJECT\n"
    "receives webhooks, verifies them and publishes lifecycle events to Kafka;\n"
    "check SOURCE FILE shows what a stored request would become, and what is dropped and why;\n"
    "sign SOURCE FILE prints it signed with the source's secret, as if it had been sent just now\n"
    "(not tokens and certificates: only the sender has their key);\n"
    "jwks FILE says whether a key set would do as a source's secret (see rollcall-jwks);\n"
    "replay publishes what the source's file makes of archived bodies today, as new events that name the "
    "old;\n"
    "erase removes the archived bodies that name a person";

static const struct option_def option_table[] = {
    {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
    {"check", 0, NULL, "check the configuration, the sources and their secrets, and exit"},
    {"at", 0, "TIME", "with check and sign: the instant at which the request came (RFC 3339; default: now)"},
    {"options", 0, "NAME=VALUE,…", "with check FILE.lua FILE: options of the source"},
    {"since", 0, "TIME", "with replay: bodies received from then on (RFC 3339)"},
    {"until", 0, "TIME", "with replay: bodies received before (RFC 3339; default: now)"},
    {"dry-run", 0, NULL, "with replay: say what would be published"},
    {0}};

struct program {
    struct options options;
    const char *config_path;
    struct config *cfg;
    struct metrics *metrics;
    struct topics *topics; /* while they are made sure of beside the serving, which needs a spool */
    struct server *server;
    struct admin *admin;
    struct loop *loop;
    int signal_fd;
    bool stop;
    int rc;              /* of the process, when it stops by itself */
    int64_t watchdog_ms; /* 0: nobody watches */
    int64_t watched_ms;
};

/* What the supervisor makes of it: 75 and 71 start again, 78 wait for a person. */
static int exit_code(const struct error *err)
{
    static const int codes[] = {
        [ERROR_NONE] = EX_SOFTWARE,    [ERROR_INPUT] = EX_CONFIG, [ERROR_TEMPORARY] = EX_TEMPFAIL,
        [ERROR_PERMANENT] = EX_CONFIG, [ERROR_SYSTEM] = EX_OSERR,
    };
    return codes[err->kind];
}

static int fail(const struct error *err, const char *what)
{
    log_error(what, LOG_ERROR_FIELD(err));
    return exit_code(err);
}

/* ---- check SOURCE FILE, --check ------------------------------------------------------------------------ */

static bool is_lua_file(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".lua") == 0;
}

/* "zone=Europe/Berlin,kind=hr" as options; both borrow from text, which is changed. */
static bool read_pairs(char *text, struct config_pair *v, size_t max, struct config_pairs *ret,
                       struct error *err)
{
    *ret = (struct config_pairs){.v = v};
    for (char *word; (word = strsep(&text, ",")) != NULL;) {
        char *value = strchr(word, '=');
        if (!value || ret->n == max)
            return error_set(err, ERROR_INPUT, "--options wants NAME=VALUE,…");
        *value++ = '\0';
        v[ret->n++] = (struct config_pair){word, value};
    }
    return true;
}

static bool load_file(const struct program *p, const char *path, struct sources **ret, struct error *err)
{
    const char *given = options_get(&p->options, "options");
    struct config_pair v[TRIED_OPTIONS_MAX];
    struct config_pairs options = {0};
    char *text = given ? xstrdup(given) : NULL;
    bool ok = (!text || read_pairs(text, v, TRIED_OPTIONS_MAX, &options, err)) &&
              sources_load_file(path, &options, ret, err);
    free(text);
    return ok;
}

static bool load_for_check(struct program *p, const char *name, struct sources **ret, struct error *err)
{
    if (is_lua_file(name))
        return load_file(p, name, ret, err);
    return config_load(p->config_path, &p->cfg, err) && sources_load(p->cfg, ret, err);
}

static bool read_now(const struct program *p, int64_t *ret)
{
    const char *at = options_get(&p->options, "at");
    *ret = clock_real_ms();
    if (!at || rfc3339_parse(str_of(at), ret))
        return true;
    fprintf(stderr, "rollcall-ingest: --at wants an instant such as 2026-11-22T08:44:15Z\n");
    return false;
}

static int run_sign(struct program *p, const char *name, const char *path)
{
    struct error err = {0};
    struct sources *set = NULL;
    int64_t now;
    if (!read_now(p, &now))
        return EX_USAGE;
    bool ok = config_load(p->config_path, &p->cfg, &err) && sources_load(p->cfg, &set, &err);
    const struct source *src = ok ? sources_find(set, str_of(name)) : NULL;
    if (ok && !src)
        ok = error_set(&err, ERROR_INPUT, "no source is called %s", name);
    ok = ok && sign_run(src, config_source(p->cfg, name), path, now, stdout, &err);
    if (!ok)
        fprintf(stderr, "rollcall-ingest: %s\n", err.message);
    sources_free(set);
    config_free(p->cfg);
    return ok ? EX_OK : src ? EX_DATAERR : exit_code(&err);
}

static int run_check(struct program *p, const char *name, const char *path)
{
    struct error err = {0};
    struct sources *set = NULL;
    bool accepted = false;
    int64_t now;
    int rc = EX_OK;
    struct source *src = NULL;
    if (!read_now(p, &now))
        return EX_USAGE;
    bool ok = load_for_check(p, name, &set, &err);
    if (ok && !(src = is_lua_file(name) ? &set->v[0] : sources_find(set, str_of(name))))
        ok = error_set(&err, ERROR_INPUT, "no source is called %s", name);
    ok = ok && check_run(set, src, path, now, stdout, &accepted, &err);
    if (!ok) {
        fprintf(stderr, "rollcall-ingest: %s\n", err.message);
        rc = src ? EX_DATAERR : exit_code(&err);
    } else if (!accepted) {
        rc = EX_DATAERR;
    }
    sources_free(set);
    config_free(p->cfg);
    return rc;
}

/* Would the file do as the secret of a source that takes tokens? */
static int run_jwks(const char *path)
{
    struct error err = {0};
    struct jws_keys *keys = NULL;
    struct buf text;
    buf_init(&text, CHECK_FILE_MAX);
    bool ok = check_read_file(path, &text, &err) && jws_keys_new(buf_str(&text), &keys, &err);
    if (ok)
        printf("%s: %zu usable keys\n", path, jws_keys_count(keys));
    else
        fprintf(stderr, "rollcall-ingest: %s: %s\n", path, err.message);
    jws_keys_free(keys);
    buf_done(&text);
    return ok ? EX_OK : EX_DATAERR;
}

static bool check_proxies(const struct config *cfg, struct error *err)
{
    struct proxies *proxies;
    if (!proxies_new(&cfg->ingest.trusted_proxies, &proxies, err))
        return false;
    proxies_free(proxies);
    return true;
}

static bool check_tls(const struct config *cfg, struct error *err)
{
    struct http_tls *tls = NULL;
    if (cfg->ingest.tls.certificate && !http_tls_new(&cfg->ingest.tls, &tls, err))
        return false;
    http_tls_free(tls);
    return true;
}

static int check_config(struct program *p)
{
    struct error err = {0};
    struct sources *set = NULL;
    bool ok = config_load(p->config_path, &p->cfg, &err) && kafka_properties_check(p->cfg, &err) &&
              check_proxies(p->cfg, &err) && check_tls(p->cfg, &err) && sources_load(p->cfg, &set, &err);
    if (ok)
        printf("%s: good, %zu sources\n", p->config_path, set->n);
    else
        fprintf(stderr, "rollcall-ingest: %s\n", err.message);
    sources_free(set);
    config_free(p->cfg);
    return ok ? EX_OK : exit_code(&err);
}

static bool read_time(const struct program *p, const char *option, int64_t *ret, struct error *err)
{
    const char *text = options_get(&p->options, option);
    return (text && rfc3339_parse(str_of(text), ret)) ||
           error_set(err, ERROR_INPUT, "--%s wants an instant such as 2026-11-22T08:44:15Z", option);
}

static int run_archive(struct program *p, const char *what)
{
    struct error err = {0};
    struct replay replay = {.source = p->options.args[1],
                            .until_ms = clock_real_ms(),
                            .dry_run = options_get(&p->options, "dry-run")};
    bool replays = strcmp(what, "replay") == 0;
    if (replays && (!read_time(p, "since", &replay.since_ms, &err) ||
                    (options_get(&p->options, "until") && !read_time(p, "until", &replay.until_ms, &err)))) {
        fprintf(stderr, "rollcall-ingest: %s\n", err.message);
        return EX_USAGE;
    }
    bool ok = config_load(p->config_path, &p->cfg, &err) &&
              (replays ? archive_replay(p->cfg, &replay, stdout, &err)
                       : archive_erase(p->cfg, p->options.args[1], stdout, &err));
    if (!ok)
        fprintf(stderr, "rollcall-ingest: %s\n", err.message);
    config_free(p->cfg);
    return ok ? EX_OK : exit_code(&err);
}

static int run_tool(struct program *p)
{
    const struct options *o = &p->options;
    bool only_check = options_get(o, "check"), at = options_get(o, "at");
    if (only_check && !at && o->n_args == 0)
        return check_config(p);
    if (!only_check && o->n_args == 3 && strcmp(o->args[0], "check") == 0)
        return run_check(p, o->args[1], o->args[2]);
    if (!only_check && o->n_args == 3 && strcmp(o->args[0], "sign") == 0)
        return run_sign(p, o->args[1], o->args[2]);
    if (!only_check && o->n_args == 2 &&
        (strcmp(o->args[0], "replay") == 0 || strcmp(o->args[0], "erase") == 0))
        return run_archive(p, o->args[0]);
    if (!only_check && !at && o->n_args == 2 && strcmp(o->args[0], "jwks") == 0)
        return run_jwks(o->args[1]);
    fprintf(stderr, "rollcall-ingest: wanted is no argument, check|sign SOURCE FILE, jwks FILE, replay "
                    "SOURCE or erase PERSON; "
                    "--at goes only with check and sign, --check only alone; see --help\n");
    return EX_USAGE;
}

/* ---- start --------------------------------------------------------------------------------------------- */

/* Every connection is a descriptor; at the limit the HTTP server stops accepting. */
static void raise_descriptor_limit(const struct config *cfg)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    int64_t wanted = cfg->ingest.limits.connections + cfg->ingest.threads * DESCRIPTORS_PER_THREAD;
    if (limit.rlim_max != RLIM_INFINITY && (int64_t)limit.rlim_max < wanted)
        log_warn("fewer descriptors than connections are allowed; raise LimitNOFILE",
                 LOG_I("descriptors", limit.rlim_max), LOG_I("wanted", wanted));
}

static bool start_process(struct program *p, struct error *err)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, 0};
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit(p->cfg);
    uint64_t watchdog_us = 0;
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
        p->watchdog_ms = (int64_t)(watchdog_us / 2000);
    p->signal_fd = loop_signal_fd(signals, err);
    return p->signal_fd >= 0 && failpoint_init(err) && loop_new(&p->loop, err);
}

static void read_signals(struct program *p);

/* Waits for Kafka as long as it takes: senders repeat what they could not deliver. With a spool there is no need to
 * wait. */
static bool start_topics(struct program *p, struct error *err)
{
    if (p->cfg->ingest.spool.path)
        return topics_start(p->cfg, p->loop, &p->topics, err);
    while (!topics_ensure(p->cfg, err)) {
        if (err->kind != ERROR_TEMPORARY)
            return false;
        log_warn("waiting for Kafka", LOG_ERROR_FIELD(err));
        sd_notify(0, "STATUS=waiting for Kafka\nEXTEND_TIMEOUT_USEC=15000000");
        read_signals(p);
        if (p->stop)
            return error_set(err, ERROR_TEMPORARY, "stopped while waiting for Kafka");
        loop_wait(p->loop, TURN_MS);
    }
    return true;
}

static bool is_ready(void *ctx, struct buf *reason)
{
    struct program *p = ctx;
    return server_ready(p->server, reason);
}

static void render_metrics(void *ctx, struct buf *out)
{
    struct program *p = ctx;
    server_gauges(p->server);
    metrics_render(p->metrics, out);
}

static bool start_server(struct program *p, struct error *err)
{
    p->metrics = metrics_new(counter_table, COUNTERS);
    return server_new(p->cfg, p->metrics, &p->server, err) && server_start(p->server, err);
}

static void on_signals(void *ctx, uint32_t events)
{
    (void)events;
    read_signals(ctx);
}

static void on_admin(void *ctx, uint32_t events)
{
    (void)ctx; /* the loop runs it in every turn */
    (void)events;
}

static bool start_admin(struct program *p, struct error *err)
{
    struct admin_callbacks callbacks = {.ctx = p, .ready = is_ready, .metrics = render_metrics};
    if (!admin_new(p->cfg->ingest.admin, &callbacks, &p->admin, err) ||
        !loop_add(p->loop, p->signal_fd, EPOLLIN, on_signals, p, err) ||
        !loop_add(p->loop, admin_fd(p->admin), EPOLLIN, on_admin, p, err))
        return false;
    log_info("ready", LOG_I("port", server_port(p->server)), LOG_I("admin_port", admin_port(p->admin)),
             LOG_I("threads", p->cfg->ingest.threads), LOG_I("sources", p->cfg->sources.n));
    sd_notify(0, "READY=1\nSTATUS=receiving");
    return true;
}

/* ---- run ----------------------------------------------------------------------------------------------- */

/* Sources, secrets and limits as the file has them now, or as they were. */
static void reload(struct program *p)
{
    struct error err = {0};
    struct config *cfg = NULL;
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_ms() * 1000);
    bool ok = config_load(p->config_path, &cfg, &err) && server_reload(p->server, cfg, &err);
    metrics_add(p->metrics, COUNT_RELOADS, ok ? "done" : "failed", 1);
    if (ok)
        log_info("reloaded", LOG_I("sources", cfg->sources.n));
    else
        log_error("reload failed, going on as before", LOG_ERROR_FIELD(&err));
    config_free(cfg);
    sd_notify(0, "READY=1");
}

static void read_signals(struct program *p)
{
    for (int number; (number = loop_signal_read(p->signal_fd)) != 0;) {
        if (number != SIGHUP)
            p->stop = true;
        else if (p->server)
            reload(p);
    }
}

static void feed_watchdog(struct program *p)
{
    int64_t now = clock_mono_ms();
    if (p->watchdog_ms == 0 || now - p->watched_ms < p->watchdog_ms || !server_alive(p->server))
        return;
    p->watched_ms = now;
    sd_notify(0, "WATCHDOG=1");
}

static void look_at_topics(struct program *p)
{
    struct error err = {0};
    enum topics_state state = p->topics ? topics_state(p->topics, &err) : TOPICS_AWAITED;
    if (state == TOPICS_AWAITED)
        return;
    topics_free(p->topics);
    p->topics = NULL;
    if (state == TOPICS_RIGHT) {
        server_kafka_is_there(p->server);
        return;
    }
    p->rc = fail(&err, "cannot go on");
    p->stop = true;
}

static int turn_ms(const struct program *p)
{
    int timeout = admin_timeout_ms(p->admin);
    int turn = p->watchdog_ms > 0 && p->watchdog_ms < TURN_MS ? (int)p->watchdog_ms : TURN_MS;
    return timeout >= 0 && timeout < turn ? timeout : turn;
}

static void run(struct program *p)
{
    while (!p->stop) {
        admin_run(p->admin);
        feed_watchdog(p);
        look_at_topics(p);
        loop_wait(p->loop, turn_ms(p));
    }
    log_info("stopping");
    sd_notify(0, "STOPPING=1");
    server_stop(p->server);
}

static void tear_down(struct program *p)
{
    admin_free(p->admin);
    topics_free(p->topics);
    server_free(p->server);
    metrics_free(p->metrics);
    loop_free(p->loop);
    if (p->signal_fd >= 0)
        close(p->signal_fd);
    config_free(p->cfg);
}

static int serve(struct program *p)
{
    struct error err = {0};
    int rc = EX_OK;
    if (!config_load(p->config_path, &p->cfg, &err))
        return fail(&err, "cannot read the configuration");
    log_init((enum log_format)p->cfg->log.format, (enum log_level)p->cfg->log.level, "rollcall-ingest");
    if (!start_process(p, &err) || !start_topics(p, &err) || !start_server(p, &err) || !start_admin(p, &err))
        rc = p->stop ? EX_OK : fail(&err, "cannot start");
    else
        run(p);
    if (rc == EX_OK)
        rc = p->rc;
    tear_down(p);
    if (rc == EX_OK)
        log_info("stopped");
    return rc;
}

int main(int argc, char **argv)
{
    struct program p = {.signal_fd = -1, .config_path = DEFAULT_CONFIG};
    struct error err = {0};
    if (!options_parse(argc, argv, USAGE, option_table, &p.options, &err)) {
        fprintf(stderr, "rollcall-ingest: %s\n", err.message);
        return EX_USAGE;
    }
    if (p.options.done)
        return EX_OK;
    const char *path = options_get(&p.options, "config");
    if (path)
        p.config_path = path;
    if (options_get(&p.options, "check") || options_get(&p.options, "at") || p.options.n_args > 0)
        return run_tool(&p);
    return serve(&p);
}
