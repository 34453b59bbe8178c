/* What the calls of Miro's REST side share: the query, texts of bodies, who and what a path names, pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_change.h"

enum { LIMIT_MAX = 100 };

char *rest_query(const struct call *c, const char *name)
{
    char *value;
    size_t n = strlen(name);
    for (const char *p = c->query_text; *p; p += strcspn(p, "&"), p += *p == '&')
        if (strncmp(p, name, n) == 0 && p[n] == '=')
            return query_decode((struct str){p + n + 1, strcspn(p + n + 1, "&")}, &value) ? value : NULL;
    return NULL;
}

bool rest_limit(const struct call *c, size_t *ret, struct problem *pb)
{
    char *text = rest_query(c, "limit"), *end = text;
    long long n = text ? strtoll(text, &end, 10) : LIMIT_MAX;
    bool good = !text || (end != text && !*end && n >= 1 && n <= LIMIT_MAX);
    free(text);
    *ret = good ? (size_t)n : 0;
    return good || refuse(pb, 400, NULL, "limit must be between 1 and %d", LIMIT_MAX);
}

bool rest_text(const struct call *c, const char *name, size_t max, bool required, const char **ret,
               struct problem *pb)
{
    const cJSON *value = json_get(c->body, name);
    *ret = NULL;
    if (!value && !required)
        return true;
    const char *text = cJSON_GetStringValue(value);
    if (!text || (required && !*text) || text_characters(text) > max)
        return refuse(pb, 400, NULL, "%s must be a text of at most %zu characters", name, max);
    *ret = text;
    return true;
}

bool rest_visible(const struct miro_user *u)
{
    return !u->deleted && !u->uncaptured;
}

struct record *rest_user(const struct miro *m, const char *id_or_email)
{
    struct record *r = miro_store_user(m, id_or_email, strlen(id_or_email));
    if (!r)
        r = miro_store_user_named(m, id_or_email);
    return r && rest_visible(&r->u) ? r : NULL;
}

struct record *rest_user_at(const struct call *c, size_t i)
{
    struct record *r = miro_store_user(c->m, c->ids[i].p, c->ids[i].n);
    if (!r || !rest_visible(&r->u))
        return NULL;
    snprintf(c->reply->user_id, sizeof c->reply->user_id, "%s", r->u.id);
    snprintf(c->reply->user_name, sizeof c->reply->user_name, "%s", r->u.userName);
    return r;
}

struct team_record *rest_team_at(const struct call *c, size_t i, bool user_group)
{
    struct team_record *t = miro_store_team(c->m, c->ids[i].p, c->ids[i].n);
    return t && t->t.user_group == user_group ? t : NULL;
}

const struct miro_user *rest_owner(const struct miro *m)
{
    for (size_t i = 0; i < m->n_users; i++) {
        const struct miro_user *u = &m->users[i]->u;
        if (rest_visible(u) && u->active && u->role == MIRO_INTERNAL_ADMIN)
            return u;
    }
    return NULL;
}

/* ---- pages --------------------------------------------------------------------------------------------- */

bool rest_page_open(struct call *c, struct rest_page *ret, struct problem *pb)
{
    *ret = (struct rest_page){.c = c};
    if (!rest_limit(c, &ret->limit, pb))
        return false;
    ret->cursor = rest_query(c, "cursor");
    ret->found = !ret->cursor || !*ret->cursor;
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "type", "cursor-list");
    json_put_int(&c->out, "limit", (int64_t)ret->limit);
    json_open(&c->out, "data", '[');
    return true;
}

bool rest_page_takes(struct rest_page *p, const char *id)
{
    if (!p->found) {
        p->found = strcmp(id, p->cursor) == 0;
        return false;
    }
    if (p->n == p->limit) {
        p->more = true;
        return false;
    }
    p->n++;
    snprintf(p->last, sizeof p->last, "%s", id);
    return true;
}

bool rest_page_close(struct rest_page *p, struct problem *pb)
{
    struct json_out *w = &p->c->out;
    json_close(w);
    json_put_int(w, "size", (int64_t)p->n);
    if (p->more)
        json_put_string(w, "cursor", p->last);
    json_close(w);
    free(p->cursor);
    p->c->reply->status = 200;
    return p->found || refuse(pb, 400, NULL, "The cursor is none of this list");
}
