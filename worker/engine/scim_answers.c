/* scim_answers.c - answers as accounts, teams and errors. */
#include "scim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "digest.h"
#include "json.h"
#include "mem.h"
#include "scim_attributes.h"

#define URN_ERROR "urn:ietf:params:scim:api:messages:2.0:Error"

void account_done(struct account *a)
{
    free(a->id);
    attrs_done(&a->attrs);
    attrs_done(&a->teams);
    *a = (struct account){0};
}

static void take_string(struct attrs *attrs, const char *flat, const cJSON *value)
{
    if (!cJSON_IsString(value) || !*value->valuestring || !*flat || strlen(flat) > ATTR_NAME_MAX ||
        attrs->n >= ATTRS_MAX)
        return;
    char text[ATTR_VALUE_MAX + 1];
    size_t n = strlen(value->valuestring);
    if (n > ATTR_VALUE_MAX) /* none that we could have written: enough of it to see that it differs */
        for (n = ATTR_VALUE_MAX - 1; (value->valuestring[n] & 0xc0) == 0x80; n--)
            ;
    memcpy(text, value->valuestring, n);
    text[n] = '\0';
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ') /* they cost six bytes each in a record */
            *c = ' ';
    attrs_set(attrs, flat, text);
}

/* Of the entry of that type, else of the first that says none. One of another type is another thing. */
static const cJSON *typed_value(const cJSON *list, const char *wanted)
{
    const cJSON *item, *first = NULL;
    cJSON_ArrayForEach(item, list)
    {
        const char *type = json_string(item, "type");
        if (type && strcasecmp(type, wanted) == 0)
            return json_get(item, "value");
        first = first || (type && *type) ? first : json_get(item, "value");
    }
    return first;
}

bool scim_is_true(const cJSON *value)
{
    const char *text = cJSON_GetStringValue(value);
    return cJSON_IsTrue(value) || (text && strcasecmp(text, "true") == 0);
}

static void take_roles(const cJSON *roles, struct attrs *attrs)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, roles)
    {
        char name[ATTR_NAME_MAX + 1];
        const char *role = json_string(item, "value");
        if (scim_is_true(json_get(item, "primary")))
            take_string(attrs, "role", json_get(item, "value"));
        else if (role && *role && attrs->n < ATTRS_MAX / 2 && /* room for what has a name of its own */
                 (size_t)snprintf(name, sizeof name, ATTR_ROLE_PREFIX "%s", role) < sizeof name)
            attrs_set(attrs, name, "true");
    }
}

static void take_attributes(const cJSON *user, struct attrs *attrs)
{
    const cJSON *name = json_get(user, "name"), *enterprise = json_get(user, SCIM_URN_ENTERPRISE), *item;
    size_t n_places;
    const struct scim_place *places = scim_places(&n_places);
    cJSON_ArrayForEach(item, user) if (strcmp(item->string, "id") != 0)
        take_string(attrs, item->string, item);
    for (size_t i = 0; i < n_places; i++) {
        const char *member = places[i].member;
        const cJSON *value = NULL;
        switch (places[i].kind) {
        case PLACE_CORE:
            break;
        case PLACE_NAME:
            value = json_get(name, member);
            break;
        case PLACE_WORK:
            value = typed_value(json_get(user, member), "work");
            break;
        case PLACE_ENTERPRISE:
            value = json_get(enterprise, member);
            break;
        case PLACE_MANAGER:
            value = json_get(json_get(enterprise, "manager"), scim_manager_member(places[i].flat));
            break;
        case PLACE_PHOTO:
            value = typed_value(json_get(user, member), "photo");
            break;
        case PLACE_ROLE:
        case PLACE_ADMIN_ROLE:
            continue; /* take_roles */
        }
        take_string(attrs, places[i].flat, value);
    }
}

static bool is_id(const char *id)
{
    return percent_is_segment(id, SCIM_ID_MAX);
}

static void take_teams(const cJSON *groups, struct attrs *teams)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, groups)
    {
        const char *id = json_string(item, "value");
        if (is_id(id))
            attrs_set(teams, id, json_string(item, "display"));
    }
}

static bool take_user(const cJSON *user, struct account *ret)
{
    const char *id = json_string(user, "id");
    if (!is_id(id))
        return false;
    const cJSON *active = json_get(user, "active");
    *ret = (struct account){.id = xstrdup(id)};
    ret->active = !active || scim_is_true(active);
    take_roles(json_get(user, "roles"), &ret->attrs);
    take_attributes(user, &ret->attrs);
    ret->says_teams = json_get(user, "groups");
    take_teams(json_get(user, "groups"), &ret->teams);
    return true;
}

bool scim_parse_user(struct str body, struct account *ret, struct error *err)
{
    struct json_doc doc = {0};
    bool ok = json_doc_parse(body, &doc, err) && take_user(doc.root, ret);
    json_doc_done(&doc);
    return ok || error_set(err, ERROR_TEMPORARY, "the answer is not a SCIM User");
}

/* What all lists have (RFC 7644 3.4.2; RFC 9865 §2): false: it is none. *ret_total: -1: not said. */
static bool take_list(const cJSON *root, const cJSON **ret_items, int64_t *ret_total, char **ret_cursor)
{
    int64_t total = -1;
    bool counted = json_int64(root, "totalResults", &total);
    const cJSON *items = json_get(root, "Resources");
    const char *cursor = json_string(root, "nextCursor");
    if (!cJSON_IsArray(items) && !(counted && total == 0)) /* no Resources if there are none */
        return false;
    *ret_items = items;
    *ret_total = counted ? total : -1;
    *ret_cursor = cursor && *cursor ? xstrdup(cursor) : NULL;
    return true;
}

/* The first attribute by which it matches; n: none. */
static size_t rank_of(const struct account *account, const struct scim_match *matches, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (scim_values_equal(matches[i].attr, attrs_get(&account->attrs, matches[i].attr), matches[i].value))
            return i;
    return n;
}

/* Takes account if it is the best so far. */
static void weigh(struct user_page *page, struct account *account, size_t rank, size_t n_matches)
{
    if (rank < n_matches && (page->found == 0 || rank < page->rank)) {
        account_done(&page->account);
        page->account = *account;
        page->rank = rank;
        page->found = 1;
        return;
    }
    page->found += page->found > 0 && rank == page->rank;
    account_done(account);
}

void user_page_done(struct user_page *page)
{
    free(page->cursor);
    account_done(&page->account);
    *page = (struct user_page){0};
}

bool scim_parse_users(struct str body, const struct scim_match *matches, size_t n_matches,
                      struct user_page *ret, struct error *err)
{
    struct json_doc doc = {0};
    struct user_page page = {0};
    const cJSON *items, *item;
    if (!json_doc_parse(body, &doc, err) || !take_list(doc.root, &items, &page.total, &page.cursor)) {
        json_doc_done(&doc);
        return error_set(err, ERROR_TEMPORARY, "the answer is not a SCIM ListResponse");
    }
    cJSON_ArrayForEach(item, items)
    {
        struct account account = {0};
        page.n++;
        if (!take_user(item, &account))
            continue;
        page.first = page.first ? page.first : digest_hash64(account.id, strlen(account.id)) | 1;
        weigh(&page, &account, rank_of(&account, matches, n_matches), n_matches);
    }
    json_doc_done(&doc);
    *ret = page;
    return true;
}

bool scim_parse_group(struct str body, struct group_answer *ret, struct error *err)
{
    struct json_doc doc = {0};
    const char *id = json_doc_parse(body, &doc, err) ? json_string(doc.root, "id") : NULL;
    bool ok = is_id(id);
    if (ok) {
        const cJSON *members = json_get(doc.root, "members");
        *ret = (struct group_answer){.id = xstrdup(id),
                                     .name = xstrdup_null(json_string(doc.root, "displayName")),
                                     .says_members = cJSON_IsArray(members),
                                     .n_members = (size_t)cJSON_GetArraySize(members)};
    }
    json_doc_done(&doc);
    return ok || error_set(err, ERROR_TEMPORARY, "the answer is not a SCIM Group");
}

void group_answer_done(struct group_answer *g)
{
    free(g->id);
    free(g->name);
    *g = (struct group_answer){0};
}

bool scim_parse_teams(struct str body, struct attrs *teams, struct team_page *ret, struct error *err)
{
    struct json_doc doc = {0};
    struct team_page page = {0};
    const cJSON *list, *item;
    if (!json_doc_parse(body, &doc, err) || !take_list(doc.root, &list, &page.total, &page.cursor)) {
        json_doc_done(&doc);
        return error_set(err, ERROR_TEMPORARY, "the answer is not a SCIM ListResponse");
    }
    cJSON_ArrayForEach(item, list)
    {
        const char *id = json_string(item, "id"), *name = json_string(item, "displayName");
        page.n++;
        bool named = is_id(id) && name && *name && strlen(name) <= TEAM_NAME_MAX;
        if (named)
            attrs_set(teams, id, name);
        page.nameless += !named;
    }
    json_doc_done(&doc);
    *ret = page;
    return true;
}

bool scim_parse_team(struct str body, const char *member, enum team_shows *ret)
{
    struct json_doc doc = {0};
    struct error ignored;
    bool ok = json_doc_parse(body, &doc, &ignored) && is_id(json_string(doc.root, "id"));
    const cJSON *list = ok ? json_get(doc.root, "members") : NULL, *item;
    enum team_shows shows = cJSON_IsArray(list) ? TEAM_SHOWS_OTHERS : TEAM_SHOWS_NOBODY;
    cJSON_ArrayForEach(item, list)
    {
        const char *id = json_string(item, "value");
        if (id && strcmp(id, member) == 0)
            shows = TEAM_SHOWS_MEMBER;
    }
    json_doc_done(&doc);
    if (ok)
        *ret = shows;
    return ok;
}

bool scim_is_error(struct str body)
{
    struct json_doc doc = {0};
    struct error ignored;
    bool is = false;
    if (body.n > 0 && json_doc_parse(body, &doc, &ignored)) {
        const cJSON *urn;
        cJSON_ArrayForEach(urn, json_get(doc.root, "schemas")) is |=
            cJSON_IsString(urn) && strcasecmp(urn->valuestring, URN_ERROR) == 0;
    }
    json_doc_done(&doc);
    return is;
}

void scim_parse_error(struct str body, char scim_type[SCIM_TYPE_MAX], char detail[SCIM_DETAIL_MAX])
{
    struct json_doc doc = {0};
    struct error ignored;
    scim_type[0] = detail[0] = '\0';
    if (body.n > 0 && json_doc_parse(body, &doc, &ignored)) {
        const char *type = json_string(doc.root, "scimType"), *text = json_string(doc.root, "detail");
        snprintf(scim_type, SCIM_TYPE_MAX, "%s", type ? type : "");
        snprintf(detail, SCIM_DETAIL_MAX, "%s", text ? text : "");
    }
    json_doc_done(&doc);
}
