#include "search.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"

void search_done(struct search *s)
{
    free(s->cursor);
    account_done(&s->best);
    *s = (struct search){0};
}

static uint64_t hash_matches(uint64_t sum, const struct search_wish *wish, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t parts[] = {sum, digest_hash64(wish->matches[i].attr, strlen(wish->matches[i].attr)),
                            digest_hash64(wish->matches[i].value, strlen(wish->matches[i].value))};
        sum = digest_hash64(parts, sizeof parts);
    }
    return sum | 1;
}

static uint64_t fingerprint(const struct search_wish *wish)
{
    uint64_t how = 1 + (uint64_t)wish->filters * 2 + (uint64_t)wish->must_be * 4 + (uint64_t)wish->cursor * 8;
    return hash_matches(how, wish, wish->n);
}

uint64_t search_subject(const struct search_wish *wish)
{
    return wish->n_asked > 0 ? hash_matches(0, wish, wish->n_asked) : 0;
}

void search_begin(struct search *s, const struct search_wish *wish)
{
    uint64_t sum = fingerprint(wish);
    if (s->wish == sum)
        return;
    search_done(s);
    s->wish = sum;
}

/* Filters that are worth asking. */
static size_t n_filters(const struct search_wish *wish)
{
    return !wish->filters ? 0 : wish->must_be ? wish->n : wish->n_asked;
}

static bool lists(const struct search *s, const struct search_wish *wish)
{
    return !wish->filters || wish->must_be || s->partly;
}

bool search_next(const struct search *s, const struct search_wish *wish, struct search_question *ret)
{
    static const struct search beginning = {0};
    if (s->wish != fingerprint(wish))
        s = &beginning;
    *ret = (struct search_question){.lists = s->step >= n_filters(wish)};
    if (!ret->lists) {
        ret->matches[ret->n++] = wish->matches[s->step];
        return true;
    }
    for (size_t i = 0; i < (wish->must_be ? wish->n : wish->n_asked); i++)
        ret->matches[ret->n++] = wish->matches[i];
    ret->page = (struct scim_page){.start = s->start > 0 ? s->start : 1,
                                   .cursor = s->cursor      ? s->cursor
                                             : wish->cursor ? ""
                                                            : NULL};
    return ret->n > 0 && s->step == n_filters(wish) && lists(s, wish);
}

static enum search_news next_step(struct search *s, const struct search_wish *wish)
{
    struct search_question next;
    s->step++;
    return search_next(s, wish, &next) ? SEARCH_GOES_ON : SEARCH_NOBODY;
}

static bool is_again(const struct search *s, const struct user_page *page)
{
    return page->first == s->first || page->first == s->previous;
}

/* A list whose cursors lead round in a circle meets the marked page again, however long the circle and the way there. */
static void note_news(struct search *s, const struct user_page *page)
{
    s->empty = page->n == 0 ? s->empty + 1 : 0;
    s->repeated += page->n > 0 && s->pages > 0 && (is_again(s, page) || page->first == s->marked);
    s->pages++;
    if ((s->pages & (s->pages - 1)) == 0)
        s->marked = page->first;
}

static bool has_no_end(const struct search *s, const struct user_page *page)
{
    bool came_back = s->cursor && strcmp(s->cursor, page->cursor) == 0;
    return came_back || s->empty > SEARCH_NEWSLESS_MAX || s->repeated > SEARCH_NEWSLESS_MAX ||
           s->listed >= SEARCH_LISTED_MAX;
}

/* Some answer the first page for whatever lies behind the last one, and some count only what they show. */
static bool is_last(const struct search *s, const struct user_page *page, unsigned count)
{
    if (page->cursor)
        return has_no_end(s, page);
    if (s->cursor)
        return true;
    bool is_short = page->n < count && (page->total < 0 || (int64_t)(s->listed + page->n) >= page->total);
    return page->n == 0 || is_again(s, page) || is_short || s->listed >= SEARCH_LISTED_MAX;
}

/* Whether a list that ends with this page has shown everybody: by cursor it says so itself. Else it may have stopped early,
 * or know one page only, whatever is asked for. */
static bool is_whole(const struct search *s, const struct user_page *page, unsigned count)
{
    bool again = is_again(s, page);
    if (s->cursor || page->cursor)
        return !page->cursor;
    if (!again && page->n > 0 && page->n >= count)
        return false; /* it is us who stop: SEARCH_LISTED_MAX */
    if (page->total >= 0)
        return (int64_t)(s->listed + (again ? 0 : page->n)) >= page->total;
    return page->n == 0 || !again || s->first != s->previous;
}

static void keep_best(struct search *s, struct user_page *page)
{
    if (page->found == 0 || (s->found > 0 && page->rank > s->rank))
        return;
    if (s->found > 0 && page->rank == s->rank) {
        bool same = strcmp(page->account.id, s->best.id) == 0; /* a list that shifts shows it twice */
        s->found += page->found - same;
        return;
    }
    account_done(&s->best);
    s->best = page->account;
    page->account = (struct account){0};
    s->found = page->found;
    s->rank = page->rank;
}

static enum search_news take_list(struct search *s, const struct search_wish *wish, struct user_page *page,
                                  unsigned count)
{
    bool again = s->listed > 0 && page->first == s->first; /* then it is counted already */
    if (!again)
        keep_best(s, page);
    note_news(s, page);
    if (is_last(s, page, count))
        return s->found > 0 ? SEARCH_FOUND : is_whole(s, page, count) ? next_step(s, wish) : SEARCH_UNCLEAR;
    s->first = s->first ? s->first : page->first;
    s->previous = page->first;
    s->listed += page->n > 0 || !page->cursor ? page->n : 1;
    s->start = s->listed + 1;
    free(s->cursor);
    s->cursor = page->cursor;
    page->cursor = NULL;
    return SEARCH_GOES_ON;
}

enum search_news search_take(struct search *s, const struct search_wish *wish, struct user_page *page,
                             unsigned count)
{
    if (s->step >= n_filters(wish))
        return take_list(s, wish, page, count);
    keep_best(s, page);
    if (s->found > 0)
        return SEARCH_FOUND;
    s->partly |= page->n > 0; /* others than those that were asked for */
    return next_step(s, wish);
}

enum search_news search_take_none(struct search *s, const struct search_wish *wish)
{
    if (s->found > 0)
        return SEARCH_FOUND;
    if (s->cursor)
        return SEARCH_UNCLEAR; /* the page is not there, which says nothing of anybody */
    return next_step(s, wish);
}

enum search_news search_take_refusal(struct search *s, const struct search_wish *wish)
{
    s->partly = true;
    return next_step(s, wish);
}
