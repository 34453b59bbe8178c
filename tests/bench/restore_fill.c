/* restore_fill.c - fills a persons topic with typical persons, as a worker would have left them.
 *
 *     restore_fill BROKERS TOPIC PERSONS PARTITIONS TENANTS
 *
 * Person i goes to partition i mod PARTITIONS, with offset 0: the group must have committed 1 everywhere. */
#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "../../worker/engine/record.h"
#include "mem.h"
#include "persons.h"

enum { FLUSH_MS = 60000, ARGUMENTS = 5 };

struct fill {
    rd_kafka_t *rk;
    const char *topic;
    struct persons persons;
    size_t n, partitions;
    size_t failed;
    struct buf key, value;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct fill *f = opaque;
    (void)rk;
    f->failed += m->err != 0;
}

static bool open_producer(struct fill *f, const char *brokers)
{
    const char *const settings[][2] = {{"bootstrap.servers", brokers},
                                       {"acks", "all"},
                                       {"enable.idempotence", "true"},
                                       {"compression.type", "lz4"}};
    char reason[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof reason);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, f);
    f->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!f->rk)
        fprintf(stderr, "restore_fill: %s\n", reason);
    return f->rk;
}

static rd_kafka_headers_t *headers_of(const struct person *p)
{
    char state[RECORD_STATE_SIZE];
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    record_state_format(&(struct record_state){.seq = (int64_t)p->seq, .flags = record_flags(p)}, state);
    rd_kafka_header_add(headers, RECORD_STATE, -1, state, -1);
    return headers;
}

static rd_kafka_resp_err_t send_person(struct fill *f, size_t i, const struct person *p)
{
    rd_kafka_resp_err_t code;
    do {
        rd_kafka_headers_t *headers = headers_of(p);
        code = rd_kafka_producev(
            f->rk, RD_KAFKA_V_TOPIC(f->topic), RD_KAFKA_V_PARTITION((int32_t)(i % f->partitions)),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(f->key.p, f->key.n),
            RD_KAFKA_V_VALUE(f->value.p, f->value.n), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        if (code)
            rd_kafka_headers_destroy(headers);
        rd_kafka_poll(f->rk, code ? 100 : 0);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    return code;
}

static bool fill(struct fill *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct person p;
        persons_key(&f->persons, i, &f->key);
        persons_make(&f->persons, i, &p);
        p.offset = 0;
        buf_clear(&f->value);
        record_write(&p, &f->value);
        rd_kafka_resp_err_t code = send_person(f, i, &p);
        person_done(&p);
        if (code) {
            fprintf(stderr, "restore_fill: %s\n", rd_kafka_err2str(code));
            return false;
        }
    }
    if (!rd_kafka_flush(f->rk, FLUSH_MS) && f->failed == 0)
        return true;
    fprintf(stderr, "restore_fill: %zu records were not acknowledged\n", f->failed);
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 1 + ARGUMENTS) {
        fprintf(stderr, "restore_fill BROKERS TOPIC PERSONS PARTITIONS TENANTS\n");
        return 64;
    }
    struct fill f = {
        .topic = argv[2],
        .n = strtoul(argv[3], NULL, 10),
        .partitions = strtoul(argv[4], NULL, 10),
        .persons = {.tenants = strtoul(argv[5], NULL, 10), .targets = 2, .at_ms = 1794912255123}};
    buf_init(&f.key, 100);
    buf_init(&f.value, RECORD_MAX);
    bool ok = f.partitions > 0 && f.persons.tenants > 0 && open_producer(&f, argv[1]) && fill(&f);
    if (f.rk)
        rd_kafka_destroy(f.rk);
    buf_done(&f.key);
    buf_done(&f.value);
    return ok ? 0 : 1;
}
