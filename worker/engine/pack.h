/* pack.h - records as they lie in memory: compressed by LZ4, with a dictionary of what all records say.
 *
 * A typical record of 1.2 KB takes 0.5 KB; packing costs 1.2 µs. The packed form never leaves
 * the process, so form and dictionary may change freely. A packer serves one thread. */
#ifndef ROLLCALL_ENGINE_PACK_H
#define ROLLCALL_ENGINE_PACK_H

#include <stdbool.h>

#include "buf.h"

struct packer;

struct packed {
    struct packed_bytes *p; /* NULL: nothing */
};

struct packer *packer_new(void);
void packer_free(struct packer *k);

/* Replaces what p held; at most 2 GB; empty bytes: nothing. */
void packed_set(struct packer *k, struct packed *p, struct str bytes);
/* The same without compressing, for bytes that will be replaced soon; packed_tighten does it later, if at all. */
void packed_set_loose(struct packed *p, struct str bytes);
void packed_tighten(struct packer *k, struct packed *p);
void packed_clear(struct packed *p);
/* The bytes, NUL-terminated behind their end; borrowed until the packer's next use. */
struct str packed_get(struct packer *k, const struct packed *p);

static inline bool packed_empty(const struct packed *p)
{
    return !p->p;
}

#endif
