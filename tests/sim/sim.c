/* The engine's simulator; see README.md. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"
#include "mutations.h"
#include "run.h"
#include "shrink.h"
#include "tenants.h"
#include "year.h"

enum {
    FAILED_SHOWN = 10,
    FAILURES_MAX_BYTES = 64 * 1024,
    HANG_S = 5, /* of CPU time for one seed, which takes milliseconds */
    STORM_HANG_S = 60,
    YEAR_HANG_S = 900, /* and for a year */
};

struct options {
    uint64_t from, to;
    bool verbose, first; /* first: stop at the first failure */
    bool shrink;         /* and look for the least that fails */
    struct run_less less;
    const char *mutation;
    bool year, tenants, print_events;
    uint64_t persons, teams, days, pace;
};

static uint64_t current_seed;
static const char *story_option = ""; /* its name, when it is no run of trouble */
static const char *program = "sim";

static const char usage[] =
    "usage: sim [--from N] [--to N] [--first] [--mutation NAME]\n"
    "       sim --seed N [--verbose] [--mutation NAME]     one run; --verbose prints "
    "everything that happens\n"
    "       sim --seed N --shrink                          the least of it that "
    "fails, as options:\n"
    "       sim --seed N --only 'KIND;…' --keep N,…         only these kinds of trouble, "
    "only these events\n"
    "       sim --year [--persons N] [--teams N] [--days N] [--pace N] [--seed N] [--print-events]\n"
    "                                                      a company's year; pace: so many years happen in "
    "one;\n"
    "                                                      --print-events: only tells what happens, as JSON\n"
    "       sim --tenants [--from N] [--to N] [--seed N]     twelve tenants, one of them in a storm\n"
    "       sim --list-mutations                           name, seeds within which "
    "it must be caught (0: by a story, which follows), what it does\n";

static bool parse_number(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static bool parse_between(const char *text, uint64_t low, uint64_t high, uint64_t *ret)
{
    return parse_number(text, ret) && *ret >= low && *ret <= high;
}

static void list_mutations(void)
{
    for (size_t i = 0; i < mutations_n(); i++) {
        const struct mutation_row *row = mutations_at(i);
        printf("%-24s %4u  %s\n", row->name, row->seeds, row->what);
        if (mutations_story(row))
            printf("%-24s story %s\n", row->name, mutations_story(row));
    }
}

static bool parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"from", required_argument, NULL, 'f'},     {"to", required_argument, NULL, 't'},
        {"seed", required_argument, NULL, 's'},     {"mutation", required_argument, NULL, 'm'},
        {"verbose", no_argument, NULL, 'v'},        {"first", no_argument, NULL, '1'},
        {"list-mutations", no_argument, NULL, 'l'}, {"shrink", no_argument, NULL, 'k'},
        {"only", required_argument, NULL, 'w'},     {"keep", required_argument, NULL, 'd'},
        {"year", no_argument, NULL, 'y'},           {"tenants", no_argument, NULL, 'n'},
        {"persons", required_argument, NULL, 'P'},  {"teams", required_argument, NULL, 'T'},
        {"days", required_argument, NULL, 'D'},     {"pace", required_argument, NULL, 'C'},
        {"print-events", no_argument, NULL, 'E'},   {NULL, 0, NULL, 0},
    };
    *o = (struct options){.from = 1, .to = 1000, .persons = 10000, .teams = 60, .days = 365, .pace = 1};
    bool ok = true;
    for (int c; ok && (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        switch (c) {
        case 'f':
            ok = parse_number(optarg, &o->from);
            break;
        case 't':
            ok = parse_number(optarg, &o->to);
            break;
        case 's':
            ok = parse_number(optarg, &o->from);
            o->to = o->from;
            break;
        case 'm':
            o->mutation = optarg;
            break;
        case 'v':
            o->verbose = true;
            break;
        case '1':
            o->first = true;
            break;
        case 'k':
            o->shrink = true;
            break;
        case 'w':
            ok = shrink_parse_kinds(optarg, &o->less);
            break;
        case 'd':
            ok = shrink_parse_events(optarg, &o->less);
            break;
        case 'y':
            o->year = true;
            break;
        case 'n':
            o->tenants = true;
            break;
        case 'P':
            ok = parse_between(optarg, 1, 1000000, &o->persons);
            break;
        case 'T':
            ok = parse_between(optarg, COMPANY_UNITS, 1000, &o->teams);
            break;
        case 'D':
            ok = parse_between(optarg, 2, 3650, &o->days);
            break;
        case 'C':
            ok = parse_between(optarg, 1, 100, &o->pace);
            break;
        case 'E':
            o->print_events = true;
            break;
        case 'l':
            list_mutations();
            exit(EXIT_SUCCESS);
        default:
            ok = false;
        }
    }
    bool some = o->year || o->from <= o->to; /* no run would pass, and prove nothing */
    return ok && some && optind == argc;
}

/* An assertion of the engine, or an endless loop, is a broken promise like any other: say which seed it was.
 */
static void crashed(int signal_number)
{
    char line[160];
    int n;
    /* The process ends here whatever snprintf does. NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c) */
    n = snprintf(line, sizeof line, "seed %llu: signal %d; reproduce: %s%s --seed %llu --verbose\n",
                 (unsigned long long)current_seed, signal_number, program, story_option,
                 (unsigned long long)current_seed);
    if (write(STDOUT_FILENO, line, (size_t)n) < 0)
        _exit(2);
    _exit(1);
}

static void report(uint64_t seed, const struct options *o, const struct buf *failures)
{
    printf("seed %llu failed:\n%.*s", (unsigned long long)seed, (int)failures->n, failures->p);
    printf("  reproduce: %s%s --seed %llu --verbose%s%s\n", program, story_option, (unsigned long long)seed,
           o->mutation ? " --mutation " : "", o->mutation ? o->mutation : "");
}

static void watch(int seconds)
{
    setitimer(ITIMER_VIRTUAL, &(struct itimerval){.it_value.tv_sec = seconds}, NULL);
}

static struct year_options year_of(const struct options *o)
{
    return (struct year_options){
        .seed = o->from, .persons = o->persons, .teams = o->teams, .days = o->days, .pace = o->pace};
}

static void print_events(const struct options *o)
{
    struct year_options year = year_of(o);
    struct year_story story;
    year_story_tell(&year, &story);
    year_story_print(&story);
    scenario_free(story.scenario);
}

static unsigned run_year(const struct options *o, struct run_figures *sum)
{
    struct year_options year = year_of(o);
    struct buf failures;
    buf_init(&failures, FAILURES_MAX_BYTES);
    watch(YEAR_HANG_S);
    current_seed = o->from;
    story_option = " --year";
    bool ok = year_run(&year, o->verbose, &failures, sum);
    if (!ok)
        printf("the year of seed %llu failed:\n%.*s", (unsigned long long)o->from, (int)failures.n,
               failures.p);
    buf_done(&failures);
    return !ok;
}

static unsigned run_all(const struct options *o, struct run_figures *sum)
{
    unsigned failed = 0;
    story_option = o->tenants ? " --tenants" : "";
    for (current_seed = o->from; current_seed <= o->to; current_seed++) {
        struct buf failures;
        buf_init(&failures, FAILURES_MAX_BYTES);
        watch(o->tenants ? STORM_HANG_S : HANG_S);
        bool ok = o->tenants ? tenants_run(current_seed, o->verbose, &failures, sum)
                             : run_seed(current_seed, &o->less, o->verbose, &failures, sum);
        if (!ok && failed++ < FAILED_SHOWN)
            report(current_seed, o, &failures);
        buf_done(&failures);
        if (!ok && o->first)
            break;
    }
    return failed;
}

int main(int argc, char **argv)
{
    struct options o;
    struct run_figures sum = {0};
    struct timespec began, ended;
    program = argv[0];
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!parse_options(argc, argv, &o)) {
        fputs(usage, stderr);
        return 64;
    }
    if (!mutations_activate(o.mutation)) {
        fprintf(stderr, "%s: no mutation %s in this program; see --list-mutations, and sim-mutants\n",
                program, o.mutation);
        return 64;
    }
    if (o.print_events) {
        print_events(&o);
        return EXIT_SUCCESS;
    }
    if (o.shrink) {
        shrink(o.from, &o.less);
        printf("the least that fails: %s --seed %llu", program, (unsigned long long)o.from);
        shrink_print(&o.less);
        printf("%s%s\n", o.mutation ? " --mutation " : "", o.mutation ? o.mutation : "");
    }
    signal(SIGABRT, crashed);
    signal(SIGSEGV, crashed);
    signal(SIGFPE, crashed);
    signal(SIGVTALRM, crashed);
    clock_gettime(CLOCK_MONOTONIC, &began);
    unsigned failed = o.year ? run_year(&o, &sum) : run_all(&o, &sum);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    uint64_t runs = o.year ? 1 : (current_seed > o.to ? o.to : current_seed) - o.from + 1;
    printf("%llu events, %llu requests, %llu processes, %.1f virtual hours in %.1f s\n",
           (unsigned long long)sum.events, (unsigned long long)sum.requests,
           (unsigned long long)sum.processes, (double)sum.virtual_ms / 3600000.0,
           (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9);
    printf("sim: %llu passed, %u failed\n", (unsigned long long)runs - failed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
