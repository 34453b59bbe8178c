/* planner.h - what would be done for some persons, of one event or as things are: the engine of a dry run, in memory.
 *
 *      persons topic (one partition) ─► engine, plan_only ◄─ the event, or the question as things are
 *      control, targets (pauses, teams) ─► │        │
 *                                         ▼        ▼
 *                              GETs to the targets  plan records: told to the caller
 *
 * The engine decides, as in a worker; its batches are answered here and go nowhere, nothing is written to Kafka, and the
 * HTTP client sends nothing but GET to targets. Of others than those asked about only what the guard counts is kept.
 * Everybody asked about at once is in one partition of the records. Main thread. */
#ifndef ROLLCALL_WORKER_PLANNER_H
#define ROLLCALL_WORKER_PLANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "config.h"
#include "engine/engine.h"
#include "error.h"
#include "event.h"

enum { PLANNER_PERSONS_MAX = 1000 };

struct planner;

struct planner_how {
    bool although_paused; /* what people have paused is asked all the same */
    void *ctx;
    /* One plan: of whom, as cJSON and as text. All borrowed until it returns. */
    void (*told)(void *ctx, const char *person, const cJSON *plan, struct str json);
    /* The policy's word for somebody at a target, whenever it is asked; may be NULL. */
    void (*wanted)(void *ctx, const char *target, const struct desired *desired);
};

/* Reads policy, secrets and sources; talks to nobody yet. Borrows cfg, copies how. Fails with ERROR_INPUT or ERROR_SYSTEM. */
bool planner_new(const struct config *cfg, const struct planner_how *how, struct planner **ret,
                 struct error *err) __attribute__((warn_unused_result));
/* Asks about the person of the event, or about one as things are: TENANT/DIRECTORY/SUBJECT. One of these calls, once. Fails
 * with ERROR_INPUT: no target takes such a person. */
bool planner_ask_event(struct planner *p, const struct event *ev, struct error *err)
    __attribute__((warn_unused_result));
bool planner_ask_person(struct planner *p, const char *person, struct error *err)
    __attribute__((warn_unused_result));
/* Or about n persons of a target's directory, whom the records choose: always the same ones, as long as they are there. Fewer
 * if there are not so many (of the partition of the tenant's bucket 0). */
bool planner_ask_sample(struct planner *p, const char *tenant, const char *directory, size_t n,
                        struct error *err) __attribute__((warn_unused_result));
size_t planner_persons(const struct planner *p);
/* Until everything is told, or can no longer be within timeout_ms. Fails with ERROR_TEMPORARY when brokers do not answer,
 * ERROR_INPUT when nobody has told of the person. */
bool planner_run(struct planner *p, int64_t timeout_ms, struct error *err)
    __attribute__((warn_unused_result));
/* What was not told, and why; fn may be NULL. How many there are. */
size_t planner_each_untold(const struct planner *p,
                           void (*fn)(void *ctx, const char *person, const char *target, const char *why));
void planner_free(struct planner *p);

#endif
