/* usage.h - what processes have used so far, from /proc. A process that is gone counts with what it had. */
#ifndef ROLLCALL_BENCH_USAGE_H
#define ROLLCALL_BENCH_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct usage {
    int64_t cpu_us; /* user and kernel, all threads */
    int64_t resident_kib;
};

struct usage usage_read(pid_t pid); /* zeros if there is no such process */

#endif
