#include "holdings.h"

#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "json.h"
#include "mem.h"

static void release(struct holding *v)
{
    free(v->person);
    free(v->target);
    free(v->what);
    free(v->team);
    free(v);
}

static struct holding **bucket_of(struct holdings *h, struct str key)
{
    return &h->buckets[digest_hash64(key.p, key.n) % HOLDINGS_BUCKETS];
}

/* What an older record of the person said. */
static void forget(struct holdings *h, struct str key)
{
    for (struct holding **at = bucket_of(h, key); *at;) {
        struct holding *v = *at;
        if (!str_eq(key, str_of(v->person))) {
            at = &v->next;
            continue;
        }
        *at = v->next;
        release(v);
        h->n--;
    }
}

static struct holding *add(struct holdings *h, struct str key, const char *target, const char *id)
{
    struct holding *v = xcalloc(1, sizeof *v);
    v->person = xstrndup(key.p, key.n);
    v->target = xstrdup(target);
    if (id && strlen(id) < sizeof v->id)
        memcpy(v->id, id, strlen(id) + 1);
    struct holding **bucket = bucket_of(h, key);
    v->next = *bucket;
    *bucket = v;
    h->n++;
    return v;
}

static void add_held(struct holdings *h, struct str key, const char *target, const cJSON *held)
{
    struct holding *v = add(h, key, target, json_string(held, "id"));
    const char *what = json_string(held, "what");
    v->what = xstrdup(what ? what : "");
    v->team = xstrdup_null(json_string(held, "team"));
    json_int64(held, "since", &v->since_ms);
}

/* The reason begins with what was held, as the guard calls it. */
static void add_denied(struct holdings *h, struct str key, const char *target, const cJSON *refused)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, refused)
    {
        const char *hold = json_string(item, "hold"), *reason = json_string(item, "reason");
        if (!hold)
            continue;
        struct holding *v = add(h, key, target, hold);
        v->what = xstrndup(reason ? reason : "", reason ? strcspn(reason, ":") : 0);
        v->team = xstrdup_null(json_string(item, "team"));
        v->denied = true;
        json_int64(item, "heldSince", &v->since_ms);
    }
}

static bool contains(struct str text, const char *sign)
{
    return text.p && memmem(text.p, text.n, sign, strlen(sign));
}

/* Most records hold nothing: they are not parsed. */
void holdings_take(struct holdings *h, struct str key, struct str value)
{
    cJSON *root = NULL, *item;
    struct error err;
    if (h->n > 0)
        forget(h, key);
    if ((!contains(value, "\"held\":") && !contains(value, "\"heldSince\":")) ||
        !json_parse(value, &root, &err))
        return;
    cJSON_ArrayForEach(item, json_get(root, "targets"))
    {
        const cJSON *held = json_get(item, "held");
        if (held)
            add_held(h, key, item->string, held);
        add_denied(h, key, item->string, json_get(item, "refused"));
    }
    cJSON_Delete(root);
}

static int compare(const void *a, const void *b)
{
    const struct holding *x = *(struct holding *const *)a, *y = *(struct holding *const *)b;
    int order = strcmp(x->target, y->target);
    if (order == 0 && x->since_ms != y->since_ms)
        order = x->since_ms < y->since_ms ? -1 : 1;
    return order ? order : strcmp(x->person, y->person);
}

void holdings_sort(struct holdings *h)
{
    size_t n = 0;
    h->v = xreallocarray(h->v, h->n + 1, sizeof(struct holding *));
    for (size_t i = 0; i < HOLDINGS_BUCKETS; i++)
        for (struct holding *v = h->buckets[i]; v; v = v->next)
            h->v[n++] = v;
    qsort(h->v, h->n, sizeof(struct holding *), compare);
}

const struct holding *holdings_find(const struct holdings *h, const char *id)
{
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(h->v[i]->id, id) == 0)
            return h->v[i];
    return NULL;
}

void holdings_done(struct holdings *h)
{
    for (size_t i = 0; i < HOLDINGS_BUCKETS; i++)
        for (struct holding *v = h->buckets[i], *next; v; v = next) {
            next = v->next;
            release(v);
        }
    free(h->v);
    *h = (struct holdings){0};
}
