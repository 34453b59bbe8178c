/* directory.h - the teams of one target by name, as whoever owns the tenant's bucket 0 has listed them; and the records of
 * the targets topic by which everybody learns it.
 *
 *      wish/TARGET      somebody misses a team            ──► the owner lists when it is younger than the last listing
 *      team/TARGET/ID   one team; forgotten: it is gone
 *      listing/TARGET   a listing is complete             ──► what the records before it say is now whole
 *      want/TARGET/NAME somebody misses a group that is ours to make ──► the owner makes it; forgotten: it is there
 *      made/TARGET/ID   the owner has made it; forgotten: and deleted it
 *      attached/TARGET/GROUP/TEAM   the owner attaches it to the team, by ids; forgotten: that is not ours (any more)
 *
 * schemas/target.schema.json is the contract; to change it: schema, examples and this module in one commit. Pure data and
 * pure functions; single-threaded. */
#ifndef ROLLCALL_ENGINE_DIRECTORY_H
#define ROLLCALL_ENGINE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "attr.h"
#include "buf.h"
#include "error.h"

enum {
    DIRECTORY_KEY_MAX = 400,
    DIRECTORY_RECORD_MAX = 8 * 1024,
    DIRECTORY_WANTS_MAX = 1000, /* those beyond are not kept; who misses one says so again */
};

enum directory_kind {
    DIRECTORY_TEAM,
    DIRECTORY_LISTING,
    DIRECTORY_WISH,
    DIRECTORY_WANT,
    DIRECTORY_MADE,
    DIRECTORY_ATTACHED,
    DIRECTORY_KINDS
};

struct directory_record { /* release with directory_record_done */
    enum directory_kind kind;
    char *target;
    int64_t
        at_ms; /* team, listing: when the listing began; wish: since when a team is missed; want: likewise, or when it
                      failed; made: when */
    char *id;     /* team, made; attached: GROUP/TEAM */
    char *name;   /* team, made, attached (the group's): NULL: it is gone; want */
    char *former; /* want: the id of one that has borne the name and is listed no more; NULL: none is known */
    bool gone;    /* want: it is there, or nobody's business any more */
    int64_t teams; /* listing: so many */
    char *failed;  /* listing: why there is none; want: why it cannot be made; NULL: no such reason */
};

struct group_want {
    char *name, *failed, *former; /* as in records; former: of the last that told one */
    int64_t at_ms;
};

struct directory {
    struct attrs teams;          /* id → name */
    const struct attr **by_name; /* the same, sorted by name; valid unless stale */
    bool stale;
    uint32_t version;  /* counts changes of teams */
    int64_t listed_ms; /* when the last listing began; 0: there was none */
    uint64_t whole;    /* fingerprint of the teams as of the last listing; 0: there was none */
    bool changing;     /* teams have changed since then: a listing follows */
    char *failed;      /* it found nothing out, because of this; the teams are those of the one before */
    int64_t wished_ms; /* the youngest wish */
    struct group_want *wanted; /* groups that are to be made */
    size_t n_wanted;
    struct attrs
        vanished; /* names that a listing has not any more → when it began (wall clock, text); NULL: it follows */
    struct attrs
        vanished_ids; /* the same → the id of the one that bore it last. Both for a day, or as long as a want */
    struct attrs made;     /* groups that were made by us, id → name then */
    struct attrs attached; /* likewise, to teams: "GROUP/TEAM" → the group's name then */
};

enum team_search { TEAM_FOUND, TEAM_MISSING, TEAM_AMBIGUOUS };

void directory_done(struct directory *d);
/* *ret_id is set when found; borrowed until the directory changes. */
enum team_search directory_find(struct directory *d, const char *name, const char **ret_id);
/* When the listing began by which it vanished; 0: it is there, or none had it, or that is long ago. */
int64_t directory_vanished_ms(const struct directory *d, const char *name);
/* The id of a team that bore the name, or that we have made with it, and that is listed no more; not one of `but` (by id;
 * NULL: any). NULL: none is known. Borrowed until the directory changes. */
const char *directory_former(const struct directory *d, const char *name, const struct attrs *but);
const struct group_want *directory_want(const struct directory *d,
                                        const char *name); /* NULL: nobody wants it */
void directory_take(struct directory *d, const struct directory_record *r);

void directory_key(const struct directory_record *r, struct buf *out);
bool directory_forgets(const struct directory_record *r); /* it has no value */
void directory_value(const struct directory_record *r, struct buf *out);
/* Empty value: a team, a want or a group that is gone. Fails with ERROR_INPUT and the member's name. */
bool directory_record_read(struct str key, struct str value, struct directory_record *ret, struct error *err)
    __attribute__((warn_unused_result));
void directory_record_done(struct directory_record *r);

#endif
