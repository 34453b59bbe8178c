/* What is held, out of the records of the persons topic. */
#include "test_lib.h"

#include <stdio.h>

#include "../../worker/holdings.h"

static struct holdings h;

static void take(const char *key, const char *value)
{
    holdings_take(&h, str_of(key), value ? str_of(value) : (struct str){0});
}

static const char *record(const char *targets)
{
    static char text[1024];
    snprintf(text, sizeof text, "{\"version\":1,\"targets\":{%s}}", targets);
    return text;
}

#define HELD(target, since)                                                                                  \
    "\"" target "\":{\"held\":{\"what\":\"deletion\",\"since\":" since                                       \
    ",\"id\":\"0123456789abcdef\",\"word\":\"00\"}}"

START_TEST(lists_what_is_held_by_target_and_age)
{
    take("acme/hr/a", record(HELD("wiki", "5") "," HELD("miro", "9")));
    take("acme/hr/b", record(HELD("miro", "3")));
    take("acme/hr/c", record("\"miro\":{}"));
    take("!partition", "{\"version\":1}");
    holdings_sort(&h);
    ck_assert_uint_eq(h.n, 3);
    ck_assert_str_eq(h.v[0]->person, "acme/hr/b");
    ck_assert_str_eq(h.v[1]->person, "acme/hr/a");
    ck_assert_str_eq(h.v[1]->target, "miro");
    ck_assert_str_eq(h.v[2]->target, "wiki");
    ck_assert_str_eq(h.v[2]->what, "deletion");
    ck_assert_str_eq(h.v[2]->id, "0123456789abcdef");
    ck_assert_int_eq(h.v[2]->since_ms, 5);
    holdings_done(&h);
}
END_TEST

START_TEST(the_newest_record_of_a_person_counts)
{
    take("acme/hr/a", record(HELD("miro", "3")));
    take("acme/hr/b", record(HELD("miro", "4")));
    take("acme/hr/a", record("\"miro\":{}"));
    ck_assert_uint_eq(h.n, 1);
    take("acme/hr/b", NULL);
    ck_assert_uint_eq(h.n, 0);
    take("acme/hr/a", "{\"held\": not JSON");
    ck_assert_uint_eq(h.n, 0);
    holdings_done(&h);
}
END_TEST

START_TEST(a_removal_names_its_team)
{
    take("acme/hr/a",
         record("\"miro\":{\"held\":{\"what\":\"removal\",\"since\":1,\"id\":\"0123456789abcdef\","
                "\"word\":\"00\",\"team\":\"Design\"}}"));
    holdings_sort(&h);
    ck_assert_str_eq(h.v[0]->team, "Design");
    holdings_done(&h);
}
END_TEST

START_TEST(what_was_denied_is_known_by_the_id_under_which_it_was_held)
{
    take("acme/hr/a",
         record(
             "\"miro\":{\"refused\":[{\"what\":\"title\",\"fingerprint\":\"00\",\"reason\":\"no\"},"
             "{\"what\":\"+denied/7\",\"fingerprint\":\"00\",\"team\":\"Design\",\"reason\":"
             "\"removal: held by the guard, then denied\",\"hold\":\"fedcba9876543210\",\"heldSince\":5}]}"));
    take("acme/hr/b", record(HELD("miro", "3")));
    holdings_sort(&h);
    ck_assert_uint_eq(h.n, 2);
    const struct holding *v = holdings_find(&h, "fedcba9876543210");
    ck_assert(v && v->denied && v->since_ms == 5);
    ck_assert_str_eq(v->what, "removal");
    ck_assert_str_eq(v->team, "Design");
    ck_assert(!holdings_find(&h, "0123456789abcdef")->denied);
    ck_assert_ptr_null(holdings_find(&h, "0123456789abcde"));
    holdings_done(&h);
}
END_TEST

RUN_TESTS("worker_holdings", what_was_denied_is_known_by_the_id_under_which_it_was_held,
          a_removal_names_its_team, lists_what_is_held_by_target_and_age,
          the_newest_record_of_a_person_counts)
