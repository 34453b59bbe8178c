/* What is known of targets on its way to the engine, and what an operator hears of it: a real engine, and a reader that is
 * a fake. */
#include "../../worker/directories.h"

#include <stdio.h>
#include <unistd.h>

#include "../../worker/worker_metrics.h"
#include "log.h"
#include "test_lib.h"
#include "topic_reader_kit.h"

#define LISTING "{\"kind\":\"listing\",\"target\":\"miro\",\"teams\":1,\"at\":\"2026-11-26T14:00:06Z\"%s}"

enum { WANTS_MAX = 1000 };

static struct config_target target = {.name = (char *)"miro", .tenant = (char *)"acme"};
static struct config cfg = {.targets = {&target, 1}};
static struct engine_target engine_target = {
    .name = "miro", .tenant = "acme", .directory = "hr", .kind = "miro", .group_mode = GROUP_MODE_USER_GROUP};
static struct engine_config engine_config = {.targets = &engine_target, .n_targets = 1, .partitions = 1};
static struct engine *engine;
static struct metrics *metrics;
static struct directories *directories;
static struct error err;
static char said[4096];

static void start(void)
{
    fake = (struct fake){.topic = KAFKA_TARGETS};
    engine = engine_new(&engine_config, &(struct engine_ports){0});
    metrics = worker_metrics_new();
    ck_assert(directories_new(&cfg, engine, metrics, &directories, &err));
    ck_assert(directories_catch_up(directories, 1000, &err));
}

static void stop(void)
{
    directories_free(directories);
    engine_free(engine);
    metrics_free(metrics);
}

/* What the log says of one record more is in said. */
static void take(const char *key, const char *value)
{
    int kept = dup(STDERR_FILENO);
    FILE *out = tmpfile();
    ck_assert(out && dup2(fileno(out), STDERR_FILENO) >= 0);
    fake.n = fake.given = 0;
    fake_record(key, value);
    bool ok = directories_take(directories, &err);
    ck_assert(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    rewind(out);
    said[fread(said, 1, sizeof said - 1, out)] = '\0';
    fclose(out);
    ck_assert_msg(ok, "%s", err.message);
}

static void take_want(int number, bool gone)
{
    char key[64], value[160];
    snprintf(key, sizeof key, "want/miro/G%d", number);
    snprintf(value, sizeof value,
             "{\"kind\":\"want\",\"target\":\"miro\",\"name\":\"G%d\",\"at\":\"2026-11-26T14:00:00Z\"}",
             number);
    take(key, gone ? "" : value);
}

static bool is_full(void)
{
    struct engine_target_figures figures;
    engine_target_figures(engine, 0, &figures);
    return figures.wants_full;
}

START_TEST(that_no_more_groups_can_be_wanted_is_told_once)
{
    start();
    for (int i = 1; i < WANTS_MAX; i++) {
        take_want(i, false);
        ck_assert_str_eq(said, "");
    }
    take_want(WANTS_MAX, false);
    ck_assert_msg(is_full() && strstr(said, "as many groups are to be made") && strstr(said, "target=miro"),
                  "%s", said);
    take_want(WANTS_MAX + 1, false);
    ck_assert_str_eq(said, "");
    take_want(7, true);
    ck_assert_msg(!is_full() && strstr(said, "there is room"), "%s", said);
    take_want(WANTS_MAX + 1, false); /* whoever misses it has asked again */
    ck_assert_msg(is_full() && strstr(said, "as many groups are to be made"), "%s", said);
    stop();
}
END_TEST

START_TEST(that_teams_cannot_be_listed_is_told_once_and_measured)
{
    char failed[160], listed[160];
    snprintf(failed, sizeof failed, LISTING, ",\"failed\":\"403 for zoe@example.com\"");
    snprintf(listed, sizeof listed, LISTING, "");
    start();
    take("listing/miro", failed);
    ck_assert_msg(strstr(said, "cannot be listed") && !strstr(said, "zoe"), "%s", said);
    ck_assert_int_eq(metrics_get(metrics, WM_TEAMS_UNKNOWN, "miro", NULL), 1);
    take("listing/miro", failed);
    ck_assert_str_eq(said, "");
    take("listing/miro", listed);
    ck_assert_msg(strstr(said, "are listed again"), "%s", said);
    ck_assert_int_eq(metrics_get(metrics, WM_TEAMS_UNKNOWN, "miro", NULL), 0);
    stop();
}
END_TEST

START_TEST(what_is_not_understood_is_told_and_passed_over)
{
    start();
    take("listing/miro", "{");
    ck_assert_msg(strstr(said, "not understood and passed over") && strstr(said, "offset=1"), "%s", said);
    stop();
}
END_TEST

RUN_TESTS("worker_directories", that_no_more_groups_can_be_wanted_is_told_once,
          that_teams_cannot_be_listed_is_told_once_and_measured,
          what_is_not_understood_is_told_and_passed_over)
