/* A record of the persons topic, a person's or the guard's: what is read can be written, and then reads as itself. */
#include "fuzz.h"

#include "../../worker/engine/guard.h"
#include "../../worker/engine/record.h"

static void read_guard(struct str value)
{
    struct guard guard, again;
    struct error err;
    struct buf first, second;
    if (!guard_record_read(value, &guard, &err))
        return;
    buf_init(&first, GUARD_RECORD_MAX);
    buf_init(&second, GUARD_RECORD_MAX);
    guard_record_write(&guard, &first);
    assert(buf_ok(&first) && guard_record_read(buf_str(&first), &again, &err));
    guard_record_write(&again, &second);
    assert(fuzz_equal(&first, &second));
    buf_done(&first);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = {(const char *)data, size};
    struct error err;
    struct person p, again;
    struct partition_record partition;
    struct buf first, second;
    if (partition_record_read(value, &partition, &err)) {
        assert(partition.partition >= 0);
        attrs_done(&partition.spreads);
    }
    read_guard(value);
    if (size > RECORD_MAX || !record_read(value, &p, &err))
        return 0;
    buf_init(&first, 8 * RECORD_MAX);
    buf_init(&second, 8 * RECORD_MAX);
    record_write(&p, &first);
    if (first.n <= RECORD_MAX) {
        assert(record_read((struct str){first.p, first.n}, &again, &err));
        record_write(&again, &second);
        assert(fuzz_equal(&first, &second));
        assert(record_flags(&p) == record_flags(&again));
        person_done(&again);
    }
    person_done(&p);
    buf_done(&first);
    buf_done(&second);
    return 0;
}
