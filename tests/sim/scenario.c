#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum {
    HOUR_MS = 3600 * 1000,
    EVENTS_PER_PERSON_MAX = 20,
    AFTERWORD_MS = 5000,
    MUSTERS_MAX = 4,
    MUSTER_MS = 300,
    TROUBLE_MIN_MS = 20 * 1000,
    TROUBLE_MAX_MS = 120 * 1000,
};

/* What a person's life is made of: how likely each event follows which state. */
struct step {
    enum event_type type;
    unsigned weight;
};

static const struct step life[] = {
    {EVENT_JOINED, 25},
    {EVENT_CHANGED, 30},
    {EVENT_LEFT, 25},
    {EVENT_SUSPENDED, 8},
    {EVENT_RESUMED, 6},
    {EVENT_DELETED, 5},
    {EVENT_MEMBERSHIP_ADDED, 4},
    {EVENT_MEMBERSHIP_REMOVED, 3},
};

struct draw { /* what the functions below pass around */
    struct scenario *s;
    const struct chaos *chaos;
    struct prng *r;
};

/* One leaves, all others move on and on. */
static enum event_type crowded_type(size_t person, size_t nth)
{
    if (nth == 0)
        return EVENT_JOINED;
    return person == 0 ? EVENT_LEFT : EVENT_CHANGED;
}

/* They are there, and are moved about. */
static enum event_type moving_type(struct draw *d, size_t nth)
{
    int64_t at = nth == 0 ? 0 : prng_range(d->r, 10, 99);
    return at < 20   ? EVENT_JOINED
           : at < 55 ? EVENT_MEMBERSHIP_ADDED
           : at < 80 ? EVENT_MEMBERSHIP_REMOVED
           : at < 90 ? EVENT_LEFT
                     : EVENT_CHANGED;
}

static enum event_type draw_type(struct draw *d, size_t person, size_t nth)
{
    if (d->chaos->moving)
        return moving_type(d, nth);
    if (d->chaos->crowded || d->chaos->understated)
        return crowded_type(person, nth);
    if (nth == 0 && prng_chance(d->r, 700))
        return EVENT_JOINED;
    if (d->chaos->teams && prng_chance(d->r, 350))
        return prng_chance(d->r, 600) ? EVENT_MEMBERSHIP_ADDED : EVENT_MEMBERSHIP_REMOVED;
    unsigned sum = 0, at = (unsigned)prng_range(d->r, 0, 105);
    for (size_t i = 0; i < ARRAY_SIZE(life); i++) {
        sum += life[i].weight;
        if (at >= sum)
            continue;
        enum event_type type = life[i].type;
        if ((type == EVENT_SUSPENDED || type == EVENT_RESUMED) && !d->chaos->holds)
            return EVENT_CHANGED;
        if (type == EVENT_DELETED && !d->chaos->deletions)
            return EVENT_LEFT;
        return type;
    }
    return EVENT_CHANGED;
}

/* A value that tells which event set it. */
static void set_unique(struct event *ev, const char *name, const char *prefix)
{
    char value[64];
    snprintf(value, sizeof value, "%s %.6s", prefix, ev->id);
    attrs_set(&ev->profile, name, value);
}

static void set_user_name(struct draw *d, struct event *ev, const struct sim_person *person)
{
    char value[64];
    bool other = d->chaos->renames && !person->existing && prng_chance(d->r, 400);
    snprintf(value, sizeof value, "p%zu-%c@example.com", (size_t)(person - d->s->persons), other ? 'b' : 'a');
    attrs_set(&ev->profile, "userName", value);
}

static void draw_profile(struct draw *d, struct event *ev, const struct sim_person *person)
{
    bool whole = ev->type == EVENT_JOINED || ev->complete;
    if (whole ? person->existing || prng_chance(d->r, 900) : d->chaos->renames && prng_chance(d->r, 200))
        set_user_name(d, ev, person);
    if (prng_chance(d->r, 500))
        set_unique(ev, "displayName", "Name");
    if (whole || prng_chance(d->r, 200)) {
        set_unique(ev, "name.givenName", "Given");
        set_unique(ev, "name.familyName", "Family");
    }
    if (prng_chance(d->r, 400))
        set_unique(ev, "department", "Dept");
    if (prng_chance(d->r, 100))
        attrs_set(&ev->profile, "department", NULL);
    if (whole) {
        char number[32];
        snprintf(number, sizeof number, "E%zu", (size_t)(person - d->s->persons));
        attrs_set(&ev->profile, "employeeNumber", number);
    }
    if (prng_chance(d->r, 30))
        set_unique(ev, "title", "Title");
}

static void draw_id(struct draw *d, char out[EVENT_ID_SIZE])
{
    uint64_t half[2] = {prng_next(d->r), prng_next(d->r)};
    hex_encode(half, sizeof half, out);
}

static void draw_groups(struct draw *d, struct event *ev)
{
    ev->groups_complete =
        d->chaos->complete && ev->type != EVENT_MEMBERSHIP_REMOVED && prng_chance(d->r, 400);
    ev->n_groups = (size_t)prng_range(d->r, ev->type < EVENT_MEMBERSHIP_ADDED ? 0 : 1, 3);
    ev->groups = xcalloc(ev->n_groups, sizeof *ev->groups);
    for (size_t i = 0; i < ev->n_groups; i++)
        ev->groups[i] = xasprintf("team %d", (int)prng_range(d->r, (int64_t)i * 2, (int64_t)i * 2 + 1));
}

/* When it takes effect and until when access lasts; both lie within the time of trouble. */
static void draw_due(struct draw *d, struct event *ev)
{
    int64_t until = d->s->quiet_ms;
    if (d->chaos->future_dated && prng_chance(d->r, 250))
        ev->effective_at_ms = prng_range(d->r, WORLD_EPOCH_MS, until);
    if (d->chaos->access_ends && prng_chance(d->r, 250)) {
        ev->has_access_until = true;
        ev->access_until_ms = prng_chance(d->r, 300) ? 0 : prng_range(d->r, WORLD_EPOCH_MS - HOUR_MS, until);
    }
}

static void draw_event(struct draw *d, size_t person, size_t nth, int64_t occurred_ms)
{
    struct scenario *s = d->s;
    struct sim_person *who = &s->persons[person];
    struct sim_event *se = &s->events[s->n_events++];
    struct event *ev = &se->ev;
    se->person = person;
    draw_id(d, ev->id);
    ev->type = draw_type(d, person, nth);
    se->urgent = d->chaos->crowded && ev->type == EVENT_LEFT;
    ev->tenant = xstrdup(s->tenants[who->tenant]);
    ev->directory = xstrdup("hr");
    ev->subject = xstrdup(who->subject);
    ev->source = xstrdup(ev->tenant);
    ev->occurred_at_ms = occurred_ms;
    ev->received_at_ms = WORLD_EPOCH_MS;
    bool status = ev->type <= EVENT_CHANGED || ev->type == EVENT_LEFT;
    ev->complete = d->chaos->complete && ev->type <= EVENT_CHANGED && prng_chance(d->r, 300);
    if (ev->type <= EVENT_CHANGED || prng_chance(d->r, 150))
        draw_profile(d, ev, who);
    if (ev->type == EVENT_DELETED && prng_chance(d->r, 600))
        attrs_set(&ev->profile, "purge", "yes");
    bool lists = d->chaos->complete && ev->type <= EVENT_CHANGED && prng_chance(d->r, 200);
    if (ev->type >= EVENT_MEMBERSHIP_ADDED || lists)
        draw_groups(d, ev);
    if (status)
        draw_due(d, ev);
}

static void draw_life(struct draw *d, size_t person)
{
    size_t n = (size_t)prng_delay(d->r, 1, EVENTS_PER_PERSON_MAX);
    if (d->chaos->moving)
        n = (size_t)prng_range(d->r, 1, 5);
    if (d->chaos->crowded || d->chaos->understated)
        n = person == 0 ? 2 : EVENTS_PER_PERSON_MAX;
    int64_t occurred = WORLD_EPOCH_MS - INT64_C(96) * HOUR_MS;
    for (size_t i = 0; i < n; i++) {
        draw_event(d, person, i, occurred);
        if (!d->chaos->ties || prng_chance(d->r, 700))
            occurred += prng_range(d->r, 1000, 3 * HOUR_MS);
    }
}

/* The last that happened to a person. */
static void draw_afterword(struct draw *d, size_t person)
{
    struct scenario *s = d->s;
    struct sim_event *se = &s->events[s->n_events++];
    struct event *ev = &se->ev;
    se->person = person;
    se->afterword = true;
    draw_id(d, ev->id);
    ev->type = EVENT_CHANGED;
    ev->tenant = xstrdup(s->tenants[s->persons[person].tenant]);
    ev->directory = xstrdup("hr");
    ev->subject = xstrdup(s->persons[person].subject);
    ev->source = xstrdup(ev->tenant);
    ev->occurred_at_ms = WORLD_EPOCH_MS - HOUR_MS;
    ev->received_at_ms = s->quiet_ms;
    set_unique(ev, "displayName", "Name");
    set_unique(ev, "name.givenName", "Given");
    set_unique(ev, "name.familyName", "Family");
    set_unique(ev, "department", "Dept");
}

/* Everybody is put into a team, or out of it, at the same time. */
static void draw_musters(struct draw *d)
{
    struct scenario *s = d->s;
    int64_t n = prng_range(d->r, 2, MUSTERS_MAX);
    for (int64_t nth = 0; nth < n; nth++) {
        bool in = nth % 2 == 0 || prng_chance(d->r, 400);
        int team = prng_chance(d->r, 700) ? 4 : (int)prng_range(d->r, 0, 5);
        int64_t at_ms = prng_range(d->r, WORLD_EPOCH_MS + 2000, s->quiet_ms - 2000);
        for (size_t i = 0; i < s->n_persons; i++) {
            struct sim_event *se = &s->events[s->n_events++];
            struct event *ev = &se->ev;
            *se = (struct sim_event){.person = i, .muster_ms = at_ms + prng_range(d->r, 0, MUSTER_MS)};
            draw_id(d, ev->id);
            ev->type = in ? EVENT_MEMBERSHIP_ADDED : EVENT_MEMBERSHIP_REMOVED;
            ev->tenant = xstrdup(s->tenants[s->persons[i].tenant]);
            ev->directory = xstrdup("hr");
            ev->subject = xstrdup(s->persons[i].subject);
            ev->source = xstrdup(ev->tenant);
            ev->occurred_at_ms = at_ms - HOUR_MS;
            ev->received_at_ms = WORLD_EPOCH_MS;
            ev->n_groups = 1;
            ev->groups = xcalloc(1, sizeof *ev->groups);
            ev->groups[0] = xasprintf("team %d", team);
        }
    }
}

void scenario_name_person(struct scenario *s, size_t i, size_t tenant, unsigned spread)
{
    struct sim_person *p = &s->persons[i];
    p->tenant = tenant;
    snprintf(p->subject, sizeof p->subject, "p%zu", i);
    snprintf(p->key, sizeof p->key, "%s/hr/p%zu", s->tenants[tenant], i);
    snprintf(p->account, sizeof p->account, "p%zu-a@example.com", i);
    char directory[] = "hr";
    struct event probe = {
        .tenant = xstrdup(s->tenants[tenant]), .directory = directory, .subject = p->subject};
    struct buf key;
    buf_init(&key, 256);
    event_key(&probe, spread, &key);
    p->partition = (int32_t)(digest_murmur2(key.p, key.n) % (uint32_t)s->partitions);
    buf_done(&key);
    free(probe.tenant);
}

static void draw_person(struct draw *d, size_t i)
{
    struct scenario *s = d->s;
    struct sim_person *p = &s->persons[i];
    p->tenant = (size_t)prng_range(d->r, 0, (int64_t)s->n_tenants - 1);
    if (i < d->chaos->n_sick)
        p->tenant = 0; /* together they would use up its targets' limits */
    if (d->chaos->crowded || d->chaos->understated || d->chaos->down >= DOWN_FAILS || d->chaos->moving)
        p->tenant = 0; /* and so do these */
    scenario_name_person(s, i, p->tenant, d->chaos->spread);
    p->existing = d->chaos->existing_accounts && prng_chance(d->r, 400);
    p->inactive = p->existing && prng_chance(d->r, 200);
}

static void draw_targets(struct draw *d)
{
    struct scenario *s = d->s;
    for (size_t tenant = 0; tenant < s->n_tenants; tenant++) {
        size_t n = d->chaos->two_targets || d->chaos->down ? 2 : 1;
        for (size_t i = 0; i < n; i++) {
            struct sim_target *t = &s->targets[s->n_targets++];
            snprintf(t->name, sizeof t->name, "%s-%zu", s->tenants[tenant], i);
            t->tenant = tenant;
            t->down = d->chaos->down && i == 0;
        }
    }
}

/* The last one, so that the others keep their numbers. */
static void draw_late_target(struct draw *d)
{
    struct scenario *s = d->s;
    if (!d->chaos->late_target || s->n_targets == SCENARIO_TARGETS_DRAWN)
        return;
    struct sim_target *t = &s->targets[s->n_targets++];
    snprintf(t->name, sizeof t->name, "%s-late", s->tenants[0]);
    t->since_ms = prng_range(d->r, WORLD_EPOCH_MS + TROUBLE_MIN_MS / 4, s->quiet_ms - TROUBLE_MIN_MS / 4);
}

/* ---- in which order it is told ------------------------------------------------------------------------- */

void scenario_tell(struct scenario *s, int64_t at_ms, int event, int32_t partition)
{
    if ((s->n_tellings & (s->n_tellings - 1)) == 0) /* a power of two: full */
        s->tellings = xreallocarray(s->tellings, s->n_tellings ? 2 * s->n_tellings : 1, sizeof *s->tellings);
    s->tellings[s->n_tellings++] = (struct telling){at_ms, event, partition};
}

static int compare_tellings(const void *a, const void *b)
{
    const struct telling *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return (x->event > y->event) - (x->event < y->event);
}

static void draw_tellings(struct draw *d)
{
    struct scenario *s = d->s;
    int64_t end = s->quiet_ms - 1000;
    for (size_t i = 0; i < s->n_events; i++) {
        int32_t partition = s->persons[s->events[i].person].partition;
        if (s->events[i].afterword) {
            scenario_tell(s, s->quiet_ms + prng_range(d->r, 1, AFTERWORD_MS), (int)i, partition);
            continue;
        }
        if (s->events[i].muster_ms) {
            scenario_tell(s, s->events[i].muster_ms, (int)i, partition);
            continue;
        }
        int64_t in_order =
            WORLD_EPOCH_MS + (end - WORLD_EPOCH_MS) * (int64_t)(i + 1) / (int64_t)(s->n_events + 1);
        bool astray = prng_chance(d->r, d->chaos->permute);
        int64_t at = astray ? prng_range(d->r, WORLD_EPOCH_MS, end) : in_order;
        scenario_tell(s, at, (int)i, partition);
        while (prng_chance(d->r, d->chaos->duplicate))
            scenario_tell(s, prng_range(d->r, WORLD_EPOCH_MS, end), (int)i, partition);
        if (prng_chance(d->r, d->chaos->invalid))
            scenario_tell(s, prng_range(d->r, WORLD_EPOCH_MS, end), SCENARIO_INVALID, partition);
        if (prng_chance(d->r, d->chaos->poison))
            scenario_tell(s, prng_range(d->r, WORLD_EPOCH_MS, end), SCENARIO_POISON, partition);
    }
}

/* Lives are drawn person by person; in order means: as they occurred, across persons. */
static int compare_events(const void *a, const void *b)
{
    const struct sim_event *x = a, *y = b;
    if (x->ev.occurred_at_ms != y->ev.occurred_at_ms)
        return x->ev.occurred_at_ms < y->ev.occurred_at_ms ? -1 : 1;
    return strcmp(x->ev.id, y->ev.id);
}

static int64_t last_due(const struct scenario *s)
{
    int64_t last = s->quiet_ms + AFTERWORD_MS;
    for (size_t i = 0; i < s->n_events; i++) {
        if (s->events[i].ev.effective_at_ms > last)
            last = s->events[i].ev.effective_at_ms;
        if (s->events[i].ev.access_until_ms > last)
            last = s->events[i].ev.access_until_ms;
    }
    return last;
}

struct scenario *scenario_new(const struct chaos *chaos, struct prng *r)
{
    static const char *const tenants[SCENARIO_TENANTS_DRAWN] = {"acme", "globex", "initech"};
    struct scenario *s = xcalloc(1, sizeof *s);
    struct draw d = {s, chaos, r};
    memcpy(s->tenants, tenants, sizeof tenants);
    s->n_tenants = (size_t)prng_range(r, 1, SCENARIO_TENANTS_DRAWN);
    s->partitions = (int32_t)prng_range(r, 1, WORLD_PARTITIONS_MAX);
    s->quiet_ms =
        WORLD_EPOCH_MS + prng_range(r, TROUBLE_MIN_MS, chaos->lagging ? TROUBLE_MIN_MS : TROUBLE_MAX_MS);
    if (chaos->crowded)
        s->quiet_ms += WORLD_TIGHT_WINDOW_MS;
    if (chaos->reads_answer || chaos->down || chaos->understated)
        s->quiet_ms += TROUBLE_MAX_MS; /* a deadline, and a doubt that outlasts it */
    draw_targets(&d);
    bool many = chaos->sick_person || chaos->down >= DOWN_FAILS || chaos->crowded || chaos->understated ||
                chaos->moving;
    s->n_persons = (size_t)prng_range(r, many ? SICK_PERSONS_MAX + 2 : 1, SCENARIO_PERSONS_DRAWN);
    s->persons = xcalloc(s->n_persons, sizeof *s->persons);
    s->events = xcalloc(s->n_persons * (EVENTS_PER_PERSON_MAX + 1 + MUSTERS_MAX), sizeof *s->events);
    for (size_t i = 0; i < s->n_persons; i++) {
        draw_person(&d, i);
        draw_life(&d, i);
        if (chaos->afterwords)
            draw_afterword(&d, i);
    }
    if (chaos->moving)
        draw_musters(&d);
    for (size_t i = 0; i < chaos->n_sick; i++)
        s->persons[i].sick = true;
    qsort(s->events, s->n_events, sizeof *s->events, compare_events);
    draw_tellings(&d);
    draw_late_target(&d);
    s->last_due_ms = last_due(s);
    scenario_index(s);
    return s;
}

void scenario_draw_thin(struct scenario *s, const struct chaos *chaos, struct prng *r)
{
    for (size_t i = 0; chaos->thin > 0 && i < s->n_events; i++)
        s->events[i].ev.needs_fetch = s->events[i].afterword || prng_chance(r, chaos->thin);
}

static void say_one_of(struct event *ev, struct prng *r, unsigned chance, const char *name,
                       const char *const values[], size_t n)
{
    if (prng_chance(r, chance))
        attrs_set(&ev->profile, name, values[prng_range(r, 0, (int64_t)n - 1)]);
}

void scenario_draw_rights(struct scenario *s, const struct chaos *chaos, struct prng *r)
{
    static const char *const licences[] = {"Free", "Full"};
    static const char *const roles[] = {"ORGANIZATION_INTERNAL_USER", "ORGANIZATION_INTERNAL_ADMIN"};
    static const char *const admin_roles[] = {"Content Admin", "User Admin", NULL};
    for (size_t i = 0; chaos->rights && i < s->n_events; i++) {
        struct event *ev = &s->events[i].ev;
        if (ev->type > EVENT_CHANGED || s->events[i].afterword)
            continue;
        if (chaos->licences)
            say_one_of(ev, r, 600, "userType", &licences[1], 1);
        else
            say_one_of(ev, r, 300, "userType", licences, ARRAY_SIZE(licences));
        say_one_of(ev, r, 200, "role", roles, ARRAY_SIZE(roles));
        say_one_of(ev, r, 500, "adminRole", admin_roles, ARRAY_SIZE(admin_roles));
    }
}

void scenario_free(struct scenario *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_events; i++)
        event_done(&s->events[i].ev);
    free(s->persons);
    free(s->events);
    free(s->tellings);
    free(s->by_id);
    free(s->by_person);
    free(s->first_of);
    free(s);
}

/* ---- looking up ---------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b, void *ctx)
{
    const struct scenario *s = ctx;
    return strcmp(s->events[*(const size_t *)a].ev.id, s->events[*(const size_t *)b].ev.id);
}

static void index_persons(struct scenario *s)
{
    s->first_of = xcalloc(s->n_persons + 1, sizeof *s->first_of);
    for (size_t i = 0; i < s->n_events; i++)
        s->first_of[s->events[i].person + 1]++;
    for (size_t i = 0; i < s->n_persons; i++)
        s->first_of[i + 1] += s->first_of[i];
    size_t *next = xcalloc(s->n_persons + 1, sizeof *next);
    memcpy(next, s->first_of, s->n_persons * sizeof *next);
    for (size_t i = 0; i < s->n_events; i++)
        s->by_person[next[s->events[i].person]++] = i;
    free(next);
}

void scenario_index(struct scenario *s)
{
    qsort(s->tellings, s->n_tellings, sizeof *s->tellings, compare_tellings);
    s->by_id = xcalloc(s->n_events + 1, sizeof *s->by_id);
    s->by_person = xcalloc(s->n_events + 1, sizeof *s->by_person);
    for (size_t i = 0; i < s->n_events; i++)
        s->by_id[i] = i;
    qsort_r(s->by_id, s->n_events, sizeof *s->by_id, compare_ids, s);
    index_persons(s);
}

const size_t *scenario_events_of(const struct scenario *s, size_t person, size_t *ret_n)
{
    *ret_n = s->first_of[person + 1] - s->first_of[person];
    return &s->by_person[s->first_of[person]];
}

bool scenario_takes(const struct scenario *s, size_t event, size_t target)
{
    const struct sim_event *se = &s->events[event];
    return !se->left_out && s->persons[se->person].tenant == s->targets[target].tenant;
}

bool scenario_called_back(const struct scenario *s, size_t leaver, int64_t at_ms)
{
    size_t n;
    const struct sim_event *left = &s->events[leaver];
    const size_t *of = scenario_events_of(s, left->person, &n);
    for (size_t i = 0; i < n; i++) {
        const struct sim_event *se = &s->events[of[i]];
        bool calls_back =
            se->ev.type == EVENT_JOINED || (left->ev.type == EVENT_SUSPENDED && se->ev.type == EVENT_RESUMED);
        if (se->told && se->first_told_ms <= at_ms && calls_back &&
            se->ev.occurred_at_ms > left->ev.occurred_at_ms)
            return true;
    }
    return false;
}

int scenario_event_by_id(const struct scenario *s, const char *id)
{
    for (size_t low = 0, high = s->n_events; low < high;) {
        size_t mid = (low + high) / 2;
        int order = strcmp(s->events[s->by_id[mid]].ev.id, id);
        if (order == 0)
            return (int)s->by_id[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return -1;
}

/* "p" and a number, at the beginning of text; -1: no such person. */
static int read_subject(const struct scenario *s, const char *text, size_t n, size_t *ret_length)
{
    size_t number = 0, at = 1;
    if (n < 2 || text[0] != 'p')
        return -1;
    for (; at < n && text[at] >= '0' && text[at] <= '9' && number < s->n_persons; at++)
        number = number * 10 + (size_t)(text[at] - '0');
    *ret_length = at;
    return at > 1 && number < s->n_persons ? (int)number : -1;
}

int scenario_person_of(const struct scenario *s, const char *text, size_t n)
{
    int first = -1;
    size_t length;
    for (const char *p = text, *end = text ? text + n : NULL; p && (p = memchr(p, 'p', (size_t)(end - p)));
         p++) {
        int person = read_subject(s, p, (size_t)(end - p), &length);
        if (person >= 0 && p + length < end && p[length] == '-' && (first < 0 || person < first))
            first = person;
    }
    return first;
}

int scenario_person_by_key(const struct scenario *s, struct str key)
{
    const char *slash = memrchr(key.p, '/', key.n);
    size_t length, left = slash ? (size_t)(key.p + key.n - slash) - 1 : 0;
    int person = slash ? read_subject(s, slash + 1, left, &length) : -1;
    return person >= 0 && str_eq(str_of(s->persons[person].key), key) ? person : -1;
}

int scenario_target_by_name(const struct scenario *s, const char *name)
{
    for (size_t i = 0; i < s->n_targets; i++)
        if (strcmp(s->targets[i].name, name) == 0)
            return (int)i;
    return -1;
}
