#include "registers.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "mutation.h"

bool stamp_eq(struct stamp a, struct stamp b)
{
    return a.at_ms == b.at_ms && a.event == b.event;
}

/* Whether a word with stamp `a` beats the one with stamp `b`. restrict_a_b: how much more restrictive a's
 * value is than b's (> 0: more); it decides between words of the same instant, then the event id does. */
bool registers_wins(struct stamp a, struct stamp b, int restrict_a_b)
{
    if (MUTATION(MUTATION_MERGE_IGNORES_STAMP))
        return true;
    if (a.at_ms != b.at_ms)
        return a.at_ms > b.at_ms;
    if (MUTATION(MUTATION_MERGE_TIE_BY_ARRIVAL))
        return true;
    if (restrict_a_b != 0)
        return restrict_a_b > 0;
    return a.event > b.event;
}

/* What events alone say, below the word of a source that was asked. */
void registers_tell_employment(struct person *p, enum employment value, struct stamp stamp)
{
    p->employment_told = value;
    p->employment_told_stamp = stamp;
}

void registers_tell_suspension(struct person *p, bool on, struct stamp stamp)
{
    p->suspended_told = on;
    p->suspension_told_stamp = stamp;
}

bool registers_set_employment(struct person *p, enum employment value, struct stamp stamp, bool dry)
{
    if (!dry && p->employment_asked &&
        registers_wins(stamp, p->employment_told_stamp, (int)value - (int)p->employment_told))
        registers_tell_employment(p, value, stamp);
    if (!registers_wins(stamp, p->employment_stamp, (int)value - (int)p->employment))
        return false;
    if (!dry) {
        p->employment = value;
        p->employment_stamp = stamp;
        p->employment_asked = false;
        registers_tell_employment(p, EMPLOYMENT_UNKNOWN, (struct stamp){0});
    }
    return true;
}

bool registers_set_suspension(struct person *p, bool on, struct stamp stamp, bool dry)
{
    if (!dry && p->suspension_asked &&
        registers_wins(stamp, p->suspension_told_stamp, (int)on - (int)p->suspended_told))
        registers_tell_suspension(p, on, stamp);
    if (!registers_wins(stamp, p->suspension_stamp, (int)on - (int)p->suspended))
        return false;
    if (!dry) {
        p->suspended = on;
        p->suspension_stamp = stamp;
        p->suspension_asked = false;
        registers_tell_suspension(p, false, (struct stamp){0});
    }
    return true;
}

/* The earlier end is the more restrictive; 0 is no end at all. */
static int compare_ends(int64_t a_ms, int64_t b_ms)
{
    int64_t a = a_ms ? a_ms : INT64_MAX, b = b_ms ? b_ms : INT64_MAX;
    return (a < b) - (a > b);
}

bool registers_set_access_until(struct person *p, int64_t until_ms, struct stamp stamp, bool dry)
{
    if (!registers_wins(stamp, p->access_until_stamp, compare_ends(until_ms, p->access_until_ms)))
        return false;
    if (!dry) {
        p->access_until_ms = until_ms;
        p->access_until_stamp = stamp;
        p->access_ended = false;
    }
    return true;
}

/* Index of the register called name, or where it belongs. base/size describe the array; name is its first
 * member. */
size_t registers_find(const void *base, size_t n, size_t size, const char *name, bool *found)
{
    size_t low = 0, high = n;
    *found = false;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const char *const *at = (const void *)((const char *)base + mid * size);
        int order = strcmp(*at, name);
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

/* A word about an attribute of which there was none. A complete profile newer than the word has cleared it.
 */
static void insert_attr(struct person *p, size_t at, const char *name, const char *value, struct stamp stamp)
{
    if (registers_wins(p->complete_stamp, stamp, 0)) {
        value = NULL;
        stamp = p->complete_stamp;
    }
    char *copy = xstrdup_null(value);
    p->attrs = xreallocarray(p->attrs, p->n_attrs + 1, sizeof *p->attrs);
    memmove(&p->attrs[at + 1], &p->attrs[at], (p->n_attrs - at) * sizeof *p->attrs);
    p->attrs[at] = (struct attr_register){xstrdup(name), copy, stamp};
    p->n_attrs++;
}

bool registers_set_attr(struct person *p, const char *name, const char *value, struct stamp stamp, bool dry)
{
    bool found;
    size_t at = registers_find(p->attrs, p->n_attrs, sizeof *p->attrs, name, &found);
    if (!found) {
        bool void_word = registers_wins(p->complete_stamp, stamp, 0);
        if (!dry)
            insert_attr(p, at, name, value, stamp);
        return !void_word;
    }
    struct attr_register *reg = &p->attrs[at];
    if (!registers_wins(stamp, reg->stamp, 0))
        return false;
    if (!dry) {
        free(reg->value);
        reg->value = xstrdup_null(value);
        reg->stamp = stamp;
    }
    return true;
}

/* After the event's own attributes: what a complete profile does not name is cleared. */
bool registers_set_complete(struct person *p, struct stamp stamp, bool dry)
{
    if (!registers_wins(stamp, p->complete_stamp, 0))
        return false;
    if (dry)
        return true;
    p->complete_stamp = stamp;
    for (size_t i = 0; i < p->n_attrs; i++) {
        struct attr_register *reg = &p->attrs[i];
        if (stamp_eq(reg->stamp, stamp) || !registers_wins(stamp, reg->stamp, 0))
            continue;
        free(reg->value);
        reg->value = NULL;
        reg->stamp = stamp;
    }
    return true;
}

/* A word about a group of which there was none. A complete list that is newer, and does not name it, has ended it. */
static void insert_group(struct person *p, size_t at, const char *name, bool member, struct stamp stamp)
{
    if (registers_wins(p->complete_groups_stamp, stamp, member)) {
        member = false;
        stamp = p->complete_groups_stamp;
    }
    p->groups = xreallocarray(p->groups, p->n_groups + 1, sizeof *p->groups);
    memmove(&p->groups[at + 1], &p->groups[at], (p->n_groups - at) * sizeof *p->groups);
    p->groups[at] = (struct group_register){xstrdup(name), member, stamp};
    p->n_groups++;
}

bool registers_set_group(struct person *p, const char *name, bool member, struct stamp stamp, bool dry)
{
    bool found;
    size_t at = registers_find(p->groups, p->n_groups, sizeof *p->groups, name, &found);
    if (!found) {
        bool void_word = registers_wins(p->complete_groups_stamp, stamp, member);
        if (!dry)
            insert_group(p, at, name, member, stamp);
        return !void_word;
    }
    struct group_register *reg = &p->groups[at];
    if (!registers_wins(stamp, reg->stamp, (int)reg->member - (int)member))
        return false;
    if (!dry) {
        reg->member = member;
        reg->stamp = stamp;
    }
    return true;
}

static bool names_group(const struct event *ev, const char *name)
{
    for (size_t i = 0; i < ev->n_groups; i++)
        if (strcmp(ev->groups[i], name) == 0)
            return true;
    return false;
}

/* After the event's own groups: in those that it does not name the person is not. Said in the same instant as another
 * complete list, that ends what only the other one names, whichever of them the stamp is of. */
bool registers_set_groups_complete(struct person *p, const struct event *ev, struct stamp stamp, bool dry)
{
    bool set = registers_wins(stamp, p->complete_groups_stamp, 0);
    if (set && !dry)
        p->complete_groups_stamp = stamp;
    for (size_t i = 0; i < p->n_groups; i++) {
        struct group_register *reg = &p->groups[i];
        if (names_group(ev, reg->name) || !registers_wins(stamp, reg->stamp, reg->member))
            continue;
        set = true;
        if (!dry) {
            reg->member = false;
            reg->stamp = stamp;
        }
    }
    return set;
}
