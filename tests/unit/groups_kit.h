/* groups_kit.h - Miro's user groups, some of which are ours to make and retire; beside teams_kit.h. */
#ifndef ROLLCALL_TEST_GROUPS_KIT_H
#define ROLLCALL_TEST_GROUPS_KIT_H

#include "teams_kit.h"

static const char *const owned[] = {"Guild", "rc *"};

static unsigned posts, renamed;

static inline void prepare_groups(void)
{
    prepare();
    miro_free(there.m);
    struct miro_config cfg;
    miro_config_default(&cfg);
    cfg.token = cfg.admin = NULL;
    cfg.default_team = "Everybody";
    cfg.group_mode = MIRO_USER_GROUPS;
    there.m = miro_new(&cfg);
    miro_add_team(there.m, "Design");
    miro_add_team(there.m, "Ops");
    posts = renamed = 0;
    kit.targets[0].group_mode = GROUP_MODE_USER_GROUP;
    kit.targets[0].leaves_last = true;
    kit.targets[0].owned_groups = owned;
    kit.targets[0].n_owned_groups = ARRAY_SIZE(owned);
}

static inline void open_groups(void)
{
    kit_open();
    commit();
}

static inline bool makes_a_group(void)
{
    return kit.call && strcmp(kit.call->path, "/Groups") == 0;
}

/* Until the engine wants to make a group, which is the call then. */
static inline void until_made(void)
{
    for (int i = 0; i < 200; i++) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call())
            pass(KIT_SECOND);
        else if (makes_a_group())
            return;
        else
            serve();
    }
    ck_abort_msg("no group is made");
}

/* Until the engine wants this of groups, which is the call then. */
static inline void until_call(const char *method, const char *path)
{
    for (int i = 0; i < 2000; i++) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call())
            pass(KIT_SECOND);
        else if (strcmp(kit.call->method, method) == 0 && strncmp(kit.call->path, path, strlen(path)) == 0 &&
                 kit.call->n_persons == 0)
            return;
        else
            serve();
    }
    ck_abort_msg("no %s %s", method, path);
}

static inline void settle_groups(int64_t ms)
{
    for (int64_t end = kit.now.wall_ms + ms; kit.now.wall_ms < end;) {
        commit();
        engine_tick(kit.e, kit.now);
        if (!next_call()) {
            pass(KIT_SECOND);
            continue;
        }
        posts += makes_a_group();
        renamed += kit.call->body && strstr(kit.call->body, "\"path\":\"displayName\"");
        serve();
    }
    commit();
}

static inline unsigned groups_called(const char *name)
{
    unsigned n = 0;
    for (size_t i = 0; i < miro_teams_n(there.m); i++) {
        const struct miro_team *t = miro_team_at(there.m, i);
        n += !t->deleted && strcmp(t->displayName, name) == 0;
    }
    return n;
}

static inline void say_joined(int n, const char *groups)
{
    for (int i = 0; i < n; i++)
        tell("joined", EVENT_JOINED, i, 1, groups);
}

#endif
