/* config_key.h - the table of all keys, shared by the files that make up config.h's module.
 *
 * libcyaml sees every member as a pointer to text (numbers too: its own reader takes "10k" for 10) or to a
 * number (choices). A slot of the config is eight bytes: first that pointer, then, after config_settle, the
 * value. Whoever adds a member keeps to int64_t, char * and lists { v, n }.
 *
 * Thread rule: the tables are constant; a config belongs to one thread until it is settled. */
#ifndef ROLLCALL_CONFIG_KEY_H
#define ROLLCALL_CONFIG_KEY_H

#include <cyaml/cyaml.h>

#include "config.h"

enum config_type { CONFIG_TEXT, CONFIG_NUMBER, CONFIG_CHOICE, CONFIG_SECTION, CONFIG_LIST, CONFIG_TEXTS };

enum config_flag {
    CONFIG_REQUIRED = 1,
    CONFIG_MAY_BE_EMPTY = 2, /* text: "" is a value */
};

struct config_key {
    const char *name; /* NULL ends a table */
    enum config_type type;
    size_t offset; /* in the structure of the section; of a list: of its { v, n } */
    unsigned flags;
    const char *text;         /* TEXT: default, NULL none */
    int64_t number, min, max; /* NUMBER: default and range; CHOICE: default */
    const cyaml_strval_t *choices;
    uint32_t n_choices;
    const struct config_key *keys; /* SECTION and LIST: of the section or of one element */
    size_t size;                   /* the same: size of the structure */
    const char *meaning;
};

struct config_list { /* the layout of every { v, n } */
    void *v;
    size_t n;
};

extern const struct config_key config_keys[];

enum { CONFIG_PATH_SIZE = 160, CONFIG_LIST_MAX = 10000, CONFIG_TEXT_MAX = 4096 };

/* Writes "parent.name" or "parent[i]" as printf would into path, cut when too long. */
void config_path(char path[CONFIG_PATH_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Replaces loaded pointers by values and defaults everywhere below node. Never stops half-way: afterwards the
 * config can be freed. The first wrong or missing value goes to err. */
bool config_settle(void *node, const struct config_key *keys, struct error *err);
void config_release(void *node, const struct config_key *keys);

/* What no table can say: names, references, paths relative to directory, defaults that depend on other
 * values. */
bool config_check(struct config *cfg, const char *directory, struct error *err);
/* Likewise of targets[].teams alone, which is at path. */
bool config_check_teams(const struct config_target *target, const char *path, struct error *err);

#endif
