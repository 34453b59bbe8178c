#include "breaker.h"

#include <assert.h>
#include <string.h>

#include "mutation.h"

void breaker_init(struct breaker *b, int64_t pause_min_ms, int64_t pause_max_ms)
{
    *b = (struct breaker){.pause_min_ms = pause_min_ms, .pause_max_ms = pause_max_ms};
}

int64_t breaker_ready_in(const struct breaker *b, int64_t now_ms)
{
    if (!b->open)
        return 0;
    if (b->probing && !MUTATION(MUTATION_BREAKER_PROBES_CROWD))
        return INT64_MAX;
    return b->probe_at_ms > now_ms ? b->probe_at_ms - now_ms : 0;
}

bool breaker_start(struct breaker *b)
{
    if (!b->open)
        return false;
    assert(!b->probing || MUTATION(MUTATION_BREAKER_PROBES_CROWD));
    b->probing = true;
    b->probes++;
    return true;
}

/* ---- what was heard ------------------------------------------------------------------------------------ */

static void drop_vote(struct breaker *b, unsigned i)
{
    b->n_votes--;
    memmove(&b->votes[i], &b->votes[i + 1], (b->n_votes - i) * sizeof b->votes[0]);
}

/* One vote per person, the newest; the old ones go. */
static void vote(struct breaker *b, uint64_t person, bool failed, int64_t now_ms)
{
    while (b->n_votes > 0 && now_ms - b->votes[0].at_ms > BREAKER_VOTE_MS)
        drop_vote(b, 0);
    for (unsigned i = 0; i < b->n_votes; i++)
        if (b->votes[i].person == person) {
            drop_vote(b, i);
            break;
        }
    if (b->n_votes == BREAKER_VOTES_MAX)
        drop_vote(b, 0);
    b->votes[b->n_votes++] = (struct breaker_vote){person, now_ms, failed};
}

static bool most_fail(const struct breaker *b)
{
    unsigned failed = 0;
    for (unsigned i = 0; i < b->n_votes; i++)
        failed += b->votes[i].failed;
    return failed >= BREAKER_PERSONS && failed * 4 >= b->n_votes * 3;
}

/* True: the target is in trouble of its own. */
static bool judge(struct breaker *b, const struct breaker_word *word, int64_t now_ms)
{
    switch (word->health) {
    case HEALTH_NO_WORD:
        return false;
    case HEALTH_WELL:
        b->run = 0;
        vote(b, word->person, false, now_ms);
        return false;
    case HEALTH_SUSPECT:
        vote(b, word->person, true, now_ms);
        return most_fail(b);
    case HEALTH_SICK:
        return ++b->run >= BREAKER_RUN;
    case HEALTH_CERTAIN:
        return true;
    }
    return false;
}

/* ---- open, closed -------------------------------------------------------------------------------------- */

/* Three to five quarters of the pause. */
static void wait_for_probe(struct breaker *b, int64_t now_ms, uint64_t random)
{
    uint64_t half = (uint64_t)b->pause_ms / 2;
    b->probing = false;
    b->probe_at_ms = now_ms + b->pause_ms * 3 / 4 + (int64_t)(half > 0 ? random % half : 0);
}

static void lengthen(struct breaker *b)
{
    b->pause_ms = b->pause_ms * 2 < b->pause_max_ms ? b->pause_ms * 2 : b->pause_max_ms;
}

static void open(struct breaker *b, enum health reason, int64_t now_ms, uint64_t random)
{
    if (b->pause_ms > 0 && now_ms - b->closed_ms < b->pause_max_ms)
        lengthen(b);
    else
        b->pause_ms = b->pause_min_ms;
    b->open = true;
    b->reason = reason;
    wait_for_probe(b, now_ms, random);
}

static void close(struct breaker *b, int64_t now_ms)
{
    b->open = b->probing = false;
    b->closed_ms = now_ms;
    b->run = b->n_votes = 0;
}

/* A failure that may be the prober's own ends a trouble that no person can cause: whether most fail is counted anew. */
static bool proves_well(const struct breaker *b, enum health health)
{
    return health == HEALTH_WELL || (health == HEALTH_SUSPECT && b->reason != HEALTH_SUSPECT);
}

static void end_probe(struct breaker *b, enum health health, int64_t now_ms, uint64_t random)
{
    if (proves_well(b, health) && !MUTATION(MUTATION_BREAKER_NEVER_CLOSES)) {
        close(b, now_ms);
        return;
    }
    if (health != HEALTH_NO_WORD) {
        lengthen(b);
        b->reason = health;
    }
    wait_for_probe(b, now_ms, random);
}

void breaker_note(struct breaker *b, struct breaker_word word, int64_t now_ms, uint64_t random)
{
    if (b->open && word.probe)
        end_probe(b, word.health, now_ms, random);
    else if (!b->open && judge(b, &word, now_ms) && !MUTATION(MUTATION_BREAKER_NEVER_OPENS))
        open(b, word.health, now_ms, random);
}
