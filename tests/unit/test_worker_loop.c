/* The worker's loop with the real engine, HTTP client, policy and admin listener, and nothing of Kafka:
 * consumer, ledger, membership and notices are fakes whose functions are defined here, so the linker never takes the
 * real ones. */
#include "../../worker/worker.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../worker/consumer.h"
#include "../../worker/ledger.h"
#include "../../worker/membership.h"
#include "../../worker/directories.h"
#include "../../worker/notices.h"
#include "admin.h"
#include "kafka.h"
#include "log.h"
#include "mem.h"
#include "test_lib.h"

enum { TURNS_MAX = 1000 };

static struct fake {
    struct membership_settings settings;
    int fd; /* of consumer and ledger: never readable */
    int turns;
    _Atomic int64_t beat; /* of the ledger */
    enum { TOPICS_THERE, TOPICS_AWAY, TOPICS_WRONG } topics;
    int tries;         /* for the topics */
    int topics_after;  /* with TOPICS_AWAY: there at this try; 0: never */
    int signal_in_try; /* 0: none */
    bool ledger_fails;
    int notices_tries, notices_after; /* the control topic is read at this try; 0: at once */
    bool notices_fail;                /* with the first that comes after the start */
    int notices_fd;
    int directories_tries, directories_after; /* likewise the targets topic */
    int directories_fd;
    bool ledger_hangs; /* a request is never answered */
    bool connected;    /* the first turn joins */
    int fail_in_turn;  /* 0: never */
    int signal_in_turn;
    int signal;
    bool draining, drained;
    bool drain_hangs;
    bool closed;
    enum { POLICY_STAYS, POLICY_BREAKS } at_signal;
} fake;

static char policy_path[] = "/tmp/test_worker_loop.XXXXXX";

static void write_policy(const char *text)
{
    FILE *out = fopen(policy_path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
}

/* ---- fakes --------------------------------------------------------------------------------------------- */

bool kafka_topics_ensure(const struct config *cfg, int timeout_ms, int *ret_partitions,
                         struct kafka_warnings *ret_warnings, struct error *err)
{
    (void)cfg, (void)timeout_ms, (void)ret_warnings;
    *ret_partitions = 3;
    fake.tries++;
    ck_assert_int_lt(fake.tries, TURNS_MAX);
    if (fake.tries == fake.signal_in_try)
        raise(fake.signal);
    if (fake.topics == TOPICS_WRONG)
        return error_set(err, ERROR_INPUT, "not compacted");
    if (fake.topics == TOPICS_AWAY && fake.tries != fake.topics_after)
        return error_set(err, ERROR_TEMPORARY, "no brokers");
    return true;
}

bool kafka_properties_check(const struct config *c, struct error *err)
{
    (void)c, (void)err;
    return true;
}

bool consumer_new(const struct config *cfg, const char *slot, const struct consumer_callbacks *callbacks,
                  struct consumer **ret, struct error *err)
{
    (void)cfg, (void)slot, (void)callbacks, (void)err;
    *ret = (struct consumer *)&fake;
    return true;
}

void consumer_free(struct consumer *c)
{
    (void)c;
}

struct rd_kafka_s *consumer_handle(struct consumer *c)
{
    (void)c;
    return NULL;
}

int consumer_fd(const struct consumer *c)
{
    (void)c;
    return fake.fd;
}

void consumer_ready(struct consumer *c)
{
    (void)c;
}

void consumer_close(struct consumer *c)
{
    (void)c;
    fake.closed = true;
}

bool ledger_new(const struct config *cfg, const char *slot, struct rd_kafka_s *group, struct ledger **ret,
                struct error *err)
{
    (void)cfg, (void)slot, (void)group;
    if (fake.ledger_fails)
        return error_set(err, ERROR_INPUT, "no such property");
    *ret = (struct ledger *)&fake;
    return true;
}

void ledger_free(struct ledger *l)
{
    (void)l;
}

int ledger_fd(const struct ledger *l)
{
    (void)l;
    return fake.fd;
}

int64_t ledger_silent_ms(const struct ledger *l)
{
    (void)l;
    return 0;
}

bool notices_new(const struct config *cfg, struct engine *engine, struct metrics *metrics,
                 struct notices **ret, struct error *err)
{
    (void)cfg, (void)engine, (void)metrics, (void)err;
    *ret = (struct notices *)&fake;
    return true;
}

bool notices_catch_up(struct notices *n, int slice_ms, struct error *err)
{
    (void)n, (void)slice_ms;
    fake.notices_tries++;
    ck_assert_msg(!fake.connected, "the group comes after what people decided");
    if (fake.notices_tries == fake.signal_in_try)
        raise(fake.signal);
    return fake.notices_tries >= fake.notices_after || error_set(err, ERROR_TEMPORARY, "not read yet");
}

int notices_fd(const struct notices *n)
{
    (void)n;
    return fake.notices_fd;
}

bool notices_take(struct notices *n, struct error *err)
{
    (void)n;
    return !fake.notices_fail || error_set(err, ERROR_TEMPORARY, "records were deleted");
}

void notices_free(struct notices *n)
{
    (void)n;
}

bool directories_new(const struct config *cfg, struct engine *engine, struct metrics *metrics,
                     struct directories **ret, struct error *err)
{
    (void)cfg, (void)engine, (void)metrics, (void)err;
    *ret = (struct directories *)&fake;
    return true;
}

bool directories_catch_up(struct directories *d, int slice_ms, struct error *err)
{
    (void)d, (void)slice_ms;
    fake.directories_tries++;
    return fake.directories_tries >= fake.directories_after ||
           error_set(err, ERROR_TEMPORARY, "not read yet");
}

int directories_fd(const struct directories *d)
{
    (void)d;
    return fake.directories_fd;
}

bool directories_take(struct directories *d, struct error *err)
{
    (void)d, (void)err;
    return true;
}

void directories_tell(struct directories *d)
{
    (void)d;
}

void directories_free(struct directories *d)
{
    (void)d;
}

const _Atomic int64_t *ledger_beat(const struct ledger *l)
{
    (void)l;
    return &fake.beat;
}

bool ledger_idle(const struct ledger *l)
{
    (void)l;
    return !fake.ledger_hangs;
}

void ledger_waiting(const struct ledger *l, struct waiting *ret)
{
    (void)l;
    ret->doing = "sending offsets";
    ret->error = "_TIMED_OUT";
    ret->moved_ms = 0;
}

struct membership *membership_new(const struct membership_settings *settings)
{
    fake.settings = *settings;
    return (struct membership *)&fake;
}

void membership_connect(struct membership *m, struct consumer *consumer, struct ledger *ledger)
{
    (void)m, (void)consumer, (void)ledger;
    fake.connected = true;
}

void membership_free(struct membership *m)
{
    (void)m;
}

void membership_assigned(void *ctx, const int32_t *partitions, size_t n,
                         struct rd_kafka_consumer_group_metadata_s *group)
{
    (void)ctx, (void)partitions, (void)n, (void)group;
}

void membership_revoked(void *ctx, bool lost)
{
    (void)ctx, (void)lost;
}

bool membership_message(void *ctx, struct rd_kafka_message_s *message)
{
    (void)ctx, (void)message;
    return true;
}

void membership_failed(void *ctx, const struct error *err)
{
    (void)ctx, (void)err;
}

static void fail_now(void)
{
    struct error err;
    error_set(&err, ERROR_PERMANENT, "foreign records");
    fake.settings.failed(fake.settings.ctx, &err);
}

static void signal_now(void)
{
    if (fake.at_signal == POLICY_BREAKS)
        write_policy("return {");
    raise(fake.signal);
}

void membership_take_results(struct membership *m)
{
    (void)m;
    fake.turns++;
    atomic_fetch_add(&fake.beat, 1);
    ck_assert_int_lt(fake.turns, TURNS_MAX);
    if (fake.turns == fake.fail_in_turn)
        fail_now();
    if (fake.turns == fake.signal_in_turn)
        signal_now();
}

void membership_poll(struct membership *m)
{
    (void)m;
}

void membership_commit(struct membership *m)
{
    (void)m;
    fake.drained = fake.draining && !fake.drain_hangs;
}

int membership_timeout_ms(const struct membership *m)
{
    (void)m;
    if (fake.ledger_hangs)
        return 100;
    return fake.turns < 4 ? 0 : -1; /* then nothing but input */
}

int membership_commit_in_ms(const struct membership *m)
{
    (void)m;
    return 0;
}

void membership_drain(struct membership *m)
{
    (void)m;
    fake.draining = true;
}

bool membership_drained(const struct membership *m)
{
    (void)m;
    return fake.drained;
}

bool membership_aborting(const struct membership *m)
{
    (void)m;
    return false;
}

bool membership_leaving(const struct membership *m)
{
    (void)m;
    return fake.draining;
}

bool membership_ready(const struct membership *m, const char **ret_why)
{
    (void)m;
    *ret_why = NULL;
    return true;
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static struct config cfg;

static void set_up(void)
{
    fake = (struct fake){.fd = eventfd(0, EFD_CLOEXEC),
                         .notices_fd = eventfd(0, EFD_CLOEXEC),
                         .directories_fd = eventfd(0, EFD_CLOEXEC)};
    int fd = mkstemp(policy_path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    write_policy("return {desired = function() end}");
    cfg.worker.policy = policy_path;
    cfg.worker.admin = (char *)"127.0.0.1:0";
    cfg.worker.session_timeout_ms = 10000;
    cfg.worker.heartbeat_ms = 3000;
    cfg.worker.stuck_ms = 60000;
}

static void tear_down(void)
{
    unlink(policy_path);
    close(fake.fd);
    close(fake.notices_fd);
    close(fake.directories_fd);
}

static bool run(struct error *err)
{
    struct worker *w;
    *err = (struct error){0};
    ck_assert_msg(worker_new(&cfg, "slot", &w, err), "%s", err->message);
    bool ok = worker_run(w, err);
    worker_free(w);
    return ok;
}

START_TEST(a_failure_ends_the_loop_though_nothing_else_happens)
{
    struct error err;
    fake.fail_in_turn = 4;
    ck_assert(!run(&err));
    ck_assert_int_eq(err.kind, ERROR_PERMANENT);
    ck_assert_str_eq(err.message, "foreign records");
    ck_assert_int_eq(fake.turns, 4);
    ck_assert(!fake.draining);
}
END_TEST

START_TEST(a_commit_that_does_not_get_on_ends_the_loop)
{
    struct error err;
    fake.ledger_hangs = true;
    cfg.worker.stuck_ms = 1200;
    int64_t begun_ms = clock_mono_ms();
    ck_assert(!run(&err));
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
    ck_assert_str_eq(err.message,
                     "no progress for 1 s while committing, sending offsets: _TIMED_OUT: ended, to "
                     "begin anew");
    ck_assert_int_ge(clock_mono_ms() - begun_ms, 1200);
}
END_TEST

START_TEST(sigterm_drains_and_leaves)
{
    struct error err;
    fake.signal_in_turn = 3;
    fake.signal = SIGTERM;
    ck_assert(run(&err));
    ck_assert(fake.draining);
    ck_assert(fake.closed);
}
END_TEST

START_TEST(a_drain_that_does_not_end_is_given_up)
{
    struct error err;
    fake.signal_in_turn = 3;
    fake.signal = SIGTERM;
    fake.drain_hangs = true;
    ck_assert(!run(&err));
    ck_assert_int_eq(err.kind, ERROR_TEMPORARY);
}
END_TEST

START_TEST(a_broken_policy_at_sighup_changes_nothing)
{
    struct error err;
    fake.signal_in_turn = 2;
    fake.signal = SIGHUP;
    fake.at_signal = POLICY_BREAKS;
    fake.fail_in_turn = 3;
    ck_assert(!run(&err));
    ck_assert_str_eq(err.message, "foreign records");
}
END_TEST

START_TEST(waits_for_brokers_as_long_as_it_takes)
{
    struct error err;
    fake.topics = TOPICS_AWAY;
    fake.topics_after = 3;
    fake.fail_in_turn = 1;
    ck_assert(!run(&err));
    ck_assert_str_eq(err.message, "foreign records");
    ck_assert_int_eq(fake.tries, 3);
    ck_assert(fake.connected);
}
END_TEST

START_TEST(sigterm_while_brokers_are_away_ends_without_a_failure)
{
    struct error err;
    fake.topics = TOPICS_AWAY;
    fake.signal_in_try = 2;
    fake.signal = SIGTERM;
    ck_assert_msg(run(&err), "%s", err.message);
    ck_assert_int_eq(fake.tries, 2);
    ck_assert_int_eq(fake.turns, 0);
    ck_assert(!fake.connected);
}
END_TEST

START_TEST(sighup_while_brokers_are_away_is_no_trouble)
{
    struct error err;
    fake.topics = TOPICS_AWAY;
    fake.topics_after = 3;
    fake.fail_in_turn = 1;
    fake.signal_in_try = 1;
    fake.signal = SIGHUP;
    ck_assert(!run(&err));
    ck_assert_str_eq(err.message, "foreign records");
}
END_TEST

START_TEST(joins_when_it_knows_what_people_decided)
{
    struct error err;
    fake.notices_after = 3;
    fake.fail_in_turn = 1;
    ck_assert(!run(&err));
    ck_assert_str_eq(err.message, "foreign records");
    ck_assert_int_eq(fake.notices_tries, 3);
    ck_assert(fake.connected);
}
END_TEST

START_TEST(joins_when_it_knows_the_teams_of_targets)
{
    struct error err;
    fake.directories_after = 4;
    fake.fail_in_turn = 1;
    ck_assert(!run(&err));
    ck_assert_int_eq(fake.directories_tries, 4);
    ck_assert(fake.connected);
}
END_TEST

START_TEST(sigterm_while_decisions_are_read_ends_without_a_failure)
{
    struct error err;
    fake.notices_after = TURNS_MAX;
    fake.signal_in_try = 2; /* not of the topics: they are there at once */
    fake.signal = SIGTERM;
    ck_assert_msg(run(&err), "%s", err.message);
    ck_assert_int_eq(fake.notices_tries, 2);
    ck_assert(!fake.connected);
}
END_TEST

START_TEST(decisions_that_cannot_be_followed_any_more_end_the_loop)
{
    struct error err;
    fake.notices_fail = true;
    fake.notices_fd = eventfd(1, EFD_CLOEXEC);
    ck_assert(!run(&err));
    ck_assert_str_eq(err.message, "records were deleted");
}
END_TEST

START_TEST(makes_no_client_of_the_group_while_anything_else_can_fail)
{
    struct worker *w;
    struct error err = {0};
    struct admin *other;
    ck_assert(admin_new("127.0.0.1:0", &(struct admin_callbacks){0}, &other, &err));
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%u", (unsigned)admin_port(other));
    cfg.worker.admin = taken;
    ck_assert(!worker_new(&cfg, "slot", &w, &err));
    ck_assert_msg(strstr(err.message, "in use") != NULL, "%s", err.message);
    ck_assert(!fake.connected);
    admin_free(other);
    cfg.worker.admin = (char *)"127.0.0.1:0";
    fake.ledger_fails = true;
    ck_assert(!worker_new(&cfg, "slot", &w, &err));
    ck_assert_str_eq(err.message, "no such property");
}
END_TEST

START_TEST(unknown_classes_of_limits_are_refused_at_start_and_by_the_check)
{
    static struct config_limit limit = {"users.raed", 10, 1000};
    static struct config_target target = {.name = "miro", .kind = TARGET_MIRO, .limits = {&limit, 1}};
    struct worker *w;
    struct error err;
    cfg.targets = (struct config_targets){&target, 1};
    ck_assert(!worker_check(&cfg, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "targets[0].limits[0].class"));
    ck_assert(!worker_new(&cfg, "slot", &w, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_int_eq(fake.tries, 0);
}
END_TEST

START_TEST(does_not_start_with_wrong_topics_or_policy)
{
    struct worker *w;
    struct error err;
    fake.topics = TOPICS_WRONG;
    ck_assert(!worker_new(&cfg, "slot", &w, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_str_eq(err.message, "not compacted");
    write_policy("return 1");
    ck_assert(!worker_new(&cfg, "slot", &w, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_ptr_nonnull(strstr(err.message, "worker.policy"));
    ck_assert(!worker_check(&cfg, &err));
}
END_TEST

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    Suite *suite = suite_create("worker_loop");
    TCase *tc = tcase_create("loop");
    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_failure_ends_the_loop_though_nothing_else_happens);
    tcase_add_test(tc, a_commit_that_does_not_get_on_ends_the_loop);
    tcase_add_test(tc, sigterm_drains_and_leaves);
    tcase_add_test(tc, a_drain_that_does_not_end_is_given_up);
    tcase_add_test(tc, a_broken_policy_at_sighup_changes_nothing);
    tcase_add_test(tc, waits_for_brokers_as_long_as_it_takes);
    tcase_add_test(tc, sigterm_while_brokers_are_away_ends_without_a_failure);
    tcase_add_test(tc, sighup_while_brokers_are_away_is_no_trouble);
    tcase_add_test(tc, joins_when_it_knows_what_people_decided);
    tcase_add_test(tc, joins_when_it_knows_the_teams_of_targets);
    tcase_add_test(tc, sigterm_while_decisions_are_read_ends_without_a_failure);
    tcase_add_test(tc, decisions_that_cannot_be_followed_any_more_end_the_loop);
    tcase_add_test(tc, makes_no_client_of_the_group_while_anything_else_can_fail);
    tcase_add_test(tc, unknown_classes_of_limits_are_refused_at_start_and_by_the_check);
    tcase_add_test(tc, does_not_start_with_wrong_topics_or_policy);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
