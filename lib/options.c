#include "options.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum { LONG_BASE = 1000, HELP = 2000, VERSION, HELP_COLUMN = 28 };

static size_t count(const struct option_def *defs)
{
    size_t n = 0;
    while (defs[n].name)
        n++;
    assert(n <= OPTIONS_MAX);
    return n;
}

static void print_row(const struct option_def *def)
{
    char left[64];
    snprintf(left, sizeof left, "%c%c%s --%s%s%s", def->letter ? '-' : ' ', def->letter ? def->letter : ' ',
             def->letter ? "," : " ", def->name, def->argument ? " " : "",
             def->argument ? def->argument : "");
    printf("  %-*s %s\n", HELP_COLUMN, left, def->help);
}

static void print_help(const struct options *o)
{
    static const struct option_def own[] = {
        {"help", 'h', NULL, "show this help and exit"},
        {"version", 0, NULL, "show the version and exit"},
    };
    printf("usage: %s [options]\n%s\n\n", o->program, o->usage);
    for (const struct option_def *def = o->defs; def->name; def++)
        print_row(def);
    print_row(&own[0]);
    print_row(&own[1]);
}

/* getopt's two tables from ours. */
static void make_tables(const struct option_def *defs, size_t n, struct option *longs, char *shorts)
{
    *shorts++ = ':';
    *shorts++ = 'h';
    for (size_t i = 0; i < n; i++) {
        int has_arg = defs[i].argument ? required_argument : no_argument;
        longs[i] = (struct option){defs[i].name, has_arg, NULL, LONG_BASE + (int)i};
        if (!defs[i].letter)
            continue;
        *shorts++ = defs[i].letter;
        if (defs[i].argument)
            *shorts++ = ':';
    }
    *shorts = '\0';
    longs[n] = (struct option){"help", no_argument, NULL, HELP};
    longs[n + 1] = (struct option){"version", no_argument, NULL, VERSION};
    longs[n + 2] = (struct option){0};
}

static size_t index_of(const struct option_def *defs, size_t n, int code)
{
    if (code >= LONG_BASE)
        return (size_t)(code - LONG_BASE);
    size_t i = 0;
    while (i < n && defs[i].letter != code)
        i++;
    return i;
}

static bool complain(int code, const char *word, struct error *err)
{
    return error_set(err, ERROR_INPUT, "%s %s (see --help)",
                     code == ':' ? "no argument after" : "unknown option", word);
}

static bool take(struct options *o, size_t n, int code, const char *word, struct error *err)
{
    if (code == ':' || code == '?')
        return complain(code, word, err);
    if (code == HELP || code == 'h') {
        print_help(o);
        o->done = true;
    } else if (code == VERSION) {
        printf("%s %s\n", o->program, ROLLCALL_VERSION);
        o->done = true;
    } else {
        size_t i = index_of(o->defs, n, code);
        assert(i < n);
        o->values[i] = o->defs[i].argument ? optarg : "";
    }
    return true;
}

bool options_parse(int argc, char **argv, const char *usage, const struct option_def *defs,
                   struct options *ret, struct error *err)
{
    size_t n = count(defs);
    struct option longs[OPTIONS_MAX + 3];
    char shorts[2 * OPTIONS_MAX + 3];
    make_tables(defs, n, longs, shorts);
    const char *slash = strrchr(argv[0], '/');
    struct options o = {.program = slash ? slash + 1 : argv[0], .usage = usage, .defs = defs};
    optind = 0; /* start anew: tests parse more than once */
    opterr = 0;
    for (;;) {
        int code = getopt_long(argc, argv, shorts, longs, NULL);
        if (code == -1 || o.done)
            break;
        const char *word = argv[optind - 1];
        if (!take(&o, n, code, word, err))
            return false;
    }
    o.n_args = argc - optind;
    o.args = argv + optind;
    *ret = o;
    return true;
}

const char *options_get(const struct options *o, const char *name)
{
    size_t i = 0;
    while (o->defs[i].name && strcmp(o->defs[i].name, name) != 0)
        i++;
    assert(o->defs[i].name); /* the table has it */
    return o->values[i];
}
