#include "rfc3339.h"

#include <assert.h>
#include <string.h>

enum { MS_PER_S = 1000, S_PER_DAY = 86400 };

static const int64_t LAST_MS = INT64_C(253402300799999); /* 9999-12-31T23:59:59.999Z */

struct cursor {
    const char *p, *end;
};

/* Exactly `count` digits. */
static bool read_digits(struct cursor *c, int count, int *ret)
{
    if (c->end - c->p < count)
        return false;
    int value = 0;
    for (int i = 0; i < count; i++) {
        char digit = c->p[i];
        if (digit < '0' || digit > '9')
            return false;
        value = value * 10 + (digit - '0');
    }
    c->p += count;
    *ret = value;
    return true;
}

static bool read_one_of(struct cursor *c, const char *set)
{
    if (c->p == c->end || *c->p == '\0' || !strchr(set, *c->p))
        return false;
    c->p++;
    return true;
}

static bool leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years are counted from March. */
static int64_t days_of_date(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468, era = z / 146097, day_of_era = z % 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * from_march + 2) / 5 + 1);
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static bool read_date(struct cursor *c, int64_t *ret_days)
{
    int year, month, day;
    if (!read_digits(c, 4, &year) || !read_one_of(c, "-") || !read_digits(c, 2, &month) ||
        !read_one_of(c, "-") || !read_digits(c, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
        return false;
    *ret_days = days_of_date(year, month, day);
    return true;
}

/* ".123456" → 123; nothing → 0. */
static bool read_fraction(struct cursor *c, int64_t *ret_ms)
{
    *ret_ms = 0;
    if (!read_one_of(c, "."))
        return true;
    int weight = 100, digit;
    const char *first = c->p;
    while (read_digits(c, 1, &digit)) {
        *ret_ms += digit * weight;
        weight /= 10;
    }
    return c->p > first;
}

static bool read_time(struct cursor *c, int64_t *ret_ms)
{
    int hour, minute, second;
    int64_t fraction;
    if (!read_digits(c, 2, &hour) || !read_one_of(c, ":") || !read_digits(c, 2, &minute) ||
        !read_one_of(c, ":") || !read_digits(c, 2, &second) || !read_fraction(c, &fraction))
        return false;
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second, read as the next one */
        return false;
    *ret_ms = (hour * 3600 + minute * 60 + second) * INT64_C(1000) + fraction;
    return true;
}

static bool read_zone(struct cursor *c, int64_t *ret_offset_ms)
{
    *ret_offset_ms = 0;
    if (read_one_of(c, "Zz"))
        return true;
    int sign = read_one_of(c, "+") ? 1 : read_one_of(c, "-") ? -1 : 0;
    int hour, minute;
    if (sign == 0 || !read_digits(c, 2, &hour) || !read_one_of(c, ":") || !read_digits(c, 2, &minute))
        return false;
    if (hour > 23 || minute > 59)
        return false;
    *ret_offset_ms = sign * (hour * 60 + minute) * INT64_C(60000);
    return true;
}

bool rfc3339_parse(struct str text, int64_t *ret_ms)
{
    if (text.n == 0)
        return false;
    struct cursor c = {text.p, text.p + text.n};
    int64_t days, time_ms, offset_ms;
    if (!read_date(&c, &days) || !read_one_of(&c, "Tt ") || !read_time(&c, &time_ms) ||
        !read_zone(&c, &offset_ms) || c.p != c.end)
        return false;
    int64_t ms = days * S_PER_DAY * MS_PER_S + time_ms - offset_ms;
    if (ms < 0 || ms > LAST_MS)
        return false;
    *ret_ms = ms;
    return true;
}

static void put_pair(char *to, int value)
{
    to[0] = (char)('0' + value / 10);
    to[1] = (char)('0' + value % 10);
}

void rfc3339_format(int64_t ms, char out[RFC3339_SIZE])
{
    assert(ms >= 0 && ms <= LAST_MS);
    int64_t seconds = ms / MS_PER_S;
    int of_day = (int)(seconds % S_PER_DAY), of_second = (int)(ms % MS_PER_S), year, month, day;
    date_of_days(seconds / S_PER_DAY, &year, &month, &day);
    memcpy(out, "0000-00-00T00:00:00.000Z", RFC3339_SIZE);
    put_pair(out, year / 100);
    put_pair(out + 2, year % 100);
    put_pair(out + 5, month);
    put_pair(out + 8, day);
    put_pair(out + 11, of_day / 3600);
    put_pair(out + 14, of_day / 60 % 60);
    put_pair(out + 17, of_day % 60);
    put_pair(out + 20, of_second / 10);
    out[22] = (char)('0' + of_second % 10);
}
