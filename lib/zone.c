/* Files: TZif, RFC 8536. */
#include "zone.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "rfc3339.h"

enum {
    NAME_MAX_BYTES = 64,
    FILE_MAX = 64 * 1024,
    HEADER_SIZE = 44,
    TYPE_SIZE = 6,
    MS_DIGITS = 11, /* numbers as long as this count milliseconds */
};

static const char DIRECTORY[] = "/usr/share/zoneinfo/";

struct zone {
    struct zone *next;
    char name[NAME_MAX_BYTES];
    unsigned char *file;
    const unsigned char *times;   /* n instants of change, 8 bytes each */
    const unsigned char *indexes; /* which type holds from then */
    const unsigned char *types;
    size_t n, n_types;
};

/* What was asked for and exists: as many as the system has, for good. Immutable once listed. */
static struct zone *zones;
static pthread_mutex_t zones_mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- files --------------------------------------------------------------------------------------------- */

static int64_t big_endian(const unsigned char *p, int n)
{
    int64_t value = p[0] >= 0x80 ? -1 : 0;
    for (int i = 0; i < n; i++)
        value = (int64_t)((uint64_t)value << 8 | p[i]);
    return value;
}

struct counts {
    size_t isut, isstd, leap, time, type, chars;
};

static bool read_counts(const unsigned char *p, size_t n, struct counts *ret)
{
    size_t *to[] = {&ret->isut, &ret->isstd, &ret->leap, &ret->time, &ret->type, &ret->chars};
    if (n < HEADER_SIZE || memcmp(p, "TZif", 4) != 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
        int64_t count = big_endian(p + 20 + 4 * i, 4);
        if (count < 0 || count > FILE_MAX)
            return false;
        *to[i] = (size_t)count;
    }
    return true;
}

/* Past the block for 32-bit times to the one for 64-bit times. */
static bool read_blocks(struct zone *z, size_t size)
{
    struct counts c;
    const unsigned char *p = z->file, *end = p + size;
    if (!read_counts(p, size, &c) || p[4] < '2')
        return false;
    size_t first = HEADER_SIZE + c.time * 5 + c.type * TYPE_SIZE + c.chars + c.leap * 8 + c.isstd + c.isut;
    if (first > size || !read_counts(p + first, size - first, &c))
        return false;
    p += first + HEADER_SIZE;
    if (c.type == 0 || (size_t)(end - p) < c.time * 9 + c.type * TYPE_SIZE)
        return false;
    z->times = p;
    z->indexes = p + c.time * 8;
    z->types = p + c.time * 9;
    z->n = c.time;
    z->n_types = c.type;
    for (size_t i = 0; i < z->n; i++)
        if (z->indexes[i] >= z->n_types)
            return false;
    return true;
}

static bool name_ok(struct str name)
{
    if (name.n == 0 || name.n >= NAME_MAX_BYTES || name.p[0] == '/')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!plain && (c == '\0' || !strchr("_+-/", c)))
            return false;
    }
    return true;
}

/* NULL: there is none. */
static struct zone *load(struct str name)
{
    char path[sizeof DIRECTORY + NAME_MAX_BYTES];
    struct zone *z = xcalloc(1, sizeof *z);
    memcpy(z->name, name.p, name.n);
    snprintf(path, sizeof path, "%s%.*s", DIRECTORY, NAME_MAX_BYTES - 1, z->name);
    FILE *in = fopen(path, "re");
    unsigned char *block = xmalloc(FILE_MAX);
    size_t size = in ? fread(block, 1, FILE_MAX, in) : 0;
    if (in)
        fclose(in);
    z->file = xmemdup(block, size);
    free(block);
    if (read_blocks(z, size))
        return z;
    free(z->file);
    free(z);
    return NULL;
}

static const struct zone *find(struct str name)
{
    struct zone *z;
    if (!name_ok(name))
        return NULL;
    pthread_mutex_lock(&zones_mutex);
    for (z = zones; z && !str_eq(str_of(z->name), name); z = z->next)
        ;
    if (!z && (z = load(name)) != NULL) {
        z->next = zones;
        zones = z;
    }
    pthread_mutex_unlock(&zones_mutex);
    return z;
}

/* ---- offsets ------------------------------------------------------------------------------------------- */

static int64_t offset_of_type(const struct zone *z, size_t type)
{
    return big_endian(z->types + type * TYPE_SIZE, 4) * 1000;
}

/* Index of the first change after the instant. */
static size_t next_change(const struct zone *z, int64_t utc_ms)
{
    size_t low = 0, high = z->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (big_endian(z->times + middle * 8, 8) <= utc_ms / 1000)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t offset_before(const struct zone *z, size_t change)
{
    return offset_of_type(z, change > 0 ? z->indexes[change - 1] : 0);
}

/* "+02:00", "-0800", "+02"; "Z" and "UTC" are none. */
static bool read_offset(struct str text, int64_t *ret_ms)
{
    int digits = 0, value = 0;
    if (text.n < 3 || (text.p[0] != '+' && text.p[0] != '-'))
        return false;
    for (size_t i = 1; i < text.n; i++) {
        if (text.p[i] == ':' && i == 3)
            continue;
        if (text.p[i] < '0' || text.p[i] > '9' || ++digits > 4)
            return false;
        value = value * 10 + (text.p[i] - '0');
    }
    if (digits == 2)
        value *= 100;
    if ((digits != 2 && digits != 4) || value / 100 > 14 || value % 100 > 59)
        return false;
    *ret_ms = (value / 100 * 60 + value % 100) * INT64_C(60000) * (text.p[0] == '-' ? -1 : 1);
    return true;
}

static bool is_utc(struct str name)
{
    return name.n == 0 || str_eq(name, str_of("UTC")) || str_eq(name, str_of("Z")) ||
           str_eq(name, str_of("z")) || str_eq(name, str_of("GMT"));
}

bool zone_to_utc(struct str name, int64_t local_ms, int64_t *ret_ms)
{
    int64_t offset = 0;
    if (!is_utc(name) && !read_offset(name, &offset)) {
        const struct zone *z = find(name);
        if (!z)
            return false;
        /* The offset before a change that is at most a day away decides unless clocks are past the change with it. */
        size_t change = next_change(z, local_ms - 24 * INT64_C(3600000));
        offset = offset_before(z, change);
        for (; change < z->n; change++) {
            int64_t at = big_endian(z->times + change * 8, 8) * 1000;
            if (local_ms - offset < at)
                break;
            offset = offset_of_type(z, z->indexes[change]);
            if (local_ms - offset < at) { /* the gap: clocks never show it */
                offset = offset_before(z, change);
                break;
            }
        }
    }
    *ret_ms = local_ms - offset;
    return true;
}

bool zone_ok(struct str name)
{
    int64_t ignored;
    return zone_to_utc(name, 0, &ignored);
}

/* ---- what senders write -------------------------------------------------------------------------------- */

static bool read_number(struct str text, int64_t *ret_ms)
{
    int64_t value;
    if (!digits_parse(text, &value))
        return false;
    *ret_ms = text.n >= MS_DIGITS ? value : value * 1000;
    return text.n >= 9; /* less is a year or a mistake, not an instant after 1973 */
}

/* Where the zone begins, or the end: behind the time, or the date. */
static size_t zone_at(struct str text, bool date)
{
    size_t i = date ? 10 : 11;
    while (i < text.n && (date ? false : strchr("0123456789:.", text.p[i]) != NULL))
        i++;
    return i;
}

bool zone_parse(struct str text, struct str zone, int64_t *ret_ms)
{
    char plain[48];
    int64_t local;
    if (rfc3339_parse(text, ret_ms) || read_number(text, ret_ms))
        return true;
    if (text.n < 10)
        return false;
    bool date = text.n == 10 || !strchr("Tt ", text.p[10]);
    size_t at = zone_at(text, date);
    struct str rest = {text.p + at, text.n - at};
    while (rest.n > 0 && rest.p[0] == ' ')
        rest = (struct str){rest.p + 1, rest.n - 1};
    bool minutes = !date && at == 16; /* "2026-11-20 09:00" */
    int n = snprintf(plain, sizeof plain, "%.*s%s", (int)(at < 40 ? at : 40), text.p,
                     date      ? "T00:00:00Z"
                     : minutes ? ":00Z"
                               : "Z");
    if (at > 40 || !rfc3339_parse((struct str){plain, (size_t)n}, &local))
        return false;
    return zone_to_utc(rest.n > 0 ? rest : zone, local, ret_ms) && *ret_ms >= 0;
}
