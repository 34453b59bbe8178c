/* test_sandbox_client.h - the sandbox served by a thread of the test, and a client that speaks HTTP to it. */
#ifndef ROLLCALL_TEST_SANDBOX_CLIENT_H
#define ROLLCALL_TEST_SANDBOX_CLIENT_H

#include <check.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sandbox/sandbox.h"
#include "json.h"
#include "mem.h"

static struct settings settings;
static struct sandbox *sb;
static pthread_t server;
static atomic_bool stop;
static int port;

static inline void *serve(void *ctx)
{
    while (!atomic_load(&stop))
        sandbox_turn(ctx, -1);
    return NULL;
}

static inline void start(void)
{
    struct error err;
    ck_assert_msg(sandbox_new(&settings, &sb, &err), "%s", err.message);
    port = sandbox_port(sb);
    atomic_store(&stop, false);
    ck_assert_int_eq(pthread_create(&server, NULL, serve, sb), 0);
}

static inline void setup(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    settings_default(&settings);
    settings.miro.token = "secret";
    settings.miro.enforce_limits = false;
}

static inline void setup_started(void)
{
    setup();
    start();
}

static inline void teardown(void)
{
    atomic_store(&stop, true);
    sandbox_wake(sb);
    pthread_join(server, NULL);
    sandbox_free(sb);
    curl_global_cleanup();
}

/* ---- the client ---------------------------------------------------------------------------------------- */

struct answer {
    CURLcode code;
    long status;
    struct buf body, headers;
    cJSON *json;
};

static inline size_t take(char *p, size_t size, size_t n, void *ctx)
{
    buf_add(ctx, p, size * n);
    return size * n;
}

static inline CURL *prepare(struct answer *a, const char *method, const char *path, const char *body,
                            struct curl_slist *headers)
{
    char url[1024];
    CURL *curl = curl_easy_init();
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    buf_init(&a->body, 1 << 28);
    buf_init(&a->headers, 1 << 16);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a->headers);
    if (body)
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
    return curl;
}

static inline struct curl_slist *scim_headers(void)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer secret");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    return curl_slist_append(headers, "Expect:");
}

static inline struct answer call_within(const char *method, const char *path, const char *body,
                                        long timeout_ms)
{
    struct answer a = {0};
    struct curl_slist *headers = scim_headers();
    CURL *curl = prepare(&a, method, path, body, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
    a.code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (a.body.n > 0 && a.body.p[0] == '{') {
        struct error err;
        ck_assert_msg(json_parse(buf_str(&a.body), &a.json, &err), "%s", err.message);
    }
    return a;
}

static inline struct answer call(const char *method, const char *path, const char *body)
{
    return call_within(method, path, body, 10000);
}

static inline void done(struct answer *a)
{
    buf_done(&a->body);
    buf_done(&a->headers);
    cJSON_Delete(a->json);
}

static inline long status(const char *method, const char *path, const char *body)
{
    struct answer a = call(method, path, body);
    done(&a);
    return a.status;
}

static inline CURLcode code(const char *method, const char *path, const char *body, long timeout_ms)
{
    struct answer a = call_within(method, path, body, timeout_ms);
    done(&a);
    return a.code;
}

static inline void fault(const char *json)
{
    ck_assert_int_eq(status("POST", "/_sandbox/faults", json), 200);
}

/* How many users SCIM knows by that name, asked behind the limits and faults. */
static int64_t count(const char *name)
{
    char path[200];
    int64_t n = -1;
    snprintf(path, sizeof path, "/_sandbox/scim/Users?filter=userName%%20eq%%20%%22%s%%22", name);
    struct answer a = call("GET", path, NULL);
    json_int64(a.json, "totalResults", &n);
    done(&a);
    return n;
}

#endif
