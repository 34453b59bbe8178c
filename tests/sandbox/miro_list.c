/* The query of a GET, and what a list makes of it: filter, order, page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "digest.h"
#include "mem.h"
#include "miro_core.h"

/* ---- the query string ---------------------------------------------------------------------------------- */

bool query_decode(struct str text, char **ret)
{
    char *out = xmalloc(text.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char byte = (unsigned char)text.p[i];
        if (byte == '+')
            byte = ' ';
        if (byte == '%') {
            if (text.n - i < 3 || !hex_decode((struct str){text.p + i + 1, 2}, &byte, 1) || byte == 0) {
                free(out);
                return false;
            }
            i += 2;
        }
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    *ret = out;
    return true;
}

/* The enterprise URN alone becomes "enterprise"; items are normalised paths. */
char *query_normalise(const char *list)
{
    struct buf out;
    char path[MIRO_FILTER_PATH_MAX];
    buf_init(&out, MIRO_QUERY_MAX);
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");
        const char *start = p + strspn(p, " ");
        size_t len = start < p + n ? (size_t)(p + n - start) : 0;
        while (len > 0 && start[len - 1] == ' ')
            len--;
        bool whole = len == strlen(URN_ENTERPRISE) && strncasecmp(start, URN_ENTERPRISE, len) == 0;
        if (len > 0 && miro_path_normalise((struct str){start, len}, path))
            buf_addf(&out, "%s%s", out.n ? "," : "", whole ? "enterprise" : path);
        p += n + (p[n] == ',');
    }
    return buf_take(&out);
}

static bool query_take(struct query *q, struct str name, struct str value)
{
    const struct {
        const char *name;
        char **to;
    } known[] = {{"filter", &q->filter},        {"attributes", &q->attributes},      {"sortBy", &q->sort_by},
                 {"sortOrder", &q->sort_order}, {"startIndex", &q->start_index},     {"count", &q->count},
                 {"cursor", &q->cursor},        {"excludedAttributes", &q->excluded}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (str_eq(name, str_of(known[i].name)) && !*known[i].to)
            return query_decode(value, known[i].to);
    return true; /* unknown parameters are tolerated */
}

bool query_parse(const char *text, struct query *ret, struct problem *pb)
{
    *ret = (struct query){0};
    if (strlen(text) > MIRO_QUERY_MAX)
        return refuse(pb, 400, NULL, "The query is longer than %d bytes", MIRO_QUERY_MAX);
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "&"), name = strcspn(p, "=&");
        struct str value = name < n ? (struct str){p + name + 1, n - name - 1} : (struct str){p, 0};
        if (!query_take(ret, (struct str){p, name}, value))
            return refuse(pb, 400, NULL, "The query is not percent-encoded properly");
        p += n + (p[n] == '&');
    }
    if (ret->attributes) {
        char *list = query_normalise(ret->attributes);
        free(ret->attributes);
        ret->attributes = list;
    }
    if (ret->excluded) {
        char *list = query_normalise(ret->excluded);
        free(ret->excluded);
        ret->excluded = list;
    }
    return true;
}

void query_done(struct query *q)
{
    free(q->filter);
    free(q->attributes);
    free(q->sort_by);
    free(q->sort_order);
    free(q->start_index);
    free(q->count);
    free(q->cursor);
    free(q->excluded);
    *q = (struct query){0};
}

/* ---- order --------------------------------------------------------------------------------------------- */

struct sort_key {
    const void *resource;
    char *value;
    size_t at; /* keeps equal ones in the order of creation */
};

static int compare_keys(const void *a, const void *b)
{
    const struct sort_key *x = a, *y = b;
    int order = strcasecmp(x->value, y->value);
    if (order != 0)
        return order;
    return x->at < y->at ? -1 : x->at > y->at;
}

static void sort(struct list *l, const char *path, bool descending)
{
    struct sort_key *keys = xcalloc(l->n, sizeof *keys);
    for (size_t i = 0; i < l->n; i++) {
        const char *value = l->get(l->v[i], path, 0);
        keys[i] = (struct sort_key){l->v[i], xstrdup(value ? value : ""), i};
    }
    qsort(keys, l->n, sizeof *keys, compare_keys);
    for (size_t i = 0; i < l->n; i++) {
        l->v[descending ? l->n - 1 - i : i] = keys[i].resource;
        free(keys[i].value);
    }
    free(keys);
}

static bool sort_as_asked(const struct query *q, struct list *l, struct problem *pb)
{
    char path[MIRO_FILTER_PATH_MAX];
    bool descending = q->sort_order && same_name(q->sort_order, "descending");
    if (q->sort_order && !descending && !same_name(q->sort_order, "ascending"))
        return refuse(pb, 400, "invalidValue", "sortOrder must be ascending or descending");
    if (!q->sort_by)
        return true;
    if (!miro_path_normalise(str_of(q->sort_by), path))
        return refuse(pb, 400, "invalidPath", "sortBy names no attribute");
    sort(l, path, descending);
    return true;
}

/* ---- the list ------------------------------------------------------------------------------------------- */

bool list_filter(const struct call *c, bool complex, struct miro_filter **ret, struct problem *pb)
{
    struct error err = {0};
    *ret = NULL;
    if (!c->query.filter || c->m->cfg.filtering == MIRO_FILTER_IGNORED)
        return true;
    if (c->m->cfg.filtering == MIRO_FILTER_REFUSED)
        return refuse(pb, 400, "invalidFilter", "Filtering is not supported");
    if (!miro_filter_parse(str_of(c->query.filter), ret, &err))
        return refuse(pb, 400, "invalidFilter", "%s", err.message);
    if (complex || !miro_filter_is_complex(*ret))
        return true;
    return refuse(pb, 400, "invalidFilter", "Filtering groups on complex attributes is not supported");
}

static void filter(struct list *l, const struct miro_filter *f)
{
    size_t kept = 0;
    for (size_t i = 0; f && i < l->n; i++)
        if (miro_filter_match(f, l->get, l->v[i]))
            l->v[kept++] = l->v[i];
    if (f)
        l->n = kept;
}

static void put_cursors(struct call *c, const struct list *l, const struct page *page)
{
    size_t end = page->start + page->n;
    if (end < l->n && page->n > 0)
        json_put_string(&c->out, "nextCursor", l->get(l->v[end - 1], "id", 0));
}

static void put_counts(struct call *c, const struct list *l, const struct page *page)
{
    const struct miro_config *cfg = &c->m->cfg;
    bool paged = c->query.start_index || c->query.count || !cfg->omit_paging_when_unpaged;
    json_put_int(&c->out, "totalResults", (int64_t)(cfg->total_is_page ? page->n : l->n));
    if (paged && !page->cursor)
        json_put_int(&c->out, "startIndex", (int64_t)page->start + 1);
    if (paged)
        json_put_int(&c->out, "itemsPerPage", (int64_t)(cfg->items_are_count ? page->asked : page->n));
    if (page->cursor)
        put_cursors(c, l, page);
}

bool list_answer(struct call *c, struct list *l, const struct miro_filter *f, struct problem *pb)
{
    struct page page = {0};
    filter(l, f);
    if (!sort_as_asked(&c->query, l, pb) || !dialect_page(c, l, &page, pb))
        return false;
    struct json_out *w = &c->out;
    json_open(w, NULL, '{');
    json_open(w, "schemas", '[');
    json_put_string(w, NULL, URN_LIST);
    json_close(w);
    put_counts(c, l, &page);
    json_open(w, "Resources", '[');
    for (size_t i = 0; i < page.n; i++)
        l->render(c, NULL, l->v[page.start + i]);
    json_close(w);
    json_close(w);
    c->reply->status = 200;
    return true;
}
