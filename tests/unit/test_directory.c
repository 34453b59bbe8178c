/* The teams of a target by name, and the records by which they are known. */
#include "../../worker/engine/directory.h"
#include "event_kit.h"

static struct directory d;

static bool take(const char *key, const char *value)
{
    struct directory_record r;
    struct error err;
    if (!directory_record_read(str_of(key), value ? str_of(value) : (struct str){0}, &r, &err))
        return false;
    directory_take(&d, &r);
    directory_record_done(&r);
    return true;
}

/* Whether that was news. */
static bool team(const char *id, const char *name)
{
    char key[64], value[256];
    uint32_t version = d.version;
    snprintf(key, sizeof key, "team/miro/%s", id);
    snprintf(value, sizeof value,
             "{\"kind\":\"team\",\"target\":\"miro\",\"id\":\"%s\",\"name\":\"%s\",\"at\":\"2026-11-26T14:00:"
             "00Z\"}",
             id, name ? name : "");
    ck_assert(take(key, name ? value : NULL));
    return d.version != version;
}

static const char *found(const char *name)
{
    const char *id = NULL;
    switch (directory_find(&d, name, &id)) {
    case TEAM_FOUND:
        return id;
    case TEAM_AMBIGUOUS:
        return "ambiguous";
    default:
        return "missing";
    }
}

START_TEST(teams_are_found_by_their_present_names)
{
    ck_assert_str_eq(found("Design"), "missing");
    ck_assert(team("2", "Ops"));
    ck_assert(team("1", "Design"));
    ck_assert(!team("1", "Design"));
    ck_assert_str_eq(found("Design"), "1");
    ck_assert_str_eq(found("design"), "missing");
    ck_assert(team("3", "Design"));
    ck_assert_str_eq(found("Design"), "ambiguous");
    ck_assert(team("1", "Old Design"));
    ck_assert_str_eq(found("Design"), "3");
    ck_assert(team("2", NULL));
    ck_assert(!team("2", NULL));
    ck_assert_str_eq(found("Ops"), "missing");
    directory_done(&d);
}
END_TEST

START_TEST(listings_and_wishes_tell_their_times)
{
    ck_assert(take("wish/miro", "{\"kind\":\"wish\",\"target\":\"miro\",\"at\":\"2026-11-26T14:00:05Z\"}"));
    int64_t wished_ms = d.wished_ms;
    ck_assert(take("wish/miro", "{\"kind\":\"wish\",\"target\":\"miro\",\"at\":\"2026-11-26T14:00:01Z\"}"));
    ck_assert_int_eq(d.wished_ms, wished_ms); /* of another worker, whose clock is behind */
    team("1", "Design");
    ck_assert(take("listing/miro",
                   "{\"kind\":\"listing\",\"target\":\"miro\",\"teams\":1,\"failed\":\"403\",\"at\":\"2026-"
                   "11-26T14:00:06Z\"}"));
    ck_assert_int_gt(d.listed_ms, wished_ms);
    ck_assert_str_eq(d.failed, "403");
    ck_assert_str_eq(found("Design"), "1"); /* as the listing before has found it */
    ck_assert(take("listing/miro",
                   "{\"kind\":\"listing\",\"target\":\"miro\",\"teams\":1,\"at\":\"2026-11-26T14:00:07Z\"}"));
    ck_assert_ptr_null(d.failed);
    directory_done(&d);
}
END_TEST

static uint64_t listed(const char *at)
{
    char value[128];
    snprintf(value, sizeof value, "{\"kind\":\"listing\",\"target\":\"miro\",\"teams\":1,\"at\":\"%s\"}", at);
    ck_assert(take("listing/miro", value));
    ck_assert(!d.changing);
    return d.whole;
}

START_TEST(what_a_listing_found_is_known_by_its_fingerprint)
{
    team("1", "Design");
    team("2", "Ops");
    ck_assert(d.changing);
    ck_assert_uint_eq(d.whole, 0);
    uint64_t both = listed("2026-11-26T14:00:01Z");
    ck_assert_uint_ne(both, 0);
    team("1", "Ops");
    team("2", "Design");
    ck_assert(d.changing);
    ck_assert_uint_eq(d.whole, both); /* nothing is whole before the listing is */
    ck_assert_uint_ne(listed("2026-11-26T14:00:02Z"), both);
    team("2", "Ops");
    team("1", "Design");
    ck_assert_uint_eq(listed("2026-11-26T14:00:03Z"), both);
    directory_done(&d);
}
END_TEST

static void want(const char *rest)
{
    char value[256];
    snprintf(value, sizeof value,
             "{\"kind\":\"want\",\"target\":\"miro\",\"name\":\"Ops\",\"at\":\"2026-11-26T14:00:00Z\"%s}",
             rest);
    ck_assert(take("want/miro/Ops", value));
}

START_TEST(a_want_knows_who_has_borne_the_name)
{
    want("");
    ck_assert_ptr_null(directory_former(&d, "Ops", NULL));
    want(",\"former\":\"7\"");
    want(",\"failed\":\"403\""); /* of a worker that does not know it */
    ck_assert_str_eq(directory_former(&d, "Ops", NULL), "7");
    ck_assert_ptr_null(directory_former(&d, "Design", NULL));
    team("7", "Operations");
    ck_assert_ptr_null(directory_former(&d, "Ops", NULL));
    team("7", NULL);
    ck_assert_str_eq(directory_former(&d, "Ops", NULL), "7");
    ck_assert(take("want/miro/Ops", NULL));
    ck_assert_ptr_null(directory_former(&d, "Ops", NULL));
    directory_done(&d);
}
END_TEST

START_TEST(what_is_not_understood_changes_nothing)
{
    static const char *const rows[][2] = {
        {"", "{}"},
        {"team/miro", "{}"},
        {"team/miro/", NULL},
        {"team/MIRO/1", NULL},
        {"wish/miro/1", "{}"},
        {"pigeon/miro", "{}"},
        {"wish/miro", NULL},
        {"wish/miro", "{"},
        {"wish/miro", "[]"},
        {"wish/miro", "{\"kind\":\"wish\",\"target\":\"wiki\",\"at\":\"2026-11-26T14:00:00Z\"}"},
        {"wish/miro", "{\"kind\":\"wish\",\"target\":\"miro\",\"at\":\"today\"}"},
        {"want/miro/A",
         "{\"kind\":\"want\",\"target\":\"miro\",\"name\":\"A\",\"former\":\"\",\"at\":\"2026-11-26T14:00:"
         "00Z\"}"},
        {"listing/miro",
         "{\"kind\":\"listing\",\"target\":\"miro\",\"teams\":-1,\"at\":\"2026-11-26T14:00:00Z\"}"},
        {"team/miro/1", "{\"kind\":\"team\",\"target\":\"miro\",\"id\":\"2\",\"name\":\"A\",\"at\":\"2026-11-"
                        "26T14:00:00Z\"}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ck_assert_msg(!take(rows[i][0], rows[i][1]), "%s", rows[i][0]);
    ck_assert_uint_eq(d.teams.n, 0);
    ck_assert_int_eq(d.wished_ms, 0);
    ck_assert_int_eq(d.listed_ms, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        teams_are_found_by_their_present_names,           listings_and_wishes_tell_their_times,
        what_a_listing_found_is_known_by_its_fingerprint, a_want_knows_who_has_borne_the_name,
        what_is_not_understood_changes_nothing,
    };
    return kit_run("directory", tests, ARRAY_SIZE(tests));
}
