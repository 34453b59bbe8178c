/* record_state.c - what a restore takes from a person's record without parsing it. */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

void record_state_format(const struct record_state *s, char out[RECORD_STATE_SIZE])
{
    const int64_t numbers[] = {s->seq, s->offset, s->due_ms, s->flags, (int64_t)s->policy};
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        out += int_format(numbers[i], out);
        *out++ = ' ';
    }
    out[-1] = '\0';
}

/* Before version 4 each was a header of its own. */
static void read_single(const struct record_header *h, struct record_state *ret)
{
    int64_t value = strtoll(h->value, NULL, 10);
    if (strcmp(h->name, "seq") == 0)
        ret->seq = value;
    else if (strcmp(h->name, "offset") == 0)
        ret->offset = value;
    else if (strcmp(h->name, "due") == 0)
        ret->due_ms = value;
    else if (strcmp(h->name, "flags") == 0)
        ret->flags = (unsigned)value;
    else if (strcmp(h->name, "policy") == 0)
        ret->policy = (uint64_t)value;
}

static void read_together(const char *text, struct record_state *ret)
{
    char *at;
    ret->seq = strtoll(text, &at, 10);
    ret->offset = strtoll(at, &at, 10);
    ret->due_ms = strtoll(at, &at, 10);
    ret->flags = (unsigned)strtoul(at, &at, 10);
    ret->policy = (uint64_t)strtoll(at, &at, 10);
}

void record_state_read(const struct record_header *headers, size_t n, struct record_state *ret)
{
    *ret = (struct record_state){0};
    for (size_t i = 0; i < n; i++)
        if (strcmp(headers[i].name, RECORD_STATE) == 0)
            read_together(headers[i].value, ret);
        else
            read_single(&headers[i], ret);
}
