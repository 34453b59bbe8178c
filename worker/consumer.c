#include "consumer.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "failpoint.h"
#include "kafka.h"
#include "log.h"
#include "loop.h"
#include "mem.h"

struct consumer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct consumer_callbacks callbacks;
    char events[KAFKA_TOPIC_NAME_SIZE];
    int fd;
    bool more;
    int64_t polled_ms; /* CLOCK_MONOTONIC */
    bool closing;
    rd_kafka_resp_err_t last_error; /* said once, until something else is to be said */
};

/* ---- rebalances ---------------------------------------------------------------------------------------- */

static void tell_assigned(struct consumer *c, const rd_kafka_topic_partition_list_t *list)
{
    int32_t *partitions = xcalloc((size_t)list->cnt, sizeof *partitions);
    for (int i = 0; i < list->cnt; i++)
        partitions[i] = list->elems[i].partition;
    FAILPOINT("after-assign");
    c->callbacks.assigned(c->callbacks.ctx, partitions, (size_t)list->cnt,
                          rd_kafka_consumer_group_metadata(c->rk));
    free(partitions);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                         void *ctx)
{
    struct consumer *c = ctx;
    if (c->closing)
        rd_kafka_assign(rk, NULL);
    else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        tell_assigned(c, list);
    else
        c->callbacks.revoked(c->callbacks.ctx, rd_kafka_assignment_lost(rk));
}

void consumer_assign(struct consumer *c, const struct partition_offset *v, size_t n)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        rd_kafka_topic_partition_list_add(list, c->events, v[i].partition)->offset = v[i].offset;
    rd_kafka_assign(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void consumer_unassign(struct consumer *c)
{
    rd_kafka_assign(c->rk, NULL);
}

void consumer_pause(struct consumer *c, bool paused)
{
    rd_kafka_topic_partition_list_t *list;
    if (rd_kafka_assignment(c->rk, &list))
        return;
    if (paused)
        rd_kafka_pause_partitions(c->rk, list);
    else
        rd_kafka_resume_partitions(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- records ------------------------------------------------------------------------------------------- */

static void tell_fatal(struct consumer *c)
{
    char reason[256];
    struct error err;
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(c->rk, reason, sizeof reason);
    bool fenced = code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    error_set(&err, ERROR_TEMPORARY, "group: %s%s", reason,
              fenced ? "; another process joined the group with this slot (give each worker its own), or "
                       "the broker lost sight of this one while it was away"
                     : "");
    c->callbacks.failed(c->callbacks.ctx, &err);
}

/* auto.offset.reset is `error`: events that are gone are not passed over in silence. The word may come from a replica
 * that lags; the next start asks the leader (restore.c). */
static void tell_gone(struct consumer *c, const rd_kafka_message_t *message)
{
    struct error err;
    error_set(&err, ERROR_TEMPORARY,
              "the events of partition %d from the committed offset on are not there (%s): to begin anew, "
              "and to see",
              message->partition, rd_kafka_message_errstr(message));
    c->callbacks.failed(c->callbacks.ctx, &err);
}

/* Passing trouble: librdkafka goes on by itself. The same word is not repeated. */
static void note_error(struct consumer *c, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        tell_fatal(c);
        return;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        tell_gone(c, message);
        return;
    }
    if (message->err == c->last_error)
        return;
    c->last_error = message->err;
    log_warn("events topic", LOG_I("partition", message->partition),
             LOG_S("error", rd_kafka_message_errstr(message)));
}

size_t consumer_poll(struct consumer *c, size_t max)
{
    size_t n = 0;
    c->polled_ms = clock_mono_ms();
    for (bool wanted = true; wanted && n < max;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(c->rk, 0);
        c->more = message != NULL;
        if (!message)
            break;
        if (message->err) {
            note_error(c, message);
        } else {
            c->last_error = RD_KAFKA_RESP_ERR_NO_ERROR;
            wanted = c->callbacks.message(c->callbacks.ctx, message);
            n++;
        }
        if (wanted)
            rd_kafka_message_destroy(message);
    }
    return n;
}

int consumer_fd(const struct consumer *c)
{
    return c->fd;
}

/* Who does not poll for max.poll.interval.ms is taken for hung and leaves the group, be there events or not. */
bool consumer_more(const struct consumer *c)
{
    return c->more || clock_mono_ms() - c->polled_ms >= CONSUMER_POLL_EVERY_MS;
}

void consumer_ready(struct consumer *c)
{
    uint64_t count;
    ssize_t got = read(c->fd, &count, sizeof count);
    (void)got;
    c->more = true;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static bool open_client(struct consumer *c, const struct config *cfg, const char *slot, struct error *err)
{
    rd_kafka_conf_t *conf;
    char reason[256];
    if (!kafka_conf_new(cfg, KAFKA_ROLE_EVENTS, slot, &conf, err))
        return false;
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (c->rk)
        return true;
    rd_kafka_conf_destroy(conf);
    return error_set(err, ERROR_INPUT, "kafka: %s", reason);
}

static bool watch_queue(struct consumer *c, struct error *err)
{
    static const uint64_t one = 1;
    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->fd < 0)
        return error_set(err, ERROR_SYSTEM, "consumer: eventfd: %m");
    rd_kafka_poll_set_consumer(c->rk);
    c->queue = rd_kafka_queue_get_consumer(c->rk);
    rd_kafka_queue_io_event_enable(c->queue, c->fd, &one, sizeof one);
    return true;
}

bool consumer_new(const struct config *cfg, const char *slot, const struct consumer_callbacks *callbacks,
                  struct consumer **ret, struct error *err)
{
    struct consumer *c = xcalloc(1, sizeof *c);
    c->fd = -1;
    c->more = true;
    c->callbacks = *callbacks;
    kafka_events_read_name(cfg, c->events);
    if (!open_client(c, cfg, slot, err) || !watch_queue(c, err)) {
        consumer_free(c);
        return false;
    }
    *ret = c;
    return true;
}

bool consumer_subscribe(struct consumer *c, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, c->events, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(c->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return !code || error_set(err, ERROR_INPUT, "kafka: topic %s: %s", c->events, rd_kafka_err2str(code));
}

rd_kafka_t *consumer_handle(struct consumer *c)
{
    return c->rk;
}

void consumer_close(struct consumer *c)
{
    c->closing = true;
    rd_kafka_consumer_close(c->rk);
}

void consumer_free(struct consumer *c)
{
    if (!c)
        return;
    if (c->queue)
        rd_kafka_queue_destroy(c->queue);
    if (c->rk)
        rd_kafka_destroy(c->rk);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}
