#include "test_lib.h"

#include <fcntl.h>
#include <stdio.h>

#include "secret.h"

static char directory[] = "/tmp/rollcall-secret-XXXXXX";

static char *write_file(const char *name, const void *p, size_t n)
{
    char *path = xasprintf("%s/%s", directory, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, p, n), (ssize_t)n);
    close(fd);
    return path;
}

static void remove_all(void)
{
    static const char *const names[] = {"a", "big"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char *path = xasprintf("%s/%s", directory, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(directory);
}

static const struct {
    struct str content;
    const char *value; /* NULL: refused */
} files[] = {
    {BYTES("hunter2"), "hunter2"},
    {BYTES("hunter2\n"), "hunter2"},
    {BYTES("hunter2\r\n"), "hunter2"},
    {BYTES("hunter2\n\n"), NULL},
    {BYTES("abc\nX-Evil: 1"), NULL},
    {BYTES("a\tb"), NULL},
    {BYTES("a\x7f"), NULL},
    {BYTES("h\xc3\xbbnter2"), NULL},
    {BYTES(" x "), " x "},
    {BYTES(""), NULL},
    {BYTES("\n"), NULL},
    {BYTES("a\0b"), NULL},
};

START_TEST(reads_a_file_without_its_last_newline)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *path = write_file("a", files[i].content.p, files[i].content.n),
             *ref = xasprintf("file:%s", path);
        struct secret s = {0};
        struct error err = {0};
        ck_assert_msg(secret_load(ref, &s, &err) == (files[i].value != NULL), "row %zu: %s", i, err.message);
        if (files[i].value)
            ck_assert_str_eq(s.p, files[i].value);
        else
            ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_ptr_null(strstr(err.message, "nter2"));
        secret_done(&s);
        ck_assert_ptr_null(s.p);
        free(path);
        free(ref);
    }
    remove_all();
}
END_TEST

START_TEST(text_may_have_several_lines)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    char *path = write_file("a", "-----BEGIN\nx\n", 13), *ref = xasprintf("file:%s", path);
    struct secret s = {0};
    struct error err = {0};
    ck_assert(!secret_load(ref, &s, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "more than one line"));
    ck_assert_msg(secret_load_text(ref, &s, &err), "%s", err.message);
    ck_assert_str_eq(s.p, "-----BEGIN\nx");
    secret_done(&s);
    free(path);
    free(ref);
    remove_all();
}
END_TEST

START_TEST(a_directory_is_an_input_error)
{
    struct secret s = {0};
    struct error err = {0};
    ck_assert(!secret_load("file:/tmp", &s, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert(!secret_load("file:/dev/null/x", &s, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
}
END_TEST

START_TEST(refuses_a_file_that_is_too_long_or_not_there)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    char *big = xcalloc(1, SECRET_SIZE_MAX + 1);
    memset(big, 'x', SECRET_SIZE_MAX + 1);
    char *path = write_file("big", big, SECRET_SIZE_MAX + 1), *ref = xasprintf("file:%s", path);
    struct secret s = {0};
    struct error err = {0};
    ck_assert(!secret_load(ref, &s, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "longer"));
    unlink(path);
    ck_assert(!secret_load(ref, &s, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    free(big);
    free(path);
    free(ref);
    remove_all();
}
END_TEST

START_TEST(reads_environment_and_credentials)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    char *path = write_file("a", "from-file\n", 10);
    struct secret s = {0};
    struct error err = {0};
    ck_assert(!secret_load("env:ROLLCALL_TEST_SECRET", &s, &err));
    setenv("ROLLCALL_TEST_SECRET", "from-env", 1);
    ck_assert(secret_load("env:ROLLCALL_TEST_SECRET", &s, &err));
    ck_assert_str_eq(s.p, "from-env");
    secret_done(&s);
    unsetenv("CREDENTIALS_DIRECTORY");
    ck_assert(!secret_load("credential:a", &s, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "LoadCredential"));
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    ck_assert(secret_load("credential:a", &s, &err));
    ck_assert_str_eq(s.p, "from-file");
    secret_done(&s);
    free(path);
    remove_all();
}
END_TEST

START_TEST(refuses_other_references_without_repeating_them)
{
    static const char *const refs[] = {"hunter2",      "", "file:", "env:", "FILE:/x", "credential:../x",
                                       "credential:.."};
    for (size_t i = 0; i < ARRAY_SIZE(refs); i++) {
        struct error err = {0};
        ck_assert_msg(!secret_ref_ok(refs[i], &err), "%s", refs[i]);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_ptr_null(strstr(err.message, "hunter2"));
    }
    ck_assert(secret_ref_ok("file:/x", NULL) && secret_ref_ok("env:X", NULL) &&
              secret_ref_ok("credential:x", NULL));
}
END_TEST

RUN_TESTS("secret", reads_a_file_without_its_last_newline, refuses_a_file_that_is_too_long_or_not_there,
          reads_environment_and_credentials, refuses_other_references_without_repeating_them,
          text_may_have_several_lines, a_directory_is_an_input_error)
