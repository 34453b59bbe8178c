#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mem.h"

enum { BATCH = 64 };

struct entry {   /* of one descriptor */
    loop_fn *fn; /* NULL: not in the loop */
    void *ctx;
    uint32_t generation; /* counts removals: an event taken before one is not for its successor */
};

struct loop {
    int epoll_fd;
    int wake_fd;
    struct entry *entries; /* by descriptor */
    size_t n_entries;
};

static void drain_wake(void *ctx, uint32_t events)
{
    (void)events;
    struct loop *l = ctx;
    uint64_t count;
    ssize_t got = read(l->wake_fd, &count, sizeof count);
    (void)got;
}

bool loop_new(struct loop **ret, struct error *err)
{
    struct loop *l = xcalloc(1, sizeof *l);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->epoll_fd < 0 || l->wake_fd < 0) {
        error_set(err, ERROR_SYSTEM, "event loop: %s", strerror(errno));
        loop_free(l);
        return false;
    }
    if (!loop_add(l, l->wake_fd, EPOLLIN, drain_wake, l, err)) {
        loop_free(l);
        return false;
    }
    *ret = l;
    return true;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->epoll_fd >= 0)
        close(l->epoll_fd);
    if (l->wake_fd >= 0)
        close(l->wake_fd);
    free(l->entries);
    free(l);
}

static struct entry *entry_of(struct loop *l, int fd)
{
    assert(fd >= 0);
    size_t need = (size_t)fd + 1;
    if (need > l->n_entries) {
        l->entries = xreallocarray(l->entries, need * 2, sizeof *l->entries);
        memset(l->entries + l->n_entries, 0, (need * 2 - l->n_entries) * sizeof *l->entries);
        l->n_entries = need * 2;
    }
    return &l->entries[fd];
}

bool loop_add(struct loop *l, int fd, uint32_t events, loop_fn *fn, void *ctx, struct error *err)
{
    struct entry *e = entry_of(l, fd);
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)e->generation << 32 | (uint32_t)fd};
    if (epoll_ctl(l->epoll_fd, e->fn ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        return error_set(err, ERROR_SYSTEM, "event loop: descriptor %d: %s", fd, strerror(errno));
    e->fn = fn;
    e->ctx = ctx;
    return true;
}

void loop_remove(struct loop *l, int fd)
{
    struct entry *e = entry_of(l, fd);
    if (!e->fn)
        return;
    epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    e->fn = NULL;
    e->generation++;
}

static size_t dispatch(struct loop *l, const struct epoll_event *event)
{
    size_t fd = event->data.u64 & UINT32_MAX;
    const struct entry e = l->entries[fd];
    if (!e.fn || e.generation != event->data.u64 >> 32)
        return 0;
    e.fn(e.ctx, event->events);
    return 1;
}

size_t loop_wait(struct loop *l, int timeout_ms)
{
    struct epoll_event events[BATCH];
    int n = epoll_wait(l->epoll_fd, events, BATCH, timeout_ms);
    size_t called = 0;
    for (int i = 0; i < n; i++)
        called += dispatch(l, &events[i]);
    return called;
}

void loop_wake(struct loop *l)
{
    const uint64_t one = 1;
    ssize_t written = write(l->wake_fd, &one, sizeof one);
    (void)written; /* full: it is awake anyway */
}
