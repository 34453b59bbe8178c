#include "../../worker/engine/result.h"
#include "event_kit.h"

static struct pending an_event(void)
{
    struct pending event = {.type = EVENT_JOINED,
                            .source = "hr",
                            .occurred_at_ms = kit_ms(1),
                            .queued_at_ms = kit_ms(2),
                            .offset = 41,
                            .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"};
    memcpy(event.id, event_id("e1"), EVENT_ID_SIZE);
    return event;
}

static cJSON *parse(struct buf *out)
{
    cJSON *root = NULL;
    struct error err;
    ck_assert(buf_ok(out));
    ck_assert_msg(json_parse(buf_str(out), &root, &err), "%s", err.message);
    buf_done(out);
    return root;
}

static struct result a_result(const struct pending *event)
{
    return (struct result){.event = event,
                           .tenant = "acme",
                           .directory = "hr",
                           .subject = "zo\"e",
                           .target = "miro",
                           .outcome = OUTCOME_REJECTED,
                           .cause = "503",
                           .action = "wait",
                           .attempts = 3,
                           .started_ms = kit_ms(3),
                           .finished_ms = kit_ms(4)};
}

START_TEST(a_result_tells_the_whole_story)
{
    static struct operation operations[] = {{.step = STEP_LOOKUP, .status = 200, .attempts = 1, .ms = 12},
                                            {.step = STEP_UPDATE, .status = 503, .attempts = 2, .ms = 40}};
    char title[] = "title", before[] = "Cook";
    struct change changes[] = {{.attribute = title, .before = before, .after = NULL}};
    struct target_state state = {0};
    target_state_refuse(&state, "nickName", 1, "400");
    target_state_refuse(&state, "+cut", 1, "400");
    struct pending event = an_event();
    struct result r = a_result(&event);
    r.operations = operations;
    r.n_operations = 2;
    r.changes = changes;
    r.n_changes = 1;
    r.state = &state;
    r.account_id = "7";
    struct buf out;
    buf_init(&out, 10000);
    result_write(&r, &out);
    cJSON *root = parse(&out);
    char id[64];
    snprintf(id, sizeof id, "%s/miro", event_id("e1"));
    ck_assert_str_eq(json_string(root, "id"), id);
    ck_assert_str_eq(json_string(root, "eventType"), "rollcall.person.joined");
    ck_assert_str_eq(json_string(root, "subject"), "zo\"e");
    ck_assert_str_eq(json_string(root, "outcome"), "rejected");
    ck_assert_str_eq(json_string(root, "accountId"), "7");
    ck_assert_str_eq(json_string(root, "cause"), "503");
    ck_assert_str_eq(json_string(root, "traceId"), event.trace_id);
    ck_assert_str_eq(json_string(root, "startedAt"), "2027-01-15T08:00:03.000Z");
    const cJSON *op = cJSON_GetArrayItem(json_get(root, "operations"), 1);
    ck_assert_str_eq(json_string(op, "method"), "PATCH");
    ck_assert_int_eq(json_get(op, "attempts")->valueint, 2);
    ck_assert(cJSON_IsNull(json_get(cJSON_GetArrayItem(json_get(root, "changes"), 0), "after")));
    ck_assert_int_eq(cJSON_GetArraySize(json_get(root, "refused")),
                     1); /* whole steps speak through the cause */
    cJSON_Delete(root);
    target_state_forgive(&state, "nickName");
    target_state_forgive(&state, "+cut");
    free(state.refused);
}
END_TEST

START_TEST(an_effect_has_no_event_and_an_id_of_its_own)
{
    struct result r = a_result(NULL);
    struct buf out;
    r.outcome = OUTCOME_APPLIED;
    r.effect = 0xab;
    buf_init(&out, 10000);
    result_write(&r, &out);
    cJSON *root = parse(&out);
    ck_assert_str_eq(json_string(root, "id"), "effect:00000000000000ab/miro");
    ck_assert(cJSON_IsNull(json_get(root, "eventId")));
    ck_assert_ptr_null(json_get(root, "occurredAt"));
    cJSON_Delete(root);
}
END_TEST

START_TEST(a_merged_result_names_the_event_it_went_with)
{
    struct pending event = an_event();
    struct result r = a_result(&event);
    struct buf out;
    r.outcome = OUTCOME_MERGED;
    r.merged_into = event_id("e2");
    r.started_ms = 0;
    r.cause = r.action = NULL;
    buf_init(&out, 10000);
    result_write(&r, &out);
    cJSON *root = parse(&out);
    ck_assert_str_eq(json_string(root, "mergedInto"), event_id("e2"));
    ck_assert_ptr_null(json_get(root, "startedAt"));
    ck_assert_ptr_null(json_get(root, "cause"));
    cJSON_Delete(root);
}
END_TEST

START_TEST(outcomes_have_the_names_of_the_schema)
{
    static const char *const names[OUTCOMES] = {"applied", "unchanged", "superseded", "merged",
                                                "ignored", "rejected",  "denied"};
    for (enum outcome outcome = 0; outcome < OUTCOMES; outcome++)
        ck_assert_str_eq(outcome_name(outcome), names[outcome]);
}
END_TEST

/* As a replay reads it. */
static void can_be_sent_again(const cJSON *letter, const char *source)
{
    const cJSON *event = json_get(letter, "event");
    char *data = cJSON_PrintUnformatted(json_get(event, "data"));
    struct event ev;
    struct error err;
    ck_assert_msg(
        event_read_value(json_string(event, "id"), json_string(event, "type"), str_of(data), &ev, &err), "%s",
        err.message);
    ck_assert_str_eq(ev.source, source);
    event_done(&ev);
    free(data);
}

START_TEST(a_dead_letter_holds_what_is_left_of_the_event)
{
    struct person p = {0};
    const struct word words[] = {
        {"e1", EVENT_JOINED, .at = 1, .profile = "title=Chef;nick;team=x", .groups = "g;h"},
        {"e2", EVENT_CHANGED, .at = 2, .profile = "team=y", .groups = "h"}};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct event ev = make_event(&words[i]);
        person_merge(&p, &ev, kit_ms(10));
        event_done(&ev);
    }
    struct pending event = an_event();
    struct result r = a_result(&event);
    struct buf out;
    buf_init(&out, 10000);
    deadletter_write_rejected(&r, &p, 5, &out);
    cJSON *root = parse(&out);
    ck_assert_str_eq(json_string(root, "kind"), "rejected");
    ck_assert_str_eq(json_string(root, "reason"), "503");
    ck_assert_str_eq(json_string(json_get(root, "result"), "outcome"), "rejected");
    const cJSON *data = json_get(json_get(root, "event"), "data"), *profile = json_get(data, "profile");
    ck_assert_int_eq(cJSON_GetArraySize(profile), 2);
    ck_assert_str_eq(json_string(profile, "title"), "Chef");
    ck_assert(cJSON_IsNull(json_get(profile, "nick")));
    ck_assert_int_eq(cJSON_GetArraySize(json_get(data, "groups")), 1);
    can_be_sent_again(root, "hr");
    ck_assert_int_eq(json_get(root, "partition")->valueint, 5);
    ck_assert_int_eq(json_get(root, "offset")->valueint, 41);
    cJSON_Delete(root);
    r.event = NULL;
    r.cause = NULL;
    buf_init(&out, 10000);
    deadletter_write_rejected(&r, &p, 5, &out);
    root = parse(&out);
    ck_assert_ptr_null(json_get(root, "event"));
    ck_assert_str_eq(json_string(root, "reason"), "rejected");
    cJSON_Delete(root);
    person_done(&p);
}
END_TEST

/* A complete profile sets a register for each attribute that it clears: these need no word, and might be too many. */
START_TEST(a_dead_letter_of_a_complete_profile_can_be_sent_again)
{
    struct person p = {0};
    char names[EVENT_VALUE_MAX / 1024] = "";
    for (int i = 0; i < ATTRS_MAX; i++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%c%c=x", i ? ";" : "", 'a' + i / 26,
                 'a' + i % 26);
    const struct word words[] = {
        {"e0", EVENT_JOINED, .at = 0, .profile = names},
        {"e1", EVENT_JOINED, .at = 1, .profile = "title=Chef", .complete = true, .until = "99"}};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct event ev = make_event(&words[i]);
        ck_assert_int_eq(person_merge(&p, &ev, kit_ms(10)), MERGE_NEW);
        event_done(&ev);
    }
    struct pending event = an_event();
    struct result r = a_result(&event);
    struct buf out;
    snprintf(event.source, sizeof event.source, "payroll");
    buf_init(&out, 100000);
    deadletter_write_rejected(&r, &p, 5, &out);
    cJSON *root = parse(&out);
    can_be_sent_again(root, "payroll");
    const cJSON *data = json_get(json_get(root, "event"), "data");
    ck_assert_int_eq(cJSON_GetArraySize(json_get(data, "profile")), 1);
    ck_assert(cJSON_IsTrue(json_get(data, "complete")));
    ck_assert_str_eq(json_string(data, "accessUntil"), "2027-01-15T08:01:39.000Z");
    cJSON_Delete(root);
    person_done(&p);
}
END_TEST

START_TEST(a_dead_letter_of_what_was_not_merged_holds_the_event_itself)
{
    struct person p = {0};
    struct event ev = make_event(&(struct word){"e1", EVENT_CHANGED, .at = 1, .profile = "title=Chef"});
    struct pending event = an_event();
    struct result r = a_result(&event);
    struct buf out;
    r.unmerged = &ev;
    buf_init(&out, 10000);
    deadletter_write_rejected(&r, &p, 5, &out);
    cJSON *root = parse(&out);
    can_be_sent_again(root, "hr");
    ck_assert_str_eq(json_string(json_get(json_get(json_get(root, "event"), "data"), "profile"), "title"),
                     "Chef");
    cJSON_Delete(root);
    event_done(&ev);
}
END_TEST

START_TEST(headers_are_kept_as_far_as_they_fit)
{
    char *longest = xmalloc(DEADLETTER_HEADERS_MAX + 1);
    memset(longest, 'x', DEADLETTER_HEADERS_MAX);
    longest[DEADLETTER_HEADERS_MAX] = '\0';
    const struct record_header headers[] = {
        {"ce_id", "e1"}, {"big", longest}, {"\xff", "no name"}, {"odd", "\xff"}};
    struct invalid_record r = {3,          9,        {"k", 1}, {"{}", 2}, headers, ARRAY_SIZE(headers),
                               "no event", kit_ms(1)};
    struct buf out;
    buf_init(&out, 100000);
    deadletter_write_invalid(&r, &out);
    cJSON *root = parse(&out);
    const cJSON *kept = json_get(root, "headers");
    ck_assert_int_eq(cJSON_GetArraySize(kept), 2);
    ck_assert_str_eq(json_string(cJSON_GetArrayItem(kept, 0), "value"), "e1");
    ck_assert_str_eq(json_string(cJSON_GetArrayItem(kept, 1), "valueBase64"), "/w==");
    cJSON_Delete(root);
    free(longest);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_kept_in_base64)
{
    static const struct {
        struct str bytes;
        const char *member, *kept;
    } rows[] = {{{"{\"a\":\n\t1}", 9}, "value", "{\"a\":\n\t1}"},
                {{NULL, 0}, "value", ""},
                {{"\xff\xfe", 2}, "valueBase64", "//4="},
                {{"a\0b", 3}, "valueBase64", "YQBi"}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct invalid_record r = {3, 9, {"k", 1}, rows[i].bytes, NULL, 0, "no event", kit_ms(1)};
        struct buf out;
        buf_init(&out, 10000);
        deadletter_write_invalid(&r, &out);
        cJSON *root = parse(&out);
        ck_assert_str_eq(json_string(root, rows[i].member), rows[i].kept);
        ck_assert_str_eq(json_string(root, "key"), "k");
        ck_assert_str_eq(json_string(root, "reason"), "no event");
        ck_assert_str_eq(json_string(root, "at"), "2027-01-15T08:00:01.000Z");
        cJSON_Delete(root);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_result_tells_the_whole_story,
        an_effect_has_no_event_and_an_id_of_its_own,
        a_merged_result_names_the_event_it_went_with,
        outcomes_have_the_names_of_the_schema,
        a_dead_letter_holds_what_is_left_of_the_event,
        a_dead_letter_of_a_complete_profile_can_be_sent_again,
        a_dead_letter_of_what_was_not_merged_holds_the_event_itself,
        headers_are_kept_as_far_as_they_fit,
        bytes_that_are_no_text_are_kept_in_base64,
    };
    return kit_run("result", tests, ARRAY_SIZE(tests));
}
