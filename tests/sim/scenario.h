/* scenario.h - the plot of a run: companies, targets, people, what happened to each of them, and in which
 * order and how often the webhooks tell of it. Everything is drawn before the run begins and does not change.
 *
 * An account belongs to the person whose name its userName begins with: "p3-…" is person 3's, whoever made
 * it. */
#ifndef ROLLCALL_SIM_SCENARIO_H
#define ROLLCALL_SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../worker/engine/engine.h"
#include "event.h"
#include "world.h"

enum { SCENARIO_TENANTS_MAX = 12, SCENARIO_NAME_SIZE = 48 };

/* At most so many are drawn for a run of trouble; stories (year.h, tenants.h) have more of some. */
enum { SCENARIO_TENANTS_DRAWN = 3, SCENARIO_TARGETS_DRAWN = 6, SCENARIO_PERSONS_DRAWN = 8 };

struct sim_target {
    char name[SCENARIO_NAME_SIZE];
    size_t tenant;
    bool wide;        /* bears, and is configured to be asked, whatever there is */
    bool down;        /* refuses everything until the run is quiet */
    int64_t since_ms; /* configured from then on; 0: from the beginning */
};

struct sim_person {
    size_t tenant;
    char subject[SCENARIO_NAME_SIZE];
    char key[3 * SCENARIO_NAME_SIZE]; /* of the person's record */
    int32_t partition;
    bool
        existing; /* has an account before the run begins; then never renamed while its first word may be late */
    char account[SCENARIO_NAME_SIZE]; /* what that is called */
    bool inactive;                    /* that account is inactive, and not by us: nobody may adopt it */
    bool sick; /* every call (or write: chaos.h) for this person fails until the run is quiet */
};

struct sim_event {
    struct event ev;
    size_t person;
    bool urgent;           /* a leaver among movers who take all of the limits */
    bool afterword;        /* told when the trouble is over: changes again what a lie may have spoilt */
    int64_t muster_ms;     /* told then, with everybody's; 0: in its turn */
    bool told;             /* appended to the log at least once */
    int64_t first_told_ms; /* valid when told */
    bool left_out;         /* as if it had never happened (shrink.h) */
};

enum { SCENARIO_INVALID = -1 /* a record that is no event */, SCENARIO_POISON = -2 /* kills who reads it */ };

struct telling { /* one record of the events topic */
    int64_t at_ms;
    int event; /* index, or one of: */
    int32_t partition;
};

struct scenario {
    const char *tenants[SCENARIO_TENANTS_MAX];
    size_t n_tenants;
    int32_t partitions;
    struct sim_target targets[WORLD_TARGETS_MAX];
    size_t n_targets;
    struct sim_person *persons;
    size_t n_persons;
    struct sim_event *events;
    size_t n_events;
    size_t *by_id;            /* events in the order of their ids */
    size_t *by_person;        /* and in that of their persons, then as they stand in events */
    size_t *first_of;         /* of each person in by_person, and where the last one's end */
    struct telling *tellings; /* in order of time */
    size_t n_tellings;
    int64_t quiet_ms;    /* when trouble ends */
    int64_t last_due_ms; /* nothing becomes due after this */
};

struct scenario *scenario_new(const struct chaos *chaos, struct prng *r);
/* Which events are thin, drawn from a source of chance of its own; afterwords all are, as what a source said is newer than
 * they are. */
void scenario_draw_thin(struct scenario *s, const struct chaos *chaos, struct prng *r);
/* What events say of licences and roles, likewise. */
void scenario_draw_rights(struct scenario *s, const struct chaos *chaos, struct prng *r);
void scenario_free(struct scenario *s);

/* For whoever makes a scenario: names its person i of the tenant, and finds the partition; indexes what was drawn, and
 * puts the tellings into order. */
void scenario_name_person(struct scenario *s, size_t i, size_t tenant, unsigned spread);
void scenario_tell(struct scenario *s, int64_t at_ms, int event, int32_t partition);
void scenario_index(struct scenario *s);

/* The person that a name in a path or body belongs to; -1: nobody's. */
int scenario_person_of(const struct scenario *s, const char *text, size_t n);
/* The person's events, as indexes into events, in that order. */
const size_t *scenario_events_of(const struct scenario *s, size_t person, size_t *ret_n);
/* The event owes the target a result. */
bool scenario_takes(const struct scenario *s, size_t event, size_t target);
/* Whether somebody had called the person of this event back, or said something newer, by at_ms. */
bool scenario_called_back(const struct scenario *s, size_t leaver, int64_t at_ms);
int scenario_event_by_id(const struct scenario *s, const char *id); /* -1: no such event */
int scenario_person_by_key(const struct scenario *s, struct str key);
int scenario_target_by_name(const struct scenario *s, const char *name);

#endif
