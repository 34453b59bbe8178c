/* What the table of keys cannot say of targets[].teams: the groups and teams of a target. */
#include "config_key.h"

#include <string.h>

/* The worker puts such names down in records that it has to read again. */
static bool check_length(const char *name, const char *list, size_t i, const char *member, struct error *err)
{
    return strlen(name) <= CONFIG_TEAM_NAME_MAX ||
           error_set(err, ERROR_INPUT,
                     "%s[%zu].%s: longer than %d bytes, which no name of a group or team is", list, i, member,
                     CONFIG_TEAM_NAME_MAX);
}

/* Two names for one team would be joined and left in turn. */
static bool check_team_names(const struct config_team_names *names, const char *path, struct error *err)
{
    char list[CONFIG_PATH_SIZE];
    config_path(list, "%s.teams.names", path);
    for (size_t i = 0; i < names->n; i++)
        if (!check_length(names->v[i].group, list, i, "group", err))
            return false;
    for (size_t i = 0; i < names->n; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(names->v[i].group, names->v[j].group) == 0)
                return error_set(err, ERROR_INPUT, "%s[%zu].group: %s[%zu] has the same", list, i, list, j);
    return true;
}

static bool check_renames(const struct config_group_renames *renames, const char *path, struct error *err)
{
    char list[CONFIG_PATH_SIZE];
    config_path(list, "%s.teams.renames", path);
    for (size_t i = 0; i < renames->n; i++)
        if (!check_length(renames->v[i].from, list, i, "from", err) ||
            !check_length(renames->v[i].to, list, i, "to", err))
            return false;
    return true;
}

static bool check_owned(const struct config_strings *owned, const char *path, struct error *err)
{
    for (size_t i = 0; i < owned->n; i++) {
        const char *star = strchr(owned->v[i], '*');
        if (!owned->v[i][0] || (star && star[1] != '\0'))
            return error_set(err, ERROR_INPUT,
                             "%s.teams.owned[%zu]: a name, or how names begin with * at the end", path, i);
    }
    return true;
}

static bool has_pair(const struct config_attachments *pairs, const struct config_attachment *pair)
{
    for (size_t i = 0; i < pairs->n; i++)
        if (strcmp(pairs->v[i].group, pair->group) == 0 && strcmp(pairs->v[i].team, pair->team) == 0)
            return true;
    return false;
}

static bool check_attached_names(const struct config_attachments *pairs, const char *path, const char *key,
                                 struct error *err)
{
    char list[CONFIG_PATH_SIZE];
    config_path(list, "%s.teams.%s", path, key);
    for (size_t i = 0; i < pairs->n; i++)
        if (!check_length(pairs->v[i].group, list, i, "group", err) ||
            !check_length(pairs->v[i].team, list, i, "team", err))
            return false;
    return true;
}

static bool check_attachments(const struct config_target *target, const char *path, struct error *err)
{
    const struct config_teams *teams = &target->teams;
    if (teams->attached.n + teams->detached.n > 0 && !target->rest.token)
        return error_set(err, ERROR_INPUT,
                         "%s.teams: attached and detached need rest.token and rest.org (Miro's REST API)",
                         path);
    for (size_t i = 0; i < teams->attached.n; i++) {
        const struct config_attachment *pair = &teams->attached.v[i];
        if (has_pair(&teams->detached, pair))
            return error_set(err, ERROR_INPUT, "%s.teams.attached[%zu]: also one of teams.detached", path, i);
    }
    return check_attached_names(&teams->attached, path, "attached", err) &&
           check_attached_names(&teams->detached, path, "detached", err);
}

bool config_check_teams(const struct config_target *target, const char *path, struct error *err)
{
    const struct config_teams *teams = &target->teams;
    if (target->group_mode != GROUPS_USER_GROUP && teams->owned.n + teams->retired.n > 0)
        return error_set(err, ERROR_INPUT, "%s.teams: owned and retired need group_mode: user_group", path);
    return check_team_names(&teams->names, path, err) && check_renames(&teams->renames, path, err) &&
           check_owned(&teams->owned, path, err) && check_attachments(target, path, err);
}
