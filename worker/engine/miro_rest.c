#include "miro_rest.h"

#include <string.h>

#include "digest.h"
#include "json.h"
#include "mem.h"

enum {
    REST_PAGE = 100,   /* the most that the API allows */
    REST_ID_MAX = 128, /* theirs have 19 digits; two of them have room in a record's key */
};

static void begin(struct buf *path, const char *org, const char *what)
{
    buf_init(path, SCIM_REQUEST_MAX);
    buf_adds(path, "/v2/orgs/");
    percent_encode(org, path);
    buf_addf(path, "/%s", what);
}

static void add_id(struct buf *path, const char *id)
{
    buf_addc(path, '/');
    percent_encode(id, path);
}

static void end_list(struct buf *path, const char *cursor, struct scim_request *ret)
{
    buf_addf(path, "?limit=%d", REST_PAGE);
    if (cursor) {
        buf_adds(path, "&cursor=");
        percent_encode(cursor, path);
    }
    *ret = (struct scim_request){.path = buf_take(path)};
}

void miro_rest_list(const char *org, const char *what, const char *cursor, struct scim_request *ret)
{
    struct buf path;
    begin(&path, org, what);
    end_list(&path, cursor, ret);
}

void miro_rest_list_teams_of(const char *org, const char *group, const char *cursor, struct scim_request *ret)
{
    struct buf path;
    begin(&path, org, "groups");
    add_id(&path, group);
    buf_adds(&path, "/teams");
    end_list(&path, cursor, ret);
}

void miro_rest_attach(const char *org, const char *group, const char *team, struct scim_request *ret)
{
    struct buf path, body;
    struct json_out w;
    begin(&path, org, "teams");
    add_id(&path, team);
    buf_adds(&path, "/groups");
    buf_init(&body, SCIM_REQUEST_MAX);
    json_out_init(&w, &body);
    json_open(&w, NULL, '{');
    json_put_string(&w, "userGroupId", group);
    json_put_string(&w, "role", "member"); /* there is no other */
    json_close(&w);
    *ret = (struct scim_request){.path = buf_take(&path), .body_n = body.n};
    ret->body = buf_take(&body);
}

void miro_rest_detach(const char *org, const char *group, const char *team, struct scim_request *ret)
{
    struct buf path;
    begin(&path, org, "teams");
    add_id(&path, team);
    buf_adds(&path, "/groups");
    add_id(&path, group);
    *ret = (struct scim_request){.path = buf_take(&path)};
}

bool miro_rest_parse(struct str body, struct attrs *found, char **ret_cursor, struct error *err)
{
    cJSON *root;
    if (!json_parse(body, &root, err))
        return error_set(err, ERROR_TEMPORARY, "the answer is no JSON");
    const cJSON *list = json_get(root, "data"), *item;
    bool ok = cJSON_IsArray(list);
    if (!ok)
        list = NULL; /* an object's members would be gone through, too */
    cJSON_ArrayForEach(item, list)
    {
        const char *id = json_string(item, "id"), *name = json_string(item, "name");
        if (percent_is_segment(id, REST_ID_MAX))
            attrs_set(found, id, name ? name : "");
    }
    const char *cursor = json_string(root, "cursor");
    if (ok)
        *ret_cursor = cursor && *cursor ? xstrdup(cursor) : NULL;
    cJSON_Delete(root);
    return ok || error_set(err, ERROR_TEMPORARY, "the answer is no list");
}
