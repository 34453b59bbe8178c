/* The API that tests use beside SCIM: looking at the state, at what has happened, and making things go wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "sandbox_parts.h"

static const char root[] = "/_sandbox";

enum { JOURNAL_PAGE = 10000 };

struct control {
    struct sandbox *sb;
    const struct miro_request *rq;
    const char *query; /* behind '?', "" if none */
    struct miro_reply *reply;
    struct json_out out; /* onto reply->body */
};

bool control_is(const char *target)
{
    size_t n = strlen(root);
    return strncmp(target, root, n) == 0 && (target[n] == '/' || target[n] == '\0' || target[n] == '?');
}

static void answer_error(struct control *c, int status, const char *message)
{
    buf_clear(&c->reply->body);
    json_out_init(&c->out, &c->reply->body);
    c->reply->status = status;
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "error", message);
    json_close(&c->out);
}

static void answer_done(struct control *c)
{
    json_open(&c->out, NULL, '{');
    json_put_bool(&c->out, "ok", true);
    json_close(&c->out);
}

/* A number of the query, or what is taken when it is missing. */
static uint64_t query_number(const char *query, const char *name, uint64_t missing)
{
    size_t n = strlen(name);
    for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&')
        if (strncmp(p, name, n) == 0 && p[n] == '=')
            return strtoull(p + n + 1, NULL, 10);
    return missing;
}

static void get_page(struct control *c)
{
    snprintf(c->reply->content_type, sizeof c->reply->content_type, "text/html; charset=utf-8");
    page_write(c->sb, &c->reply->body);
}

static void get_state(struct control *c)
{
    miro_dump_json(c->sb->miro, &c->reply->body);
}

static void put_state(struct control *c)
{
    struct error err;
    if (miro_load_json(c->sb->miro, (struct str){c->rq->body, c->rq->body_n}, sandbox_now_ms(c->sb), &err))
        answer_done(c);
    else
        answer_error(c, 400, err.message);
}

static void get_journal(struct control *c)
{
    uint64_t max = query_number(c->query, "limit", JOURNAL_PAGE);
    journal_put_json(&c->sb->journal, query_number(c->query, "since", 0),
                     max < JOURNAL_PAGE ? max : JOURNAL_PAGE, &c->out);
}

static void delete_journal(struct control *c)
{
    journal_clear(&c->sb->journal);
    answer_done(c);
}

static void put_limit(struct json_out *w, struct miro_limit l)
{
    json_open(w, NULL, '{');
    json_put_string(w, "class", l.name);
    json_put_int(w, "level", l.level);
    json_put_int(w, "limit", l.limit);
    json_put_int(w, "windowMs", l.window_ms);
    json_put_int(w, "arrivals", (int64_t)l.arrivals);
    json_put_int(w, "maxSliding", l.max_sliding);
    json_put_int(w, "maxFixed", l.max_fixed);
    json_put_int(w, "over", (int64_t)l.over);
    json_close(w);
}

static void put_credits(struct control *c)
{
    json_open(&c->out, "rest", '[');
    for (size_t i = 0; i < miro_rest_tokens_n(c->sb->miro); i++) {
        struct miro_credits cr = miro_credits_get(c->sb->miro, i);
        json_open(&c->out, NULL, '{');
        json_put_int(&c->out, "credits", cr.limit);
        json_put_int(&c->out, "windowMs", cr.window_ms);
        json_put_int(&c->out, "used", cr.used);
        json_put_int(&c->out, "arrivals", (int64_t)cr.calls);
        json_put_int(&c->out, "over", (int64_t)cr.over);
        json_close(&c->out);
    }
    json_close(&c->out);
}

static void get_limits(struct control *c)
{
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "window",
                    c->sb->settings->miro.window == MIRO_WINDOW_FIXED ? "fixed" : "sliding");
    json_put_bool(&c->out, "enforced", c->sb->settings->miro.enforce_limits);
    json_put_int(&c->out, "over", (int64_t)miro_over_limit(c->sb->miro));
    json_open(&c->out, "classes", '[');
    for (int i = 0; i < MIRO_CLASSES; i++)
        put_limit(&c->out, miro_limit_get(c->sb->miro, (enum miro_class)i));
    json_close(&c->out);
    put_credits(c);
    json_close(&c->out);
}

static void delete_limits(struct control *c)
{
    miro_limits_clear(c->sb->miro);
    answer_done(c);
}

static void get_faults(struct control *c)
{
    json_open(&c->out, NULL, '{');
    faults_put_json(&c->sb->faults, &c->out, "rules");
    json_close(&c->out);
}

static void post_faults(struct control *c)
{
    cJSON *rules = NULL;
    struct error err;
    bool done = json_parse((struct str){c->rq->body, c->rq->body_n}, &rules, &err) &&
                faults_add_json(&c->sb->faults, rules, &err);
    cJSON_Delete(rules);
    if (done)
        get_faults(c);
    else
        answer_error(c, 400, err.message);
}

static void delete_faults(struct control *c)
{
    faults_done(&c->sb->faults);
    answer_done(c);
}

static void post_reset(struct control *c)
{
    struct error err;
    if (sandbox_reset(c->sb, &err))
        answer_done(c);
    else
        answer_error(c, 500, err.message);
}

static void get_settings(struct control *c)
{
    settings_put_json(c->sb->settings, &c->out, NULL);
}

static void patch_settings(struct control *c)
{
    cJSON *body = NULL;
    struct error err;
    if (json_parse((struct str){c->rq->body, c->rq->body_n}, &body, &err) &&
        settings_change(c->sb->settings, body, &err)) {
        miro_configure(c->sb->miro, &c->sb->settings->miro);
        get_settings(c);
    } else {
        answer_error(c, 400, err.message);
    }
    cJSON_Delete(body);
}

/* Somebody in Miro's pages adds a person: what SCIM cannot make (guests, members of two organisations). */
static void post_users(struct control *c)
{
    cJSON *body = NULL;
    struct error err;
    if (!json_parse((struct str){c->rq->body, c->rq->body_n}, &body, &err)) {
        answer_error(c, 400, err.message);
        return;
    }
    struct miro_user_spec spec = {.userName = json_string(body, "userName"),
                                  .displayName = json_string(body, "displayName")};
    json_bool(body, "inactive", &spec.inactive);
    json_bool(body, "guest", &spec.guest);
    json_bool(body, "otherOrg", &spec.other_org);
    json_bool(body, "unregistered", &spec.unregistered);
    json_bool(body, "uncaptured", &spec.uncaptured);
    json_bool(body, "admin", &spec.admin);
    if (!spec.userName || !miro_name_free(c->sb->miro, spec.userName)) {
        answer_error(c, 400, "a userName that does not exist yet is needed, at Miro an e-mail address");
    } else {
        json_open(&c->out, NULL, '{');
        json_put_string(&c->out, "id", miro_add_user(c->sb->miro, &spec, sandbox_now_ms(c->sb))->id);
        json_close(&c->out);
        c->reply->status = 201;
    }
    cJSON_Delete(body);
}

/* A person has been at work: lastActivityAt. */
static void post_activity(struct control *c)
{
    cJSON *body = NULL;
    struct error err;
    int64_t at_ms = sandbox_now_ms(c->sb);
    bool parsed = json_parse((struct str){c->rq->body, c->rq->body_n}, &body, &err);
    const char *name = json_string(body, "userName");
    const struct miro_user *u = name ? miro_user_by_name(c->sb->miro, name) : NULL;
    json_int64(body, "at", &at_ms);
    if (parsed && u) {
        miro_note_sign_in(c->sb->miro, u->id, at_ms);
        answer_done(c);
    } else {
        answer_error(c, 400, "a userName that exists is needed, and at: ms since 1970");
    }
    cJSON_Delete(body);
}

/* Somebody in Miro's pages creates a team: SCIM cannot. */
static void post_teams(struct control *c)
{
    cJSON *body = NULL;
    struct error err;
    bool parsed = json_parse((struct str){c->rq->body, c->rq->body_n}, &body, &err);
    const char *name = json_string(body, "displayName");
    if (!parsed || !name || !*name || miro_team_by_name(c->sb->miro, name)) {
        answer_error(c, 400, "a displayName that does not exist yet is needed");
    } else {
        json_open(&c->out, NULL, '{');
        json_put_string(&c->out, "id", miro_add_team(c->sb->miro, name)->id);
        json_close(&c->out);
        c->reply->status = 201;
    }
    cJSON_Delete(body);
}

static const struct {
    const char *method, *path;
    void (*answer)(struct control *c);
} routes[] = {
    {"GET", "/", get_page},
    {"GET", "/state", get_state},
    {"PUT", "/state", put_state},
    {"GET", "/journal", get_journal},
    {"DELETE", "/journal", delete_journal},
    {"GET", "/limits", get_limits},
    {"DELETE", "/limits", delete_limits},
    {"GET", "/faults", get_faults},
    {"POST", "/faults", post_faults},
    {"DELETE", "/faults", delete_faults},
    {"POST", "/reset", post_reset},
    {"GET", "/settings", get_settings},
    {"PATCH", "/settings", patch_settings},
    {"POST", "/users", post_users},
    {"POST", "/teams", post_teams},
    {"POST", "/activity", post_activity},
};

static void route(struct control *c, struct str path)
{
    bool known = false;
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        if (!str_eq(path, str_of(routes[i].path)))
            continue;
        known = true;
        if (strcmp(routes[i].method, c->rq->method) == 0) {
            routes[i].answer(c);
            return;
        }
    }
    answer_error(c, known ? 405 : 404, known ? "method not allowed" : "no such endpoint, see /_sandbox/");
}

/* /_sandbox/scim/… is SCIM behind the client's back: no token, no limits, no faults, no journal. */
static bool backdoor(struct control *c, const char *path)
{
    if (strncmp(path, "/scim/", 6) != 0)
        return false;
    struct miro_request rq = *c->rq;
    rq.target = path + 5;
    miro_reply_done(c->reply);
    miro_apply(c->sb->miro, &rq, sandbox_now_ms(c->sb), c->reply);
    return true;
}

void control_answer(struct sandbox *sb, const struct miro_request *rq, struct miro_reply *ret)
{
    struct control c = {.sb = sb, .rq = rq, .reply = ret};
    const char *path = rq->target + strlen(root);
    size_t n = strcspn(path, "?");
    c.query = path[n] ? path + n + 1 : "";
    miro_reply_init(ret);
    ret->body.max = SIZE_MAX / 2;
    ret->status = 200;
    snprintf(ret->content_type, sizeof ret->content_type, "application/json");
    json_out_init(&c.out, &ret->body);
    if (!backdoor(&c, path))
        route(&c, n > 0 ? (struct str){path, n} : str_of("/"));
}
