/* group_records.h - what is told of groups as such through the targets topic. See group_records.c. */
#ifndef ROLLCALL_ENGINE_GROUP_RECORDS_H
#define ROLLCALL_ENGINE_GROUP_RECORDS_H

#include <stdint.h>

#include "directory.h"
#include "engine.h"

struct target;

/* Somebody of that partition misses a group that the owner makes. */
void groups_want(struct engine *e, struct target *t, int32_t partition, const char *group);
/* The partition is ours no more: who has it says what is missed there. */
void groups_drop_wants(struct engine *e, int32_t partition);
/* Each in a transaction of its partition. */
void groups_publish_wants(struct engine *e, struct target *t, struct now now);
void groups_read_back(const struct engine *e, struct target *t, const struct directory_record *r);
/* What was put down is put down again, what came to nothing is tried again. */
void groups_undo(struct target *t);
/* By the owner. failed: why it cannot be made; NULL: nobody needs to want it any more. */
void groups_publish_want(struct engine *e, const struct target *t, const char *group, const char *failed,
                         struct now now);
/* Likewise. group NULL: it is gone. */
void groups_publish_made(struct engine *e, const struct target *t, const char *id, const char *group,
                         struct now now);

#endif
