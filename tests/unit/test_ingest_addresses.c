#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>

#include "../../ingest/addresses.h"
#include "mem.h"
#include "test_lib.h"

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage out = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out;
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        out.ss_family = AF_INET;
    } else {
        ck_assert_int_eq(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
        out.ss_family = AF_INET6;
    }
    return out;
}

static enum addresses_verdict enter(struct addresses *a, const char *text, uint32_t *slot)
{
    struct sockaddr_storage from = address(text);
    return addresses_enter(a, (const struct sockaddr *)&from, slot);
}

START_TEST(counts_each_address_by_itself)
{
    struct addresses *a = addresses_new(100, 2);
    uint32_t slot[4], unused;
    ck_assert_int_eq(enter(a, "10.0.0.1", &slot[0]), ADDRESSES_WELCOME);
    ck_assert_int_eq(enter(a, "10.0.0.1", &slot[1]), ADDRESSES_WELCOME);
    ck_assert_int_eq(enter(a, "10.0.0.1", &unused), ADDRESSES_TOO_MANY);
    ck_assert_int_eq(enter(a, "10.0.0.2", &slot[2]), ADDRESSES_WELCOME);
    addresses_leave(a, slot[0]);
    ck_assert_int_eq(enter(a, "10.0.0.1", &slot[3]), ADDRESSES_WELCOME);
    for (int i = 1; i < 4; i++)
        addresses_leave(a, slot[i]);
    ck_assert_int_eq(addresses_count(a), 0);
    addresses_free(a);
}
END_TEST

START_TEST(takes_a_network_of_64_bits_for_one_client)
{
    struct addresses *a = addresses_new(100, 1);
    uint32_t slot[3], unused;
    ck_assert_int_eq(enter(a, "2001:db8:1:2::1", &slot[0]), ADDRESSES_WELCOME);
    ck_assert_int_eq(enter(a, "2001:db8:1:2:ffff::9", &unused), ADDRESSES_TOO_MANY);
    ck_assert_int_eq(enter(a, "2001:db8:1:3::1", &slot[1]), ADDRESSES_WELCOME);
    ck_assert_int_eq(enter(a, "::ffff:10.0.0.1", &slot[2]), ADDRESSES_WELCOME);
    ck_assert_int_eq(enter(a, "10.0.0.1", &unused), ADDRESSES_TOO_MANY);
    for (int i = 0; i < 3; i++)
        addresses_leave(a, slot[i]);
    addresses_free(a);
}
END_TEST

START_TEST(refuses_more_than_the_program_may_have)
{
    struct addresses *a = addresses_new(2, 10);
    uint32_t slot[2], unused;
    ck_assert_int_eq(enter(a, "10.0.0.1", &slot[0]), ADDRESSES_WELCOME);
    ck_assert_int_eq(enter(a, "10.0.0.2", &slot[1]), ADDRESSES_WELCOME);
    ck_assert_int_eq(enter(a, "10.0.0.3", &unused), ADDRESSES_FULL);
    addresses_limit(a, 3, 10);
    ck_assert_int_eq(enter(a, "10.0.0.3", &unused), ADDRESSES_WELCOME);
    addresses_leave(a, unused);
    addresses_leave(a, slot[0]);
    addresses_leave(a, slot[1]);
    ck_assert_int_eq(addresses_count(a), 0);
    addresses_free(a);
}
END_TEST

START_TEST(clients_behind_a_proxy_count_by_themselves)
{
    struct addresses *a = addresses_new(2, 1);
    struct sockaddr_storage from = address("10.0.0.1"), other = address("10.0.0.2");
    uint32_t slot, unused;
    ck_assert(addresses_enter_proxy(a) && addresses_enter_proxy(a) && !addresses_enter_proxy(a));
    ck_assert(addresses_enter_client(a, (const struct sockaddr *)&from, &slot));
    ck_assert(!addresses_enter_client(a, (const struct sockaddr *)&from, &unused));
    ck_assert(addresses_enter_client(a, (const struct sockaddr *)&other, &unused));
    addresses_leave_client(a, unused);
    addresses_leave_client(a, slot);
    ck_assert(addresses_enter_client(a, (const struct sockaddr *)&from, &slot));
    addresses_leave_client(a, slot);
    ck_assert_int_eq(addresses_count(a), 2);
    addresses_leave(a, ADDRESSES_NO_SLOT);
    addresses_leave(a, ADDRESSES_NO_SLOT);
    ck_assert_int_eq(addresses_count(a), 0);
    addresses_free(a);
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000, LIMIT = 8 };

static void *come_and_go(void *arg)
{
    struct addresses *a = arg;
    uint32_t slots[LIMIT];
    size_t n = 0;
    for (int i = 0; i < ROUNDS; i++) {
        if (n < LIMIT / 2 && enter(a, "192.0.2.1", &slots[n]) == ADDRESSES_WELCOME)
            n++;
        else if (n > 0)
            addresses_leave(a, slots[--n]);
    }
    while (n > 0)
        addresses_leave(a, slots[--n]);
    return NULL;
}

START_TEST(loses_no_count_between_threads)
{
    struct addresses *a = addresses_new(1000, LIMIT);
    pthread_t ids[THREADS];
    uint32_t slots[LIMIT], unused;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&ids[i], NULL, come_and_go, a), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    ck_assert_int_eq(addresses_count(a), 0);
    for (int i = 0; i < LIMIT; i++)
        ck_assert_int_eq(enter(a, "192.0.2.1", &slots[i]), ADDRESSES_WELCOME);
    ck_assert_int_eq(enter(a, "192.0.2.1", &unused), ADDRESSES_TOO_MANY);
    addresses_free(a);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("addresses");
    Suite *suite = suite_create("ingest_addresses");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, counts_each_address_by_itself);
    tcase_add_test(tc, takes_a_network_of_64_bits_for_one_client);
    tcase_add_test(tc, refuses_more_than_the_program_may_have);
    tcase_add_test(tc, clients_behind_a_proxy_count_by_themselves);
    tcase_add_test(tc, loses_no_count_between_threads);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
