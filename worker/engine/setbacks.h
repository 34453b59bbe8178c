/* setbacks.h - what failed, how often in a row, and until when it rests, by a name of its own: so that one that keeps
 * failing goes behind the others. Times are CLOCK_BOOTTIME in ms, but for since_ms. Pure; single-threaded; cannot fail. */
#ifndef ROLLCALL_ENGINE_SETBACKS_H
#define ROLLCALL_ENGINE_SETBACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine.h"

enum { SETBACKS_MAX = 1000 }; /* then the one that could have been tried for longest is forgotten */
enum {
    SETBACK_STALE_MS = 24 * 3600 * 1000
}; /* what might have been tried for so long, and was not, begins anew */

struct setback {
    char *key;
    char *why; /* to be told; NULL: not yet */
    uint32_t failures;
    int64_t since_ms;                    /* wall clock: the first of these */
    int64_t noted_boot_ms, next_boot_ms; /* the last of them; until when it rests */
};

struct setbacks {
    struct setback *v; /* by key: each of many is looked up whenever one of them is chosen */
    size_t n;
};

struct setback_terms {
    int64_t base_ms, cap_ms; /* the first wait; each is twice as long, up to the cap */
    int64_t at_least_ms;     /* but no shorter than this one */
    bool anew;               /* what failed before does not count */
};

void setbacks_done(struct setbacks *s); /* forgets all */
/* It failed (again). Copies key and why. Valid until the next change. */
const struct setback *setbacks_note(struct setbacks *s, const char *key, const char *why,
                                    const struct setback_terms *terms, struct now now);
void setbacks_remove(struct setbacks *s, const char *key);
/* Those that might have been tried at that time. */
void setbacks_remove_until(struct setbacks *s, int64_t boot_ms);
const struct setback *setbacks_find(const struct setbacks *s, const char *key); /* NULL: it has not failed */
int64_t setbacks_next(const struct setbacks *s, const char *key);               /* 0: likewise */
int64_t setbacks_first(const struct setbacks *s); /* the earliest of all; INT64_MAX: there is none */

#endif
