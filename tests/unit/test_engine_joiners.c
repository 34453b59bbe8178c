/* Joiners at Miro, each case of worker/lifecycle.md: made or adopted, with what can be said of them. */
#include "lifecycle_kit.h"

/* ---- attributes ---------------------------------------------------------------------------------------- */

START_TEST(a_create_carries_all_attributes)
{
    struct attrs all = {0};
    there_otherwise = free_by_default;
    begin(POLICY_ROLES);
    p0_has(FULL ";roles.Content Admin=yes");
    put_attrs(&all, FULL);
    for (size_t i = 0; i < all.n; i++)
        if (strcmp(all.v[i].name, "role") != 0)
            ck_assert_msg(strcmp(attr_at(0, all.v[i].name), all.v[i].value) == 0, "%s: %s", all.v[i].name,
                          attr_at(0, all.v[i].name));
    attrs_done(&all);
    ck_assert(has_role(0, "Content Admin"));
    ck_assert(is_in(0, "Everybody")); /* the default team */
    ck_assert_int_eq(cJSON_GetArraySize(json_get(find_result("joined", "miro"), "operations")), 3);
    expect_change("joined", "admin_roles", NULL, "Content Admin");
    ck_assert_uint_eq(n_refused("joined"), 0);
    end();
}
END_TEST

#define TEN   "1234567890"
#define SIXTY TEN TEN TEN TEN TEN TEN

START_TEST(what_cannot_work_is_not_sent_and_the_rest_is)
{
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1,
           "userName=p0@example.com;displayName=" SIXTY "x;name.givenName=" TEN TEN TEN
           ";name.familyName=" TEN TEN "12345678901;employeeNumber=" TEN TEN "x;department=" SIXTY SIXTY
           "x;division=Art;manager=max;"
           "manager.displayName=" SIXTY
           "x;role=ORGANIZATION_TEAM_GUEST_USER;emails.work=z@acme.example;externalId=7");
    expect_result("joined", "miro", "applied");
    ck_assert_uint_eq(there.writes, 1);
    ck_assert_str_eq(attr_at(0, "division"), "Art");
    expect_refused("joined", "displayName", NULL, "at most 60 characters", "shorten");
    expect_refused("joined", "name.givenName", NULL, "60 characters of givenName and familyName", "shorten");
    expect_refused("joined", "name.familyName", NULL, "60 characters of givenName and familyName", "shorten");
    expect_refused("joined", "employeeNumber", NULL, "at most 20", "shorten");
    expect_refused("joined", "department", NULL, "at most 120", "shorten");
    expect_refused("joined", "manager", NULL, "ignores what is no number", "manager.displayName");
    expect_refused("joined", "manager.displayName", NULL, "at most 60", "shorten");
    expect_refused("joined", "role", NULL, "given by SCIM", "by hand");
    ck_assert_uint_eq(n_refused("joined"), 8);
    say_of("shorter", EVENT_CHANGED, 0, 2,
           "displayName=Zoe;department=Art;manager=7;role=ORGANIZATION_INTERNAL_USER");
    expect_result("shorter", "miro", "applied");
    ck_assert_uint_eq(n_refused("shorter"), 4);
    say_of("longer", EVENT_CHANGED, 0, 3, "displayName=" SIXTY "y");
    expect_refused("longer", "displayName", NULL, "at most 60 characters", "shorten");
    expect_result("longer", "miro", "rejected");
    ck_assert_uint_eq(there.writes, 2);
    end();
}
END_TEST

START_TEST(umlauts_count_as_one_character)
{
    begin(POLICY_ACCOUNT);
    p0_has("displayName=1234567890123456789012345678901234567890123456789012345678\xc3\xbc\xc3\xbc");
    ck_assert_uint_eq(n_refused("joined"), 0);
    end();
}
END_TEST

START_TEST(a_create_that_is_refused_for_an_attribute_is_made_without_it)
{
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1,
           "userName=p0@example.com;photo=https://acme.example/z.tiff;department=Art");
    expect_result("joined", "miro", "applied");
    ck_assert_str_eq(attr_at(0, "department"), "Art");
    expect_refused("joined", "photo", NULL, "jpg", "change the value");
    ck_assert_uint_eq(n_refused("joined"), 1);
    end();
}
END_TEST

/* ---- rights -------------------------------------------------------------------------------------------- */

static void few_seats(struct miro_config *cfg)
{
    cfg->default_licence = "Free";
    cfg->full_licences = 1;
}

START_TEST(seats_that_have_run_out_are_a_finding)
{
    there_otherwise = few_seats;
    begin(POLICY_ACCOUNT);
    p0_has("userType=Full");
    say_of("second", EVENT_JOINED, 1, 1, "userName=p1@example.com;userType=Full;department=Art");
    expect_result("second", "miro", "applied");
    expect_refused("second", "userType", NULL, "kept the licence", "no licence left");
    there.writes = 0;
    say_of("more", EVENT_CHANGED, 1, 2, "department=Ops");
    ck_assert_uint_eq(there.writes, 1); /* the licence is not asked for again */
    say_of("third", EVENT_CHANGED, 1, 3, "nickName;userType=full");
    ck_assert_uint_eq(there.writes, 2); /* another wish is */
    end();
}
END_TEST

/* ---- what no source says of seats: all ways in which a target could say that none is left ---- */

static enum miro_seats seats_full;

static void no_seats(struct miro_config *cfg)
{
    few_seats(cfg);
    cfg->full_licences = 0;
    cfg->seats_full = seats_full;
}

START_TEST(who_finds_no_seat_has_an_account_all_the_same)
{
    static const enum miro_seats ways[] = {MIRO_SEATS_RESTRICT, MIRO_SEATS_400, MIRO_SEATS_409};
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        seats_full = ways[i];
        there_otherwise = no_seats;
        begin(POLICY_ACCOUNT);
        say_of("joined", EVENT_JOINED, 0, 1, "userName=p0@example.com;userType=Full;department=Art");
        expect_result("joined", "miro", "applied");
        ck_assert_str_eq(attr_at(0, "department"), "Art");
        expect_refused("joined", "userType", NULL, "licen", "left");
        ck_assert_uint_eq(n_refused("joined"), 1);
        end();
    }
}
END_TEST

/* ---- accounts that are none of ours -------------------------------------------------------------------- */

START_TEST(a_guest_is_a_finding)
{
    for (int uncaptured = 0; uncaptured < 2;
         uncaptured++) { /* likewise an account that the organisation has not */
        begin(POLICY_ACCOUNT);
        struct miro_user_spec guest = spec("p0@example.com");
        guest.guest = !uncaptured;
        guest.uncaptured = uncaptured;
        miro_add_user(there.m, &guest, kit.now.wall_ms);
        say({"joined", EVENT_JOINED, .subject = "p-0", .at = 1, .profile = "userName=p0@example.com"});
        settle_for(300 * KIT_SECOND);
        expect_cause("joined", "rejected",
                     "finding: the target says that the account exists, yet no lookup finds it", "guest");
        say_of("left", EVENT_LEFT, 0, 2, NULL);
        expect_result("left", "miro", "unchanged"); /* for SCIM there is nobody */
        end();
    }
}
END_TEST

static void allow_acme(struct miro_config *cfg)
{
    static const char *const allowed[] = {"acme.example", NULL};
    cfg->allowed_domains = allowed;
}

START_TEST(an_address_that_is_not_allowed_is_a_finding)
{
    there_otherwise = allow_acme;
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1, "userName=p0@example.com;department=Art");
    expect_cause("joined", "rejected", "not whitelisted", "allow the domain");
    ck_assert_uint_eq(there.writes, 1);
    end();
}
END_TEST

START_TEST(an_address_that_is_none_is_told)
{
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1, "userName=zoe;department=Art");
    expect_cause("joined", "rejected", "not an email", "address");
    say_of("mended", EVENT_CHANGED, 0, 2, "userName=p0@example.com");
    expect_result("mended", "miro", "applied");
    end();
}
END_TEST

/* Miro wants both parts of a name, or none. */
START_TEST(half_a_name_keeps_nobody_out)
{
    begin(POLICY_ACCOUNT);
    say_of("joined", EVENT_JOINED, 0, 1, "userName=p0@example.com;name.givenName=Zoe;department=Art");
    expect_result("joined", "miro", "applied");
    ck_assert_str_eq(attr_at(0, "department"), "Art");
    say_of("whole", EVENT_CHANGED, 0, 2, "name.familyName=Zimmer");
    expect_result("whole", "miro", "applied");
    ck_assert_str_eq(attr_at(0, "name.familyName"), "Zimmer");
    ck_assert_uint_eq(n_refused("whole"), 0);
    end();
}
END_TEST

START_TEST(an_account_that_exists_is_adopted_unless_something_speaks_against_it)
{
    static const struct {
        bool inactive;
        const char *number, *cause, *action;
    } rows[] = {
        {false, "", NULL, NULL},
        {true, "", "inactive", "activate it"},
        {false, "9", "another employeeNumber", "whose account it is"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        begin(POLICY_ACCOUNT);
        struct miro_user_spec there_before = spec("p0@example.com");
        there_before.inactive = rows[i].inactive;
        miro_add_user(there.m, &there_before, kit.now.wall_ms);
        if (*rows[i].number)
            attrs_set(&by_hand(0)->attributes, "employeeNumber", rows[i].number);
        say_of("joined", EVENT_JOINED, 0, 1, "userName=p0@example.com;employeeNumber=1042");
        if (rows[i].cause)
            expect_cause("joined", "rejected", rows[i].cause, rows[i].action);
        else
            expect_result("joined", "miro", "applied");
        end();
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_create_carries_all_attributes,
        what_cannot_work_is_not_sent_and_the_rest_is,
        umlauts_count_as_one_character,
        a_create_that_is_refused_for_an_attribute_is_made_without_it,
        seats_that_have_run_out_are_a_finding,
        who_finds_no_seat_has_an_account_all_the_same,
        a_guest_is_a_finding,
        an_address_that_is_not_allowed_is_a_finding,
        an_address_that_is_none_is_told,
        half_a_name_keeps_nobody_out,
        an_account_that_exists_is_adopted_unless_something_speaks_against_it,
    };
    return kit_run("engine_joiners", tests, ARRAY_SIZE(tests));
}
