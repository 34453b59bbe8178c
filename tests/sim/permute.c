#include "permute.h"

#include <stdlib.h>
#include <string.h>

#include "../../worker/engine/record.h"
#include "mem.h"
#include "prng.h"

enum { ORDERS = 3 };

struct comparison {
    struct world *w;
    size_t person;
    const char *where;
};

static void differ(const struct comparison *c, const char *what, const char *is, const char *expected)
{
    world_fail(c->w, "P3 record", "person %zu, %s: %s is %s, the oracle says %s", c->person, c->where, what,
               is ? is : "cleared", expected ? expected : "cleared");
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool stamped_by(struct stamp stamp, const struct event *ev)
{
    if (!ev)
        return stamp.at_ms == 0;
    char id[17] = {0};
    memcpy(id, ev->id, 16);
    return stamp.at_ms == ev->occurred_at_ms && stamp.event == strtoull(id, NULL, 16);
}

static void compare_status(const struct comparison *c, const struct person *p,
                           const struct oracle_person *expected)
{
    static const char *const names[] = {"unknown", "joined", "left", "deleted"};
    if (p->employment != expected->employment)
        differ(c, "employment", names[p->employment], names[expected->employment]);
    else if (p->employment == EMPLOYMENT_JOINED && !stamped_by(p->employment_stamp, expected->employment_by))
        differ(c, "employment's stamp", "of another event", expected->employment_by->id);
    if (p->suspended != expected->suspended)
        differ(c, "suspension", p->suspended ? "on" : "off", expected->suspended ? "on" : "off");
    if (p->access_until_ms != expected->access_until_ms)
        differ(c, "accessUntil", "another", "another");
    if (p->access_until_ms && p->access_ended != expected->ended)
        differ(c, "end of access", p->access_ended ? "passed" : "to come",
               expected->ended ? "passed" : "to come");
}

static void compare_attrs(const struct comparison *c, const struct person *p,
                          const struct oracle_person *expected)
{
    for (size_t i = 0; i < expected->n_attrs; i++) {
        const struct oracle_attr *attr = &expected->attrs[i];
        if (!same(person_attr(p, attr->name), attr->value))
            differ(c, attr->name, person_attr(p, attr->name), attr->value);
    }
    if (p->n_attrs != expected->n_attrs)
        differ(c, "number of attributes", "another", "another");
}

static void compare_groups(const struct comparison *c, const struct person *p,
                           const struct oracle_person *expected)
{
    for (size_t i = 0; i < p->n_groups; i++)
        for (size_t j = 0; j < expected->n_groups; j++)
            if (strcmp(p->groups[i].name, expected->groups[j].name) == 0 &&
                p->groups[i].member != expected->groups[j].member)
                differ(c, p->groups[i].name, p->groups[i].member ? "member" : "not member", "the opposite");
    if (p->n_groups != expected->n_groups)
        differ(c, "number of groups", "another", "another");
}

static void compare(const struct comparison *c, const struct person *p, const struct oracle_person *expected)
{
    compare_status(c, p, expected);
    compare_attrs(c, p, expected);
    compare_groups(c, p, expected);
}

/* ---- random orders ------------------------------------------------------------------------------------- */

static void shuffle(struct prng *r, size_t *order, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)prng_range(r, 0, (int64_t)i - 1);
        size_t t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }
}

/* Each event once or twice, while time passes and scheduled words come due. */
static void merge_all(struct prng *r, struct person *p, const struct event *const *events, size_t n,
                      int64_t end_ms)
{
    size_t *order = xcalloc(2 * n, sizeof *order), n_order = 0;
    for (size_t i = 0; i < n; i++) {
        order[n_order++] = i;
        if (prng_chance(r, 300))
            order[n_order++] = i;
    }
    shuffle(r, order, n_order);
    int64_t now = WORLD_EPOCH_MS;
    for (size_t i = 0; i < n_order; i++) {
        now += prng_range(r, 0, (end_ms - WORLD_EPOCH_MS) / (int64_t)n_order);
        person_fire_due(p, now);
        person_merge(p, events[order[i]], now);
    }
    person_fire_due(p, end_ms);
    free(order);
}

void permute_check(struct world *w, size_t person, const struct event *const *events, size_t n,
                   const struct oracle_person *expected)
{
    struct comparison c = {w, person, "merged in another order"};
    for (int i = 0; i < ORDERS; i++) {
        struct person p = {0};
        merge_all(&w->prng, &p, events, n, world_now(w));
        compare(&c, &p, expected);
        person_done(&p);
    }
}

void permute_check_record(struct world *w, size_t person, const struct oracle_person *expected,
                          struct str json)
{
    struct comparison c = {w, person, "its committed record"};
    struct person p;
    struct error err;
    if (json.n == 0) {
        world_fail(w, "P3 record", "person %zu has no committed record", person);
        return;
    }
    if (!record_read(json, &p, &err)) {
        world_fail(w, "P3 record", "person %zu: %s", person, err.message);
        return;
    }
    compare(&c, &p, expected);
    person_done(&p);
}
