/* load_pages.h - one page after the other from a source, within its limit, patiently. Blocks; main thread. */
#ifndef ROLLCALL_WORKER_LOAD_PAGES_H
#define ROLLCALL_WORKER_LOAD_PAGES_H

#include <stdint.h>

#include "asked_sources.h"

struct load_pages;

/* Borrows source until load_pages_free. Fails with ERROR_SYSTEM. */
bool load_pages_new(const struct asked_source *source, struct load_pages **ret, struct error *err)
    __attribute__((warn_unused_result));
/* cursor NULL: the first page. *ret_asked_ms: CLOCK_REALTIME before it was asked for. What may pass (no answer, 408, 425,
 * 429, 5xx) is tried again with growing pauses, or when the source says; TRIES in a row are ERROR_TEMPORARY. Another
 * status is ERROR_PERMANENT, a script's fault ERROR_INPUT. Says on stderr what it waits for. */
bool load_pages_get(struct load_pages *p, const char *cursor, struct source_page *ret, int64_t *ret_asked_ms,
                    struct error *err) __attribute__((warn_unused_result));
void load_pages_free(struct load_pages *p);

#endif
