/* loop.h - a small event loop: epoll with callbacks, signals as a descriptor.
 *
 * Callbacks run inside loop_wait on its thread, may add and remove any descriptor (also their own) and must
 * not block. loop_wake is the only function for other threads. */
#ifndef ROLLCALL_LOOP_H
#define ROLLCALL_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct loop;

typedef void loop_fn(void *ctx, uint32_t events); /* events: EPOLLIN … */

bool loop_new(struct loop **ret, struct error *err) __attribute__((warn_unused_result));
void loop_free(struct loop *l); /* does not close what was added */

/* Level-triggered. Fails with ERROR_SYSTEM. Adding a descriptor again changes events, fn and ctx. */
bool loop_add(struct loop *l, int fd, uint32_t events, loop_fn *fn, void *ctx, struct error *err)
    __attribute__((warn_unused_result));
/* No callback for fd afterwards, not even for an event already taken in this turn. Before close(fd). */
void loop_remove(struct loop *l, int fd);

/* Waits at most timeout_ms (-1: for ever) and runs callbacks; returns how many. */
size_t loop_wait(struct loop *l, int timeout_ms);
/* Ends the current or next loop_wait at once. Any thread. */
void loop_wake(struct loop *l);

/* Blocks the signals in the calling thread (call before starting threads) and returns a descriptor that
 * reports them; signals: terminated by 0. -1 and err on failure. */
int loop_signal_fd(const int *signals, struct error *err);
int loop_signal_read(int fd); /* the next signal's number, 0: none */

/* Milliseconds: CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME. */
int64_t clock_real_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_boot_ms(void);

#endif
