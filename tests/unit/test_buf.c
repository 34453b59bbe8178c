#include "test_lib.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "attr.h"
#include "buf.h"
#include "error.h"
#include "file.h"
#include "mem.h"
#include "utf8.h"

START_TEST(a_buf_grows_to_its_maximum_and_remembers_overflow)
{
    struct buf b;
    buf_init(&b, 300);
    for (int i = 0; i < 300; i++)
        buf_addc(&b, 'x');
    ck_assert(buf_ok(&b) && b.n == 300 && strlen(b.p) == 300);
    buf_addc(&b, 'y');
    ck_assert(!buf_ok(&b) && b.n == 300);
    buf_add(&b, "", 0);
    ck_assert(!buf_ok(&b));
    buf_clear(&b);
    ck_assert(buf_ok(&b) && b.n == 0 && b.p[0] == '\0');
    buf_done(&b);
}
END_TEST

static void write_bytes(const char *path, size_t n)
{
    FILE *out = fopen(path, "we");
    for (size_t i = 0; i < n; i++)
        putc('x', out);
    fclose(out);
}

START_TEST(a_file_is_read_up_to_the_maximum)
{
    static const struct {
        const char *path; /* NULL: one of n bytes */
        size_t n;
        const char *said; /* NULL: read */
    } rows[] = {{NULL, 0, NULL},
                {NULL, 40000, NULL},
                {NULL, 40001, "longer than 40000 bytes"},
                {"/dev/zero", 0, "longer than 40000 bytes"},
                {"/", 0, "Is a directory"},
                {"/nowhere/at/all", 0, "No such file"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char path[] = "/tmp/test_file.XXXXXX";
        struct buf b;
        struct error err = {0};
        close(mkstemp(path));
        write_bytes(path, rows[i].n);
        buf_init(&b, 40000);
        bool ok = file_read(rows[i].path ? rows[i].path : path, &b, &err);
        ck_assert_msg(ok == !rows[i].said && (!ok || b.n == rows[i].n), "row %zu: %s", i, err.message);
        ck_assert_msg(ok || (err.kind == ERROR_INPUT && strstr(err.message, rows[i].said)), "%s",
                      err.message);
        buf_done(&b);
        unlink(path);
    }
}
END_TEST

START_TEST(a_buf_takes_room_in_advance)
{
    struct buf b;
    buf_init(&b, 1000);
    buf_reserve(&b, 5000); /* more than it may ever hold: not a promise */
    ck_assert(buf_ok(&b) && b.p == NULL);
    buf_reserve(&b, 700);
    const char *place = b.p;
    for (int i = 0; i < 350; i++)
        memcpy(buf_extend(&b, 2), "ab", 2);
    ck_assert(b.p == place && b.n == 700 && strlen(b.p) == 700);
    buf_reserve(&b, 10);
    ck_assert(b.n == 700);
    ck_assert_ptr_null(buf_extend(&b, 301));
    ck_assert(!buf_ok(&b));
    buf_done(&b);
}
END_TEST

START_TEST(a_buf_writes_every_kind_of_number)
{
    struct buf b;
    buf_init(&b, 300);
    buf_addi(&b, 0);
    buf_addc(&b, ' ');
    buf_addi(&b, INT64_MIN);
    buf_addc(&b, ' ');
    buf_addi(&b, INT64_MAX);
    buf_addf(&b, " %s%d", "f", 7);
    ck_assert_str_eq(b.p, "0 -9223372036854775808 9223372036854775807 f7");
    for (int64_t i = -1200; i <= 1200; i++) {
        char expected[INT_FORMAT_SIZE], text[INT_FORMAT_SIZE];
        snprintf(expected, sizeof expected, "%d", (int)i);
        ck_assert_uint_eq(int_format(i, text), strlen(expected));
        ck_assert_str_eq(text, expected);
    }
    char *taken = buf_take(&b);
    ck_assert(b.n == 0 && b.p == NULL);
    free(taken);
    taken = buf_take(&b);
    ck_assert_str_eq(taken, "");
    free(taken);
}
END_TEST

START_TEST(attributes_stay_sorted_and_keep_cleared_ones)
{
    struct attrs a = {0}, b = {0};
    attrs_set(&a, "title", "x");
    attrs_set(&a, "department", NULL);
    attrs_set(&a, "userName", "u");
    attrs_set(&a, "title", "y");
    ck_assert_uint_eq(a.n, 3);
    ck_assert_str_eq(a.v[0].name, "department");
    ck_assert_str_eq(attrs_get(&a, "title"), "y");
    ck_assert_ptr_null(attrs_get(&a, "department"));
    ck_assert_ptr_nonnull(attrs_find(&a, "department"));
    ck_assert_ptr_null(attrs_find(&a, "manager"));
    attrs_copy(&b, &a);
    ck_assert_uint_eq(b.n, 3);
    ck_assert_ptr_null(b.v[0].value);
    ck_assert_str_eq(attrs_get(&b, "userName"), "u");
    attrs_set(&b, "department", "");
    ck_assert_str_eq(attrs_get(&b, "department"), "");
    ck_assert_ptr_null(attrs_get(&a, "department"));
    attrs_remove(&b, "department");
    attrs_remove(&b, "department");
    ck_assert_uint_eq(b.n, 2);
    attrs_set(&b, "title", attrs_get(&b, "title")); /* its own value */
    ck_assert_str_eq(attrs_get(&b, "title"), "y");
    attrs_done(&a);
    attrs_done(&b);
}
END_TEST

START_TEST(an_error_is_wrapped_and_never_overflows)
{
    struct error err = {0};
    ck_assert(!error_set(&err, ERROR_TEMPORARY, "no answer from %s", "x"));
    ck_assert(!error_wrap(&err, "loading %d", 3));
    ck_assert_str_eq(err.message, "loading 3: no answer from x");
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    for (int i = 0; i < 100; i++)
        error_wrap(&err, "again and again");
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
    error_set(&err, ERROR_INPUT, "%s", err.message); /* its own message */
    ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
    ck_assert(!error_set(NULL, ERROR_INPUT, "x") && !error_wrap(NULL, "x"));
    ck_assert_str_eq(error_kind_name(ERROR_SYSTEM), "system");
}
END_TEST

START_TEST(utf8_knows_the_shortest_forms_only)
{
    static const struct {
        struct str text;
        bool ok, printable;
    } rows[] = {
        {BYTES(""), true, true},
        {BYTES("abc \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), true, true},
        {BYTES("a\nb"), true, false},
        {BYTES("a\x7f"), true, false},
        {BYTES("\0"), true, false},
        {BYTES("\xc1\xbf"), false, false},
        {BYTES("\xe0\x9f\xbf"), false, false},
        {BYTES("\xed\xbf\xbf"), false, false},
        {BYTES("\xf0\x8f\xbf\xbf"), false, false},
        {BYTES("\xf5\x80\x80\x80"), false, false},
        {BYTES("\x80"), false, false},
        {BYTES("\xe2\x82"), false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        ck_assert_msg(utf8_ok(rows[i].text) == rows[i].ok, "row %zu", i);
        ck_assert_msg(utf8_printable(rows[i].text) == rows[i].printable, "row %zu", i);
    }
}
END_TEST

START_TEST(text_is_trimmed_at_both_ends_only)
{
    static const struct {
        struct str text, left;
    } rows[] = {
        {BYTES(""), BYTES("")},          {BYTES(" \t\n\v\f\r"), BYTES("")},
        {BYTES("a b"), BYTES("a b")},    {BYTES("  a \t b\r\n"), BYTES("a \t b")},
        {BYTES("\0 x "), BYTES("\0 x")}, {BYTES("\xc2\xa0y\x1f"), BYTES("\xc2\xa0y\x1f")},
        {{NULL, 0}, {NULL, 0}},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ck_assert_msg(str_eq(str_trim(rows[i].text), rows[i].left), "row %zu", i);
}
END_TEST

RUN_TESTS("buf", text_is_trimmed_at_both_ends_only, a_buf_grows_to_its_maximum_and_remembers_overflow,
          a_buf_takes_room_in_advance, a_file_is_read_up_to_the_maximum, a_buf_writes_every_kind_of_number,
          attributes_stay_sorted_and_keep_cleared_ones, an_error_is_wrapped_and_never_overflows,
          utf8_knows_the_shortest_forms_only)
