#include "reply_headers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

void reply_headers_clear(struct reply_headers *h)
{
    for (size_t i = 0; i < h->n; i++) {
        free((char *)(uintptr_t)h->v[i].name);
        free((char *)(uintptr_t)h->v[i].value);
    }
    h->n = h->bytes = 0;
}

/* "old, more"; takes old. */
static const char *append(const char *old, struct str more)
{
    size_t n = strlen(old);
    char *both = xreallocarray((char *)(uintptr_t)old, n + more.n + 3, 1);
    memcpy(both + n, ", ", 2);
    memcpy(both + n + 2, more.p, more.n);
    both[n + 2 + more.n] = '\0';
    return both;
}

static void add(struct reply_headers *h, char *name, struct str value)
{
    for (size_t i = 0; i < h->n; i++) {
        if (strcmp(h->v[i].name, name) != 0)
            continue;
        free(name);
        h->v[i].value = append(h->v[i].value, value);
        return;
    }
    h->v[h->n++] = (struct source_header){name, xstrndup(value.p, value.n)};
}

void reply_headers_line(struct reply_headers *h, struct str line)
{
    if (line.n >= 5 && memcmp(line.p, "HTTP/", 5) == 0) {
        reply_headers_clear(h);
        return;
    }
    const char *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
    bool room = h->n < REPLY_HEADERS_MAX && h->bytes + line.n <= REPLY_HEADER_BYTES_MAX;
    if (!colon || colon == line.p || !room || memchr(line.p, '\0', line.n))
        return;
    char *name = xstrndup(line.p, (size_t)(colon - line.p));
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    h->bytes += line.n;
    add(h, name, str_trim((struct str){colon + 1, line.n - (size_t)(colon + 1 - line.p)}));
}
