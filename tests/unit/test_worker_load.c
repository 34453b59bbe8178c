#include "../../worker/load_events.h"
#include "../../worker/engine/person.h"

#include "test_lib.h"

static struct config_source config = {
    .name = (char *)"okta", .tenant = (char *)"acme", .directory = (char *)"people"};

static struct asked_source source = {.cfg = &config, .spread = 1};

static struct source_listed listed(const char *subject, enum event_type type)
{
    struct source_listed p = {.subject = xstrdup(subject),
                              .person = {.known = true, .words = {.type = type}}};
    p.person.words.complete = true;
    attrs_set(&p.person.words.profile, "userName", subject);
    return p;
}

static size_t skipped_place;
static char skipped_why[512];

static void note_skipped(void *ctx, size_t place, const struct error *why)
{
    (void)ctx;
    skipped_place = place;
    snprintf(skipped_why, sizeof skipped_why, "%s", why->message);
}

static struct load_events make(const struct source_page *page, int64_t began_ms, int64_t asked_ms)
{
    struct load_events e;
    skipped_place = 0;
    load_events_make(&source, page, began_ms, asked_ms, note_skipped, NULL, &e);
    return e;
}

/* The event that the message would be to a worker. */
static struct event read_back(const struct topic_message *m)
{
    struct event ev;
    struct error err = {0};
    ck_assert_msg(event_read(m->headers, m->n_headers, m->value, &ev, &err), "%s", err.message);
    return ev;
}

START_TEST(a_page_becomes_complete_events_that_say_where_they_come_from)
{
    struct source_listed v[] = {listed("1", EVENT_JOINED), listed("2", EVENT_LEFT),
                                listed("3", EVENT_CHANGED), listed("4", EVENT_JOINED)};
    struct source_page page = {v, ARRAY_SIZE(v), NULL};
    v[0].person.suspended = true;
    v[0].person.words.groups_complete = true;
    v[1].person.not_suspended = v[3].person.not_suspended = true;
    v[2].has_occurred = true;
    v[2].occurred_at_ms = 1000;
    struct load_events e = make(&page, 5000, 9000);
    static const struct {
        enum event_type type;
        const char *subject;
        int64_t at_ms;
    } rows[] = {{EVENT_JOINED, "1", 5000},  {EVENT_SUSPENDED, "1", 5000}, {EVENT_LEFT, "2", 5000},
                {EVENT_CHANGED, "3", 1000}, {EVENT_JOINED, "4", 5000},    {EVENT_RESUMED, "4", 5000}};
    ck_assert_uint_eq(e.n, ARRAY_SIZE(rows));
    ck_assert_uint_eq(e.left, 1);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct event ev = read_back(&e.messages[i]);
        ck_assert_int_eq(ev.type, rows[i].type);
        ck_assert_str_eq(ev.subject, rows[i].subject);
        ck_assert_str_eq(ev.directory, "people");
        ck_assert_str_eq(ev.delivery_id, "load/5000");
        ck_assert_int_eq(ev.occurred_at_ms, rows[i].at_ms);
        ck_assert_int_eq(ev.complete, ev.type != EVENT_SUSPENDED && ev.type != EVENT_RESUMED);
        ck_assert_int_eq(ev.groups_complete, i == 0);
        ck_assert(str_eq(e.messages[i].key, str_of("acme/0")));
        event_done(&ev);
    }
    load_events_done(&e);
    page.cursor = NULL;
    for (size_t i = 0; i < page.n; i++) {
        free(v[i].subject);
        source_person_done(&v[i].person);
    }
}
END_TEST

START_TEST(a_page_published_again_has_the_same_ids_and_another_load_others)
{
    struct source_listed v[] = {listed("1", EVENT_JOINED)};
    struct source_page page = {v, 1, NULL};
    struct load_events a = make(&page, 5000, 9000), b = make(&page, 5000, 9500), c = make(&page, 6000, 9500);
    v[0].id = xstrdup("rev2");
    struct load_events d = make(&page, 5000, 9500);
    struct event ea = read_back(a.messages), eb = read_back(b.messages), ec = read_back(c.messages),
                 ed = read_back(d.messages);
    ck_assert_str_eq(ea.id, eb.id);
    ck_assert_str_ne(ea.id, ec.id);
    ck_assert_str_ne(ea.id, ed.id); /* the source calls it another version of the person */
    event_done(&ea);
    event_done(&eb);
    event_done(&ec);
    event_done(&ed);
    load_events_done(&a);
    load_events_done(&b);
    load_events_done(&c);
    load_events_done(&d);
    free(v[0].subject);
    free(v[0].id);
    source_person_done(&v[0].person);
}
END_TEST

/* Whatever a page says that was asked for later. */
START_TEST(who_left_since_the_load_began_stays_so)
{
    struct source_listed v[] = {listed("1", EVENT_JOINED), listed("1", EVENT_JOINED)};
    struct source_page page = {v, ARRAY_SIZE(v), NULL};
    v[1].has_occurred = true;
    v[1].occurred_at_ms = 8000; /* the source knows better */
    struct load_events e = make(&page, 5000, 9000);
    for (size_t i = 0; i < e.n; i++) {
        struct person p = {.employment = EMPLOYMENT_LEFT, .employment_stamp = {7000, 1}};
        struct event ev = read_back(&e.messages[i]);
        person_merge(&p, &ev, 10000);
        ck_assert_int_eq(p.employment, i == 0 ? EMPLOYMENT_LEFT : EMPLOYMENT_JOINED);
        event_done(&ev);
        person_done(&p);
    }
    load_events_done(&e);
    for (size_t i = 0; i < page.n; i++) {
        free(v[i].subject);
        source_person_done(&v[i].person);
    }
}
END_TEST

START_TEST(a_person_whom_no_event_can_describe_is_named_by_place_and_keeps_nobody_else_out)
{
    struct source_listed v[] = {listed("1", EVENT_JOINED), listed("a\nb", EVENT_JOINED),
                                listed("3", EVENT_JOINED)};
    struct source_page page = {v, ARRAY_SIZE(v), NULL};
    struct load_events e = make(&page, 5000, 9000);
    ck_assert_uint_eq(e.skipped, 1);
    ck_assert_uint_eq(skipped_place, 2);
    ck_assert_msg(strstr(skipped_why, "subject") && !strchr(skipped_why, '\n'), "%s", skipped_why);
    ck_assert_uint_eq(e.n, 2);
    struct event last = read_back(&e.messages[1]);
    ck_assert_str_eq(last.subject, "3");
    event_done(&last);
    load_events_done(&e);
    for (size_t i = 0; i < page.n; i++) {
        free(v[i].subject);
        source_person_done(&v[i].person);
    }
}
END_TEST

RUN_TESTS("worker_load", a_page_becomes_complete_events_that_say_where_they_come_from,
          a_page_published_again_has_the_same_ids_and_another_load_others,
          who_left_since_the_load_began_stays_so,
          a_person_whom_no_event_can_describe_is_named_by_place_and_keeps_nobody_else_out)
