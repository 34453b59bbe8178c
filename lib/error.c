#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    if (!err)
        return false;
    char message[sizeof err->message]; /* an argument may be err's own message */
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    err->kind = kind;
    memcpy(err->message, message, sizeof message);
    return false;
}

/* Appends as much of text as fits. */
static void append(char *to, size_t size, const char *text)
{
    size_t used = strlen(to), n = strnlen(text, size - used - 1);
    memcpy(to + used, text, n);
    to[used + n] = '\0';
}

bool error_wrap(struct error *err, const char *format, ...)
{
    if (!err)
        return false;
    char message[sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    append(message, sizeof message, ": ");
    append(message, sizeof message, err->message);
    memcpy(err->message, message, sizeof message);
    return false;
}

const char *error_kind_name(enum error_kind kind)
{
    static const char *const names[] = {"none", "input", "temporary", "permanent", "system"};
    return names[kind];
}

enum error_kind error_kind_of_file(int cause)
{
    switch (cause) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG:
        return ERROR_INPUT;
    default:
        return ERROR_SYSTEM;
    }
}
