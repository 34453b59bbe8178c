/* spool_file.h - the spool on disk: records in the order in which they came, fsynced when spool_file_commit
 * returns. Only spool_file.c sees sqlite3.h.
 *
 * One SQLite file in WAL mode with synchronous=FULL, held exclusively; <path>-wal lies beside it. What is not
 * committed is gone after a crash, what is committed is not.
 *
 *     application_id "RlSp", user_version 1
 *     records(seq INTEGER PRIMARY KEY,  order of arrival; no committed one is used twice while the file is open
 *             at_ms INTEGER,            when it was taken in
 *             refused INTEGER,          1: Kafka will not have it; tried again when the file is next opened
 *             topic INTEGER,            0 events, 1 raw
 *             key BLOB, headers BLOB, value BLOB)   as in record.h
 *
 * To change this: a new user_version, and spool_file_open brings older files up to it in one transaction; a file
 * with a newer version is refused, so going back needs an empty spool. Test with a file of every older version.
 *
 * Thread rule: one thread at a time. Errors: TEMPORARY the spool has its maximum, SYSTEM the disk is full or
 * fails (may work later), INPUT path, rights, another process or another format, PERMANENT the file is damaged. */
#ifndef INGEST_SPOOL_FILE_H
#define INGEST_SPOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "record.h"

struct spool_file;

enum spool_topic { SPOOL_EVENTS, SPOOL_RAW };

struct spool_row {
    int64_t seq, at_ms;
    enum spool_topic topic;
    struct record record;
};

/* Opens or creates the file. vfs: of SQLite, NULL: its default (tests have one that fails). */
bool spool_file_open(const char *path, int64_t bytes_max, const char *vfs, struct spool_file **ret,
                     struct error *err) __attribute__((warn_unused_result));
void spool_file_close(struct spool_file *f); /* NULL is fine */

/* One transaction: begin, changes, commit. Whatever fails, call spool_file_rollback; then nothing has changed. */
bool spool_file_begin(struct spool_file *f, struct error *err) __attribute__((warn_unused_result));
/* Numbers the row (row->seq is set). */
bool spool_file_append(struct spool_file *f, struct spool_row *row, struct error *err)
    __attribute__((warn_unused_result));
/* Deletes what is not refused, up to and including seq. */
bool spool_file_forget(struct spool_file *f, int64_t seq, struct error *err)
    __attribute__((warn_unused_result));
bool spool_file_refuse(struct spool_file *f, int64_t seq, struct error *err)
    __attribute__((warn_unused_result));
bool spool_file_commit(struct spool_file *f, struct error *err) __attribute__((warn_unused_result));
void spool_file_rollback(struct spool_file *f);

/* Writes and fsyncs something that changes nothing: does the disk work? */
bool spool_file_probe(struct spool_file *f, struct error *err) __attribute__((warn_unused_result));

/* Would so many bytes of records still fit? */
bool spool_file_has_room(const struct spool_file *f, size_t bytes);

/* Calls take for rows after seq, in order, until it returns false or there are no more. row is borrowed. */
bool spool_file_read(struct spool_file *f, int64_t seq, bool (*take)(void *ctx, const struct spool_row *row),
                     void *ctx, struct error *err) __attribute__((warn_unused_result));

/* Gives the disk back what an empty file does not need any more. */
void spool_file_shrink(struct spool_file *f);

int64_t spool_file_last(const struct spool_file *f);  /* number of the last row that was ever appended */
int64_t spool_file_rows(const struct spool_file *f);  /* as committed, refused ones not counted */
int64_t spool_file_bytes(const struct spool_file *f); /* in use, of bytes_max */

#endif
