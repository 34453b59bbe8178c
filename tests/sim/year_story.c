#include "year_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mem.h"

enum {
    MINUTE_MS = 60 * 1000,
    HOUR_MS = 60 * MINUTE_MS,
    YEAR_DAYS = 365,
    MILLION = 1000000,
    LOADED_BY = 2, /* days: who is renamed before is not found by the name that the account has */
    MORNING_MS = 8 * HOUR_MS,
    EVENING_MS = 18 * HOUR_MS,
    LOAD_MS = 6 * HOUR_MS,
    REORGANISED_WITHIN_MS = HOUR_MS,
    DIVIDED = 4, /* departments of which the first one's people come to the others */
};

/* What happens to somebody who is there, in millionths of a year. */
enum fortune { MOVES, LEAVES, IS_RENAMED, IS_HELD, CHANGES_A_LITTLE, IS_TOLD_AGAIN, FORTUNES };
static const uint64_t odds[FORTUNES] = {
    [MOVES] = 260000,  [LEAVES] = 170000,          [IS_RENAMED] = 30000,
    [IS_HELD] = 40000, [CHANGES_A_LITTLE] = 80000, [IS_TOLD_AGAIN] = 40000,
};

static const char *const given_names[] = {
    "Ada", "Bela", "Chloé", "Dana", "Emil", "Frida", "Goran", "Hana", "Ivo", "Jana", "Kemal", "Lena",
    "Mia", "Noor", "Otto",  "Pia",  "Quim", "Rosa",  "Sven",  "Tove", "Uma", "Vera", "Wim",   "Yara",
};
static const char *const family_names[] = {
    "Abel",   "Berg",   "Costa", "Duval",  "Ek",     "Fürst", "Gallo", "Holm",
    "Ivanov", "Jensen", "Kaya",  "Lund",   "Moreau", "Novak", "Okoye", "Peters",
    "Quist",  "Rossi",  "Silva", "Tanaka", "Unger",  "Vogel", "Weiß",  "Zeman",
};

struct teller {
    const struct year_options *o;
    struct year_story *story;
    struct scenario *s;
    struct prng r;
    int64_t end_ms;
};

struct life { /* of one person; days count from the beginning, -1: never */
    size_t person;
    struct attrs profile;
    size_t unit[COMPANY_UNITS];
    bool employed, suspended, contractor;
    int64_t resumed_on, rehired_on, deleted_on, extended_on;
    int64_t now_ms; /* of the last word; those of one person lie a minute apart at least */
};

static bool chance(struct teller *t, uint64_t of_a_million)
{
    return prng_next(&t->r) % MILLION < of_a_million;
}

/* What is likely so many times a year, today. */
static bool today(struct teller *t, uint64_t of_a_million)
{
    return prng_next(&t->r) % ((uint64_t)MILLION * YEAR_DAYS) < of_a_million * t->o->pace;
}

static int64_t day_ms(size_t day)
{
    return WORLD_EPOCH_MS + (int64_t)day * YEAR_DAY_MS;
}

/* A time of `days` at the pace of this story. */
static int64_t paced_ms(const struct teller *t, int64_t days)
{
    return days * YEAR_DAY_MS / (int64_t)t->o->pace;
}

static int64_t later_day(struct teller *t, int64_t day, int64_t low, int64_t high)
{
    return day + prng_range(&t->r, low, high) / (int64_t)t->o->pace + 1;
}

/* ---- telling ------------------------------------------------------------------------------------------- */

/* Mostly at once, now and then after hours, seldom after days. */
static int64_t draw_delay(struct teller *t)
{
    int64_t kind = prng_range(&t->r, 0, 99);
    return kind < 80   ? prng_range(&t->r, 1000, MINUTE_MS)
           : kind < 92 ? prng_range(&t->r, MINUTE_MS, paced_ms(t, 1) / 6)
           : kind < 97 ? prng_range(&t->r, 0, paced_ms(t, 1))
                       : prng_range(&t->r, 0, paced_ms(t, 5));
}

static void tell_at(struct teller *t, size_t event, int64_t at_ms)
{
    int64_t last = t->end_ms - 1000;
    scenario_tell(t->s, at_ms < last ? at_ms : last, (int)event,
                  t->s->persons[t->s->events[event].person].partition);
}

static void tell(struct teller *t, size_t event, int64_t at_ms)
{
    tell_at(t, event, at_ms);
    while (chance(t, MILLION / 10))
        tell_at(t, event, at_ms + draw_delay(t));
}

static struct event *add_event(struct teller *t, const struct life *life, enum event_type type,
                               int64_t occurred_ms)
{
    struct scenario *s = t->s;
    if ((s->n_events & (s->n_events - 1)) == 0) /* a power of two: full */
        s->events = xreallocarray(s->events, s->n_events ? 2 * s->n_events : 1, sizeof *s->events);
    struct sim_event *se = &s->events[s->n_events++];
    struct event *ev = &se->ev;
    *se = (struct sim_event){.person = life->person};
    uint64_t half[2] = {prng_next(&t->r), prng_next(&t->r)};
    hex_encode(half, sizeof half, ev->id);
    ev->type = type;
    ev->tenant = xstrdup(s->tenants[0]);
    ev->directory = xstrdup("hr");
    ev->subject = xstrdup(s->persons[life->person].subject);
    ev->source = xstrdup(ev->tenant);
    ev->occurred_at_ms = occurred_ms;
    t->story->told[type]++;
    return ev;
}

/* A word that was said now; told when its time comes. */
static struct event *say(struct teller *t, struct life *life, enum event_type type, int64_t at_ms)
{
    life->now_ms = at_ms > life->now_ms + MINUTE_MS ? at_ms : life->now_ms + MINUTE_MS;
    struct event *ev = add_event(t, life, type, life->now_ms);
    ev->received_at_ms = life->now_ms + draw_delay(t);
    tell(t, t->s->n_events - 1, ev->received_at_ms);
    return ev;
}

/* What is planned is told before it takes effect; at the end of the story nothing is left open. */
static void date_ahead(struct teller *t, struct event *ev)
{
    int64_t at_ms = ev->occurred_at_ms + paced_ms(t, prng_range(&t->r, 1, 20));
    if (at_ms > t->end_ms - HOUR_MS)
        return;
    ev->effective_at_ms = at_ms;
    t->story->ahead++;
}

/* ---- what is said of somebody -------------------------------------------------------------------------- */

static void set_number(struct attrs *to, const char *name, const char *prefix, size_t n)
{
    char value[64];
    snprintf(value, sizeof value, "%s%zu", prefix, n);
    attrs_set(to, name, value);
}

/* ASCII letters of the name, for addresses. */
static void plain(const char *name, char *out)
{
    for (; *name; name++)
        if ((*name | 32) >= 'a' && (*name | 32) <= 'z')
            *out++ = (char)(*name | 32);
    *out = '\0';
}

static void set_name(struct life *life, const char *given, const char *family)
{
    char value[128], first[32], last[32];
    plain(given, first);
    plain(family, last);
    attrs_set(&life->profile, "name.givenName", given);
    attrs_set(&life->profile, "name.familyName", family);
    snprintf(value, sizeof value, "%s %s", given, family);
    attrs_set(&life->profile, "displayName", value);
    snprintf(value, sizeof value, "p%zu-%s.%s@example.com", life->person, first, last);
    attrs_set(&life->profile, "userName", value);
}

static void set_department(struct life *life, size_t department)
{
    char name[COMPANY_NAME_SIZE];
    life->unit[COMPANY_DEPARTMENT] = department;
    company_name(COMPANY_DEPARTMENT, department, name);
    attrs_set(&life->profile, "department", name);
    set_number(&life->profile, "manager", "", 1000 + department); /* its head: at Miro a number */
    set_number(&life->profile, "division", "Division ", department % 5);
}

static void set_location(struct life *life, size_t location)
{
    char name[COMPANY_NAME_SIZE];
    life->unit[COMPANY_LOCATION] = location;
    company_name(COMPANY_LOCATION, location, name);
    attrs_set(&life->profile, "location", name);
    set_number(&life->profile, "costCenter", "C", 100 + location);
}

static void set_title(struct teller *t, struct life *life, size_t profession)
{
    static const char *const ranks[] = {"", "Senior ", COMPANY_LEAD};
    char name[COMPANY_NAME_SIZE], title[2 * COMPANY_NAME_SIZE];
    life->unit[COMPANY_PROFESSION] = profession;
    company_name(COMPANY_PROFESSION, profession, name);
    snprintf(title, sizeof title, "%s%s", ranks[prng_range(&t->r, 0, 2)], name);
    attrs_set(&life->profile, "title", title);
}

static size_t any_unit(struct teller *t, enum company_unit unit)
{
    return (size_t)prng_range(&t->r, 0, (int64_t)t->story->company.n[unit] - 1);
}

static void set_everything(struct teller *t, struct life *life)
{
    size_t given = (size_t)prng_range(&t->r, 0, (int64_t)ARRAY_SIZE(given_names) - 1);
    size_t family = (size_t)prng_range(&t->r, 0, (int64_t)ARRAY_SIZE(family_names) - 1);
    set_name(life, given_names[given], family_names[family]);
    set_number(&life->profile, "employeeNumber", "E", life->person);
    set_department(life, any_unit(t, COMPANY_DEPARTMENT));
    set_location(life, any_unit(t, COMPANY_LOCATION));
    set_title(t, life, any_unit(t, COMPANY_PROFESSION));
}

static void copy(const struct life *life, const char *name, struct event *ev)
{
    attrs_set(&ev->profile, name, attrs_get(&life->profile, name));
}

/* ---- what happens -------------------------------------------------------------------------------------- */

static void set_contract(struct teller *t, struct life *life, struct event *ev, int64_t from_ms, int64_t days)
{
    int64_t ends_ms = from_ms + paced_ms(t, days);
    ev->has_access_until = true;
    ev->access_until_ms = ends_ms;
    if (ends_ms >= t->end_ms)
        return;
    t->story->contracts++;
    int64_t ends_on = (ends_ms - WORLD_EPOCH_MS) / YEAR_DAY_MS;
    /* Most are prolonged in time, some too late. */
    int64_t kind = prng_range(&t->r, 0, 99);
    life->extended_on = kind < 55   ? ends_on - prng_range(&t->r, 1, 14) / (int64_t)t->o->pace
                        : kind < 70 ? later_day(t, ends_on, 1, 10)
                                    : -1;
}

static void join(struct teller *t, struct life *life, int64_t at_ms)
{
    struct event *ev = say(t, life, EVENT_JOINED, at_ms);
    attrs_copy(&ev->profile, &life->profile);
    life->employed = true;
    if (life->contractor)
        set_contract(t, life, ev, ev->occurred_at_ms, prng_range(&t->r, 60, 300));
}

static void move(struct teller *t, struct life *life, int64_t at_ms)
{
    struct event *ev = say(t, life, EVENT_CHANGED, at_ms);
    int64_t kind = prng_range(&t->r, 0, 99);
    if (kind < 40) {
        set_department(life, any_unit(t, COMPANY_DEPARTMENT));
        copy(life, "department", ev);
        copy(life, "manager", ev);
        copy(life, "division", ev);
    }
    if (kind < 10 || (kind >= 40 && kind < 70)) {
        set_location(life, any_unit(t, COMPANY_LOCATION));
        copy(life, "location", ev);
        copy(life, "costCenter", ev);
    }
    if (kind < 5 || kind >= 70) {
        set_title(t, life, kind % 3 == 0 ? life->unit[COMPANY_PROFESSION] : any_unit(t, COMPANY_PROFESSION));
        copy(life, "title", ev);
    }
    if (chance(t, MILLION * 3 / 10))
        date_ahead(t, ev);
    t->story->moves++;
}

static void leave(struct teller *t, struct life *life, size_t day, int64_t at_ms)
{
    struct event *ev = say(t, life, EVENT_LEFT, at_ms);
    if (chance(t, MILLION * 3 / 10))
        date_ahead(t, ev);
    life->employed = life->suspended = false;
    int64_t kind = prng_range(&t->r, 0, 99);
    if (kind < 12)
        life->deleted_on = later_day(t, (int64_t)day, 25, 40);
    else if (kind < 22)
        life->rehired_on = later_day(t, (int64_t)day, 21, 150);
}

static void rehire(struct teller *t, struct life *life, int64_t at_ms)
{
    set_department(life, any_unit(t, COMPANY_DEPARTMENT));
    set_title(t, life, any_unit(t, COMPANY_PROFESSION));
    join(t, life, at_ms);
    struct event *ev = &t->s->events[t->s->n_events - 1].ev;
    ev->complete = true;
    if (!life->contractor)
        ev->has_access_until = true; /* without end, whatever was said before */
    t->story->rehires++;
}

static void rename_person(struct teller *t, struct life *life, int64_t at_ms)
{
    struct event *ev = say(t, life, EVENT_CHANGED, at_ms);
    size_t family = (size_t)prng_range(&t->r, 0, (int64_t)ARRAY_SIZE(family_names) - 1);
    char *given = xstrdup(attrs_get(&life->profile, "name.givenName"));
    set_name(life, given, family_names[family]);
    free(given);
    copy(life, "name.givenName", ev);
    copy(life, "name.familyName", ev);
    copy(life, "displayName", ev);
    copy(life, "userName", ev);
    t->story->renames++;
}

static void change_a_little(struct teller *t, struct life *life, int64_t at_ms)
{
    static const char *const names[] = {"costCenter", "division", "manager"};
    struct event *ev = say(t, life, EVENT_CHANGED, at_ms);
    const char *name = names[prng_range(&t->r, 0, (int64_t)ARRAY_SIZE(names) - 1)];
    if (chance(t, MILLION / 4))
        attrs_set(&life->profile, name, NULL);
    else
        set_number(&life->profile, name, "", (size_t)prng_range(&t->r, 1, 999));
    copy(life, name, ev);
}

static void extend(struct teller *t, struct life *life, int64_t at_ms)
{
    struct event *ev = say(t, life, EVENT_CHANGED, at_ms);
    life->extended_on = -1;
    set_contract(t, life, ev, ev->occurred_at_ms, prng_range(&t->r, 60, 200));
    t->story->extended++;
}

static void meet_fortune(struct teller *t, struct life *life, enum fortune fortune, size_t day, int64_t at_ms)
{
    switch (fortune) {
    case MOVES:
        move(t, life, at_ms);
        return;
    case LEAVES:
        leave(t, life, day, at_ms);
        return;
    case IS_RENAMED:
        rename_person(t, life, at_ms);
        return;
    case IS_HELD:
        say(t, life, EVENT_SUSPENDED, at_ms);
        life->suspended = true;
        life->resumed_on = later_day(t, (int64_t)day, 7, 80);
        return;
    case CHANGES_A_LITTLE:
        change_a_little(t, life, at_ms);
        return;
    case IS_TOLD_AGAIN: {
        struct event *ev = say(t, life, EVENT_CHANGED, at_ms);
        attrs_copy(&ev->profile, &life->profile);
        ev->complete = true;
        return;
    }
    case FORTUNES:
        return;
    }
}

/* The first department's people come to the next ones, all within an hour. */
static void reorganise(struct teller *t, struct life *life)
{
    size_t others =
        t->story->company.n[COMPANY_DEPARTMENT] < DIVIDED ? t->story->company.n[COMPANY_DEPARTMENT] : DIVIDED;
    if (life->unit[COMPANY_DEPARTMENT] != 0 || !life->employed || others < 2)
        return;
    struct event *ev =
        say(t, life, EVENT_CHANGED, t->story->reorganised_ms + prng_range(&t->r, 0, REORGANISED_WITHIN_MS));
    set_department(life, 1 + life->person % (others - 1));
    copy(life, "department", ev);
    copy(life, "manager", ev);
    copy(life, "division", ev);
    t->story->moved_at_once++;
}

static void live_planned(struct teller *t, struct life *life, size_t day, int64_t at_ms)
{
    int64_t now = (int64_t)day;
    if (life->deleted_on == now)
        say(t, life, EVENT_DELETED, at_ms);
    if (life->rehired_on == now)
        rehire(t, life, at_ms);
    if (life->employed && life->extended_on == now)
        extend(t, life, at_ms);
    if (!life->suspended || life->resumed_on > now)
        return;
    say(t, life, EVENT_RESUMED, at_ms);
    life->suspended = false;
}

static void live_day(struct teller *t, struct life *life, size_t day)
{
    int64_t at_ms = day_ms(day) + prng_range(&t->r, MORNING_MS, EVENING_MS);
    live_planned(t, life, day, at_ms);
    if (day == (size_t)((t->story->reorganised_ms - WORLD_EPOCH_MS) / YEAR_DAY_MS))
        reorganise(t, life);
    for (enum fortune f = 0; f < FORTUNES && life->employed; f++)
        if (today(t, odds[f]) && !(f == IS_HELD && life->suspended) && !(f == IS_RENAMED && day < LOADED_BY))
            meet_fortune(t, life, f, day, at_ms);
}

/* ---- who is there -------------------------------------------------------------------------------------- */

static struct life be_born(struct teller *t)
{
    struct scenario *s = t->s;
    if ((s->n_persons & (s->n_persons - 1)) == 0) /* a power of two: full */
        s->persons = xreallocarray(s->persons, s->n_persons ? 2 * s->n_persons : 1, sizeof *s->persons);
    struct life life = {.person = s->n_persons++,
                        .resumed_on = -1,
                        .rehired_on = -1,
                        .deleted_on = -1,
                        .extended_on = -1,
                        .contractor = chance(t, MILLION * 6 / 100)};
    s->persons[life.person] = (struct sim_person){0};
    scenario_name_person(s, life.person, 0, YEAR_SPREAD);
    set_everything(t, &life);
    return life;
}

/* Somebody who is there at the beginning: loaded within hours, in any order. */
static void load(struct teller *t, struct life *life)
{
    struct sim_person *p = &t->s->persons[life->person];
    int64_t since_ms = WORLD_EPOCH_MS - prng_range(&t->r, YEAR_DAY_MS, 90 * (int64_t)YEAR_DAY_MS);
    struct event *ev = add_event(t, life, EVENT_JOINED, since_ms);
    attrs_copy(&ev->profile, &life->profile);
    life->employed = true;
    life->now_ms = WORLD_EPOCH_MS;
    if (life->contractor)
        set_contract(t, life, ev, WORLD_EPOCH_MS, prng_range(&t->r, 10, 300));
    ev->received_at_ms =
        WORLD_EPOCH_MS + prng_range(&t->r, 0, paced_ms(t, 1) < LOAD_MS ? paced_ms(t, 1) : LOAD_MS);
    tell(t, t->s->n_events - 1, ev->received_at_ms);
    p->existing = chance(t, MILLION * 7 / 10);
    snprintf(p->account, sizeof p->account, "%s", attrs_get(&life->profile, "userName"));
}

static void hire(struct teller *t, struct life *life, size_t day)
{
    join(t, life, day_ms(day) + prng_range(&t->r, MORNING_MS, EVENING_MS));
    struct event *ev = &t->s->events[t->s->n_events - 1].ev;
    if (!life->contractor && chance(t, MILLION * 4 / 10))
        date_ahead(t, ev);
    t->story->hires++;
}

static void live_from(struct teller *t, struct life *life, size_t day)
{
    for (; day < t->o->days; day++)
        live_day(t, life, day);
    attrs_done(&life->profile);
}

/* As many come as leave. */
static void hire_all(struct teller *t)
{
    for (size_t day = 1; day < t->o->days; day++)
        for (size_t i = 0; i < t->o->persons; i++) {
            if (!today(t, odds[LEAVES]))
                continue;
            struct life life = be_born(t);
            hire(t, &life, day);
            live_from(t, &life, day + 1);
        }
}

static int64_t last_due(const struct teller *t)
{
    int64_t last = t->end_ms;
    for (size_t i = 0; i < t->s->n_events; i++) {
        const struct event *ev = &t->s->events[i].ev;
        if (ev->effective_at_ms > last)
            last = ev->effective_at_ms;
    }
    return last;
}

void year_story_tell(const struct year_options *o, struct year_story *ret)
{
    struct scenario *s = xcalloc(1, sizeof *s);
    *ret = (struct year_story){.scenario = s};
    struct teller t = {
        .o = o, .story = ret, .s = s, .r = {o->seed ^ 0x796561722e}, .end_ms = day_ms(o->days)};
    t.r.state = prng_next(&t.r);
    company_init(&ret->company, o->teams);
    ret->reorganised_ms = day_ms(o->days / 2) + MORNING_MS;
    s->tenants[0] = "acme";
    s->n_tenants = 1;
    s->partitions = WORLD_PARTITIONS_MAX;
    s->n_targets = 1;
    snprintf(s->targets[0].name, sizeof s->targets[0].name, "miro");
    for (size_t i = 0; i < o->persons; i++) {
        struct life life = be_born(&t);
        load(&t, &life);
        live_from(&t, &life, 1);
    }
    hire_all(&t);
    s->quiet_ms = t.end_ms;
    s->last_due_ms = last_due(&t);
    scenario_index(s);
}
