/* The configuration: what Miro does when nobody says otherwise, and copies that outlive their origin. */
#include <stdlib.h>

#include "mem.h"
#include "miro_core.h"

void miro_config_default(struct miro_config *cfg)
{
    *cfg = (struct miro_config){
        .base_url = "https://miro.com/api/v1/scim",
        .default_team = "Everybody",
        .default_licence = "Full",
        .full_licences = -1,
        .duplicate_status = 409,
        .rename_duplicate_status = 400,
        .window = MIRO_WINDOW_SLIDING,
        .window_ms = 30000,
        .enforce_limits = true,
        .keep_history = true,
        .page_default = 100,
        .page_max = 1000,
        .org_name = "Sandbox",
        .rest_credits = 100000,
        .rest_window_ms = 60000,
        .oauth_life_s = 3600,
    };
}

void miro_config_profile(struct miro_config *cfg, enum miro_profile profile)
{
    cfg->profile = profile;
    if (profile == MIRO_PROFILE_MIRO)
        return;
    cfg->base_url = "http://127.0.0.1/scim/v2";
    cfg->default_team = NULL;
    cfg->admin = NULL;
    cfg->group_mode = MIRO_USER_GROUPS;
    cfg->etag = MIRO_ETAG_ON;
    cfg->show_team_admins = true;
    cfg->enforce_limits = false;
}

static const char *const *list_dup(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    if (!list)
        return NULL;
    const char **copy = xcalloc(n + 1, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = xstrdup(list[i]);
    return copy;
}

static void list_free(const char *const *list)
{
    for (size_t i = 0; list && list[i]; i++)
        free((char *)list[i]);
    free((void *)list);
}

/* The strings become our own; miro_config_done takes them back. */
void miro_config_keep(struct miro_config *cfg)
{
    cfg->token = xstrdup_null(cfg->token);
    cfg->oauth_client = xstrdup_null(cfg->oauth_client);
    cfg->base_url = xstrdup(cfg->base_url);
    cfg->default_team = xstrdup_null(cfg->default_team);
    cfg->admin = xstrdup_null(cfg->admin);
    cfg->default_licence = xstrdup(cfg->default_licence);
    cfg->allowed_domains = list_dup(cfg->allowed_domains);
    cfg->claimed_domains = list_dup(cfg->claimed_domains);
    cfg->foreign_domains = list_dup(cfg->foreign_domains);
    cfg->second_org = list_dup(cfg->second_org);
    cfg->domain_teams = list_dup(cfg->domain_teams);
    cfg->licences = list_dup(cfg->licences);
    cfg->custom_roles = list_dup(cfg->custom_roles);
    cfg->rest_tokens = list_dup(cfg->rest_tokens);
    cfg->org_name = xstrdup(cfg->org_name ? cfg->org_name : "Sandbox");
}

void miro_config_done(struct miro_config *cfg)
{
    free((char *)cfg->token);
    free((char *)cfg->oauth_client);
    free((char *)cfg->base_url);
    free((char *)cfg->default_team);
    free((char *)cfg->admin);
    free((char *)cfg->default_licence);
    list_free(cfg->allowed_domains);
    list_free(cfg->claimed_domains);
    list_free(cfg->foreign_domains);
    list_free(cfg->second_org);
    list_free(cfg->domain_teams);
    list_free(cfg->licences);
    list_free(cfg->custom_roles);
    list_free(cfg->rest_tokens);
    free((char *)cfg->org_name);
}
