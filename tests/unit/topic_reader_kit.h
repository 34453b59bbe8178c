/* topic_reader_kit.h - a topic reader that is a fake: its functions are defined here, so the linker never takes the real
 * ones. One topic for each test program. */
#ifndef ROLLCALL_TEST_TOPIC_READER_KIT_H
#define ROLLCALL_TEST_TOPIC_READER_KIT_H

#include <check.h>

#include "topic_reader.h"

static struct fake {
    enum kafka_topic topic;
    int begins; /* tries */
    int away;   /* tries without an answer */
    const char *records[4][2];
    size_t n, given;
    size_t end; /* records that stand there at the beginning */
    bool fails;
} fake;

bool topic_reader_new(const struct config *cfg, enum kafka_topic topic, struct topic_reader **ret,
                      struct error *err)
{
    (void)cfg, (void)err;
    ck_assert_int_eq(topic, fake.topic);
    *ret = (struct topic_reader *)&fake;
    return true;
}

bool topic_reader_begin(struct topic_reader *r, enum topic_start from, int timeout_ms, struct error *err)
{
    (void)r, (void)timeout_ms;
    ck_assert_int_eq(from, TOPIC_FROM_BEGINNING);
    return fake.begins++ >= fake.away || error_set(err, ERROR_TEMPORARY, "no brokers");
}

bool topic_reader_poll(struct topic_reader *r, int wait_ms, topic_record_fn *fn, void *ctx, struct error *err)
{
    (void)r, (void)wait_ms;
    if (fake.fails)
        return error_set(err, ERROR_PERMANENT, "no rights");
    if (fake.given == fake.n)
        return true;
    const char *const *record = fake.records[fake.given++];
    fn(ctx, &(struct topic_record){
                .offset = (int64_t)fake.given, .key = str_of(record[0]), .value = str_of(record[1])});
    return true;
}

bool topic_reader_reached(const struct topic_reader *r)
{
    (void)r;
    return fake.given >= fake.end;
}

int topic_reader_fd(const struct topic_reader *r)
{
    (void)r;
    return 0;
}

void topic_reader_free(struct topic_reader *r)
{
    (void)r;
}

static inline void fake_record(const char *key, const char *value)
{
    fake.records[fake.n][0] = key;
    fake.records[fake.n++][1] = value;
}

#endif
