#include "check.h"

#include <stdlib.h>

#include "event.h"
#include "file.h"
#include "handshake.h"
#include "normalise.h"
#include "verify.h"

bool check_read_file(const char *path, struct buf *out, struct error *err)
{
    return file_read(path, out, err) || error_wrap(err, "%s", path);
}

static void print_header(void *ctx, const char *name, const char *value)
{
    fprintf(ctx, "  %s: %s\n", name, value);
}

static void print_event(const struct event *ev, unsigned spread, size_t number, FILE *out)
{
    struct buf key, value;
    buf_init(&key, 256);
    buf_init(&value, EVENT_VALUE_MAX);
    event_key(ev, spread, &key);
    event_write_value(ev, &value);
    fprintf(out, "event %zu\n  key: %s\n", number, key.p);
    event_each_header(ev, print_header, out);
    fprintf(out, "  %s\n", value.p);
    if (!ev->unreadable && ev->occurred_at_ms == ev->received_at_ms)
        fprintf(out, "  note: no time was read, so it happened when it was received\n");
    buf_done(&key);
    buf_done(&value);
}

static bool check_verify(struct source *src, const struct message *m, int64_t now_ms, FILE *out,
                         struct verified *ret)
{
    if (!src->verifier) {
        fprintf(out, "verify: not done (no configured source)\n");
        return true;
    }
    enum verify_outcome outcome = verifier_check(src->verifier, m, now_ms, ret);
    fprintf(out, "verify: %s\n", verify_outcome_name(outcome));
    if (outcome == VERIFY_OK)
        return true;
    fprintf(out, "answer: %u; had it been verified:\n", src->reject_status);
    return false;
}

/* Set-up is answered before anything is verified. */
static bool check_handshake(const struct source *src, const struct message *m, FILE *out)
{
    struct buf body;
    struct answer a = {0};
    struct error err = {0};
    struct source copy = *src;
    copy.capture_file = NULL; /* trying a request keeps nothing */
    buf_init(&body, HANDSHAKE_BODY_MAX);
    enum handshake_result result = handshake_head(src, m, &body, &a);
    if (result == HANDSHAKE_NONE && (!src->verifier || !verifier_has_proof(src->verifier, m)))
        result = handshake_body(&copy, m, &body, &a, &err);
    if (result == HANDSHAKE_OK || result == HANDSHAKE_NOT_KEPT)
        fprintf(out, "handshake\nanswer: 200\n");
    for (size_t i = 0; i < a.n_headers; i++)
        fprintf(out, "  %s: %s\n", a.headers[i].name, a.headers[i].value);
    if (body.n > 0)
        fprintf(out, "reply: %s\n", body.p);
    buf_done(&body);
    return result == HANDSHAKE_OK || result == HANDSHAKE_NOT_KEPT;
}

/* Without verification there is no delivery id; a stored request is shown with the one that its form would
 * read. */
static bool check_events(struct sources *set, struct source *src, const struct message *m,
                         const struct verified *verified, int64_t now_ms, FILE *out)
{
    struct event_list list;
    struct error why = {0};
    enum normalise_result result = normalise(set, src, m, verified, now_ms, &list, &why);
    if (result != NORMALISE_OK) {
        fprintf(out, "refused: %s: %s\n", normalise_result_name(result), why.message);
        return false;
    }
    if (list.unproved) {
        fprintf(out, "not verified: no item carries the secret\nanswer: %u\n", src->success_status);
        event_list_done(&list);
        return false;
    }
    fprintf(out, "events: %zu\nskipped: %zu\n", list.n - list.n_bad, list.skipped);
    for (size_t i = 0; i < list.n_why; i++)
        fprintf(out, "  %s\n", list.why[i]);
    if (list.forged > 0)
        fprintf(out, "left out, without their secret: %zu\n", list.forged);
    for (size_t i = 0; i < list.n; i++)
        if (list.v[i].unreadable)
            fprintf(out, "dead letter: item %zu: %s\n", list.v[i].unreadable_item, list.v[i].unreadable);
    if (list.reply)
        fprintf(out, "reply: %s\n", list.reply);
    for (size_t i = 0; i < list.n; i++)
        print_event(&list.v[i], src->spread, i + 1, out);
    event_list_done(&list);
    return true;
}

bool check_run(struct sources *set, struct source *src, const char *path, int64_t now_ms, FILE *out,
               bool *ret_accepted, struct error *err)
{
    struct buf text;
    struct message m;
    struct verified found = {0};
    buf_init(&text, CHECK_FILE_MAX);
    bool ok = check_read_file(path, &text, err) && message_read(buf_str(&text), &m, err);
    m.proxied = true; /* what a trusted proxy would add is in the file */
    if (ok && check_handshake(src, &m, out)) {
        *ret_accepted = true;
    } else if (ok) {
        bool verified = check_verify(src, &m, now_ms, out, &found);
        bool usable = check_events(set, src, &m, verified ? &found : NULL, now_ms, out);
        *ret_accepted = verified && usable;
        if (*ret_accepted)
            fprintf(out, "answer: %u\n", src->success_status);
    }
    buf_done(&text);
    return ok;
}
