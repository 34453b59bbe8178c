/* A target's answer, which may be anything: read as a user or a team, as a list of them, as an error. */
#include "fuzz.h"

#include <ctype.h>
#include <stdlib.h>

#include "mem.h"

#include "../../worker/engine/scim.h"

static void check_account(const struct account *a)
{
    assert(a->id && a->id[0]);
    for (size_t i = 0; i < a->attrs.n; i++)
        assert(a->attrs.v[i].name[0]);
}

static void read_teams(struct str body)
{
    struct attrs teams = {0};
    struct team_page page = {0};
    struct error err;
    if (scim_parse_teams(body, &teams, &page, &err))
        assert(teams.n <= page.n);
    for (size_t i = 0; i < teams.n; i++)
        assert(teams.v[i].name[0] && teams.v[i].value && teams.v[i].value[0]);
    attrs_done(&teams);
    free(page.cursor);
}

static void read_users(struct str body)
{
    static const struct scim_match matches[] = {{"userName", "ann@example.com"}, {"employeeNumber", "7"}};
    struct user_page page;
    struct error err;
    if (!scim_parse_users(body, matches, ARRAY_SIZE(matches), &page, &err))
        return;
    assert(page.found <= page.n);
    if (page.found > 0)
        check_account(&page.account);
    user_page_done(&page);
}

static void read_group(struct str body)
{
    enum team_shows shows;
    struct group_answer group;
    struct error err;
    if (scim_parse_team(body, "7", &shows))
        assert(shows <= TEAM_SHOWS_MEMBER);
    if (!scim_parse_group(body, &group, &err))
        return;
    assert(group.says_members || group.n_members == 0);
    group_answer_done(&group);
}

/* What is put back is what was read, whatever that was. */
static void put_back(struct str body)
{
    static const char *const members[] = {"7", "8"};
    struct attr change = {"department", "Design"};
    const struct attrs changes = {&change, 1};
    struct whole was = {0};
    struct scim_request rq;
    whole_take(&was, body, true, NULL);
    if (scim_put_user("7", &was, &changes, ACCESS_OFF, &rq))
        scim_request_done(&rq);
    if (scim_put_team("9", &was, members, ARRAY_SIZE(members), true, &rq))
        scim_request_done(&rq);
    whole_done(&was);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    struct account account;
    struct error err;
    char type[SCIM_TYPE_MAX], detail[SCIM_DETAIL_MAX];
    if (size > SCIM_REPLY_MAX)
        return 0;
    if (scim_parse_user(body, &account, &err)) {
        check_account(&account);
        account_done(&account);
    }
    read_users(body);
    read_teams(body);
    read_group(body);
    put_back(body);
    scim_parse_error(body, type, detail);
    assert(strlen(type) < sizeof type && strlen(detail) < sizeof detail);
    return 0;
}
