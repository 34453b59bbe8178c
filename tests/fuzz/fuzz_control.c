/* Records of the control topic: the key in the first line, then the value. What is taken is in force until it is taken
 * back, and can be written and read again. */
#include "fuzz.h"

#include "../../worker/engine/control.h"

static void write_and_read(struct str key, const struct control_state *s)
{
    struct buf first, second;
    struct control_state again;
    struct error err;
    buf_init(&first, 8 * CONTROL_VALUE_MAX);
    buf_init(&second, 8 * CONTROL_VALUE_MAX);
    control_state_write(s, &first);
    if (first.n <= CONTROL_VALUE_MAX) {
        assert(control_state_read(key, (struct str){first.p, first.n}, &again, &err));
        control_state_write(&again, &second);
        assert(fuzz_equal(&first, &second));
        control_state_done(&again);
    }
    buf_done(&first);
    buf_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = {(const char *)data, size};
    struct str key = fuzz_line(&value);
    struct control control;
    struct control_change change;
    struct error err;
    control_init(&control);
    if (value.n > 0 && control_take(&control, key, value, &change, &err)) {
        assert(change.state && control.n == 1);
        write_and_read(key, change.state);
        assert(control_take(&control, key, (struct str){0}, &change, &err));
        assert(!change.state && control.n == 0);
    }
    control_done(&control);
    return 0;
}
