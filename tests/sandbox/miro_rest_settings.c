/* Miro's REST side: the settings of teams. One table says which there are. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "miro_core.h"

/* The first value is the default. */
static const struct row {
    const char *section, *name, *values;
} rows[] = {
    {"teamAccountDiscoverySettings", "accountDiscovery", "hidden request join"},
    {"teamCollaborationSettings", "coOwnerRole", "enabled disabled"},
    {"teamCopyAccessLevelSettings", "copyAccessLevel", "anyone team_members team_editors board_owner"},
    {"teamCopyAccessLevelSettings", "copyAccessLevelLimitation", "anyone team_members"},
    {"teamInvitationSettings", "inviteExternalUsers", "allowed not_allowed"},
    {"teamInvitationSettings", "whoCanInvite", "all_members admins only_org_admins"},
    {"teamSharingPolicySettings", "createAssetAccessLevel", "all_members admins company_admins"},
    {"teamSharingPolicySettings", "defaultBoardAccess", "private view comment edit"},
    {"teamSharingPolicySettings", "defaultBoardSharingAccess",
     "team_members_with_editing_rights owner_and_coowners"},
    {"teamSharingPolicySettings", "defaultOrganizationAccess", "private view comment edit"},
    {"teamSharingPolicySettings", "defaultProjectAccess", "private view"},
    {"teamSharingPolicySettings", "moveBoardToAccount", "allowed not_allowed"},
    {"teamSharingPolicySettings", "restrictAllowedDomains",
     "disabled enabled enabled_with_external_user_access"},
    {"teamSharingPolicySettings", "sharingOnAccount", "allowed not_allowed"},
    {"teamSharingPolicySettings", "sharingOnOrganization", "allowed allowed_with_editing not_allowed"},
    {"teamSharingPolicySettings", "sharingViaPublicLink", "allowed allowed_with_editing not_allowed"},
};
static_assert(ARRAY_SIZE(rows) <= MIRO_TEAM_SETTINGS_MAX, "struct miro_team has room for them");

static const char sharing[] = "teamSharingPolicySettings", domains[] = "allowListedDomains";

/* The i-th word; n 0: there are not so many. */
static struct str word_at(const char *words, size_t i)
{
    for (; i > 0 && *words; i--) {
        words += strcspn(words, " ");
        words += *words == ' ';
    }
    return (struct str){words, strcspn(words, " ")};
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static void put_domains(struct json_out *w, const struct miro_team *t)
{
    json_open(w, domains, '[');
    for (const char *p = t->allowed_domains; p && *p; p += strcspn(p, ","), p += *p == ',')
        json_put_str(w, NULL, (struct str){p, strcspn(p, ",")});
    json_close(w);
}

/* All of them, or only those that are not as they were at first. */
void rest_put_settings(struct json_out *w, const char *name, const struct miro_team *t, bool all)
{
    const char *open = NULL;
    json_open(w, name, '{');
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool last_of_all = i + 1 == ARRAY_SIZE(rows) && (all || t->allowed_domains);
        bool shown = all || t->settings[i] > 0;
        if (!shown && !last_of_all)
            continue;
        if (open && strcmp(open, rows[i].section) != 0)
            json_close(w);
        if (!open || strcmp(open, rows[i].section) != 0)
            json_open(w, rows[i].section, '{');
        open = rows[i].section;
        if (shown)
            json_put_str(w, rows[i].name, word_at(rows[i].values, t->settings[i]));
        if (last_of_all)
            put_domains(w, t);
    }
    if (open)
        json_close(w);
    json_close(w);
}

static bool answer(struct call *c, const struct miro_team *t)
{
    struct buf text;
    struct json_out w;
    buf_init(&text, 1 << 16);
    json_out_init(&w, &text);
    rest_put_settings(&w, NULL, t, true);
    json_open(&c->out, NULL, '{');
    json_put_string(&c->out, "organizationId", c->m->rest.org_id);
    if (*t->id)
        json_put_string(&c->out, "teamId", t->id);
    json_put_string(&c->out, "type", *t->id ? "team-settings" : "default-team-settings");
    /* the sections stand beside these members: the object without its braces */
    buf_addc(&c->reply->body, ',');
    buf_add(&c->reply->body, text.p + 1, text.n - 2);
    json_close(&c->out);
    buf_done(&text);
    return rest_done(c, 200);
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static bool read_row(struct miro_team *t, const cJSON *section, const cJSON *value, struct problem *pb)
{
    const char *text = cJSON_GetStringValue(value);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].section, section->string) != 0 || strcmp(rows[i].name, value->string) != 0)
            continue;
        struct str word;
        for (unsigned char k = 0; (word = word_at(rows[i].values, k)).n > 0; k++)
            if (text && str_eq(word, str_of(text))) {
                t->settings[i] = k;
                return true;
            }
        return refuse(pb, 400, NULL, "%s must be one of: %s", rows[i].name, rows[i].values);
    }
    return refuse(pb, 400, NULL, "There is no setting %.60s.%.60s", section->string, value->string);
}

static bool read_domains(struct miro_team *t, const cJSON *list, struct problem *pb)
{
    struct buf text;
    if (!cJSON_IsArray(list))
        return refuse(pb, 400, NULL, "%s must be a list", domains);
    buf_init(&text, 1 << 16);
    for (const cJSON *el = list->child; el; el = el->next)
        if (cJSON_IsString(el))
            buf_addf(&text, "%s%s", text.n ? "," : "", el->valuestring);
    free(t->allowed_domains);
    t->allowed_domains = text.n > 0 ? buf_take(&text) : NULL;
    return true;
}

bool rest_read_settings(struct miro_team *t, const cJSON *settings, struct problem *pb)
{
    for (const cJSON *section = settings ? settings->child : NULL; section; section = section->next)
        for (const cJSON *value = section->child; value; value = value->next) {
            bool list = strcmp(section->string, sharing) == 0 && strcmp(value->string, domains) == 0;
            if (!(list ? read_domains(t, value, pb) : read_row(t, section, value, pb)))
                return false;
        }
    return true;
}

/* ---- calls ---------------------------------------------------------------------------------------------- */

bool rest_default_settings(struct call *c, struct problem *pb)
{
    static const struct miro_team fresh;
    (void)pb;
    return answer(c, &fresh);
}

bool rest_team_settings(struct call *c, struct problem *pb)
{
    const struct team_record *t = rest_team_at(c, 1, false);
    return t ? answer(c, &t->t) : rest_no_such(pb, "Team");
}

bool rest_team_settings_change(struct call *c, struct problem *pb)
{
    struct team_record *t = rest_team_at(c, 1, false);
    if (!t)
        return rest_no_such(pb, "Team");
    struct miro_team draft = {0};
    memcpy(draft.settings, t->t.settings, sizeof draft.settings);
    draft.allowed_domains = xstrdup_null(t->t.allowed_domains);
    if (!rest_read_settings(&draft, c->body, pb)) {
        free(draft.allowed_domains);
        return false;
    }
    miro_store_touch_team(c, t);
    memcpy(t->t.settings, draft.settings, sizeof draft.settings);
    free(t->t.allowed_domains);
    t->t.allowed_domains = draft.allowed_domains;
    audit_note_team(c->m, AUDIT_TEAM_SETTINGS, &t->t, NULL, NULL);
    c->reply->applied = true;
    return answer(c, &t->t);
}
