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

static struct str trim(struct str s)
{
    while (s.n > 0 && isspace((unsigned char)s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

static void add(struct reply_headers *h, char *name, struct str value)
{
    for (size_t i = 0; i < h->n; i++) {
        if (strcmp(h->v[i].name, name) != 0)
            continue;
        char *both = xasprintf("%s, %.*s", h->v[i].value, (int)value.n, value.p);
        free((char *)(uintptr_t)h->v[i].value);
        h->v[i].value = both;
        free(name);
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
    add(h, name, trim((struct str){colon + 1, line.n - (size_t)(colon + 1 - line.p)}));
}
