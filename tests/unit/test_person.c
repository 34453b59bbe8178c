#include "../../worker/engine/person.h"
#include "../../worker/engine/record.h"
#include "event_kit.h"

static struct person zoe;

static enum merge merge(const struct word *w, int64_t now)
{
    struct event ev = make_event(w);
    enum merge result = person_merge(&zoe, &ev, kit_ms(now));
    event_done(&ev);
    return result;
}

#define MERGE(now, ...) merge(&(struct word)__VA_ARGS__, now)

/* ---- registers ----------------------------------------------------------------------------------------- */

START_TEST(the_newest_word_counts_whenever_it_arrives)
{
    ck_assert_int_eq(MERGE(100, {"a", EVENT_JOINED, .at = 10, .profile = "title=Chef;team=x"}), MERGE_NEW);
    ck_assert_int_eq(MERGE(100, {"b", EVENT_CHANGED, .at = 9, .profile = "title=Cook"}), MERGE_SUPERSEDED);
    ck_assert_int_eq(MERGE(100, {"c", EVENT_CHANGED, .at = 11, .profile = "title=Boss"}), MERGE_NEW);
    ck_assert_int_eq(MERGE(100, {"d", EVENT_CHANGED, .at = 8, .profile = "title=Cook;nick=z"}), MERGE_NEW);
    ck_assert_str_eq(person_attr(&zoe, "title"), "Boss");
    ck_assert_str_eq(person_attr(&zoe, "team"), "x");
    ck_assert_str_eq(person_attr(&zoe, "nick"), "z");
    ck_assert_ptr_null(person_attr(&zoe, "shoes"));
    person_done(&zoe);
}
END_TEST

START_TEST(of_words_of_one_instant_the_more_restrictive_counts)
{
    static const struct {
        struct word a, b;
        bool access, suspended;
        enum employment employment;
    } rows[] = {
        {{"a", EVENT_JOINED, .at = 5}, {"b", EVENT_LEFT, .at = 5}, false, false, EMPLOYMENT_LEFT},
        {{"a", EVENT_LEFT, .at = 5}, {"b", EVENT_DELETED, .at = 5}, false, false, EMPLOYMENT_DELETED},
        {{"a", EVENT_SUSPENDED, .at = 5}, {"b", EVENT_RESUMED, .at = 5}, false, true, EMPLOYMENT_UNKNOWN},
        {{"a", EVENT_SUSPENDED, .at = 5}, {"b", EVENT_LEFT, .at = 5}, false, true, EMPLOYMENT_LEFT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
        const struct word *first = i % 2 ? &rows[i / 2].a : &rows[i / 2].b;
        merge(first, 100);
        merge(first == &rows[i / 2].a ? &rows[i / 2].b : &rows[i / 2].a, 100);
        ck_assert_int_eq(zoe.employment, rows[i / 2].employment);
        ck_assert_int_eq(zoe.suspended, rows[i / 2].suspended);
        ck_assert_int_eq(person_may_have_access(&zoe, kit_ms(100)), rows[i / 2].access);
        person_done(&zoe);
    }
}
END_TEST

START_TEST(of_ends_of_access_said_at_one_instant_the_earlier_counts)
{
    for (int order = 0; order < 2; order++) {
        const char *ends[] = {"700", "", "600"};
        for (size_t i = 0; i < 3; i++) {
            size_t at = order ? 2 - i : i;
            char id[2] = {(char)('a' + at), 0};
            merge(&(struct word){id, EVENT_CHANGED, .at = 5, .until = ends[at]}, 100);
        }
        ck_assert_int_eq(zoe.access_until_ms, kit_ms(600));
        person_done(&zoe);
    }
}
END_TEST

START_TEST(leaving_ends_a_suspension_and_joining_does_not)
{
    MERGE(100, {"a", EVENT_JOINED, .at = 1});
    MERGE(100, {"b", EVENT_SUSPENDED, .at = 2});
    MERGE(100, {"c", EVENT_JOINED, .at = 3});
    ck_assert(zoe.suspended);
    MERGE(100, {"d", EVENT_LEFT, .at = 4});
    ck_assert(!zoe.suspended);
    MERGE(100, {"e", EVENT_JOINED, .at = 5});
    ck_assert(person_may_have_access(&zoe, kit_ms(100)));
    person_done(&zoe);
}
END_TEST

START_TEST(a_complete_profile_clears_what_it_does_not_name_also_of_older_words_to_come)
{
    MERGE(100, {"a", EVENT_CHANGED, .at = 1, .profile = "title=Cook;team=x"});
    MERGE(100, {"b", EVENT_CHANGED, .at = 5, .profile = "title=Chef", .complete = true});
    ck_assert_int_eq(MERGE(100, {"c", EVENT_CHANGED, .at = 3, .profile = "nick=z;team=y"}), MERGE_SUPERSEDED);
    ck_assert_int_eq(MERGE(100, {"d", EVENT_CHANGED, .at = 6, .profile = "shoes=9"}), MERGE_NEW);
    ck_assert_int_eq(MERGE(100, {"e", EVENT_CHANGED, .at = 4, .complete = true}), MERGE_SUPERSEDED);
    ck_assert_str_eq(person_attr(&zoe, "title"), "Chef");
    ck_assert_str_eq(person_attr(&zoe, "shoes"), "9");
    ck_assert_ptr_null(person_attr(&zoe, "team"));
    ck_assert_ptr_null(person_attr(&zoe, "nick"));
    person_done(&zoe);
}
END_TEST

START_TEST(groups_are_registers_too_and_removed_ones_are_remembered)
{
    MERGE(100, {"a", EVENT_MEMBERSHIP_ADDED, .at = 5, .groups = "Design;Ops"});
    MERGE(100, {"b", EVENT_MEMBERSHIP_REMOVED, .at = 6, .groups = "Design"});
    ck_assert_int_eq(MERGE(100, {"c", EVENT_MEMBERSHIP_ADDED, .at = 4, .groups = "Design"}),
                     MERGE_SUPERSEDED);
    MERGE(100, {"d", EVENT_MEMBERSHIP_ADDED, .at = 6, .groups = "Design"}); /* the same instant */
    ck_assert_uint_eq(zoe.n_groups, 2);
    ck_assert_str_eq(zoe.groups[0].name, "Design");
    ck_assert(!zoe.groups[0].member);
    ck_assert(zoe.groups[1].member);
    person_done(&zoe);
}
END_TEST

static bool in_group(const char *name)
{
    for (size_t i = 0; i < zoe.n_groups; i++)
        if (strcmp(zoe.groups[i].name, name) == 0)
            return zoe.groups[i].member;
    return false;
}

START_TEST(a_complete_list_of_groups_ends_those_that_it_does_not_name_also_of_older_words_to_come)
{
    MERGE(100, {"a", EVENT_MEMBERSHIP_ADDED, .at = 1, .groups = "Design;Ops"});
    ck_assert_int_eq(MERGE(100, {"b", EVENT_CHANGED, .at = 5, .groups = "Ops", .all_groups = true}),
                     MERGE_NEW);
    ck_assert(!in_group("Design") && in_group("Ops"));
    ck_assert_int_eq(MERGE(100, {"c", EVENT_MEMBERSHIP_ADDED, .at = 4, .groups = "Sales"}), MERGE_SUPERSEDED);
    ck_assert_int_eq(MERGE(100, {"d", EVENT_MEMBERSHIP_ADDED, .at = 6, .groups = "Law"}), MERGE_NEW);
    ck_assert_int_eq(MERGE(100, {"e", EVENT_CHANGED, .at = 3, .all_groups = true}), MERGE_SUPERSEDED);
    ck_assert(!in_group("Sales") && in_group("Law") && in_group("Ops"));
    ck_assert_int_eq(MERGE(100, {"f", EVENT_CHANGED, .at = 7, .groups = NULL}), MERGE_NEW);
    ck_assert(in_group("Law")); /* which says nothing of groups */
    ck_assert_int_eq(MERGE(100, {"g", EVENT_CHANGED, .at = 8, .all_groups = true}), MERGE_NEW);
    ck_assert(!in_group("Law") && !in_group("Ops"));
    ck_assert(person_word_survives(&zoe, EVENT_CHANGED, event_id_hash(event_id("g"))));
    ck_assert(!person_word_survives(&zoe, EVENT_CHANGED, event_id_hash(event_id("b"))));
    person_done(&zoe);
}
END_TEST

START_TEST(of_two_complete_lists_of_one_instant_only_what_both_name_remains)
{
    static const struct word words[] = {
        {"1", EVENT_CHANGED, .at = 5, .groups = "Design;Ops", .all_groups = true},
        {"2", EVENT_CHANGED, .at = 5, .groups = "Ops;Law", .all_groups = true},
        {"3", EVENT_MEMBERSHIP_ADDED, .at = 5, .groups = "Sales"},
    };
    for (size_t first = 0; first < ARRAY_SIZE(words); first++) {
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
            merge(&words[(first + i) % ARRAY_SIZE(words)], 100);
        ck_assert(in_group("Ops") && !in_group("Design") && !in_group("Law") && !in_group("Sales"));
        person_done(&zoe);
    }
}
END_TEST

START_TEST(changed_sets_neither_employment_nor_suspension)
{
    MERGE(100, {"a", EVENT_CHANGED, .at = 5, .profile = "title=x"});
    ck_assert_int_eq(zoe.employment, EMPLOYMENT_UNKNOWN);
    ck_assert(!person_may_have_access(&zoe, kit_ms(100)));
    ck_assert_int_eq(MERGE(100, {"b", EVENT_CHANGED, .at = 5}), MERGE_NEW); /* says nothing at all */
    person_done(&zoe);
}
END_TEST

START_TEST(words_survive_until_each_of_their_values_is_overruled)
{
    MERGE(100, {"a", EVENT_JOINED, .at = 1, .profile = "title=x", .groups = "g", .until = "900"});
    const char *overruling[] = {"title", "group", "employment", "access"};
    const struct word words[] = {{"t", EVENT_CHANGED, .at = 2, .profile = "title=y"},
                                 {"g", EVENT_MEMBERSHIP_REMOVED, .at = 3, .groups = "g"},
                                 {"l", EVENT_LEFT, .at = 4},
                                 {"u", EVENT_CHANGED, .at = 5, .until = ""}};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        ck_assert_msg(person_word_survives(&zoe, EVENT_JOINED, event_id_hash(event_id("a"))), "%s",
                      overruling[i]);
        merge(&words[i], 100);
    }
    ck_assert(!person_word_survives(&zoe, EVENT_JOINED, event_id_hash(event_id("a"))));
    MERGE(100, {"s", EVENT_SUSPENDED, .at = 6});
    ck_assert(person_word_survives(&zoe, EVENT_SUSPENDED, event_id_hash(event_id("s"))));
    MERGE(100, {"c", EVENT_CHANGED, .at = 7, .complete = true});
    ck_assert(person_word_survives(&zoe, EVENT_CHANGED, event_id_hash(event_id("c"))));
    person_done(&zoe);
}
END_TEST

/* ---- seen before --------------------------------------------------------------------------------------- */

START_TEST(an_event_is_merged_once)
{
    ck_assert_int_eq(MERGE(100, {"a", EVENT_JOINED, .at = 1}), MERGE_NEW);
    ck_assert_int_eq(MERGE(100, {"a", EVENT_JOINED, .at = 1}), MERGE_DUPLICATE);
    ck_assert_int_eq(MERGE(100, {"b", EVENT_LEFT, .at = 2, .effective = 500}), MERGE_SCHEDULED);
    event_ids_done(&zoe.recent); /* aged out */
    ck_assert_int_eq(MERGE(100, {"b", EVENT_LEFT, .at = 2, .effective = 500}), MERGE_DUPLICATE);
    person_done(&zoe);
}
END_TEST

START_TEST(ids_are_remembered_up_to_a_number_and_pending_ones_beyond)
{
    struct target_state *t = person_target_add(&zoe, "miro");
    t->pending = xcalloc(1, sizeof *t->pending);
    t->n_pending = 1;
    memcpy(t->pending[0].id, event_id("first"), EVENT_ID_SIZE);
    MERGE(100, {"second", EVENT_CHANGED, .at = 1});
    for (int i = 0; i < EVENT_IDS_MAX; i++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        MERGE(100, {id, EVENT_CHANGED, .at = 1});
    }
    ck_assert_uint_eq(zoe.recent.n, EVENT_IDS_MAX);
    ck_assert_int_eq(MERGE(100, {"first", EVENT_CHANGED, .at = 1}), MERGE_DUPLICATE);
    ck_assert_int_eq(MERGE(100, {"second", EVENT_CHANGED, .at = 1}), MERGE_NEW);
    ck_assert_int_eq(MERGE(100, {"n255", EVENT_CHANGED, .at = 1}), MERGE_DUPLICATE);
    person_done(&zoe);
}
END_TEST

/* ---- future words -------------------------------------------------------------------------------------- */

START_TEST(future_words_fire_in_order_with_the_stamp_of_when_they_were_said)
{
    ck_assert_int_eq(MERGE(100, {"a", EVENT_CHANGED, .at = 10, .effective = 300, .profile = "title=Boss"}),
                     MERGE_SCHEDULED);
    ck_assert_int_eq(MERGE(100, {"b", EVENT_LEFT, .at = 20, .effective = 200}), MERGE_SCHEDULED);
    ck_assert_int_eq(MERGE(100, {"c", EVENT_JOINED, .at = 15}), MERGE_NEW);
    ck_assert_int_eq(person_next_due(&zoe), kit_ms(200));
    ck_assert(!person_fire_due(&zoe, kit_ms(200) - 1));
    ck_assert(person_fire_due(&zoe, kit_ms(200)));
    ck_assert_int_eq(zoe.employment, EMPLOYMENT_LEFT);
    ck_assert_int_eq(zoe.employment_stamp.at_ms, kit_ms(20));
    ck_assert_int_eq(person_next_due(&zoe), kit_ms(300));
    ck_assert(person_fire_due(&zoe, kit_ms(1000)));
    ck_assert_str_eq(person_attr(&zoe, "title"), "Boss");
    ck_assert_int_eq(person_next_due(&zoe), 0);
    person_done(&zoe);
}
END_TEST

START_TEST(a_future_word_that_arrives_late_counts_at_once)
{
    ck_assert_int_eq(MERGE(100, {"a", EVENT_LEFT, .at = 10, .effective = 90}), MERGE_NEW);
    ck_assert_int_eq(zoe.employment, EMPLOYMENT_LEFT);
    ck_assert_int_eq(MERGE(100, {"b", EVENT_JOINED, .at = 300, .effective = 200}), MERGE_NEW); /* no future */
    person_done(&zoe);
}
END_TEST

START_TEST(a_later_word_cancels_a_future_one)
{
    MERGE(100, {"a", EVENT_LEFT, .at = 10, .effective = 500});
    ck_assert(person_is_scheduled(&zoe, event_id_hash(event_id("a"))));
    MERGE(100, {"b", EVENT_JOINED, .at = 11});
    ck_assert(!person_is_scheduled(&zoe, event_id_hash(event_id("a"))));
    ck_assert_int_eq(MERGE(100, {"c", EVENT_LEFT, .at = 9, .effective = 500}), MERGE_SUPERSEDED);
    ck_assert(!person_fire_due(&zoe, kit_ms(1000)));
    person_done(&zoe);
}
END_TEST

START_TEST(only_so_many_future_words_are_kept)
{
    for (int i = 0; i < PERSON_SCHEDULED_MAX; i++) {
        char id[16], profile[16];
        snprintf(id, sizeof id, "f%d", i);
        snprintf(profile, sizeof profile, "a%d=x", i);
        ck_assert_int_eq(MERGE(100, {id, EVENT_CHANGED, .at = 5, .effective = 500 - i, .profile = profile}),
                         MERGE_SCHEDULED);
    }
    ck_assert_int_eq(MERGE(100, {"more", EVENT_LEFT, .at = 5, .effective = 500}), MERGE_FULL);
    ck_assert_int_eq(MERGE(100, {"more", EVENT_LEFT, .at = 5, .effective = 500}), MERGE_DUPLICATE);
    ck_assert_int_eq(MERGE(100, {"now", EVENT_LEFT, .at = 5}), MERGE_NEW);
    for (size_t i = 1; i < zoe.n_scheduled; i++)
        ck_assert_int_le(zoe.scheduled[i - 1].due_ms, zoe.scheduled[i].due_ms);
    person_done(&zoe);
}
END_TEST

START_TEST(access_that_has_ended_stays_ended_on_a_slower_clock)
{
    MERGE(100, {"a", EVENT_JOINED, .at = 1, .until = "500"});
    ck_assert(person_may_have_access(&zoe, kit_ms(499)));
    ck_assert(!person_may_have_access(&zoe, kit_ms(500)));
    ck_assert_int_eq(person_next_due(&zoe), kit_ms(500));
    ck_assert(person_fire_due(&zoe, kit_ms(500)));
    ck_assert(!person_fire_due(&zoe, kit_ms(501)));
    ck_assert(!person_may_have_access(&zoe, kit_ms(400)));
    ck_assert_int_eq(MERGE(400, {"b", EVENT_CHANGED, .at = 0, .until = "900"}), MERGE_SUPERSEDED);
    ck_assert(!person_may_have_access(&zoe, kit_ms(400)));
    MERGE(400, {"c", EVENT_CHANGED, .at = 2, .until = "900"});
    ck_assert(person_may_have_access(&zoe, kit_ms(501)));
    person_done(&zoe);
}
END_TEST

/* ---- any order gives the same record ------------------------------------------------------------------- */

enum { STORY_MAX = 12, STORIES = 1500, ORDERS = 6, STORY_END = 100000 };

/* A story of few attributes, groups and instants, so that its words often meet. */
static size_t draw_story(uint64_t *state, struct event *story)
{
    static const char *const profiles[] = {NULL,    "title=x", "title=y;team=z", "team", "userName=zoe;title",
                                           "nick=n"};
    static const char *const groups[] = {NULL, "g", "g;h", "h"};
    static const char *const untils[] = {NULL, NULL, NULL, "", "40", "60"};
    size_t n = 2 + kit_random(state) % (STORY_MAX - 1);
    for (size_t i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof id, "%llx", (unsigned long long)kit_random(state));
        struct word w = {.id = id,
                         .type = (enum event_type)(kit_random(state) % EVENT_TYPES),
                         .at = (int64_t)(kit_random(state) % 8) * 10,
                         .profile = profiles[kit_random(state) % ARRAY_SIZE(profiles)],
                         .groups = groups[kit_random(state) % ARRAY_SIZE(groups)],
                         .until = untils[kit_random(state) % ARRAY_SIZE(untils)],
                         .effective = kit_random(state) % 3 == 0 ? (int64_t)(kit_random(state) % 20) * 10 : 0,
                         .complete = kit_random(state) % 6 == 0};
        w.all_groups = w.type != EVENT_MEMBERSHIP_REMOVED && kit_random(state) % 4 == 0;
        if (w.type >= EVENT_MEMBERSHIP_ADDED && !w.groups && !w.all_groups)
            w.groups = "g";
        story[i] = make_event(&w);
    }
    return n;
}

static int by_text(const void *a, const void *b)
{
    return memcmp(a, b, EVENT_ID_TEXT);
}

/* Written and read back in between, as when the person is packed. */
static void repack(void)
{
    struct buf out;
    struct error err;
    buf_init(&out, RECORD_MAX);
    record_write(&zoe, &out);
    person_done(&zoe);
    ck_assert_msg(record_read(buf_str(&out), &zoe, &err), "%s", err.message);
    buf_done(&out);
}

/* Merges the story in a random order, with redeliveries, while time passes; the record at the end. */
static char *tell(uint64_t *state, const struct event *story, size_t n)
{
    size_t order[STORY_MAX] = {0};
    int64_t now = kit_ms((int64_t)(kit_random(state) % 50));
    for (size_t i = 0; i < n; i++) {
        size_t j = kit_random(state) % (i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t i = 0; i < n; i++) {
        person_fire_due(&zoe, now);
        person_merge(&zoe, &story[order[i]], now);
        ck_assert_int_eq(person_merge(&zoe, &story[order[kit_random(state) % (i + 1)]], now),
                         MERGE_DUPLICATE);
        now += (int64_t)(kit_random(state) % 40) * 1000;
        if (kit_random(state) % 3 == 0)
            repack();
    }
    while (person_next_due(&zoe))
        person_fire_due(&zoe, kit_ms(STORY_END));
    qsort(zoe.recent.text, zoe.recent.n, EVENT_ID_TEXT,
          by_text); /* the one thing that is in order of arrival */
    struct buf out;
    buf_init(&out, RECORD_MAX);
    record_write(&zoe, &out);
    person_done(&zoe);
    return buf_take(&out);
}

START_TEST(any_permutation_of_events_gives_the_same_record)
{
    for (uint64_t seed = 1; seed <= STORIES; seed++) {
        struct event story[STORY_MAX];
        uint64_t state = seed;
        size_t n = draw_story(&state, story);
        char *first = tell(&state, story, n);
        for (int i = 1; i < ORDERS; i++) {
            char *other = tell(&state, story, n);
            ck_assert_msg(strcmp(first, other) == 0, "seed %llu:\n%s\n%s", (unsigned long long)seed, first,
                          other);
            free(other);
        }
        free(first);
        for (size_t i = 0; i < n; i++)
            event_done(&story[i]);
    }
}
END_TEST

/* ---- targets ------------------------------------------------------------------------------------------- */

START_TEST(targets_are_added_once_and_keep_their_refusals)
{
    person_target_add(&zoe, "miro");
    person_target_add(&zoe, "wiki");
    ck_assert_ptr_eq(person_target_add(&zoe, "wiki"), person_target(&zoe, "wiki"));
    ck_assert_ptr_null(person_target(&zoe, "chat"));
    struct target_state *t = person_target(&zoe, "miro");
    target_state_refuse(t, "title", 1, "no");
    target_state_refuse(t, "team", 2, "no");
    target_state_refuse(t, "title", 3, "never");
    ck_assert_uint_eq(t->n_refused, 2);
    ck_assert_uint_eq(target_state_refused(t, "title")->fingerprint, 3);
    ck_assert_str_eq(target_state_refused(t, "title")->reason, "never");
    target_state_forgive(t, "title");
    target_state_forgive(t, "title");
    ck_assert_ptr_null(target_state_refused(t, "title"));
    ck_assert_ptr_nonnull(target_state_refused(t, "team"));
    person_done(&zoe);
}
END_TEST

START_TEST(reasons_are_kept_as_text_that_a_record_can_hold)
{
    static const struct {
        const char *said, *kept;
    } rows[] = {
        {"503", "503"}, {"caf\xc3\xa9", "caf\xc3\xa9"}, {"cut \xe3\x81", "cut "}, {"\xff", "?"}, {"", "?"}};
    struct target_state *t = person_target_add(&zoe, "miro");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        target_state_fail(t, rows[i].said);
        ck_assert_str_eq(t->last_failure, rows[i].kept);
    }
    char *long_reason = xmalloc(10000);
    memset(long_reason, 'x', 9999);
    long_reason[9999] = '\0';
    target_state_fail(t, long_reason);
    ck_assert_uint_le(strlen(t->last_failure), 1024);
    free(long_reason);
    person_done(&zoe);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_newest_word_counts_whenever_it_arrives,
        of_words_of_one_instant_the_more_restrictive_counts,
        of_ends_of_access_said_at_one_instant_the_earlier_counts,
        leaving_ends_a_suspension_and_joining_does_not,
        a_complete_profile_clears_what_it_does_not_name_also_of_older_words_to_come,
        groups_are_registers_too_and_removed_ones_are_remembered,
        a_complete_list_of_groups_ends_those_that_it_does_not_name_also_of_older_words_to_come,
        of_two_complete_lists_of_one_instant_only_what_both_name_remains,
        changed_sets_neither_employment_nor_suspension,
        words_survive_until_each_of_their_values_is_overruled,
        an_event_is_merged_once,
        ids_are_remembered_up_to_a_number_and_pending_ones_beyond,
        future_words_fire_in_order_with_the_stamp_of_when_they_were_said,
        a_future_word_that_arrives_late_counts_at_once,
        a_later_word_cancels_a_future_one,
        only_so_many_future_words_are_kept,
        access_that_has_ended_stays_ended_on_a_slower_clock,
        any_permutation_of_events_gives_the_same_record,
        targets_are_added_once_and_keep_their_refusals,
        reasons_are_kept_as_text_that_a_record_can_hold,
    };
    return kit_run("person", tests, ARRAY_SIZE(tests));
}
