/* Records of the targets topic: the key in the first line, then the value. What is taken is found by its name until it is
 * forgotten, and can be written and read again. */
#include "fuzz.h"

#include "../../worker/engine/directory.h"

static void write_and_read(struct str key, const struct directory_record *r)
{
    struct buf first, second;
    struct directory_record again;
    struct error err;
    buf_init(&first, 8 * DIRECTORY_RECORD_MAX);
    buf_init(&second, 8 * DIRECTORY_RECORD_MAX);
    directory_value(r, &first);
    if (first.n <= DIRECTORY_RECORD_MAX) {
        assert(directory_record_read(key, (struct str){first.p, first.n}, &again, &err));
        directory_value(&again, &second);
        assert(fuzz_equal(&first, &second));
        directory_record_done(&again);
    }
    buf_done(&first);
    buf_done(&second);
}

static void find_and_forget(struct str key, const struct directory_record *r)
{
    struct directory d = {0};
    struct directory_record gone;
    struct error err;
    const char *id = NULL;
    directory_take(&d, r);
    assert(d.changing == (r->kind == DIRECTORY_TEAM) && (d.whole != 0) == (r->kind == DIRECTORY_LISTING));
    if (r->kind == DIRECTORY_TEAM) {
        assert(directory_find(&d, r->name, &id) == TEAM_FOUND && strcmp(id, r->id) == 0);
        assert(directory_record_read(key, (struct str){0}, &gone, &err));
        directory_take(&d, &gone);
        assert(d.version == 2 && d.teams.n == 0);
        directory_record_done(&gone);
    }
    directory_done(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = {(const char *)data, size};
    struct str key = fuzz_line(&value);
    struct directory_record r;
    struct error err;
    if (value.n == 0 || !directory_record_read(key, value, &r, &err))
        return 0;
    write_and_read(key, &r);
    find_and_forget(key, &r);
    directory_record_done(&r);
    return 0;
}
