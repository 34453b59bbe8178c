#include "holdings.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "mem.h"

static void release(struct holding *v)
{
    free(v->person);
    free(v->target);
    free(v->what);
}

/* What an older record of the person said. */
static void forget(struct holdings *h, struct str key)
{
    size_t kept = 0;
    for (size_t i = 0; i < h->n; i++) {
        if (str_eq(key, str_of(h->v[i].person)))
            release(&h->v[i]);
        else
            h->v[kept++] = h->v[i];
    }
    h->n = kept;
}

static void add(struct holdings *h, struct str key, const char *target, const cJSON *held)
{
    const char *what = json_string(held, "what"), *id = json_string(held, "id");
    struct holding v = {
        .person = xstrndup(key.p, key.n), .target = xstrdup(target), .what = xstrdup(what ? what : "")};
    if (id && strlen(id) < sizeof v.id)
        memcpy(v.id, id, strlen(id) + 1);
    json_int64(held, "since", &v.since_ms);
    h->v = xreallocarray(h->v, h->n + 1, sizeof *h->v);
    h->v[h->n++] = v;
}

/* Most records hold nothing: they are not parsed. */
void holdings_take(struct holdings *h, struct str key, struct str value)
{
    static const char sign[] = "\"held\":";
    cJSON *root = NULL, *item;
    struct error err;
    if (h->n > 0)
        forget(h, key);
    if (!value.p || !memmem(value.p, value.n, sign, sizeof sign - 1) || !json_parse(value, &root, &err))
        return;
    cJSON_ArrayForEach(item, json_get(root, "targets"))
    {
        const cJSON *held = json_get(item, "held");
        if (held)
            add(h, key, item->string, held);
    }
    cJSON_Delete(root);
}

static int compare(const void *a, const void *b)
{
    const struct holding *x = a, *y = b;
    int order = strcmp(x->target, y->target);
    if (order == 0 && x->since_ms != y->since_ms)
        order = x->since_ms < y->since_ms ? -1 : 1;
    return order ? order : strcmp(x->person, y->person);
}

void holdings_sort(struct holdings *h)
{
    if (h->n > 0)
        qsort(h->v, h->n, sizeof *h->v, compare);
}

void holdings_done(struct holdings *h)
{
    for (size_t i = 0; i < h->n; i++)
        release(&h->v[i]);
    free(h->v);
    *h = (struct holdings){0};
}
