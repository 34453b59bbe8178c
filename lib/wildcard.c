#include "wildcard.h"

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t character_at(struct str text, size_t at)
{
    size_t n = 1;
    while (at + n < text.n && n < 4 && continues(text.p[at + n]))
        n++;
    return n;
}

/* How much of text the one item of pattern at *p takes at t, 0: it does not fit; *p is then as it was. Not for `*`. */
static size_t item_fits(struct str pattern, size_t *p, struct str text, size_t t)
{
    size_t at = *p;
    if (at >= pattern.n || t >= text.n)
        return 0;
    if (pattern.p[at] == '?') {
        *p = at + 1;
        return character_at(text, t);
    }
    if (pattern.p[at] == '\\' && at + 1 < pattern.n)
        at++;
    if (fold(pattern.p[at]) != fold(text.p[t]))
        return 0;
    *p = at + 1;
    return 1;
}

/* Only the last `*` ever takes more: what an earlier one took need not be taken back. */
bool wildcard_match(struct str pattern, struct str text)
{
    size_t p = 0, t = 0, behind_star = 0, star_took = 0;
    bool star = false;
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = true;
            behind_star = ++p;
            star_took = t;
            continue;
        }
        size_t n = item_fits(pattern, &p, text, t);
        if (n > 0) {
            t += n;
            continue;
        }
        if (!star)
            return false;
        star_took += character_at(text, star_took);
        t = star_took;
        p = behind_star;
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}
