#include "scim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "mem.h"

#define URN_USER       "urn:ietf:params:scim:schemas:core:2.0:User"
#define URN_ENTERPRISE "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
#define URN_PATCH      "urn:ietf:params:scim:api:messages:2.0:PatchOp"

enum { PATCH_TYPICAL = 400 };

/* ---- where an attribute lives -------------------------------------------------------------------------- */

enum place { PLACE_CORE, PLACE_NAME, PLACE_WORK, PLACE_ENTERPRISE, PLACE_MANAGER };

static const struct {
    const char *flat; /* our name */
    enum place place;
    const char *member; /* in its place */
} places[] = {
    {"name.formatted", PLACE_NAME, "formatted"},
    {"name.givenName", PLACE_NAME, "givenName"},
    {"name.familyName", PLACE_NAME, "familyName"},
    {"emails.work", PLACE_WORK, "emails"},
    {"phoneNumbers.work", PLACE_WORK, "phoneNumbers"},
    {"employeeNumber", PLACE_ENTERPRISE, "employeeNumber"},
    {"costCenter", PLACE_ENTERPRISE, "costCenter"},
    {"organization", PLACE_ENTERPRISE, "organization"},
    {"division", PLACE_ENTERPRISE, "division"},
    {"department", PLACE_ENTERPRISE, "department"},
    {"manager", PLACE_MANAGER, "manager"},
};

static enum place place_of(const char *flat, const char **ret_member)
{
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (strcmp(places[i].flat, flat) != 0)
            continue;
        *ret_member = places[i].member;
        return places[i].place;
    }
    *ret_member = flat;
    return PLACE_CORE;
}

static void patch_path(const char *flat, struct buf *out)
{
    const char *member;
    buf_clear(out);
    switch (place_of(flat, &member)) {
    case PLACE_CORE:
    case PLACE_NAME:
        buf_adds(out, flat);
        break;
    case PLACE_WORK:
        buf_addf(out, "%s[type eq \"work\"].value", member);
        break;
    case PLACE_ENTERPRISE:
        buf_addf(out, URN_ENTERPRISE ":%s", member);
        break;
    case PLACE_MANAGER:
        buf_adds(out, URN_ENTERPRISE ":manager.value");
        break;
    }
}

bool scim_values_equal(const char *name, const char *a, const char *b)
{
    a = a && *a ? a : NULL; /* no value and the empty value are one */
    b = b && *b ? b : NULL;
    if (!a || !b)
        return a == b;
    if (strcmp(a, b) == 0)
        return true;
    const char *member;
    bool any_case = strcmp(name, "userName") == 0 || place_of(name, &member) == PLACE_WORK;
    return any_case && strcasecmp(a, b) == 0;
}

/* ---- requests ------------------------------------------------------------------------------------------ */

void scim_request_done(struct scim_request *r)
{
    free(r->path);
    free(r->body);
    *r = (struct scim_request){0};
}

static void percent_encode(const char *text, struct buf *out)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     strchr("-._~", *c) != NULL;
        if (plain)
            buf_addc(out, (char)*c);
        else
            buf_addf(out, "%%%02X", *c);
    }
}

static char *resource_path(const char *resources, const char *id, const char *query)
{
    struct buf path;
    buf_init(&path, SCIM_REQUEST_MAX);
    buf_adds(&path, resources);
    percent_encode(id, &path);
    buf_adds(&path, query);
    return buf_take(&path);
}

static char *user_path(const char *id)
{
    return resource_path("/Users/", id, "");
}

void scim_read(const char *id, struct scim_request *ret)
{
    *ret = (struct scim_request){.path = user_path(id)};
}

void scim_find(const char *match, const char *value, struct scim_request *ret)
{
    struct buf filter, path;
    buf_init(&filter, SCIM_REQUEST_MAX);
    buf_init(&path, SCIM_REQUEST_MAX);
    patch_path(match, &filter);
    buf_adds(&filter, " eq ");
    struct json_out w;
    json_out_init(&w, &filter);
    json_put_string(&w, NULL, value); /* RFC 7644 3.4.2.2: a filter's value is JSON */
    buf_adds(&path, "/Users?filter=");
    percent_encode(filter.p, &path);
    buf_done(&filter);
    *ret = (struct scim_request){.path = buf_take(&path)};
}

static void take_body(struct buf *body, struct scim_request *ret)
{
    assert(buf_ok(body)); /* attr.h's limits see to it */
    ret->body_n = body->n;
    ret->body = buf_take(body);
}

/* The members of one place that have a value, as members of the open object. */
static size_t put_members(struct json_out *w, const struct attrs *attrs, enum place place)
{
    size_t n = 0;
    for (size_t i = 0; i < attrs->n; i++) {
        const char *member;
        if (place_of(attrs->v[i].name, &member) != place || !attrs->v[i].value || !*attrs->v[i].value)
            continue;
        if (w)
            json_put_string(w, member, attrs->v[i].value);
        n++;
    }
    return n;
}

static void put_name(struct json_out *w, const struct profile *p, const struct attrs *attrs)
{
    bool both = attrs_get(attrs, "name.givenName") && attrs_get(attrs, "name.familyName");
    if (put_members(NULL, attrs, PLACE_NAME) == 0 || (p->name_needs_both && !both))
        return;
    json_open(w, "name", '{');
    put_members(w, attrs, PLACE_NAME);
    json_close(w);
}

static void put_work(struct json_out *w, const struct profile *p, const struct attrs *attrs)
{
    for (size_t i = 0; i < attrs->n; i++) {
        const char *member, *value = attrs->v[i].value;
        if (place_of(attrs->v[i].name, &member) != PLACE_WORK || !value ||
            profile_read_only(p, attrs->v[i].name))
            continue;
        json_open(w, member, '[');
        json_open(w, NULL, '{');
        json_put_string(w, "value", value);
        json_put_string(w, "type", "work");
        json_put_bool(w, "primary", true);
        json_close(w);
        json_close(w);
    }
}

static void put_enterprise(struct json_out *w, const struct attrs *attrs)
{
    const char *manager = attrs_get(attrs, "manager");
    if (put_members(NULL, attrs, PLACE_ENTERPRISE) == 0 && !manager)
        return;
    json_open(w, URN_ENTERPRISE, '{');
    put_members(w, attrs, PLACE_ENTERPRISE);
    if (manager) {
        json_open(w, "manager", '{');
        json_put_string(w, "value", manager);
        json_close(w);
    }
    json_close(w);
}

void scim_create(const struct profile *p, const struct attrs *attrs, struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    buf_init(&body, SCIM_REQUEST_MAX);
    json_out_init(&w, &body);
    bool enterprise = put_members(NULL, attrs, PLACE_ENTERPRISE) > 0 || attrs_get(attrs, "manager");
    json_open(&w, NULL, '{');
    json_open(&w, "schemas", '[');
    json_put_string(&w, NULL, URN_USER);
    if (enterprise && !p->core_schema_only)
        json_put_string(&w, NULL, URN_ENTERPRISE);
    json_close(&w);
    put_members(&w, attrs, PLACE_CORE);
    json_put_bool(&w, "active", true);
    put_name(&w, p, attrs);
    put_work(&w, p, attrs);
    put_enterprise(&w, attrs);
    json_close(&w);
    *ret = (struct scim_request){.path = xstrdup("/Users")};
    take_body(&body, ret);
}

static void open_patch(struct json_out *w, struct buf *body)
{
    buf_init(body, SCIM_REQUEST_MAX);
    buf_reserve(body, PATCH_TYPICAL);
    json_out_init(w, body);
    json_open(w, NULL, '{');
    json_open(w, "schemas", '[');
    json_put_string(w, NULL, URN_PATCH);
    json_close(w);
    json_open(w, "Operations", '[');
}

/* Takes path. */
static void close_patch_at(struct json_out *w, struct buf *body, char *path, struct scim_request *ret)
{
    json_close(w);
    json_close(w);
    *ret = (struct scim_request){.path = path};
    take_body(body, ret);
}

static void close_patch(struct json_out *w, struct buf *body, const char *id, struct scim_request *ret)
{
    close_patch_at(w, body, user_path(id), ret);
}

void scim_update(const struct profile *p, const char *id, const struct attrs *changes,
                 struct scim_request *ret)
{
    struct buf body, path;
    struct json_out w;
    buf_init(&path, SCIM_REQUEST_MAX);
    open_patch(&w, &body);
    for (size_t i = 0; i < changes->n; i++) {
        const char *value = changes->v[i].value;
        patch_path(changes->v[i].name, &path);
        json_open(&w, NULL, '{');
        json_put_string(&w, "op", value ? p->op_replace : p->op_remove);
        json_put_string(&w, "path", path.p);
        if (value)
            json_put_string(&w, "value", value);
        json_close(&w);
    }
    buf_done(&path);
    close_patch(&w, &body, id, ret);
}

void scim_set_active(const struct profile *p, const char *id, bool active, struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    open_patch(&w, &body);
    json_open(&w, NULL, '{');
    json_put_string(&w, "op", p->op_replace);
    json_put_string(&w, "path", "active");
    json_put_bool(&w, "value", active);
    json_close(&w);
    close_patch(&w, &body, id, ret);
}

void scim_delete(const char *id, struct scim_request *ret)
{
    scim_read(id, ret); /* the same resource */
}

/* ---- teams --------------------------------------------------------------------------------------------- */

static void put_added(struct json_out *w, const struct profile *p, const char *const *members, size_t n)
{
    json_open(w, NULL, '{');
    json_put_string(w, "op", p->op_add);
    json_put_string(w, "path", "members");
    json_open(w, "value", '[');
    for (size_t i = 0; i < n; i++) {
        json_open(w, NULL, '{');
        json_put_string(w, "value", members[i]);
        json_close(w);
    }
    json_close(w);
    json_close(w);
}

/* One path for each: a value list is documented nowhere, and some services remove everybody then. */
static void put_removed(struct json_out *w, const struct profile *p, const char *member)
{
    struct buf path;
    buf_init(&path, SCIM_REQUEST_MAX);
    if (p->bare_member_id && strspn(member, "0123456789") == strlen(member))
        buf_addf(&path, "members[value eq %s]", member);
    else {
        struct json_out value;
        buf_adds(&path, "members[value eq ");
        json_out_init(&value, &path);
        json_put_string(&value, NULL, member);
        buf_addc(&path, ']');
    }
    json_open(w, NULL, '{');
    json_put_string(w, "op", p->op_remove);
    json_put_string(w, "path", path.p);
    json_close(w);
    buf_done(&path);
}

void scim_move(const struct profile *p, const char *team, const char *const *members, size_t n, bool add,
               struct scim_request *ret)
{
    struct buf body;
    struct json_out w;
    open_patch(&w, &body);
    if (add)
        put_added(&w, p, members, n);
    for (size_t i = 0; !add && i < n; i++)
        put_removed(&w, p, members[i]);
    close_patch_at(&w, &body, resource_path("/Groups/", team, p->move_query), ret);
}

void scim_list_teams(size_t start, unsigned count, struct scim_request *ret)
{
    *ret = (struct scim_request){
        .path = xasprintf("/Groups?attributes=id,displayName&startIndex=%zu&count=%u", start, count)};
}

/* ---- answers ------------------------------------------------------------------------------------------- */

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
        attrs->n == ATTRS_MAX)
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

static const cJSON *work_value(const cJSON *list)
{
    const cJSON *item, *first = NULL;
    cJSON_ArrayForEach(item, list)
    {
        const char *type = json_string(item, "type");
        if (type && strcasecmp(type, "work") == 0)
            return json_get(item, "value");
        first = first ? first : json_get(item, "value");
    }
    return first;
}

static void take_attributes(const cJSON *user, struct attrs *attrs)
{
    const cJSON *name = json_get(user, "name"), *enterprise = json_get(user, URN_ENTERPRISE), *item;
    cJSON_ArrayForEach(item, user) if (strcmp(item->string, "id") != 0)
        take_string(attrs, item->string, item);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        const char *member = places[i].member;
        const cJSON *value = NULL;
        switch (places[i].place) {
        case PLACE_CORE:
            break;
        case PLACE_NAME:
            value = json_get(name, member);
            break;
        case PLACE_WORK:
            value = work_value(json_get(user, member));
            break;
        case PLACE_ENTERPRISE:
            value = json_get(enterprise, member);
            break;
        case PLACE_MANAGER:
            value = json_get(json_get(enterprise, "manager"), "value");
            break;
        }
        take_string(attrs, places[i].flat, value);
    }
}

static bool is_id(const char *id)
{
    return id && *id && strlen(id) <= SCIM_ID_MAX;
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
    const char *text = cJSON_GetStringValue(active); /* some services say "True" */
    *ret = (struct account){.id = xstrdup(id)};
    ret->active = !active || cJSON_IsTrue(active) || (text && strcasecmp(text, "true") == 0);
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

bool scim_parse_list(struct str body, const char *match, const char *value, size_t *ret_found,
                     struct account *ret, struct error *err)
{
    struct json_doc doc = {0};
    if (!json_doc_parse(body, &doc, err) || !cJSON_IsNumber(json_get(doc.root, "totalResults"))) {
        json_doc_done(&doc);
        return error_set(err, ERROR_TEMPORARY, "the answer is not a SCIM ListResponse");
    }
    const cJSON *item;
    *ret_found = 0;
    *ret = (struct account){0};
    cJSON_ArrayForEach(item, json_get(doc.root, "Resources"))
    {
        struct account account = {0};
        if (take_user(item, &account) && scim_values_equal(match, attrs_get(&account.attrs, match), value) &&
            (*ret_found)++ == 0)
            *ret = account;
        else
            account_done(&account);
    }
    json_doc_done(&doc);
    return true;
}

bool scim_parse_teams(struct str body, struct attrs *teams, struct team_page *ret, struct error *err)
{
    struct json_doc doc = {0};
    int64_t total = -1;
    bool ok = json_doc_parse(body, &doc, err);
    const cJSON *list = json_get(doc.root, "Resources"), *item;
    bool counted = json_int64(doc.root, "totalResults", &total);
    if (!ok || (!cJSON_IsArray(list) &&
                !(counted && total == 0))) { /* RFC 7644 3.4.2: no Resources if there are none */
        json_doc_done(&doc);
        return error_set(err, ERROR_TEMPORARY, "the answer is not a SCIM ListResponse");
    }
    *ret = (struct team_page){.total = counted ? total : -1};
    cJSON_ArrayForEach(item, list)
    {
        const char *id = json_string(item, "id"), *name = json_string(item, "displayName");
        ret->n++;
        bool named = is_id(id) && name && *name && strlen(name) <= TEAM_NAME_MAX;
        if (named)
            attrs_set(teams, id, name);
        ret->nameless += !named;
    }
    json_doc_done(&doc);
    return true;
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
