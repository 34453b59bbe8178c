#include "metrics.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "mem.h"

/* A series is one combination of label values. They sit in an open-addressed table of pointers per metric; a
 * pointer once set never changes, so readers need no lock and a loser of the race for a slot simply looks
 * again. */
struct series {
    _Atomic int64_t value;
    char labels[METRIC_LABELS_MAX][METRIC_LABEL_VALUE_MAX + 1];
};

enum { SLOTS = 2 * METRIC_SERIES_MAX };

struct metric {
    struct series *_Atomic *slots; /* NULL for a metric without labels */
    _Atomic unsigned n_series;
    struct series single; /* its value, or of all combinations that found no place ("other") */
};

struct metrics {
    const struct metric_def *defs;
    size_t n;
    struct metric metrics[];
};

struct metrics *metrics_new(const struct metric_def *defs, size_t n)
{
    struct metrics *m = xcalloc(1, sizeof *m + n * sizeof m->metrics[0]);
    m->defs = defs;
    m->n = n;
    for (size_t i = 0; i < n; i++) {
        if (!defs[i].labels[0])
            continue;
        m->metrics[i].slots = xcalloc(SLOTS, sizeof *m->metrics[i].slots);
        for (size_t k = 0; k < METRIC_LABELS_MAX; k++)
            memcpy(m->metrics[i].single.labels[k], "other", sizeof "other");
    }
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n; i++) {
        for (size_t k = 0; m->metrics[i].slots && k < SLOTS; k++)
            free(m->metrics[i].slots[k]);
        free(m->metrics[i].slots);
    }
    free(m);
}

/* Label values as a caller gives them, cut to what a series keeps. */
struct labels {
    struct str v[METRIC_LABELS_MAX];
};

static struct str cut_label(const char *label)
{
    return (struct str){label, label ? strnlen(label, METRIC_LABEL_VALUE_MAX) : 0};
}

static size_t place_of(const struct labels *wanted)
{
    uint64_t first = digest_hash64(wanted->v[0].p, wanted->v[0].n);
    uint64_t second = wanted->v[1].n > 0 ? digest_hash64(wanted->v[1].p, wanted->v[1].n) : 0;
    return (first + 31 * second) % SLOTS;
}

static bool labelled(const struct series *series, const struct labels *wanted)
{
    for (size_t k = 0; k < METRIC_LABELS_MAX; k++) {
        struct str label = wanted->v[k];
        if ((label.n > 0 && memcmp(series->labels[k], label.p, label.n) != 0) ||
            series->labels[k][label.n] != '\0')
            return false;
    }
    return true;
}

/* Puts a copy of wanted into the free slot. Returns what stands there afterwards: somebody may have been
 * faster. */
static struct series *claim(struct metric *metric, struct series *_Atomic *slot, const struct labels *wanted)
{
    if (atomic_fetch_add(&metric->n_series, 1) >= METRIC_SERIES_MAX) {
        atomic_fetch_sub(&metric->n_series, 1);
        return NULL;
    }
    struct series *fresh = xcalloc(1, sizeof *fresh), *there = NULL;
    for (size_t k = 0; k < METRIC_LABELS_MAX; k++)
        if (wanted->v[k].n > 0)
            memcpy(fresh->labels[k], wanted->v[k].p, wanted->v[k].n);
    if (atomic_compare_exchange_strong(slot, &there, fresh))
        return fresh;
    atomic_fetch_sub(&metric->n_series, 1);
    free(fresh);
    return there;
}

static struct series *find(struct metrics *m, size_t id, const char *label, const char *label2)
{
    assert(id < m->n);
    struct metric *metric = &m->metrics[id];
    if (!metric->slots)
        return &metric->single;
    const struct labels wanted = {{cut_label(label), cut_label(label2)}};
    for (size_t at = place_of(&wanted);;
         at = (at + 1) % SLOTS) { /* ends: at most half of the slots are ever taken */
        struct series *there = atomic_load_explicit(&metric->slots[at], memory_order_acquire);
        if (!there)
            there = claim(metric, &metric->slots[at], &wanted);
        if (!there)
            return &metric->single;
        if (labelled(there, &wanted))
            return there;
    }
}

void metrics_add2(struct metrics *m, size_t metric, const char *label, const char *label2, int64_t delta)
{
    if (m)
        atomic_fetch_add_explicit(&find(m, metric, label, label2)->value, delta, memory_order_relaxed);
}

void metrics_set2(struct metrics *m, size_t metric, const char *label, const char *label2, int64_t value)
{
    if (m)
        atomic_store_explicit(&find(m, metric, label, label2)->value, value, memory_order_relaxed);
}

void metrics_add(struct metrics *m, size_t metric, const char *label, int64_t delta)
{
    metrics_add2(m, metric, label, NULL, delta);
}

void metrics_set(struct metrics *m, size_t metric, const char *label, int64_t value)
{
    metrics_set2(m, metric, label, NULL, value);
}

int64_t metrics_get(struct metrics *m, size_t metric, const char *label, const char *label2)
{
    return atomic_load_explicit(&find(m, metric, label, label2)->value, memory_order_relaxed);
}

static void render_label_value(const char *value, struct buf *out)
{
    for (; *value; value++) {
        if (*value == '\n') {
            buf_adds(out, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\')
            buf_addc(out, '\\');
        buf_addc(out, *value);
    }
}

static void render_series(const struct metric_def *def, struct series *s, struct buf *out)
{
    int64_t value = atomic_load_explicit(&s->value, memory_order_relaxed);
    if (value == METRIC_ABSENT)
        return;
    buf_adds(out, def->name);
    for (size_t i = 0; i < METRIC_LABELS_MAX && def->labels[i]; i++) {
        buf_addf(out, "%s%s=\"", i == 0 ? "{" : ",", def->labels[i]);
        render_label_value(s->labels[i], out);
        buf_addc(out, '"');
    }
    buf_adds(out, def->labels[0] ? "} " : " ");
    if (def->unit > 0)
        buf_addf(out, "%.15g", (double)value * def->unit);
    else
        buf_addi(out, value);
    buf_addc(out, '\n');
}

static void render_metric(const struct metric_def *def, struct metric *metric, struct buf *out)
{
    static const char *const types[] = {[METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge"};
    buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", def->name, def->help, def->name, types[def->type]);
    if (!metric->slots || metric->single.value != 0)
        render_series(def, &metric->single, out);
    for (size_t i = 0; metric->slots && i < SLOTS; i++) {
        struct series *s = atomic_load_explicit(&metric->slots[i], memory_order_acquire);
        if (s)
            render_series(def, s, out);
    }
}

void metrics_render(struct metrics *m, struct buf *out)
{
    for (size_t i = 0; i < m->n; i++)
        render_metric(&m->defs[i], &m->metrics[i], out);
}
