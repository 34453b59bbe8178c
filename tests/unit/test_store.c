#include <malloc.h>

#include "../../worker/engine/record.h"
#include "../../worker/engine/store.h"
#include "../bench/persons.h"
#include "event_kit.h"

static struct slot *add(struct store *s, const char *key, int32_t partition)
{
    return store_add(s, str_of(key), partition);
}

START_TEST(slots_are_found_by_their_key)
{
    struct store s;
    store_init(&s);
    for (int i = 0; i < 5000; i++) { /* grows several times */
        char key[32];
        snprintf(key, sizeof key, "acme/hr/%d", i);
        ck_assert_ptr_null(store_find(&s, str_of(key)));
        add(&s, key, i % 3);
    }
    for (int i = 0; i < 5000; i++) {
        char key[32];
        snprintf(key, sizeof key, "acme/hr/%d", i);
        struct slot *slot = store_find(&s, str_of(key));
        ck_assert_ptr_nonnull(slot);
        ck_assert_str_eq(slot->key, key);
        ck_assert_int_eq(slot->partition, i % 3);
        if (i % 2)
            store_remove(&s, slot);
    }
    ck_assert_uint_eq(s.n, 2500);
    ck_assert_ptr_null(store_find(&s, str_of("acme/hr/1")));
    ck_assert_ptr_null(store_find(&s, str_of("acme/hr/")));
    for (int i = 0; i < 5000; i += 2) {
        char key[32];
        snprintf(key, sizeof key, "acme/hr/%d", i);
        store_remove(&s, store_find(&s, str_of(key)));
    }
    store_done(&s);
}
END_TEST

static void remove_slot(void *ctx, struct slot *slot)
{
    store_remove(ctx, slot);
}

START_TEST(a_partitions_slots_can_be_removed_while_they_are_visited)
{
    struct store s;
    store_init(&s);
    for (int i = 0; i < 300; i++) {
        char key[32];
        snprintf(key, sizeof key, "acme/hr/%d", i);
        store_set_due(&s, add(&s, key, i % 3), 1000 - i);
    }
    store_each(&s, 1, remove_slot, &s);
    ck_assert_uint_eq(s.n, 200);
    ck_assert_uint_eq(s.n_heap, 200);
    ck_assert_uint_eq(store_count(&s, 0), 100);
    ck_assert_uint_eq(store_count(&s, 1), 0);
    store_each(&s, 7, remove_slot, &s);
    store_each(&s, -1, remove_slot, &s);
    ck_assert_uint_eq(s.n, 0);
    store_done(&s);
}
END_TEST

START_TEST(the_first_due_is_first_whatever_is_moved)
{
    enum { SLOTS = 200 };
    struct slot *slots[SLOTS];
    struct store s;
    uint64_t state = 1;
    store_init(&s);
    for (int i = 0; i < SLOTS; i++) {
        char key[32];
        snprintf(key, sizeof key, "acme/hr/%d", i);
        slots[i] = add(&s, key, 0);
    }
    ck_assert_ptr_null(store_first_due(&s));
    for (int round = 0; round < 20000; round++) {
        int64_t first = INT64_MAX;
        store_set_due(&s, slots[kit_random(&state) % SLOTS], (int64_t)(kit_random(&state) % 50));
        if (round % 100)
            continue;
        for (int i = 0; i < SLOTS; i++)
            if (slots[i]->due_ms && slots[i]->due_ms < first)
                first = slots[i]->due_ms;
        ck_assert_int_eq(store_first_due(&s)->due_ms, first);
    }
    int64_t last = 0;
    for (struct slot *slot; (slot = store_first_due(&s)); store_set_due(&s, slot, 0)) {
        ck_assert_int_ge(slot->due_ms, last);
        last = slot->due_ms;
    }
    store_each(&s, 0, remove_slot, &s);
    store_done(&s);
}
END_TEST

struct seen {
    const char *keys[4];
    size_t n;
};

static void see(void *ctx, struct slot *slot)
{
    struct seen *seen = ctx;
    ck_assert_uint_lt(seen->n, ARRAY_SIZE(seen->keys));
    seen->keys[seen->n++] = slot->key;
}

START_TEST(a_partition_shows_its_own_in_the_order_of_their_coming)
{
    struct store s;
    struct seen seen = {0};
    store_init(&s);
    add(&s, "acme/hr/a", 5);
    add(&s, "acme/hr/b", 2);
    struct slot *moved = add(&s, "acme/hr/c", 2);
    add(&s, "acme/hr/d", 5);
    store_move(&s, moved, 5);
    store_move(&s, moved, 5);
    store_each(&s, 5, see, &seen);
    ck_assert_uint_eq(seen.n, 3);
    ck_assert_str_eq(seen.keys[0], "acme/hr/a");
    ck_assert_str_eq(seen.keys[1], "acme/hr/d");
    ck_assert_str_eq(seen.keys[2], "acme/hr/c");
    ck_assert_uint_eq(store_count(&s, 2), 1);
    store_each(&s, 2, remove_slot, &s);
    store_each(&s, 5, remove_slot, &s);
    store_done(&s);
}
END_TEST

START_TEST(packed_bytes_are_copied_replaced_and_emptied)
{
    struct packer *k = packer_new();
    struct packed a = {0}, b = {0};
    packed_set(k, &a, str_of("one"));
    packed_set(k, &b, str_of("two"));
    packed_set(k, &a, str_of("three"));
    ck_assert(str_eq(packed_get(k, &a), str_of("three")));
    ck_assert(str_eq(packed_get(k, &b), str_of("two")));
    packed_set(k, &a, (struct str){0});
    ck_assert(packed_empty(&a));
    ck_assert_uint_eq(packed_get(k, &a).n, 0);
    packed_clear(&b);
    packer_free(k);
}
END_TEST

START_TEST(loose_bytes_come_back_as_well_and_take_less_room_once_tightened)
{
    struct packer *k = packer_new();
    struct packed p = {0};
    char bytes[2000];
    memset(bytes, 'x', sizeof bytes);
    packed_set(k, &p, str_of("before"));
    packed_set_loose(&p, (struct str){bytes, sizeof bytes});
    for (int i = 0; i < 3; i++) { /* tightening again changes nothing */
        struct str back = packed_get(k, &p);
        ck_assert(str_eq(back, (struct str){bytes, sizeof bytes}));
        ck_assert_int_eq(back.p[back.n], '\0');
        ck_assert((malloc_usable_size(p.p) < sizeof bytes) == (i > 0));
        packed_tighten(k, &p);
    }
    packed_set_loose(&p, (struct str){0});
    packed_tighten(k, &p);
    ck_assert(packed_empty(&p));
    packer_free(k);
}
END_TEST

START_TEST(bytes_of_any_kind_and_length_come_back_from_being_packed)
{
    struct packer *k = packer_new();
    uint64_t state = 1;
    char *bytes = xmalloc(RECORD_MAX);
    for (size_t n = 1; n <= RECORD_MAX; n = n < 600              ? n + 1
                                            : n < RECORD_MAX / 3 ? n * 3
                                                                 : n + RECORD_MAX / 3) {
        struct packed p = {0};
        for (size_t i = 0; i < n; i++) /* noise, repetition, words of the dictionary by turns */
            bytes[i] = n % 3 == 0   ? (char)kit_random(&state)
                       : n % 3 == 1 ? 'x'
                                    : "\",\"userName\":\""[i % 14];
        packed_set(k, &p, (struct str){bytes, n});
        struct str back = packed_get(k, &p);
        ck_assert_uint_eq(back.n, n);
        ck_assert_int_eq(back.p[n], '\0');
        ck_assert_msg(memcmp(back.p, bytes, n) == 0, "%zu bytes", n);
        packed_clear(&p);
    }
    free(bytes);
    packer_free(k);
}
END_TEST

/* As malloc rounds: 16 bytes and a size before each block. */
static size_t block(size_t n)
{
    return (n + 8 + 15) / 16 * 16;
}

START_TEST(a_typical_person_at_two_targets_takes_less_than_a_kilobyte)
{
    enum { PERSONS = 1000 };
    const struct persons ps = {.tenants = 1, .targets = 2, .at_ms = KIT_EPOCH_MS};
    struct packer *k = packer_new();
    struct buf key, value;
    size_t total = 0;
    buf_init(&key, 100);
    buf_init(&value, RECORD_MAX);
    for (size_t i = 0; i < PERSONS; i++) {
        struct packed packed = {0};
        struct person p;
        persons_key(&ps, i, &key);
        persons_make(&ps, i * 2, &p); /* every second one is at two targets */
        ck_assert_uint_eq(p.n_targets, 2);
        buf_clear(&value);
        record_write(&p, &value);
        packed_set(k, &packed, buf_str(&value));
        total += block(malloc_usable_size(packed.p)) + block(sizeof(struct slot) + key.n + 1) +
                 3 * sizeof(struct slot *); /* buckets: one half full to full; a place in the heap */
        packed_clear(&packed);
        person_done(&p);
    }
    ck_assert_uint_lt(total / PERSONS, 1024);
    buf_done(&key);
    buf_done(&value);
    packer_free(k);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        slots_are_found_by_their_key,
        a_partitions_slots_can_be_removed_while_they_are_visited,
        the_first_due_is_first_whatever_is_moved,
        a_partition_shows_its_own_in_the_order_of_their_coming,
        packed_bytes_are_copied_replaced_and_emptied,
        loose_bytes_come_back_as_well_and_take_less_room_once_tightened,
        bytes_of_any_kind_and_length_come_back_from_being_packed,
        a_typical_person_at_two_targets_takes_less_than_a_kilobyte,
    };
    return kit_run("store", tests, ARRAY_SIZE(tests));
}
