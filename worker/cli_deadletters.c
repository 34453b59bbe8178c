/* rollcall-worker deadletters: what was rejected or is no event; looked at, sent again, set aside. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "cli.h"
#include "json.h"
#include "letters.h"
#include "loop.h"
#include "mem.h"
#include "rfc3339.h"
#include "topic_reader.h"
#include "topic_writer.h"

enum { LIMIT_DEFAULT = 1000, READ_MS = 120000, MARK_MAX = 8 * 1024, LETTER_REASON_MAX = 1024, BY_MAX = 256 };

static const char USAGE[] = /* after "usage: rollcall-worker deadletters [options]" */
    "   list                    one line per letter: id, time, state, target or record, person, reason\n"
    "   show ID…                all of a letter\n"
    "   replay ID… | filters    sends the events again, as new ones that name the old\n"
    "   drop ID… | filters      marks letters as dealt with (--reason TEXT)\n"
    "list leaves out what was replayed or dropped, unless --all; that there is nothing is said on stderr\n"
    "what is printed may name persons";

static const struct option_def defs[] = {
    {"config", 'c', "FILE", "configuration file (default: /etc/rollcall/rollcall.yaml)"},
    {"tenant", 0, "NAME", "only letters of this tenant"},
    {"target", 't', "NAME", "only what was rejected at this target"},
    {"person", 'p', "PERSON", "only of this person: TENANT/DIRECTORY/SUBJECT or SUBJECT"},
    {"text", 0, "TEXT", "only letters whose reason holds this text"},
    {"since", 0, "TIME", "only what became a dead letter then or later (RFC 3339)"},
    {"until", 0, "TIME", "only what did before"},
    {"limit", 'n', "NUMBER", "only the newest (default: 1000)"},
    {"all", 'a', NULL, "with list: also what was replayed or dropped"},
    {"json", 0, NULL, "with list: whole letters, one JSON object a line"},
    {"reason", 'r', "TEXT", "with drop and replay: why"},
    {"by", 0, "NAME", "with drop and replay: who does it (default: the login name)"},
    {0},
};

struct cli { /* one run */
    struct options options;
    struct config *cfg;
    struct topic_writer *writer;
    struct letters letters;
    int64_t limit;
    int64_t now_ms;
    char by[BY_MAX + 1];
};

/* ---- reading ------------------------------------------------------------------------------------------- */

static bool read_filter(struct cli *c, struct error *err)
{
    struct letter_filter *f = &c->letters.filter;
    f->tenant = options_get(&c->options, "tenant");
    f->target = options_get(&c->options, "target");
    f->person = options_get(&c->options, "person");
    f->reason = options_get(&c->options, "text");
    f->settled = options_get(&c->options, "all");
    c->limit = LIMIT_DEFAULT;
    return cli_time(&c->options, "since", &f->since_ms, err) &&
           cli_time(&c->options, "until", &f->until_ms, err) &&
           cli_number(&c->options, "limit", LETTERS_MAX, &c->limit, err);
}

static bool read_ids(struct cli *c, int n, char **args, struct error *err)
{
    struct letter_filter *f = &c->letters.filter;
    for (int i = 0; i < n; i++)
        if (!letter_id_parse(args[i], &f->ids[f->n_ids++]))
            return error_set(err, ERROR_INPUT, "%.100s: wanted is an id such as 3:4711, as list shows it",
                             args[i]);
    return true;
}

static void take_record(void *ctx, const struct topic_record *record)
{
    struct cli *c = ctx;
    letters_take(&c->letters, (struct letter_id){record->partition, record->offset}, record->key,
                 record->value);
}

static bool read_letters(struct cli *c, struct error *err)
{
    struct topic_reader *reader = NULL;
    bool ok = topic_reader_new(c->cfg, KAFKA_DEADLETTERS, &reader, err) &&
              topic_reader_read_all(reader, READ_MS, take_record, c, err);
    topic_reader_free(reader);
    if (!ok)
        return false;
    if (c->letters.overflow)
        return error_set(err, ERROR_INPUT,
                         "more than %d dead letters: narrow it down, for example with --since", LETTERS_MAX);
    if (c->letters.strange > 0)
        fprintf(stderr, "rollcall-worker: %zu records of the topic are no dead letters\n",
                c->letters.strange);
    letters_settle(&c->letters, (size_t)c->limit);
    if (c->letters.left_out > 0)
        fprintf(stderr, "rollcall-worker: %zu older ones would fit too; --limit takes more than %lld\n",
                c->letters.left_out, (long long)c->limit);
    return true;
}

/* What a verb is about: by ids, which have to be there, or by filters. EX_OK, or the exit code. */
static int find(struct cli *c, int n, char **args)
{
    struct error err = {0};
    if (!read_ids(c, n, args, &err))
        return cli_usage("%s", err.message);
    if (!read_letters(c, &err))
        return cli_fail(&err);
    if (n > 0 && c->letters.n < c->letters.filter.n_ids) {
        fprintf(stderr, "rollcall-worker: of %d letters %zu are there%s\n", n, c->letters.n,
                c->letters.filter.settled ? "" : ", or were replayed or dropped already (see list --all)");
        return EX_NOINPUT;
    }
    return EX_OK;
}

/* ---- list, show ---------------------------------------------------------------------------------------- */

static void put_field(const char *text)
{
    printf("  ");
    cli_put(stdout, text && *text ? text : "-");
}

static void print_line(const struct letter *letter)
{
    char id[LETTER_ID_SIZE], at[RFC3339_SIZE];
    cJSON *root = NULL;
    if (!json_parse(str_of(letter->text), &root, NULL))
        return;
    const cJSON *result = json_get(root, "result");
    letter_id_format(letter->id, id);
    rfc3339_format(letter->at_ms, at);
    printf("%-12s %s  %s", id, at, letter_state_name(letter->state));
    put_field(result ? json_string(result, "target") : "(no event)");
    put_field(letter->key);
    put_field(json_string(json_get(root, "event"), "type"));
    put_field(json_string(root, "reason"));
    printf("\n");
    cJSON_Delete(root);
}

/* JSON escapes control characters, and cJSON prints the others as they are. */
static void print_json(const struct letter *letter, bool pretty)
{
    char id[LETTER_ID_SIZE];
    cJSON *root = NULL, *out = cJSON_CreateObject();
    if (json_parse(str_of(letter->text), &root, NULL)) {
        letter_id_format(letter->id, id);
        cJSON_AddStringToObject(out, "id", id);
        cJSON_AddStringToObject(out, "state", letter_state_name(letter->state));
        if (letter->key)
            cJSON_AddStringToObject(out, "key", letter->key);
        cJSON_AddItemToObject(out, "letter", root);
        char *text = pretty ? cJSON_Print(out) : cJSON_PrintUnformatted(out);
        for (char *line = text, *rest = text; line;) {
            line = strsep(&rest, "\n");
            cli_put(stdout, line);
            if (line)
                printf("\n");
        }
        free(text);
    }
    cJSON_Delete(out);
}

static bool any_filter(const struct letter_filter *f)
{
    return f->tenant || f->target || f->person || f->reason || f->since_ms || f->until_ms;
}

static int run_list(void *ctx, int n, char **args)
{
    struct cli *c = ctx;
    int code = find(c, n, args);
    const struct letter_filter *f = &c->letters.filter;
    if (code == EX_OK && c->letters.n == 0)
        fprintf(stderr, "rollcall-worker: no %sdead letter%s%s\n", f->settled ? "" : "open ",
                any_filter(f) ? " fits" : "",
                f->settled ? "" : "; --all lists also what was replayed or dropped");
    for (size_t i = 0; code == EX_OK && i < c->letters.n; i++) {
        if (options_get(&c->options, "json"))
            print_json(&c->letters.v[i], false);
        else
            print_line(&c->letters.v[i]);
    }
    return code;
}

static int run_show(void *ctx, int n, char **args)
{
    struct cli *c = ctx;
    c->letters.filter.settled = true;
    int code = find(c, n, args);
    for (size_t i = 0; code == EX_OK && i < c->letters.n; i++)
        print_json(&c->letters.v[i], true);
    return code;
}

/* ---- replay, drop -------------------------------------------------------------------------------------- */

static bool send(struct cli *c, const struct topic_message *m, struct error *err)
{
    return (c->writer || topic_writer_new(c->cfg, CLI_KAFKA_MS, &c->writer, err)) &&
           topic_writer_send(c->writer, m, err);
}

/* replay: id of the new event; NULL: dropped. */
static bool mark(struct cli *c, const struct letter *letter, const char *replay, struct error *err)
{
    struct buf value;
    const char *reason = options_get(&c->options, "reason");
    buf_init(&value, MARK_MAX);
    const struct letter_mark_words words = {replay, c->by, reason ? reason : "sent again", c->now_ms};
    letter_mark_write(letter, &words, &value);
    bool ok = buf_ok(&value) || error_set(err, ERROR_INPUT, "--by or --reason is too long");
    ok = ok && send(c,
                    &(struct topic_message){.topic = KAFKA_DEADLETTERS,
                                            .partition = letter->id.partition,
                                            .key = str_of(letter->key),
                                            .value = buf_str(&value)},
                    err);
    buf_done(&value);
    return ok;
}

struct headers {
    struct event_header v[16];
    size_t n;
};

static void put_header(void *ctx, const char *name, const char *value)
{
    struct headers *h = ctx;
    if (h->n < ARRAY_SIZE(h->v))
        h->v[h->n++] = (struct event_header){xstrdup(name), xstrdup(value)};
}

static void headers_done(struct headers *h)
{
    for (size_t i = 0; i < h->n; i++) {
        free((char *)(uintptr_t)h->v[i].name);
        free((char *)(uintptr_t)h->v[i].value);
    }
}

static bool publish(struct cli *c, const struct event *ev, struct error *err)
{
    const struct config_tenant *tenant = config_tenant(c->cfg, ev->tenant);
    struct buf key, value;
    struct headers headers = {.n = 0};
    if (!tenant)
        return error_set(err, ERROR_INPUT, "the configuration knows no tenant %s", ev->tenant);
    buf_init(&key, EVENT_NAME_MAX + 16);
    buf_init(&value, EVENT_VALUE_MAX);
    event_key(ev, (unsigned)tenant->spread, &key);
    event_write_value(ev, &value);
    event_each_header(ev, put_header, &headers);
    bool ok = buf_ok(&value) || error_set(err, ERROR_INPUT, "the event is longer than one may be");
    ok = ok &&
         send(c,
              &(struct topic_message){KAFKA_EVENTS, -1, buf_str(&key), buf_str(&value), headers.v, headers.n},
              err);
    headers_done(&headers);
    buf_done(&key);
    buf_done(&value);
    return ok;
}

/* First the event, then the mark: dying in between, a replay that is repeated sends the same event, a duplicate. */
static bool replay(struct cli *c, const struct letter *letter, struct error *err)
{
    struct event ev;
    char id[LETTER_ID_SIZE];
    if (!letter_replay(letter, c->now_ms, &ev, err))
        return false;
    bool ok = publish(c, &ev, err) && mark(c, letter, ev.id, err);
    letter_id_format(letter->id, id);
    if (ok)
        printf("%s replayed as %s\n", id, ev.id);
    event_done(&ev);
    return ok;
}

static bool drop(struct cli *c, const struct letter *letter, struct error *err)
{
    char id[LETTER_ID_SIZE];
    letter_id_format(letter->id, id);
    bool ok = mark(c, letter, NULL, err);
    if (ok)
        printf("%s dropped\n", id);
    return ok;
}

/* What cannot be done is said, and the others are gone on with; brokers that do not answer end it. */
static int each(struct cli *c, bool (*act)(struct cli *c, const struct letter *letter, struct error *err))
{
    int code = EX_OK;
    for (size_t i = 0; i < c->letters.n; i++) {
        struct error err = {0};
        char id[LETTER_ID_SIZE];
        if (c->letters.v[i].state != LETTER_OPEN || act(c, &c->letters.v[i], &err))
            continue;
        letter_id_format(c->letters.v[i].id, id);
        error_wrap(&err, "%s", id);
        code = cli_fail(&err);
        if (err.kind == ERROR_TEMPORARY)
            break;
        code = EX_DATAERR;
    }
    return code;
}

static int act_on(struct cli *c, int n, char **args,
                  bool (*act)(struct cli *c, const struct letter *letter, struct error *err))
{
    const char *reason = options_get(&c->options, "reason");
    struct error err;
    if (n == 0 && !any_filter(&c->letters.filter))
        return cli_usage("which? Ids, or at least one filter");
    if (reason && (!*reason || strlen(reason) > LETTER_REASON_MAX))
        return cli_usage("--reason: empty or too long");
    if (!cli_by(&c->options, c->by, sizeof c->by, &err))
        return cli_usage("%s", err.message);
    c->letters.filter.settled = false;
    int code = find(c, n, args);
    return code == EX_OK ? each(c, act) : code;
}

static int run_replay(void *ctx, int n, char **args)
{
    return act_on(ctx, n, args, replay);
}

static int run_drop(void *ctx, int n, char **args)
{
    struct cli *c = ctx;
    return options_get(&c->options, "reason") ? act_on(c, n, args, drop)
                                              : cli_usage("say why: --reason TEXT");
}

/* ---- the command --------------------------------------------------------------------------------------- */

static const struct cli_verb verbs[] = {
    {"list", "", 0, 0, run_list},
    {"show", "ID…", 1, LETTER_IDS_MAX, run_show},
    {"replay", "ID… | filters", 0, LETTER_IDS_MAX, run_replay},
    {"drop", "ID… | filters", 0, LETTER_IDS_MAX, run_drop},
    {0},
};

static int prepare(void *ctx)
{
    struct cli *c = ctx;
    struct error err = {0};
    if (!read_filter(c, &err))
        return cli_usage("%s", err.message);
    return cli_load_config(&c->options, &c->cfg, &err) ? EX_OK : cli_fail(&err);
}

int cli_deadletters(int argc, char **argv)
{
    static const struct cli_command command = {USAGE, defs, verbs, prepare};
    struct cli *c = xcalloc(1, sizeof *c); /* the ids of the filter are many for a stack */
    c->now_ms = clock_real_ms();
    int code = cli_run_verb(argc, argv, &command, &c->options, c);
    topic_writer_free(c->writer);
    letters_done(&c->letters);
    config_free(c->cfg);
    free(c);
    return code;
}
