/* year_story.h - a company's year as a scenario: its people, what happens to each of them, and how it is told.
 *
 *      day 0                        everybody who is there is loaded; most of them have an account already
 *      every day                    hires, moves, leavers, renames, holds, contracts that end; a part of it dated ahead
 *      in the middle of the story   a reorganisation: departments are joined (the policy says), one is divided up
 *
 * A sixth of the people leave in a year and as many come, a quarter moves. A word in ten is told twice, one in twelve a
 * day late or more, so that the log is out of order throughout. The same options give the same story on every machine.
 * Thread rule: none; cannot fail. */
#ifndef ROLLCALL_SIM_YEAR_STORY_H
#define ROLLCALL_SIM_YEAR_STORY_H

#include <stddef.h>
#include <stdint.h>

#include "scenario.h"
#include "year_company.h"

struct year_options {
    uint64_t seed;
    size_t persons; /* at the beginning */
    size_t teams;
    size_t days;
    size_t pace; /* of life: so many years happen in one */
};

struct year_story {
    struct scenario *scenario;
    struct company company;
    size_t told[EVENT_TYPES];              /* events by type */
    size_t hires, moves, renames, rehires; /* of these */
    size_t contracts, extended;            /* that end within the story; of these those that were prolonged */
    size_t ahead;                          /* events dated ahead */
    size_t moved_at_once;                  /* by the reorganisation */
    int64_t reorganised_ms;
};

enum { YEAR_SPREAD = 4, YEAR_DAY_MS = 24 * 3600 * 1000 };

/* Release the scenario with scenario_free. */
void year_story_tell(const struct year_options *o, struct year_story *ret);
/* One line of JSON for each telling, in order: what is told when, for whoever tells the story to real programs. */
void year_story_print(const struct year_story *story);

#endif
