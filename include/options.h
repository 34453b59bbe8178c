/* options.h - command line options from a table, with the --help text made of the same table.
 *
 *     static const struct option_def table[] = {
 *         {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
 *         {"check", 0, NULL, "check the configuration and exit"},
 *         {0}};
 * --help and --version need no rows. Main thread only. */
#ifndef ROLLCALL_OPTIONS_H
#define ROLLCALL_OPTIONS_H

#include <stdbool.h>

#include "error.h"

struct option_def {
    const char *name;     /* long name; NULL ends the table */
    char letter;          /* short name; 0: none */
    const char *argument; /* name of the argument in the help; NULL: a flag */
    const char *help;
};

enum { OPTIONS_MAX = 32 };

struct options {
    const char *program;
    const char *usage;               /* one line: what it does, for the help */
    const struct option_def *defs;   /* borrowed */
    const char *values[OPTIONS_MAX]; /* by index into defs: argument, or "" for a flag; NULL: not given */
    int n_args;
    char **args; /* what follows the options; borrowed from argv */
    bool done;   /* --help or --version was printed: exit 0 */
};

/* Fills ret; fails with ERROR_INPUT (exit code EX_USAGE, 64). --help and --version print to stdout. */
bool options_parse(int argc, char **argv, const char *usage, const struct option_def *defs,
                   struct options *ret, struct error *err) __attribute__((warn_unused_result));
const char *options_get(const struct options *o, const char *name); /* NULL: not given; "" for a flag given */

#define ROLLCALL_VERSION "0.1.0"

#endif
