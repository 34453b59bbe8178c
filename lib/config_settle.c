/* From what libcyaml leaves (pointers to text and choices) to values, and back to nothing. */
#include "config_key.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static_assert(sizeof(void *) == sizeof(int64_t), "a slot holds a pointer or a number");
static_assert(sizeof(struct config_list) == sizeof(struct config_strings), "all lists look alike");

static void *at(void *node, const struct config_key *key)
{
    return (char *)node + key->offset;
}

static void complain(struct error *err, const char *path, const char *name, const char *what)
{
    if (err->kind == ERROR_NONE)
        error_set(err, ERROR_INPUT, "%s%s%s: %s", path, path[0] ? "." : "", name, what);
}

static void settle_text(char **slot, const struct config_key *key, const char *path, struct error *err)
{
    if (*slot && (*slot)[0] == '\0' && !(key->flags & CONFIG_MAY_BE_EMPTY))
        complain(err, path, key->name, "empty");
    if (!*slot && (key->flags & CONFIG_REQUIRED))
        complain(err, path, key->name, "missing");
    if (!*slot)
        *slot = xstrdup_null(key->text);
}

static bool read_number(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] >= '-' && text[0] <= '9';
}

static void settle_number(void *slot, const struct config_key *key, const char *path, struct error *err)
{
    char *text, what[96];
    memcpy(&text, slot, sizeof text);
    int64_t value = key->number;
    if (!text && (key->flags & CONFIG_REQUIRED))
        complain(err, path, key->name, "missing");
    if (text && (!read_number(text, &value) || value < key->min || value > key->max)) {
        snprintf(what, sizeof what, "not a whole number from %jd to %jd", (intmax_t)key->min,
                 (intmax_t)key->max);
        complain(err, path, key->name, what);
    }
    free(text);
    memcpy(slot, &value, sizeof value);
}

static void settle_choice(void *slot, const struct config_key *key, const char *path, struct error *err)
{
    int64_t *chosen, value = key->number;
    memcpy(&chosen, slot, sizeof chosen);
    if (chosen)
        value = *chosen;
    else if (key->flags & CONFIG_REQUIRED)
        complain(err, path, key->name, "missing");
    free(chosen);
    memcpy(slot, &value, sizeof value);
}

static void settle_texts(const struct config_strings *list, const struct config_key *key, const char *path,
                         struct error *err)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i][0] == '\0')
            complain(err, path, key->name, "an entry is empty");
}

static void settle(void *node, const struct config_key *keys, const char *path, struct error *err);

static void settle_list(const struct config_list *list, const struct config_key *key, const char *path,
                        struct error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        char inner[CONFIG_PATH_SIZE];
        config_path(inner, "%s%s%s[%zu]", path, path[0] ? "." : "", key->name, i);
        settle((char *)list->v + i * key->size, key->keys, inner, err);
    }
}

static void settle_section(void *section, const struct config_key *key, const char *path, struct error *err)
{
    char inner[CONFIG_PATH_SIZE];
    config_path(inner, "%s%s%s", path, path[0] ? "." : "", key->name);
    settle(section, key->keys, inner, err);
}

static void settle(void *node, const struct config_key *keys, const char *path, struct error *err)
{
    for (const struct config_key *key = keys; key->name; key++) {
        void *slot = at(node, key);
        switch (key->type) {
        case CONFIG_TEXT:
            settle_text(slot, key, path, err);
            break;
        case CONFIG_NUMBER:
            settle_number(slot, key, path, err);
            break;
        case CONFIG_CHOICE:
            settle_choice(slot, key, path, err);
            break;
        case CONFIG_TEXTS:
            settle_texts(slot, key, path, err);
            break;
        case CONFIG_LIST:
            settle_list(slot, key, path, err);
            break;
        case CONFIG_SECTION:
            settle_section(slot, key, path, err);
        }
    }
}

bool config_settle(void *node, const struct config_key *keys, struct error *err)
{
    struct error first = {0};
    settle(node, keys, "", &first);
    return first.kind == ERROR_NONE || error_set(err, first.kind, "%s", first.message);
}

static void release_texts(const struct config_strings *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->v[i]);
    free(list->v);
}

static void release_list(const struct config_list *list, const struct config_key *key)
{
    for (size_t i = 0; i < list->n; i++)
        config_release((char *)list->v + i * key->size, key->keys);
    free(list->v);
}

void config_release(void *node, const struct config_key *keys)
{
    for (const struct config_key *key = keys; key->name; key++) {
        void *slot = at(node, key);
        if (key->type == CONFIG_TEXT)
            free(*(char **)slot);
        else if (key->type == CONFIG_TEXTS)
            release_texts(slot);
        else if (key->type == CONFIG_LIST)
            release_list(slot, key);
        else if (key->type == CONFIG_SECTION)
            config_release(slot, key->keys);
    }
}
