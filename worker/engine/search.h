/* search.h - finding an account that no link names.
 *
 *      with filters      match[0] ─ none ─► match[1] ─ none ─► … ─ none ─► absent
 *      … and it must be  … ─ none ─► userName, emails.work, externalId ─ none ─► everybody, page by page ─ none ─► absent
 *      without filters   everybody, page by page
 *
 * It must be there when a create was answered "exists", and may be there when a filter was refused or passed over. In a
 * list of everybody the match that stands first wins. What the target says about the number of its accounts and pages is
 * not trusted alone: the last page is the one without news, by cursor the one that names none. But who is not in a list
 * that has shown fewer than it counts, that does not end or breaks off may be there all the same: such a search is
 * unclear. Pure. */
#ifndef ROLLCALL_ENGINE_SEARCH_H
#define ROLLCALL_ENGINE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scim.h"

enum { SEARCH_LISTED_MAX = 1000000 }; /* accounts, and pages without any */
enum { SEARCH_NEWSLESS_MAX = 8 };     /* by cursor: pages without news that a list may have */

struct search_wish {
    struct scim_match matches[SCIM_MATCHES_MAX]; /* in order of precedence, borrowed */
    size_t n;
    size_t n_asked; /* of them: the others only if it must be there */
    bool filters;   /* the target has them */
    bool must_be;   /* a create was answered "exists" */
    bool cursor;    /* pages go by cursor */
};

struct search {               /* zeroed: at the beginning. Release with search_done */
    uint64_t wish;            /* what it is the search of; another wish begins anew */
    size_t step;              /* filters asked; from wish.n_… on: the list */
    bool partly;              /* some filter was refused, or passed over */
    size_t start;             /* of the list's next page; 0: the first */
    char *cursor;             /* likewise */
    size_t listed;            /* accounts; by cursor an empty page is one, too */
    uint64_t first, previous; /* page */
    size_t pages;
    uint64_t marked;          /* one of the pages before: 1st, 2nd, 4th, 8th … (Brent) */
    unsigned empty, repeated; /* pages: in a row; in all */
    size_t found, rank;       /* in the list so far */
    struct account best;
};

void search_done(struct search *s); /* and zeroes it */

/* Fingerprint of what is looked for, however it is done; 0: nothing. */
uint64_t search_subject(const struct search_wish *wish);

/* Begins anew unless it is the search of this wish already. */
void search_begin(struct search *s, const struct search_wish *wish);

struct search_question {
    bool lists;                                  /* a page of everybody, else by the only match */
    struct scim_match matches[SCIM_MATCHES_MAX]; /* what counts in the answer; borrowed from the wish */
    size_t n;
    struct scim_page page; /* with lists; borrows from the search. count: as the caller likes */
};

/* What to ask next; false: nothing is left, nobody matches. A search of another wish counts as one that has not begun. */
bool search_next(const struct search *s, const struct search_wish *wish, struct search_question *ret);

enum search_news { SEARCH_GOES_ON, SEARCH_FOUND, SEARCH_NOBODY, SEARCH_UNCLEAR };

/* Takes the answer to what search_next asked, with page.count as asked. FOUND: s->best, of s->found that match equally.
 * UNCLEAR: the list has ended early, or does not end; to be begun anew after search_done. */
enum search_news search_take(struct search *s, const struct search_wish *wish, struct user_page *page,
                             unsigned count);
/* It was answered that nobody matches, or that this cannot be asked. */
enum search_news search_take_none(struct search *s, const struct search_wish *wish);
enum search_news search_take_refusal(struct search *s, const struct search_wish *wish);

#endif
