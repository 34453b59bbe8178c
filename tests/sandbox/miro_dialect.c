/* How SCIM servers differ from each other: PATCH without a body or not at all, ETags, pages. Each has a switch; without
 * any, everything is as Miro does it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_core.h"

/* ---- PATCH --------------------------------------------------------------------------------------------- */

bool dialect_patch_supported(const struct miro *m, const char *method, struct problem *pb)
{
    bool no_501 = m->cfg.patch == MIRO_PATCH_501, no_405 = m->cfg.patch == MIRO_PATCH_405;
    if (strcmp(method, "PATCH") != 0 || (!no_501 && !no_405))
        return true;
    return refuse(pb, no_501 ? 501 : 405, NULL, "PATCH is not supported");
}

bool dialect_wants_before(const struct call *c)
{
    return c->m->cfg.patch == MIRO_PATCH_EMPTY_WHEN_UNCHANGED && strcmp(c->rq->method, "PATCH") == 0;
}

void dialect_trim_patch(struct call *c, const struct buf *before)
{
    bool empty =
        c->m->cfg.patch == MIRO_PATCH_EMPTY || (before && str_eq(buf_str(before), buf_str(&c->reply->body)));
    if (c->reply->status != 200 || strcmp(c->rq->method, "PATCH") != 0 || !empty)
        return;
    c->reply->status = 204;
    buf_clear(&c->reply->body);
}

/* ---- ETags --------------------------------------------------------------------------------------------- */

void dialect_etag(uint64_t version, char *out, size_t size)
{
    snprintf(out, size, "W/\"%" PRIu64 "\"", version);
}

void dialect_note_version(struct call *c, uint64_t version)
{
    if (c->m->cfg.etag != MIRO_ETAG_OFF)
        dialect_etag(version, c->reply->etag, sizeof c->reply->etag);
}

/* A header's list of tags, or "*". Weak and strong tags are compared alike: our versions are of the content. */
static bool names_tag(const char *header, uint64_t version)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%" PRIu64 "\"", version);
    return strcmp(header, "*") == 0 || strstr(header, quoted) != NULL;
}

bool dialect_precondition(struct call *c, uint64_t version, struct problem *pb)
{
    const struct miro_request *rq = c->rq;
    bool reading = strcmp(rq->method, "GET") == 0;
    dialect_note_version(c, version);
    if (c->m->cfg.etag == MIRO_ETAG_OFF)
        return true;
    if (reading && rq->if_none_match && names_tag(rq->if_none_match, version))
        return refuse(pb, 304, NULL, "not modified");
    if (rq->if_match && !names_tag(rq->if_match, version))
        return refuse(pb, 412, NULL, "The resource has changed since");
    if (!reading && !rq->if_match && c->m->cfg.etag == MIRO_ETAG_REQUIRED)
        return refuse(pb, 428, NULL, "If-Match is required");
    return true;
}

/* ---- pages --------------------------------------------------------------------------------------------- */

static bool read_number(const char *text, size_t missing, size_t *ret)
{
    char *end;
    if (!text) {
        *ret = missing;
        return true;
    }
    long long n = strtoll(text, &end, 10);
    *ret = n < 0 ? 0 : (size_t)n;
    return *text && !*end;
}

static bool read_count(const struct call *c, size_t total, size_t *ret, struct problem *pb)
{
    const struct miro_config *cfg = &c->m->cfg;
    size_t max = cfg->page_max > 0 ? (size_t)cfg->page_max : SIZE_MAX;
    if (!read_number(c->query.count, cfg->page_default > 0 ? (size_t)cfg->page_default : total, ret))
        return refuse(pb, 400, "invalidValue", "count must be a number");
    if (*ret > max && c->query.count && cfg->count_over_max_is_error)
        return refuse(pb, 400, "invalidValue", "count must not be above %zu", max);
    if (*ret > max)
        *ret = max;
    return true;
}

/* A cursor is the id of the last resource received; once that is gone the cursor has expired. */
static bool page_by_cursor(const struct call *c, const struct list *l, struct page *page, struct problem *pb)
{
    const char *cursor = c->query.cursor;
    page->cursor = true;
    if (c->query.start_index)
        return refuse(pb, 400, "invalidValue", "cursor and startIndex exclude each other");
    if (!cursor || !*cursor)
        return true;
    if (cursor[strspn(cursor, "0123456789")])
        return refuse(pb, 400, "invalidCursor", "The cursor is none of ours");
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->get(l->v[i], "id", 0), cursor) == 0) {
            page->start = i + 1;
            return true;
        }
    return refuse(pb, 400, "expiredCursor", "The cursor has expired");
}

static bool page_by_index(const struct call *c, const struct list *l, struct page *page, struct problem *pb)
{
    size_t start = 1;
    if (!read_number(c->query.start_index, 1, &start))
        return refuse(pb, 400, "invalidValue", "startIndex must be a number");
    if (start > l->n && c->m->cfg.past_end == MIRO_PAST_END_FIRST_PAGE)
        start = 1;
    page->start = start > 0 ? start - 1 : 0;
    return true;
}

bool dialect_page(const struct call *c, const struct list *l, struct page *ret, struct problem *pb)
{
    enum miro_paging mode = c->m->cfg.paging;
    bool by_cursor = mode == MIRO_PAGING_CURSOR || (mode == MIRO_PAGING_BOTH && c->query.cursor);
    *ret = (struct page){0};
    if (!read_count(c, l->n, &ret->asked, pb) || !(by_cursor ? page_by_cursor : page_by_index)(c, l, ret, pb))
        return false;
    size_t left = ret->start < l->n ? l->n - ret->start : 0;
    ret->n = ret->asked < left ? ret->asked : left;
    return true;
}
