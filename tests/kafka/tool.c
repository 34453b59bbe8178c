/* kafka-tool: reads and writes Kafka topics as JSON lines, for tests and checkers. README.md describes the
 * lines. */
#include "tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "mem.h"

enum { TIMEOUT_MS = 10000, TIMEOUT_MAX_MS = 600000 };

static const struct command {
    const char *name;
    bool (*run)(const struct tool_options *o, struct error *err);
    int args_min, args_max;
    const char *usage;
} commands[] = {
    {"dump", tool_dump, 1, 64, "[--follow] [--uncommitted] TOPIC…"},
    {"produce", tool_produce, 1, 1, "[--transaction ID] [--end commit|abort|leave] TOPIC < LINES"},
    {"topics", tool_topics, 0, 64, "[TOPIC…]"},
    {"create", tool_create, 1, 64, "NAME:PARTITIONS[:REPLICAS][:CONFIG=VALUE]…"},
    {"group-offsets", tool_group_offsets, 2, 65, "GROUP TOPIC…"},
};

static const int exit_codes[] = {
    [ERROR_NONE] = EX_OK,
    [ERROR_INPUT] = EX_DATAERR,
    [ERROR_TEMPORARY] = EX_TEMPFAIL,
    [ERROR_PERMANENT] = EX_UNAVAILABLE,
    [ERROR_SYSTEM] = EX_OSERR,
};

static int usage(void)
{
    fputs("usage: kafka-tool COMMAND --brokers HOST:PORT,… [--timeout-ms N] …\n", stderr);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        fprintf(stderr, "       %-14s %s\n", commands[i].name, commands[i].usage);
    return EX_USAGE;
}

static bool parse_timeout(const char *text, int *ret)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < 1 || n > TIMEOUT_MAX_MS)
        return false;
    *ret = (int)n;
    return true;
}

static bool end_known(const char *end)
{
    return strcmp(end, "commit") == 0 || strcmp(end, "abort") == 0 || strcmp(end, "leave") == 0;
}

static bool options_read(struct tool_options *o, int argc, char **argv)
{
    static const struct option table[] = {{"brokers", required_argument, NULL, 'b'},
                                          {"timeout-ms", required_argument, NULL, 't'},
                                          {"follow", no_argument, NULL, 'f'},
                                          {"uncommitted", no_argument, NULL, 'u'},
                                          {"transaction", required_argument, NULL, 'x'},
                                          {"end", required_argument, NULL, 'e'},
                                          {0}};
    *o = (struct tool_options){.end = "commit", .timeout_ms = TIMEOUT_MS};
    bool ok = true;
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        o->brokers = c == 'b' ? optarg : o->brokers;
        o->transaction = c == 'x' ? optarg : o->transaction;
        o->end = c == 'e' ? optarg : o->end;
        o->follow |= c == 'f';
        o->uncommitted |= c == 'u';
        ok &= c != '?' && (c != 't' || parse_timeout(optarg, &o->timeout_ms));
    }
    o->args = argv + optind;
    o->n_args = argc - optind;
    return ok && o->brokers && end_known(o->end);
}

static bool configure(rd_kafka_conf_t *conf, const struct tool_options *o,
                      const struct tool_setting *settings, struct error *err)
{
    char reason[256];
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, "bootstrap.servers", o->brokers, reason, sizeof reason);
    for (const struct tool_setting *s = settings; res == RD_KAFKA_CONF_OK && s->name; s++)
        res = rd_kafka_conf_set(conf, s->name, s->value, reason, sizeof reason);
    return res == RD_KAFKA_CONF_OK || error_set(err, ERROR_INPUT, "%s", reason);
}

/* Takes ownership of conf, even on failure. */
static bool client_start(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret, struct error *err)
{
    char reason[256];
    *ret = rd_kafka_new(type, conf, reason, sizeof reason);
    if (*ret)
        return true;
    rd_kafka_conf_destroy(conf);
    return error_set(err, ERROR_INPUT, "%s", reason);
}

bool tool_client_new(rd_kafka_type_t type, const struct tool_options *o, const struct tool_setting *settings,
                     rd_kafka_t **ret, struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (configure(conf, o, settings, err))
        return client_start(type, conf, ret, err);
    rd_kafka_conf_destroy(conf);
    return false;
}

bool tool_producer_new(const struct tool_options *o, const struct tool_setting *settings,
                       void (*on_delivery)(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque),
                       void *opaque, rd_kafka_t **ret, struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, opaque);
    if (configure(conf, o, settings, err))
        return client_start(RD_KAFKA_PRODUCER, conf, ret, err);
    rd_kafka_conf_destroy(conf);
    return false;
}

static bool add_topic(const rd_kafka_metadata_t *md, const char *name, rd_kafka_topic_partition_list_t *list)
{
    bool found = false;
    for (int t = 0; t < md->topic_cnt; t++) {
        const rd_kafka_metadata_topic_t *topic = &md->topics[t];
        if (name && strcmp(name, topic->topic) != 0)
            continue;
        found = topic->partition_cnt > 0;
        for (int p = 0; p < topic->partition_cnt; p++)
            rd_kafka_topic_partition_list_add(list, topic->topic, topic->partitions[p].id);
    }
    return found;
}

/* Asks for all topics, because asking for one by name may create it. */
bool tool_partitions(rd_kafka_t *rk, const struct tool_options *o, rd_kafka_topic_partition_list_t **ret,
                     struct error *err)
{
    const rd_kafka_metadata_t *md;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 1, NULL, &md, o->timeout_ms);
    if (code)
        return error_set(err, ERROR_TEMPORARY, "metadata from %s: %s", o->brokers, rd_kafka_err2str(code));

    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(md->topic_cnt);
    bool ok = true;
    if (o->n_args == 0)
        add_topic(md, NULL, list);
    for (int i = 0; ok && i < o->n_args; i++)
        ok = add_topic(md, o->args[i], list) ||
             error_set(err, ERROR_INPUT, "there is no topic %s", o->args[i]);
    rd_kafka_metadata_destroy(md);
    if (!ok) {
        rd_kafka_topic_partition_list_destroy(list);
        return false;
    }
    *ret = list;
    return true;
}

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int main(int argc, char **argv)
{
    struct tool_options o;
    struct error err = {0};
    const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;
    if (!command || !options_read(&o, argc - 1, argv + 1))
        return usage();
    if (o.n_args < command->args_min || o.n_args > command->args_max)
        return usage();

    bool ok = command->run(&o, &err);
    if (fflush(stdout) != 0 && ok)
        ok = error_set(&err, ERROR_SYSTEM, "writing standard output: %m");
    if (!ok)
        fprintf(stderr, "kafka-tool: %s: %s\n", command->name, err.message);
    return ok ? EX_OK : exit_codes[err.kind];
}
