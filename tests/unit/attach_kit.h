/* attach_kit.h - user groups that the configuration wants in teams, and the REST API that puts them there; beside
 * teams_kit.h. */
#ifndef ROLLCALL_TEST_ATTACH_KIT_H
#define ROLLCALL_TEST_ATTACH_KIT_H

#include "teams_kit.h"

static const char *const owned[] = {"Guild"};
static const struct engine_attachment wanted[] = {{"Guild", "Sales"}};
static const struct engine_attachment both[] = {{"Guild", "Sales"}, {"Guild", "Legal"}};

static char org[24];
static unsigned asked, attached, detached; /* calls to the REST API */

/* ---- the target's REST side ---------------------------------------------------------------------------- */

static inline int rest(const char *method, const char *path, const char *body, struct miro_reply *ret)
{
    struct miro_request rq = {.method = method,
                              .target = path,
                              .authorization = "Bearer any",
                              .content_type = "application/json",
                              .body = body,
                              .body_n = body ? strlen(body) : 0};
    miro_handle(there.m, &rq, kit.now.wall_ms, ret);
    return ret->status;
}

static inline void know_org(void)
{
    struct miro_reply r;
    struct error err;
    cJSON *root;
    ck_assert_int_eq(rest("GET", "/v1/oauth-token", NULL, &r), 200);
    ck_assert(json_parse(buf_str(&r.body), &root, &err));
    snprintf(org, sizeof org, "%s", json_string(json_get(root, "organization"), "id"));
    cJSON_Delete(root);
    miro_reply_done(&r);
}

/* A team, as Miro's pages make it; SCIM does not show it. */
static inline void add_team(const char *name)
{
    struct miro_reply r;
    char path[96], body[96];
    snprintf(path, sizeof path, "/v2/orgs/%s/teams", org);
    snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    ck_assert_int_eq(rest("POST", path, body, &r), 201);
    miro_reply_done(&r);
}

static inline const struct miro_team *team_called(const char *name, bool group)
{
    for (size_t i = 0; i < miro_teams_n(there.m); i++) {
        const struct miro_team *t = miro_team_at(there.m, i);
        if (!t->deleted && t->user_group == group && strcmp(t->team_name, name) == 0)
            return t;
    }
    return NULL;
}

static inline bool is_attached(const char *group, const char *team)
{
    const struct miro_team *g = team_called(group, true), *t = team_called(team, false);
    for (size_t i = 0; g && i < g->n_attached; i++)
        if (g->attached[i] == t)
            return true;
    return false;
}

static inline void by_hand(const char *method, const char *group, const char *team)
{
    struct miro_reply r;
    char path[160], body[96];
    bool adds = strcmp(method, "POST") == 0;
    snprintf(path, sizeof path, "/v2/orgs/%s/teams/%s/groups%s%s", org, team_called(team, false)->id,
             adds ? "" : "/", adds ? "" : team_called(group, true)->id);
    snprintf(body, sizeof body, "{\"userGroupId\":\"%s\",\"role\":\"member\"}", team_called(group, true)->id);
    ck_assert_int_lt(rest(method, path, adds ? body : NULL, &r), 300);
    miro_reply_done(&r);
}

static inline bool is_rest(void)
{
    return strncmp(kit.call->path, "/v2/", 4) == 0;
}

static inline void serve_any(void)
{
    struct miro_reply r;
    if (!is_rest()) {
        serve();
        return;
    }
    ck_assert_str_eq(engine_target_name(kit.e, kit.call->target), "rest.miro");
    asked++;
    attached += strcmp(kit.call->method, "POST") == 0;
    detached += strcmp(kit.call->method, "DELETE") == 0;
    char *body = kit.call->body ? xstrndup(kit.call->body, kit.call->body_n) : NULL;
    rest(kit.call->method, kit.call->path, body, &r);
    free(body);
    reply(kit.call,
          &(struct call_reply){
              .outcome = CALL_REPLIED, .status = r.status, .body = buf_str(&r.body), .retry_after_ms = -1});
    miro_reply_done(&r);
}

static inline void settle_all(int64_t ms)
{
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (next_call())
            serve_any();
        else
            pass(KIT_SECOND);
    }
    commit();
}

/* Until the REST API is called so, which is the call then. */
static inline void until_rest(const char *method, const char *path_has)
{
    for (int i = 0; i < 4000; i++) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call())
            pass(KIT_SECOND);
        else if (is_rest() && strcmp(kit.call->method, method) == 0 && strstr(kit.call->path, path_has))
            return;
        else
            serve_any();
    }
    ck_abort_msg("no %s %s", method, path_has);
}

static inline const char *why_not(void)
{
    struct engine_target_figures figures;
    engine_target_figures(kit.e, 0, &figures);
    return figures.unattached;
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static inline void configure(const struct engine_attachment *attach, size_t n_attach,
                             const struct engine_attachment *detach, size_t n_detach)
{
    kit.targets[1].attached = attach;
    kit.targets[1].n_attached = n_attach;
    kit.targets[1].detached = detach;
    kit.targets[1].n_detached = n_detach;
    if (kit.e)
        engine_targets_changed(kit.e, kit.targets, kit.now);
}

static inline void prepare_rest(void)
{
    struct miro_config cfg;
    prepare();
    miro_free(there.m);
    miro_config_default(&cfg);
    cfg.token = cfg.admin = NULL;
    cfg.group_mode = MIRO_USER_GROUPS;
    there.m = miro_new(&cfg);
    asked = attached = detached = 0;
    kit.targets[0].group_mode = GROUP_MODE_USER_GROUP;
    kit.targets[0].leaves_last = true;
    kit.targets[0].owned_groups = owned;
    kit.targets[0].n_owned_groups = ARRAY_SIZE(owned);
    kit.targets[1] = kit.targets[0];
    kit.targets[1].name = "rest.miro";
    kit.targets[1].kind = "miro_rest";
    kit.targets[1].rest_of = "miro";
    kit.targets[1].org = org;
    kit.targets[1].group_mode = GROUP_MODE_NONE;
    kit.targets[1].n_owned_groups = 0;
    kit.cfg.n_targets = 2;
    know_org();
    add_team("Sales");
    add_team("Legal");
    configure(wanted, 1, NULL, 0);
}

static inline void open_rest(void)
{
    kit_open();
    commit();
}

/* Guild is made for p0, and is in Sales. */
static inline void start_attached(void)
{
    prepare_rest();
    open_rest();
    tell("joined", EVENT_JOINED, 0, 1, "Guild");
    settle_all(2 * RELIST_MS);
    ck_assert(is_in(0, "Guild") && is_attached("Guild", "Sales"));
    ck_assert_uint_eq(attached, 1);
}

#endif
