#include "tx.h"

#include <stddef.h>

#include "failpoint.h"
#include "loop.h"
#include "mem.h"

/* ---- judgement ----------------------------------------------------------------------------------------- */

/* Codes that mean more than librdkafka's own classes say. Whatever is not here goes by those classes. */
static const struct {
    rd_kafka_resp_err_t code;
    enum tx_verdict verdict;
    const char *advice;
} known[] = {
    {RD_KAFKA_RESP_ERR__FENCED, TX_EXIT,
     "another process runs with this slot, or this one stood still longer than the transaction timeout; give "
     "each worker a slot of its own"},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, TX_EXIT,
     "another process runs with this slot; give each worker a slot of its own"},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, TX_UNDO_THEN_EXIT,
     "another process joined the group with this slot (give each worker its own), or the broker lost sight "
     "of this one while it was away"},
    {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, TX_UNDO, "the group has moved on without this worker"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, TX_UNDO, "the group has moved on without this worker"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, TX_UNDO_THEN_EXIT,
     "a topic that the worker writes to is not there; the next start makes it or says how"},
    {RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, TX_EXIT, "the broker has ended the transaction already"},
};

const char *tx_advice(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i].code == code)
            return known[i].advice;
    return NULL;
}

/* What is left when librdkafka calls an error neither fatal nor retriable nor abortable. */
static const enum tx_verdict otherwise[TX_STEPS] = {
    [TX_INIT] = TX_EXIT,    [TX_BEGIN] = TX_EXIT,  [TX_PRODUCE] = TX_UNDO,
    [TX_OFFSETS] = TX_UNDO, [TX_COMMIT] = TX_UNDO, [TX_ABORT] = TX_EXIT,
};

enum tx_verdict tx_judge(enum tx_step step, const struct tx_fault *fault)
{
    if (fault->fatal)
        return TX_EXIT;
    enum tx_verdict verdict = otherwise[step];
    if (fault->retriable)
        verdict = TX_RETRY;
    if (fault->abortable)
        verdict = TX_UNDO;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i].code == fault->code && !(fault->abortable && known[i].verdict == TX_EXIT))
            verdict = known[i].verdict;
    bool cannot_undo = step == TX_INIT || step == TX_BEGIN || step == TX_ABORT;
    return cannot_undo && verdict != TX_RETRY ? TX_EXIT : verdict;
}

/* ---- steps --------------------------------------------------------------------------------------------- */

struct run { /* a transaction under way */
    struct tx *tx;
    const struct engine_batch *batch;
    const rd_kafka_consumer_group_metadata_t *group;
    rd_kafka_topic_partition_list_t *offsets;
    struct tx_result *result;
};

static const char *const step_names[TX_STEPS] = {
    "taking over the transactional id",
    "beginning a transaction",
    "producing",
    "sending offsets",
    "committing",
    "aborting",
};

static void explain(struct error *err, enum tx_step step, rd_kafka_resp_err_t code, const char *text)
{
    const char *advice = tx_advice(code);
    error_set(err, ERROR_TEMPORARY, "%s: %s (%s)%s%s", step_names[step], text, rd_kafka_err2name(code),
              advice ? "; " : "", advice ? advice : "");
}

/* Takes ownership of error. */
static enum tx_verdict judge(rd_kafka_error_t *error, enum tx_step step, struct error *err)
{
    const struct tx_fault fault = {
        .code = rd_kafka_error_code(error),
        .fatal = rd_kafka_error_is_fatal(error),
        .retriable = rd_kafka_error_is_retriable(error),
        .abortable = rd_kafka_error_txn_requires_abort(error),
    };
    explain(err, step, fault.code, rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return tx_judge(step, &fault);
}

static rd_kafka_error_t *do_init(struct run *run)
{
    return rd_kafka_init_transactions(run->tx->rk, PULSE_SLICE_MS);
}

static rd_kafka_error_t *do_begin(struct run *run)
{
    return rd_kafka_begin_transaction(run->tx->rk);
}

static rd_kafka_error_t *do_offsets(struct run *run)
{
    run->result->sent_boot_ms = clock_boot_ms();
    return rd_kafka_send_offsets_to_transaction(run->tx->rk, run->offsets, run->group, 2 * PULSE_SLICE_MS);
}

static rd_kafka_error_t *do_commit(struct run *run)
{
    return rd_kafka_commit_transaction(run->tx->rk, PULSE_SLICE_MS);
}

static rd_kafka_error_t *do_abort(struct run *run)
{
    return rd_kafka_abort_transaction(run->tx->rk, PULSE_SLICE_MS);
}

typedef rd_kafka_error_t *step_fn(struct run *run);

/* Repeats a step while its errors ask for it; *ret is set when it fails and is never TX_RETRY then. */
static bool step(struct run *run, enum tx_step which, step_fn *fn, enum tx_verdict *ret)
{
    pulse_moved(run->tx->pulse, step_names[which]);
    for (;;) {
        pulse_beat(run->tx->pulse);
        rd_kafka_error_t *error = fn(run);
        if (!error)
            return true;
        int code = rd_kafka_error_code(error);
        *ret = judge(error, which, &run->result->err);
        if (*ret == TX_RETRY && atomic_load(&run->tx->pulse->stop))
            *ret = TX_EXIT;
        if (*ret != TX_RETRY)
            return false;
        pulse_pause(run->tx->pulse, code);
    }
}

/* ---- records ------------------------------------------------------------------------------------------- */

static rd_kafka_headers_t *headers_of(const struct out_record *r)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(r->n_headers);
    for (size_t i = 0; i < r->n_headers; i++)
        rd_kafka_header_add(headers, r->headers[i].name, -1, r->headers[i].value, -1);
    return headers;
}

/* producev, not produceva: the latter frees the headers twice when the partition is unknown
 * (librdkafka 2.0.2). */
static rd_kafka_resp_err_t produce_record(struct tx *tx, const struct out_record *r)
{
    int32_t partition = r->partition < 0 ? RD_KAFKA_PARTITION_UA : r->partition;
    void *first = r->topic == TOPIC_PERSONS && continuity_sends(&tx->continuity, partition) ? tx : NULL;
    rd_kafka_headers_t *headers = headers_of(r);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        tx->rk, RD_KAFKA_V_TOPIC(tx->topics[r->topic]), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY((void *)r->key.p, r->key.n),
        RD_KAFKA_V_VALUE((void *)r->value.p, r->value.n), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(first), RD_KAFKA_V_END);
    if (code)
        rd_kafka_headers_destroy(headers);
    return code;
}

/* A full queue drains by itself while the brokers answer; when they do not, its messages time out. */
static bool produce_one(struct run *run, const struct out_record *r, enum tx_verdict *ret)
{
    for (;;) {
        rd_kafka_resp_err_t code = produce_record(run->tx, r);
        if (!code)
            return true;
        const struct tx_fault fault = {.code = code,
                                       .fatal = code == RD_KAFKA_RESP_ERR__FATAL ||
                                                code == RD_KAFKA_RESP_ERR__FENCED,
                                       .retriable = code == RD_KAFKA_RESP_ERR__QUEUE_FULL};
        *ret = tx_judge(TX_PRODUCE, &fault);
        explain(&run->result->err, TX_PRODUCE, code, rd_kafka_err2str(code));
        if (*ret != TX_RETRY)
            return false;
        pulse_beat(run->tx->pulse);
        rd_kafka_poll(run->tx->rk, PULSE_PAUSE_MS);
    }
}

static bool produce_all(struct run *run, enum tx_verdict *ret)
{
    pulse_moved(run->tx->pulse, step_names[TX_PRODUCE]);
    for (size_t i = 0; i < run->batch->n_records; i++)
        if (!produce_one(run, &run->batch->records[i], ret))
            return false;
    return true;
}

/* ---- continuity ---------------------------------------------------------------------------------------- */

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *ctx)
{
    struct tx *tx = ctx;
    (void)rk;
    if (message->_private && !message->err)
        continuity_written(&tx->continuity, message->partition, message->offset);
}

void tx_configure(struct tx *tx, rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_opaque(conf, tx);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
}

static bool awaits_proof(const struct tx *tx)
{
    for (size_t i = 0; i < tx->continuity.n; i++)
        if (tx->continuity.v[i].sent)
            return true;
    return false;
}

/* Whatever cannot be delivered fails within the transaction's time. */
static bool flush(struct tx *tx)
{
    while (rd_kafka_flush(tx->rk, PULSE_SLICE_MS)) {
        if (atomic_load(&tx->pulse->stop))
            return false;
        pulse_beat(tx->pulse);
    }
    return true;
}

static bool prove_continuity(struct run *run, enum tx_verdict *ret)
{
    if (!awaits_proof(run->tx))
        return true;
    pulse_moved(run->tx->pulse, "looking where the records go on");
    error_set(&run->result->err, ERROR_TEMPORARY, "producing: not acknowledged");
    *ret = TX_EXIT;
    if (!flush(run->tx))
        return false;
    switch (continuity_prove(&run->tx->continuity, &run->result->err)) {
    case CONTINUITY_PROVED:
        return true;
    case CONTINUITY_OPEN:
        *ret = TX_UNDO;
        return false;
    case CONTINUITY_BROKEN:
        break;
    }
    *ret = TX_UNDO_THEN_EXIT;
    return false;
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

static bool attempt(struct run *run, enum tx_verdict *ret)
{
    if (!step(run, TX_BEGIN, do_begin, ret))
        return false;
    FAILPOINT("after-begin");
    continuity_begin_sending(&run->tx->continuity);
    if (!produce_all(run, ret))
        return false;
    FAILPOINT("after-produce");
    if (!prove_continuity(run, ret))
        return false;
    if (!step(run, TX_OFFSETS, do_offsets, ret))
        return false;
    FAILPOINT("after-send-offsets");
    FAILPOINT("before-commit");
    if (!step(run, TX_COMMIT, do_commit, ret))
        return false;
    FAILPOINT("after-commit");
    return true;
}

/* Keeps the error that led here; an abort that fails has its own to tell. */
static enum tx_end undo(struct run *run, enum tx_verdict verdict)
{
    const struct error cause = run->result->err;
    enum tx_verdict second;
    if (verdict == TX_EXIT || !step(run, TX_ABORT, do_abort, &second))
        return TX_FATAL;
    run->result->err = cause;
    return verdict == TX_UNDO_THEN_EXIT ? TX_FATAL : TX_ABORTED;
}

static rd_kafka_topic_partition_list_t *offsets_of(const struct tx *tx, const struct engine_batch *batch)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)batch->n_offsets);
    for (size_t i = 0; i < batch->n_offsets; i++)
        rd_kafka_topic_partition_list_add(list, tx->events, batch->offsets[i].partition)->offset =
            batch->offsets[i].next;
    return list;
}

void tx_run(struct tx *tx, const struct engine_batch *batch, const rd_kafka_consumer_group_metadata_t *group,
            struct tx_result *ret)
{
    struct run run = {.tx = tx, .batch = batch, .group = group, .result = ret};
    enum tx_verdict verdict;
    *ret = (struct tx_result){.end = TX_COMMITTED};
    run.offsets = offsets_of(tx, batch);
    if (!attempt(&run, &verdict))
        ret->end = undo(&run, verdict);
    rd_kafka_topic_partition_list_destroy(run.offsets);
}

bool tx_init(struct tx *tx, struct error *err)
{
    struct tx_result result = {0};
    struct run run = {.tx = tx, .result = &result};
    enum tx_verdict verdict;
    bool ok = step(&run, TX_INIT, do_init, &verdict);
    if (!ok)
        *err = result.err;
    return ok;
}
