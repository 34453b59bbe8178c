/* log.h - one line per message to stderr, as logfmt or JSON, with key=value context.
 *
 *     log_info("source loaded", LOG_S("source", name), LOG_I("secrets", n));
 *     log_error("cannot commit", LOG_ERROR_FIELD(&err));
 *
 * Values are technical ids only. What is secret or personal goes through LOG_REDACTED, and a key that names
 * such a thing (token, authorization, userName, email …) is redacted whatever its kind. A line is at most
 * LOG_LINE_MAX bytes (longer ones are cut and marked), leaves in a single write(2); what stderr refuses is
 * lost. Thread-safe; log_init comes before other threads start. Cannot fail. */
#ifndef ROLLCALL_LOG_H
#define ROLLCALL_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

enum { LOG_LINE_MAX = 4000 };

enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

enum log_field_kind {
    LOG_FIELD_END,
    LOG_FIELD_STRING,
    LOG_FIELD_STR,
    LOG_FIELD_INT,
    LOG_FIELD_BOOL,
    LOG_FIELD_REDACTED,
};

struct log_field {
    const char *key; /* [a-zA-Z0-9_.]+, a literal */
    enum log_field_kind kind;
    union {
        const char *string; /* NULL: the field is left out */
        struct str str;
        int64_t n;
        bool yes;
    };
};

#define LOG_S(k, v)     ((struct log_field){.key = (k), .kind = LOG_FIELD_STRING, .string = (v)})
#define LOG_STR(k, v)   ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .str = (v)})
#define LOG_I(k, v)     ((struct log_field){.key = (k), .kind = LOG_FIELD_INT, .n = (int64_t)(v)})
#define LOG_B(k, v)     ((struct log_field){.key = (k), .kind = LOG_FIELD_BOOL, .yes = (v)})
#define LOG_REDACTED(k) ((struct log_field){.key = (k), .kind = LOG_FIELD_REDACTED})
/* error="message" of a struct error *. */
#define LOG_ERROR_FIELD(err) LOG_S("error", (err)->message)
#define LOG_END              ((struct log_field){.key = 0, .kind = LOG_FIELD_END})

/* Fields are evaluated only when the level is on. A closing LOG_END is allowed, not needed. */
#define log_at(level, message, ...)                                                                          \
    do {                                                                                                     \
        if (log_enabled(level))                                                                              \
            log_write(level, message, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ) LOG_END});       \
    } while (0)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)

/* Before log_init: logfmt, info, program "rollcall". program must outlive logging (a literal). */
void log_init(enum log_format format, enum log_level level, const char *program);
void log_set_level(enum log_level level); /* any time, any thread */
bool log_enabled(enum log_level level);

/* fields end with LOG_END; NULL: none. Use the macros above. */
void log_write(enum log_level level, const char *message, const struct log_field *fields);

/* Appends the line that log_write would write, newline included, with the given time; for tests and for
 * tools. */
void log_render(enum log_format format, enum log_level level, int64_t now_ms, const char *message,
                const struct log_field *fields, struct buf *out);

#endif
