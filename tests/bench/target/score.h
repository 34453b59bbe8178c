/* score.h - what the target has seen: the order of the calls of each person, and how many.
 *
 * The events of a person are numbered 0, 1, 2 … and each carries its number in the value that it sets
 * ("Person 17 #3"). One call per event in order means: the numbers of a person's PATCHes go up by one, and no
 * PATCH arrives while the answer to another one of this person is outstanding. Everything else is counted by
 * kind. One thread; cannot fail. */
#ifndef ROLLCALL_BENCH_SCORE_H
#define ROLLCALL_BENCH_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct score_person {
    int64_t last; /* number of the newest PATCH; -1: none yet */
    bool in_flight;
};

struct score {
    struct score_person *persons;
    size_t n_persons;
    int64_t *first_ms; /* by tenant: first call of any kind since score_watch; 0: none yet */
    size_t n_tenants;
    uint64_t patches;    /* arrived */
    uint64_t answered;   /* PATCHes */
    uint64_t reads;      /* other calls */
    uint64_t skipped;    /* events that got no call of their own: coalesced */
    uint64_t repeated;   /* PATCHes with a number that was there before */
    uint64_t overlapped; /* PATCHes during another one of the same person */
    uint64_t in_flight, in_flight_max;
};

void score_init(struct score *s, size_t n_persons, size_t n_tenants);
void score_done(struct score *s);

/* A PATCH with event `number` arrives; true: it is the next one of the person. */
bool score_patch(struct score *s, size_t person, int64_t number);
void score_answered(struct score *s, size_t person);
/* Any call for the tenant. */
void score_call(struct score *s, size_t tenant, int64_t now_ms);
/* Forgets first_ms: whose calls come back, and when? */
void score_watch(struct score *s);

#endif
