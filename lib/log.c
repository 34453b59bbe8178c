#include "log.h"

#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "mem.h"
#include "rfc3339.h"
#include "utf8.h"

enum {
    MESSAGE_MAX = 600, /* bytes of text before escaping, so that a line always fits its message */
    VALUE_MAX = 600,
    FIELD_MAX = 64 + 6 * VALUE_MAX, /* an escape takes at most six bytes */
};

static const char cut_mark_logfmt[] = " cut=true", cut_mark_json[] = ",\"cut\":true";
static const struct str redacted = {"[redacted]", 10};

static enum log_format log_format;
static _Atomic enum log_level log_level = LOG_LEVEL_INFO;
static const char *log_program = "rollcall";

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* A key that ends with one of these, dots, dashes and underscores aside, never shows its value. */
static const char *const private_keys[] = {
    "authorization", "token",       "secret",        "signature", "password",    "passwd",   "cookie",
    "apikey",        "username",    "email",         "emails",    "nickname",    "fullname", "familyname",
    "givenname",     "displayname", "formattedname", "lastname",  "phonenumber", "phone",    "address",
};

/* Keys that end as a private one does and name technical things. */
static const char *const public_keys[] = {"remote_address", "listen_address"};

void log_init(enum log_format format, enum log_level level, const char *program)
{
    log_format = format;
    log_program = program;
    log_set_level(level);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return level >= atomic_load_explicit(&log_level, memory_order_relaxed);
}

/* Does key end with word, ignoring case and separators? Compares backwards. */
static bool ends_with(const char *key, const char *word)
{
    size_t k = strlen(key), w = strlen(word);
    while (w > 0) {
        if (k == 0)
            return false;
        char c = key[--k];
        if (c == '_' || c == '-' || c == '.')
            continue;
        if ((c | 0x20) != word[--w])
            return false;
    }
    return true;
}

static bool is_private(const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(public_keys); i++)
        if (strcmp(key, public_keys[i]) == 0)
            return false;
    for (size_t i = 0; i < ARRAY_SIZE(private_keys); i++)
        if (ends_with(key, private_keys[i]))
            return true;
    return false;
}

/* Appends text as UTF-8: bytes that are none, and NUL, become U+FFFD, what passes max is cut and ends in an
 * ellipsis.
 */
static void clean(struct str text, size_t max, struct buf *out)
{
    size_t used = 0;
    while (text.n > 0) {
        size_t length = text.p[0] ? utf8_sequence(text) : 0;
        struct str shown = length ? (struct str){text.p, length} : str_of("\xef\xbf\xbd");
        if (used + shown.n > max) {
            buf_adds(out, "\xe2\x80\xa6");
            return;
        }
        buf_add(out, shown.p, shown.n);
        used += shown.n;
        text.p += length ? length : 1;
        text.n -= length ? length : 1;
    }
}

static bool needs_quotes(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\' ||
            s.p[i] == 0x7f)
            return true;
    return s.n == 0;
}

/* Quoted strings are JSON strings in both formats. */
static void put_text(enum log_format format, struct str text, size_t max, struct buf *out)
{
    struct buf cleaned;
    buf_init(&cleaned, max + 8);
    clean(text, max, &cleaned);
    struct json_out w;
    json_out_init(&w, out);
    if (format == LOG_FORMAT_JSON || needs_quotes(buf_str(&cleaned)))
        json_put_str(&w, NULL, buf_str(&cleaned));
    else
        buf_add(out, cleaned.p, cleaned.n);
    buf_done(&cleaned);
}

static void put_key(enum log_format format, const char *key, struct buf *out)
{
    if (format == LOG_FORMAT_JSON)
        buf_addf(out, ",\"%s\":", key);
    else
        buf_addf(out, " %s=", key);
}

static void put_field(enum log_format format, const struct log_field *field, struct buf *out)
{
    put_key(format, field->key, out);
    if (field->kind == LOG_FIELD_REDACTED || is_private(field->key)) {
        put_text(format, redacted, VALUE_MAX, out);
        return;
    }
    switch (field->kind) {
    case LOG_FIELD_INT:
        buf_addi(out, field->n);
        break;
    case LOG_FIELD_BOOL:
        buf_adds(out, field->yes ? "true" : "false");
        break;
    case LOG_FIELD_STR:
        put_text(format, field->str, VALUE_MAX, out);
        break;
    default:
        put_text(format, str_of(field->string), VALUE_MAX, out);
    }
}

static void put_head(enum log_format format, enum log_level level, int64_t now_ms, const char *message,
                     struct buf *out)
{
    char time[RFC3339_SIZE];
    rfc3339_format(now_ms, time);
    if (format == LOG_FORMAT_JSON)
        buf_addf(out, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\"", time, level_names[level],
                 log_program);
    else
        buf_addf(out, "time=%s level=%s program=%s", time, level_names[level], log_program);
    put_key(format, "msg", out);
    put_text(format, str_of(message), MESSAGE_MAX, out);
}

/* Fields that do not fit are left out, whole. Returns false when there was one. */
static bool put_fields(enum log_format format, const struct log_field *fields, size_t limit, struct buf *out)
{
    bool all = true;
    struct buf one;
    buf_init(&one, FIELD_MAX);
    for (; fields && fields->kind != LOG_FIELD_END; fields++) {
        if (fields->kind == LOG_FIELD_STRING && !fields->string)
            continue;
        buf_clear(&one);
        put_field(format, fields, &one);
        if (buf_ok(&one) && out->n + one.n <= limit)
            buf_add(out, one.p, one.n);
        else
            all = false;
    }
    buf_done(&one);
    return all;
}

void log_render(enum log_format format, enum log_level level, int64_t now_ms, const char *message,
                const struct log_field *fields, struct buf *out)
{
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    const char *mark = format == LOG_FORMAT_JSON ? cut_mark_json : cut_mark_logfmt;
    const char *end = format == LOG_FORMAT_JSON ? "}\n" : "\n";
    put_head(format, level, now_ms, message, &line);
    if (!put_fields(format, fields, LOG_LINE_MAX - strlen(mark) - strlen(end), &line))
        buf_adds(&line, mark);
    buf_adds(&line, end);
    buf_add(out, line.p, line.n);
    buf_done(&line);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct buf line;
    buf_init(&line, LOG_LINE_MAX);
    log_render(log_format, level, now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000, message, fields, &line);
    ssize_t written = write(STDERR_FILENO, line.p, line.n);
    (void)written; /* nobody is left to tell */
    buf_done(&line);
}
