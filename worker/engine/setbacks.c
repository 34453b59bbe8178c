#include "setbacks.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

static void clear(struct setback *one)
{
    free(one->key);
    free(one->why);
}

static void drop(struct setbacks *s, size_t i)
{
    clear(&s->v[i]);
    memmove(&s->v[i], &s->v[i + 1], (s->n - i - 1) * sizeof *s->v);
    s->n--;
}

void setbacks_done(struct setbacks *s)
{
    for (size_t i = 0; i < s->n; i++)
        clear(&s->v[i]);
    free(s->v);
    *s = (struct setbacks){0};
}

/* Of the first that is not before it. */
static size_t place_of(const struct setbacks *s, const char *key)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        bool before = strcmp(s->v[middle].key, key) < 0;
        *(before ? &low : &high) = before ? middle + 1 : middle;
    }
    return low;
}

static struct setback *find(const struct setbacks *s, const char *key)
{
    size_t i = place_of(s, key);
    return i < s->n && strcmp(s->v[i].key, key) == 0 ? &s->v[i] : NULL;
}

const struct setback *setbacks_find(const struct setbacks *s, const char *key)
{
    return find(s, key);
}

static size_t earliest(const struct setbacks *s)
{
    size_t first = 0;
    for (size_t i = 1; i < s->n; i++)
        if (s->v[i].next_boot_ms < s->v[first].next_boot_ms)
            first = i;
    return first;
}

static struct setback *add(struct setbacks *s, const char *key)
{
    if (s->n == SETBACKS_MAX)
        drop(s, earliest(s));
    size_t i = place_of(s, key);
    s->v = xreallocarray(s->v, s->n + 1, sizeof *s->v);
    memmove(&s->v[i + 1], &s->v[i], (s->n++ - i) * sizeof *s->v);
    s->v[i] = (struct setback){.key = xstrdup(key)};
    return &s->v[i];
}

static int64_t back_off(const struct setback_terms *terms, uint32_t failures)
{
    int64_t wait = terms->base_ms;
    for (uint32_t i = 0; i < failures && wait < terms->cap_ms; i++)
        wait *= 2;
    wait = wait < terms->cap_ms ? wait : terms->cap_ms;
    return wait > terms->at_least_ms ? wait : terms->at_least_ms;
}

const struct setback *setbacks_note(struct setbacks *s, const char *key, const char *why,
                                    const struct setback_terms *terms, struct now now)
{
    struct setback *one = find(s, key);
    one = one ? one : add(s, key);
    if (now.boot_ms - one->next_boot_ms > SETBACK_STALE_MS)
        one->failures = 0;
    if (terms->anew || one->failures == 0)
        one->since_ms = now.wall_ms;
    one->noted_boot_ms = now.boot_ms;
    one->next_boot_ms = now.boot_ms + back_off(terms, one->failures);
    one->failures++;
    free(one->why);
    one->why = xstrdup_null(why);
    return one;
}

void setbacks_remove(struct setbacks *s, const char *key)
{
    const struct setback *one = find(s, key);
    if (one)
        drop(s, (size_t)(one - s->v));
}

void setbacks_remove_until(struct setbacks *s, int64_t boot_ms)
{
    for (size_t i = s->n; i-- > 0;)
        if (s->v[i].next_boot_ms <= boot_ms)
            drop(s, i);
}

int64_t setbacks_next(const struct setbacks *s, const char *key)
{
    const struct setback *one = find(s, key);
    return one ? one->next_boot_ms : 0;
}

int64_t setbacks_first(const struct setbacks *s)
{
    return s->n > 0 ? s->v[earliest(s)].next_boot_ms : INT64_MAX;
}
