/* verify.h - is this request from who it says it is from, and fresh?
 *
 * The rules are data, read from a source's `verify` table (see sources/README.md): which header carries the
 * proof, how it is written, what is signed, how old it may be. Several forms may be accepted (the first whose
 * header is present decides), others may be demanded beside it (each must pass); several keys may be active
 * (any match passes: rotation), or the request names one. Compared are decoded bytes, in constant time. A
 * header that takes part in verification must occur once only: with two of them the sender and we might each
 * believe another.
 *
 * Thread rule: a verifier belongs to one thread (it keeps its HMAC contexts warm). */
#ifndef INGEST_VERIFY_H
#define INGEST_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "buf.h"
#include "error.h"
#include "message.h"

enum {
    VERIFY_NAME_MAX = 64,
    VERIFY_FORMS_MAX = 6,
    VERIFY_PARTS_MAX = 12,
    VERIFY_VERSIONS_MAX = 4,
    VERIFY_PREFIXES_MAX = 4,
    VERIFY_SECRETS_MAX = 16,    /* of a source */
    VERIFY_KEYS_MAX = 16,       /* of a form */
    VERIFY_SIGNATURES_MAX = 16, /* in one header; more is an attempt to keep us busy */
    VERIFY_CLAIM_MAX = 256,
    VERIFY_ALGORITHMS_MAX = 12, /* of JWS */
};

enum verify_algorithm {
    VERIFY_STATIC, /* the header is the secret itself */
    VERIFY_HMAC_SHA1,
    VERIFY_HMAC_SHA256,
    VERIFY_HMAC_SHA512,
    VERIFY_ED25519,
    VERIFY_ITEM,        /* each item of the body carries the secret; see verifier_filter */
    VERIFY_JWS,         /* the body, or the header, is a JSON Web Signature; secrets are key sets (JWKS) */
    VERIFY_CERTIFICATE, /* the client's certificate; secrets are the subjects or fingerprints that may come */
};

enum verify_encoding {
    VERIFY_UTF8,
    VERIFY_HEX,
    VERIFY_BASE64,        /* both alphabets, padding or not */
    VERIFY_BASE64_STRICT, /* standard alphabet, padded, and the same text when encoded again */
};

/* AUTO: digits are seconds, or milliseconds from 11 digits on; anything else is RFC 3339. */
enum verify_unit { VERIFY_NO_TIME, VERIFY_SECONDS, VERIFY_MILLISECONDS, VERIFY_RFC3339, VERIFY_AUTO };

enum verify_part_kind {
    PART_LITERAL,
    PART_HEADER,
    PART_BODY,
    PART_FIELD,
    PART_METHOD,
    PART_PATH,
    PART_QUERY,
};

/* What is signed is the concatenation of parts. */
struct verify_part {
    enum verify_part_kind kind;
    char text[VERIFY_NAME_MAX]; /* the literal, or the header's or the field's name */
};

struct verify_label { /* "v1" → algorithm; also used for prefixes of secrets: "whsec_" → algorithm */
    char text[16];
    enum verify_algorithm algorithm;
};

struct verify_secrets { /* how secrets are written */
    enum verify_encoding encoding;
    struct verify_label prefixes[VERIFY_PREFIXES_MAX]; /* the first match decides and is cut off */
    size_t n_prefixes;
    enum verify_algorithm algorithm; /* of a secret without such a prefix */
    size_t min, max;                 /* bytes of a decoded secret that is not an Ed25519 key */
};

struct verify_claims {                         /* JWS: what the token must say, beside being signed */
    char typ[32];                              /* of its header, without "application/"; "": any */
    char algorithms[VERIFY_ALGORITHMS_MAX][8]; /* "RS256" … */
    size_t n_algorithms;
    char issuer[VERIFY_CLAIM_MAX], audience[VERIFY_CLAIM_MAX]; /* "": any */
    bool expires;   /* exp must be there and ahead; otherwise it must not be there, as in security events */
    int64_t past_s; /* how old iat may be; 0: any age */
};

struct verify_form {              /* one way of proving it */
    char query[VERIFY_NAME_MAX];  /* not "": the URL's parameter that holds the secret, instead of a header */
    char header[VERIFY_NAME_MAX]; /* "": the body (JWS, ITEM), or the connection (CERTIFICATE) */
    enum verify_algorithm algorithm; /* when n_versions is 0 */
    char prefix[16];                 /* before the one signature, such as "sha256="; unused with versions */
    struct verify_label versions[VERIFY_VERSIONS_MAX];
    size_t n_versions;       /* > 0: the header is a list "version,signature version,signature …" */
    char pair_signature[16]; /* not "": the header is a list "t=…,v1=…", this the signature's name */
    enum verify_encoding encoding;
    struct verify_part parts[VERIFY_PARTS_MAX];
    size_t n_parts;
    char time_header[VERIFY_NAME_MAX], time_field[16]; /* at most one of them */
    enum verify_unit time_unit;
    int64_t past_s, future_s;              /* how old, and how far ahead, the signed time may be */
    char delivery_header[VERIFY_NAME_MAX]; /* the delivery's id; "" if it has none */
    struct verify_secrets secrets;
    char key[VERIFY_NAME_MAX];        /* the named key; "": all that have no name */
    char key_header[VERIFY_NAME_MAX]; /* names the key; absent from a request: any of them */
    char item_list[VERIFY_NAME_MAX], item_member[VERIFY_NAME_MAX]; /* ITEM: {"value": [{"clientState": …}]} */
    struct verify_claims claims;
};

struct verify_rules {
    struct verify_form forms[VERIFY_FORMS_MAX];
    size_t n_any;   /* the first of these whose header is present decides */
    size_t n_forms; /* those behind n_any must all pass as well */
};

struct verify_secret {
    const char *name; /* NULL: none */
    const char *text;
};

enum verify_outcome {
    VERIFY_OK,
    VERIFY_MISSING,     /* no header of any form, or none of one that is demanded */
    VERIFY_MALFORMED,   /* the proof cannot be read */
    VERIFY_DUPLICATE,   /* a header that matters occurs twice */
    VERIFY_STALE,       /* too old, or too far ahead */
    VERIFY_FORGED,      /* readable, fresh, and wrong */
    VERIFY_UNKNOWN_KEY, /* it names a key that we do not have (yet): the sender may have a new one */
    VERIFY_OUTCOMES,
};

struct verified {
    struct str delivery; /* id of the delivery, borrowed from the message; n = 0: the form has none */
    struct str
        content; /* what was signed instead of the body: claims of a JWS in it; lives until the next check */
    bool items;  /* nothing is proved yet: verifier_filter has to be called on the body */
};

struct verifier;

/* Copies the rules, decodes the secrets. Fails with ERROR_INPUT, naming a secret by its position, never by
 * content. body_max is the largest body that will be checked. */
bool verifier_new(const struct verify_rules *rules, const struct verify_secret *secrets, size_t n_secrets,
                  size_t body_max, struct verifier **ret, struct error *err)
    __attribute__((warn_unused_result));
void verifier_free(struct verifier *v);
const struct verify_rules *verifier_rules(const struct verifier *v);

/* Does the form take this secret? */
bool verify_form_takes(const struct verify_form *form, const struct verify_secret *secret);

/* Does the message carry anything that a form reads a proof from? */
bool verifier_has_proof(const struct verifier *v, const struct message *m);

/* *ret is set on VERIFY_OK only. */
enum verify_outcome verifier_check(struct verifier *v, const struct message *m, int64_t now_ms,
                                   struct verified *ret);

/* Takes those items out of the parsed body (NULL: there is none) that do not carry the secret. false: none is left, nothing
 * is proved. */
bool verifier_filter(struct verifier *v, cJSON *body, size_t *ret_dropped);

const char *verify_outcome_name(enum verify_outcome outcome);

#endif
