#include "test_lib.h"

#include "../../ingest/mention.h"

static const struct {
    const char *name, *type, *body, *content, *subject;
    enum mention want;
} rows[] = {
    {"string", "", "{\"id\":\"4711\"}", "", "4711", MENTION_FOUND},
    {"number", "", "{\"event_type_id\":8,\"user_id\":4711,\"user_name\":\"Ann\"}", "", "4711", MENTION_FOUND},
    {"number with an exponent", "", "[4.711e3]", "", "4711", MENTION_FOUND},
    {"number within another", "", "{\"user_id\":47110,\"id\":471.1}", "", "4711", MENTION_NONE},
    {"written otherwise", "", "{\"user_id\":7}", "", "007", MENTION_NONE},
    {"beyond 2^53", "", "{\"id\":3332883884017713939}", "", "3332883884017713939", MENTION_FOUND},
    {"no number", "", "{\"id\":1}", "", "", MENTION_NONE},
    {"escaped", "", "{\"id\":\"\\u0061nn\"}", "", "ann", MENTION_FOUND},
    {"nested", "", "[{\"a\":[[{\"b\":\"ann\"}]]}]", "", "ann", MENTION_FOUND},
    {"member's name", "", "{\"users\":{\"4711\":{\"active\":false}}}", "", "4711", MENTION_FOUND},
    {"part of a string", "", "{\"id\":\"annette\"}", "", "ann", MENTION_NONE},
    {"true is nobody", "", "{\"id\":true,\"x\":null}", "", "true", MENTION_NONE},
    {"form", "application/x-www-form-urlencoded", "a=1&user%5Bid%5D=an%6E", "", "ann", MENTION_FOUND},
    {"form of another", "application/x-www-form-urlencoded", "a=1&id=bob", "", "ann", MENTION_NONE},
    {"XML", "text/xml", "<e><id>ann</id></e>", "", "ann", MENTION_FOUND},
    {"XML of another", "text/xml", "<e><id>bob</id></e>", "", "ann", MENTION_NONE},
    {"lines", "application/x-ndjson", "{\"id\":1}\n{\"id\":\"ann\"}\n", "", "ann", MENTION_FOUND},
    {"claims", "", "eyJh.eyJz.c2ln", "{\"sub\":\"ann\"}", "ann", MENTION_FOUND},
    {"claims of another", "", "eyJh.eyJz.c2ln", "{\"sub\":\"bob\"}", "ann", MENTION_NONE},
    {"cut off, quoted", "", "{\"id\":\"ann\",", "", "ann", MENTION_FOUND},
    {"cut off", "", "{\"id\":4711,", "", "4711", MENTION_UNREADABLE},
    {"broken XML", "text/xml", "<e><id>ann</i>", "", "ann", MENTION_UNREADABLE},
    {"nothing", "", "", "", "ann", MENTION_NONE},
};

START_TEST(whom_a_document_names_however_it_is_written)
{
    const struct source any = {.format = SOURCE_AUTO};
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        struct archived_request r = {.message.body = str_of(rows[i / 2].body),
                                     .verified.content = str_of(rows[i / 2].content)};
        r.message.headers[r.message.n_headers++] =
            (struct message_header){str_of("Content-Type"), str_of(rows[i / 2].type)};
        enum mention found = mention_of(i % 2 ? &any : NULL, &r, rows[i / 2].subject);
        ck_assert_msg(found == rows[i / 2].want, "%s: %d", rows[i / 2].name, found);
    }
}
END_TEST

RUN_TESTS("ingest_mention", whom_a_document_names_however_it_is_written)
