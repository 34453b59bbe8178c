/* rollcall-worker: lifecycle events from Kafka → SCIM calls → results in Kafka. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli.h"
#include "config.h"
#include "failpoint.h"
#include "log.h"
#include "mem.h"
#include "options.h"
#include "worker.h"

static const char *const usage = /* after "usage: rollcall-worker [options]" */
    "   or: rollcall-worker control …       what people decide: pause, retry, approve …; see control --help\n"
    "   or: rollcall-worker deadletters …   what was rejected: list, show, replay, drop; see deadletters "
    "--help\n"
    "   or: rollcall-worker plan …          what would be done for one person; see plan --help\n"
    "   or: rollcall-worker policy …        tries a policy on cases: test; see policy --help\n"
    "   or: rollcall-worker target …        checks a target before it is switched on: test; see target "
    "--help\n"
    "turns lifecycle events into SCIM calls, with one result each";
static const char *const default_config = "/etc/rollcall/rollcall.yaml";

static const struct option_def defs[] = {
    {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
    {"slot", 's', "NAME", "identity of this worker, stable over restarts (default: worker.slot, host name)"},
    {"admin", 'a', "HOST:PORT", "instead of worker.admin, for several workers on one host"},
    {"check", 0, NULL, "check configuration, policy and secrets, and exit"},
    {0},
};

struct program {
    struct options options;
    struct config *cfg;
    char host[HOST_NAME_MAX + 1];
    const char *slot;
    struct worker *worker;
};

static int fail(const struct error *err)
{
    log_error("stopped", LOG_ERROR_FIELD(err), LOG_S("kind", error_kind_name(err->kind)));
    return cli_exit_code(err);
}

static bool read_config(struct program *p, struct error *err)
{
    const char *path = options_get(&p->options, "config"), *admin = options_get(&p->options, "admin");
    if (!failpoint_init(err) || !config_load(path ? path : default_config, &p->cfg, err))
        return false;
    if (admin) {
        free(p->cfg->worker.admin);
        p->cfg->worker.admin = xstrdup(admin);
    }
    return true;
}

static bool choose_slot(struct program *p, struct error *err)
{
    p->slot = options_get(&p->options, "slot");
    if (!p->slot)
        p->slot = p->cfg->worker.slot;
    if (p->slot)
        return true;
    p->slot = p->host;
    return gethostname(p->host, sizeof p->host) == 0 || error_set(err, ERROR_SYSTEM, "gethostname: %m");
}

static int check(struct program *p)
{
    struct error err = {0};
    if (!worker_check(p->cfg, &err))
        return fail(&err);
    printf("%zu targets, policy and secrets are fine\n", p->cfg->targets.n);
    return EX_OK;
}

static int serve(struct program *p)
{
    struct error err = {0};
    if (!choose_slot(p, &err) || !worker_new(p->cfg, p->slot, &p->worker, &err))
        return fail(&err);
    if (!worker_run(p->worker, &err))
        _exit(fail(&err)); /* no tear-down: see worker_run */
    worker_free(p->worker);
    log_info("ended");
    return EX_OK;
}

int main(int argc, char **argv)
{
    struct program p = {0};
    struct error err = {0};
    int code;
    if (cli_run(argc, argv, &code))
        return code;
    if (!options_parse(argc, argv, usage, defs, &p.options, &err)) {
        fprintf(stderr, "rollcall-worker: %s\n", err.message);
        return EX_USAGE;
    }
    if (p.options.done)
        return EX_OK;
    if (p.options.n_args > 0) {
        fprintf(stderr,
                "rollcall-worker: what is %s? A command comes first, the worker itself takes options only; "
                "see --help\n",
                p.options.args[0]);
        return EX_USAGE;
    }
    log_init(LOG_FORMAT_LOGFMT, LOG_LEVEL_INFO, "rollcall-worker");
    if (!read_config(&p, &err))
        return fail(&err);
    log_init((enum log_format)p.cfg->log.format, (enum log_level)p.cfg->log.level, "rollcall-worker");
    int rc = options_get(&p.options, "check") ? check(&p) : serve(&p);
    config_free(p.cfg);
    return rc;
}
