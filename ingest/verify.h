/* verify.h - is this request from who it says it is from, and fresh?
 *
 * The rules are data, read from a source's `verify` table (see sources/README.md): which header carries the
 * proof, how it is written, what is signed, how old it may be. Several forms may be accepted (the first whose
 * header is present decides), several secrets may be active (any match passes: rotation). Compared are
 * decoded bytes, in constant time. A header that takes part in verification must occur once only: with two of
 * them the sender and we might each believe another.
 *
 * Thread rule: a verifier belongs to one thread (it keeps its HMAC contexts warm). */
#ifndef INGEST_VERIFY_H
#define INGEST_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "message.h"

enum {
    VERIFY_NAME_MAX = 64,
    VERIFY_FORMS_MAX = 4,
    VERIFY_PARTS_MAX = 8,
    VERIFY_VERSIONS_MAX = 4,
    VERIFY_PREFIXES_MAX = 4,
    VERIFY_SECRETS_MAX = 8,
    VERIFY_SIGNATURES_MAX = 16, /* in one header; more is an attempt to keep us busy */
};

enum verify_algorithm {
    VERIFY_STATIC, /* the header is the secret itself */
    VERIFY_HMAC_SHA256,
    VERIFY_ED25519,
};

enum verify_encoding { VERIFY_UTF8, VERIFY_HEX, VERIFY_BASE64 };

enum verify_unit { VERIFY_NO_TIME, VERIFY_SECONDS, VERIFY_MILLISECONDS };

/* What is signed is the concatenation of parts. */
struct verify_part {
    enum { PART_LITERAL, PART_HEADER, PART_BODY } kind;
    char text[VERIFY_NAME_MAX]; /* the literal, or the header's name */
};

struct verify_label { /* "v1" → algorithm; also used for prefixes of secrets: "whsec_" → algorithm */
    char text[16];
    enum verify_algorithm algorithm;
};

struct verify_form { /* one way of proving it */
    char header[VERIFY_NAME_MAX];
    enum verify_algorithm algorithm; /* when n_versions is 0 */
    char prefix[16];                 /* before the one signature, such as "sha256="; unused with versions */
    struct verify_label versions[VERIFY_VERSIONS_MAX];
    size_t n_versions; /* > 0: the header is a list "version,signature version,signature …" */
    enum verify_encoding encoding;
    struct verify_part parts[VERIFY_PARTS_MAX];
    size_t n_parts;
    char time_header[VERIFY_NAME_MAX];
    enum verify_unit time_unit;
    int64_t past_s, future_s;              /* how old, and how far ahead, the signed time may be */
    char delivery_header[VERIFY_NAME_MAX]; /* the delivery's id; "" if it has none */
};

struct verify_rules {
    struct verify_form forms[VERIFY_FORMS_MAX];
    size_t n_forms;
    enum verify_encoding secret_encoding;
    struct verify_label
        secret_prefixes[VERIFY_PREFIXES_MAX]; /* first match decides the algorithm and is cut off */
    size_t n_secret_prefixes;
    enum verify_algorithm secret_algorithm; /* of a secret without such a prefix */
    size_t secret_min, secret_max;          /* bytes of a decoded secret that is not an Ed25519 key */
};

enum verify_outcome {
    VERIFY_OK,
    VERIFY_MISSING,   /* no header of any form */
    VERIFY_MALFORMED, /* the proof cannot be read */
    VERIFY_DUPLICATE, /* a header that matters occurs twice */
    VERIFY_STALE,     /* too old, or too far ahead */
    VERIFY_FORGED,    /* readable, fresh, and wrong */
    VERIFY_OUTCOMES,
};

struct verifier;

/* Copies the rules, decodes the secrets. Fails with ERROR_INPUT, naming a secret by its position, never by
 * content. body_max is the largest body that will be checked. */
bool verifier_new(const struct verify_rules *rules, const char *const *secrets, size_t n_secrets,
                  size_t body_max, struct verifier **ret, struct error *err)
    __attribute__((warn_unused_result));
void verifier_free(struct verifier *v);

/* On VERIFY_OK *ret_delivery is the id of the delivery, borrowed from m; n = 0 when the form has none. */
enum verify_outcome verifier_check(struct verifier *v, const struct message *m, int64_t now_ms,
                                   struct str *ret_delivery);

const char *verify_outcome_name(enum verify_outcome outcome);

#endif
