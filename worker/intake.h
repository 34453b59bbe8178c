/* intake.h - Kafka records as the engine takes them. The loop's thread. */
#ifndef ROLLCALL_WORKER_INTAKE_H
#define ROLLCALL_WORKER_INTAKE_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "engine/engine.h"
#include "error.h"

enum { INTAKE_HEADERS_MAX = 32 }; /* further ones are not read */

/* A record of the events topic: an event, or one that goes to dead letters with the reason. False: the engine does
 * not take it now; the same record is to be given again when the next batch is answered. */
bool intake_event(struct engine *engine, const rd_kafka_message_t *message, struct now now)
    __attribute__((warn_unused_result));

/* A record of the persons topic, during restore. Fails as engine_restore_record does. */
bool intake_record(struct engine *engine, const rd_kafka_message_t *message, struct error *err)
    __attribute__((warn_unused_result));

#endif
