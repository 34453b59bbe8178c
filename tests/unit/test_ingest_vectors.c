/* Vectors of the senders' signatures, verified by the rules in the shipped source files: each passes, and fails with any
 * bit flipped of what it covers. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../ingest/normalise.h"
#include "../../ingest/sign.h"
#include "json.h"
#include "mem.h"
#include "source_kit.h"
#include "test_lib.h"

/* The derived vectors: one key and one body under each grammar. */
static const char KEY[] = "test-secret-please-rotate";
static const char NOTE[] = "{\"type\":\"employee.terminated\",\"id\":\"evt_1\",\"data\":{\"employeeId\":"
                           "\"42\",\"note\":\"caf\xc3\xa9\"}}";
static const char BAMBOO[] =
    "{\"employees\":[{\"changedFields\":[\"First name\"],\"fields\":{\"Employee #\":{\"value\":\"300\"},"
    "\"First name\":{\"value\":\"Tefi\"},\"Last name\":{\"value\":\"Adams\"}},\"id\":\"5\"}]}";

struct vector {
    const char *name, *kind, *options, *secret, *body;
    const char *headers[4][2];
    int64_t now_ms;
    bool derived; /* made of the documented scheme, not published by the sender */
};

static const struct vector vectors[] = {
    {"Standard Webhooks v1",
     "standard_webhooks",
     "",
     "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     "{\"test\": 2432232314}",
     {{"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
      {"webhook-timestamp", "1614265330"},
      {"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
     1614265330000,
     false},
    {"the same as Svix sends it",
     "standard_webhooks",
     "",
     "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     "{\"test\": 2432232314}",
     {{"svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
      {"svix-timestamp", "1614265330"},
      {"svix-signature", "v9,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
     1614265330000,
     false},
    {"the same as Finch sends it",
     "finch",
     "",
     "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
     "{\"test\": 2432232314}",
     {{"finch-event-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"},
      {"finch-timestamp", "1614265330"},
      {"finch-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
     1614265330000,
     true},
    {"BambooHR",
     "bamboohr",
     "",
     "123b929362d51613054f71e5e5d4bf2c",
     BAMBOO,
     {{"x-bamboohr-timestamp", "1658248023"},
      {"x-bamboohr-signature", "56491dd9c2b352bc5f4fc627159aae20ddff9c8cb19f239a6de6771dc5310bac"}},
     1658248023000,
     false},
    {"BambooHR, derived",
     "bamboohr",
     "",
     KEY,
     NOTE,
     {{"x-bamboohr-timestamp", "1700000000"},
      {"x-bamboohr-signature", "14cdad8759c07fd1630a19a86248bb25a954619457321b41d3b2f181d421f708"}},
     1700000000000,
     true},
    {"Gusto",
     "gusto",
     "",
     KEY,
     NOTE,
     {{"x-gusto-signature", "0d0ea6486ff6c23c19c5c249bf1ac782a3160989986723efb3d3b7ddf61edfc8"}},
     0,
     true},
    {"Gusto in base64",
     "gusto",
     "encoding=base64",
     KEY,
     NOTE,
     {{"x-gusto-signature", "DQ6mSG/2wjwZxcJJvxrHgqMWCYmYZyPvs9O33fYe38g="}},
     0,
     true},
    {"Ashby",
     "ashby",
     "",
     KEY,
     NOTE,
     {{"ashby-signature", "sha256=0d0ea6486ff6c23c19c5c249bf1ac782a3160989986723efb3d3b7ddf61edfc8"}},
     0,
     true},
    {"Greenhouse",
     "greenhouse",
     "",
     KEY,
     NOTE,
     {{"signature", "sha256 0d0ea6486ff6c23c19c5c249bf1ac782a3160989986723efb3d3b7ddf61edfc8"}},
     0,
     true},
    {"Merge",
     "merge",
     "",
     KEY,
     NOTE,
     {{"x-merge-webhook-signature", "DQ6mSG_2wjwZxcJJvxrHgqMWCYmYZyPvs9O33fYe38g="}},
     0,
     true},
    {"Merge without padding",
     "merge",
     "",
     KEY,
     NOTE,
     {{"x-merge-webhook-signature", "DQ6mSG_2wjwZxcJJvxrHgqMWCYmYZyPvs9O33fYe38g"}},
     0,
     true},
    {"Remote",
     "remote",
     "",
     KEY,
     NOTE,
     {{"x-remote-timestamp", "1700000000000"},
      {"x-remote-signature", "bdf7352301518d93278f46fc9679b24f05763c6323d3fb93908e97fd97cb239f"}},
     1700000000000,
     true},
    {"generic as Remote",
     "generic",
     "auth=hmac-sha256,header=x-sig,signed=body : header:x-at,time=header:x-at,unit=ms",
     KEY,
     NOTE,
     {{"x-at", "1700000000000"},
      {"x-sig", "bdf7352301518d93278f46fc9679b24f05763c6323d3fb93908e97fd97cb239f"}},
     1700000000000,
     true},
    {"HiBob",
     "hibob",
     "",
     KEY,
     NOTE,
     {{"bob-signature",
       "iGcg9/zNd1j/WWBRYGZql1eBuM0UTEifcgdzmCF2xy0gQhtgCtt32mbVKGvXEZrpV0rJZQFycuy2NpIZQ8C5Tg=="}},
     0,
     true},
    {"WorkOS",
     "workos",
     "",
     KEY,
     NOTE,
     {{"workos-signature",
       "t=1700000000000, v1=98312ccc58208f241472960360a134b667c9089d805170a8bface0b0ff26c84d"}},
     1700000000000,
     true},
    {"Deel",
     "deel",
     "",
     KEY,
     NOTE,
     {{"x-deel-signature", "6d00ab3feed07e18f02891450b9c7f505861ce8db40bad14d69a6b4bb46a61f4"}},
     0,
     true},
    {"SHA-1 over method, path and query",
     "generic",
     "auth=hmac-sha1,signed=method path query body",
     KEY,
     NOTE,
     {{"x-signature", "79a4d6f6607dcffe6c786030fb3e3133c14b6933"}},
     0,
     true},
    {"a static token",
     "okta",
     "",
     "a long random text",
     "{}",
     {{"authorization", "a long random text"}},
     0,
     true},
    {"Basic",
     "workday",
     "",
     "ann:a long password",
     "{}",
     {{"authorization", "Basic YW5uOmEgbG9uZyBwYXNzd29yZA=="}},
     0,
     true},
};

/* ---- vectors ------------------------------------------------------------------------------------------- */

static struct message message_of(const struct vector *v)
{
    struct message m = {.method = str_of("POST"), .path = str_of("/hooks/x"), .query = str_of("a=1&b=2")};
    m.body = str_of(v->body);
    for (size_t i = 0; i < ARRAY_SIZE(v->headers) && v->headers[i][0]; i++)
        m.headers[m.n_headers++] =
            (struct message_header){str_of(v->headers[i][0]), str_of(v->headers[i][1])};
    return m;
}

static bool same_letter(char a, char b)
{
    return (a ^ b) == 0x20 && ((a | 0x20) >= 'a' && (a | 0x20) <= 'z');
}

/* The case of hexadecimal digits and of a scheme's name does not matter, nor do blanks around a value and what is
 * written in an unknown version. */
static bool may_differ(const struct vector *v, size_t header, size_t at, char flipped)
{
    const char *value = v->headers[header][1];
    bool hex = !strchr(value, '/') && !strstr(value, "v1,") && strcmp(v->kind, "hibob") != 0 &&
               strcmp(v->kind, "merge") != 0;
    bool scheme = strncmp(value, "Basic ", 6) == 0 && at < 5;
    if (strcmp(v->kind, "okta") == 0 || (strncmp(value, "Basic ", 6) == 0 && !scheme))
        return false;
    return ((hex || scheme) && same_letter(value[at], flipped)) || strncmp(value, "v9,", 3) == 0;
}

static void flip_headers(struct fixture *f, const struct vector *v)
{
    char text[256];
    for (size_t h = 0; h < ARRAY_SIZE(v->headers) && v->headers[h][0]; h++) {
        size_t n = strlen(v->headers[h][1]);
        for (size_t bit = 0; bit < n * 8; bit++) {
            struct message m = message_of(v);
            memcpy(text, v->headers[h][1], n + 1);
            text[bit / 8] = (char)(text[bit / 8] ^ (1 << (bit % 8)));
            if (may_differ(v, h, bit / 8, text[bit / 8]))
                continue;
            m.headers[h].value = (struct str){text, n};
            ck_assert_msg(check_at(f, &m, v->now_ms) != VERIFY_OK, "%s: %s: %s passes as %s", v->name,
                          v->headers[h][0], v->headers[h][1], text);
        }
    }
}

static void flip_body(struct fixture *f, const struct vector *v)
{
    char *body = xstrdup(v->body);
    size_t n = strlen(body);
    for (size_t bit = 0; bit < n * 8; bit++) {
        struct message m = message_of(v);
        memcpy(body, v->body, n);
        body[bit / 8] = (char)(body[bit / 8] ^ (1 << (bit % 8)));
        m.body = (struct str){body, n};
        ck_assert_msg(check_at(f, &m, v->now_ms) == VERIFY_FORGED, "%s: bit %zu", v->name, bit);
    }
    free(body);
}

START_TEST(a_vector_verifies_and_with_any_bit_flipped_it_fails)
{
    const struct vector *v = &vectors[_i];
    bool signs = strcmp(v->kind, "okta") != 0 && strcmp(v->kind, "workday") != 0;
    struct fixture f;
    must_load(&f, v->kind, v->options, ",", v->secret);
    struct message m = message_of(v);
    enum verify_outcome outcome = check_at(&f, &m, v->now_ms);
    ck_assert_msg(outcome == VERIFY_OK, "%s: %s", v->name, verify_outcome_name(outcome));
    flip_headers(&f, v);
    if (signs)
        flip_body(&f, v);
    m.n_headers = 0;
    ck_assert_int_eq(check_at(&f, &m, v->now_ms), VERIFY_MISSING);
    done(&f);
}
END_TEST

START_TEST(a_stale_time_fails_and_one_within_the_window_passes)
{
    static const struct {
        size_t vector;
        int64_t off_ms;
        enum verify_outcome want;
    } rows[] = {
        {0, 300000, VERIFY_OK},     {0, 300001, VERIFY_STALE},    {0, -300001, VERIFY_STALE},
        {3, 86400000, VERIFY_OK},   {3, 86400001, VERIFY_STALE},  {3, -300001, VERIFY_STALE},
        {11, 86400000, VERIFY_OK},  {11, 86400001, VERIFY_STALE}, {14, 180000, VERIFY_OK},
        {14, 180001, VERIFY_STALE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct vector *v = &vectors[rows[i].vector];
        struct fixture f;
        must_load(&f, v->kind, v->options, ",", v->secret);
        struct message m = message_of(v);
        ck_assert_msg(check_at(&f, &m, v->now_ms + rows[i].off_ms) == rows[i].want, "%s, row %zu", v->name,
                      i);
        done(&f);
    }
}
END_TEST

/* ---- several keys, several checks ---------------------------------------------------------------------- */

static const struct verify_secret named[] = {{"old", "the first of two secrets"},
                                             {"new", "the second of two secrets"}};

static struct verifier *labelled(void)
{
    struct verify_rules rules = {.n_any = 1, .n_forms = 1};
    struct verify_form *form = &rules.forms[0];
    struct verifier *v;
    struct error err = {0};
    *form =
        (struct verify_form){.header = "x-token", .key_header = "x-label", .secrets = {.min = 8, .max = 64}};
    ck_assert_msg(verifier_new(&rules, named, 2, 1024, &v, &err), "%s", err.message);
    return v;
}

START_TEST(a_request_may_name_its_key)
{
    static const struct {
        const char *label, *token;
        enum verify_outcome want;
    } rows[] = {{"old", "the first of two secrets", VERIFY_OK},
                {"new", "the first of two secrets", VERIFY_FORGED},
                {"new", "the second of two secrets", VERIFY_OK},
                {"none", "the first of two secrets", VERIFY_FORGED},
                {NULL, "the second of two secrets", VERIFY_OK}};
    struct verifier *v = labelled();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct message m = {.headers = {{str_of("x-token"), str_of(rows[i].token)}}, .n_headers = 1};
        struct verified found;
        if (rows[i].label)
            m.headers[m.n_headers++] = (struct message_header){str_of("X-Label"), str_of(rows[i].label)};
        ck_assert_msg(verifier_check(v, &m, 0, &found) == rows[i].want, "row %zu", i);
    }
    verifier_free(v);
}
END_TEST

START_TEST(what_is_demanded_must_pass_beside_what_is_accepted)
{
    struct verify_rules rules = {.n_any = 1, .n_forms = 2};
    struct verifier *v;
    struct error err = {0};
    struct verified found;
    rules.forms[0] = (struct verify_form){.header = "x-a", .key = "old", .secrets = {.min = 8, .max = 64}};
    rules.forms[1] = (struct verify_form){.header = "x-b", .key = "new", .secrets = {.min = 8, .max = 64}};
    ck_assert_msg(verifier_new(&rules, named, 2, 1024, &v, &err), "%s", err.message);
    struct message m = {
        .headers = {{str_of("x-a"), str_of(named[0].text)}, {str_of("x-b"), str_of(named[1].text)}},
        .n_headers = 2};
    ck_assert_int_eq(verifier_check(v, &m, 0, &found), VERIFY_OK);
    m.n_headers = 1;
    ck_assert_int_eq(verifier_check(v, &m, 0, &found), VERIFY_MISSING);
    m.headers[0] = m.headers[1];
    ck_assert_int_eq(verifier_check(v, &m, 0, &found), VERIFY_MISSING);
    m.headers[1] = (struct message_header){str_of("x-a"), str_of(named[1].text)};
    m.n_headers = 2;
    ck_assert_int_eq(verifier_check(v, &m, 0, &found), VERIFY_FORGED);
    verifier_free(v);
    ck_assert(!verifier_new(&rules, named, 1, 1024, &v, &err));
    ck_assert_ptr_nonnull(strstr(err.message, "a key called \"new\""));
}
END_TEST

START_TEST(a_certificate_is_known_by_its_subject)
{
    static const struct verify_secret subjects[] = {{NULL, "CN=hr.example.com,O=Acme"}};
    struct verify_rules rules = {.n_any = 1, .n_forms = 1};
    struct verifier *v;
    struct error err = {0};
    struct verified found;
    rules.forms[0] = (struct verify_form){.algorithm = VERIFY_CERTIFICATE,
                                          .secrets = {.algorithm = VERIFY_CERTIFICATE, .min = 4, .max = 256}};
    ck_assert_msg(verifier_new(&rules, subjects, 1, 1024, &v, &err), "%s", err.message);
    struct message m = {0};
    ck_assert_int_eq(verifier_check(v, &m, 0, &found), VERIFY_MISSING);
    m.certificate = str_of("CN=hr.example.com,O=Acme");
    ck_assert_int_eq(verifier_check(v, &m, 0, &found), VERIFY_OK);
    m.certificate = str_of("CN=hr.example.com,O=Other");
    ck_assert_int_eq(verifier_check(v, &m, 0, &found), VERIFY_FORGED);
    verifier_free(v);
}
END_TEST

START_TEST(a_certificate_in_a_header_is_a_trusted_proxys_word_only)
{
    static const char subject[] = "CN=hr.example.com,O=Acme";
    struct fixture f;
    must_load(&f, "generic", "auth=certificate,header=x-client-subject", ",", subject);
    struct message m = {.headers = {{str_of("x-client-subject"), str_of(subject)}}, .n_headers = 1};
    ck_assert_int_eq(check_at(&f, &m, 0), VERIFY_MISSING);
    m.proxied = true;
    ck_assert_int_eq(check_at(&f, &m, 0), VERIFY_OK);
    m.headers[0].value = str_of("CN=other");
    ck_assert_int_eq(check_at(&f, &m, 0), VERIFY_FORGED);
    m.certificate = str_of(subject); /* of the proxy's own connection, perhaps */
    ck_assert_int_eq(check_at(&f, &m, 0), VERIFY_FORGED);
    done(&f);
}
END_TEST

START_TEST(a_token_may_stand_in_the_url)
{
    static const struct {
        const char *query;
        enum verify_outcome want;
    } rows[] = {{"access_token=a%20token%20in%20a%20URL", VERIFY_OK},
                {"x=1&access_token=a+token+in+a+URL", VERIFY_OK},
                {"access_token=a%20token%20in%20a%20UR", VERIFY_FORGED},
                {"access_token=", VERIFY_MISSING},
                {"access_token=%zz", VERIFY_MISSING},
                {"", VERIFY_MISSING}};
    struct fixture f;
    must_load(&f, "cloudevents", "", ",", "a token in a URL");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct message m = {.query = str_of(rows[i].query)};
        ck_assert_msg(check_at(&f, &m, 0) == rows[i].want, "%s", rows[i].query);
    }
    done(&f);
}
END_TEST

START_TEST(items_without_the_secret_are_left_out)
{
    struct fixture f;
    struct verified found = {0};
    cJSON *body;
    size_t dropped;
    must_load(&f, "graph", "", ",", "the client state of ours");
    struct message m = {.method = str_of("POST")};
    m.body = str_of("{\"value\":[{\"clientState\":\"the client state of ours\",\"id\":\"1\"},{\"id\":\"2\"},"
                    "{\"clientState\":\"the client state of theirs\"},{\"clientState\":7},"
                    "{\"clientState\":\"the client state of ours\",\"id\":\"3\"}]}");
    ck_assert_int_eq(verifier_check(f.set->v[0].verifier, &m, 0, &found), VERIFY_OK);
    ck_assert(found.items);
    ck_assert(json_parse(m.body, &body, NULL));
    ck_assert(verifier_filter(f.set->v[0].verifier, body, &dropped));
    ck_assert_uint_eq(dropped, 3);
    ck_assert_int_eq(cJSON_GetArraySize(json_get(body, "value")), 2);
    cJSON_Delete(body);
    done(&f);
}
END_TEST

START_TEST(a_body_without_one_good_item_is_nobodys_and_leaves_no_trace)
{
    static const struct {
        const char *body;
        size_t forged, events;
    } rows[] = {
        {"garbage", 0, 0},
        {"", 0, 0},
        {"[]", 0, 0},
        {"{\"novalue\":1}", 0, 0},
        {"{\"value\":{}}", 0, 0},
        {"{\"value\":[]}", 0, 0},
        {"{\"value\":[7,{\"lifecycleEvent\":\"missed\",\"clientState\":\"the client state of theirs\"}]}", 2,
         0},
        {"{\"value\":[7,{\"lifecycleEvent\":\"missed\",\"clientState\":\"the client state of ours\"}]}", 1,
         1},
    };
    struct fixture f;
    must_load(&f, "graph", "", ",", "the client state of ours");
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        struct message m = {.method = str_of("POST"), .body = str_of(rows[i / 2].body)};
        struct verified found = {0};
        struct event_list list;
        struct error err = {0};
        f.set->v[0].strict = i % 2;
        ck_assert_int_eq(verifier_check(f.set->v[0].verifier, &m, 0, &found), VERIFY_OK);
        enum normalise_result result = normalise(f.set, &f.set->v[0], &m, &found, 0, &list, &err);
        bool proved = rows[i / 2].events > 0;
        ck_assert_msg(result == (proved && i % 2 ? NORMALISE_EVENT : NORMALISE_OK), "%s", m.body.p);
        ck_assert_msg(list.unproved == !proved && (result != NORMALISE_OK || list.n == rows[i / 2].events),
                      "%s", m.body.p);
        ck_assert_msg(result != NORMALISE_OK || list.forged == rows[i / 2].forged, "%s", m.body.p);
        event_list_done(&list);
    }
    done(&f);
}
END_TEST

START_TEST(a_body_is_not_read_at_any_cost_before_it_is_known_whose_it_is)
{
    static const char item[] = "{\"clientState\":\"the client state of ours\"}";
    struct fixture f;
    struct verified found = {0};
    must_load(&f, "graph", "", ",", "the client state of ours");
    for (size_t n = 19996; n <= 19997; n++) { /* and the object, its list, the item and its member */
        struct event_list list;
        struct error err = {0};
        struct buf body;
        buf_init(&body, 1 << 20);
        buf_addf(&body, "{\"value\":[%s", item);
        for (size_t i = 0; i < n; i++)
            buf_adds(&body, ",1");
        buf_adds(&body, "]}");
        struct message m = {.method = str_of("POST"), .body = buf_str(&body)};
        ck_assert_int_eq(verifier_check(f.set->v[0].verifier, &m, 0, &found), VERIFY_OK);
        enum normalise_result result = normalise(f.set, &f.set->v[0], &m, &found, 0, &list, &err);
        ck_assert_str_eq(normalise_result_name(result), n == 19996 ? "ok" : "too_many_values");
        ck_assert(list.unproved == (n > 19996));
        event_list_done(&list);
        buf_done(&body);
    }
    done(&f);
}
END_TEST

/* ---- sign ---------------------------------------------------------------------------------------------- */

static const struct {
    const char *kind, *secret;
} signers[] = {
    {"okta", "a long enough secret"},
    {"graph", "a long enough secret"},
    {"entra_workflows", "a long enough secret"},
    {"workday", "ann:a long password"},
    {"bamboohr", "a long enough secret"},
    {"hibob", "a long enough secret"},
    {"personio", "a long enough secret"},
    {"workos", "a long enough secret"},
    {"google", "a long enough secret"},
    {"deel", "a long enough secret"},
    {"successfactors", "u:a long password"},
    {"onelogin", "a long enough secret"},
    {"auth0", "a long enough secret"},
    {"remote", "a long enough secret"},
    {"cloudevents", "a long enough secret"},
    {"gusto", "a long enough secret"},
    {"greenhouse", "a long enough secret"},
    {"ashby", "a long enough secret"},
    {"merge", "a long enough secret"},
    {"factorial", "a long enough secret"},
    {"generic", "a long enough secret"},
    {"finch", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    {"standard_webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
};

static char *options_of(const char *kind)
{
    char *path = xasprintf("ingest/sources/examples/%s/options", kind), text[4096] = "";
    FILE *in = fopen(path, "re");
    if (in) {
        text[fread(text, 1, sizeof text - 1, in)] = '\0';
        fclose(in);
    }
    free(path);
    return xstrdup(text);
}

START_TEST(a_signed_example_verifies_now_and_not_with_another_secret)
{
    static const int64_t now = 1795341600000;
    struct fixture f;
    struct error err = {0};
    struct message m;
    char *options = options_of(signers[_i].kind), *text = NULL;
    char *path = xasprintf("ingest/sources/examples/%s/joiner.http", signers[_i].kind);
    size_t n;
    must_load(&f, signers[_i].kind, options, "\n", signers[_i].secret);
    FILE *out = open_memstream(&text, &n);
    ck_assert_msg(sign_run(&f.set->v[0], &f.source, path, now, out, &err), "%s: %s", path, err.message);
    fclose(out);
    ck_assert_msg(message_read((struct str){text, n}, &m, &err), "%s", err.message);
    ck_assert_msg(check_at(&f, &m, now) == VERIFY_OK, "%s", text);
    done(&f);
    must_load(&f, signers[_i].kind, options, "\n", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSX");
    struct verified found = {0};
    enum verify_outcome outcome = verifier_check(f.set->v[0].verifier, &m, now, &found);
    ck_assert_msg(outcome == VERIFY_FORGED || found.items, "%s", verify_outcome_name(outcome));
    done(&f);
    free(text);
    free(path);
    free(options);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("vectors");
    Suite *suite = suite_create("ingest_vectors");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_vector_verifies_and_with_any_bit_flipped_it_fails, 0, ARRAY_SIZE(vectors));
    tcase_add_test(tc, a_stale_time_fails_and_one_within_the_window_passes);
    tcase_add_test(tc, a_request_may_name_its_key);
    tcase_add_test(tc, what_is_demanded_must_pass_beside_what_is_accepted);
    tcase_add_test(tc, a_certificate_is_known_by_its_subject);
    tcase_add_test(tc, a_certificate_in_a_header_is_a_trusted_proxys_word_only);
    tcase_add_test(tc, a_token_may_stand_in_the_url);
    tcase_add_test(tc, items_without_the_secret_are_left_out);
    tcase_add_test(tc, a_body_without_one_good_item_is_nobodys_and_leaves_no_trace);
    tcase_add_test(tc, a_body_is_not_read_at_any_cost_before_it_is_known_whose_it_is);
    tcase_add_loop_test(tc, a_signed_example_verifies_now_and_not_with_another_secret, 0,
                        ARRAY_SIZE(signers));
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
