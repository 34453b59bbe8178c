#include "continuity.h"

#include <stdlib.h>

#include "mem.h"

void continuity_done(struct continuity *c)
{
    free(c->v);
    c->v = NULL;
    c->n = 0;
}

void continuity_begin(struct continuity *c, const struct restore_part *v, size_t n)
{
    continuity_done(c);
    c->v = xcalloc(n, sizeof *c->v);
    c->n = n;
    for (size_t i = 0; i < n; i++)
        c->v[i] = (struct continuity_part){.partition = v[i].partition, .end = v[i].end, .first = -1};
}

void continuity_begin_sending(struct continuity *c)
{
    for (size_t i = 0; i < c->n; i++) {
        c->v[i].sent = false;
        c->v[i].first = -1;
    }
}

static struct continuity_part *find(struct continuity *c, int32_t partition)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].partition == partition)
            return &c->v[i];
    return NULL;
}

bool continuity_sends(struct continuity *c, int32_t partition)
{
    struct continuity_part *part = find(c, partition);
    if (part)
        part->sent = true;
    return part;
}

void continuity_written(struct continuity *c, int32_t partition, int64_t offset)
{
    struct continuity_part *part = find(c, partition);
    if (part && (part->first < 0 || offset < part->first))
        part->first = offset;
}

static bool continues(const struct continuity *c, const struct continuity_part *part)
{
    return part->first == part->end ||
           (part->first > part->end && c->nothing_between(c->ctx, part->partition, part->end, part->first));
}

enum continuity_verdict continuity_prove(struct continuity *c, struct error *err)
{
    size_t left = 0;
    bool open = false;
    for (size_t i = 0; i < c->n; i++) {
        struct continuity_part *part = &c->v[i];
        bool written = part->sent && part->first >= 0;
        open |= part->sent && !written;
        if (!written) {
            c->v[left++] = *part;
            continue;
        }
        if (!continues(c, part)) {
            error_set(
                err, ERROR_TEMPORARY,
                "the records of partition %d go on at offset %lld, but were restored up to %lld only, and "
                "what lies between is not known (a broker that had been stopped took itself for the "
                "leader, or somebody else writes to the persons topic): to begin anew",
                part->partition, (long long)part->first, (long long)part->end);
            return CONTINUITY_BROKEN;
        }
    }
    c->n = left;
    return open ? CONTINUITY_OPEN : CONTINUITY_PROVED;
}
