/* error.h - what went wrong, told to the caller.
 *
 * Every function that can fail returns bool (true = done) and takes a caller-owned `struct error *err` last:
 * bool says whether, err says what kind and why. Modules never log an error; who can decide (loop, main) logs
 * it once. Thread rule: an error belongs to the thread of its owner. Nothing here can fail. */
#ifndef ROLLCALL_ERROR_H
#define ROLLCALL_ERROR_H

#include <stdbool.h>

enum error_kind {
    ERROR_NONE,
    ERROR_INPUT,     /* the caller's data is wrong: do not retry, say what to change */
    ERROR_TEMPORARY, /* may work later */
    ERROR_PERMANENT, /* never will, though the data is well-formed */
    ERROR_SYSTEM,    /* our host: descriptors, memory, permissions */
};

struct error {
    enum error_kind kind;
    char message[512]; /* one line, no secrets, no personal data; says what to do when a person can do
                          something */
};

/* Fills err (which may be NULL) and returns false, so that failing is one line. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prefixes err's message ("loading x: …"), keeps its kind, returns false. */
bool error_wrap(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *error_kind_name(enum error_kind kind);

/* The kind of an errno about a file that the operator named: INPUT when a person has to mend name or rights,
 * as waiting does not help, else SYSTEM. */
enum error_kind error_kind_of_file(int cause);

#endif
