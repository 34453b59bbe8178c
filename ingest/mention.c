#include "mention.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "body.h"
#include "mem.h"

static const double EXACT = 0x1p53; /* integers below have one double each */

/* As a source's script would write it. */
static bool is_number(double value, const char *subject)
{
    char text[32], *end;
    if (fabs(value) < EXACT && value == trunc(value)) {
        snprintf(text, sizeof text, "%.0f", value);
        return strcmp(text, subject) == 0;
    }
    return strtod(subject, &end) == value && end != subject && *end == '\0';
}

static bool names(const cJSON *node, const char *subject)
{
    if (node->string && strcmp(node->string, subject) == 0)
        return true;
    if (cJSON_IsString(node))
        return strcmp(node->valuestring, subject) == 0;
    if (cJSON_IsNumber(node))
        return is_number(node->valuedouble, subject);
    for (const cJSON *child = node->child; child; child = child->next)
        if (names(child, subject))
            return true;
    return false;
}

static enum mention mention_in(enum source_format format, struct str text, const char *subject)
{
    struct error ignored;
    cJSON *document;
    if (text.n == 0)
        return MENTION_NONE;
    if (!body_parse(format, text, &document, NULL, &ignored))
        return MENTION_UNREADABLE;
    enum mention result = names(document, subject) ? MENTION_FOUND : MENTION_NONE;
    cJSON_Delete(document);
    return result;
}

/* As written in what cannot be parsed. */
static bool is_quoted(struct str text, const char *subject)
{
    char *quoted = xasprintf("\"%s\"", subject);
    bool found = text.n > 0 && memmem(text.p, text.n, quoted, strlen(quoted));
    free(quoted);
    return found;
}

enum mention mention_of(const struct source *src, const struct archived_request *r, const char *subject)
{
    static const struct source unknown = {.format = SOURCE_AUTO};
    const struct message *m = &r->message;
    if (is_quoted(m->body, subject))
        return MENTION_FOUND;
    if (r->verified.content.n > 0) /* the body is only its envelope */
        return mention_in(SOURCE_JSON, r->verified.content, subject);
    return mention_in(body_format(src ? src : &unknown, m), m->body, subject);
}
