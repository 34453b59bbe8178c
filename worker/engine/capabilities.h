/* capabilities.h - what a SCIM service can do, as it says itself (RFC 7643 §5 to §7, RFC 9865 §3) or the configuration
 * does; and the record of the targets topic by which everybody learns it.
 *
 *      capabilities/TARGET   what whoever owns the tenant's bucket 0 has been told
 *
 * A kind that is known (profile.h) is not asked. schemas/target.schema.json is the contract; to change it: schema,
 * examples and this module in one commit. Pure data and pure functions; single-threaded. */
#ifndef ROLLCALL_ENGINE_CAPABILITIES_H
#define ROLLCALL_ENGINE_CAPABILITIES_H

#include <stdbool.h>
#include <stdint.h>

#include "attr.h"
#include "buf.h"
#include "engine.h"
#include "error.h"

#define CAPABILITIES_KIND "capabilities"

enum { CAPABILITIES_ATTRIBUTES_MAX = 256, CAPABILITIES_RECORD_MAX = 64 * 1024 };

struct capabilities {      /* release with capabilities_done */
    bool patch;            /* else resources are read, changed and put back whole */
    bool filter;           /* else accounts are found by listing all of them */
    bool etag;             /* a resource is put back only while it is as it was read */
    bool cursor;           /* pages go by cursor (RFC 9865), else by index */
    bool groups;           /* it has a Group resource */
    bool members;          /* a Group without members has none; else they may be hidden */
    bool bare_paths;       /* PATCH names no path: what is replaced stands in the value (RFC 7644 3.5.2.3) */
    unsigned page_max;     /* so many are answered at once at most; 0: not said */
    bool proved;           /* it was SCIM that answered at this base URL */
    struct attrs writable; /* as scim_schema_name names them; none: not known, so all */
};

/* What counts where nothing is said (RFC 7644: PATCH, filters and ETags are optional; nearly all have the first two). */
void capabilities_default(struct capabilities *ret);
void capabilities_done(struct capabilities *c);
void capabilities_copy(struct capabilities *to, const struct capabilities *from); /* `to` must be empty */
/* What the configuration says counts. */
void capabilities_override(struct capabilities *c, const struct engine_capabilities *said);
/* Whether writes of this attribute (a name of attr.h) may have an effect. */
bool capabilities_write(const struct capabilities *c, const char *attr);

/* ---- what the service says ----------------------------------------------------------------------------- */

/* Each takes one answer in. False: it is none of that kind, and nothing has changed. */
bool capabilities_take_config(struct capabilities *c, struct str body);  /* /ServiceProviderConfig */
bool capabilities_take_types(struct capabilities *c, struct str body);   /* /ResourceTypes */
bool capabilities_take_schemas(struct capabilities *c, struct str body); /* /Schemas */

/* ---- the record ---------------------------------------------------------------------------------------- */

void capabilities_key(const char *target, struct buf *out);
void capabilities_value(const char *target, const struct capabilities *c, int64_t at_ms, struct buf *out);

struct capabilities_record { /* release with capabilities_record_done */
    char *target;
    int64_t at_ms;
    struct capabilities said;
};

bool capabilities_is_key(struct str key);
/* Fails with ERROR_INPUT and the member's name. */
bool capabilities_record_read(struct str key, struct str value, struct capabilities_record *ret,
                              struct error *err) __attribute__((warn_unused_result));
void capabilities_record_done(struct capabilities_record *r);

#endif
