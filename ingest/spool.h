/* spool.h - keeps records on disk while Kafka is away and sends them, in order, when it is back.
 *
 * A thread of its own owns the file (spool_file.h) and a patient producer. An ingest thread hands over a job, the
 * records of one request; jobs that come while a commit runs share the next one; when it is fsynced each goes back
 * to the thread that it came from, through a port. Both ways are lock-free stacks with a wake-up:
 *
 *     ingest thread ── spool_put ──▶ jobs ──▶ commit, fsync ──▶ records ──▶ producer ──▶ deleted when acknowledged
 *          ▲                                        │
 *          └──── spool_poll ◀── port ◀── kept, or not
 *
 * As long as anything that was put is neither acknowledged by Kafka nor given back, spool_first says so, and newer
 * records belong behind it: so whoever saw a 2xx for one and then sends another has them in this order in Kafka. */
#ifndef INGEST_SPOOL_H
#define INGEST_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "error.h"
#include "event.h"
#include "loop.h"
#include "metrics.h"
#include "spool_file.h"

struct spool;
struct spool_port;
struct spool_job;

/* ---- main's thread ---- */

/* Opens the file. A damaged one is no error: it stays as it is, the log says what to do, and nothing is kept.
 * Errors as spool_file_open otherwise. */
bool spool_new(const struct config *cfg, struct metrics *metrics, struct spool **ret, struct error *err)
    __attribute__((warn_unused_result));
bool spool_start(struct spool *s, struct error *err) __attribute__((warn_unused_result));
/* Commits what was put, sends no more; what is unsent stays on disk. Ports' threads have ended. */
void spool_stop(struct spool *s);
void spool_free(struct spool *s); /* NULL is fine */

/* Until then everything belongs into the spool and nothing is sent: Kafka's topics are not known to be right. */
void spool_release(struct spool *s);
bool spool_usable(const struct spool *s); /* it would keep a record now, as far as is known. Any thread */
void spool_gauges(struct spool *s);

/* ---- an ingest thread ---- */

/* On the port's thread: every record of the job is on disk, or none. */
typedef void spool_done_fn(void *opaque, bool kept);

struct spool_port *spool_port_new(struct spool *s, struct loop *loop, spool_done_fn *done);
void spool_port_free(struct spool_port *port); /* nothing may be pending; NULL is fine */
void spool_poll(struct spool_port *port);      /* calls done for jobs that are finished */
size_t spool_pending(const struct spool_port *port);

/* Do newer records queue behind what is unsent? Any thread. */
bool spool_first(const struct spool *s);

struct spool_job *spool_job_new(void);
void spool_job_free(struct spool_job *job);
/* Copies the event. false: it is larger than a record may be. */
bool spool_job_add(struct spool_job *job, const struct event *ev, unsigned spread);
/* Copies a record of the archive. false: it is too large. */
bool spool_job_add_raw(struct spool_job *job, const struct record *record);
/* Takes the job over, calls done(opaque) later. false: too much is waiting for the disk, or the file is damaged;
 * the job is freed. */
bool spool_put(struct spool_port *port, struct spool_job *job, void *opaque);

#endif
