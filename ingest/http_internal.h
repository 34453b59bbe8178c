/* http_internal.h - what http.c (connections, MHD's callbacks) and http_exchange.c (bodies kept, answers given) share.
 *
 * Thread rule: that of http.h. */
#ifndef INGEST_HTTP_INTERNAL_H
#define INGEST_HTTP_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

#include "http.h"

enum { ANSWER_MAX = 2048 };

/* A client's connection; lives from accept to close. */
struct connection {
    struct connection *prev, *next;
    int fd;
    uint32_t slot;         /* in addresses */
    bool proxied;          /* from a trusted proxy */
    int64_t waiting_since; /* ms, monotonic: for the client; from accept, an answer or an exchange's end on */
    struct exchange *x;    /* under way, or NULL */
    bool served;           /* at least one head was read */
    bool ended;            /* its client has closed its side; there may be something left to read */
    struct str target; /* of the request under way, in MHD's buffer; its bytes hold until the head is read */
    bool target_ok;
    char *certificate; /* subject of the client's certificate, once asked for; NULL: none that counts */
    bool certificate_known;
    char *query; /* of that request, kept: MHD takes it apart in its place; NULL: none */
};

struct http {
    struct http_settings settings;
    struct MHD_Daemon *daemon;
    struct MHD_Response *empty; /* every success without a body shares it */
    struct connection *connections;
    int ends; /* epoll: clients that close their side */
    size_t n_exchanges;
    int64_t bodies_bytes; /* in use */
    int64_t *held;        /* of that by each address, by its slot; the last by all who have none */
    bool slot_pending;    /* a slot was taken at accept and no connection has taken it over yet */
    uint32_t slot;
    bool proxied; /* likewise */
    bool listening;
    struct exchange *spare; /* by next_spare */
    size_t n_spare;
};

struct exchange {
    struct http *http;
    struct exchange *next_spare;
    struct connection *connection;
    struct MHD_Connection *mhd;
    struct buf body;
    size_t body_max;
    size_t received; /* bytes of body, kept or not */
    enum exchange_body state;
    int64_t declared;
    size_t head_bytes;
    enum head_fault fault;
    uint32_t client_slot; /* of a client behind a proxy, or ADDRESSES_NO_SLOT */
    bool crowded;
    struct answer answer;
    bool complete, answered, early, suspended, oversized;
    void *user;
    /* From here on a new exchange is not cleared: the arrays are large, their counts say what holds. */
    struct message message;
    char answer_body[ANSWER_MAX];
};

/* Has the client ended its side with nothing left to read? MHD (0.9.75) misses an end that comes together
 * with data: its epoll is edge-triggered, and a short read makes it wait for an edge that has already been.
 */
bool connection_has_ended(const struct connection *c);
/* What cannot go through MHD because it waits for the end of the body. Best effort: the client may not
 * listen. */
void exchange_last_words(const struct exchange *x, const char *status);

/* Adds a piece, or gives the body (or another one) up for want of room: see its state. */
void exchange_keep_body(struct exchange *x, const char *data, size_t n);
void exchange_drop_body(struct exchange *x);
/* Gives the answer to MHD. */
enum MHD_Result exchange_queue_answer(struct exchange *x);

#endif
