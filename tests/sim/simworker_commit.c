/* The shell's ledger: transactions and restores, step by step; anything may happen between two steps. */
#include "simworker.h"

#include <stdlib.h>

#include "mutations.h"
#include "scenario.h"
#include "simgroup.h"

enum { STEP_MS = 15, STEP_SLOW_MS = 4000, RETRY_MS = 50 };

static void commit_step(void *ctx, uint64_t arg);

static void next_step(struct proc *p, enum commit_phase phase)
{
    struct world *w = p->world;
    bool slow = !w->quiet && prng_chance(&w->prng, w->chaos.slow_commit);
    p->commit = phase;
    clock_after(&w->clock, prng_range(&w->prng, 0, slow ? STEP_SLOW_MS : STEP_MS), commit_step, p,
                p->commit_no);
    proc_maybe_pause(p);
}

void proc_commit_start(struct proc *p)
{
    p->batch = engine_batch_take(p->engine, proc_now(p));
    if (!p->batch)
        return;
    p->txn = 0;
    p->commit_no++;
    p->doomed = !p->world->quiet && prng_chance(&p->world->prng, p->world->chaos.abort);
    next_step(p, COMMIT_BEGIN);
}

void proc_rewind(struct proc *p)
{
    if (SIM_MUTATION(SIM_NO_REWIND))
        return;
    for (int32_t i = 0; i < WORLD_PARTITIONS_MAX; i++)
        if (p->parts[i].state == PART_OWNED)
            p->parts[i].read_next = engine_position(p->engine, i);
}

static void answer(struct proc *p, bool committed)
{
    world_trace(p->world, "%s transaction %llu %s: %zu records", p->name, (unsigned long long)p->txn,
                committed ? "committed" : "aborted", p->batch->n_records);
    p->commit = COMMIT_NONE;
    p->commit_no++;
    p->batch = NULL;
    if (committed)
        p->lease_until_ms = p->sent_boot_ms + p->booted_ms + WORLD_LEASE_MS;
    if (committed)
        engine_batch_committed(p->engine, p->sent_boot_ms, proc_now(p));
    else
        engine_batch_aborted(p->engine, proc_now(p));
    if (!committed)
        proc_rewind(p);
    proc_turn_in(p, prng_range(&p->world->prng, 0, 5));
}

void proc_commit_give_up(struct proc *p)
{
    if (p->commit == COMMIT_NONE)
        return;
    if (p->commit == COMMIT_ANSWER) { /* decided already: the answer is on its way */
        answer(p, simlog_txn(p->world->log, p->txn)->state == TXN_COMMITTED);
        return;
    }
    if (p->txn)
        simlog_end(p->world->log, p->txn, false);
    answer(p, false);
}

/* librdkafka sends records when it likes; all of them have arrived when the commit is asked for. */
static enum txn_reply append_up_to(struct proc *p, size_t n)
{
    enum txn_reply reply = TXN_OK;
    for (; reply == TXN_OK && p->appended < n; p->appended++)
        reply = simlog_append(p->world->log, p->txn, &p->batch->records[p->appended]);
    return reply;
}

static enum txn_reply begin(struct proc *p)
{
    enum txn_reply reply = simlog_begin(p->world->log, p->slot, p->epoch, &p->txn);
    p->appended = 0;
    return reply == TXN_OK
               ? append_up_to(p, (size_t)prng_range(&p->world->prng, 0, (int64_t)p->batch->n_records))
               : reply;
}

static enum txn_reply end(struct proc *p)
{
    enum txn_reply reply = p->doomed ? TXN_OK : append_up_to(p, p->batch->n_records);
    return reply == TXN_OK ? simlog_end(p->world->log, p->txn, !p->doomed) : reply;
}

static enum txn_reply send_offsets(struct proc *p)
{
    struct group_meta meta = p->meta;
    if (SIM_MUTATION(SIM_NO_GROUP_FENCING))
        meta.generation = -1;
    size_t n = SIM_MUTATION(SIM_OFFSETS_EMPTY) ? 0 : p->batch->n_offsets;
    p->sent_boot_ms = proc_now(p).boot_ms;
    return simlog_send_offsets(p->world->log, p->txn, &meta, p->batch->offsets, n);
}

/* What the reply means in this phase: go on, try again, abort, or exit. */
static void proceed(struct proc *p, enum txn_reply reply)
{
    switch (reply) {
    case TXN_OK:
        next_step(p, p->commit + 1);
        return;
    case TXN_BUSY:
        p->txn = 0;
        clock_after(&p->world->clock, RETRY_MS, commit_step, p, p->commit_no);
        return;
    case TXN_ILLEGAL:
        world_trace(p->world, "%s is not of this generation", p->name);
        p->doomed = true;
        next_step(p, COMMIT_END);
        return;
    case TXN_FENCED:
        proc_kill(p, "fenced");
        return;
    }
}

static void commit_step(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (arg != p->commit_no || proc_absent(p, commit_step, arg))
        return;
    switch (p->commit) {
    case COMMIT_NONE:
        return;
    case COMMIT_BEGIN:
        proceed(p, begin(p));
        return;
    case COMMIT_OFFSETS:
        proceed(p, send_offsets(p));
        return;
    case COMMIT_END:
        proceed(p, end(p));
        return;
    case COMMIT_ANSWER:
        answer(p, !p->doomed);
        return;
    }
}

/* ---- restore ------------------------------------------------------------------------------------------- */

struct reader {
    struct proc *proc;
    int32_t partition;
    bool ok;
};

static void take_record(void *ctx, const struct log_record *r)
{
    struct reader *reader = ctx;
    struct error err;
    if (engine_restore_record(reader->proc->engine, reader->partition, (struct str){r->key, r->key_n},
                              (struct str){r->value, r->value ? r->value_n : 0}, r->headers, r->n_headers,
                              &err))
        return;
    reader->ok = false;
    world_fail(reader->proc->world, "P6 restore", "%s cannot read %s: %s", reader->proc->name, r->key,
               err.message);
}

static void own(struct proc *p, int32_t i)
{
    struct proc_part *part = &p->parts[i];
    part->state = PART_OWNED;
    part->read_next = engine_position(p->engine, i);
    world_trace(p->world, "%s owns partition %d from offset %lld%s", p->name, i, (long long)part->read_next,
                part->kept ? ", as it was left" : "");
    part->kept = false;
    proc_turn_in(p, 1);
}

static void restore_end(struct proc *p, int32_t i)
{
    struct world *w = p->world;
    struct proc_part *part = &p->parts[i];
    struct reader reader = {p, i, true};
    struct error err;
    int64_t end = part->until;
    if (SIM_MUTATION(SIM_RESTORE_TO_LSO) && simlog_last_stable_offset(w->log, i) < end)
        end = simlog_last_stable_offset(w->log, i);
    simlog_read_persons(w->log, i, end, prng_chance(&w->prng, w->chaos.compact), take_record, &reader);
    if (!reader.ok || !engine_restore_end(p->engine, i, part->committed, proc_now(p), &err)) {
        /* A member that was removed while it slept may have read offset and records of two different times. */
        if (reader.ok && group_validates(w->group, &p->meta))
            world_fail(w, "P6 restore", "%s refuses partition %d: %s", p->name, i, err.message);
        proc_kill(p, "restore failed");
        return;
    }
    own(p, i);
}

static void restore_read(void *ctx, uint64_t arg);

static void retry(struct proc *p, void (*fn)(void *ctx, uint64_t arg), uint64_t arg)
{
    clock_after(&p->world->clock, prng_range(&p->world->prng, 5, RETRY_MS), fn, p, arg);
}

/* True: nobody has written since it was left, nothing is to be read. */
static bool restore_kept(struct proc *p, int32_t i)
{
    struct proc_part *part = &p->parts[i];
    bool same = (part->committed == part->left_offset && part->until == part->left_end) ||
                SIM_MUTATION(SIM_KEPT_UNCHECKED);
    if (!part->kept)
        return false;
    if (same) {
        engine_unpark(p->engine, i, proc_now(p));
        own(p, i);
        return true;
    }
    part->kept = false;
    engine_drop(p->engine, i);
    engine_restore_begin(p->engine, i);
    return false;
}

/* The committed offset first, then the watermark: facts of tests/kafka, rule 1. */
static void restore_bounds(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (arg >> 8 != p->assignment || proc_absent(p, restore_bounds, arg))
        return;
    struct world *w = p->world;
    int32_t i = (int32_t)(arg & 255);
    struct proc_part *part = &p->parts[i];
    if (SIM_MUTATION(SIM_WATERMARK_FIRST) && part->until < 0)
        part->until = simlog_high_watermark(w->log, i);
    if (!simlog_committed(w->log, i, &part->committed)) {
        retry(p, restore_bounds, arg);
        return;
    }
    if (!SIM_MUTATION(SIM_WATERMARK_FIRST))
        part->until = simlog_high_watermark(w->log, i);
    if (!restore_kept(p, i))
        retry(p, restore_read, arg);
}

static void restore_read(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (arg >> 8 != p->assignment || proc_absent(p, restore_read, arg))
        return;
    int32_t i = (int32_t)(arg & 255);
    bool reached = simlog_last_stable_offset(p->world->log, i) >= p->parts[i].until;
    if (reached || SIM_MUTATION(SIM_RESTORE_TO_LSO))
        restore_end(p, i);
    else
        retry(p, restore_read, arg);
}

void proc_restore_start(struct proc *p)
{
    for (int32_t i = 0; i < p->world->scenario->partitions; i++) {
        struct proc_part *part = &p->parts[i];
        bool ours = p->assigned & 1u << i;
        if (part->kept && !ours) {
            engine_drop(p->engine, i);
            *part = (struct proc_part){0};
        }
        if (!ours)
            continue;
        if (!part->kept)
            engine_restore_begin(p->engine, i);
        part->state = PART_RESTORING;
        part->until = -1;
        retry(p, restore_bounds, p->assignment << 8 | (uint64_t)i);
    }
    p->assigned = 0;
}

static void begin_assignment(void *ctx, uint64_t arg)
{
    struct proc *p = ctx;
    if (arg != p->assignment || proc_absent(p, begin_assignment, arg))
        return;
    world_trace(p->world, "%s is assigned %#x in generation %d", p->name, p->assigned, p->meta.generation);
    proc_restore_start(p);
}

void proc_assigned(struct world *w, size_t slot, uint64_t member, int generation, uint32_t partitions)
{
    struct proc *p = NULL;
    for (size_t i = 0; i < w->n_procs; i++)
        if (!w->procs[i]->dead && w->procs[i]->slot == slot && w->procs[i]->member == member)
            p = w->procs[i];
    if (!p)
        return;
    p->meta = (struct group_meta){slot, member, generation};
    p->assigned = partitions;
    p->assignment++;
    clock_after(&w->clock, prng_range(&w->prng, 0, 50), begin_assignment, p, p->assignment);
}
