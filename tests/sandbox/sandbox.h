/* sandbox.h - the Miro core behind HTTP: one event loop, one thread.
 *
 * Serves SCIM under /api/v1/scim and the control API under /_sandbox/. libmicrohttpd runs from this loop,
 * never from its own epoll_wait, which can stall with k × 128 ready events. Thread rule: one thread;
 * sandbox_wake is for any. */
#ifndef ROLLCALL_SANDBOX_H
#define ROLLCALL_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "loop.h"
#include "sandbox_settings.h"

struct sandbox;

/* Listens when it returns. Settings are borrowed until sandbox_free. Fails with ERROR_SYSTEM (cannot listen)
 * or ERROR_INPUT (state file). */
bool sandbox_new(const struct settings *settings, struct sandbox **ret, struct error *err)
    __attribute__((warn_unused_result));
void sandbox_free(struct sandbox *sb);
int sandbox_port(const struct sandbox *sb);
struct loop *sandbox_loop(struct sandbox *sb);
/* One turn: waits (at most wait_ms, -1: as long as nothing is due), runs timers, serves what is ready. */
void sandbox_turn(struct sandbox *sb, int wait_ms);
/* What GET /_sandbox/state says, written beside and renamed. Fails with ERROR_SYSTEM. */
bool sandbox_write_state(const struct sandbox *sb, const char *path, struct error *err)
    __attribute__((warn_unused_result));
void sandbox_wake(struct sandbox *sb); /* ends the current or next wait */

#endif
