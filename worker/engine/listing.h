/* listing.h - one listing of a target's teams under way. See listing.c. */
#ifndef ROLLCALL_ENGINE_LISTING_H
#define ROLLCALL_ENGINE_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"

struct flight;

struct listing {
    bool running; /* pages are asked for */
    bool whole;   /* all of them are there (or it failed): published until it is read back from the topic */
    bool published;
    int64_t at_ms; /* when it began (wall clock) */
    int64_t began_boot_ms;
    size_t start; /* of the next page, from 1 */
    char *cursor; /* the same, where pages go by cursor; NULL: the first */
    unsigned count;
    struct attrs found; /* id → name */
    size_t nameless;    /* teams that were listed and cannot be kept */
    unsigned newsless;  /* pages in a row */
    bool fell_short;    /* it did not come to its end once: failures count until it is whole */
    char *failed;       /* why it found nothing out; NULL: it did */
    struct flight *flight;
    uint32_t failures;
    int64_t failing_since_ms; /* wall clock */
    int64_t next_ms;          /* CLOCK_BOOTTIME: not before */
};

#endif
