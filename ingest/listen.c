#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"

enum {
    BACKLOG = 1024,
    SEND_BYTES =
        64 * 1024, /* of answers, which are small: the kernel would keep megabytes for who reads none */
};

/* host → addresses; the caller frees with freeaddrinfo. */
static bool resolve(const char *address, struct addrinfo **ret, struct error *err)
{
    static const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    char *host, service[8];
    uint16_t port;
    if (!config_address_parse(address, &host, &port, err))
        return false;
    snprintf(service, sizeof service, "%u", port);
    int rc = getaddrinfo(host, service, &hints, ret);
    free(host);
    return rc == 0 || error_set(err, ERROR_INPUT, "cannot resolve %s: %s", address, gai_strerror(rc));
}

/* shared: with others of ours on the same address, and listening. */
static int open_one(const struct sockaddr *where, socklen_t size, bool shared)
{
    int on = 1, send_bytes = SEND_BYTES;
    int fd = socket(where->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes) == 0 &&
              (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
              bind(fd, where, size) == 0 && (!shared || listen(fd, BACKLOG) == 0);
    if (ok)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* SO_REUSEPORT would let two programs share a port by mistake; a socket that does not share finds the other.
 */
static bool address_is_free(const struct sockaddr *where, socklen_t size)
{
    int fd = open_one(where, size, false);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static uint16_t port_of(const struct sockaddr_storage *where)
{
    return ntohs(where->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)(const void *)where)->sin6_port
                                              : ((const struct sockaddr_in *)(const void *)where)->sin_port);
}

bool listen_open(const char *address, size_t n, int *fds, uint16_t *ret_port, struct error *err)
{
    struct addrinfo *list;
    struct sockaddr_storage where = {0};
    if (!resolve(address, &list, err))
        return false;
    socklen_t size = list->ai_addrlen;
    memcpy(&where, list->ai_addr, size);
    freeaddrinfo(list);
    if (!address_is_free((const struct sockaddr *)&where, size))
        return error_set(err, ERROR_SYSTEM, "cannot listen on %s: %s", address, strerror(errno));
    for (size_t i = 0; i < n; i++) {
        fds[i] = open_one((const struct sockaddr *)&where, size, true);
        if (fds[i] < 0) {
            error_set(err, ERROR_SYSTEM, "cannot listen on %s: %s", address, strerror(errno));
            while (i-- > 0)
                close(fds[i]);
            return false;
        }
        getsockname(fds[i], (struct sockaddr *)&where,
                    &size); /* the first one's port, were it 0, is everybody's */
    }
    *ret_port = port_of(&where);
    return true;
}
