#include "foretell.h"

#include <stdio.h>

#include "json.h"

const char *foretold_name(enum verdict_word word)
{
    static const char *const names[FORETOLD_WORDS] = {"calls",      "agreed",  "planned", "ignored",
                                                      "protected",  "removed", "refused", "denied",
                                                      "superseded", "merged"};
    return names[word];
}

static void write_identity(struct json_out *w, const struct foretold *f)
{
    char id[32];
    snprintf(id, sizeof id, "plan:%016llx", (unsigned long long)f->id);
    json_put_string(w, "id", id);
    json_put_string(w, "tenant", f->tenant);
    json_put_string(w, "directory", f->directory);
    json_put_string(w, "subject", f->subject);
    json_put_string(w, "target", f->target);
    json_put_string(w, "cause", f->cause);
    json_open(w, "events", '[');
    for (size_t i = 0; i < f->n_events; i++)
        json_put_string(w, NULL, f->events[i].id);
    json_close(w);
}

static void write_desired(struct json_out *w, const struct desired *d)
{
    static const char *const kinds[] = {
        [DESIRE_NOTHING] = "nothing", [DESIRE_ACCOUNT] = "account", [DESIRE_ABSENT] = "absent"};
    if (!d)
        return;
    json_open(w, "desired", '{');
    json_put_string(w, "kind", kinds[d->kind]);
    if (d->kind == DESIRE_ACCOUNT && d->active != ACTIVE_AS_IS)
        json_put_bool(w, "active", d->active == ACTIVE_ON);
    if (d->kind == DESIRE_ACCOUNT) {
        json_open(w, "attributes", '{');
        for (size_t i = 0; i < d->attrs.n; i++)
            if (!attr_role(d->attrs.v[i].name))
                json_put_string(w, d->attrs.v[i].name, d->attrs.v[i].value);
        json_close(w);
    }
    if (d->leave_teams)
        json_put_bool(w, "leaveTeams", true);
    if (d->has_roles) {
        json_open(w, "adminRoles", '{');
        for (size_t i = 0; i < d->attrs.n; i++)
            if (attr_role(d->attrs.v[i].name))
                json_put_bool(w, attr_role(d->attrs.v[i].name), d->attrs.v[i].value != NULL);
        json_close(w);
    }
    if (d->has_teams) {
        json_open(w, "teams", '{');
        for (size_t i = 0; i < d->teams.n; i++)
            json_put_bool(w, d->teams.v[i].name, d->teams.v[i].value != NULL);
        json_close(w);
    }
    json_close(w);
}

static void write_account(struct json_out *w, const struct foretold *f)
{
    static const char *const known[] = {
        [KNOWN_UNKNOWN] = "unknown", [KNOWN_ABSENT] = "absent", [KNOWN_ACCOUNT] = "account"};
    json_put_string(w, "known", known[f->known]);
    if (f->known == KNOWN_ACCOUNT)
        json_put_bool(w, "active", f->known_active);
    if (f->account_id)
        json_put_string(w, "accountId", f->account_id);
}

static void write_changes(struct json_out *w, const struct foresight *f)
{
    json_open(w, "difference", '[');
    for (size_t i = 0; f && i < f->n_changes; i++) {
        json_open(w, NULL, '{');
        json_put_string(w, "attribute", f->changes[i].attribute);
        json_put_string(w, "before", f->changes[i].before);
        json_put_string(w, "after", f->changes[i].after);
        json_close(w);
    }
    json_close(w);
}

static void write_calls(struct json_out *w, const struct foresight *f)
{
    json_open(w, "calls", '[');
    for (size_t i = 0; f && i < f->n_calls; i++) {
        const struct foreseen_call *call = &f->calls[i];
        json_open(w, NULL, '{');
        json_put_string(w, "method", call->request.method ? call->request.method : step_method(call->step));
        json_put_string(w, "path", call->request.path);
        if (call->request.body)
            json_put_raw(w, "body", (struct str){call->request.body, call->request.body_n});
        json_close(w);
    }
    json_close(w);
    if (f && f->open)
        json_put_bool(w, "more", true);
}

void foretell_write(const struct foretold *f, struct buf *out)
{
    static const char *const guards[GUARD_WORDS] = {NULL, "admits", "holds"};
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    write_identity(&w, f);
    json_put_string(&w, "verdict", foretold_name(f->verdict));
    if (f->reason)
        json_put_string(&w, "reason", f->reason);
    if (f->action)
        json_put_string(&w, "action", f->action);
    if (guards[f->guard])
        json_put_string(&w, "guard", guards[f->guard]);
    write_account(&w, f);
    write_desired(&w, f->desired);
    write_changes(&w, f->foresight);
    write_calls(&w, f->foresight);
    json_put_time(&w, "at", f->at_ms);
    json_close(&w);
}
