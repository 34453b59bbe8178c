#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "digest.h"
#include "loop.h"
#include "mem.h"

enum { POLL_MS = 200, TALLY_MAX_MS = 60000, METADATA_MS = 10000 };

struct reading {
    rd_kafka_t *rk;
    const struct tally_mark *mark;
    int partitions, ended;
    uint64_t *marks; /* hash of each record's */
    size_t n, size;
    uint64_t unmarked;
};

static rd_kafka_t *open_consumer(const char *brokers, struct error *err)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},    {"group.id", "bench-tally"},
        {"enable.partition.eof", "true"},  {"isolation.level", "read_committed"},
        {"auto.offset.reset", "earliest"}, {"enable.auto.commit", "false"},
    };
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = true;
    for (size_t i = 0; ok && i < ARRAY_SIZE(settings); i++)
        ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof reason) == 0;
    rd_kafka_t *rk = ok ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason) : NULL;
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        error_set(err, ERROR_TEMPORARY, "tally: %s", reason);
    }
    return rk;
}

static bool assign_all(struct reading *r, const char *topic, struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(r->rk, topic, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(r->rk, 0, rkt, &metadata, METADATA_MS);
    rd_kafka_topic_destroy(rkt);
    if (code)
        return error_set(err, ERROR_TEMPORARY, "tally: %s: %s", topic, rd_kafka_err2str(code));
    r->partitions = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(r->partitions);
    for (int i = 0; i < r->partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    code = rd_kafka_assign(r->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return !code || error_set(err, ERROR_TEMPORARY, "tally: %s: %s", topic, rd_kafka_err2str(code));
}

static void count(struct reading *r, const rd_kafka_message_t *message)
{
    size_t before_n = strlen(r->mark->before);
    const char *p = memmem(message->payload, message->len, r->mark->before, before_n);
    if (!p || (size_t)((const char *)message->payload + message->len - p) < before_n + r->mark->n) {
        r->unmarked++;
        return;
    }
    if (r->n == r->size) {
        r->size = r->size ? r->size * 2 : 65536;
        r->marks = xreallocarray(r->marks, r->size, sizeof *r->marks);
    }
    r->marks[r->n++] = digest_hash64(p + before_n, r->mark->n);
}

static bool read_all(struct reading *r, struct error *err)
{
    int64_t until_ms = clock_mono_ms() + TALLY_MAX_MS;
    while (r->ended < r->partitions) {
        if (clock_mono_ms() > until_ms)
            return error_set(err, ERROR_TEMPORARY, "tally: not read to the end in time");
        rd_kafka_message_t *message = rd_kafka_consumer_poll(r->rk, POLL_MS);
        if (!message)
            continue;
        r->ended += message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (!message->err)
            count(r, message);
        rd_kafka_message_destroy(message);
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static struct tally tally_of(struct reading *r)
{
    struct tally tally = {.records = r->n, .unmarked = r->unmarked};
    qsort(r->marks, r->n, sizeof *r->marks, by_value);
    for (size_t i = 0; i < r->n; i++)
        tally.different += i == 0 || r->marks[i] != r->marks[i - 1];
    return tally;
}

bool tally_topic(const char *brokers, const char *topic, const struct tally_mark *mark, struct tally *ret,
                 struct error *err)
{
    struct reading r = {.rk = open_consumer(brokers, err), .mark = mark};
    if (!r.rk)
        return false;
    bool ok = assign_all(&r, topic, err) && read_all(&r, err);
    if (ok)
        *ret = tally_of(&r);
    free(r.marks);
    rd_kafka_consumer_close(r.rk);
    rd_kafka_destroy(r.rk);
    return ok;
}
