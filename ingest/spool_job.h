/* spool_job.h - jobs for the spool and the stacks on which they travel; for spool.c only.
 *
 * A stack is lock-free: any thread pushes, one takes all. */
#ifndef INGEST_SPOOL_JOB_H
#define INGEST_SPOOL_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "spool.h"
#include "spool_file.h"

struct job_row {
    enum spool_topic topic;
    size_t key, headers, value; /* bytes */
};

struct spool_job {
    struct spool_job *next;
    struct spool_port *port;
    void *opaque;
    struct job_row *rows;
    size_t n, size;
    struct buf bytes; /* of all rows, one after the other */
    bool kept;
};

struct job_stack {
    _Atomic(struct spool_job *) top;
};

/* true: it was empty, so whoever takes has to be woken. */
bool job_push(struct job_stack *s, struct spool_job *job);
/* All of it, the oldest first. */
struct spool_job *job_take_all(struct job_stack *s);

/* Appends the job's rows to the file's transaction; *ret_seq is the last one's number. */
bool job_append(const struct spool_job *job, struct spool_file *file, int64_t now_ms, int64_t *ret_seq,
                struct error *err) __attribute__((warn_unused_result));

#endif
