/* server.h - the threads: each owns an event loop, an HTTP server, a producer and a set of sources, and
 * shares only the port, the table of addresses and the metrics.
 *
 * Thread rule: the functions are main's; what reaches a thread reaches it by an atomic and a wake-up. */
#ifndef INGEST_SERVER_H
#define INGEST_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "error.h"
#include "metrics.h"

struct server;

/* Loads the sources, makes the producers, opens the port; nothing runs yet. */
bool server_new(const struct config *cfg, struct metrics *metrics, struct server **ret, struct error *err)
    __attribute__((warn_unused_result));
bool server_start(struct server *s, struct error *err) __attribute__((warn_unused_result));
/* Stops listening, answers what is under way (503 after a deadline), joins the threads. */
void server_stop(struct server *s);
void server_free(struct server *s); /* stops first if need be */

/* New sources, secrets, limits and certificate for all threads, or, on failure, for none. */
bool server_reload(struct server *s, const struct config *cfg, struct error *err)
    __attribute__((warn_unused_result));

/* Topics are there and right. Only a server with a spool may be started before: it keeps everything until then. */
void server_kafka_is_there(struct server *s);

uint16_t server_port(const struct server *s);
bool server_ready(struct server *s, struct buf *reason); /* if not, appends why */
bool server_alive(struct server *s);                     /* every thread has turned lately */
void server_gauges(struct server *s);                    /* brings gauges up to date */

#endif
