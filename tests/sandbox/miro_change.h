/* miro_change.h - between miro_attributes.c, which finds out what a path names, and the rules of single
 * attributes. */
#ifndef ROLLCALL_MIRO_CHANGE_H
#define ROLLCALL_MIRO_CHANGE_H

#include "miro_core.h"

/* What a path names. */
struct target {
    char path[MIRO_FILTER_PATH_MAX]; /* attribute, and .sub unless there is a filter; lower case, no URN */
    char attribute[MIRO_FILTER_PATH_MAX];
    char sub[MIRO_FILTER_PATH_MAX]; /* "" : none */
    struct miro_filter *filter;     /* NULL: none */
};

typedef bool change_fn(struct change *ch, const struct target *t, enum op op, const cJSON *value);

change_fn change_roles; /* miro_roles.c */

size_t text_characters(const char *s); /* of UTF-8 */
bool refuse_value(struct problem *pb, const char *attr,
                  const char *why);                      /* 400 invalidValue; returns false */
bool change_frozen(const struct change *ch);             /* an existing, inactive user */
bool refuse_frozen(struct change *ch, const char *attr); /* 409; or true: by a switch nothing happens */
bool refuse_last_admin(struct problem *pb);              /* 409; returns false */

#endif
