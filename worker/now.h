/* now.h - the two clocks that the engine is told. Any thread. */
#ifndef ROLLCALL_WORKER_NOW_H
#define ROLLCALL_WORKER_NOW_H

#include "engine/engine.h"
#include "loop.h"

static inline struct now now_read(void)
{
    return (struct now){.wall_ms = clock_real_ms(), .boot_ms = clock_boot_ms()};
}

#endif
