/* The spool's file under a disk that fails (faulty_vfs.h). */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../ingest/spool_file.h"
#include "faulty_vfs.h"
#include "mem.h"
#include "test_lib.h"

enum { MAX = 16 * 1024 * 1024 };

/* ---- files and rows ---- */

static char dir[64], path[96];

static void set_up(void)
{
    snprintf(dir, sizeof dir, "/tmp/rollcall-spool-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/spool", dir);
    disk.left = NEVER;
    disk.failed = 0;
    faulty_vfs_install(false);
}

static void tear_down(void)
{
    char other[128];
    const char *const ends[] = {"", "-wal", "-journal", "-shm"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(other, sizeof other, "%s%s", path, ends[i]);
        unlink(other);
    }
    rmdir(dir);
}

static struct spool_file *open_file(int64_t max)
{
    struct spool_file *f = NULL;
    struct error err = {0};
    bool ok = spool_file_open(path, max, "faulty", &f, &err);
    ck_assert_msg(ok, "%s", err.message);
    return f;
}

static void opening_fails(enum error_kind kind, const char *word)
{
    struct spool_file *f = NULL;
    struct error err = {0};
    ck_assert(!spool_file_open(path, MAX, "faulty", &f, &err));
    ck_assert_msg(err.kind == kind && strstr(err.message, word), "%s: %s", error_kind_name(err.kind),
                  err.message);
}

static bool append(struct spool_file *f, int number, size_t value_size, struct error *err)
{
    char key[16];
    static char value[64 * 1024];
    memset(value, 'v', sizeof value);
    snprintf(key, sizeof key, "%d", number);
    struct spool_row row = {.at_ms = number, .record = {str_of(key), {"ce_id\0x\0", 8}, {value, value_size}}};
    return spool_file_append(f, &row, err);
}

/* n rows from first on, in one commit. */
static bool add_sized(struct spool_file *f, int first, int n, size_t size, struct error *err)
{
    bool ok = spool_file_begin(f, err);
    for (int i = 0; ok && i < n; i++)
        ok = append(f, first + i, size, err);
    ok = ok && spool_file_commit(f, err);
    if (!ok)
        spool_file_rollback(f);
    return ok;
}

static bool add(struct spool_file *f, int first, int n)
{
    struct error err;
    return add_sized(f, first, n, 3000, &err);
}

struct seen {
    int numbers[4096];
    int64_t seqs[4096];
    size_t n, max;
};

static bool see(void *ctx, const struct spool_row *row)
{
    struct seen *seen = ctx;
    char key[16] = {0};
    memcpy(key, row->record.key.p, row->record.key.n);
    ck_assert_uint_eq(row->record.headers.n, 8);
    seen->numbers[seen->n] = (int)strtol(key, NULL, 10);
    ck_assert_int_eq(row->at_ms, seen->numbers[seen->n]);
    seen->seqs[seen->n++] = row->seq;
    return seen->n < seen->max;
}

static struct seen *read_all(struct spool_file *f)
{
    static struct seen seen;
    struct error err;
    seen = (struct seen){.max = 4096};
    ck_assert(spool_file_read(f, 0, see, &seen, &err));
    return &seen;
}

static void holds(struct spool_file *f, int first, int n)
{
    struct seen *seen = read_all(f);
    ck_assert_int_eq((int)seen->n, n);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(seen->numbers[i], first + i);
    ck_assert_int_eq(spool_file_rows(f), n);
}

static bool forget(struct spool_file *f, int64_t seq)
{
    struct error err;
    bool ok = spool_file_begin(f, &err) && spool_file_forget(f, seq, &err) && spool_file_commit(f, &err);
    if (!ok)
        spool_file_rollback(f);
    return ok;
}

/* ---- tests ---- */

START_TEST(keeps_order_and_forgets_from_the_front)
{
    set_up();
    struct spool_file *f = open_file(MAX);
    struct stat st;
    ck_assert(add(f, 0, 10) && add(f, 10, 10));
    holds(f, 0, 20);
    ck_assert(forget(f, read_all(f)->seqs[4]));
    holds(f, 5, 15);
    spool_file_close(f);
    f = open_file(MAX);
    holds(f, 5, 15);
    ck_assert(forget(f, spool_file_last(f)));
    ck_assert(add(f, 20, 1));
    holds(f, 20, 1);
    spool_file_close(f);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    tear_down();
}
END_TEST

START_TEST(what_is_not_committed_is_not_there)
{
    set_up();
    struct spool_file *f = open_file(MAX);
    struct error err;
    ck_assert(add(f, 0, 3));
    ck_assert(spool_file_begin(f, &err) && append(f, 3, 100, &err));
    spool_file_rollback(f);
    holds(f, 0, 3);
    ck_assert(add(f, 3, 2));
    holds(f, 0, 5);
    spool_file_close(f);
    tear_down();
}
END_TEST

START_TEST(survives_a_kill_with_what_was_committed)
{
    set_up();
    int pipe_fd[2];
    char byte;
    ck_assert_int_eq(pipe(pipe_fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct error err;
        struct spool_file *f = open_file(MAX);
        bool ok =
            add(f, 0, 100) && add(f, 100, 100) && spool_file_begin(f, &err) && append(f, 200, 60000, &err);
        (void)!write(pipe_fd[1], ok ? "+" : "-", 1);
        pause();
        _exit(1);
    }
    ck_assert_int_eq(read(pipe_fd[0], &byte, 1), 1);
    ck_assert_int_eq(byte, '+');
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    struct spool_file *f = open_file(MAX);
    holds(f, 0, 200);
    spool_file_close(f);
    close(pipe_fd[0]);
    close(pipe_fd[1]);
    tear_down();
}
END_TEST

START_TEST(takes_no_more_than_its_maximum_and_more_after_forgetting)
{
    set_up();
    struct spool_file *f = open_file(1 << 20);
    struct error err = {0};
    struct stat st;
    int n = 0;
    while (add_sized(f, n, 10, 3000, &err))
        n += 10;
    ck_assert_msg(err.kind == ERROR_TEMPORARY && strstr(err.message, "full"), "%s", err.message);
    ck_assert_int_gt(n, 200);
    holds(f, 0, n);
    ck_assert(!spool_file_has_room(f, 100 * 1024));
    ck_assert(forget(f, read_all(f)->seqs[99]));
    ck_assert(spool_file_has_room(f, 100 * 1024));
    ck_assert(add(f, n, 10));
    holds(f, 100, n - 90);
    ck_assert_int_le(spool_file_bytes(f), 1 << 20);
    spool_file_close(f);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_le(st.st_size, (1 << 20) + (64 << 10));
    tear_down();
}
END_TEST

START_TEST(gives_the_disk_back_when_it_is_empty)
{
    set_up();
    struct spool_file *f = open_file(MAX);
    struct stat full, empty;
    for (int i = 0; i < 20; i++)
        ck_assert(add(f, i * 50, 50));
    spool_file_close(f);
    stat(path, &full);
    f = open_file(MAX);
    spool_file_shrink(f); /* does nothing yet */
    holds(f, 0, 1000);
    ck_assert(forget(f, spool_file_last(f)));
    spool_file_shrink(f);
    stat(path, &empty);
    ck_assert_int_lt(empty.st_size, full.st_size / 10);
    ck_assert(add(f, 7, 1));
    holds(f, 7, 1);
    spool_file_close(f);
    tear_down();
}
END_TEST

START_TEST(leaves_refused_ones_aside_until_the_next_start)
{
    set_up();
    struct spool_file *f = open_file(MAX);
    struct error err;
    ck_assert(add(f, 0, 3));
    struct seen seen = *read_all(f);
    ck_assert(spool_file_begin(f, &err) && spool_file_refuse(f, seen.seqs[1], &err) &&
              spool_file_commit(f, &err));
    ck_assert_int_eq((int)read_all(f)->n, 2);
    ck_assert(forget(f, seen.seqs[2]));
    ck_assert_int_eq((int)read_all(f)->n, 0);
    ck_assert_int_eq(spool_file_rows(f), 0);
    spool_file_close(f);
    f = open_file(MAX);
    holds(f, 1, 1);
    spool_file_close(f);
    tear_down();
}
END_TEST

START_TEST(a_full_disk_costs_nothing_that_was_committed)
{
    set_up();
    struct spool_file *f = open_file(MAX);
    struct error err = {0};
    ck_assert(add(f, 0, 50));
    disk.code = SQLITE_FULL;
    disk.left = 3;
    disk.count = NEVER;
    ck_assert(!add_sized(f, 50, 50, 3000, &err));
    ck_assert_msg(err.kind == ERROR_SYSTEM && strstr(err.message, "disk is full"), "%s", err.message);
    ck_assert(!spool_file_probe(f, &err));
    holds(f, 0, 50);
    disk.left = NEVER;
    ck_assert(spool_file_probe(f, &err));
    ck_assert(add(f, 50, 50));
    holds(f, 0, 100);
    spool_file_close(f);
    f = open_file(MAX);
    holds(f, 0, 100);
    spool_file_close(f);
    tear_down();
}
END_TEST

/* Ten groups of five while rows are forgotten; the first `left` operations of the disk work, then `count` fail. What
 * was said to be committed must be there afterwards, in order; of what was said to have failed, nothing or all of a
 * group may be there (it may have reached the disk after all: such an event comes once more, with the same id). */
static int tell_a_story(int left, int count, int code)
{
    enum { GROUPS = 10, EACH = 5 };
    bool committed[GROUPS];
    struct spool_file *f = open_file(MAX);
    disk.code = code;
    disk.count = count;
    disk.left = left;
    disk.failed = 0;
    int64_t forgotten = -1; /* the last number whose deletion was confirmed */
    for (int g = 0; g < GROUPS; g++) {
        committed[g] = add(f, g * EACH, EACH);
        struct seen *seen = g == 5 ? read_all(f) : NULL;
        if (seen && seen->n > 7 && forget(f, seen->seqs[6]))
            forgotten = seen->numbers[6];
    }
    disk.left = NEVER;
    int refused = disk.failed;
    spool_file_close(f);
    f = open_file(MAX);
    struct seen *seen = read_all(f);
    for (size_t i = 1; i < seen->n; i++)
        ck_assert_msg(seen->numbers[i - 1] < seen->numbers[i], "after %d: order", left);
    for (int number = 0; number < GROUPS * EACH; number++) {
        bool there = false;
        for (size_t i = 0; i < seen->n; i++)
            there = there || seen->numbers[i] == number;
        if (committed[number / EACH] && number > forgotten)
            ck_assert_msg(there, "%d operations, then %d fail with %d: %d is lost", left, count, code,
                          number);
    }
    ck_assert(add(f, 1000, 1));
    spool_file_close(f);
    unlink(path);
    return refused;
}

START_TEST(loses_nothing_whichever_operation_of_the_disk_fails)
{
    set_up();
    static const int codes[] = {SQLITE_FULL, SQLITE_IOERR};
    static const int counts[] = {1, 3, NEVER};
    for (size_t c = 0; c < 2; c++)
        for (size_t n = 0; n < 3; n++) {
            int left = 0;
            while (tell_a_story(left, counts[n], codes[c]) > 0)
                left += left < 60 ? 1 : 7;
            ck_assert_msg(left > 60, "only %d operations", left);
        }
    tear_down();
}
END_TEST

static void overwrite(long at, const char *bytes, size_t n)
{
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    fseek(file, at, SEEK_SET);
    fwrite(bytes, 1, n, file);
    fclose(file);
}

START_TEST(a_damaged_file_is_told_and_left_alone)
{
    set_up();
    static char junk[8192];
    struct stat before, after;
    struct spool_file *f = open_file(MAX);
    ck_assert(add(f, 0, 50));
    spool_file_close(f);
    memset(junk, 0x5a, sizeof junk);
    overwrite(4096, junk, sizeof junk);
    stat(path, &before);
    opening_fails(ERROR_PERMANENT, "move it away");
    stat(path, &after);
    ck_assert_int_eq(before.st_size, after.st_size);
    overwrite(0, junk, sizeof junk);
    opening_fails(ERROR_PERMANENT, "move it away");
    tear_down();
}
END_TEST

START_TEST(a_file_of_a_newer_version_or_of_another_program_is_refused)
{
    set_up();
    sqlite3 *db;
    spool_file_close(open_file(MAX));
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    opening_fails(ERROR_INPUT, "version 99");
    unlink(path);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    opening_fails(ERROR_INPUT, "something else");
    tear_down();
}
END_TEST

START_TEST(a_place_that_cannot_be_is_a_mistake_of_the_configuration)
{
    set_up();
    struct spool_file *f = NULL;
    struct error err = {0};
    ck_assert(!spool_file_open("/nonexistent/spool", MAX, NULL, &f, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    tear_down();
}
END_TEST

START_TEST(two_processes_cannot_share_a_file)
{
    set_up();
    int status = 0;
    struct spool_file *f = open_file(MAX);
    ck_assert(add(f, 0, 1));
    pid_t pid = fork(); /* a process of its own: locks are per process */
    if (pid == 0) {
        struct spool_file *second = NULL;
        struct error err = {0};
        bool ok = spool_file_open(path, MAX, NULL, &second, &err);
        _exit(!ok && err.kind == ERROR_INPUT && strstr(err.message, "another process") ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    ck_assert_int_eq(status, 0);
    spool_file_close(f);
    tear_down();
}
END_TEST

RUN_TESTS("ingest_spool_file", keeps_order_and_forgets_from_the_front, what_is_not_committed_is_not_there,
          survives_a_kill_with_what_was_committed, takes_no_more_than_its_maximum_and_more_after_forgetting,
          gives_the_disk_back_when_it_is_empty, leaves_refused_ones_aside_until_the_next_start,
          a_full_disk_costs_nothing_that_was_committed, loses_nothing_whichever_operation_of_the_disk_fails,
          a_damaged_file_is_told_and_left_alone, a_file_of_a_newer_version_or_of_another_program_is_refused,
          a_place_that_cannot_be_is_a_mistake_of_the_configuration, two_processes_cannot_share_a_file)
