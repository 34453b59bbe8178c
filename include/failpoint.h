/* failpoint.h - places where tests kill, stop or hold a program, to the instruction.
 *
 *     FAILPOINT("ledger.before_commit");
 *
 * Only with -DROLLCALL_FAILPOINTS (test builds); a release compiles them to nothing. The environment says
 * which act:
 *     ROLLCALL_FAILPOINT="name=kill[:nth],name=stop[:nth],name=exit:code[:nth],name=pause_until_file:PATH[:nth]"
 * nth counts hits from 1 (default 1); the action happens at exactly that hit. kill and stop signal the
 * process itself, pause_until_file holds the thread until PATH exists. At a FAILPOINT_FOR, which tells what it is
 * busy with, name=kill_for:TEXT kills whenever that is TEXT, and name=hang_for:TEXT holds the thread for ever. Names
 * must be known (failpoint_list).
 * Thread-safe. */
#ifndef ROLLCALL_FAILPOINT_H
#define ROLLCALL_FAILPOINT_H

#include <stdbool.h>
#include <stdio.h>

#include "error.h"

#ifdef ROLLCALL_FAILPOINTS
/* Each use puts its name into a section of the program, so that the program knows its failpoints. name: a
 * literal; what: text, NULL for nothing in particular. */
#define FAILPOINT_FOR(name, what)                                                                            \
    do {                                                                                                     \
        static const char *const failpoint_name __attribute__((section("rollcall_failpoints"), used)) =      \
            "" name "";                                                                                      \
        failpoint_hit(failpoint_name, what);                                                                 \
    } while (0)
#else
#define FAILPOINT_FOR(name, what) ((void)0)
#endif
#define FAILPOINT(name) FAILPOINT_FOR(name, NULL)

/* Reads the environment; call once in main before threads start. Fails with ERROR_INPUT on a malformed or
 * unknown specification; in a release build the variable is ignored. */
bool failpoint_init(struct error *err) __attribute__((warn_unused_result));
void failpoint_hit(const char *name, const char *what);
/* Prints every name, one per line. */
void failpoint_list(FILE *out);

#endif
