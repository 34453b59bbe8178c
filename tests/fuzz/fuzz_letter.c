/* Records of the dead letters topic, as commands read them: the key in the first line, then the value. What is sent again is
 * an event that keeps the rules, and a letter that was dealt with is found to be so by its mark. */
#include "fuzz.h"

#include "../../worker/letters.h"

static const struct letter_id PLACE = {3, 41}, BEHIND = {3, 42};

static void replay(const struct letter *letter)
{
    struct event ev, again;
    struct error err;
    if (!letter_replay(letter, 1000, &ev, &err))
        return;
    assert(event_check(&ev, &err));
    assert(letter_replay(letter, 2000, &again, &err));
    assert(strcmp(ev.id, again.id) == 0 && strcmp(ev.id, ev.replay_of) != 0);
    event_done(&ev);
    event_done(&again);
}

/* The value comes by itself: it is the letter and, marked, no open one any more. */
static void mark(const struct letter *letter, struct str key, struct str value)
{
    struct letters l = {.filter.settled = true};
    struct buf out;
    buf_init(&out, EVENT_VALUE_MAX);
    letter_mark_write(letter, &(struct letter_mark_words){NULL, "ann", "seen", 1000}, &out);
    letters_take(&l, PLACE, key, value);
    letters_take(&l, BEHIND, key, buf_str(&out));
    letters_settle(&l, 1);
    assert(l.n == 1 && l.v[0].state == LETTER_DROPPED && l.strange == 0);
    letters_done(&l);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str value = {(const char *)data, size};
    struct str key = fuzz_line(&value);
    struct letters l = {0};
    letters_take(&l, PLACE, key, value);
    letters_settle(&l, 1);
    assert(l.n + l.strange <= 1);
    if (l.n == 1) {
        replay(&l.v[0]);
        mark(&l.v[0], key, value);
    }
    letters_done(&l);
    return 0;
}
