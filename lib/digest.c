#include "digest.h"

#include <assert.h>
#include <pthread.h>

#include <openssl/evp.h>

/* Fetched once, and one context for each thread: both cost more than a short digest itself. */
static EVP_MD *sha256;
static pthread_key_t contexts;

static void free_context(void *ctx)
{
    EVP_MD_CTX_free(ctx);
}

static void prepare(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    int rc = pthread_key_create(&contexts, free_context);
    assert(sha256 && rc == 0);
    (void)rc;
}

static EVP_MD_CTX *context(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare);
    EVP_MD_CTX *ctx = pthread_getspecific(contexts);
    if (!ctx) {
        ctx = EVP_MD_CTX_new();
        int rc = pthread_setspecific(contexts, ctx);
        assert(ctx && rc == 0);
        (void)rc;
    }
    return ctx;
}

void digest_sha256(const void *p, size_t n, unsigned char out[SHA256_SIZE])
{
    EVP_MD_CTX *ctx = context();
    bool done = EVP_DigestInit_ex(ctx, sha256, NULL) == 1 && EVP_DigestUpdate(ctx, p, n) == 1 &&
                EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    assert(done);
    (void)done;
}

void digest_sha256_hex(const void *p, size_t n, char out[SHA256_HEX_SIZE])
{
    unsigned char raw[SHA256_SIZE];
    digest_sha256(p, n, raw);
    hex_encode(raw, sizeof raw, out);
}

static uint32_t little_endian_32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* As org.apache.kafka.common.utils.Utils.murmur2 and toPositive. */
uint32_t digest_murmur2(const void *p, size_t n)
{
    static const uint32_t m = 0x5bd1e995;
    const unsigned char *in = p;
    uint32_t h = 0x9747b28c ^ (uint32_t)n;
    size_t whole = n / 4 * 4;
    for (size_t i = 0; i < whole; i += 4) {
        uint32_t k = little_endian_32(in + i) * m;
        k = (k ^ k >> 24) * m;
        h = h * m ^ k;
    }
    for (size_t left = n - whole; left > 0; left--) {
        h ^= (uint32_t)in[whole + left - 1] << (8 * (left - 1));
        if (left == 1)
            h *= m;
    }
    h = (h ^ h >> 13) * m;
    return (h ^ h >> 15) & 0x7fffffff;
}

/* FNV-1a, then MurmurHash3's finalizer, which spreads it over the low bits. Persisted: never change it. */
uint64_t digest_hash64(const void *p, size_t n)
{
    const unsigned char *in = p;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ in[i]) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}
