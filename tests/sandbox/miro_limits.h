/* miro_limits.h - counts requests per class at their arrival and says which ones are over the limit.
 *
 * A fixed window is aligned to multiples of its length; a sliding one ends at the arrival. Requests that are
 * refused do not use up the allowance. Times must not run backwards. Thread rule: one owner at a time; cannot
 * fail. */
#ifndef ROLLCALL_MIRO_LIMITS_H
#define ROLLCALL_MIRO_LIMITS_H

#include "miro.h"

struct times { /* ring of instants, oldest first */
    int64_t *v;
    size_t head, n, size; /* size: power of two */
};

struct meter {
    struct miro_limit stat;
    struct times arrived;  /* within a window of the last arrival, all */
    struct times accepted; /* the same without those over the limit */
    int64_t fixed_start_ms, fixed_arrived, fixed_accepted;
    struct meter *shared; /* the counter that decides: itself, or the level's */
};

struct limits {
    struct meter by_class[MIRO_CLASSES];
    struct meter by_level[5];
    enum miro_window window;
    int64_t window_ms;
};

void limits_init(struct limits *l, const struct miro_config *cfg);
void limits_done(struct limits *l);
void limits_clear(struct limits *l);

struct limits_verdict {
    bool over;
    int64_t limit; /* 0: not limited */
    int64_t remaining;
    int64_t free_at_ms; /* when the window has room again or ends */
};
struct limits_verdict limits_arrive(struct limits *l, enum miro_class class, int64_t now_ms);

#endif
