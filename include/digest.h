/* digest.h - the hashes that wire formats depend on, and text encodings of bytes. Thread-safe; cannot fail
 * unless said. */
#ifndef ROLLCALL_DIGEST_H
#define ROLLCALL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum { SHA256_SIZE = 32, SHA256_HEX_SIZE = 65 };

void digest_sha256(const void *p, size_t n, unsigned char out[SHA256_SIZE]);
void digest_sha256_hex(const void *p, size_t n, char out[SHA256_HEX_SIZE]); /* lower case, NUL-terminated */

/* Kafka's murmur2 (seed 0x9747b28c), made positive as Java's default partitioner does:
 * partition = digest_murmur2(key) % partitions. */
uint32_t digest_murmur2(const void *p, size_t n);

/* 64-bit hash for fingerprints and hash tables, the same on every machine (it is persisted as fingerprint).
 */
uint64_t digest_hash64(const void *p, size_t n);

/* Lower-case hex; out has 2n + 1 bytes. */
void hex_encode(const void *p, size_t n, char *out);
/* Reads exactly 2n hex digits of either case into out[n]; false when text is anything else. */
bool hex_decode(struct str text, unsigned char *out, size_t n);

/* Appends standard base64 with padding. */
void base64_encode(const void *p, size_t n, struct buf *out);
/* Appends the decoded bytes; accepts both alphabets, padding present or absent; false on anything else. */
bool base64_decode(struct str text, struct buf *out);

/* Does c stand for itself in every part of a URI (RFC 3986 2.3)? */
static inline bool percent_plain(char c)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

/* Appends text as one segment of a path, a value of a query or of a form (RFC 6749 appendix B): %XX for all that
 * is not plain. */
void percent_encode(const char *text, struct buf *out);
/* Whether text can be one segment of a path: not NULL or empty, of at most max bytes, and neither "." nor "..", which lead
 * out of it however they are written (RFC 3986 6.2.2.3). */
bool percent_is_segment(const char *text, size_t max);

#endif
