/* cli_load.h - `control load SOURCE`: asks a source for everybody, page by page, and publishes them as events.
 *
 * How far it has come is a record of the control topic (load/SOURCE), written after each page: a load that was cut goes on
 * there. A page that is published twice makes no second events: their ids come from when the load began. Main thread. */
#ifndef ROLLCALL_WORKER_CLI_LOAD_H
#define ROLLCALL_WORKER_CLI_LOAD_H

#include <stdbool.h>

#include "config.h"
#include "engine/control.h"

/* state: signed, of kind CONTROL_LOAD, with source and time_ms (now); nobody's afterwards. Prints progress and what came
 * out; the exit code: EX_OK, EX_TEMPFAIL (again goes on where it was), EX_UNAVAILABLE (the source refuses), EX_CONFIG. */
int load_run(const struct config *cfg, const struct control_state *state, bool restart);

#endif
