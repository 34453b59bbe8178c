#include "test_lib.h"

#include <stdio.h>

#include "options.h"

static const struct option_def defs[] = {
    {"config", 'c', "FILE", "the file"},
    {"slot", 0, "NAME", "the slot"},
    {"check", 'n', NULL, "only check"},
    {0},
};

static bool parse(struct options *o, struct error *err, int argc, char **argv)
{
    return options_parse(argc, argv, "does things", defs, o, err);
}

#define PARSE(o, err, ...)                                                                                   \
    parse(o, err, (int)ARRAY_SIZE(((char *[]){"dir/prog", __VA_ARGS__})),                                    \
          (char *[]){"dir/prog", __VA_ARGS__, NULL})

START_TEST(reads_long_and_short_options_and_arguments)
{
    struct options o;
    struct error err = {0};
    ck_assert(PARSE(&o, &err, "--config=a.yaml", "-n", "x", "--slot", "s1", "y"));
    ck_assert_str_eq(o.program, "prog");
    ck_assert_str_eq(options_get(&o, "config"), "a.yaml");
    ck_assert_str_eq(options_get(&o, "slot"), "s1");
    ck_assert_str_eq(options_get(&o, "check"), "");
    ck_assert_int_eq(o.n_args, 2);
    ck_assert_str_eq(o.args[1], "y");
    ck_assert(!o.done);
    ck_assert(PARSE(&o, &err, "-cb.yaml"));
    ck_assert_str_eq(options_get(&o, "config"), "b.yaml");
    ck_assert_ptr_null(options_get(&o, "check"));
}
END_TEST

START_TEST(refuses_unknown_options_and_missing_arguments)
{
    struct options o;
    struct error err = {0};
    ck_assert(!PARSE(&o, &err, "--nonsense"));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(err.message, "unknown option --nonsense (see --help)");
    ck_assert(!PARSE(&o, &err, "--config"));
    ck_assert_str_eq(err.message, "no argument after --config (see --help)");
    ck_assert(!PARSE(&o, &err, "-x"));
    ck_assert(!PARSE(&o, &err, "--check=yes"));
}
END_TEST

static char *capture(char *option, struct options *o)
{
    fflush(stdout);
    int saved = dup(STDOUT_FILENO), fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    dup2(fds[1], STDOUT_FILENO);
    ck_assert(PARSE(o, NULL, option));
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(fds[1]);
    char *text = xcalloc(1, 4097);
    ck_assert_int_gt(read(fds[0], text, 4096), 0);
    close(fds[0]);
    return text;
}

START_TEST(help_and_version_are_made_from_the_table)
{
    struct options o;
    char *text = capture("--help", &o);
    ck_assert(o.done);
    ck_assert_ptr_nonnull(strstr(text, "usage: prog [options]\ndoes things\n"));
    ck_assert_ptr_nonnull(strstr(text, "  -c, --config FILE"));
    ck_assert_ptr_nonnull(strstr(text, "      --slot NAME"));
    ck_assert_ptr_nonnull(strstr(text, "      --version"));
    free(text);
    text = capture("--version", &o);
    ck_assert(o.done);
    ck_assert_str_eq(text, "prog " ROLLCALL_VERSION "\n");
    free(text);
}
END_TEST

RUN_TESTS("options", reads_long_and_short_options_and_arguments,
          refuses_unknown_options_and_missing_arguments, help_and_version_are_made_from_the_table)
