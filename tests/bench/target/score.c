#include "score.h"

#include <stdlib.h>

#include "mem.h"

void score_init(struct score *s, size_t n_persons, size_t n_tenants)
{
    *s = (struct score){.n_persons = n_persons, .n_tenants = n_tenants};
    s->persons = xcalloc(n_persons, sizeof *s->persons);
    s->first_ms = xcalloc(n_tenants, sizeof *s->first_ms);
    for (size_t i = 0; i < n_persons; i++)
        s->persons[i].last = -1;
}

void score_done(struct score *s)
{
    free(s->persons);
    free(s->first_ms);
    *s = (struct score){0};
}

bool score_patch(struct score *s, size_t person, int64_t number)
{
    struct score_person *p = &s->persons[person];
    bool next = number == p->last + 1;
    s->patches++;
    s->overlapped += p->in_flight;
    p->in_flight = true;
    if (++s->in_flight > s->in_flight_max)
        s->in_flight_max = s->in_flight;
    if (number <= p->last) {
        s->repeated++;
        return false;
    }
    s->skipped += (uint64_t)(number - p->last - 1);
    p->last = number;
    return next;
}

void score_answered(struct score *s, size_t person)
{
    s->persons[person].in_flight = false;
    s->in_flight--;
    s->answered++;
}

void score_call(struct score *s, size_t tenant, int64_t now_ms)
{
    if (s->first_ms[tenant] == 0)
        s->first_ms[tenant] = now_ms;
}

void score_watch(struct score *s)
{
    for (size_t i = 0; i < s->n_tenants; i++)
        s->first_ms[i] = 0;
}
