/* mem.h - allocation that cannot fail, for sizes that are already limited.
 *
 * Sizes that a user controls are checked against a limit before they get here; what is left is small, and
 * running out of memory aborts the process (crashing is safe: promise P6). Thread-safe. Free with free(). */
#ifndef ROLLCALL_MEM_H
#define ROLLCALL_MEM_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xreallocarray(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
void *xmemdup(const void *p, size_t n) __attribute__((malloc, returns_nonnull));

/* xstrdup that passes NULL through. */
char *xstrdup_null(const char *s);

/* printf into a new string; the caller frees it. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2), malloc, returns_nonnull));

/* Gives back to the system what the allocator keeps of what was freed, after a great deal was. Takes milliseconds. */
void mem_give_back(void);

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
