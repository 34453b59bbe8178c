/* What a target says it can do: in the first line which question it answers, then the body; or the key of a record of the
 * targets topic, then its value. What was understood fits into a record, and reads as itself. */
#include "fuzz.h"

#include "mem.h"

#include "../../worker/engine/capabilities.h"

static const struct question {
    const char *name;
    bool (*take)(struct capabilities *c, struct str body);
} questions[] = {
    {"config", capabilities_take_config},
    {"types", capabilities_take_types},
    {"schemas", capabilities_take_schemas},
};

static void write_record(const struct capabilities *c, const char *target, int64_t at_ms, struct buf *out)
{
    buf_init(out, CAPABILITIES_RECORD_MAX);
    capabilities_value(target, c, at_ms, out);
}

static void publish(const struct capabilities *c, const char *target, int64_t at_ms)
{
    struct buf key, first, second;
    struct capabilities_record again;
    struct error err;
    buf_init(&key, CAPABILITIES_RECORD_MAX);
    capabilities_key(target, &key);
    write_record(c, target, at_ms, &first);
    assert(buf_ok(&first)); /* or nobody would ever learn what the target can do */
    assert(capabilities_record_read(buf_str(&key), buf_str(&first), &again, &err));
    write_record(&again.said, target, again.at_ms, &second);
    assert(fuzz_equal(&first, &second));
    capabilities_record_done(&again);
    buf_done(&key);
    buf_done(&first);
    buf_done(&second);
}

static void answer(const struct question *q, struct str body)
{
    struct capabilities c;
    capabilities_default(&c);
    if (!q->take(&c, body))
        assert(!c.proved && c.groups && c.writable.n == 0);
    publish(&c, "wiki", 1);
    capabilities_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct str first = fuzz_line(&rest);
    struct capabilities_record r;
    struct error err;
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
        if (str_eq(first, str_of(questions[i].name))) {
            answer(&questions[i], rest);
            return 0;
        }
    if (!capabilities_record_read(first, rest, &r, &err))
        return 0;
    if (r.at_ms > 0) /* else it is one that was taken back */
        publish(&r.said, r.target, r.at_ms);
    capabilities_record_done(&r);
    return 0;
}
