#include "inflight.h"

#include <stdbool.h>

void inflight_init(struct inflight *f, unsigned max)
{
    *f = (struct inflight){.max = max, .limit = max, .cut_ms = INT64_MIN};
}

void inflight_set_max(struct inflight *f, unsigned max)
{
    f->limit = f->limit == f->max || f->limit > max ? max : f->limit;
    f->max = max;
}

void inflight_answered(struct inflight *f)
{
    f->timed_out = 0;
    if (f->limit < f->max)
        f->limit++;
}

void inflight_timed_out(struct inflight *f, uint64_t person, int64_t started_ms, int64_t now_ms)
{
    bool another = f->timed_out != 0 && f->timed_out != person;
    f->timed_out = person;
    if (!another || started_ms <= f->cut_ms)
        return;
    f->limit = f->limit > 1 ? f->limit / 2 : 1;
    f->cut_ms = now_ms;
}
