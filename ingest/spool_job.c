#include "spool_job.h"

#include <stdlib.h>

#include "mem.h"

enum { JOB_MAX = 64 * 1024 * 1024 };

bool job_push(struct job_stack *s, struct spool_job *job)
{
    struct spool_job *top = atomic_load_explicit(&s->top, memory_order_relaxed);
    do
        job->next = top;
    while (!atomic_compare_exchange_weak(&s->top, &top, job));
    return !top;
}

struct spool_job *job_take_all(struct job_stack *s)
{
    struct spool_job *job = atomic_exchange(&s->top, NULL), *list = NULL;
    while (job) {
        struct spool_job *next = job->next;
        job->next = list;
        list = job;
        job = next;
    }
    return list;
}

struct spool_job *spool_job_new(void)
{
    struct spool_job *job = xcalloc(1, sizeof *job);
    buf_init(&job->bytes, JOB_MAX);
    return job;
}

void spool_job_free(struct spool_job *job)
{
    if (!job)
        return;
    buf_done(&job->bytes);
    free(job->rows);
    free(job);
}

static void add_row(struct spool_job *job, enum spool_topic topic, const struct record *r)
{
    if (job->n == job->size) {
        job->size = job->size ? job->size * 2 : 4;
        job->rows = xreallocarray(job->rows, job->size, sizeof *job->rows);
    }
    job->rows[job->n++] = (struct job_row){topic, r->key.n, r->headers.n, r->value.n};
}

bool spool_job_add(struct spool_job *job, const struct event *ev, unsigned spread)
{
    struct record record;
    if (!record_of_event(ev, spread, &job->bytes, &record))
        return false;
    add_row(job, SPOOL_EVENTS, &record);
    return true;
}

bool spool_job_add_raw(struct spool_job *job, const struct record *record)
{
    buf_add(&job->bytes, record->key.p, record->key.n);
    buf_add(&job->bytes, record->headers.p, record->headers.n);
    buf_add(&job->bytes, record->value.p, record->value.n);
    add_row(job, SPOOL_RAW, record);
    return buf_ok(&job->bytes);
}

bool job_append(const struct spool_job *job, struct spool_file *file, int64_t now_ms, int64_t *ret_seq,
                struct error *err)
{
    const char *at = job->bytes.p;
    for (size_t i = 0; i < job->n; i++) {
        const struct job_row *r = &job->rows[i];
        struct spool_row row = {
            .at_ms = now_ms,
            .topic = r->topic,
            .record = {{at, r->key}, {at + r->key, r->headers}, {at + r->key + r->headers, r->value}}};
        if (!spool_file_append(file, &row, err))
            return false;
        *ret_seq = row.seq;
        at += r->key + r->headers + r->value;
    }
    return true;
}
