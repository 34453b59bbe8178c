#include <dirent.h>

#include "../../worker/engine/guard.h"
#include "../../worker/engine/record.h"
#include "event_kit.h"

#define MINIMAL "\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":[],\"targets\":{}"

#define RECENT(list)                                                                                         \
    "{\"version\":4,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":" list ",\"targets\":{}}"

static char *write_person(const struct person *p)
{
    struct buf out;
    buf_init(&out, RECORD_MAX);
    record_write(p, &out);
    return buf_take(&out);
}

START_TEST(what_is_written_is_read_back_the_same)
{
    static const struct word words[] = {
        {"a", EVENT_JOINED, .at = 1, .profile = "userName=zo\"e;title=Ch\\ef\n;nick", .groups = "g;h",
         .until = "900"},
        {"b", EVENT_SUSPENDED, .at = 2, .profile = "emoji=\xf0\x9f\x98\x80", .complete = true},
        {"c", EVENT_MEMBERSHIP_REMOVED, .at = 3, .groups = "h"},
        {"d", EVENT_LEFT, .at = 4, .effective = 5000, .profile = "title=Gone", .groups = "x", .until = ""},
        {"e", EVENT_DELETED, .at = 5, .effective = 6000},
        {"f", EVENT_CHANGED, .at = 2, .groups = "g", .all_groups = true},
    };
    struct person p = {.seq = 12, .offset = 345}, q;
    struct error err;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct event ev = make_event(&words[i]);
        person_merge(&p, &ev, kit_ms(100));
        event_done(&ev);
    }
    struct target_state *t = person_target_add(&p, "miro");
    target_state_set_known(t, KNOWN_ACCOUNT);
    t->link = xstrdup("7");
    t->known_active = t->open = t->names_teams = t->out_of_reach = true;
    put_attrs(&t->known_attrs, "title=Chef;nick");
    t->doubt_until_ms = kit_ms(7);
    t->attempts = 3;
    t->next_attempt_ms = kit_ms(8);
    t->retry_cut_ms = kit_ms(9);
    t->switched_until_ms = kit_ms(13);
    t->switched_on = true;
    target_state_note_move(t, "3074457345618265034", true, kit_ms(15));
    target_state_note_move(t, "3074457345618265035", false, kit_ms(16));
    t->admitted = 0x0123456789abcdefu;
    put_attrs(&t->admitted_moves, "3074457345618265034=0123456789abcdef");
    t->held_word = 0xabcdef0123456789u;
    t->held_what = GUARD_UPGRADE;
    snprintf(t->held_id, sizeof t->held_id, "0123456789abcdef");
    t->held_since_ms = kit_ms(12);
    t->failed_ms = kit_ms(10);
    t->provision_ms = kit_ms(11);
    t->provision_owed = true;
    t->denied = true;
    target_state_fail(t, "503");
    target_state_refuse(t, "title", 0xfedcba9876543210u, "no");
    target_state_refuse(t, REFUSED_MOVE "7", 0xfedcba9876543210u, "the last admin");
    target_state_refused_team(t, REFUSED_MOVE "7", "Ops");
    target_state_deny(t, REFUSED_DENIED, 0xfedcba9876543210u, "deletion: denied", "0123456789abcdef",
                      kit_ms(14));
    t->pending = xcalloc(2, sizeof *t->pending);
    t->n_pending = 2;
    for (size_t i = 0; i < 2; i++) {
        struct pending *e = &t->pending[i];
        *e =
            (struct pending){.type = (enum event_type)i, .occurred_at_ms = 1, .queued_at_ms = 2, .offset = 3};
        memcpy(e->id, event_id(i ? "a" : "b"), EVENT_ID_SIZE);
    }
    snprintf(t->pending[1].source, sizeof t->pending[1].source, "hr");
    t->pending[1].needs_fetch = true;
    t->pending[1].denied = true;
    snprintf(t->pending[1].trace_id, sizeof t->pending[1].trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
    target_state_set_known(person_target_add(&p, "wiki"), KNOWN_ABSENT);
    person_target(&p, "wiki")->searched = 0xfedcba9876543210u;
    person_target_add(&p, "chat");
    ck_assert_uint_eq(record_flags(&p), RECORD_OPEN | RECORD_REFUSED | RECORD_UNCUT | RECORD_ACTIVE |
                                            RECORD_HELD | RECORD_TEAMS | RECORD_DENIED);
    char *first = write_person(&p);
    ck_assert_msg(record_read(str_of(first), &q, &err), "%s", err.message);
    char *second = write_person(&q);
    ck_assert_str_eq(first, second);
    ck_assert_uint_eq(q.n_scheduled, 2);
    ck_assert_uint_eq(person_target(&q, "miro")->n_pending, 2);
    ck_assert(person_target(&q, "miro")->out_of_reach);
    ck_assert_int_eq(person_target(&q, "wiki")->known, KNOWN_ABSENT);
    ck_assert_uint_eq(person_target(&q, "wiki")->searched, 0xfedcba9876543210u);
    ck_assert_int_eq(person_target(&q, "chat")->known, KNOWN_UNKNOWN);
    free(first);
    free(second);
    person_done(&p);
    person_done(&q);
}
END_TEST

START_TEST(recent_events_are_read_in_the_form_of_all_versions)
{
    static const char *const rows[] = {
        "{\"version\":1,\"seq\":1,\"offset\":0,\"profile\":{},"
        "\"recent\":[\"8f14e45fceea167a\",\"ffffffffffffffff\"],\"targets\":{}}",
        RECENT("\"jxTkX87qFno__________8\""),
        "{\"version\":2,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":\"jxTkX87qFno__________8\","
        "\"targets\":{}}",
        "{\"version\":3,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":\"jxTkX87qFno__________8\","
        "\"targets\":{}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct person p;
        struct error err;
        ck_assert_msg(record_read(str_of(rows[i]), &p, &err), "%s", err.message);
        ck_assert_uint_eq(p.recent.n, 2);
        ck_assert(event_ids_has(&p.recent, 0x8f14e45fceea167a) && event_ids_has(&p.recent, UINT64_MAX));
        ck_assert(!event_ids_has(&p.recent, 0x8f14e45fceea167b) && !event_ids_has(&p.recent, 0));
        char *text = write_person(&p);
        ck_assert_str_eq(text, rows[1]);
        free(text);
        person_done(&p);
    }
}
END_TEST

/* One record, as version 3 had it and as it is now. */
static const char before[] =
    "{\"version\":3,\"seq\":7,\"offset\":4711,"
    "\"employment\":{\"value\":\"left\",\"at\":5,\"event\":\"00000000000000aa\","
    "\"told\":{\"value\":\"joined\",\"at\":4,\"event\":\"00000000000000bb\"}},"
    "\"suspension\":{\"on\":false,\"at\":5,\"event\":\"00000000000000aa\",\"told\":null},"
    "\"accessUntil\":{\"until\":9,\"ended\":false,\"at\":4,\"event\":\"00000000000000bb\"},"
    "\"complete\":{\"at\":4,\"event\":\"00000000000000bb\"},"
    "\"groupsComplete\":{\"at\":5,\"event\":\"00000000000000bb\"},"
    "\"profile\":{\"manager\":[null,4,\"00000000000000bb\"],\"title\":[\"Chef\",4,\"00000000000000bb\"],"
    "\"userName\":[\"zoe\",6,\"00000000000000cc\"]},\"groups\":{\"g\":[true,6,\"00000000000000cc\"]},"
    "\"recent\":\"\",\"targets\":{\"miro\":{\"link\":\"7\",\"known\":{\"active\":true,\"attributes\":{"
    "\"manager\":null,\"nickName\":\"Z\",\"title\":\"Boss\",\"userName\":\"zoe\"}}}}}";
static const char after[] =
    "{\"version\":4,\"seq\":7,\"offset\":4711,"
    "\"employment\":{\"value\":\"left\",\"stamp\":0,\"told\":{\"value\":\"joined\",\"stamp\":1}},"
    "\"suspension\":{\"on\":false,\"stamp\":0,\"told\":null},"
    "\"accessUntil\":{\"until\":9,\"ended\":false,\"stamp\":1},\"complete\":1,\"groupsComplete\":2,"
    "\"profile\":{\"manager\":[null,1],\"title\":[\"Chef\",1],\"userName\":[\"zoe\",3]},"
    "\"groups\":{\"g\":[true,3]},\"stamps\":[[5,\"00000000000000aa\"],[4,\"00000000000000bb\"],"
    "[5,\"00000000000000bb\"],[6,\"00000000000000cc\"]],"
    "\"recent\":\"\",\"targets\":{\"miro\":{\"link\":\"7\",\"known\":{\"active\":true,\"attributes\":{"
    "\"manager\":null,\"nickName\":\"Z\",\"title\":\"Boss\",\"userName\":true}}}}}";

START_TEST(what_stood_more_than_once_is_said_once)
{
    const char *const rows[] = {before, after};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct person p;
        struct error err;
        ck_assert_msg(record_read(str_of(rows[i]), &p, &err), "%s", err.message);
        ck_assert_str_eq(attrs_get(&person_target(&p, "miro")->known_attrs, "userName"), "zoe");
        ck_assert_int_eq(p.complete_groups_stamp.at_ms, 5);
        ck_assert_uint_eq(p.complete_groups_stamp.event, 0xbb);
        char *text = write_person(&p);
        ck_assert_str_eq(text, after);
        free(text);
        person_done(&p);
    }
}
END_TEST

/* As many stamps as one may have, of which many begin alike. */
START_TEST(every_register_keeps_its_own_stamp)
{
    struct person p = {0}, q;
    struct error err;
    p.groups = xcalloc(PERSON_GROUPS_MAX, sizeof *p.groups);
    for (; p.n_groups < PERSON_GROUPS_MAX; p.n_groups++) {
        int64_t n = (int64_t)p.n_groups;
        p.groups[n] =
            (struct group_register){xasprintf("g%03d", (int)n), true, {n / 2 * 4096, (uint64_t)(n % 3)}};
    }
    char *text = write_person(&p);
    ck_assert_msg(record_read(str_of(text), &q, &err), "%s", err.message);
    ck_assert_uint_eq(q.n_groups, PERSON_GROUPS_MAX);
    for (size_t i = 0; i < q.n_groups; i++) {
        ck_assert_int_eq(q.groups[i].stamp.at_ms, p.groups[i].stamp.at_ms);
        ck_assert_uint_eq(q.groups[i].stamp.event, p.groups[i].stamp.event);
    }
    free(text);
    person_done(&p);
    person_done(&q);
}
END_TEST

START_TEST(the_state_beside_a_record_is_read_in_the_form_of_all_versions)
{
    const struct record_state s = {7, INT64_C(1234567890123), INT64_C(1794912255123), 13,
                                   UINT64_C(0x7fffffffffffffff)};
    char text[RECORD_STATE_SIZE];
    record_state_format(&s, text);
    ck_assert_str_eq(text, "7 1234567890123 1794912255123 13 9223372036854775807");
    const struct record_header together[] = {{"traceparent", "00"}, {RECORD_STATE, text}},
                               single[] = {{"seq", "7"},
                                           {"offset", "1234567890123"},
                                           {"due", "1794912255123"},
                                           {"flags", "13"},
                                           {"policy", "9223372036854775807"}};
    struct record_state read[3];
    record_state_read(together, ARRAY_SIZE(together), &read[0]);
    record_state_read(single, ARRAY_SIZE(single), &read[1]);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(read[i].seq, s.seq);
        ck_assert_int_eq(read[i].offset, s.offset);
        ck_assert_int_eq(read[i].due_ms, s.due_ms);
        ck_assert_uint_eq(read[i].flags, s.flags);
        ck_assert_uint_eq(read[i].policy, s.policy);
    }
    record_state_read(NULL, 0, &read[2]);
    ck_assert(read[2].seq == 0 && read[2].offset == 0 && read[2].due_ms == 0 && read[2].flags == 0 &&
              read[2].policy == 0);
    record_state_read(&(struct record_header){RECORD_STATE, "nonsense"}, 1, &read[2]);
    ck_assert_int_eq(read[2].offset, 0);
}
END_TEST

START_TEST(as_many_recent_events_as_may_be_are_read_and_no_more)
{
    struct buf list;
    buf_init(&list, RECORD_MAX);
    for (int n = EVENT_IDS_MAX; n <= EVENT_IDS_MAX + 1; n++) {
        struct person p = {0};
        struct error err;
        buf_clear(&list);
        buf_adds(&list, "{\"version\":3,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":\"");
        for (int i = 0; i < n; i++)
            buf_adds(&list, "jxTkX87qFno");
        buf_adds(&list, "\",\"targets\":{}}");
        ck_assert_int_eq(record_read(buf_str(&list), &p, &err), n == EVENT_IDS_MAX);
        person_done(&p);
    }
    buf_done(&list);
}
END_TEST

START_TEST(words_said_at_the_epoch_are_words)
{
    struct person p = {0}, q;
    struct error err;
    const struct word words[] = {{"a", EVENT_SUSPENDED, .until = "5000"},
                                 {"b", EVENT_CHANGED, .complete = true}};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct event ev = make_event(&words[i]);
        ev.occurred_at_ms = 0;
        person_merge(&p, &ev, kit_ms(100));
        event_done(&ev);
    }
    char *text = write_person(&p);
    ck_assert(record_read(str_of(text), &q, &err));
    ck_assert(q.suspended);
    ck_assert_int_eq(q.access_until_ms, kit_ms(5000));
    ck_assert_uint_eq(q.complete_stamp.event, p.complete_stamp.event);
    free(text);
    person_done(&p);
    person_done(&q);
}
END_TEST

START_TEST(a_new_person_is_a_record_too)
{
    struct person p = {0}, q;
    struct error err;
    char *text = write_person(&p);
    ck_assert(record_read(str_of(text), &q, &err));
    ck_assert_uint_eq(record_flags(&q), 0);
    free(text);
    person_done(&q);
}
END_TEST

START_TEST(refuses_what_is_no_record_of_a_person)
{
    static const char *const rows[] = {
        "",
        "garbage",
        "[]",
        "{}",
        "{\"version\":5," MINIMAL "}",
        "{\"version\":0," MINIMAL "}",
        "{\"version\":1,\"offset\":0,\"profile\":{},\"recent\":[],\"targets\":{}}",
        "{\"version\":1," MINIMAL
        ",\"employment\":{\"value\":\"fired\",\"at\":1,\"event\":\"0123456789abcdef\"}}",
        "{\"version\":1," MINIMAL ",\"employment\":{\"value\":\"left\",\"at\":1}}",
        "{\"version\":1," MINIMAL ",\"suspension\":{\"on\":1,\"at\":1,\"event\":\"0123456789abcdef\"}}",
        "{\"version\":1," MINIMAL ",\"accessUntil\":{\"until\":1,\"at\":1,\"event\":\"0123456789abcdef\"}}",
        "{\"version\":1," MINIMAL ",\"complete\":{\"at\":1,\"event\":\"xyz\"}}",
        "{\"version\":1," MINIMAL ",\"groups\":{\"g\":[true]}}",
        "{\"version\":1," MINIMAL ",\"scheduled\":[{\"due\":1}]}",
        "{\"version\":1,\"seq\":1,\"offset\":0,\"profile\":{\"a\":[\"b\",1]},\"recent\":[],\"targets\":{}}",
        "{\"version\":1,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":[\"12\"],\"targets\":{}}",
        "{\"version\":4," MINIMAL ",\"employment\":{\"value\":\"left\",\"stamp\":0}}",
        "{\"version\":4," MINIMAL ",\"stamps\":[[1,\"0123456789abcdef\"]],\"complete\":1}",
        "{\"version\":4," MINIMAL ",\"stamps\":[[1,\"0123456789abcdef\"]],\"complete\":-1}",
        "{\"version\":4," MINIMAL ",\"stamps\":[[1,\"0123456789abcdef\"]],\"complete\":0.5}",
        "{\"version\":4," MINIMAL ",\"stamps\":[[1,\"0123456789abcdef\"]],\"groups\":{\"g\":[true]}}",
        "{\"version\":4," MINIMAL ",\"stamps\":[[1]],\"complete\":0}",
        "{\"version\":4," MINIMAL ",\"stamps\":[7],\"complete\":0}",
        "{\"version\":4,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":\"\",\"targets\":{\"m\":{\"known\":"
        "{\"active\":true,\"attributes\":{\"title\":true}}}}}", /* as the profile, which says nothing of it */
        RECENT("7"),
        RECENT("\"jxTkX87qFn\""),   /* too short */
        RECENT("\"jxTkX87qFnoy\""), /* too long */
        RECENT("\"jxTkX87qFnp\""),  /* bits behind the last */
        RECENT("\"jxTkX87qF.o\""),  /* no digit */
        RECENT("\"jxTkX87qFn+\""),  /* the other alphabet */
        RECENT("\"jxTkX87qFn=\""),  /* padding */
        "{\"version\":1,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":[],\"targets\":{\"m\":{\"known\":"
        "\"yes\"}}}",
        "{\"version\":1,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":[],"
        "\"targets\":{\"m\":{\"known\":null,\"refused\":[{\"what\":\"x\"}]}}}",
        "{\"version\":1,\"seq\":1,\"offset\":0,\"profile\":{},\"recent\":[],"
        "\"targets\":{\"m\":{\"known\":null,\"pending\":[{\"id\":\"x\"}]}}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct person p = {0};
        struct error err = {0};
        ck_assert_msg(!record_read(str_of(rows[i]), &p, &err), "%s", rows[i]);
        ck_assert_int_eq(err.kind, ERROR_PERMANENT);
        ck_assert_uint_gt(strlen(err.message), 10);
    }
}
END_TEST

START_TEST(a_partitions_record_is_read_back_the_same)
{
    struct partition_record r = {3, 96, true, "worker-0", kit_ms(1), 42, 2, true, 0x1234, 0x5678, {0}}, back;
    struct error err;
    attrs_set(&r.spreads, "acme", "8");
    attrs_set(&r.spreads, "globex", "1");
    struct buf out;
    buf_init(&out, 1024);
    partition_record_write(&r, &out);
    ck_assert(partition_record_read(buf_str(&out), &back, &err));
    ck_assert_int_eq(back.partition, 3);
    ck_assert_int_eq(back.partitions, 96);
    ck_assert(back.open);
    ck_assert_int_eq(back.opened_at_ms, kit_ms(1));
    ck_assert_int_eq(back.offset, 42);
    ck_assert_uint_eq(back.deaths, 2);
    ck_assert(back.calls_unseen);
    ck_assert_uint_eq(back.swept, 0x1234);
    ck_assert_uint_eq(back.teams, 0x5678);
    ck_assert_uint_eq(back.spreads.n, 2);
    ck_assert_str_eq(attrs_get(&back.spreads, "acme"), "8");
    ck_assert_str_eq(attrs_get(&back.spreads, "globex"), "1");
    attrs_done(&back.spreads);
    attrs_done(&r.spreads);
    buf_done(&out);
    ck_assert(!partition_record_read(str_of("no"), &back, &err));
    ck_assert_int_eq(err.kind, ERROR_PERMANENT);
}
END_TEST

/* ---- schemas/examples ---------------------------------------------------------------------------------- */

#define EXAMPLES "schemas/examples/"

/* What a schema says and a reader need not: members of others, headers of a record, who wrote it. */
static const char *const not_the_readers[] = {
    "person-unknown-member.json",         "person-header-state-is-no-number.json",
    "person-partition-without-slot.json", "person-partition-of-none.json",
    "person-partition-deaths-zero.json",  "person-partition-spread-of-none.json"};

static bool read_example(const char *path, struct error *err)
{
    struct event_header headers[16];
    size_t n = 0;
    static char text[1024 * 1024];
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s", path);
    size_t size = fread(text, 1, sizeof text, f);
    fclose(f);
    cJSON *root = NULL, *item;
    ck_assert_msg(json_parse((struct str){text, size}, &root, err), "%s: %s", path, err->message);
    const char *key = json_string(root, "key");
    char *value = cJSON_PrintUnformatted(json_get(root, "value"));
    cJSON_ArrayForEach(item, json_get(root, "headers")) headers[n++] =
        (struct event_header){item->string, cJSON_GetStringValue(item)};
    bool ok = true;
    if (strstr(path, "/event-")) {
        struct event ev = {0};
        ok = event_read(headers, n, str_of(value), &ev, err);
        event_done(&ev);
    } else if (key && strcmp(key, RECORD_PARTITION_KEY) == 0) {
        struct partition_record r = {0};
        ok = partition_record_read(str_of(value), &r, err);
        attrs_done(&r.spreads);
    } else if (key && strncmp(key, WARD_KEY_PREFIX, strlen(WARD_KEY_PREFIX)) == 0) {
        struct guard guard;
        ok = guard_record_read(str_of(value), &guard, err);
    } else if (strcmp(value, "null") != 0) {
        struct person p = {0};
        ok = record_read(str_of(value), &p, err);
        person_done(&p);
    }
    free(value);
    cJSON_Delete(root);
    return ok;
}

static void read_examples(const char *directory, bool valid)
{
    DIR *dir = opendir(directory);
    ck_assert_msg(dir != NULL, "%s: run from the root of the repository", directory);
    int read = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[512];
        struct error err = {0};
        bool ours = strncmp(entry->d_name, "person-", 7) == 0 || strncmp(entry->d_name, "event-", 6) == 0;
        for (size_t i = 0; i < ARRAY_SIZE(not_the_readers); i++)
            ours = ours && strcmp(entry->d_name, not_the_readers[i]) != 0;
        if (!ours)
            continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        ck_assert_msg(read_example(path, &err) == valid, "%s: %s", path,
                      valid ? err.message : "was accepted");
        read++;
    }
    closedir(dir);
    ck_assert_int_gt(read, 10);
}

START_TEST(accepts_every_valid_example)
{
    read_examples(EXAMPLES "valid", true);
}
END_TEST

START_TEST(refuses_every_invalid_example)
{
    read_examples(EXAMPLES "invalid", false);
}
END_TEST

START_TEST(registers_are_found_in_whatever_order_they_were_written)
{
    struct person p;
    struct error err;
    const char *text =
        "{\"version\":1,\"seq\":1,\"offset\":0,\"profile\":{\"userName\":[\"z\",1,\"0123456789abcdef\"],"
        "\"displayName\":[\"Z\",1,\"0123456789abcdef\"],\"manager\":[\"1\",1,\"0123456789abcdef\"]},"
        "\"groups\":{\"b\":[true,1,\"0123456789abcdef\"],\"a\":[true,1,\"0123456789abcdef\"]},"
        "\"recent\":[],\"targets\":{}}";
    ck_assert_msg(record_read(str_of(text), &p, &err), "%s", err.message);
    ck_assert_str_eq(person_attr(&p, "userName"), "z");
    ck_assert_str_eq(person_attr(&p, "displayName"), "Z");
    ck_assert_str_eq(person_attr(&p, "manager"), "1");
    ck_assert_str_eq(p.groups[0].name, "a");
    person_done(&p);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        what_is_written_is_read_back_the_same,
        recent_events_are_read_in_the_form_of_all_versions,
        what_stood_more_than_once_is_said_once,
        every_register_keeps_its_own_stamp,
        the_state_beside_a_record_is_read_in_the_form_of_all_versions,
        as_many_recent_events_as_may_be_are_read_and_no_more,
        words_said_at_the_epoch_are_words,
        a_new_person_is_a_record_too,
        refuses_what_is_no_record_of_a_person,
        a_partitions_record_is_read_back_the_same,
        accepts_every_valid_example,
        refuses_every_invalid_example,
        registers_are_found_in_whatever_order_they_were_written,
    };
    return kit_run("record", tests, ARRAY_SIZE(tests));
}
