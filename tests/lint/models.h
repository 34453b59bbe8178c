/* models.h - what clang-tidy and gcc -fanalyzer cannot see because it stands in another file. `make analyze`
 * includes it before each source; nothing is ever built with it. */
#ifndef ROLLCALL_LINT_MODELS_H
#define ROLLCALL_LINT_MODELS_H

#include <cjson/cJSON.h>

#include "error.h"

/* Failing functions return false. */
static inline bool model_false(bool returned)
{
    (void)returned;
    return false;
}
#define error_set(...)  model_false(error_set(__VA_ARGS__))
#define error_wrap(...) model_false(error_wrap(__VA_ARGS__))

/* No item is of no type. */
#define cJSON_IsString(item) ((item) != NULL && cJSON_IsString(item))
#define cJSON_IsNumber(item) ((item) != NULL && cJSON_IsNumber(item))
#define cJSON_IsObject(item) ((item) != NULL && cJSON_IsObject(item))
#define cJSON_IsArray(item)  ((item) != NULL && cJSON_IsArray(item))

#endif
