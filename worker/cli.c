#include "cli.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "rfc3339.h"

static const char *const default_config = "/etc/rollcall/rollcall.yaml";

static const struct command {
    const char *name;
    const char *program; /* as --help calls it */
    int (*run)(int argc, char **argv);
} commands[] = {
    {"control", "rollcall-worker control", cli_control},
    {"deadletters", "rollcall-worker deadletters", cli_deadletters},
    {"plan", "rollcall-worker plan", cli_plan},
    {"policy", "rollcall-worker policy", cli_policy},
    {"target", "rollcall-worker target", cli_target},
};

bool cli_run(int argc, char **argv, int *ret_code)
{
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        argv[1] = (char *)(uintptr_t)commands[i].program;
        *ret_code = commands[i].run(argc - 1, argv + 1);
        return true;
    }
    return false;
}

int cli_exit_code(const struct error *err)
{
    static const int codes[] = {
        [ERROR_NONE] = EX_SOFTWARE,    [ERROR_INPUT] = EX_CONFIG, [ERROR_TEMPORARY] = EX_TEMPFAIL,
        [ERROR_PERMANENT] = EX_CONFIG, [ERROR_SYSTEM] = EX_OSERR,
    };
    return codes[err->kind];
}

int cli_fail(const struct error *err)
{
    fprintf(stderr, "rollcall-worker: %s\n", err->message);
    return cli_exit_code(err);
}

int cli_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "rollcall-worker: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "; see --help\n");
    va_end(args);
    return EX_USAGE;
}

/* ---- what options say ---------------------------------------------------------------------------------- */

const struct cli_verb *cli_find_verb(const struct options *o, const struct cli_verb *verbs)
{
    const char *name = o->n_args > 0 ? o->args[0] : NULL;
    for (const struct cli_verb *v = verbs; name && v->name; v++) {
        if (strcmp(v->name, name) != 0)
            continue;
        if (o->n_args - 1 >= v->n_args_min && o->n_args - 1 <= v->n_args_max)
            return v;
        cli_usage("wanted is: %s %s %s", o->program, v->name, v->argument);
        return NULL;
    }
    if (name)
        cli_usage("%s does not know %s", o->program, name);
    else
        cli_usage("%s what?", o->program);
    return NULL;
}

int cli_run_verb(int argc, char **argv, const struct cli_command *command, struct options *o, void *ctx)
{
    struct error err = {0};
    if (!options_parse(argc, argv, command->usage, command->defs, o, &err))
        return cli_usage("%s", err.message);
    if (o->done)
        return EX_OK;
    const struct cli_verb *verb = cli_find_verb(o, command->verbs);
    if (!verb)
        return EX_USAGE;
    int code = command->prepare ? command->prepare(ctx) : EX_OK;
    return code == EX_OK ? verb->run(ctx, o->n_args - 1, o->args + 1) : code;
}

bool cli_load_config(const struct options *o, struct config **ret, struct error *err)
{
    const char *path = options_get(o, "config");
    log_init(LOG_FORMAT_LOGFMT, LOG_LEVEL_ERROR, "rollcall-worker");
    return config_load(path ? path : default_config, ret, err);
}

bool cli_by(const struct options *o, char *out, size_t size, struct error *err)
{
    const char *by = options_get(o, "by");
    const struct passwd *user = by ? NULL : getpwuid(getuid());
    int n = by || user ? snprintf(out, size, "%s", by ? by : user->pw_name) : 0;
    if (n > 0 && (size_t)n < size)
        return true;
    return error_set(err, ERROR_INPUT, by ? "--by: empty or too long" : "no login name: say --by NAME");
}

bool cli_time(const struct options *o, const char *name, int64_t *ret_ms, struct error *err)
{
    const char *text = options_get(o, name);
    return !text || rfc3339_parse(str_of(text), ret_ms) ||
           error_set(err, ERROR_INPUT, "--%s: wanted is an instant such as 2026-11-22T08:44:15Z", name);
}

bool cli_number(const struct options *o, const char *name, int64_t max, int64_t *ret, struct error *err)
{
    const char *text = options_get(o, name);
    char *end;
    if (!text)
        return true;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return (errno == 0 && end != text && *end == '\0' && *ret >= 1 && *ret <= max) ||
           error_set(err, ERROR_INPUT, "--%s: wanted is a number from 1 to %lld", name, (long long)max);
}

/* ---- printing ------------------------------------------------------------------------------------------ */

/* C0, DEL, and C1 in UTF-8 (0xc2 0x80 to 0x9f). */
static size_t steering(const unsigned char *p)
{
    if (p[0] < ' ' || p[0] == 0x7f)
        return 1;
    return p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f ? 2 : 0;
}

void cli_put(FILE *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; p && *p;) {
        size_t n = steering(p);
        putc(n > 0 ? '?' : *p, out);
        p += n > 0 ? n : 1;
    }
}
