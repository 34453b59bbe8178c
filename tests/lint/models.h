/* models.h - what clang-tidy and gcc -fanalyzer cannot see because it stands in another file. `make analyze`
 * includes it before each source; nothing is ever built with it. */
#ifndef ROLLCALL_LINT_MODELS_H
#define ROLLCALL_LINT_MODELS_H

#include <cjson/cJSON.h>

#include "error.h"

/* Failing functions return false. */
#define error_set(...)  ((void)error_set(__VA_ARGS__), false)
#define error_wrap(...) ((void)error_wrap(__VA_ARGS__), false)

/* No item is of no type. */
#define cJSON_IsString(item) ((item) != NULL && cJSON_IsString(item))
#define cJSON_IsNumber(item) ((item) != NULL && cJSON_IsNumber(item))
#define cJSON_IsObject(item) ((item) != NULL && cJSON_IsObject(item))
#define cJSON_IsArray(item)  ((item) != NULL && cJSON_IsArray(item))

#endif
