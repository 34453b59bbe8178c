#include <stdio.h>

#include "../../ingest/archive.h"
#include "test_lib.h"

static const char *const keys[] = {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                                   "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"};
static char *refs[] = {"env:ARCHIVE_A", "env:ARCHIVE_B"};
static struct source src = {.name = "hr", .headers = {"x-event"}, .n_headers = 1};

static struct archive *make(char **v, size_t n)
{
    struct config cfg = {0};
    struct archive *a = NULL;
    struct error err = {0};
    setenv("ARCHIVE_A", keys[0], 1);
    setenv("ARCHIVE_B", keys[1], 1);
    cfg.ingest.archive.keys = (struct config_strings){v, n};
    bool ok = archive_new(&cfg, &a, &err);
    ck_assert_msg(ok, "%s", err.message);
    return a;
}

static struct message message(struct str body)
{
    struct message m = {.method = str_of("POST"), .path = str_of("/hooks/hr"), .body = body};
    m.headers[m.n_headers++] = (struct message_header){str_of("X-Event"), str_of("hire")};
    m.headers[m.n_headers++] = (struct message_header){str_of("Authorization"), str_of("Bearer top-secret")};
    m.headers[m.n_headers++] = (struct message_header){str_of("Content-Type"), str_of("application/json")};
    return m;
}

static struct record seal(const struct archive *a, struct str body, const struct verified *verified,
                          struct buf *out)
{
    struct message m = message(body);
    struct record record;
    buf_init(out, 1 << 20);
    ck_assert(archive_seal(a, &src, &m, verified, 1764150000123, out, &record));
    return record;
}

static void refused(const struct archive *a, struct str key, struct str value, const char *word)
{
    struct archived_request r;
    struct error err = {0};
    ck_assert(!archive_open(a, key, value, &r, &err));
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(strstr(err.message, word), "%s", err.message);
}

START_TEST(what_is_sealed_can_be_opened_and_is_the_same)
{
    struct str body = BYTES("{\"a\":\"\0\n\r\n\xff\"}");
    struct verified verified = {
        .delivery = str_of("msg \"1\""), .content = BYTES("{\"claims\":1}"), .items = true};
    struct archive *a = make(refs, 1);
    struct buf out;
    struct record record = seal(a, body, &verified, &out);
    struct archived clear;
    struct archived_request r;
    struct error err = {0};
    struct str value;
    ck_assert_uint_eq(record.key.n, ARCHIVE_ID_SIZE - 1);
    ck_assert(archive_peek(record.value, &clear));
    ck_assert_str_eq(clear.source, "hr");
    ck_assert_int_eq(clear.received_at_ms, 1764150000123);
    bool ok = archive_open(a, record.key, record.value, &r, &err);
    ck_assert_msg(ok, "%s", err.message);
    ck_assert(str_eq(r.message.body, body) && str_eq(r.message.method, str_of("POST")));
    ck_assert(str_eq(r.message.path, str_of("/hooks/hr")) && r.message.n_headers == 2);
    ck_assert(message_header(&r.message, "x-event", &value) == 1 && str_eq(value, str_of("hire")));
    ck_assert(str_eq(r.verified.delivery, verified.delivery) && str_eq(r.verified.content, verified.content));
    ck_assert(r.verified.items);
    archived_done(&r);
    buf_done(&out);
    archive_free(a);
}
END_TEST

START_TEST(nothing_of_it_can_be_read_without_the_key)
{
    struct archive *a = make(refs, 1), *b = make(refs + 1, 1);
    struct buf out, again;
    struct record record = seal(a, str_of("{\"name\":\"Ann Ames\"}"), &(struct verified){0}, &out);
    ck_assert_ptr_null(memmem(out.p, out.n, "Ann", 3));
    ck_assert_ptr_null(memmem(out.p, out.n, "hire", 4));
    refused(b, record.key, record.value, "with a key that");
    struct record second = seal(a, str_of("{\"name\":\"Ann Ames\"}"), &(struct verified){0}, &again);
    ck_assert(!str_eq(record.key, second.key) && !str_eq(record.value, second.value));
    buf_done(&out);
    buf_done(&again);
    archive_free(a);
    archive_free(b);
}
END_TEST

START_TEST(no_proof_of_the_sender_is_kept)
{
    struct archive *a = make(refs, 1);
    struct buf out;
    struct record record = seal(a, str_of("{}"), &(struct verified){0}, &out);
    struct archived_request r;
    struct error err;
    ck_assert(archive_open(a, record.key, record.value, &r, &err));
    ck_assert_ptr_null(memmem(r.plain.p, r.plain.n, "top-secret", 10));
    archived_done(&r);
    buf_done(&out);
    archive_free(a);
}
END_TEST

START_TEST(of_a_query_is_kept_what_the_source_reads)
{
    static const struct {
        const char *sent, *kept;
    } rows[] = {
        {"type=hire&access_token=top-secret&kind=a%20b", "type=hire&kind=a%20b"},
        {"access_token=top-secret", ""},
        {"types=1&type&&type=2", "type&type=2"},
        {"", ""},
    };
    struct source reading = src;
    struct archive *a = make(refs, 1);
    reading.n_query = 2;
    memcpy(reading.query[0], "type", sizeof "type");
    memcpy(reading.query[1], "kind", sizeof "kind");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct message m = message(str_of("{}"));
        struct record record;
        struct archived_request r;
        struct buf out;
        struct error err;
        m.query = str_of(rows[i].sent);
        buf_init(&out, 1 << 20);
        ck_assert(archive_seal(a, &reading, &m, &(struct verified){0}, 1764150000123, &out, &record));
        ck_assert(archive_open(a, record.key, record.value, &r, &err));
        ck_assert_msg(str_eq(r.message.query, str_of(rows[i].kept)), "%s", rows[i].sent);
        archived_done(&r);
        buf_done(&out);
    }
    archive_free(a);
}
END_TEST

START_TEST(every_flipped_bit_is_found)
{
    struct archive *a = make(refs, 1);
    struct buf out;
    struct record record = seal(a, str_of("{}"), &(struct verified){0}, &out);
    for (size_t i = 0; i < record.value.n; i++) {
        char *at = (char *)(uintptr_t)record.value.p + i;
        *at ^= 1;
        refused(a, record.key, record.value, "");
        *at ^= 1;
    }
    char other[ARCHIVE_ID_SIZE] = "00000000000000000000000000000000"; /* moved under another id */
    refused(a, str_of(other), record.value, "not as it was sealed");
    for (size_t n = 0; n < record.value.n; n++)
        refused(a, record.key, (struct str){record.value.p, n}, "");
    buf_done(&out);
    archive_free(a);
}
END_TEST

START_TEST(a_new_key_in_front_leaves_the_old_bodies_readable)
{
    char *turned[] = {refs[1], refs[0]};
    struct archive *old = make(refs, 1), *both = make(turned, 2), *new = make(refs + 1, 1);
    struct buf a, b;
    struct record first = seal(old, str_of("{}"), &(struct verified){0}, &a);
    struct record second = seal(both, str_of("{}"), &(struct verified){0}, &b);
    struct archived_request r;
    struct error err;
    ck_assert(archive_open(both, first.key, first.value, &r, &err));
    archived_done(&r);
    ck_assert(archive_open(new, second.key, second.value, &r, &err));
    archived_done(&r);
    buf_done(&a);
    buf_done(&b);
    archive_free(old);
    archive_free(both);
    archive_free(new);
}
END_TEST

START_TEST(keys_that_are_none_are_told_without_their_value)
{
    static const char *const bad[] = {"0123",
                                      "zz23456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct config cfg = {0};
        struct archive *a;
        struct error err = {0};
        setenv("ARCHIVE_A", bad[i], 1);
        cfg.ingest.archive.keys = (struct config_strings){refs, 1};
        ck_assert(!archive_new(&cfg, &a, &err));
        ck_assert_ptr_nonnull(strstr(err.message, "ingest.archive.keys[0]"));
        ck_assert_ptr_null(strstr(err.message, bad[i]));
    }
}
END_TEST

RUN_TESTS("ingest_archive", what_is_sealed_can_be_opened_and_is_the_same,
          nothing_of_it_can_be_read_without_the_key, no_proof_of_the_sender_is_kept,
          of_a_query_is_kept_what_the_source_reads, every_flipped_bit_is_found,
          a_new_key_in_front_leaves_the_old_bodies_readable, keys_that_are_none_are_told_without_their_value)
