#include <arpa/inet.h>
#include <netinet/in.h>

#include "../../ingest/proxies.h"
#include "test_lib.h"

static char *networks[] = {"10.0.0.0/8", "192.0.2.7", "2001:db8:ffff::/48", "198.51.100.128/25"};
static const struct config_strings list = {networks, ARRAY_SIZE(networks)};

static struct proxies *make(void)
{
    struct proxies *p = NULL;
    struct error err = {0};
    bool ok = proxies_new(&list, &p, &err);
    ck_assert_msg(ok, "%s", err.message);
    return p;
}

static bool trusts(const struct proxies *p, const char *text)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return proxies_trust(p, (const struct sockaddr *)&four);
    ck_assert_int_eq(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return proxies_trust(p, (const struct sockaddr *)&six);
}

START_TEST(trusts_what_is_listed_and_nothing_else)
{
    static const struct {
        const char *address;
        bool trusted;
    } rows[] = {
        {"10.0.0.0", true},
        {"10.255.255.255", true},
        {"11.0.0.0", false},
        {"9.255.255.255", false},
        {"192.0.2.7", true},
        {"192.0.2.8", false},
        {"198.51.100.128", true},
        {"198.51.100.127", false},
        {"2001:db8:ffff:1::1", true},
        {"2001:db8:fffe::", false},
        {"::ffff:10.1.2.3", true},
        {"::ffff:11.1.2.3", false},
        {"::1", false},
    };
    struct proxies *p = make();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ck_assert_msg(trusts(p, rows[i].address) == rows[i].trusted, "%s", rows[i].address);
    proxies_free(p);
}
END_TEST

START_TEST(nobody_is_trusted_by_default)
{
    struct proxies *p = NULL;
    struct error err;
    ck_assert(proxies_new(&(struct config_strings){0}, &p, &err));
    ck_assert(!trusts(p, "127.0.0.1") && !trusts(p, "::1"));
    proxies_free(p);
}
END_TEST

START_TEST(refuses_what_is_no_network)
{
    static char *const bad[] = {
        "",       "/8",     "10.0.0.0/",     "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
        "10.0.0", "::/129", "proxy.example", "10.0.0.0/ 8"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char *one[] = {"127.0.0.1", bad[i]};
        struct proxies *p = NULL;
        struct error err = {0};
        ck_assert_msg(!proxies_new(&(struct config_strings){one, 2}, &p, &err), "%s", bad[i]);
        ck_assert_int_eq(err.kind, ERROR_INPUT);
        ck_assert_ptr_nonnull(strstr(err.message, "trusted_proxies[1]"));
    }
}
END_TEST

START_TEST(the_client_is_the_last_address_that_is_no_proxy)
{
    static const struct {
        const char *headers[3];
        const char *client; /* NULL: none */
    } rows[] = {
        {{"203.0.113.5"}, "::ffff:203.0.113.5"},
        {{"1.2.3.4, 203.0.113.5"}, "::ffff:203.0.113.5"}, /* the first is its own claim */
        {{"203.0.113.5,10.0.0.1 , 192.0.2.7"}, "::ffff:203.0.113.5"},
        {{"1.1.1.1", "203.0.113.5"}, "::ffff:203.0.113.5"},
        {{"203.0.113.5", "10.0.0.1"}, "::ffff:203.0.113.5"},
        {{"203.0.113.5:4711"}, "::ffff:203.0.113.5"},
        {{"2001:db8::9"}, "2001:db8::9"},
        {{"[2001:db8::9]:443"}, "2001:db8::9"},
        {{"[2001:db8::9]"}, "2001:db8::9"},
        {{"10.0.0.9, 10.0.0.1"}, "::ffff:10.0.0.9"}, /* proxies all the way */
        {{"garbage, 203.0.113.5"}, "::ffff:203.0.113.5"},
        {{"203.0.113.5, garbage"}, NULL},
        {{"203.0.113.5, unknown, 10.0.0.1"}, NULL},
        {{"203.0.113.5,"}, NULL},
        {{""}, NULL},
        {{NULL}, NULL},
        {{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
         NULL},
    };
    struct proxies *p = make();
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct message m = {0};
        struct sockaddr_storage client;
        struct in6_addr wanted;
        m.headers[m.n_headers++] = (struct message_header){str_of("host"), str_of("8.8.8.8")};
        for (size_t k = 0; k < 3 && rows[i].headers[k]; k++)
            m.headers[m.n_headers++] =
                (struct message_header){str_of("X-Forwarded-For"), str_of(rows[i].headers[k])};
        bool found = proxies_client(p, &m, &client);
        ck_assert_msg(found == (rows[i].client != NULL), "row %zu", i);
        if (!found)
            continue;
        inet_pton(AF_INET6, rows[i].client, &wanted);
        ck_assert_msg(memcmp(&wanted, &((struct sockaddr_in6 *)&client)->sin6_addr, sizeof wanted) == 0,
                      "row %zu", i);
    }
    proxies_free(p);
}
END_TEST

RUN_TESTS("ingest_proxies", trusts_what_is_listed_and_nothing_else, nobody_is_trusted_by_default,
          refuses_what_is_no_network, the_client_is_the_last_address_that_is_no_proxy)
