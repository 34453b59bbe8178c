/* breaker.h - whether a target takes calls at all.
 *
 *      CLOSED ── most calls fail, or it refuses us ──► OPEN ── pause over ──► one probe ── well ──► CLOSED
 *                                                       ▲                       │
 *                                                       └──── pause · 2 ── fails ┘
 *
 * What one person's call can fail for is not the target's trouble: such failures count by person (each person's last
 * word within a minute), and it takes several persons and most of those heard. What no person can cause (no connection,
 * redirects, nothing at the base) takes a few in a row, a refused token one. While open, calls that began before say
 * nothing any more; only the probe does. A target that closes and soon opens again goes on with its longer pauses.
 * Times are CLOCK_BOOTTIME in ms. Pure; single-threaded. */
#ifndef ROLLCALL_ENGINE_BREAKER_H
#define ROLLCALL_ENGINE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "profile.h"

enum { BREAKER_VOTES_MAX = 20, BREAKER_VOTE_MS = 60000, BREAKER_PERSONS = 5, BREAKER_RUN = 3 };

struct breaker_vote {
    uint64_t person;
    int64_t at_ms;
    bool failed;
};

struct breaker {
    int64_t pause_min_ms, pause_max_ms;
    struct breaker_vote votes[BREAKER_VOTES_MAX]; /* oldest first */
    unsigned n_votes;
    unsigned run; /* refusals of the target itself, with no good word between */
    bool open;
    enum health reason;  /* with open: what was heard last */
    bool probing;        /* with open: the probe is in flight */
    int64_t probe_at_ms; /* with open: the next one, not before */
    int64_t pause_ms;    /* of the present or last time that it was open */
    int64_t closed_ms;   /* when it was closed last; with pause_ms */
    unsigned probes;
};

void breaker_init(struct breaker *b, int64_t pause_min_ms, int64_t pause_max_ms);

/* Milliseconds until a call may start (the probe, if open); INT64_MAX: when the probe is over. */
int64_t breaker_ready_in(const struct breaker *b, int64_t now_ms);
/* A call starts; true: it is the probe. */
bool breaker_start(struct breaker *b);

struct breaker_word { /* how a call ended */
    enum health health;
    uint64_t person;
    bool probe;
};

/* random: for jitter, so that a pool of workers does not probe in step. */
void breaker_note(struct breaker *b, struct breaker_word word, int64_t now_ms, uint64_t random);

#endif
