/* A target's answer, which may be anything: read as a user, as a list of users or teams, as an error. */
#include "fuzz.h"

#include <ctype.h>

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
    struct team_page page;
    struct error err;
    if (scim_parse_teams(body, &teams, &page, &err))
        assert(teams.n <= page.n);
    for (size_t i = 0; i < teams.n; i++)
        assert(teams.v[i].name[0] && teams.v[i].value && teams.v[i].value[0]);
    attrs_done(&teams);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size};
    struct account account;
    struct error err;
    size_t found;
    char type[SCIM_TYPE_MAX], detail[SCIM_DETAIL_MAX];
    if (size > SCIM_REPLY_MAX)
        return 0;
    if (scim_parse_user(body, &account, &err)) {
        check_account(&account);
        account_done(&account);
    }
    if (scim_parse_list(body, "userName", "ann@example.com", &found, &account, &err)) {
        if (found > 0)
            check_account(&account);
        account_done(&account);
    }
    read_teams(body);
    scim_parse_error(body, type, detail);
    assert(strlen(type) < sizeof type && strlen(detail) < sizeof detail);
    return 0;
}
