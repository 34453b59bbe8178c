/* cli.h - the commands beside the worker itself: `rollcall-worker control …`, `… deadletters …`, `… plan …`, `… policy …`,
 * `… target …`.
 *
 * A command is the first argument; its options follow it in any order. Commands talk to Kafka alone and need of the
 * configuration what is about Kafka and the names of targets. What they print is for the operator who asked and may
 * name persons; nothing of it goes to a log. Main thread only; exit codes are sysexits. */
#ifndef ROLLCALL_WORKER_CLI_H
#define ROLLCALL_WORKER_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"
#include "config.h"
#include "error.h"
#include "options.h"

enum { CLI_KAFKA_MS = 15000 }; /* how long brokers may take to answer or to acknowledge */

/* The exit code of the command that argv[1] names; false: it names none. */
bool cli_run(int argc, char **argv, int *ret_code);

/* What a supervisor or script makes of an error: 75 again, 78 a person has to act. */
int cli_exit_code(const struct error *err);

/* ---- between the commands ------------------------------------------------------------------------------ */

int cli_control(int argc, char **argv);
int cli_deadletters(int argc, char **argv);
int cli_plan(int argc, char **argv);
int cli_policy(int argc, char **argv);
int cli_target(int argc, char **argv);

struct cli_verb {
    const char *name;
    const char *argument; /* of the usage: "TARGET|all"; "": none */
    int n_args_min, n_args_max;
    int (*run)(void *ctx, int n_args, char **args);
};

/* The verb that the first argument of o names, with the right number of arguments behind it; NULL: told what is wrong
 * on stderr (EX_USAGE). verbs end with a name NULL. */
const struct cli_verb *cli_find_verb(const struct options *o, const struct cli_verb *verbs);

/* A command that has verbs: its options into o, and then the verb; its exit code. ctx: the verb's. */
struct cli_command {
    const char *usage;
    const struct option_def *defs;
    const struct cli_verb *verbs;
    int (*prepare)(void *ctx); /* what all verbs need: EX_OK, or the exit code; NULL: nothing */
};
int cli_run_verb(int argc, char **argv, const struct cli_command *command, struct options *o, void *ctx);

/* --config, or where it is by default. Log lines of librdkafka go to stderr from the level error on. */
bool cli_load_config(const struct options *o, struct config **ret, struct error *err)
    __attribute__((warn_unused_result));
/* Says on stderr what went wrong; the exit code. */
int cli_fail(const struct error *err);
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --by, or the login name; false: there is neither. */
bool cli_by(const struct options *o, char *out, size_t size, struct error *err)
    __attribute__((warn_unused_result));
/* The option's value: an instant in RFC 3339, a whole number from 1 to max. Not given: *ret stays as it is. */
bool cli_time(const struct options *o, const char *name, int64_t *ret_ms, struct error *err)
    __attribute__((warn_unused_result));
bool cli_number(const struct options *o, const char *name, int64_t max, int64_t *ret, struct error *err)
    __attribute__((warn_unused_result));

/* Prints text that others wrote: what could steer a terminal comes out as '?'. NULL prints nothing. */
void cli_put(FILE *out, const char *text);

#endif
