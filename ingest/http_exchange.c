#include "http_internal.h"

#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>

#include "http_tls.h"
#include "loop.h"

enum {
    HEAD_MAX = 1024,
    BODIES_SHARE = 8, /* an address holds at most such a part of the room for bodies */
    BODIES_LEAST =
        8, /* but there is always room for so many times the largest body; a share has half of that */
};

/* ---- past MHD ------------------------------------------------------------------------------------------ */

bool connection_has_ended(const struct connection *c)
{
    char byte;
    return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* The same of one that waits for its answer, so that MHD reads nothing from it: over TLS the end is a record, too. */
static bool has_said_all(const struct exchange *x)
{
    unsigned char begin[HTTP_TLS_END_MAX + 1];
    if (!x->http->settings.tls)
        return x->connection->ended && connection_has_ended(x->connection);
    ssize_t n = recv(x->connection->fd, begin, sizeof begin, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n > 0 && http_tls_is_end(begin, (size_t)n));
}

/* Only while MHD itself writes nothing. */
static void say(const struct exchange *x, struct str text)
{
    if (!x->http->settings.tls) {
        (void)!send(x->connection->fd, text.p, text.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info && info->tls_session)
        http_tls_say(info->tls_session, text);
}

void exchange_last_words(const struct exchange *x, const char *status)
{
    char text[128];
    int n =
        snprintf(text, sizeof text, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status);
    say(x, (struct str){text, (size_t)n});
}

static void write_head(const struct exchange *x, struct buf *out)
{
    const struct answer *a = &x->answer;
    buf_addf(out, "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Length: %zu\r\n", a->status,
             MHD_get_reason_phrase_for(a->status), strlen(x->answer_body));
    if (x->answer_body[0])
        buf_addf(out, "Content-Type: %s\r\n", a->type ? a->type : "application/json");
    for (size_t i = 0; i < a->n_headers; i++)
        buf_addf(out, "%s: %s\r\n", a->headers[i].name, a->headers[i].value);
    if (a->retry_after_s > 0)
        buf_addf(out, "Retry-After: %u\r\n", a->retry_after_s);
    buf_adds(out, "\r\n");
}

/* A client that has closed its side while it waited: MHD (0.9.75), resumed, may look for more to read before it sends, find
 * the end and close without a word. So the answer is written here, and MHD finds the connection closed. */
static void answer_half_closed(struct exchange *x)
{
    unsigned char end[HTTP_TLS_END_MAX];
    struct buf text;
    if (!has_said_all(x))
        return;
    buf_init(&text, HEAD_MAX + ANSWER_MAX);
    write_head(x, &text);
    buf_adds(&text, x->answer_body);
    if (buf_ok(&text))
        say(x, buf_str(&text));
    buf_done(&text);
    (void)!recv(x->connection->fd, end, sizeof end, MSG_DONTWAIT); /* unread it would reset the connection */
    shutdown(x->connection->fd, SHUT_RDWR);
}

/* ---- the body ------------------------------------------------------------------------------------------ */

/* Whose body it is, as an index into `held`: the client's slot, or the last for all who have none. */
static int64_t *held_by(const struct exchange *x)
{
    const struct http *h = x->http;
    uint32_t slot = x->client_slot != ADDRESSES_NO_SLOT ? x->client_slot : x->connection->slot;
    return &h->held[slot != ADDRESSES_NO_SLOT ? slot : addresses_slots(h->settings.addresses)];
}

static void count_body(struct exchange *x, int64_t bytes)
{
    x->http->bodies_bytes += bytes;
    *held_by(x) += bytes;
}

void exchange_drop_body(struct exchange *x)
{
    count_body(x, -(int64_t)x->body.size);
    buf_done(&x->body);
    x->message.body = (struct str){0};
}

static void refuse_body(struct exchange *x, enum exchange_body why)
{
    x->state = why;
    exchange_drop_body(x);
}

/* The largest unfinished body of this holder; NULL: of the one that holds most. */
static struct exchange *largest_body(const struct http *h, const int64_t *holder)
{
    struct exchange *largest = NULL;
    for (struct connection *c = h->connections; c; c = c->next) {
        struct exchange *x = c->x;
        if (!x || x->body.size == 0 || (holder && held_by(x) != holder))
            continue;
        int64_t more = largest ? *held_by(x) - *held_by(largest) : 1;
        if (more > 0 || (more == 0 && x->body.size > largest->body.size))
            largest = x;
    }
    return largest;
}

static int64_t at_least(int64_t bytes, int64_t bodies, const struct exchange *x)
{
    int64_t least = bodies * (int64_t)x->body_max;
    return bytes > least ? bytes : least;
}

/* No address takes the room of all: one that holds more than its share loses its largest body, and when there is no room
 * at all, the one that holds most does. Whose body that was is told so (503) if it ever comes to the end. */
static void make_room(struct exchange *x)
{
    struct http *h = x->http;
    int64_t room = at_least(h->settings.bodies_bytes, BODIES_LEAST, x);
    int64_t share = at_least(room / BODIES_SHARE, BODIES_LEAST / 2, x);
    const int64_t *holder = held_by(x), *nobody = &h->held[addresses_slots(h->settings.addresses)];
    while (holder != nobody && *holder > share)
        refuse_body(largest_body(h, holder), BODY_NO_ROOM);
    while (h->bodies_bytes > room)
        refuse_body(largest_body(h, NULL), BODY_NO_ROOM);
}

void exchange_keep_body(struct exchange *x, const char *data, size_t n)
{
    size_t before = x->body.size;
    buf_add(&x->body, data, n);
    if (x->body.size != before) {
        count_body(x, (int64_t)(x->body.size - before));
        make_room(x);
    }
    if (x->state == BODY_COMPLETE && !buf_ok(&x->body))
        refuse_body(x, BODY_TOO_LARGE);
}

/* ---- the answer ---------------------------------------------------------------------------------------- */

static struct MHD_Response *make_response(struct exchange *x)
{
    const struct answer *a = &x->answer;
    char number[16];
    struct MHD_Response *r =
        MHD_create_response_from_buffer(strlen(x->answer_body), x->answer_body, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return NULL;
    if (x->answer_body[0])
        MHD_add_response_header(r, "Content-Type", a->type ? a->type : "application/json");
    if (a->allow[0])
        MHD_add_response_header(r, "Allow", a->allow);
    for (size_t i = 0; i < a->n_headers; i++)
        MHD_add_response_header(r, a->headers[i].name, a->headers[i].value);
    if (a->retry_after_s > 0) {
        snprintf(number, sizeof number, "%u", a->retry_after_s);
        MHD_add_response_header(r, "Retry-After", number);
    }
    if (x->early || !x->http->listening)
        MHD_add_response_header(r, "Connection", "close");
    return r;
}

enum MHD_Result exchange_queue_answer(struct exchange *x)
{
    const struct answer *a = &x->answer;
    bool plain = !x->answer_body[0] && !a->allow[0] && !a->retry_after_s && a->n_headers == 0 && !x->early &&
                 x->http->listening;
    if (plain)
        return MHD_queue_response(x->mhd, a->status, x->http->empty);
    struct MHD_Response *r = make_response(x);
    if (!r)
        return MHD_NO;
    enum MHD_Result queued = MHD_queue_response(x->mhd, a->status, r);
    MHD_destroy_response(r);
    return queued;
}

void exchange_answer(struct exchange *x, const struct answer *answer)
{
    assert(!x->answered);
    x->answer = *answer;
    x->answered = true;
    x->connection->waiting_since = clock_mono_ms();
    if (answer->reason)
        snprintf(x->answer_body, sizeof x->answer_body, "{\"error\":\"%s\"}\n", answer->reason);
    else if (answer->body.n > 0)
        snprintf(x->answer_body, sizeof x->answer_body, "%.*s", (int)answer->body.n, answer->body.p);
    exchange_drop_body(x);
    if (x->suspended) {
        x->suspended = false;
        answer_half_closed(x);
        MHD_resume_connection(x->mhd);
    }
}

/* ---- an exchange --------------------------------------------------------------------------------------- */

const struct message *exchange_message(const struct exchange *x)
{
    return &x->message;
}

enum head_fault exchange_fault(const struct exchange *x)
{
    return x->fault;
}

bool exchange_crowded(const struct exchange *x)
{
    return x->crowded;
}

int64_t exchange_declared(const struct exchange *x)
{
    return x->declared;
}

void exchange_body_max(struct exchange *x, size_t max)
{
    x->body_max = max;
}

enum exchange_body exchange_body(const struct exchange *x)
{
    return x->state;
}

void exchange_set_user(struct exchange *x, void *user)
{
    x->user = user;
}

void *exchange_user(const struct exchange *x)
{
    return x->user;
}
