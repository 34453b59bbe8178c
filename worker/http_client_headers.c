#include "http_client_headers.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

static void append_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer)
        abort(); /* out of memory */
    *list = longer;
}

static struct header_set *header_set_of(const char *const *lines, size_t n)
{
    struct header_set *set = xcalloc(1, sizeof *set);
    set->users = 1;
    for (size_t i = 0; i < n; i++)
        append_header(&set->list, lines[i]);
    return set;
}

struct header_set *header_set_new(const struct header_rules *rules, const char *token)
{
    static const char *const fixed[] = {
        /* libcurl looks through all of them some ten times a call */
        "Accept: application/scim+json, application/json;q=0.9",
        "Content-Type: application/scim+json",
        "User-Agent: rollcall",
    };
    static const char *const plain[] = {
        "Accept: application/json",
        "Content-Type: application/json",
        "User-Agent: rollcall",
    };
    struct header_set *set =
        header_set_of(rules->json ? plain : fixed, rules->source ? 0 : ARRAY_SIZE(fixed));
    if (token) {
        char *line = xasprintf("%s%s", rules->before_token, token);
        append_header(&set->list, line);
        explicit_bzero(line, strlen(line));
        free(line);
    }
    return set;
}

static bool names_header(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->n_headers; i++)
        if (strncmp(call->headers[i], name, strlen(name)) == 0)
            return true;
    return false;
}

struct header_set *header_set_for(const struct header_set *own, const struct call *call)
{
    struct header_set *set = header_set_of(call->headers, call->n_headers);
    append_header(&set->list, "User-Agent: rollcall");
    if (!names_header(call, "accept:"))
        append_header(&set->list, "Accept: application/json");
    if (call->body && !names_header(call, "content-type:"))
        append_header(&set->list, "Content-Type: application/json");
    for (const struct curl_slist *line = own->list; line; line = line->next)
        append_header(&set->list, line->data);
    return set;
}

struct header_set *header_set_besides(const struct header_set *own, const struct call *call)
{
    struct header_set *set = header_set_of(call->headers, call->n_headers);
    for (const struct curl_slist *line = own->list; line; line = line->next)
        append_header(&set->list, line->data);
    return set;
}

struct header_set *header_set_use(struct header_set *set)
{
    set->users++;
    return set;
}

void header_set_drop(struct header_set *set)
{
    if (!set || --set->users > 0)
        return;
    for (struct curl_slist *line = set->list; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(set->list);
    free(set);
}
