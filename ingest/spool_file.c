#include "spool_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "mem.h"

enum {
    APPLICATION_ID = 0x526c5370, /* "RlSp" */
    VERSION = 1,
    PAGE = 4096,
    ROW_OVERHEAD = 64,
    SHRINK_PAGES = 256, /* fewer free ones are not worth a VACUUM */
};

enum statement { BEGIN, COMMIT, ROLLBACK, APPEND, FORGET, REFUSE, READ, STATEMENTS };

static const char *const statement_text[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [APPEND] = "INSERT INTO records(seq, at_ms, refused, topic, key, headers, value) VALUES(?,?,0,?,?,?,?)",
    [FORGET] = "DELETE FROM records WHERE seq <= ? AND refused = 0",
    [REFUSE] = "UPDATE records SET refused = 1 WHERE seq = ?",
    [READ] =
        ("SELECT seq, at_ms, topic, key, headers, value FROM records WHERE seq > ? AND refused = 0 ORDER "
         "BY seq"),
};

struct spool_file {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    int64_t bytes_max;
    int64_t next_seq;
    int64_t rows, bytes;           /* as of the last commit */
    int64_t rows_added, rows_gone; /* in this transaction */
    int64_t bytes_added;
};

/* ---- errors -------------------------------------------------------------------------------------------- */

static enum error_kind kind_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERROR_PERMANENT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return ERROR_INPUT;
    default:
        return ERROR_SYSTEM;
    }
}

static bool failed(struct spool_file *f, struct error *err)
{
    int code = sqlite3_extended_errcode(f->db);
    enum error_kind kind = kind_of(code);
    const char *advice = "";
    if (kind == ERROR_PERMANENT)
        advice = ": the file is damaged. It may hold accepted events: move it away (with -wal), read it with "
                 "`sqlite3 FILE .recover`, and start again";
    else if ((code & 0xff) == SQLITE_BUSY)
        advice = ": another process uses it; each ingest needs a file of its own";
    else if ((code & 0xff) == SQLITE_FULL)
        advice = ": the disk is full";
    return error_set(err, kind, "spool %s: %s (%d)%s", f->path, sqlite3_errmsg(f->db), code, advice);
}

static bool run(struct spool_file *f, const char *sql, struct error *err)
{
    return sqlite3_exec(f->db, sql, NULL, NULL, NULL) == SQLITE_OK || failed(f, err);
}

/* Runs a statement that returns nothing, its parameters bound. */
static bool step(struct spool_file *f, enum statement which, struct error *err)
{
    sqlite3_stmt *s = f->statements[which];
    bool ok = sqlite3_step(s) == SQLITE_DONE || failed(f, err);
    sqlite3_reset(s);
    return ok;
}

/* The one number that sql returns; fallback when there is none. */
static bool number(struct spool_file *f, const char *sql, int64_t *ret, struct error *err)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(f->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;
    if (ok)
        *ret = sqlite3_column_int64(s, 0);
    else
        failed(f, err);
    sqlite3_finalize(s);
    return ok;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

/* The file with rights of our own choosing, and its name safe on disk. */
static bool create(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(err, error_kind_of_file(errno), "spool %s: %s", path, strerror(errno));
    bool ok = fsync(fd) == 0;
    close(fd);
    char *copy = xstrdup(path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = ok && fd >= 0 && fsync(fd) == 0;
    free(copy);
    if (fd >= 0)
        close(fd);
    return ok || error_set(err, ERROR_SYSTEM, "spool %s: %s", path, strerror(errno));
}

static bool check_format(struct spool_file *f, struct error *err)
{
    int64_t application, version, tables;
    if (!number(f, "PRAGMA application_id", &application, err) ||
        !number(f, "PRAGMA user_version", &version, err) ||
        !number(f, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return false;
    if (tables == 0 && application == 0)
        return true;
    if (application != APPLICATION_ID)
        return error_set(err, ERROR_INPUT, "spool %s: a SQLite file of something else", f->path);
    return version <= VERSION ||
           error_set(err, ERROR_INPUT,
                     "spool %s: version %jd, this program knows up to %d: let the newer program "
                     "send what is in it",
                     f->path, (intmax_t)version, VERSION);
}

static bool check_whole(struct spool_file *f, struct error *err)
{
    sqlite3_stmt *s = NULL;
    bool ok = sqlite3_prepare_v2(f->db, "PRAGMA quick_check(1)", -1, &s, NULL) == SQLITE_OK &&
              sqlite3_step(s) == SQLITE_ROW;
    if (!ok) {
        failed(f, err);
    } else if (strcmp((const char *)sqlite3_column_text(s, 0), "ok") != 0) {
        ok = error_set(
            err, ERROR_PERMANENT,
            "spool %s: damaged: it may hold accepted events: move it away (with -wal), read it with "
            "`sqlite3 FILE .recover`, and start again",
            f->path);
    }
    sqlite3_finalize(s);
    return ok;
}

/* Refused ones get another chance: what Kafka would not have may have been a limit of its own, changed since. */
static bool set_up(struct spool_file *f, struct error *err)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "CREATE TABLE IF NOT EXISTS records(seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, "
             "refused INTEGER NOT NULL, topic INTEGER NOT NULL, key BLOB NOT NULL, headers BLOB NOT NULL, "
             "value BLOB NOT NULL);"
             "UPDATE records SET refused = 0 WHERE refused = 1;"
             "PRAGMA application_id = %d; PRAGMA user_version = %d;",
             APPLICATION_ID, VERSION);
    return run(f, "BEGIN IMMEDIATE", err) && run(f, sql, err) && run(f, "COMMIT", err);
}

/* Exclusive before WAL: then there is no shared memory file, and the lock is held as long as the file is open. What is
 * not ours is not touched. */
static bool configure(struct spool_file *f, struct error *err)
{
    return run(f, "PRAGMA page_size = 4096; PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY;",
               err) &&
           check_format(f, err) &&
           run(f,
               "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 16777216;",
               err);
}

static bool count(struct spool_file *f, struct error *err)
{
    int64_t pages, spare;
    if (!number(f, "PRAGMA page_count", &pages, err) || !number(f, "PRAGMA freelist_count", &spare, err))
        return false;
    f->bytes = (pages - spare) * PAGE;
    return true;
}

static bool prepare(struct spool_file *f, struct error *err)
{
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(f->db, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT, &f->statements[i],
                               NULL) != SQLITE_OK)
            return failed(f, err);
    return number(f, "SELECT coalesce(max(seq), 0) + 1 FROM records", &f->next_seq, err) &&
           number(f, "SELECT count(*) FROM records", &f->rows, err) && count(f, err);
}

bool spool_file_open(const char *path, int64_t bytes_max, const char *vfs, struct spool_file **ret,
                     struct error *err)
{
    if (!create(path, err))
        return false;
    struct spool_file *f = xcalloc(1, sizeof *f);
    f->path = xstrdup(path);
    f->bytes_max = bytes_max;
    bool ok = sqlite3_open_v2(path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs) == SQLITE_OK ||
              failed(f, err);
    ok = ok && configure(f, err) && check_whole(f, err) && set_up(f, err) && prepare(f, err);
    if (!ok) {
        spool_file_close(f);
        return false;
    }
    *ret = f;
    return true;
}

void spool_file_close(struct spool_file *f)
{
    if (!f)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(f->statements[i]);
    sqlite3_close(f->db);
    free(f->path);
    free(f);
}

/* ---- changes ------------------------------------------------------------------------------------------- */

bool spool_file_begin(struct spool_file *f, struct error *err)
{
    f->rows_added = f->rows_gone = f->bytes_added = 0;
    return step(f, BEGIN, err);
}

bool spool_file_append(struct spool_file *f, struct spool_row *row, struct error *err)
{
    sqlite3_stmt *s = f->statements[APPEND];
    const struct record *r = &row->record;
    if (!spool_file_has_room(f, r->key.n + r->headers.n + r->value.n))
        return error_set(err, ERROR_TEMPORARY, "the spool is full (ingest.spool.max_bytes)");
    row->seq = f->next_seq;
    sqlite3_bind_int64(s, 1, row->seq);
    sqlite3_bind_int64(s, 2, row->at_ms);
    sqlite3_bind_int(s, 3, (int)row->topic);
    sqlite3_bind_blob64(s, 4, r->key.p, r->key.n, SQLITE_STATIC);
    sqlite3_bind_blob64(s, 5, r->headers.p, r->headers.n, SQLITE_STATIC);
    sqlite3_bind_blob64(s, 6, r->value.p, r->value.n, SQLITE_STATIC);
    bool ok = step(f, APPEND, err);
    sqlite3_clear_bindings(s);
    if (!ok)
        return false;
    f->next_seq++;
    f->rows_added++;
    f->bytes_added += (int64_t)(r->key.n + r->headers.n + r->value.n) + ROW_OVERHEAD;
    return true;
}

bool spool_file_forget(struct spool_file *f, int64_t seq, struct error *err)
{
    sqlite3_bind_int64(f->statements[FORGET], 1, seq);
    if (!step(f, FORGET, err))
        return false;
    f->rows_gone += sqlite3_changes(f->db);
    return true;
}

bool spool_file_refuse(struct spool_file *f, int64_t seq, struct error *err)
{
    sqlite3_bind_int64(f->statements[REFUSE], 1, seq);
    if (!step(f, REFUSE, err))
        return false;
    f->rows_gone += sqlite3_changes(f->db);
    return true;
}

bool spool_file_commit(struct spool_file *f, struct error *err)
{
    struct error ignored;
    if (!step(f, COMMIT, err))
        return false;
    f->rows += f->rows_added - f->rows_gone;
    if (!count(f, &ignored))
        f->bytes += f->bytes_added;
    f->bytes_added = 0;
    return true;
}

void spool_file_rollback(struct spool_file *f)
{
    struct error ignored;
    if (!sqlite3_get_autocommit(f->db)) /* some errors have rolled it back already */
        (void)!step(f, ROLLBACK, &ignored);
    f->next_seq -= f->rows_added;
    f->rows_added = f->rows_gone = f->bytes_added = 0;
}

bool spool_file_probe(struct spool_file *f, struct error *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA user_version = %d", VERSION);
    bool ok = spool_file_begin(f, err) && run(f, sql, err) && spool_file_commit(f, err);
    if (!ok)
        spool_file_rollback(f);
    return ok;
}

bool spool_file_has_room(const struct spool_file *f, size_t bytes)
{
    return f->bytes + f->bytes_added + (int64_t)bytes + ROW_OVERHEAD <= f->bytes_max;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static struct str column(sqlite3_stmt *s, int at)
{
    const char *p = sqlite3_column_blob(s, at);
    return (struct str){p, (size_t)sqlite3_column_bytes(s, at)};
}

static struct spool_row row_of(sqlite3_stmt *s)
{
    return (struct spool_row){
        .seq = sqlite3_column_int64(s, 0),
        .at_ms = sqlite3_column_int64(s, 1),
        .topic = sqlite3_column_int(s, 2) == SPOOL_RAW ? SPOOL_RAW : SPOOL_EVENTS,
        .record = {column(s, 3), column(s, 4), column(s, 5)},
    };
}

bool spool_file_read(struct spool_file *f, int64_t seq, bool (*take)(void *ctx, const struct spool_row *row),
                     void *ctx, struct error *err)
{
    sqlite3_stmt *s = f->statements[READ];
    int rc;
    sqlite3_bind_int64(s, 1, seq);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct spool_row row = row_of(s);
        if (!take(ctx, &row))
            break;
    }
    bool ok = rc == SQLITE_ROW || rc == SQLITE_DONE || failed(f, err);
    sqlite3_reset(s);
    return ok;
}

void spool_file_shrink(struct spool_file *f)
{
    struct error ignored;
    int64_t spare = 0;
    if (f->rows > 0 || !number(f, "PRAGMA freelist_count", &spare, &ignored) || spare < SHRINK_PAGES)
        return;
    if (run(f, "VACUUM", &ignored) && run(f, "PRAGMA wal_checkpoint(TRUNCATE)", &ignored))
        (void)!count(f, &ignored);
}

int64_t spool_file_last(const struct spool_file *f)
{
    return f->next_seq - 1;
}

int64_t spool_file_rows(const struct spool_file *f)
{
    return f->rows;
}

int64_t spool_file_bytes(const struct spool_file *f)
{
    return f->bytes;
}
