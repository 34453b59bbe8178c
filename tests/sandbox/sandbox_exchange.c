#include "sandbox_exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "mem.h"
#include "sandbox_parts.h"

enum {
    SCIM_BODY_MAX = 1 << 20, /* more than Miro takes, so that the core can say 413 */
    CONTROL_BODY_MAX = 64 << 20,
};

enum ending { READING, ANSWER, CLOSE };

struct exchange {
    struct sandbox *sb;
    struct MHD_Connection *conn; /* NULL: gone */
    char *method, *target, *authorization, *content_type, *accept, *if_match, *if_none_match;
    struct buf body;
    enum ending ending;
    struct miro_reply reply;
    uint64_t seq;         /* in the journal; 0: not a SCIM request */
    struct timer answer;  /* resumes the connection */
    struct timer apply;   /* applies the request late */
    int watched_fd;       /* to see the client go; -1: none */
    bool suspended, late; /* member of the list of that name */
    struct exchange *next_waiting, *prev_waiting, *next_late, *prev_late;
    unsigned refs;
};

/* ---- life ---------------------------------------------------------------------------------------------- */

static void release(struct exchange *x)
{
    if (--x->refs > 0)
        return;
    free(x->method);
    free(x->target);
    free(x->authorization);
    free(x->content_type);
    free(x->accept);
    free(x->if_match);
    free(x->if_none_match);
    buf_done(&x->body);
    miro_reply_done(&x->reply);
    free(x);
}

void *exchange_begin(void *ctx, const char *uri, struct MHD_Connection *conn)
{
    struct exchange *x = xcalloc(1, sizeof *x);
    x->sb = ctx;
    x->conn = conn;
    x->target = xstrdup(uri);
    x->watched_fd = -1;
    x->refs = 1;
    buf_init(&x->body, control_is(uri) ? CONTROL_BODY_MAX : SCIM_BODY_MAX);
    return x;
}

void exchange_end(void *ctx, struct MHD_Connection *conn, void **con_cls, enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *con_cls;
    (void)ctx;
    (void)conn;
    (void)why;
    *con_cls = NULL;
    if (!x)
        return;
    x->conn = NULL;
    release(x);
}

/* ---- suspended connections ----------------------------------------------------------------------------- */

static void resume(struct exchange *x)
{
    struct sandbox *sb = x->sb;
    if (!x->suspended)
        return;
    x->suspended = false;
    *(x->prev_waiting ? &x->prev_waiting->next_waiting : &sb->waiting) = x->next_waiting;
    if (x->next_waiting)
        x->next_waiting->prev_waiting = x->prev_waiting;
    timer_clear(&sb->timers, &x->answer);
    if (x->watched_fd >= 0)
        loop_remove(sb->loop, x->watched_fd);
    x->watched_fd = -1;
    MHD_resume_connection(x->conn);
}

static void suspend(struct exchange *x)
{
    struct sandbox *sb = x->sb;
    x->suspended = true;
    x->prev_waiting = NULL;
    x->next_waiting = sb->waiting;
    if (sb->waiting)
        sb->waiting->prev_waiting = x;
    sb->waiting = x;
    MHD_suspend_connection(x->conn);
}

static void on_answer_due(void *ctx)
{
    resume(ctx);
}

static void on_client_gone(void *ctx, uint32_t events)
{
    struct exchange *x = ctx;
    (void)events;
    x->ending = CLOSE;
    resume(x);
}

/* A client that gives up is noticed: suspended connections are not watched by libmicrohttpd. */
static void watch(struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct error err;
    if (info && loop_add(x->sb->loop, info->connect_fd, EPOLLRDHUP, on_client_gone, x, &err))
        x->watched_fd = info->connect_fd;
}

void exchanges_let_go(struct sandbox *sb)
{
    while (sb->waiting) {
        sb->waiting->ending = CLOSE;
        resume(sb->waiting);
    }
}

/* ---- serving ------------------------------------------------------------------------------------------- */

static struct miro_request request_of(const struct exchange *x)
{
    return (struct miro_request){.method = x->method,
                                 .target = x->target,
                                 .authorization = x->authorization,
                                 .content_type = x->content_type,
                                 .accept = x->accept,
                                 .if_match = x->if_match,
                                 .if_none_match = x->if_none_match,
                                 .body = x->body.p,
                                 .body_n = x->body.n,
                                 .seq = x->seq};
}

static const char *name_in_path(const struct miro *m, const char *target)
{
    const char *at = strstr(target, "/Users/");
    char id[MIRO_ID_SIZE];
    size_t n = at ? strcspn(at + 7, "/?") : 0;
    if (n == 0 || n >= sizeof id)
        return NULL;
    memcpy(id, at + 7, n);
    id[n] = '\0';
    const struct miro_user *u = miro_user_by_id(m, id);
    return u ? u->userName : NULL;
}

static void note_reply(struct sandbox *sb, const struct exchange *x, const struct miro_reply *r,
                       int64_t now_ms)
{
    struct journal_entry *e = journal_find(&sb->journal, x->seq);
    if (!e)
        return;
    memcpy(e->id, r->user_id, sizeof e->id);
    memcpy(e->name, r->user_name, sizeof e->name);
    if (r->applied)
        e->applied_ms = now_ms;
}

/* Applies the request now; the reply keeps what its arrival has said about limits. */
static void apply(struct exchange *x, const struct miro_request *rq)
{
    struct miro_reply arrived = x->reply;
    int64_t now_ms = sandbox_now_ms(x->sb);
    miro_reply_done(&x->reply);
    miro_apply(x->sb->miro, rq, now_ms, &x->reply);
    x->reply.has_rate = arrived.has_rate;
    x->reply.rate_limit = arrived.rate_limit;
    x->reply.rate_remaining = arrived.rate_remaining;
    x->reply.rate_reset_s = arrived.rate_reset_s;
    x->reply.rest_level = arrived.rest_level;
    note_reply(x->sb, x, &x->reply, now_ms);
}

static void leave_late(struct exchange *x)
{
    x->late = false;
    *(x->prev_late ? &x->prev_late->next_late : &x->sb->late) = x->next_late;
    if (x->next_late)
        x->next_late->prev_late = x->prev_late;
    release(x);
}

static void on_apply_due(void *ctx)
{
    struct exchange *x = ctx;
    struct miro_request rq = request_of(x);
    bool answered = x->suspended && x->ending == ANSWER;
    apply(x, &rq);
    struct journal_entry *e = journal_find(&x->sb->journal, x->seq);
    if (e)
        e->late = x->reply.applied && !answered;
    if (answered)
        resume(x);
    leave_late(x);
}

static void apply_later(struct exchange *x, int64_t delay_ms)
{
    struct sandbox *sb = x->sb;
    x->refs++;
    x->late = true;
    x->next_late = sb->late;
    if (sb->late)
        sb->late->prev_late = x;
    sb->late = x;
    x->apply = (struct timer){.fn = on_apply_due, .ctx = x};
    timer_set(&sb->timers, &x->apply, sandbox_now_ms(sb) + delay_ms);
}

void exchanges_forget_late(struct sandbox *sb)
{
    while (sb->late) {
        timer_clear(&sb->timers, &sb->late->apply);
        leave_late(sb->late);
    }
}

static int64_t latency(struct sandbox *sb)
{
    const struct settings *s = sb->settings;
    if (s->latency_jitter_ms == 0)
        return s->latency_ms;
    sb->jitter = sb->jitter * 6364136223846793005u + 1442695040888963407u;
    return s->latency_ms + (int64_t)((sb->jitter >> 33) % (uint64_t)(s->latency_jitter_ms + 1));
}

static void answer_after(struct exchange *x, int64_t delay_ms)
{
    x->ending = ANSWER;
    if (delay_ms <= 0)
        return;
    x->answer = (struct timer){.fn = on_answer_due, .ctx = x};
    timer_set(&x->sb->timers, &x->answer, sandbox_now_ms(x->sb) + delay_ms);
    suspend(x);
}

static void hang(struct exchange *x)
{
    suspend(x);
    watch(x);
}

/* Half of the members now, everything when the delay is over; a client that waits gets its answer then. */
static void serve_slowly(struct exchange *x, const struct miro_request *rq, int64_t delay_ms)
{
    struct miro_request half = *rq;
    half.fault = MIRO_FAULT_PARTIAL;
    apply(x, &half);
    hang(x);
    x->ending = ANSWER;
    apply_later(x, delay_ms);
}

/* What the wire does with a request that has been let in. */
static void serve_admitted(struct exchange *x, const struct miro_request *rq, const struct fault_rule *rule)
{
    static const struct fault_rule none = {.wire = WIRE_ANSWER};
    const struct fault_rule *r = rule ? rule : &none;
    if (r->wire == WIRE_ANSWER || r->wire == WIRE_SLOW || r->wire == WIRE_DROP_AFTER_COMMIT)
        apply(x, rq);
    if (r->wire == WIRE_APPLY_LATE)
        apply_later(x, r->delay_ms);
    if (r->wire == WIRE_SLOW_PARTIAL)
        serve_slowly(x, rq, r->delay_ms);
    else if (r->wire == WIRE_ANSWER)
        answer_after(x, latency(x->sb));
    else if (r->wire == WIRE_SLOW)
        answer_after(x, r->delay_ms);
    else if (r->wire == WIRE_TIMEOUT || r->hold)
        hang(x);
    else
        x->ending = CLOSE;
}

static bool slow_group_patch(const struct settings *s, const struct miro_request *rq)
{
    return s->slow_group_patch_members > 0 && strcmp(rq->method, "PATCH") == 0 &&
           strstr(rq->target, "/Groups/") &&
           miro_patch_members((struct str){rq->body, rq->body_n}) > s->slow_group_patch_members;
}

static const char *class_of(const struct miro_reply *r)
{
    static const char *const rest[] = {NULL, "REST level 1", "REST level 2", "REST level 3", "REST level 4"};
    return r->counted ? miro_class_name(r->class) : rest[r->rest_level];
}

static void serve_scim(struct exchange *x)
{
    struct sandbox *sb = x->sb;
    struct miro_request rq = request_of(x);
    int64_t now_ms = sandbox_now_ms(sb);
    struct journal_entry *e = journal_add(&sb->journal, &rq, now_ms);
    const struct fault_rule *rule = faults_pick(&sb->faults, &rq, name_in_path(sb->miro, x->target));
    struct fault_rule slow = {.wire = WIRE_SLOW_PARTIAL, .delay_ms = sb->settings->slow_group_patch_ms};
    if (!rule && slow_group_patch(sb->settings, &rq))
        rule = &slow;
    rq.seq = x->seq = e->seq;
    rq.fault = rule ? rule->core : MIRO_FAULT_NONE;
    e->fault = "none";
    if (rule)
        e->fault = rule->core ? miro_fault_name(rule->core) : fault_wire_name(rule->wire);
    bool admitted = miro_arrive(sb->miro, &rq, now_ms, &x->reply);
    e->class = class_of(&x->reply);
    e->over = x->reply.status == 429 && rq.fault == MIRO_FAULT_NONE;
    if (admitted)
        serve_admitted(x, &rq, rule);
    else
        answer_after(x, latency(sb));
}

static void serve_control(struct exchange *x)
{
    struct miro_request rq = request_of(x);
    x->ending = ANSWER;
    control_answer(x->sb, &rq, &x->reply);
}

/* ---- the daemon's callback ----------------------------------------------------------------------------- */

static void header(struct MHD_Response *response, const char *name, const char *value)
{
    if (*value)
        MHD_add_response_header(response, name, value);
}

static void rate_headers(struct MHD_Response *response, const struct miro_reply *r)
{
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {{"X-RateLimit-Limit", r->rate_limit},
                {"X-RateLimit-Remaining", r->rate_remaining},
                {"X-RateLimit-Reset", r->rate_reset_s}};
    char text[24];
    for (size_t i = 0; r->has_rate && i < ARRAY_SIZE(rows); i++) {
        snprintf(text, sizeof text, "%" PRId64, rows[i].value);
        header(response, rows[i].name, text);
    }
}

static enum MHD_Result send_reply(struct exchange *x)
{
    struct miro_reply *r = &x->reply;
    size_t n = r->body.n;
    struct MHD_Response *response =
        MHD_create_response_from_buffer(n, buf_take(&r->body), MHD_RESPMEM_MUST_FREE);
    if (!response)
        return MHD_NO;
    if (n > 0)
        header(response, "Content-Type", r->content_type);
    header(response, "Retry-After", r->retry_after);
    header(response, "Location", r->location);
    header(response, "ETag", r->etag);
    header(response, "WWW-Authenticate", r->challenge ? "Bearer realm=\"scim\"" : "");
    header(response, "Allow", r->allow);
    rate_headers(response, r);
    struct journal_entry *e = journal_find(&x->sb->journal, x->seq);
    if (e) {
        e->status = r->status;
        e->answered_ms = sandbox_now_ms(x->sb);
    }
    enum MHD_Result done = MHD_queue_response(x->conn, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return done;
}

static char *header_of(struct MHD_Connection *conn, const char *name)
{
    return xstrdup_null(MHD_lookup_connection_value(conn, MHD_HEADER_KIND, name));
}

static void read_headers(struct exchange *x, const char *method)
{
    x->method = xstrdup(method);
    x->authorization = header_of(x->conn, "Authorization");
    x->content_type = header_of(x->conn, "Content-Type");
    x->accept = header_of(x->conn, "Accept");
    x->if_match = header_of(x->conn, "If-Match");
    x->if_none_match = header_of(x->conn, "If-None-Match");
}

enum MHD_Result exchange_handle(void *ctx, struct MHD_Connection *conn, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_n, void **con_cls)
{
    struct exchange *x = *con_cls;
    (void)ctx;
    (void)conn;
    (void)url;
    (void)version;
    if (!x->method) {
        read_headers(x, method);
        return MHD_YES;
    }
    if (*upload_n > 0) {
        buf_add(&x->body, upload, *upload_n);
        *upload_n = 0;
        return MHD_YES;
    }
    if (x->ending == READING && control_is(x->target))
        serve_control(x);
    else if (x->ending == READING)
        serve_scim(x);
    if (x->suspended)
        return MHD_YES;
    return x->ending == ANSWER ? send_reply(x) : MHD_NO;
}
