#include "pack.h"

#include <assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lz4.h>

#include "mem.h"

struct packed_bytes {
    uint32_t n;        /* before packing */
    uint32_t packed_n; /* 0: they are loose, as they were given */
    char bytes[];
};

struct packer {
    LZ4_stream_t primed; /* knows the dictionary */
    LZ4_stream_t work;
    char *scratch; /* packed or unpacked bytes */
    size_t scratch_size;
};

enum { ACCELERATION = 4 };

/* ---- dictionary ---------------------------------------------------------------------------------------- */

/* clang-format off */
#define ATTRIBUTES(each)                                                                                     \
    each("active") each("addresses.work.country") each("costCenter") each("department") each("displayName")  \
    each("division") each("emails.work") each("employeeNumber") each("locale") each("manager")               \
    each("name.familyName") each("name.formatted") each("name.givenName") each("nickName")                   \
    each("organization") each("phoneNumbers.work") each("preferredLanguage") each("timezone")                \
    each("title") each("userName") each("userType")
#define REGISTER(name) "\",0],\"" name "\":[\""
#define KNOWN(name)    "\",\"" name "\":\""
#define SAME(name)     ",\"" name "\":true"

/* What records have in common, in the form that record.c gives it: a register as it follows another, an attribute as it
 * follows another; what is frequent comes last. No more than a hint: a record in another form is packed as correctly,
 * only less tightly. */
static const char dictionary[] =
    "\"suspension\":{\"on\":true,\"stamp\":2},\"suspension\":{\"on\":false,\"stamp\":1}"
    "\"accessUntil\":{\"until\":0,\"ended\":false,\"stamp\":0}\"goneSince\":17"
    "\"scheduled\":[{\"due\":17,\"id\":\"\",\"type\":\"rollcall.person.left\",\"value\":{\"occurredAt\":\"20"
    "\"doubtUntil\":17,\"open\":true,\"attempts\":1,\"writeFailed\":true,\"nextAttemptAt\":17"
    ",\"lastFailure\":\"503 from PATCH /Users\",\"refused\":[{\"what\":\"\",\"fingerprint\":\"\",\"reason\":\""
    "\"createAs\":\"\",\"known\":null\"known\":\"absent\"},\""
    ",\"pending\":[{\"id\":\"\",\"trace\":\"\",\"type\":\"rollcall.person.joined\",\"empty\":true,\"occurredAt\":17"
    ",\"type\":\"rollcall.person.changed\",\"occurredAt\":17,\"queuedAt\":17,\"offset\":"
    ",\"type\":\"rollcall.membership.added\""
    ATTRIBUTES(KNOWN) ATTRIBUTES(SAME) ATTRIBUTES(REGISTER)
    "{\"version\":4,\"seq\":1,\"offset\":10,\"employment\":{\"value\":\"left\",\"stamp\":1}"
    ",\"employment\":{\"value\":\"joined\",\"stamp\":0},\"complete\":0,\"profile\":{\"costCenter\":[\"\",1],\""
    "\",0]},\"groups\":{\"\":[true,3],\"\":[false,2]},\"stamps\":[[17,\"\"],[17,\"\"]],\"recent\":\""
    "\",\"targets\":{\"miro\":{\"link\":\"34587645\",\"known\":{\"active\":true,\"attributes\":{\"costCenter\":true"
    ",\"department\":true,\"displayName\":true,\"emails.work\":true,\"employeeNumber\":true,\"manager\":true"
    ",\"name.familyName\":true,\"name.givenName\":true,\"preferredLanguage\":\"en_US\",\"title\":true"
    ",\"userName\":true,\"userType\":\"Full\"}}},\"\"}}}}}";
/* clang-format on */

/* ---- packing ------------------------------------------------------------------------------------------- */

struct packer *packer_new(void)
{
    struct packer *k = xcalloc(1, sizeof *k);
    LZ4_initStream(&k->primed, sizeof k->primed);
    LZ4_loadDict(&k->primed, dictionary, sizeof dictionary - 1);
    return k;
}

void packer_free(struct packer *k)
{
    if (!k)
        return;
    free(k->scratch);
    free(k);
}

static char *scratch(struct packer *k, size_t size)
{
    if (size > k->scratch_size) {
        k->scratch = xreallocarray(k->scratch, size, 1);
        k->scratch_size = size;
    }
    return k->scratch;
}

void packed_clear(struct packed *p)
{
    free(p->p);
    p->p = NULL;
}

static void keep(struct packed *p, size_t n, size_t packed_n, const char *bytes)
{
    size_t size = packed_n ? packed_n : n;
    p->p = xmalloc(sizeof *p->p + size + (packed_n ? 0 : 1)); /* loose bytes are given out as they lie */
    p->p->n = (uint32_t)n;
    p->p->packed_n = (uint32_t)packed_n;
    memcpy(p->p->bytes, bytes, size);
    if (!packed_n)
        p->p->bytes[size] = '\0';
}

void packed_set_loose(struct packed *p, struct str bytes)
{
    packed_clear(p);
    if (bytes.n > 0)
        keep(p, bytes.n, 0, bytes.p);
}

void packed_tighten(struct packer *k, struct packed *p)
{
    struct packed loose = *p;
    if (!p->p || p->p->packed_n)
        return;
    p->p = NULL;
    packed_set(k, p, (struct str){loose.p->bytes, loose.p->n});
    packed_clear(&loose);
}

void packed_set(struct packer *k, struct packed *p, struct str bytes)
{
    packed_clear(p);
    if (bytes.n == 0)
        return;
    assert(bytes.n <= LZ4_MAX_INPUT_SIZE);
    int room = LZ4_compressBound((int)bytes.n);
    char *to = scratch(k, (size_t)room);
    k->work = k->primed;
    int n = LZ4_compress_fast_continue(&k->work, bytes.p, to, (int)bytes.n, room, ACCELERATION);
    assert(n > 0); /* there is room for whatever comes out */
    keep(p, bytes.n, (size_t)n, to);
}

struct str packed_get(struct packer *k, const struct packed *p)
{
    if (!p->p)
        return (struct str){"", 0};
    if (!p->p->packed_n)
        return (struct str){p->p->bytes, p->p->n};
    char *to = scratch(k, (size_t)p->p->n + 1);
    int n = LZ4_decompress_safe_usingDict(p->p->bytes, to, (int)p->p->packed_n, (int)p->p->n, dictionary,
                                          sizeof dictionary - 1);
    assert(n == (int)p->p->n); /* our own memory */
    to[n] = '\0';
    return (struct str){to, (size_t)n};
}
