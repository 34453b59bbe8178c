/* archive.h - bodies as they were received, encrypted with the operator's key: records of <prefix>.raw.
 *
 * The record's key is a random id. Its value, numbers big-endian:
 *
 *     "RRA1"  key id (8)  received at, ms (8)  length of source (1)  source  nonce (12)  ciphertext  tag (16)
 *
 * AES-256-GCM; the key of a record is HMAC-SHA256(operator's key, record id), so that nonces never run out. What stands
 * before the nonce, and the record's id, are authenticated too. The key id is the beginning of SHA-256 of the
 * operator's key: several keys may be known, the first one seals. Inside:
 *
 *     {"request": bytes, "content": bytes, "delivery": "…", "items": bool}\n  request  content
 *
 * request is what message_read takes: method, path, parameters and headers that the source reads, body. No header of a proof is in it.
 * content: what was signed in place of the body (claims of a JWS). A record with ".erased" for a source is no body but says
 * that the person whom its body names, tenant/directory/subject, was erased then (archive_tools.c). To change this: a new
 * mark for "RRA1"; archive_open goes on reading the old one as long as the topic's retention. Thread rule: immutable after archive_new. */
#ifndef INGEST_ARCHIVE_H
#define INGEST_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"
#include "error.h"
#include "message.h"
#include "record.h"
#include "source.h"

enum { ARCHIVE_ID_SIZE = 33 };

struct archive;

/* Reads the keys. *ret is NULL when the configuration has none. Fails with ERROR_INPUT. */
bool archive_new(const struct config *cfg, struct archive **ret, struct error *err)
    __attribute__((warn_unused_result));
void archive_free(struct archive *a); /* NULL is fine */

/* Appends the record to out; *ret borrows from it until it changes. false: out is full. */
bool archive_seal(const struct archive *a, const struct source *src, const struct message *m,
                  const struct verified *verified, int64_t received_at_ms, struct buf *out,
                  struct record *ret);

struct archived { /* what can be read without a key */
    int64_t received_at_ms;
    char source[EVENT_NAME_MAX + 1];
};

struct archived_request { /* borrows from plain */
    struct buf plain;
    char *delivery;
    struct message message;
    struct verified verified;
};

/* false: the value is nothing of ours. */
bool archive_peek(struct str value, struct archived *ret);
/* Release *ret with archived_done. Fails with ERROR_INPUT: another key, or not as it was sealed. */
bool archive_open(const struct archive *a, struct str key, struct str value, struct archived_request *ret,
                  struct error *err) __attribute__((warn_unused_result));
void archived_done(struct archived_request *r);

#endif
