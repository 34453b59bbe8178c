/* Records that kill the worker that merges them. */
#include "engine_kit.h"

#include "../../worker/engine/caution.h"

#define ZOE "userName=zoe;displayName=Zoe"

static bool lethal; /* whoever merges the record at lethal_at dies */
static int64_t lethal_at;

/* As kit_deliver, but the merge at lethal_at ends the worker. True: it lives. */
static bool deliver(void)
{
    for (int64_t at = engine_position(kit.e, 0); at >= 0 && at < kit.end[0]; at++) {
        enum offer offer = engine_offer(kit.e, 0, at);
        if (offer == OFFER_LATER)
            return true;
        bool kills = lethal && at == lethal_at;
        if (offer == OFFER_TAKE && kills)
            return false;
        if (offer == OFFER_TRY && kills)
            engine_event_poison(
                kit.e, 0, at, &(struct no_event){str_of("acme/0"), str_of("poison"), NULL, 0, NULL}, kit.now);
        else if (offer != OFFER_KNOWN)
            engine_event(kit.e, 0, at, &kit.log[0][at], kit.now);
    }
    return true;
}

/* The outstanding batch reaches the log. */
static void log_batch(void)
{
    for (size_t i = 0; i < kit.batch->n_records; i++)
        kit_keep(&kit.batch->records[i]);
    kit.committed[0] = kit.batch->offsets[0].next;
}

/* Takes over, opens the partition and dies before it hears of it. */
static void open_and_die(void)
{
    kit_crash();
    ck_assert_ptr_nonnull(take_batch());
    log_batch();
}

/* A worker that takes over, merges and commits until nothing is left, or dies. */
static bool live(void)
{
    engine_free(kit.e);
    kit.now.boot_ms += 100 * KIT_SECOND;
    kit.e = engine_new(&kit.cfg, &kit.ports);
    struct error err;
    ck_assert_msg(kit_restore(0, &err), "%s", err.message);
    do {
        while (take_batch()) {
            log_batch();
            engine_batch_committed(kit.e, kit.now.boot_ms, kit.now);
            if (!deliver())
                return false;
        }
        pass(KIT_LEASE_MS);
    } while (engine_position(kit.e, 0) < kit.end[0]);
    return true;
}

/* Appends an event without giving it to anybody. */
static void tell(const struct word *w)
{
    kit.log[0][kit.end[0]++] = make_event(w);
}

static void tell_many(int n)
{
    for (int i = 0; i < n; i++) {
        char id[16], subject[16];
        snprintf(id, sizeof id, "e%d", i);
        snprintf(subject, sizeof subject, "p%d", i);
        tell(&(struct word){id, EVENT_JOINED, .at = 1, .subject = subject, .profile = ZOE});
    }
}

START_TEST(a_record_that_kills_its_readers_goes_to_dead_letters_and_the_others_are_merged)
{
    static const int64_t places[] = {0, 1, 7, 99, 199};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        int deaths = 0;
        kit_start();
        tell_many(200);
        lethal = true;
        lethal_at = places[i];
        while (!live())
            ck_assert_int_lt(++deaths, 5);
        ck_assert_int_ge(deaths, 1); /* and the first owner was killed, too */
        ck_assert_uint_eq(stats_now().persons, 199);
        ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 1);
        const struct kit_record *letter = last_record(TOPIC_DEADLETTERS);
        ck_assert_str_eq(json_string(letter->json, "kind"), "invalid");
        ck_assert_ptr_nonnull(strstr(json_string(letter->json, "reason"), "poison"));
        ck_assert_str_eq(json_string(letter->json, "value"), "poison");
        kit_stop();
    }
}
END_TEST

START_TEST(a_worker_killed_again_and_again_for_other_reasons_loses_nothing)
{
    kit_start();
    tell_many(20);
    for (int i = 0; i < 10; i++)
        open_and_die();
    lethal = false;
    ck_assert(live());
    ck_assert_uint_eq(stats_now().persons, 20);
    ck_assert_uint_eq(count_records(TOPIC_DEADLETTERS), 0);
    kit_stop();
}
END_TEST

START_TEST(nothing_is_read_before_the_partition_is_open)
{
    kit_start();
    tell_many(1);
    kit_crash();
    ck_assert_int_eq(engine_offer(kit.e, 0, 0), OFFER_LATER);
    ck_assert_int_eq(engine_offer(kit.e, 3, 0), OFFER_KNOWN);
    commit();
    ck_assert_uint_eq(stats_now().persons, 1);
    ck_assert_int_eq(engine_offer(kit.e, 0, 0), OFFER_KNOWN);
    kit_stop();
}
END_TEST

START_TEST(duplicates_in_small_steps_do_not_wait_for_the_lease)
{
    kit_start();
    lethal = false;
    kit_zoe_has_account(ZOE);
    for (int i = 0; i < 3; i++)
        open_and_die();
    kit_crash();
    commit();
    for (int i = 0; i < CAUTION_STEP + 1; i++)
        say({"zoe-joined", EVENT_JOINED, .at = 1, .profile = ZOE});
    commit();
    ck_assert_uint_eq(stats_now().duplicates, CAUTION_STEP + 1);
    kit_stop();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_record_that_kills_its_readers_goes_to_dead_letters_and_the_others_are_merged,
        a_worker_killed_again_and_again_for_other_reasons_loses_nothing,
        nothing_is_read_before_the_partition_is_open,
        duplicates_in_small_steps_do_not_wait_for_the_lease,
    };
    return kit_run("engine_poison", tests, ARRAY_SIZE(tests));
}
