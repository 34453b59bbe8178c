/* kafka-embedded: a process around librdkafka's mock cluster, for demos and fast tests. In memory only; what
 * it cannot do is listed in README.md.
 *
 * kafka-embedded [--brokers N] [--topic NAME:PARTITIONS]… [--ready-file FILE]
 * Says {"event":"ready","bootstrap":"HOST:PORT,…"} on standard output once clients may connect, and writes
 * the bootstrap servers to FILE. SIGUSR1 takes all brokers down, SIGUSR2 brings them back, SIGHUP makes them refuse the next
 * producers (each is confirmed by a line), SIGTERM and SIGINT end it. Signals are blocked before librdkafka starts its threads and read in
 * one place. */
#include <arpa/inet.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "error.h"
#include "mem.h"

enum { BROKERS_MAX = 9, TOPICS_MAX = 64, PARTITIONS_MAX = 1024, NUDGE_MS = 2 };
enum {
    INIT_PRODUCER_ID = 22,
    REFUSALS = 2
}; /* of Kafka's protocol; as many as an ingest thread has producers */

struct topic {
    char *name;
    int partitions;
};

struct options {
    int brokers;
    struct topic topics[TOPICS_MAX];
    size_t n_topics;
    const char *ready_file; /* NULL: none */
};

struct cluster {
    rd_kafka_t *rk; /* the mock cluster lives inside a client instance */
    rd_kafka_mock_cluster_t *mock;
    int brokers;
};

static bool parse_count(const char *text, int max, int *ret)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || n < 1 || n > max)
        return false;
    *ret = (int)n;
    return true;
}

static bool options_add_topic(struct options *o, const char *text, struct error *err)
{
    const char *colon = strrchr(text, ':');
    struct topic *t = &o->topics[o->n_topics];
    if (o->n_topics == TOPICS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d topics", TOPICS_MAX);
    if (!colon || colon == text || !parse_count(colon + 1, PARTITIONS_MAX, &t->partitions))
        return error_set(err, ERROR_INPUT, "--topic wants NAME:PARTITIONS, not '%s'", text);
    t->name = xstrndup(text, (size_t)(colon - text));
    o->n_topics++;
    return true;
}

static void options_done(struct options *o)
{
    for (size_t i = 0; i < o->n_topics; i++)
        free(o->topics[i].name);
}

static bool options_read(struct options *o, int argc, char **argv, struct error *err)
{
    static const struct option table[] = {{"brokers", required_argument, NULL, 'b'},
                                          {"topic", required_argument, NULL, 't'},
                                          {"ready-file", required_argument, NULL, 'r'},
                                          {0}};
    *o = (struct options){.brokers = 1};
    for (int c; (c = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        if (c == 't' && !options_add_topic(o, optarg, err))
            return false;
        if (c == 'b' && !parse_count(optarg, BROKERS_MAX, &o->brokers))
            return error_set(err, ERROR_INPUT, "--brokers wants 1 to %d, not '%s'", BROKERS_MAX, optarg);
        if (c == 'r')
            o->ready_file = optarg;
        if (c == '?')
            return error_set(err, ERROR_INPUT, "unknown option");
    }
    return optind == argc || error_set(err, ERROR_INPUT, "'%s' is not an option", argv[optind]);
}

static void cluster_done(struct cluster *c)
{
    if (c->mock)
        rd_kafka_mock_cluster_destroy(c->mock);
    if (c->rk)
        rd_kafka_destroy(c->rk);
}

/* In librdkafka 2.0.2 the mock cluster's thread misses about every third wake-up and then sleeps out its
 * second. A connection wakes it as well: a thread makes one every few milliseconds while topics are created.
 */
struct nudge {
    pthread_t thread;
    atomic_bool stop;
    struct sockaddr_in broker;
};

static void *nudge_run(void *arg)
{
    struct nudge *n = arg;
    static const struct timespec pause = {.tv_nsec = NUDGE_MS * 1000000L};
    while (!atomic_load(&n->stop)) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0) {
            (void)connect(fd, (const struct sockaddr *)&n->broker, sizeof n->broker);
            close(fd);
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* The mock cluster listens on 127.0.0.1 only. */
static bool nudge_start(struct nudge *n, const char *bootstrap, struct error *err)
{
    const char *colon = strchr(bootstrap, ':');
    long port = colon ? strtol(colon + 1, NULL, 10) : 0;
    atomic_init(&n->stop, false);
    n->broker = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    n->broker.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return pthread_create(&n->thread, NULL, nudge_run, n) == 0 ||
           error_set(err, ERROR_SYSTEM, "a thread does not start");
}

static void nudge_stop(struct nudge *n)
{
    atomic_store(&n->stop, true);
    pthread_join(n->thread, NULL);
}

static bool create_topics(struct cluster *c, const struct options *o, struct error *err)
{
    for (size_t i = 0; i < o->n_topics; i++) {
        const struct topic *t = &o->topics[i];
        rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(c->mock, t->name, t->partitions, c->brokers);
        if (code)
            return error_set(err, ERROR_INPUT, "creating %s: %s", t->name, rd_kafka_err2str(code));
    }
    return true;
}

static bool cluster_create_topics(struct cluster *c, const struct options *o, struct error *err)
{
    struct nudge nudge;
    if (!nudge_start(&nudge, rd_kafka_mock_cluster_bootstraps(c->mock), err))
        return false;
    bool ok = create_topics(c, o, err);
    nudge_stop(&nudge);
    return ok;
}

static bool cluster_init(struct cluster *c, const struct options *o, struct error *err)
{
    char reason[256];
    *c = (struct cluster){.brokers = o->brokers};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "4", NULL, 0); /* no notice that this client has no servers */
    c->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!c->rk) {
        rd_kafka_conf_destroy(conf);
        return error_set(err, ERROR_SYSTEM, "%s", reason);
    }
    c->mock = rd_kafka_mock_cluster_new(c->rk, o->brokers);
    if (!c->mock)
        return error_set(err, ERROR_SYSTEM, "the mock cluster does not start");
    return cluster_create_topics(c, o, err);
}

/* The file appears complete or not at all: whoever waits for it may read it at once. */
static bool write_ready_file(const char *path, const char *text, struct error *err)
{
    char *draft = xasprintf("%s.%d", path, (int)getpid());
    FILE *f = fopen(draft, "w");
    bool ok = f && fprintf(f, "%s\n", text) > 0;
    ok = f && fclose(f) == 0 && ok;
    ok = ok && rename(draft, path) == 0;
    if (!ok)
        error_set(err, ERROR_SYSTEM, "writing %s: %m", path);
    free(draft);
    return ok;
}

static bool cluster_announce(const struct cluster *c, const struct options *o, struct error *err)
{
    const char *bootstrap = rd_kafka_mock_cluster_bootstraps(c->mock);
    if (o->ready_file && !write_ready_file(o->ready_file, bootstrap, err))
        return false;
    printf("{\"event\":\"ready\",\"bootstrap\":\"%s\"}\n", bootstrap);
    return true;
}

static void cluster_switch(struct cluster *c, bool up)
{
    for (int32_t id = 1; id <= c->brokers; id++) {
        if (up)
            rd_kafka_mock_broker_set_up(c->mock, id);
        else
            rd_kafka_mock_broker_set_down(c->mock, id);
    }
    puts(up ? "{\"event\":\"up\"}" : "{\"event\":\"down\"}");
}

/* The next producers that ask for an id have no right to one, which is the end of them. */
static void cluster_refuse(struct cluster *c)
{
    for (int i = 0; i < REFUSALS; i++)
        rd_kafka_mock_push_request_errors(c->mock, INIT_PRODUCER_ID, 1,
                                          RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
    puts("{\"event\":\"refusing\"}");
}

static void block_signals(sigset_t *ret)
{
    static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    sigemptyset(ret);
    for (size_t i = 0; i < ARRAY_SIZE(handled); i++)
        sigaddset(ret, handled[i]);
    pthread_sigmask(SIG_BLOCK, ret, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void serve_until_told_to_end(struct cluster *c, const sigset_t *signals)
{
    for (int signo; sigwait(signals, &signo) == 0;) {
        if (signo == SIGTERM || signo == SIGINT)
            return;
        if (signo == SIGHUP)
            cluster_refuse(c);
        else
            cluster_switch(c, signo == SIGUSR2);
    }
}

int main(int argc, char **argv)
{
    struct options o;
    struct cluster c = {0};
    struct error err = {0};
    sigset_t signals;
    setvbuf(stdout, NULL, _IOLBF, 0);
    block_signals(&signals);

    bool ok =
        options_read(&o, argc, argv, &err) && cluster_init(&c, &o, &err) && cluster_announce(&c, &o, &err);
    if (ok)
        serve_until_told_to_end(&c, &signals);
    else
        fprintf(stderr, "kafka-embedded: %s\n", err.message);

    cluster_done(&c);
    options_done(&o);
    if (ok)
        return EX_OK;
    return err.kind == ERROR_INPUT ? EX_USAGE : EX_SOFTWARE;
}
