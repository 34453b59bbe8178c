#include "letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/person.h"
#include "json.h"
#include "mem.h"
#include "rfc3339.h"

enum { HEADERS_MAX = 32, NONCES_MAX = 1024 };

struct letter_mark {
    struct letter_id letter;
    enum letter_state state;
};

const char *letter_state_name(enum letter_state state)
{
    static const char *const names[] = {"open", "replayed", "dropped"};
    return names[state];
}

bool letter_id_parse(const char *text, struct letter_id *ret)
{
    int end = 0, partition;
    long long offset;
    if (sscanf(text, "%9d:%18lld%n", &partition, &offset, &end) != 2 || text[end] || partition < 0 ||
        offset < 0)
        return false;
    *ret = (struct letter_id){partition, offset};
    return true;
}

void letter_id_format(struct letter_id id, char out[LETTER_ID_SIZE])
{
    snprintf(out, LETTER_ID_SIZE, "%d:%lld", id.partition, (long long)id.offset);
}

/* ---- the filter ---------------------------------------------------------------------------------------- */

static bool is_wanted_id(const struct letter_filter *f, struct letter_id id)
{
    for (size_t i = 0; i < f->n_ids; i++)
        if (f->ids[i].partition == id.partition && f->ids[i].offset == id.offset)
            return true;
    return f->n_ids == 0;
}

static bool equals(const char *wanted, const char *text)
{
    return !wanted || (text && strcmp(wanted, text) == 0);
}

/* A record that is no event says whose it is by its key alone: tenant/bucket. */
static bool is_of_tenant(const char *tenant, const cJSON *result, const char *key)
{
    size_t n = tenant ? strlen(tenant) : 0;
    if (!tenant || result)
        return equals(tenant, json_string(result, "tenant"));
    return key && strncmp(key, tenant, n) == 0 && key[n] == '/';
}

static bool is_of_person(const char *person, const cJSON *result, const char *key)
{
    return !person || (result && (equals(person, json_string(result, "subject")) || equals(person, key)));
}

static bool chooses(const struct letter_filter *f, const struct letter *letter, const cJSON *root)
{
    const cJSON *result = json_get(root, "result");
    const char *reason = json_string(root, "reason");
    if (!is_wanted_id(f, letter->id) || !is_of_tenant(f->tenant, result, letter->key) ||
        !is_of_person(f->person, result, letter->key))
        return false;
    if (f->target && !equals(f->target, json_string(result, "target")))
        return false;
    if ((f->since_ms && letter->at_ms < f->since_ms) || (f->until_ms && letter->at_ms >= f->until_ms))
        return false;
    return !f->reason || (reason && strcasestr(reason, f->reason));
}

/* ---- taking -------------------------------------------------------------------------------------------- */

static void take_mark(struct letters *l, struct letter_id id, const cJSON *root, enum letter_state state)
{
    int64_t offset;
    if (!json_int64(root, "letter", &offset)) {
        l->strange++;
        return;
    }
    l->marks = xreallocarray(l->marks, l->n_marks + 1, sizeof *l->marks);
    l->marks[l->n_marks++] = (struct letter_mark){{id.partition, offset}, state};
}

static void keep(struct letters *l, struct letter *letter, struct str value)
{
    if (l->n == LETTERS_MAX || l->bytes + value.n > LETTERS_BYTES_MAX) {
        l->overflow = true;
        return;
    }
    letter->text = xstrndup(value.p, value.n);
    letter->key = xstrdup_null(letter->key);
    l->bytes += value.n;
    l->v = xreallocarray(l->v, l->n + 1, sizeof *l->v);
    l->v[l->n++] = *letter;
}

static void take_letter(struct letters *l, struct letter_id id, struct str key, struct str value,
                        const cJSON *root)
{
    const char *at = json_string(root, "at");
    struct letter letter = {.id = id};
    if (!at || !rfc3339_parse(str_of(at), &letter.at_ms)) {
        l->strange++;
        return;
    }
    char *text = key.p && !memchr(key.p, '\0', key.n) ? xstrndup(key.p, key.n) : NULL;
    letter.key = text;
    if (chooses(&l->filter, &letter, root))
        keep(l, &letter, value);
    free(text);
}

void letters_take(struct letters *l, struct letter_id id, struct str key, struct str value)
{
    cJSON *root = NULL;
    struct error err;
    if (!json_parse(value, &root, &err)) {
        l->strange++;
        return;
    }
    const char *kind = json_string(root, "kind");
    if (kind && strcmp(kind, "replayed") == 0)
        take_mark(l, id, root, LETTER_REPLAYED);
    else if (kind && strcmp(kind, "dropped") == 0)
        take_mark(l, id, root, LETTER_DROPPED);
    else if (kind && (strcmp(kind, "rejected") == 0 || strcmp(kind, "invalid") == 0))
        take_letter(l, id, key, value, root);
    else
        l->strange++;
    cJSON_Delete(root);
}

/* ---- what became of them ------------------------------------------------------------------------------- */

static int compare_ids(struct letter_id a, struct letter_id b)
{
    if (a.partition != b.partition)
        return a.partition < b.partition ? -1 : 1;
    return a.offset == b.offset ? 0 : a.offset < b.offset ? -1 : 1;
}

static int by_letter(const void *a, const void *b)
{
    const struct letter_mark *left = a, *right = b;
    return compare_ids(left->letter, right->letter);
}

static int by_time(const void *a, const void *b)
{
    const struct letter *left = a, *right = b;
    if (left->at_ms != right->at_ms)
        return left->at_ms < right->at_ms ? -1 : 1;
    return compare_ids(left->id, right->id);
}

static void letter_free(struct letter *letter)
{
    free(letter->key);
    free(letter->text);
}

static enum letter_state state_of(const struct letters *l, struct letter_id id)
{
    const struct letter_mark wanted = {.letter = id};
    const struct letter_mark *mark =
        l->n_marks > 0 ? bsearch(&wanted, l->marks, l->n_marks, sizeof wanted, by_letter) : NULL;
    return mark ? mark->state : LETTER_OPEN;
}

static void drop_settled(struct letters *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++) {
        l->v[i].state = state_of(l, l->v[i].id);
        if (l->v[i].state == LETTER_OPEN || l->filter.settled)
            l->v[kept++] = l->v[i];
        else
            letter_free(&l->v[i]);
    }
    l->n = kept;
}

void letters_settle(struct letters *l, size_t limit)
{
    if (l->n_marks > 0)
        qsort(l->marks, l->n_marks, sizeof *l->marks, by_letter);
    drop_settled(l);
    if (l->n == 0)
        return;
    qsort(l->v, l->n, sizeof *l->v, by_time);
    size_t older = l->n > limit ? l->n - limit : 0;
    for (size_t i = 0; i < older; i++)
        letter_free(&l->v[i]);
    l->n -= older;
    l->left_out = older;
    memmove(l->v, l->v + older, l->n * sizeof *l->v);
}

void letters_done(struct letters *l)
{
    for (size_t i = 0; i < l->n; i++)
        letter_free(&l->v[i]);
    free(l->v);
    free(l->marks);
    l->v = NULL;
    l->marks = NULL;
    l->n = l->n_marks = 0;
}

/* ---- replay -------------------------------------------------------------------------------------------- */

static bool read_rejected(const cJSON *root, struct event *ret, struct error *err)
{
    const cJSON *event = json_get(root, "event");
    const char *id = json_string(event, "id"), *type = json_string(event, "type");
    if (!event)
        return error_set(err, ERROR_INPUT,
                         "an effect without an event: see control provision or control retry");
    char *data = cJSON_PrintUnformatted(json_get(event, "data"));
    bool ok = event_read_value(id ? id : "", type ? type : "", str_of(data), ret, err);
    free(data);
    return ok;
}

static size_t read_headers(const cJSON *root, struct event_header *v)
{
    const cJSON *item;
    size_t n = 0;
    cJSON_ArrayForEach(item, json_get(root, "headers"))
    {
        const char *name = json_string(item, "name"), *value = json_string(item, "value");
        if (n < HEADERS_MAX && name && value)
            v[n++] = (struct event_header){name, value};
    }
    return n;
}

/* What was no event may be one by now: it had the wrong key, or a newer program knows more. */
static bool read_invalid(const cJSON *root, struct event *ret, struct error *err)
{
    struct event_header headers[HEADERS_MAX];
    size_t n = read_headers(root, headers);
    return event_read(headers, n, str_of(json_string(root, "value")), ret, err) ||
           error_wrap(err, "the record is still no event");
}

/* Among words of one time the larger hash counts. Where none is found the new word is a millisecond younger. */
static void choose_id(const struct letter *letter, struct event *ev)
{
    char sender_id[LETTER_ID_SIZE + 16], place[LETTER_ID_SIZE], id[EVENT_ID_SIZE];
    uint64_t old = event_id_hash(ev->id);
    letter_id_format(letter->id, place);
    for (int nonce = 0; nonce < NONCES_MAX; nonce++) {
        snprintf(sender_id, sizeof sender_id, "%s#%d", place, nonce);
        event_id_make("replay", str_of(sender_id), id);
        if (event_id_hash(id) > old)
            break;
    }
    ev->occurred_at_ms += event_id_hash(id) <= old;
    memcpy(ev->id, id, sizeof id);
}

bool letter_replay(const struct letter *letter, int64_t now_ms, struct event *ret, struct error *err)
{
    cJSON *root = NULL;
    if (!json_parse(str_of(letter->text), &root, err))
        return false;
    const char *kind = json_string(root, "kind");
    bool rejected = kind && strcmp(kind, "rejected") == 0;
    bool ok = rejected ? read_rejected(root, ret, err) : read_invalid(root, ret, err);
    cJSON_Delete(root);
    if (!ok)
        return false;
    memcpy(ret->replay_of, ret->id, sizeof ret->replay_of);
    choose_id(letter, ret);
    ret->received_at_ms = now_ms;
    ret->traceparent[0] = '\0';
    return true;
}

void letter_mark_write(const struct letter *letter, const struct letter_mark_words *words, struct buf *out)
{
    struct json_out w;
    json_out_init(&w, out);
    json_open(&w, NULL, '{');
    json_put_string(&w, "kind", letter_state_name(words->replay ? LETTER_REPLAYED : LETTER_DROPPED));
    json_put_string(&w, "reason", words->reason);
    json_put_int(&w, "letter", letter->id.offset);
    if (words->replay)
        json_put_string(&w, "replay", words->replay);
    json_put_string(&w, "by", words->by);
    json_put_time(&w, "at", words->at_ms);
    json_close(&w);
}
