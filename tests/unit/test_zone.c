#include "test_lib.h"

#include "rfc3339.h"
#include "zone.h"

static const struct {
    const char *text, *zone, *want; /* NULL: refused */
} rows[] = {
    {"2026-11-20T08:00:00Z", "", "2026-11-20T08:00:00.000Z"},
    {"2026-11-20T08:00:00+01:00", "America/New_York", "2026-11-20T07:00:00.000Z"},
    {"2026-01-31T18:42:00+0000", "", "2026-01-31T18:42:00.000Z"},
    {"2026-01-31T18:42:00-0830", "", "2026-02-01T03:12:00.000Z"},
    {"2017-12-05 19:13:06 UTC", "Europe/Berlin", "2017-12-05T19:13:06.000Z"},
    {"2023-04-28 20:05:31.093", "", "2023-04-28T20:05:31.093Z"},
    {"2024-12-30T12:56:18.955603", "Europe/Berlin", "2024-12-30T11:56:18.955Z"},
    {"2026-11-20 09:00", "Europe/Berlin", "2026-11-20T08:00:00.000Z"},
    {"2026-11-20T09:00Z", "Europe/Berlin", "2026-11-20T09:00:00.000Z"},
    {"2026-11-20T09:00+0200", "", "2026-11-20T07:00:00.000Z"},
    {"2026-07-01", "Europe/Berlin", "2026-06-30T22:00:00.000Z"},
    {"2026-12-01", "Europe/Berlin", "2026-11-30T23:00:00.000Z"},
    {"2026-12-01", "America/Los_Angeles", "2026-12-01T08:00:00.000Z"},
    {"2026-12-01", "+05:30", "2026-11-30T18:30:00.000Z"},
    {"2026-12-01", "-0800", "2026-12-01T08:00:00.000Z"},
    {"2026-12-01-08:00", "Europe/Berlin", "2026-12-01T08:00:00.000Z"},
    {"2026-12-01Z", "Europe/Berlin", "2026-12-01T00:00:00.000Z"},
    /* Clocks went on at 02:00, so 02:30 was never shown; and back at 03:00, so 02:30 was shown twice. */
    {"2026-03-29T02:30:00", "Europe/Berlin", "2026-03-29T01:30:00.000Z"},
    {"2026-03-29T03:00:00", "Europe/Berlin", "2026-03-29T01:00:00.000Z"},
    {"2026-03-29T01:59:59", "Europe/Berlin", "2026-03-29T00:59:59.000Z"},
    {"2026-10-25T01:59:59", "Europe/Berlin", "2026-10-24T23:59:59.000Z"},
    {"2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00.000Z"},
    {"2026-10-25T03:00:00", "Europe/Berlin", "2026-10-25T02:00:00.000Z"},
    {"1671058841", "Europe/Berlin", "2022-12-14T23:00:41.000Z"},
    {"1671058841123", "", "2022-12-14T23:00:41.123Z"},
    {"2026-11-20T08:00:00", "Mars/Olympus", NULL},
    {"2026-11-20T08:00:00", "../../etc/passwd", NULL},
    {"2026-11-20T08:00:00", "/etc/localtime", NULL},
    {"2026-11-20T08:00:00", "+25:00", NULL},
    {"2026-11-20T08:00:00 PDT", "", NULL},
    {"2026-11-31", "", NULL},
    {"2026-11-20 09", "", NULL},
    {"2026-11-20 09:0", "", NULL},
    {"2026-11-20 09:61", "", NULL},
    {"11/20/2026", "", NULL},
    {"2026", "", NULL},
    {"yesterday", "", NULL},
    {"", "", NULL},
    {"0000-00-00", "", NULL},
    {"99999999999999999", "", NULL},
};

START_TEST(what_senders_write_is_an_instant)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t ms;
        char text[RFC3339_SIZE] = "refused";
        if (zone_parse(str_of(rows[i].text), str_of(rows[i].zone), &ms))
            rfc3339_format(ms, text);
        ck_assert_msg(strcmp(text, rows[i].want ? rows[i].want : "refused") == 0, "%s in %s is %s",
                      rows[i].text, rows[i].zone, text);
    }
}
END_TEST

START_TEST(more_zones_than_are_kept_still_work)
{
    static const char *const names[] = {
        "Africa/Cairo",  "America/Bogota",  "America/Chicago",  "America/Denver", "America/Halifax",
        "America/Lima",  "America/Toronto", "Asia/Dubai",       "Asia/Kolkata",   "Asia/Seoul",
        "Asia/Tokyo",    "Australia/Perth", "Australia/Sydney", "Europe/Athens",  "Europe/London",
        "Europe/Madrid", "Europe/Paris",    "Pacific/Auckland"};
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            ck_assert_msg(zone_ok(str_of(names[i])), "%s", names[i]);
    ck_assert(!zone_ok(str_of("Europe")));
    ck_assert(zone_ok(str_of("UTC")) && zone_ok(str_of("+14:00")) && zone_ok(str_of("")));
}
END_TEST

RUN_TESTS("zone", what_senders_write_is_an_instant, more_zones_than_are_kept_still_work)
