/* The page at /_sandbox/: what a developer wants to see at a glance. No script, no other resources. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "rfc3339.h"
#include "sandbox_parts.h"

enum { USERS_SHOWN = 200, TEAMS_SHOWN = 100, REQUESTS_SHOWN = 50, TEXT_SHOWN = 160 };

static const char head[] =
    "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=3>"
    "<meta name=viewport content=\"width=device-width\"><title>miro-sandbox</title><style>"
    ":root{color-scheme:light dark;--line:#8883;--soft:#888;--accent:#4262ff;--bad:#d4380d;--good:#2a9d55}"
    "body{font:14px/1.45 system-ui,sans-serif;max-width:1180px;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}p{color:var(--soft);margin:.2rem "
    "0}"
    ".cards{display:flex;gap:.8rem;flex-wrap:wrap;margin:1rem 0}.card{border:1px solid var(--line);"
    "border-radius:10px;padding:.6rem 1.1rem;min-width:7rem}.card b{display:block;font-size:1.5rem}"
    "table{border-collapse:collapse;width:100%}th{text-align:left;color:var(--soft);font-weight:500}"
    "td,th{padding:.28rem .6rem .28rem 0;border-bottom:1px solid var(--line);vertical-align:top}"
    "code,.n{font:12px ui-monospace,monospace}.n{text-align:right;padding-right:1.2rem}.off{opacity:.5}"
    ".tag{border-radius:6px;padding:0 .45rem;font-size:12px;background:#8882}.bad{color:var(--bad)}"
    ".good{color:var(--good)}.bar{background:#8882;border-radius:4px;height:8px;width:120px}"
    ".bar i{display:block;height:8px;border-radius:4px;background:var(--accent);max-width:100%}"
    "a{color:var(--accent)}td code{word-break:break-all}</style>"
    "<h1>miro-sandbox</h1><p>SCIM at <code>/api/v1/scim</code> · JSON: <a href=state>state</a> · "
    "<a href=journal>journal</a> · <a href=limits>limits</a> · <a href=faults>faults</a> · "
    "<a href=settings>settings</a></p>";

static void escaped(struct buf *b, const char *s, size_t max)
{
    for (size_t i = 0; s[i]; i++) {
        if (i >= max && ((unsigned char)s[i] & 0xc0) != 0x80) { /* never inside a character */
            buf_adds(b, "…");
            return;
        }
        const char *as = s[i] == '<'   ? "&lt;"
                         : s[i] == '>' ? "&gt;"
                         : s[i] == '&' ? "&amp;"
                         : s[i] == '"' ? "&quot;"
                                       : NULL;
        if (as)
            buf_adds(b, as);
        else
            buf_addc(b, s[i]);
    }
}

static void cell(struct buf *b, const char *text)
{
    buf_adds(b, "<td>");
    escaped(b, text, TEXT_SHOWN);
}

static void code_cell(struct buf *b, const char *text)
{
    buf_adds(b, "<td><code>");
    escaped(b, text, TEXT_SHOWN);
    buf_adds(b, "</code>");
}

static void card(struct buf *b, const char *what, uint64_t n, const char *class)
{
    buf_addf(b, "<div class=card><b class=%s>%" PRIu64 "</b>%s</div>", class, n, what);
}

static void write_cards(const struct sandbox *sb, struct buf *b)
{
    uint64_t active = 0, inactive = 0, deleted = 0, over = miro_over_limit(sb->miro);
    for (size_t i = 0; i < miro_users_n(sb->miro); i++) {
        const struct miro_user *u = miro_user_at(sb->miro, i);
        *(u->deleted ? &deleted : u->active ? &active : &inactive) += 1;
    }
    buf_adds(b, "<div class=cards>");
    card(b, "active users", active, "good");
    card(b, "inactive", inactive, "off");
    card(b, "deleted", deleted, "off");
    card(b, "teams", miro_teams_n(sb->miro), "n0");
    card(b, "requests", sb->journal.last, "n0");
    card(b, "over a limit", over, over ? "bad" : "good");
    card(b, "fault rules", sb->faults.n, sb->faults.n ? "bad" : "off");
    buf_adds(b, "</div>");
}

static void write_limits(const struct sandbox *sb, struct buf *b)
{
    bool fixed = sb->settings->miro.window == MIRO_WINDOW_FIXED;
    buf_addf(b,
             "<h2>Limits</h2><p>%s windows of %" PRId64
             " ms%s</p><table><tr><th>call<th>level<th class=n>limit"
             "<th class=n>arrived<th class=n>most in a window<th><th class=n>over",
             fixed ? "fixed" : "sliding", sb->settings->miro.window_ms,
             sb->settings->miro.enforce_limits ? "" : ", counted but not enforced");
    for (int i = 0; i < MIRO_CLASSES; i++) {
        struct miro_limit l = miro_limit_get(sb->miro, (enum miro_class)i);
        int64_t most = fixed ? l.max_fixed : l.max_sliding;
        buf_adds(b, "<tr>");
        cell(b, l.name);
        buf_addf(b, "<td>%d<td class=n>%" PRId64 "<td class=n>%" PRIu64 "<td class=n>%" PRId64, l.level,
                 l.limit, l.arrivals, most);
        buf_addf(b, "<td><div class=bar><i style=width:%" PRId64 "%%></i></div>",
                 l.limit ? most * 100 / l.limit : 0);
        buf_addf(b, "<td class=\"n %s\">%" PRIu64, l.over ? "bad" : "", l.over);
    }
    buf_adds(b, "</table>");
}

static void write_faults(const struct sandbox *sb, struct buf *b)
{
    if (sb->faults.n == 0)
        return;
    buf_adds(
        b, "<h2>Faults</h2><table><tr><th>fault<th>method<th>path<th>match<th class=n>left<th class=n>hits");
    for (size_t i = 0; i < sb->faults.n; i++) {
        const struct fault_rule *r = &sb->faults.v[i];
        buf_adds(b, "<tr>");
        cell(b, r->name);
        cell(b, r->method ? r->method : "any");
        code_cell(b, r->path ? r->path : "any");
        code_cell(b, r->match ? r->match : "any");
        if (r->times < 0)
            buf_adds(b, "<td class=n>no end");
        else
            buf_addf(b, "<td class=n>%" PRId64, r->times);
        buf_addf(b, "<td class=n>%" PRId64, r->hits);
    }
    buf_adds(b, "</table>");
}

static void write_request(struct buf *b, const struct journal_entry *e)
{
    char at[RFC3339_SIZE];
    rfc3339_format(e->arrived_ms, at);
    buf_addf(b, "<tr><td class=n>%" PRIu64 "<td><code>%.12s</code>", e->seq, at + 11);
    if (e->status)
        buf_addf(b, "<td class=%s>%d", e->status < 400 ? "good" : "bad", e->status);
    else
        buf_adds(b, "<td class=bad>none");
    cell(b, e->method);
    code_cell(b, e->target);
    cell(b, e->name);
    code_cell(b, e->body ? e->body : "");
    buf_adds(b, "<td>");
    if (strcmp(e->fault, "none") != 0)
        buf_addf(b, "<span class=\"tag bad\">%s</span> ", e->fault);
    if (e->over)
        buf_adds(b, "<span class=\"tag bad\">over limit</span> ");
    if (e->late)
        buf_adds(b, "<span class=\"tag bad\">applied late</span>");
}

static void write_requests(const struct sandbox *sb, struct buf *b)
{
    const struct journal *j = &sb->journal;
    buf_adds(b, "<h2>Last requests</h2><table><tr><th "
                "class=n>#<th>time<th>status<th>method<th>path<th>about<th>body<th>");
    for (uint64_t seq = j->last, n = 0; seq > 0 && n < REQUESTS_SHOWN && n < j->size; seq--, n++)
        write_request(b, &j->ring[seq % j->size]);
    buf_adds(b, "</table>");
}

static void write_user(struct buf *b, const struct miro_user *u)
{
    const char *licence = attrs_get(&u->attributes, "userType");
    const char *display = attrs_get(&u->attributes, "displayName");
    buf_addf(b, "<tr%s>", u->active && !u->deleted ? "" : " class=off");
    code_cell(b, u->id);
    cell(b, u->userName);
    cell(b, display ? display : "");
    cell(b, u->deleted ? "deleted" : u->guest ? "guest" : u->active ? "active" : "inactive");
    cell(b, licence ? licence : "");
    buf_adds(b, u->role == MIRO_INTERNAL_ADMIN ? "<td>admin<td>" : "<td>member<td>");
    for (size_t i = 0; i < u->n_teams; i++) {
        buf_adds(b, "<span class=tag>");
        escaped(b, u->teams[i]->displayName, TEXT_SHOWN);
        buf_adds(b, "</span> ");
    }
}

static void write_users(const struct sandbox *sb, struct buf *b)
{
    size_t n = miro_users_n(sb->miro);
    buf_addf(
        b,
        "<h2>Users</h2><p>%zu, the newest first%s</p><table><tr><th>id<th>userName<th>displayName<th>state"
        "<th>licence<th>role<th>teams",
        n, n > USERS_SHOWN ? ", 200 shown" : "");
    for (size_t i = 0; i < n && i < USERS_SHOWN; i++)
        write_user(b, miro_user_at(sb->miro, n - 1 - i));
    buf_adds(b, "</table>");
}

static void write_teams(const struct sandbox *sb, struct buf *b)
{
    buf_adds(b, "<h2>Teams</h2><table><tr><th>id<th>displayName<th>team name<th class=n>members<th>admins");
    for (size_t i = 0; i < miro_teams_n(sb->miro) && i < TEAMS_SHOWN; i++) {
        const struct miro_team *t = miro_team_at(sb->miro, i);
        buf_addf(b, "<tr%s>", t->deleted ? " class=off" : "");
        code_cell(b, t->id);
        cell(b, t->displayName);
        cell(b, t->team_name);
        buf_addf(b, "<td class=n>%zu<td>", t->n_members);
        for (size_t k = 0; k < t->n_admins && k < 5; k++) {
            escaped(b, t->admins[k]->userName, TEXT_SHOWN);
            buf_addc(b, ' ');
        }
    }
    buf_adds(b, "</table>");
}

void page_write(const struct sandbox *sb, struct buf *out)
{
    buf_adds(out, head);
    write_cards(sb, out);
    write_limits(sb, out);
    write_faults(sb, out);
    write_requests(sb, out);
    write_teams(sb, out);
    write_users(sb, out);
    buf_adds(out, "</html>");
}
