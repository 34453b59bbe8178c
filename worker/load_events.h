/* load_events.h - a page of a source's people as events, as the ingest would publish them. Pure; one owner at a time. */
#ifndef ROLLCALL_WORKER_LOAD_EVENTS_H
#define ROLLCALL_WORKER_LOAD_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "asked_sources.h"
#include "topic_writer.h"

struct load_events { /* release with load_events_done */
    struct topic_message *messages;
    size_t n, size;
    size_t left;    /* persons who have left */
    size_t skipped; /* persons whom no event can describe */
};

/* Of the page's person at this place (from 1) nothing is published, and why. */
typedef void load_skip_fn(void *ctx, size_t place, const struct error *why);

/* A complete person.joined, left or changed (the source says neither) for each, and a
 * person.suspended or resumed where the source says which.
 * began_ms: when the load began; with the subject (and the source's id of the person's version) it makes the events' ids,
 * so that a page published again adds nothing. As old as the load are its words, so that a page revives nobody who has left
 * since it began: a source may show later pages as they were then. But where the source says when the person was changed
 * last, before asked_ms (when the page was asked for), that counts. Whom no event can describe is told to skip, and the
 * others are published all the same. */
void load_events_make(const struct asked_source *source, const struct source_page *page, int64_t began_ms,
                      int64_t asked_ms, load_skip_fn *skip, void *ctx, struct load_events *ret);
void load_events_done(struct load_events *e);

#endif
