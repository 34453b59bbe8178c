#include "verify_rules.h"

#include <string.h>

#include "mem.h"
#include "verify_key.h"

static const struct rules_word algorithms[] = {{"static", VERIFY_STATIC},
                                               {"hmac-sha1", VERIFY_HMAC_SHA1},
                                               {"hmac-sha256", VERIFY_HMAC_SHA256},
                                               {"hmac-sha512", VERIFY_HMAC_SHA512},
                                               {"ed25519", VERIFY_ED25519},
                                               {"item", VERIFY_ITEM},
                                               {"jws", VERIFY_JWS},
                                               {"certificate", VERIFY_CERTIFICATE},
                                               {NULL, 0}};
static const struct rules_word encodings[] = {{"text", VERIFY_UTF8},
                                              {"hex", VERIFY_HEX},
                                              {"base64", VERIFY_BASE64},
                                              {"base64-strict", VERIFY_BASE64_STRICT},
                                              {NULL, 0}};
static const struct rules_word units[] = {{"s", VERIFY_SECONDS},
                                          {"ms", VERIFY_MILLISECONDS},
                                          {"rfc3339", VERIFY_RFC3339},
                                          {"auto", VERIFY_AUTO},
                                          {NULL, 0}};

enum { TOLERANCE_MAX_S = 7 * 24 * 3600, SECRET_BYTES_MAX = 64 * 1024 };

static bool is_signature(enum verify_algorithm algorithm)
{
    return verify_is_hmac(algorithm) || algorithm == VERIFY_ED25519;
}

/* ---- labels: text → algorithm -------------------------------------------------------------------------- */

struct labels {
    struct verify_label *v;
    size_t n, max;
};

/* The member `key` of the table below the key on top of the stack. */
static bool read_label(struct rules_reader *r, struct labels *labels, const char *key, size_t n)
{
    struct verify_label *label = &labels->v[labels->n++];
    int algorithm = 0;
    memcpy(label->text, key, n + 1);
    lua_pushvalue(r->L, -2); /* the table, on top for rules_word */
    bool ok = rules_word(r, label->text, algorithms, true, &algorithm);
    lua_pop(r->L, 1);
    label->algorithm = (enum verify_algorithm)algorithm;
    if (ok && !is_signature(label->algorithm))
        ok = rules_fail(r, label->text, "must be a signature's algorithm");
    return ok;
}

static bool read_labels(struct rules_reader *r, void *ctx)
{
    struct labels *labels = ctx;
    lua_State *L = r->L;
    bool ok = true;
    lua_pushnil(L);
    while (ok && lua_next(L, -2)) {
        lua_pop(L, 1); /* read again by name, below the key */
        size_t n = 0;
        const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
        if (!key || n == 0 || n >= sizeof labels->v->text || labels->n == labels->max)
            ok = error_set(r->err, ERROR_INPUT, "%s: labels are a few short strings", r->path);
        else
            ok = read_label(r, labels, key, n);
        if (!ok)
            lua_pop(L, 1); /* the key */
    }
    return ok;
}

/* ---- secrets ------------------------------------------------------------------------------------------- */

static bool read_secrets(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"encoding", "algorithm", "prefixes", "min", "max", NULL};
    struct verify_secrets *how = ctx;
    struct labels prefixes = {how->prefixes, 0, VERIFY_PREFIXES_MAX};
    int encoding = VERIFY_UTF8, algorithm = 0;
    int64_t min = 16, max = 1024;
    if (!rules_check_keys(r, keys) || !rules_word(r, "encoding", encodings, true, &encoding) ||
        !rules_word(r, "algorithm", algorithms, true, &algorithm) ||
        !rules_table(r, "prefixes", false, read_labels, &prefixes))
        return false;
    if (algorithm == VERIFY_JWS)
        max = SECRET_BYTES_MAX;
    if (!rules_number(r, "min", SECRET_BYTES_MAX, &min) || !rules_number(r, "max", SECRET_BYTES_MAX, &max))
        return false;
    if (min < 1 || min > max)
        return rules_fail(r, "min", "must be from 1 to max");
    how->n_prefixes = prefixes.n;
    how->encoding = (enum verify_encoding)encoding;
    how->algorithm = (enum verify_algorithm)algorithm;
    how->min = (size_t)min;
    how->max = (size_t)max;
    return true;
}

/* ---- one form ------------------------------------------------------------------------------------------ */

static const char PARTS[] =
    "must be a text, {header=…}, {field=…}, {body=true}, {method=true}, {path=true} or {query=true}";

static bool read_literal(struct rules_reader *r, struct verify_part *part)
{
    size_t n;
    const char *text = lua_tolstring(r->L, -1, &n);
    if (n == 0 || n >= sizeof part->text || strlen(text) != n)
        return error_set(r->err, ERROR_INPUT, "%s: must be a short text", r->path);
    part->kind = PART_LITERAL;
    memcpy(part->text, text, n + 1);
    return true;
}

static bool read_part(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"header", "field", "body", "method", "path", "query", NULL};
    static const enum verify_part_kind kinds[] = {PART_HEADER, PART_FIELD, PART_BODY,
                                                  PART_METHOD, PART_PATH,  PART_QUERY};
    struct verify_form *form = ctx;
    struct verify_part *part = &form->parts[form->n_parts++];
    unsigned count = 0;
    if (lua_type(r->L, -1) == LUA_TSTRING)
        return read_literal(r, part);
    if (lua_type(r->L, -1) != LUA_TTABLE)
        return error_set(r->err, ERROR_INPUT, "%s: %s", r->path, PARTS);
    if (!rules_check_keys(r, keys))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        bool set = false;
        if (i < 2 ? !rules_text(r, keys[i], false, part->text, sizeof part->text)
                  : !rules_boolean(r, keys[i], &set))
            return false;
        if (i < 2 ? lua_host_field(r->L, -1, keys[i]) != LUA_TNIL : set) {
            part->kind = kinds[i];
            count++;
        }
        if (i < 2)
            lua_pop(r->L, 1);
    }
    return count == 1 || error_set(r->err, ERROR_INPUT, "%s: %s", r->path, PARTS);
}

static bool read_parts(struct rules_reader *r, void *ctx)
{
    return rules_list(r, VERIFY_PARTS_MAX, read_part, ctx);
}

static bool read_time(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"header", "field", "unit", "tolerance", "future", NULL};
    struct verify_form *form = ctx;
    int unit = VERIFY_NO_TIME;
    form->past_s = 300;
    form->future_s = -1;
    if (!rules_check_keys(r, keys) ||
        !rules_text(r, "header", false, form->time_header, sizeof form->time_header) ||
        !rules_text(r, "field", false, form->time_field, sizeof form->time_field) ||
        !rules_word(r, "unit", units, true, &unit) ||
        !rules_number(r, "tolerance", TOLERANCE_MAX_S, &form->past_s))
        return false;
    if (!form->time_header[0] == !form->time_field[0])
        return rules_fail(r, "header", "give either header or field");
    if (lua_host_field(r->L, -1, "future") == LUA_TNIL)
        form->future_s = form->past_s;
    lua_pop(r->L, 1);
    form->time_unit = (enum verify_unit)unit;
    return form->future_s >= 0 || rules_number(r, "future", TOLERANCE_MAX_S, &form->future_s);
}

static bool read_item(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"list", "member", NULL};
    struct verify_form *form = ctx;
    return rules_check_keys(r, keys) &&
           rules_text(r, "list", true, form->item_list, sizeof form->item_list) &&
           rules_text(r, "member", true, form->item_member, sizeof form->item_member);
}

static bool read_algorithm_name(struct rules_reader *r, void *ctx)
{
    static const char *const known[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                        "PS512", "ES256", "ES384", "ES512"};
    struct verify_claims *claims = ctx;
    const char *text = lua_type(r->L, -1) == LUA_TSTRING ? lua_tostring(r->L, -1) : "";
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strcmp(known[i], text) == 0) {
            memcpy(claims->algorithms[claims->n_algorithms++], text, strlen(text) + 1);
            return true;
        }
    }
    return error_set(r->err, ERROR_INPUT, "%s: must be an algorithm with public keys, such as RS256",
                     r->path);
}

static bool read_algorithm_names(struct rules_reader *r, void *ctx)
{
    return rules_list(r, VERIFY_ALGORITHMS_MAX, read_algorithm_name, ctx);
}

static bool read_claims(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"typ", "algorithms", "issuer", "audience", "expires", "age", NULL};
    struct verify_claims *claims = ctx;
    if (!rules_check_keys(r, keys) || !rules_text(r, "typ", false, claims->typ, sizeof claims->typ) ||
        !rules_table(r, "algorithms", true, read_algorithm_names, claims) ||
        !rules_text(r, "issuer", false, claims->issuer, sizeof claims->issuer) ||
        !rules_text(r, "audience", false, claims->audience, sizeof claims->audience) ||
        !rules_boolean(r, "expires", &claims->expires) ||
        !rules_number(r, "age", TOLERANCE_MAX_S, &claims->past_s))
        return false;
    return claims->n_algorithms > 0 || rules_fail(r, "algorithms", "must not be empty");
}

static bool part_named(const struct verify_form *form, int kind, const char *name)
{
    for (size_t i = 0; i < form->n_parts; i++)
        if ((int)form->parts[i].kind == kind && (!name || strcmp(form->parts[i].text, name) == 0))
            return true;
    return false;
}

/* A signature that does not cover the body, or not the time that it is judged by, protects nothing. */
static bool check_signature(struct rules_reader *r, const struct verify_form *form)
{
    bool time = form->time_unit == VERIFY_NO_TIME ||
                (form->time_field[0] ? part_named(form, PART_FIELD, form->time_field)
                                     : part_named(form, PART_HEADER, form->time_header));
    bool delivery = !form->delivery_header[0] || part_named(form, PART_HEADER, form->delivery_header);
    if (!form->header[0])
        return rules_fail(r, "header", "is missing");
    if (form->encoding == VERIFY_UTF8)
        return rules_fail(r, "encoding", "must be hex or base64");
    if (!part_named(form, PART_BODY, NULL))
        return rules_fail(r, "signed", "must contain {body=true}");
    if (!form->pair_signature[0] && (form->time_field[0] || part_named(form, PART_FIELD, NULL)))
        return rules_fail(r, "signed", "fields are those of a header with pairs");
    return (time && delivery) || rules_fail(r, "signed", "must contain the headers of time and delivery");
}

/* Is there a secret that the form could use? */
static bool secrets_fit(const struct verify_form *form)
{
    const struct verify_secrets *how = &form->secrets;
    bool fit = form->n_versions > 0 || how->algorithm == form->algorithm;
    for (size_t i = 0; i < how->n_prefixes && !fit; i++)
        fit = how->prefixes[i].algorithm == form->algorithm;
    return fit;
}

static bool check_form(struct rules_reader *r, const struct verify_form *form)
{
    if (form->query[0] && (form->n_versions > 0 || form->algorithm != VERIFY_STATIC))
        return rules_fail(r, "query", "holds a static secret or none");
    if (!secrets_fit(form))
        return rules_fail(r, "algorithm", "is not that of the secrets");
    if (form->n_versions > 0 || is_signature(form->algorithm))
        return check_signature(r, form);
    if (form->n_parts > 0 || form->time_unit != VERIFY_NO_TIME || form->pair_signature[0])
        return rules_fail(r, "signed", "only a signature signs something");
    switch (form->algorithm) {
    case VERIFY_ITEM:
        return !form->header[0] && form->item_list[0]
                   ? true
                   : rules_fail(r, "item", "an item's secret needs {list=…, member=…} and no header");
    case VERIFY_JWS:
        return form->claims.n_algorithms > 0 || rules_fail(r, "claims", "is missing");
    case VERIFY_CERTIFICATE:
        return true;
    default:
        return (!form->header[0]) != (!form->query[0]) ||
               rules_fail(r, "header", "is missing; or give query instead");
    }
}

/* What a form says about keys: of its own, or as all of the source. */
static bool read_keys(struct rules_reader *r, struct verify_form *form)
{
    return rules_table(r, "secrets", false, read_secrets, &form->secrets) &&
           rules_text(r, "key", false, form->key, sizeof form->key) &&
           rules_text(r, "key_header", false, form->key_header, sizeof form->key_header);
}

static bool read_form_texts(struct rules_reader *r, struct verify_form *form)
{
    return rules_text(r, "header", false, form->header, sizeof form->header) &&
           rules_text(r, "query", false, form->query, sizeof form->query) &&
           rules_text(r, "prefix", false, form->prefix, sizeof form->prefix) &&
           rules_text(r, "pair", false, form->pair_signature, sizeof form->pair_signature) &&
           rules_text(r, "delivery", false, form->delivery_header, sizeof form->delivery_header);
}

struct forms {
    struct verify_rules *rules;
    struct verify_secrets secrets; /* unless a form says its own */
};

static bool read_form(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {
        "header", "query",    "algorithm", "prefix", "versions", "pair",       "encoding", "signed",
        "time",   "delivery", "item",      "claims", "key",      "key_header", "secrets",  NULL};
    struct forms *forms = ctx;
    struct verify_rules *rules = forms->rules;
    struct verify_form *form = &rules->forms[rules->n_forms++];
    struct labels versions = {form->versions, 0, VERIFY_VERSIONS_MAX};
    int algorithm = -1, encoding = VERIFY_UTF8;
    form->secrets = forms->secrets;
    if (lua_type(r->L, -1) != LUA_TTABLE)
        return error_set(r->err, ERROR_INPUT, "%s: must be a table", r->path);
    if (!rules_check_keys(r, keys) || !read_form_texts(r, form) ||
        !rules_word(r, "algorithm", algorithms, false, &algorithm) ||
        !rules_table(r, "versions", false, read_labels, &versions) ||
        !rules_word(r, "encoding", encodings, false, &encoding) ||
        !rules_table(r, "signed", false, read_parts, form) ||
        !rules_table(r, "time", false, read_time, form) || !rules_table(r, "item", false, read_item, form) ||
        !rules_table(r, "claims", false, read_claims, &form->claims) || !read_keys(r, form))
        return false;
    form->n_versions = versions.n;
    form->encoding = (enum verify_encoding)encoding;
    if ((algorithm >= 0) == (versions.n > 0))
        return rules_fail(r, "algorithm", "give either algorithm or versions");
    form->algorithm = algorithm >= 0 ? (enum verify_algorithm)algorithm : VERIFY_STATIC;
    return check_form(r, form);
}

static bool read_forms(struct rules_reader *r, void *ctx)
{
    struct forms *forms = ctx;
    size_t before = forms->rules->n_forms;
    return rules_list(r, VERIFY_FORMS_MAX - before, read_form, forms) &&
           (forms->rules->n_forms > before ||
            error_set(r->err, ERROR_INPUT, "%s: must not be empty", r->path));
}

bool verify_rules_read(struct rules_reader *r, void *ctx)
{
    static const char *const keys[] = {"secrets", "accept", "demand", NULL};
    struct forms forms = {.rules = ctx};
    if (!rules_check_keys(r, keys) || !rules_table(r, "secrets", true, read_secrets, &forms.secrets) ||
        !rules_table(r, "accept", false, read_forms, &forms))
        return false;
    forms.rules->n_any = forms.rules->n_forms;
    if (!rules_table(r, "demand", false, read_forms, &forms))
        return false;
    return forms.rules->n_forms > 0 || rules_fail(r, "accept", "is missing");
}
