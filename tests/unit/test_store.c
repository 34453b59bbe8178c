#include "../../worker/engine/store.h"
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
    store_each(&s, -1, remove_slot, &s);
    store_done(&s);
}
END_TEST

START_TEST(packed_bytes_are_copied_replaced_and_emptied)
{
    struct packed a = {0};
    packed_set(&a, str_of("one"));
    packed_set(&a, str_of("three"));
    ck_assert(str_eq(packed_str(&a), str_of("three")));
    packed_set(&a, (struct str){0});
    ck_assert_ptr_null(a.p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        slots_are_found_by_their_key,
        a_partitions_slots_can_be_removed_while_they_are_visited,
        the_first_due_is_first_whatever_is_moved,
        packed_bytes_are_copied_replaced_and_emptied,
    };
    return kit_run("store", tests, ARRAY_SIZE(tests));
}
