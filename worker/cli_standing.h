/* cli_standing.h - what people have decided and what the guards hold, as Kafka has it: listed, and told to who decides, so that
 * nobody is left to believe that a decision does something when it meets nothing. Main thread. */
#ifndef ROLLCALL_WORKER_CLI_STANDING_H
#define ROLLCALL_WORKER_CLI_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "engine/control.h"
#include "error.h"
#include "holdings.h"
#include "topic_reader.h"

/* Every record of the control topic. Fails as topic_reader_read_all does, as do all of these. */
bool standing_each(const struct config *cfg, topic_record_fn *take, void *ctx, struct error *err)
    __attribute__((warn_unused_result));
/* What is in force, or was before that decision was written, unless it is NULL. Into a fresh *ret; release with control_done, also
 * after a failure. */
bool standing_read(const struct config *cfg, const struct control_state *before, struct control *ret,
                   struct error *err) __attribute__((warn_unused_result));
/* What is held and was denied, sorted; release with holdings_done, also after a failure. Reads all persons: seconds for a
 * million. until_ms: leaves out what the workers have written later, for instance because of a decision of that time; 0: nothing. */
bool standing_holdings(const struct config *cfg, int64_t until_ms, struct holdings *ret, struct error *err)
    __attribute__((warn_unused_result));
/* Whether anything is known of the person (tenant/directory/subject). Likewise. */
bool standing_knows(const struct config *cfg, const char *person, bool *ret, struct error *err)
    __attribute__((warn_unused_result));

/* The commands of these names; exit codes. */
int standing_list(const struct config *cfg, int64_t now_ms);
int standing_holds(const struct config *cfg, bool denied);

void standing_print_holding(const struct holding *v);
/* Each pause in force that keeps the target (or CONTROL_ALL: any) from being called, but for the state that is its own; a line
 * each on stdout that begins with what. */
void standing_print_pauses(const struct control *c, const char *target, bool own_too, const char *what);

#endif
