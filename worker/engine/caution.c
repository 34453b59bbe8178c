#include "caution.h"

#include "mutation.h"

void caution_after_death(struct caution *c, uint32_t deaths, bool progress)
{
    c->deaths = progress ? 1 : deaths + 1;
    c->step = CAUTION_STEP;
    c->try_left = c->deaths >= CAUTION_DEATHS && !MUTATION(MUTATION_CAUTION_IGNORED) ? CAUTION_STEP : 0;
}

void caution_merged(struct caution *c)
{
    if (c->try_left > 0)
        c->try_left--;
}

void caution_undo(struct caution *c)
{
    if (c->try_left > 0)
        c->try_left = CAUTION_STEP;
}

bool caution_progress(struct caution *c)
{
    bool died = c->deaths > 0;
    c->deaths = 0;
    c->step *= 2;
    if (c->step > CAUTION_STEP_MAX)
        c->step = 0;
    return died;
}

enum offer caution_offer(const struct caution *c, uint32_t merged)
{
    if (c->step > 0 && merged >= c->step)
        return OFFER_LATER;
    return c->try_left > 0 ? OFFER_TRY : OFFER_TAKE;
}
