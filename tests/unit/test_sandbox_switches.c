/* What an organisation's settings and Miro's open questions make of a request: one switch each. */
#include "test_sandbox_kit.h"

#define REPLACE(path, value) "{\"op\":\"Replace\",\"path\":\"" path "\",\"value\":" value "}"

static const char deactivate[] = REPLACE("active", "false"), activate[] = REPLACE("active", "true");

START_TEST(keeps_the_uncaptured_out_of_sight_and_out_of_reach)
{
    kit_start();
    const struct miro_user_spec spec = {.userName = "old@example.com", .uncaptured = true};
    const struct miro_user *u = miro_add_user(kit.m, &spec, kit.now_ms);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", u->id), 404);
    kit_call("GET", "/Users?filter=userName%20eq%20%22old@example.com%22", NULL);
    ck_assert_int_eq(kit_int("totalResults"), 0);
    ck_assert_int_eq(kit_patch("Users", u->id, deactivate), 409);
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", u->id), 409);
    ck_assert_int_eq(kit_call("POST", "/Users", "{\"userName\":\"old@example.com\"}"), 409);
    ck_assert(u->active && !u->deleted);
}
END_TEST

START_TEST(does_not_update_whom_two_organisations_share)
{
    static const char *const names[] = {"ann@example.com", NULL};
    kit.cfg.second_org = names;
    kit_start();
    const struct miro_user *u = kit_user("Ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, deactivate), 409);
    ck_assert_int_eq(kit_patch("Users", kit_user("bob@example.com")->id, deactivate), 200);
}
END_TEST

START_TEST(lets_nobody_into_a_domain_of_another_organisation)
{
    static const char *const domains[] = {"other.com", NULL};
    kit.cfg.foreign_domains = domains;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, REPLACE("userName", "\"ann@other.com\"")), 400);
    ck_assert_int_eq(kit_patch("Users", u->id, REPLACE("userName", "\"ann@third.com\"")), 200);
}
END_TEST

START_TEST(knows_the_licences_and_roles_of_the_organisation)
{
    static const char *const licences[] = {"Standard", "Free Restricted", NULL}, *const roles[] = {"Auditor",
                                                                                                   NULL};
    kit.cfg.licences = licences;
    kit.cfg.custom_roles = roles;
    kit.cfg.default_licence = "Free Restricted";
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, REPLACE("userType", "\"Full\"")), 400);
    ck_assert_int_eq(kit_patch("Users", u->id, REPLACE("userType", "\"Standard\"")), 200);
    ck_assert_int_eq(
        kit_patch("Users", u->id, "{\"op\":\"Add\",\"path\":\"roles\",\"value\":[{\"value\":\"Boss\"}]}"),
        400);
    ck_assert_int_eq(kit_patch("Users", u->id,
                               "{\"op\":\"Add\",\"path\":\"roles\",\"value\":[{\"value\":\"auditor\"},"
                               "{\"value\":\"User Admin\"}]}"),
                     200);
    ck_assert_uint_eq(u->n_admin_roles, 2);
}
END_TEST

START_TEST(says_or_hides_that_there_are_no_seats_left)
{
    static const int statuses[] = {200, 400, 409};
    kit.cfg.full_licences = 1;
    kit.cfg.seats_full = (enum miro_seats)_i;
    kit_start();
    kit_user("ann@example.com");
    const struct miro_user *u = kit_user("bob@example.com");
    ck_assert_str_eq(kit_attr(u, "userType"), "Free Restricted");
    ck_assert_int_eq(kit_patch("Users", u->id, REPLACE("userType", "\"Full\"")), statuses[_i]);
    ck_assert_str_eq(kit_attr(u, "userType"), "Free Restricted");
}
END_TEST

START_TEST(who_comes_back_to_a_full_house_is_restricted)
{
    kit.cfg.full_licences = 1;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    kit_patch("Users", u->id, deactivate);
    kit_patch("Users", u->id, activate);
    ck_assert_str_eq(kit_attr(u, "userType"), "Full");
    kit_patch("Users", u->id, deactivate);
    ck_assert_str_eq(kit_attr(kit_user("bob@example.com"), "userType"), "Full");
    ck_assert_int_eq(kit_patch("Users", u->id, activate), 200);
    ck_assert_str_eq(kit_attr(u, "userType"), "Free Restricted");
}
END_TEST

START_TEST(deletes_as_told)
{
    static const struct {
        bool needs_inactive, deactivates;
        int status;
        bool deleted, active;
    } rows[] = {
        {false, false, 204, true, false}, {true, false, 409, false, true}, {false, true, 204, false, false}};
    kit.cfg.delete_needs_inactive = rows[_i].needs_inactive;
    kit.cfg.delete_deactivates = rows[_i].deactivates;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", u->id), rows[_i].status);
    ck_assert_int_eq(u->deleted, rows[_i].deleted);
    ck_assert_int_eq(u->active, rows[_i].active);
    kit_patch("Users", u->id, deactivate);
    ck_assert_int_eq(kit_callf("DELETE", NULL, "/Users/%s", u->id), rows[_i].deleted ? 404 : 204);
}
END_TEST

START_TEST(a_deactivation_that_only_restricts)
{
    kit.cfg.deactivation_restricts = true;
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    ck_assert_int_eq(kit_patch("Users", u->id, deactivate), 200);
    ck_assert(u->active);
    ck_assert_str_eq(kit_attr(u, "userType"), "Free Restricted");
}
END_TEST

START_TEST(new_users_of_a_domain_join_its_team)
{
    static const char *const rules[] = {"partner.com=Partners", "nobody.com=Nowhere", NULL};
    kit.cfg.domain_teams = rules;
    kit_start();
    const struct miro_team *t = miro_add_team(kit.m, "Partners");
    ck_assert(miro_is_member(t, kit_user("ann@Partner.com")));
    ck_assert(!miro_is_member(t, kit_user("bob@example.com")));
    ck_assert_uint_eq(kit_user("eve@nobody.com")->n_teams, 1);
}
END_TEST

START_TEST(switches_change_while_it_runs)
{
    kit_start();
    const struct miro_user *u = kit_user("ann@example.com");
    struct miro_config other = kit.cfg;
    other.scim_disabled = true;
    miro_configure(kit.m, &other);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", u->id), 403);
    other.scim_disabled = false;
    other.token = "new";
    other.rates = MIRO_RATES_HELP;
    miro_configure(kit.m, &other);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", u->id), 401);
    ck_assert_int_eq(miro_limit_get(kit.m, MIRO_USER_PATCH).limit, 20);
    miro_configure(kit.m, &kit.cfg);
    ck_assert_int_eq(kit_callf("GET", NULL, "/Users/%s", u->id), 200);
}
END_TEST

static int ask_for_token(const char *authorization, const char *form)
{
    struct miro_request rq = {.method = "POST",
                              .target = "/oauth/token",
                              .authorization = authorization,
                              .content_type = "application/x-www-form-urlencoded",
                              .body = form,
                              .body_n = strlen(form)};
    return kit_request(&rq);
}

static int list_with(const char *authorization)
{
    struct miro_request rq = {.method = "GET", .target = "/Users", .authorization = authorization};
    return kit_request(&rq);
}

START_TEST(gives_tokens_for_a_time_to_a_client_that_it_knows)
{
    static const struct {
        const char *authorization, *form, *error;
    } rows[] = {
        {NULL, "grant_type=client_credentials&client_id=we&client_secret=a%3Db+c", NULL},
        {"Basic d2U6YSUzRGIlMjBj", "grant_type=client_credentials", NULL}, /* we:a%3Db%20c */
        {NULL, "grant_type=client_credentials&client_id=we&client_secret=other", "invalid_client"},
        {"Basic d2U6", "grant_type=client_credentials", "invalid_client"},
        {"Basic !", "grant_type=client_credentials", "invalid_client"},
        {NULL, "grant_type=client_credentials", "invalid_client"},
        {NULL, "grant_type=password&client_id=we&client_secret=a%3Db+c", "unsupported_grant_type"},
    };
    kit.cfg.oauth_client = "we=a=b c";
    kit.cfg.oauth_life_s = 10;
    kit_start();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int status = ask_for_token(rows[i].authorization, rows[i].form);
        ck_assert_msg((status == 200) == !rows[i].error, "row %zu: %d", i, status);
        if (rows[i].error)
            ck_assert_str_eq(kit_string("error"), rows[i].error);
    }
    ck_assert_int_eq(ask_for_token(rows[0].authorization, rows[0].form), 200);
    ck_assert_int_eq(kit_int("expires_in"), 10);
    char *bearer = xasprintf("Bearer %s", kit_string("access_token"));
    ck_assert_int_eq(list_with(bearer), 200);
    ck_assert_int_eq(list_with("Bearer "), 401);
    ck_assert_int_eq(list_with("Bearer secret"), 401);
    kit.now_ms += 10 * 1000 - 1;
    ck_assert_int_eq(list_with(bearer), 200);
    kit.now_ms++;
    ck_assert_int_eq(list_with(bearer), 401);
    free(bearer);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sandbox switches");
    TCase *t = tcase_create("switches");
    tcase_add_checked_fixture(t, kit_config, kit_teardown);
    tcase_add_test(t, keeps_the_uncaptured_out_of_sight_and_out_of_reach);
    tcase_add_test(t, does_not_update_whom_two_organisations_share);
    tcase_add_test(t, lets_nobody_into_a_domain_of_another_organisation);
    tcase_add_test(t, knows_the_licences_and_roles_of_the_organisation);
    tcase_add_loop_test(t, says_or_hides_that_there_are_no_seats_left, 0, 3);
    tcase_add_test(t, who_comes_back_to_a_full_house_is_restricted);
    tcase_add_loop_test(t, deletes_as_told, 0, 3);
    tcase_add_test(t, a_deactivation_that_only_restricts);
    tcase_add_test(t, new_users_of_a_domain_join_its_team);
    tcase_add_test(t, switches_change_while_it_runs);
    tcase_add_test(t, gives_tokens_for_a_time_to_a_client_that_it_knows);
    suite_add_tcase(s, t);
    return kit_run(s);
}
