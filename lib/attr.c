#include "attr.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

void attrs_done(struct attrs *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->v[i].name);
        free(a->v[i].value);
    }
    free(a->v);
    *a = (struct attrs){0};
}

/* Places that an array of n has: it grows by doubling, without a member that says so. */
static size_t places(size_t n)
{
    size_t size = 8;
    while (size < n)
        size *= 2;
    return size;
}

void attrs_copy(struct attrs *to, const struct attrs *from)
{
    to->n = from->n;
    to->v = from->n > 0 ? xcalloc(places(from->n), sizeof *to->v) : NULL;
    for (size_t i = 0; i < from->n; i++)
        to->v[i] = (struct attr){xstrdup(from->v[i].name), xstrdup_null(from->v[i].value)};
}

/* Index of the first attribute whose name is not less than `name`; *found says whether it is the one. */
static size_t lower_bound(const struct attrs *a, const char *name, bool *found)
{
    size_t low = 0, high = a->n;
    *found = false;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(a->v[mid].name, name);
        if (order == 0) {
            *found = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void attrs_set(struct attrs *a, const char *name, const char *value)
{
    bool found;
    size_t at = lower_bound(a, name, &found);
    char *copy = xstrdup_null(value); /* before the old one is freed: value may be it */
    if (found) {
        free(a->v[at].value);
        a->v[at].value = copy;
        return;
    }
    if (!a->v || places(a->n) < a->n + 1)
        a->v = xreallocarray(a->v, places(a->n + 1), sizeof *a->v);
    memmove(&a->v[at + 1], &a->v[at], (a->n - at) * sizeof *a->v);
    a->v[at] = (struct attr){xstrdup(name), copy};
    a->n++;
}

void attrs_remove(struct attrs *a, const char *name)
{
    bool found;
    size_t at = lower_bound(a, name, &found);
    if (!found)
        return;
    free(a->v[at].name);
    free(a->v[at].value);
    a->n--;
    memmove(&a->v[at], &a->v[at + 1], (a->n - at) * sizeof *a->v);
}

const struct attr *attrs_find(const struct attrs *a, const char *name)
{
    bool found;
    size_t at = lower_bound(a, name, &found);
    return found ? &a->v[at] : NULL;
}

const char *attrs_get(const struct attrs *a, const char *name)
{
    const struct attr *attr = attrs_find(a, name);
    return attr ? attr->value : NULL;
}

const char *attr_role(const char *name)
{
    size_t n = strlen(ATTR_ROLE_PREFIX);
    return strncmp(name, ATTR_ROLE_PREFIX, n) == 0 && name[n] ? name + n : NULL;
}
