/* rollcall-worker plan: what would be done for one person, of one event or as things are. planner.h does it. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli.h"
#include "event.h"
#include "file.h"
#include "json.h"
#include "plan_print.h"
#include "planner.h"

enum {
    FILE_MAX = 2 * EVENT_VALUE_MAX,
    HEADERS_MAX = 32,
    WAIT_S = 30,
    WAIT_MAX_S = 3600,
};

static const char USAGE[] = /* after "usage: rollcall-worker plan [options]" */
    "   FILE                                  for the person of the event in FILE (- is standard input)\n"
    "   --person TENANT/DIRECTORY/SUBJECT     for the person as things are\n"
    "FILE holds a record of the events topic as JSON: {\"headers\": {\"ce_id\": …}, \"value\": {…}}, as in "
    "schemas/examples\n"
    "prints for each target what is wanted, the difference and the calls that would be made, or why there "
    "are none;\n"
    "nothing is changed anywhere: records are read from Kafka, accounts with GET";

static const struct option_def defs[] = {
    {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
    {"person", 'p', "TENANT/DIRECTORY/SUBJECT", "whom, without an event"},
    {"json", 'j', NULL, "plan records (schemas/plan.schema.json), one a line"},
    {"timeout", 0, "SECONDS", "how long targets may take (default: 30)"},
    {0},
};

struct cli { /* one run */
    struct options options;
    struct config *cfg;
    struct planner *planner;
    struct event ev; /* of FILE */
};

/* ---- the event of a file ------------------------------------------------------------------------------- */

static bool read_text(const char *path, struct buf *out, struct error *err)
{
    return strcmp(path, "-") == 0 ? file_read_stream(stdin, out, err) : file_read(path, out, err);
}

static bool read_event(const cJSON *root, struct event *ret, struct error *err)
{
    struct event_header headers[HEADERS_MAX];
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_get(root, "headers")) if (n < HEADERS_MAX && cJSON_IsString(item))
        headers[n++] = (struct event_header){item->string, item->valuestring};
    char *value = json_get(root, "value") ? cJSON_PrintUnformatted(json_get(root, "value")) : NULL;
    bool ok = value ? event_read(headers, n, str_of(value), ret, err)
                    : error_set(err, ERROR_INPUT, "no value: wanted is {\"headers\": {…}, \"value\": {…}}");
    free(value);
    return ok;
}

static bool take_file(struct cli *c, const char *path, struct error *err)
{
    struct buf text;
    cJSON *root = NULL;
    buf_init(&text, FILE_MAX);
    bool ok = read_text(path, &text, err) && json_parse(buf_str(&text), &root, err) &&
              read_event(root, &c->ev, err);
    cJSON_Delete(root);
    buf_done(&text);
    return ok || error_wrap(err, "%s", path);
}

/* ---- answers ------------------------------------------------------------------------------------------- */

static void on_told(void *ctx, const char *person, const cJSON *plan, struct str json)
{
    const struct cli *c = ctx;
    (void)person;
    if (options_get(&c->options, "json"))
        printf("%.*s\n", (int)json.n, json.p);
    else
        plan_print(plan);
}

static void on_untold(void *ctx, const char *person, const char *target, const char *why)
{
    const struct cli *c = ctx;
    (void)person;
    if (options_get(&c->options, "json"))
        fprintf(stderr, "rollcall-worker: %s: no plan: %s\n", target, why);
    else
        plan_print_waiting(target, why);
}

/* ---- the command --------------------------------------------------------------------------------------- */

static bool ask(struct cli *c, struct error *err)
{
    const char *person = options_get(&c->options, "person");
    return person ? planner_ask_person(c->planner, person, err) : planner_ask_event(c->planner, &c->ev, err);
}

static bool plan(struct cli *c, struct error *err)
{
    const struct planner_how how = {.ctx = c, .told = on_told};
    int64_t seconds = WAIT_S;
    const char *person = options_get(&c->options, "person");
    return cli_load_config(&c->options, &c->cfg, err) &&
           cli_number(&c->options, "timeout", WAIT_MAX_S, &seconds, err) &&
           (person || take_file(c, c->options.args[0], err)) && planner_new(c->cfg, &how, &c->planner, err) &&
           ask(c, err) && planner_run(c->planner, seconds * 1000, err);
}

int cli_plan(int argc, char **argv)
{
    struct cli c = {0};
    struct error err = {0};
    if (!options_parse(argc, argv, USAGE, defs, &c.options, &err)) {
        fprintf(stderr, "rollcall-worker: %s\n", err.message);
        return EX_USAGE;
    }
    if (c.options.done)
        return EX_OK;
    if (c.options.n_args + (options_get(&c.options, "person") != NULL) != 1)
        return cli_usage("wanted is a FILE or --person");
    int code = EX_OK;
    if (!plan(&c, &err))
        code = cli_fail(&err);
    else if (planner_each_untold(c.planner, on_untold) > 0)
        code = EX_TEMPFAIL;
    planner_free(c.planner);
    event_done(&c.ev);
    config_free(c.cfg);
    return code;
}
