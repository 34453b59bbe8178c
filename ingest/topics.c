#include "topics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kafka.h"
#include "log.h"
#include "mem.h"

enum { ATTEMPT_MS = 3000, PAUSE_MS = 1000 };

struct topics {
    const struct config *cfg;
    struct loop *loop; /* main's */
    struct loop *own;  /* only to pause on */
    pthread_t id;
    _Atomic bool stopping;
    _Atomic int state;
    struct error err; /* written before the state says TOPICS_WRONG */
};

bool topics_ensure(const struct config *cfg, struct error *err)
{
    struct kafka_warnings warnings = {0};
    int partitions = 0;
    if (!kafka_topics_ensure(cfg, ATTEMPT_MS, &partitions, &warnings, err))
        return false;
    for (size_t i = 0; i < warnings.n; i++)
        log_warn("Kafka", LOG_S("detail", warnings.v[i]));
    log_info("topics are there", LOG_I("partitions", partitions));
    return true;
}

static void *thread_main(void *arg)
{
    struct topics *t = arg;
    bool told = false;
    while (!atomic_load(&t->stopping)) {
        bool ok = topics_ensure(t->cfg, &t->err);
        if (ok || t->err.kind != ERROR_TEMPORARY) {
            atomic_store(&t->state, ok ? TOPICS_RIGHT : TOPICS_WRONG);
            loop_wake(t->loop);
            return NULL;
        }
        if (!told)
            log_warn("Kafka is away, events go to the spool", LOG_ERROR_FIELD(&t->err));
        told = true;
        loop_wait(t->own, PAUSE_MS);
    }
    return NULL;
}

bool topics_start(const struct config *cfg, struct loop *loop, struct topics **ret, struct error *err)
{
    struct topics *t = xcalloc(1, sizeof *t);
    t->cfg = cfg;
    t->loop = loop;
    bool ok = loop_new(&t->own, err);
    int rc = ok ? pthread_create(&t->id, NULL, thread_main, t) : 0;
    if (rc != 0)
        ok = error_set(err, ERROR_SYSTEM, "cannot start a thread: %s", strerror(rc));
    if (!ok) {
        loop_free(t->own);
        free(t);
        return false;
    }
    pthread_setname_np(t->id, "topics");
    *ret = t;
    return true;
}

enum topics_state topics_state(struct topics *t, struct error *err)
{
    enum topics_state state = (enum topics_state)atomic_load(&t->state);
    if (state == TOPICS_WRONG)
        *err = t->err;
    return state;
}

void topics_free(struct topics *t)
{
    if (!t)
        return;
    atomic_store(&t->stopping, true);
    loop_wake(t->own);
    pthread_join(t->id, NULL);
    loop_free(t->own);
    free(t);
}
