/* faulty_vfs.h - a disk that fails on demand: a VFS of SQLite's ("faulty") that counts what is asked of it and refuses from a
 * given moment on, as `disk` says. That may be changed while another thread uses the disk. */
#ifndef ROLLCALL_TEST_FAULTY_VFS_H
#define ROLLCALL_TEST_FAULTY_VFS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include <sqlite3.h>

#include "mem.h"

enum { NEVER = 1 << 30 };

static struct {
    _Atomic int left;   /* operations that still work */
    _Atomic int count;  /* failing ones in a row, then all works again; NEVER: for ever */
    _Atomic int code;   /* SQLITE_FULL, SQLITE_IOERR_FSYNC … */
    _Atomic int failed; /* so many were refused */
} disk = {.left = NEVER};

struct faulty {
    sqlite3_file base;
    sqlite3_file *real;
};

static sqlite3_io_methods methods;
static sqlite3_vfs vfs;

static bool refuses(void)
{
    if (disk.left > 0) {
        disk.left -= disk.left < NEVER;
        return false;
    }
    if (disk.count == 0)
        return false;
    disk.count -= disk.count < NEVER;
    disk.failed++;
    return true;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct faulty *)(void *)file)->real;
}

static int on_close(sqlite3_file *f)
{
    int rc = real(f)->pMethods->xClose(real(f));
    free(real(f));
    return rc;
}

static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real(f)->pMethods->xRead(real(f), p, n, at);
}

/* A disk that fills up takes a part of what it is given. */
static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (!refuses())
        return real(f)->pMethods->xWrite(real(f), p, n, at);
    if (n > 512)
        real(f)->pMethods->xWrite(real(f), p, 512, at);
    return disk.code == SQLITE_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return refuses() ? SQLITE_IOERR_TRUNCATE : real(f)->pMethods->xTruncate(real(f), size);
}

static int on_sync(sqlite3_file *f, int flags)
{
    return refuses() ? SQLITE_IOERR_FSYNC : real(f)->pMethods->xSync(real(f), flags);
}

static int on_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real(f)->pMethods->xFileSize(real(f), size);
}

static int on_lock(sqlite3_file *f, int lock)
{
    return real(f)->pMethods->xLock(real(f), lock);
}

static int on_unlock(sqlite3_file *f, int lock)
{
    return real(f)->pMethods->xUnlock(real(f), lock);
}

static int on_reserved(sqlite3_file *f, int *ret)
{
    return real(f)->pMethods->xCheckReservedLock(real(f), ret);
}

static int on_control(sqlite3_file *f, int op, void *arg)
{
    return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int on_sector(sqlite3_file *f)
{
    return real(f)->pMethods->xSectorSize(real(f));
}

static int on_device(sqlite3_file *f)
{
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int on_open(sqlite3_vfs *v, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct faulty *f = (struct faulty *)(void *)file;
    sqlite3_vfs *below = v->pAppData;
    f->real = xcalloc(1, (size_t)below->szOsFile);
    int rc = below->xOpen(below, name, f->real, flags, ret_flags);
    f->base.pMethods = rc == SQLITE_OK ? &methods : NULL;
    if (rc != SQLITE_OK)
        free(f->real);
    return rc;
}

/* everybody: it becomes SQLite's default, so that who names no VFS gets it. */
static inline void faulty_vfs_install(bool everybody)
{
    sqlite3_vfs *below = sqlite3_vfs_find(NULL);
    /* Version 1: no shared memory, as the spool uses none. */
    methods = (sqlite3_io_methods){.iVersion = 1,
                                   .xClose = on_close,
                                   .xRead = on_read,
                                   .xWrite = on_write,
                                   .xTruncate = on_truncate,
                                   .xSync = on_sync,
                                   .xFileSize = on_size,
                                   .xLock = on_lock,
                                   .xUnlock = on_unlock,
                                   .xCheckReservedLock = on_reserved,
                                   .xFileControl = on_control,
                                   .xSectorSize = on_sector,
                                   .xDeviceCharacteristics = on_device};
    vfs = *below;
    vfs.zName = "faulty";
    vfs.szOsFile = sizeof(struct faulty);
    vfs.pAppData = below;
    vfs.xOpen = on_open;
    sqlite3_vfs_register(&vfs, everybody);
}

#endif
