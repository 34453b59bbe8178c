/* event_kit.h - events in one line, for the tests of the engine.
 *
 *     struct event ev = make_event(&(struct word){"e1", EVENT_LEFT, .at = 20, .profile =
 * "title=Chef;manager"});
 *
 * Times are seconds after KIT_EPOCH_MS. A profile is "name=value;name" – without "=" an attribute is cleared.
 */
#ifndef ROLLCALL_TEST_EVENT_KIT_H
#define ROLLCALL_TEST_EVENT_KIT_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "json.h"
#include "mem.h"
#include "test_lib.h"

#define KIT_EPOCH_MS INT64_C(1800000000000)

struct word { /* what a source says */
    const char *id;
    enum event_type type;
    int64_t at;          /* occurredAt, seconds after the epoch */
    const char *profile; /* NULL: nothing about it */
    const char *subject; /* NULL: "zoe" */
    int64_t effective;   /* effectiveAt, seconds after the epoch; 0: at once */
    const char *until;   /* accessUntil in seconds after the epoch; "": without end; NULL: no word */
    const char *groups;  /* "a;b" */
    bool complete;
    bool all_groups;
    const char *tenant;    /* NULL: "acme" */
    const char *directory; /* NULL: "hr" */
    const char *traceparent;
    const char *replay_of; /* name of the event it repeats; NULL: none */
    bool thin;             /* needsFetch */
    const char *source;    /* NULL: hr */
};

static inline int64_t kit_ms(int64_t seconds)
{
    return KIT_EPOCH_MS + seconds * 1000;
}

static inline const char *event_id(const char *name)
{
    static char ids[8][EVENT_ID_SIZE];
    static unsigned next;
    char *id = ids[next++ % 8];
    event_id_make("kit", str_of(name), id);
    return id;
}

/* "a=b;c" → attributes; also what tests want of desired accounts. */
static inline void put_attrs(struct attrs *to, const char *text)
{
    char *copy = xstrdup(text ? text : ""), *rest = copy, *item;
    while ((item = strsep(&rest, ";"))) {
        char *value = strchr(item, '=');
        if (value)
            *value++ = '\0';
        if (*item)
            attrs_set(to, item, value);
    }
    free(copy);
}

static inline void put_groups(struct event *ev, const char *text)
{
    char *copy = xstrdup(text ? text : ""), *rest = copy, *item;
    ev->groups = xcalloc(EVENT_GROUPS_MAX, sizeof *ev->groups);
    while ((item = strsep(&rest, ";")))
        if (*item)
            ev->groups[ev->n_groups++] = xstrdup(item);
    free(copy);
}

/* Release with event_done. */
static inline struct event make_event(const struct word *w)
{
    struct event ev = {.type = w->type,
                       .tenant = xstrdup(w->tenant ? w->tenant : "acme"),
                       .directory = xstrdup(w->directory ? w->directory : "hr"),
                       .subject = xstrdup(w->subject ? w->subject : "zoe"),
                       .source = xstrdup(w->source ? w->source : "hr"),
                       .occurred_at_ms = kit_ms(w->at),
                       .effective_at_ms = w->effective ? kit_ms(w->effective) : 0,
                       .received_at_ms = kit_ms(w->at),
                       .complete = w->complete,
                       .groups_complete = w->all_groups,
                       .needs_fetch = w->thin,
                       .has_access_until = w->until != NULL};
    memcpy(ev.id, event_id(w->id), sizeof ev.id);
    if (w->until && *w->until)
        ev.access_until_ms = kit_ms(strtoll(w->until, NULL, 10));
    if (w->traceparent)
        snprintf(ev.traceparent, sizeof ev.traceparent, "%s", w->traceparent);
    if (w->replay_of)
        memcpy(ev.replay_of, event_id(w->replay_of), sizeof ev.replay_of);
    put_attrs(&ev.profile, w->profile);
    put_groups(&ev, w->groups);
    struct error err;
    ck_assert_msg(event_check(&ev, &err), "%s: %s", w->id, err.message);
    return ev;
}

/* splitmix64, for tests that draw from a seed. */
static inline uint64_t kit_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* One test program: its suite from a table of test functions; the exit status. */
static inline int kit_run(const char *name, const TTest *const *tests, size_t n)
{
    Suite *suite = suite_create(name);
    TCase *tc = tcase_create(name);
    tcase_set_timeout(tc, 60);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}

#endif
