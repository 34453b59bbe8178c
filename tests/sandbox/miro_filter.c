#include "miro_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "mem.h"

enum kind { AND, OR, NOT, COMPARE, ELEMENT };
enum compare { EQ, NE, CO, SW, EW, GT, GE, LT, LE, PR };

struct miro_filter {
    enum kind kind;
    enum compare op;
    char path[MIRO_FILTER_PATH_MAX];  /* COMPARE and ELEMENT */
    char *value;                      /* COMPARE, except pr */
    bool null;                        /* it is null: has the attribute no value (eq), or any (ne)? */
    struct miro_filter *left, *right; /* NOT and ELEMENT: left only */
};

static const char *const compare_names[] = {"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"};

/* --- parsing: or := and {"or" and}; and := unary {"and" unary}; unary := ["not"] "(" or ")" | path ... ---
 */

struct parser {
    const char *start, *p, *end;
    unsigned depth;
    struct error *err;
};

static struct miro_filter *parse_or(struct parser *ps);

static struct miro_filter *fail(struct parser *ps, const char *what)
{
    if (ps->err->kind == ERROR_NONE)
        error_set(ps->err, ERROR_INPUT, "filter, byte %zu: %s", (size_t)(ps->p - ps->start), what);
    return NULL;
}

static struct miro_filter *node(enum kind kind, struct miro_filter *left, struct miro_filter *right)
{
    struct miro_filter *f = xcalloc(1, sizeof *f);
    f->kind = kind;
    f->left = left;
    f->right = right;
    return f;
}

static void skip_blanks(struct parser *ps)
{
    while (ps->p < ps->end && *ps->p == ' ')
        ps->p++;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(".:_-$@+", c);
}

/* The word ahead, not consumed; n is 0 when there is none. */
static struct str peek_word(struct parser *ps)
{
    skip_blanks(ps);
    const char *e = ps->p;
    while (e < ps->end && *e && is_word(*e))
        e++;
    return (struct str){ps->p, (size_t)(e - ps->p)};
}

static bool word_is(struct str word, const char *name)
{
    return word.n == strlen(name) && strncasecmp(word.p, name, word.n) == 0;
}

static bool take_char(struct parser *ps, char c)
{
    skip_blanks(ps);
    if (ps->p >= ps->end || *ps->p != c)
        return false;
    ps->p++;
    return true;
}

/* A string as JSON writes it, whose opening quote is behind p; NULL when it is none. */
static char *take_quoted(struct parser *ps)
{
    const char *start = ps->p - 1;
    cJSON *string = NULL;
    struct error err;
    while (ps->p < ps->end && *ps->p != '"')
        ps->p += *ps->p == '\\' && ps->p + 1 < ps->end ? 2 : 1;
    if (ps->p >= ps->end || !json_parse((struct str){start, (size_t)(ps->p + 1 - start)}, &string, &err))
        return NULL;
    ps->p++;
    char *value = xstrdup(cJSON_GetStringValue(string));
    cJSON_Delete(string);
    return value;
}

/* What an attribute is compared with; `null` makes the comparison one of presence. */
static bool take_value(struct parser *ps, struct miro_filter *f)
{
    if (take_char(ps, '"')) {
        f->value = take_quoted(ps);
        return f->value;
    }
    struct str word = peek_word(ps);
    ps->p += word.n;
    f->null = word_is(word, "null") && (f->op == EQ || f->op == NE);
    f->value = xstrndup(word.p, word.n);
    return word.n > 0;
}

static bool compare_parse(struct str word, enum compare *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(compare_names); i++)
        if (word_is(word, compare_names[i])) {
            *ret = (enum compare)i;
            return true;
        }
    return false;
}

static struct miro_filter *parse_group(struct parser *ps, char closer)
{
    if (++ps->depth > MIRO_FILTER_DEPTH_MAX)
        return fail(ps, "nested too deeply");
    struct miro_filter *f = parse_or(ps);
    ps->depth--;
    if (!f || take_char(ps, closer))
        return f;
    miro_filter_free(f);
    return fail(ps, closer == ')' ? "')' expected" : "']' expected");
}

static struct miro_filter *parse_compare(struct parser *ps, struct miro_filter *f)
{
    struct str word = peek_word(ps);
    if (!compare_parse(word, &f->op)) {
        miro_filter_free(f);
        return fail(ps, "operator expected: eq ne co sw ew gt ge lt le pr");
    }
    ps->p += word.n;
    if (f->op == PR)
        return f;
    if (take_value(ps, f))
        return f;
    miro_filter_free(f);
    return fail(ps, "value expected");
}

static struct miro_filter *parse_attribute(struct parser *ps)
{
    struct str word = peek_word(ps);
    if (word.n == 0)
        return fail(ps, "attribute expected");
    struct miro_filter *f = node(COMPARE, NULL, NULL);
    if (!miro_path_normalise(word, f->path)) {
        miro_filter_free(f);
        return fail(ps, "attribute name too long");
    }
    ps->p += word.n;
    if (!take_char(ps, '['))
        return parse_compare(ps, f);
    f->kind = ELEMENT;
    f->left = parse_group(ps, ']');
    if (f->left)
        return f;
    miro_filter_free(f);
    return NULL;
}

static struct miro_filter *parse_unary(struct parser *ps)
{
    struct str word = peek_word(ps);
    const char *behind = word.p + word.n;
    while (behind < ps->end && *behind == ' ')
        behind++;
    if (word_is(word, "not") && behind < ps->end && *behind == '(') {
        ps->p = behind + 1;
        struct miro_filter *inner = parse_group(ps, ')');
        return inner ? node(NOT, inner, NULL) : NULL;
    }
    return take_char(ps, '(') ? parse_group(ps, ')') : parse_attribute(ps);
}

/* One level of a left-associative chain. */
static struct miro_filter *parse_chain(struct parser *ps, const char *word, enum kind kind,
                                       struct miro_filter *(*next)(struct parser *))
{
    struct miro_filter *f = next(ps);
    while (f && word_is(peek_word(ps), word)) {
        ps->p += strlen(word);
        struct miro_filter *right = next(ps);
        if (!right) {
            miro_filter_free(f);
            return NULL;
        }
        f = node(kind, f, right);
    }
    return f;
}

static struct miro_filter *parse_and(struct parser *ps)
{
    return parse_chain(ps, "and", AND, parse_unary);
}

static struct miro_filter *parse_or(struct parser *ps)
{
    return parse_chain(ps, "or", OR, parse_and);
}

bool miro_filter_parse(struct str text, struct miro_filter **ret, struct error *err)
{
    struct error own = {0};
    struct parser ps = {.start = text.p, .p = text.p, .end = text.p + text.n, .err = &own};
    struct miro_filter *f = parse_or(&ps);
    skip_blanks(&ps);
    if (f && ps.p < ps.end) {
        miro_filter_free(f);
        f = fail(&ps, "the filter should end here");
    }
    if (!f)
        return error_set(err, own.kind, "%s", own.message);
    *ret = f;
    return true;
}

/* Chains are as long as the text, so the right side is freed in a loop and only nesting recurses. */
void miro_filter_free(struct miro_filter *f)
{
    while (f) {
        struct miro_filter *left = f->left;
        miro_filter_free(f->right);
        free(f->value);
        free(f);
        f = left;
    }
}

/* ---- matching ------------------------------------------------------------------------------------------ */

static bool contains(const char *value, const char *part)
{
    return strcasestr(value, part) != NULL;
}

static bool starts(const char *value, const char *part)
{
    return strncasecmp(value, part, strlen(part)) == 0;
}

static bool ends(const char *value, const char *part)
{
    size_t n = strlen(value), m = strlen(part);
    return n >= m && strcasecmp(value + n - m, part) == 0;
}

static bool holds(enum compare op, const char *value, const char *wanted)
{
    switch (op) {
    case EQ:
    case NE:
        return strcasecmp(value, wanted) == 0;
    case CO:
        return contains(value, wanted);
    case SW:
        return starts(value, wanted);
    case EW:
        return ends(value, wanted);
    case GT:
        return strcasecmp(value, wanted) > 0;
    case GE:
        return strcasecmp(value, wanted) >= 0;
    case LT:
        return strcasecmp(value, wanted) < 0;
    case LE:
        return strcasecmp(value, wanted) <= 0;
    case PR:
        return *value != '\0';
    }
    return false;
}

/* True when any value of the path stands in the relation; ne: when none is equal. */
static bool match_compare(const struct miro_filter *f, miro_getter *get, const void *subject)
{
    bool any = false;
    const char *value;
    for (size_t i = 0; !any && (value = get(subject, f->path, i)) != NULL; i++)
        any = holds(f->null ? PR : f->op, value, f->value);
    if (f->null)
        return any == (f->op == NE);
    return f->op == NE ? !any : any;
}

/* An element of a multi-valued attribute as a subject of its own. */
struct element {
    miro_getter *get;
    const void *subject;
    const char *attribute;
    size_t i;
};

static const char *element_value(const void *subject, const char *path, size_t i)
{
    const struct element *el = subject;
    char whole[2 * MIRO_FILTER_PATH_MAX];
    snprintf(whole, sizeof whole, "%s.%s", el->attribute, path);
    return i == 0 ? el->get(el->subject, whole, el->i) : NULL;
}

bool miro_filter_match_element(const struct miro_filter *f, miro_getter *get, const void *subject,
                               const char *attribute, size_t i)
{
    struct element el = {get, subject, attribute, i};
    return miro_filter_match(f, element_value, &el);
}

static bool match_elements(const struct miro_filter *f, miro_getter *get, const void *subject)
{
    for (size_t i = 0; get(subject, f->path, i) != NULL; i++)
        if (miro_filter_match_element(f->left, get, subject, f->path, i))
            return true;
    return false;
}

bool miro_filter_match(const struct miro_filter *f, miro_getter *get, const void *subject)
{
    switch (f->kind) {
    case AND:
        return miro_filter_match(f->left, get, subject) && miro_filter_match(f->right, get, subject);
    case OR:
        return miro_filter_match(f->left, get, subject) || miro_filter_match(f->right, get, subject);
    case NOT:
        return !miro_filter_match(f->left, get, subject);
    case COMPARE:
        return match_compare(f, get, subject);
    case ELEMENT:
        return match_elements(f, get, subject);
    }
    return false;
}

const char *miro_filter_is_eq(const struct miro_filter *f, const char *path)
{
    return f && f->kind == COMPARE && f->op == EQ && !f->null && strcmp(f->path, path) == 0 ? f->value : NULL;
}

bool miro_filter_is_complex(const struct miro_filter *f)
{
    if (!f)
        return false;
    if (f->kind == COMPARE)
        return strchr(f->path, '.') != NULL;
    return f->kind == ELEMENT || miro_filter_is_complex(f->left) || miro_filter_is_complex(f->right);
}

/* ---- paths --------------------------------------------------------------------------------------------- */

static const char *const urns[] = {
    "urn:ietf:params:scim:schemas:core:2.0:user",
    "urn:ietf:params:scim:schemas:core:2.0:group",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user",
};

bool miro_path_normalise(struct str path, char out[MIRO_FILTER_PATH_MAX])
{
    for (size_t i = 0; i < ARRAY_SIZE(urns); i++) {
        size_t n = strlen(urns[i]);
        if (path.n < n || strncasecmp(path.p, urns[i], n) != 0 || (path.n > n && path.p[n] != ':'))
            continue;
        size_t skip = path.n > n ? n + 1 : n;
        path = (struct str){path.p + skip, path.n - skip};
        break;
    }
    if (path.n >= MIRO_FILTER_PATH_MAX)
        return false;
    for (size_t i = 0; i < path.n; i++)
        out[i] = (char)(path.p[i] >= 'A' && path.p[i] <= 'Z' ? path.p[i] + 32 : path.p[i]);
    out[path.n] = '\0';
    return true;
}
