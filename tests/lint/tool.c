/* lint-tool VERB [FILE…] : lets the checks ask the program's own tables and readers.
 *
 * keys          prints the documentation of every configuration key
 * config FILE…  loads each configuration
 * read FILE…    reads each example of schemas/examples that has a reader here (events, person records,
 *               decisions) and says "FILE: read" or "FILE: refused: why". What a reader takes it also writes again: another
 *               form is a refusal too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config.h"
#include "engine/control.h"
#include "engine/capabilities.h"
#include "engine/directory.h"
#include "engine/guard.h"
#include "engine/record.h"
#include "event.h"
#include "json.h"
#include "mem.h"

enum { HEADERS_MAX = 16, EXAMPLE_MAX = 1024 * 1024 };

struct example {
    cJSON *root;
    const cJSON *value;
    struct buf text; /* of the value */
};

static bool slurp(const char *path, struct buf *to, struct error *err)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return error_set(err, ERROR_SYSTEM, "cannot be opened");
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(to, chunk, n);
    fclose(f);
    return true;
}

static bool example_load(const char *path, struct example *ret, struct error *err)
{
    struct buf file;
    buf_init(&file, EXAMPLE_MAX);
    bool ok = slurp(path, &file, err) && json_parse(buf_str(&file), &ret->root, err);
    buf_done(&file);
    if (!ok)
        return false;
    ret->value = json_get(ret->root, "value");
    char *text = cJSON_PrintUnformatted(ret->value);
    buf_init(&ret->text, EXAMPLE_MAX);
    buf_adds(&ret->text, text ? text : "");
    cJSON_free(text);
    return true;
}

static void example_done(struct example *x)
{
    cJSON_Delete(x->root);
    buf_done(&x->text);
}

/* Does text say the same as value? If not, err holds what it says. */
static bool same(const cJSON *value, struct str text, struct error *err)
{
    cJSON *again = NULL;
    bool ok = json_parse(text, &again, err);
    if (ok && !cJSON_Compare(again, value, true))
        ok = error_set(err, ERROR_PERMANENT, "%.*s", (int)text.n, text.p);
    cJSON_Delete(again);
    return ok;
}

static bool read_event(const struct example *x, struct error *err)
{
    struct event_header headers[HEADERS_MAX];
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(x->root, "headers"))
    {
        if (n < HEADERS_MAX)
            headers[n++] = (struct event_header){item->string, cJSON_GetStringValue(item)};
    }
    struct event ev;
    if (!event_read(headers, n, buf_str(&x->text), &ev, err))
        return false;
    event_done(&ev);
    return true;
}

static bool read_partition(const struct example *x, struct error *err)
{
    struct partition_record ignored;
    return partition_record_read(buf_str(&x->text), &ignored, err);
}

static bool read_guard(const struct example *x, struct error *err)
{
    struct guard guard;
    struct buf written;
    if (!guard_record_read(buf_str(&x->text), &guard, err))
        return false;
    buf_init(&written, GUARD_RECORD_MAX);
    guard_record_write(&guard, &written);
    bool ok = same(x->value, buf_str(&written), err);
    buf_done(&written);
    return ok || error_wrap(err, "writes");
}

static bool read_person(const struct example *x, struct error *err)
{
    struct person p;
    if (cJSON_IsNull(x->value))
        return true; /* a tombstone has nothing to read */
    if (!record_read(buf_str(&x->text), &p, err))
        return false;
    struct buf written;
    buf_init(&written, EXAMPLE_MAX);
    record_write(&p, &written);
    bool ok = same(x->value, buf_str(&written), err);
    buf_done(&written);
    person_done(&p);
    return ok || error_wrap(err, "writes");
}

static bool read_control(const struct example *x, struct error *err)
{
    struct control control;
    struct control_change change;
    const char *key = json_string(x->root, "key");
    struct str value = cJSON_IsNull(x->value) ? (struct str){0} : buf_str(&x->text);
    control_init(&control);
    bool ok = control_take(&control, str_of(key), value, &change, err);
    if (ok && change.state) {
        struct buf written;
        buf_init(&written, EXAMPLE_MAX);
        control_state_write(change.state, &written);
        ok = same(x->value, buf_str(&written), err) || error_wrap(err, "writes");
        buf_done(&written);
    }
    control_done(&control);
    return ok;
}

static bool read_capabilities(const struct example *x, struct error *err)
{
    struct capabilities_record r;
    struct buf written;
    struct str value = cJSON_IsNull(x->value) ? (struct str){0} : buf_str(&x->text);
    if (!capabilities_record_read(str_of(json_string(x->root, "key")), value, &r, err))
        return false;
    buf_init(&written, CAPABILITIES_RECORD_MAX);
    capabilities_value(r.target, &r.said, r.at_ms, &written);
    bool ok = value.n == 0 || same(x->value, buf_str(&written), err) || error_wrap(err, "writes");
    buf_done(&written);
    capabilities_record_done(&r);
    return ok;
}

static bool read_target(const struct example *x, struct error *err)
{
    struct directory_record r;
    const char *key = json_string(x->root, "key");
    struct str value = cJSON_IsNull(x->value) ? (struct str){0} : buf_str(&x->text);
    if (!directory_record_read(str_of(key), value, &r, err))
        return false;
    bool ok = true;
    if (value.n > 0) {
        struct buf written;
        buf_init(&written, DIRECTORY_RECORD_MAX);
        directory_value(&r, &written);
        ok = same(x->value, buf_str(&written), err) || error_wrap(err, "writes");
        buf_done(&written);
    }
    directory_record_done(&r);
    return ok;
}

static const struct {
    const char *prefix; /* of the file's name; the first that fits */
    bool (*read)(const struct example *x, struct error *err);
} readers[] = {
    {"event-", read_event},       {"person-partition", read_partition},
    {"person-guard", read_guard}, {"person-", read_person},
    {"control-", read_control},   {"target-capabilities", read_capabilities},
    {"target-", read_target},
};

static bool read_example(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    struct example x;
    struct error err = {0};
    if (!example_load(path, &x, &err)) {
        printf("%s: no JSON: %s\n", path, err.message);
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
        if (strncmp(name, readers[i].prefix, strlen(readers[i].prefix)) != 0)
            continue;
        bool ok = readers[i].read(&x, &err);
        printf("%s: %s%s\n", path, ok ? "read" : "refused: ", ok ? "" : err.message);
        break;
    }
    example_done(&x);
    return true;
}

static bool load_config(const char *path)
{
    struct config *cfg;
    struct error err = {0};
    if (!config_load(path, &cfg, &err)) {
        printf("%s: %s\n", path, err.message);
        return false;
    }
    config_free(cfg);
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return EX_USAGE;
    if (strcmp(argv[1], "keys") == 0)
        config_help(stdout);
    bool (*verb)(const char *path) = strcmp(argv[1], "config") == 0 ? load_config : read_example;
    bool ok = true;
    for (int i = 2; i < argc; i++)
        ok &= verb(argv[i]);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
