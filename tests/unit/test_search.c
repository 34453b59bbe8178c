/* Finding an account that no link names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/engine/search.h"
#include "test_lib.h"

static struct search s;
static struct search_wish wish;

static void begin(bool filters, bool must_be)
{
    search_done(&s);
    wish = (struct search_wish){.matches = {{"externalId", "e"}, {"userName", "z"}, {"emails.work", "z@x"}},
                                .n = must_be ? 3 : 2,
                                .n_asked = 2,
                                .filters = filters,
                                .must_be = must_be};
    search_begin(&s, &wish);
}

/* What is asked next: an attribute, "list START" or "list cursor C"; "": nothing. */
static const char *next(void)
{
    static char text[64];
    struct search_question q;
    if (!search_next(&s, &wish, &q))
        return "";
    if (!q.lists)
        return q.matches[0].attr;
    if (q.page.cursor)
        snprintf(text, sizeof text, "list cursor %s", q.page.cursor);
    else
        snprintf(text, sizeof text, "list %zu", q.page.start);
    return text;
}

/* A page of n accounts out of total, beginning with the account `first`; found: so many match, by matches[rank]. */
static enum search_news page(size_t n, int64_t total, uint64_t first, size_t found, size_t rank)
{
    struct user_page p = {.n = n, .total = total, .first = first, .found = found, .rank = rank};
    if (found > 0)
        p.account.id = xasprintf("%zu", rank);
    enum search_news news = search_take(&s, &wish, &p, 2);
    user_page_done(&p);
    return news;
}

START_TEST(attributes_are_asked_in_turn_and_the_first_that_finds_counts)
{
    begin(true, false);
    ck_assert_str_eq(next(), "externalId");
    ck_assert_int_eq(page(0, 0, 0, 0, 0), SEARCH_GOES_ON);
    ck_assert_str_eq(next(), "userName");
    ck_assert_int_eq(page(2, 2, 1, 2, 0), SEARCH_FOUND);
    ck_assert_uint_eq(s.found, 2);
    begin(true, false);
    ck_assert_int_eq(search_take_none(&s, &wish), SEARCH_GOES_ON);
    ck_assert_int_eq(search_take_none(&s, &wish), SEARCH_NOBODY);
    ck_assert_str_eq(next(), "");
}
END_TEST

START_TEST(who_must_be_there_is_sought_by_other_names_and_in_the_list)
{
    begin(true, true);
    page(0, 0, 0, 0, 0);
    page(0, 0, 0, 0, 0);
    ck_assert_str_eq(next(), "emails.work");
    ck_assert_int_eq(page(0, 0, 0, 0, 0), SEARCH_GOES_ON);
    ck_assert_str_eq(next(), "list 1");
    ck_assert_int_eq(page(2, 3, 1, 0, 0), SEARCH_GOES_ON);
    ck_assert_str_eq(next(), "list 3");
    ck_assert_int_eq(page(1, 3, 3, 1, 2), SEARCH_FOUND);
    ck_assert_str_eq(s.best.id, "2");
}
END_TEST

START_TEST(a_filter_that_is_refused_or_passed_over_proves_no_absence)
{
    begin(true, false);
    ck_assert_int_eq(search_take_refusal(&s, &wish), SEARCH_GOES_ON);
    ck_assert_str_eq(next(), "userName");
    ck_assert_int_eq(page(0, 0, 0, 0, 0), SEARCH_GOES_ON);
    ck_assert_str_eq(next(), "list 1");
    ck_assert_int_eq(page(0, 0, 0, 0, 0), SEARCH_NOBODY);
    begin(true, false);
    page(2, 50, 1, 0, 0); /* anybody, instead of whom was asked for */
    page(0, 0, 0, 0, 0);
    ck_assert_str_eq(next(), "list 1");
}
END_TEST

START_TEST(in_a_list_the_best_match_wins_wherever_it_stands)
{
    begin(false, false);
    ck_assert_str_eq(next(), "list 1");
    ck_assert_int_eq(page(2, 5, 1, 1, 1), SEARCH_GOES_ON);
    ck_assert_int_eq(page(2, 5, 3, 1, 0), SEARCH_GOES_ON);
    ck_assert_int_eq(page(1, 5, 5, 1, 1), SEARCH_FOUND);
    ck_assert_str_eq(s.best.id, "0");
    ck_assert_uint_eq(s.found, 1);
}
END_TEST

START_TEST(a_list_ends_without_news_whatever_it_counts)
{
    static const struct {
        const char *name;
        int64_t total; /* as it says on each page of two */
        struct {
            size_t n;
            uint64_t first;
        } pages[4];
        size_t last;
        enum search_news news;
    } rows[] = {
        {"an empty page", 2, {{2, 1}, {2, 3}, {0, 0}}, 2, SEARCH_NOBODY},
        {"a short page that is whole", 3, {{2, 1}, {1, 3}}, 1, SEARCH_NOBODY},
        {"a short page without a count", -1, {{2, 1}, {1, 3}}, 1, SEARCH_NOBODY},
        {"pages shorter than asked for", 3, {{1, 1}, {1, 2}, {1, 3}}, 2, SEARCH_NOBODY},
        {"the first page again, after all", 4, {{2, 1}, {2, 3}, {2, 1}}, 2, SEARCH_NOBODY},
        {"the first page again, after others", -1, {{2, 1}, {2, 3}, {2, 1}}, 2, SEARCH_NOBODY},
        {"nobody, who are not counted", -1, {{0, 0}}, 0, SEARCH_NOBODY},
        {"nobody, of whom there are some", 3, {{0, 0}}, 0, SEARCH_UNCLEAR},
        {"an empty page too early", 9, {{2, 1}, {0, 0}}, 1, SEARCH_UNCLEAR},
        {"the first page again, too early", 9, {{2, 1}, {2, 3}, {2, 1}}, 2, SEARCH_UNCLEAR},
        {"the same page again", 9, {{2, 1}, {2, 1}}, 1, SEARCH_UNCLEAR},
        {"the only page again, without a count", -1, {{2, 1}, {2, 1}}, 1, SEARCH_UNCLEAR},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        begin(false, false);
        for (size_t k = 0; k <= rows[i].last; k++) {
            enum search_news news = page(rows[i].pages[k].n, rows[i].total, rows[i].pages[k].first, 0, 0);
            ck_assert_msg(news == (k == rows[i].last ? rows[i].news : SEARCH_GOES_ON), "%s: page %zu",
                          rows[i].name, k);
        }
    }
}
END_TEST

START_TEST(a_list_that_we_give_up_proves_no_absence)
{
    begin(false, false);
    s.listed = SEARCH_LISTED_MAX;
    ck_assert_int_eq(page(2, -1, 5, 0, 0), SEARCH_UNCLEAR);
}
END_TEST

START_TEST(who_is_shown_twice_by_a_list_that_shifts_counts_once)
{
    begin(false, false);
    page(2, 5, 1, 1, 0);
    page(2, 5, 3, 1, 0); /* the kit's accounts of one rank are one account */
    ck_assert_int_eq(page(1, 5, 5, 0, 0), SEARCH_FOUND);
    ck_assert_uint_eq(s.found, 1);
    begin(false, false);
    page(2, 3, 1, 1, 0);
    struct user_page p = {.n = 1, .total = 3, .first = 3, .found = 1, .account = {.id = xstrdup("another")}};
    ck_assert_int_eq(search_take(&s, &wish, &p, 2), SEARCH_FOUND);
    user_page_done(&p);
    ck_assert_uint_eq(s.found, 2);
}
END_TEST

START_TEST(by_cursor_the_last_page_names_none)
{
    begin(false, false);
    wish.cursor = true;
    search_begin(&s, &wish);
    ck_assert_str_eq(next(), "list cursor ");
    struct user_page p = {.n = 1, .total = 1, .first = 1, .cursor = xasprintf("c2")};
    ck_assert_int_eq(search_take(&s, &wish, &p, 2), SEARCH_GOES_ON);
    ck_assert_str_eq(next(), "list cursor c2");
    p = (struct user_page){.n = 2, .total = 9, .first = 2};
    ck_assert_int_eq(search_take(&s, &wish, &p, 2), SEARCH_NOBODY);
}
END_TEST

/* A page by cursor, of so many accounts out of a thousand; cursor: of the next one. */
static enum search_news page_by(const char *cursor, size_t n, uint64_t first, size_t found)
{
    struct user_page p = {
        .n = n, .total = 1000, .first = first, .cursor = xstrdup_null(cursor), .found = found};
    if (found > 0)
        p.account.id = xstrdup("7");
    enum search_news news = search_take(&s, &wish, &p, 2);
    user_page_done(&p);
    return news;
}

static void begin_by_cursor(void)
{
    begin(false, false);
    wish.cursor = true;
    search_begin(&s, &wish);
}

START_TEST(a_list_whose_cursors_lead_nowhere_proves_no_absence)
{
    static const struct {
        const char *name;
        bool same;                /* one cursor for all pages */
        size_t n, before, circle; /* accounts of a page; pages with news, then a circle of so many */
        unsigned most;            /* pages */
    } rows[] = {
        {"the cursor that was sent comes back", true, 2, 100, 1, 2},
        {"one page for ever", false, 2, 0, 1, 12},
        {"empty pages for ever", false, 0, 3, 1, 14},
        {"a circle of three", false, 2, 0, 3, 60},
        {"a circle of three behind five pages", false, 2, 5, 3, 60},
        {"a circle of fifty", false, 2, 0, 50, 600},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        enum search_news news = SEARCH_GOES_ON;
        unsigned pages = 0;
        begin_by_cursor();
        for (; news == SEARCH_GOES_ON && pages < 1000; pages++) {
            char cursor[16];
            bool is_news = pages < rows[i].before;
            snprintf(cursor, sizeof cursor, "c%u", rows[i].same ? 0 : pages);
            uint64_t first =
                is_news ? pages + 1 : rows[i].before + 1 + (pages - rows[i].before) % rows[i].circle;
            news = page_by(cursor, is_news ? 2 : rows[i].n, rows[i].n || is_news ? first : 0, 0);
        }
        ck_assert_msg(news == SEARCH_UNCLEAR && pages <= rows[i].most, "%s: %d after %u pages", rows[i].name,
                      (int)news, pages);
    }
    begin_by_cursor();
    s.listed = SEARCH_LISTED_MAX;
    ck_assert_int_eq(page_by("c1", 2, 1, 0), SEARCH_UNCLEAR);
    begin_by_cursor();
    page_by("c1", 2, 1, 1);
    ck_assert_int_eq(page_by("c1", 2, 2, 0), SEARCH_FOUND);
}
END_TEST

START_TEST(pages_without_anybody_in_between_are_no_end)
{
    begin_by_cursor();
    for (unsigned i = 0; i < 40; i++) {
        char cursor[16];
        snprintf(cursor, sizeof cursor, "c%u", i);
        bool empty = i % 8 != 0;
        ck_assert_int_eq(page_by(cursor, empty ? 0 : 2, empty ? 0 : i + 1, 0), SEARCH_GOES_ON);
    }
    ck_assert_int_eq(page_by(NULL, 0, 0, 0), SEARCH_NOBODY);
}
END_TEST

START_TEST(a_page_that_is_not_there_proves_no_absence)
{
    begin_by_cursor();
    page_by("c1", 2, 1, 0);
    ck_assert_int_eq(search_take_none(&s, &wish), SEARCH_UNCLEAR);
    begin_by_cursor();
    page_by("c1", 2, 1, 1);
    ck_assert_int_eq(search_take_none(&s, &wish), SEARCH_FOUND);
    begin_by_cursor();
    ck_assert_int_eq(search_take_none(&s, &wish), SEARCH_NOBODY);
}
END_TEST

START_TEST(another_wish_begins_anew)
{
    begin(true, false);
    page(0, 0, 0, 0, 0);
    ck_assert_str_eq(next(), "userName");
    wish.matches[1].value = "y";
    ck_assert_str_eq(next(), "externalId");
    search_begin(&s, &wish);
    ck_assert_uint_eq(s.step, 0);
}
END_TEST

RUN_TESTS("search", attributes_are_asked_in_turn_and_the_first_that_finds_counts,
          who_must_be_there_is_sought_by_other_names_and_in_the_list,
          a_filter_that_is_refused_or_passed_over_proves_no_absence,
          in_a_list_the_best_match_wins_wherever_it_stands, a_list_ends_without_news_whatever_it_counts,
          a_list_that_we_give_up_proves_no_absence, who_is_shown_twice_by_a_list_that_shifts_counts_once,
          by_cursor_the_last_page_names_none, a_list_whose_cursors_lead_nowhere_proves_no_absence,
          pages_without_anybody_in_between_are_no_end, a_page_that_is_not_there_proves_no_absence,
          another_wish_begins_anew)
