#include "wildcard.h"

#include "test_lib.h"

#include "../sim/prng.h"

static const struct {
    const char *pattern, *text;
    bool fits;
} rows[] = {
    {"", "", true},
    {"", "a", false},
    {"*", "", true},
    {"**", "ab", true},
    {"?", "", false},
    {"?", "a", true},
    {"?", "\xc3\xbc", true},   /* one character of two bytes */
    {"??", "\xc3\xbc", false}, /* not two of them */
    {"?", "\xf0\x9f\x98\x80", true},
    {"?", "\xff", true}, /* no UTF-8: a byte */
    {"*?", "\xc3\xbc", true},
    {"aB", "Ab", true},
    {"\xc3\x9c", "\xc3\xbc", false}, /* only ASCII folds */
    {"a*c", "abbbc", true},
    {"a*c", "abbbcd", false},
    {"*ab*ab", "abxab", true},
    {"*ab*ab", "abab", true},
    {"*ab*ab", "ab", false},
    {"*aab", "aaab", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"a\\?b", "a?b", true},
    {"\\\\", "\\", true},
    {"a\\", "a\\", true}, /* nothing follows: it is itself */
};

START_TEST(a_pattern_fits_or_does_not)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        ck_assert_msg(wildcard_match(str_of(rows[i].pattern), str_of(rows[i].text)) == rows[i].fits,
                      "\"%s\" on \"%s\"", rows[i].pattern, rows[i].text);
}
END_TEST

/* The definition, tried in every way; for texts of one byte per character. */
static bool fits(const char *pattern, const char *text)
{
    if (*pattern == '*')
        return fits(pattern + 1, text) || (*text && fits(pattern, text + 1));
    if (!*pattern || !*text)
        return !*pattern && !*text;
    return (*pattern == '?' || *pattern == *text) && fits(pattern + 1, text + 1);
}

static void draw(struct prng *r, const char *letters, char *out, int64_t max)
{
    int64_t n = prng_range(r, 0, max);
    for (int64_t i = 0; i < n; i++)
        out[i] = letters[prng_range(r, 0, (int64_t)strlen(letters) - 1)];
    out[n] = '\0';
}

START_TEST(agrees_with_its_definition)
{
    struct prng chance = {1};
    unsigned fitted = 0;
    for (int i = 0; i < 200000; i++) {
        char pattern[8], text[10];
        draw(&chance, "ab*?", pattern, 7);
        draw(&chance, "ab", text, 9);
        bool wanted = fits(pattern, text);
        fitted += wanted;
        ck_assert_msg(wildcard_match(str_of(pattern), str_of(text)) == wanted, "\"%s\" on \"%s\"", pattern,
                      text);
    }
    ck_assert_uint_gt(fitted, 10000);
}
END_TEST

RUN_TESTS("wildcard", a_pattern_fits_or_does_not, agrees_with_its_definition)
