#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_key.h"
#include "file.h"
#include "mem.h"

/* ---- libcyaml's schema, made from the table ------------------------------------------------------------ */

static cyaml_schema_field_t *schema_new(const struct config_key *keys);

static void schema_free(const cyaml_schema_field_t *fields)
{
    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        if (f->value.type == CYAML_MAPPING)
            schema_free(f->value.mapping.fields);
        if (f->value.type != CYAML_SEQUENCE)
            continue;
        if (f->value.sequence.entry->type == CYAML_MAPPING)
            schema_free(f->value.sequence.entry->mapping.fields);
        free((void *)f->value.sequence.entry);
    }
    free((void *)fields);
}

static cyaml_schema_value_t scalar(enum cyaml_type type, unsigned flags)
{
    cyaml_schema_value_t v = {.type = type, .flags = (enum cyaml_flag)flags, .data_size = sizeof(void *)};
    v.string.max = CONFIG_TEXT_MAX;
    return v;
}

static cyaml_schema_value_t mapping(const struct config_key *key, unsigned flags)
{
    cyaml_schema_value_t v = {
        .type = CYAML_MAPPING, .flags = (enum cyaml_flag)flags, .data_size = (uint32_t)key->size};
    v.mapping.fields = schema_new(key->keys);
    return v;
}

static cyaml_schema_value_t list(const struct config_key *key)
{
    cyaml_schema_value_t *entry = xmalloc(sizeof *entry);
    *entry = key->keys ? mapping(key, CYAML_FLAG_DEFAULT) : scalar(CYAML_STRING, CYAML_FLAG_POINTER);
    cyaml_schema_value_t v = {.type = CYAML_SEQUENCE,
                              .flags = (enum cyaml_flag)(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL),
                              .data_size = entry->data_size};
    v.sequence.entry = entry;
    v.sequence.max = CONFIG_LIST_MAX;
    return v;
}

static cyaml_schema_value_t choice(const struct config_key *key)
{
    cyaml_schema_value_t v = scalar(CYAML_ENUM, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT);
    v.enumeration.strings = key->choices;
    v.enumeration.count = key->n_choices;
    return v;
}

static cyaml_schema_value_t value_of(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_SECTION:
        return mapping(key, CYAML_FLAG_OPTIONAL);
    case CONFIG_LIST:
    case CONFIG_TEXTS:
        return list(key);
    case CONFIG_CHOICE:
        return choice(key);
    default:
        return scalar(CYAML_STRING, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL);
    }
}

static cyaml_schema_field_t *schema_new(const struct config_key *keys)
{
    size_t n = 0;
    while (keys[n].name)
        n++;
    cyaml_schema_field_t *fields = xcalloc(n + 1, sizeof *fields);
    for (size_t i = 0; i < n; i++)
        fields[i] = (cyaml_schema_field_t){
            .key = keys[i].name,
            .data_offset = (uint32_t)keys[i].offset,
            .count_offset = (uint32_t)(keys[i].offset + offsetof(struct config_list, n)),
            .count_size = sizeof(size_t),
            .value = value_of(&keys[i]),
        };
    return fields;
}

/* ---- libcyaml's complaints, made into one message ------------------------------------------------------ */

struct complaint {
    char what[160];              /* the first line it logs */
    char path[CONFIG_PATH_SIZE]; /* put together from its backtrace, innermost frame first */
    unsigned line;               /* of the innermost frame */
};

static void prepend(struct complaint *c, const char *part)
{
    char rest[CONFIG_PATH_SIZE];
    memcpy(rest, c->path, sizeof rest);
    config_path(c->path, "%s%s%s", part, rest[0] && rest[0] != '[' ? "." : "", rest);
}

/* "  in mapping field 'x' (line: 5, column: 3)", "  in sequence entry '2' (…)", "  in mapping (…)" */
static void take_frame(struct complaint *c, const char *text)
{
    static const char in_entry[] = " in sequence entry '";
    char name[64];
    const char *line = strstr(text, "(line: ");
    if (line && c->line == 0)
        c->line = (unsigned)strtoul(line + strlen("(line: "), NULL, 10);
    if (sscanf(text, " in mapping field '%63[^']'", name) == 1) {
        prepend(c, name);
        return;
    }
    const char *entry = strstr(text, in_entry);
    unsigned long n = entry ? strtoul(entry + strlen(in_entry), NULL, 10) : 0;
    if (n > 0) {
        snprintf(name, sizeof name, "[%lu]", n - 1);
        prepend(c, name);
    }
}

__attribute__((format(printf, 3, 0))) static void take_line(cyaml_log_t level, void *ctx, const char *format,
                                                            va_list args)
{
    (void)level;
    struct complaint *c = ctx;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    const char *start = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
    if (start[0] == ' ')
        take_frame(c, start);
    else if (c->what[0] == '\0')
        snprintf(c->what, sizeof c->what, "%.*s", (int)sizeof c->what - 1, start);
}

static bool report(const struct complaint *c, cyaml_err_t rc, struct error *err)
{
    const char *what = c->what[0] ? c->what : cyaml_strerror(rc);
    static const char unexpected[] = "Unexpected key: ";
    bool unknown = strncmp(what, unexpected, strlen(unexpected)) == 0;
    return error_set(err, ERROR_INPUT, "%s%s%s%s%s (near line %u)", c->path, c->path[0] ? ": " : "",
                     unknown ? "unknown key \"" : "", unknown ? what + strlen(unexpected) : what,
                     unknown ? "\"" : "", c->line);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool load_text(struct str text, struct config **ret, struct error *err)
{
    struct complaint complaint = {0};
    cyaml_schema_field_t *fields = schema_new(config_keys);
    cyaml_schema_value_t root = {
        .type = CYAML_MAPPING, .flags = CYAML_FLAG_POINTER, .data_size = sizeof(struct config)};
    root.mapping.fields = fields;
    const cyaml_config_t how = {
        .log_fn = take_line, .log_ctx = &complaint, .mem_fn = cyaml_mem, .log_level = CYAML_LOG_ERROR};
    cyaml_data_t *data = NULL;
    cyaml_err_t rc =
        cyaml_load_data((const uint8_t *)(text.p ? text.p : ""), text.n, &how, &root, &data, NULL);
    schema_free(fields);
    if (rc != CYAML_OK)
        return report(&complaint, rc, err);
    *ret = data ? data : xcalloc(1, sizeof **ret); /* NULL: a file without content */
    return true;
}

static bool settle_and_check(struct config *cfg, const char *path, struct error *err)
{
    if (!config_settle(cfg, config_keys, err))
        return false;
    char *real = realpath(path, NULL);
    if (!real)
        return error_set(err, error_kind_of_file(errno), "%s", strerror(errno));
    *strrchr(real, '/') = '\0';
    bool ok = config_check(cfg, real, err);
    free(real);
    return ok;
}

bool config_load(const char *path, struct config **ret, struct error *err)
{
    struct config *cfg = NULL;
    struct buf text;
    buf_init(&text, CONFIG_FILE_MAX);
    bool ok = file_read(path, &text, err) && load_text(buf_str(&text), &cfg, err);
    buf_done(&text);
    if (!ok)
        return error_wrap(err, "%s", path);
    if (!settle_and_check(cfg, path, err)) {
        config_free(cfg);
        return error_wrap(err, "%s", path);
    }
    cfg->path = xstrdup(path);
    *ret = cfg;
    return true;
}

void config_free(struct config *cfg)
{
    if (!cfg)
        return;
    config_release(cfg, config_keys);
    free(cfg->path);
    free(cfg);
}

int64_t config_lease_ms(const struct config *cfg)
{
    return cfg->worker.session_timeout_ms - cfg->worker.heartbeat_ms;
}

const struct config_tenant *config_tenant(const struct config *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->tenants.n; i++)
        if (strcmp(cfg->tenants.v[i].name, name) == 0)
            return &cfg->tenants.v[i];
    return NULL;
}

const struct config_source *config_source(const struct config *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->sources.n; i++)
        if (strcmp(cfg->sources.v[i].name, name) == 0)
            return &cfg->sources.v[i];
    return NULL;
}

const char *config_pair_get(const struct config_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (strcmp(pairs->v[i].name, name) == 0)
            return pairs->v[i].value;
    return NULL;
}
