/* Lua's memory: counted, limited, and small blocks kept for the next of their size. A script makes and drops some fifty of
 * them in a call. */
#include "lua_internal.h"

#include <stdlib.h>

enum { STEP = 16 };

struct lua_spare {
    struct lua_spare *next;
};

/* Blocks of 1 to STEP bytes are of class 0, and so on; larger ones than LUA_SPARE_CLASSES has are not kept. */
static size_t class_of(size_t size)
{
    return (size - 1) / STEP;
}

static void *take(struct lua_host *h, size_t size)
{
    size_t class = class_of(size);
    if (class >= LUA_SPARE_CLASSES)
        return malloc(size);
    struct lua_spare *block = h->spare[class];
    if (!block)
        return malloc((class + 1) * STEP);
    h->spare[class] = block->next;
    return block;
}

static void give_back(struct lua_host *h, void *p, size_t size)
{
    size_t class = class_of(size);
    if (class >= LUA_SPARE_CLASSES) {
        free(p);
        return;
    }
    struct lua_spare *block = p;
    block->next = h->spare[class];
    h->spare[class] = block;
}

static void *resize(struct lua_host *h, void *p, size_t old, size_t size)
{
    size_t from = class_of(old), to = class_of(size);
    if (from >= LUA_SPARE_CLASSES && to >= LUA_SPARE_CLASSES)
        return realloc(p, size);
    if (from == to)
        return p;
    void *q = take(h, size);
    if (q) {
        memcpy(q, p, old < size ? old : size);
        give_back(h, p, old);
    }
    return q;
}

/* Lua counts a block's old size against its new one; osize is a type tag for new blocks. */
void *lua_memory(void *ctx, void *p, size_t osize, size_t nsize)
{
    struct lua_host *h = ctx;
    size_t old = p ? osize : 0;
    if (h->limited && nsize > old && h->memory_used - old + nsize > h->memory_max)
        return NULL;
    void *q = NULL;
    if (old > 0 && nsize > 0)
        q = resize(h, p, old, nsize);
    else if (nsize > 0)
        q = take(h, nsize);
    else if (old > 0)
        give_back(h, p, old);
    if (q || nsize == 0)
        h->memory_used = h->memory_used - old + nsize;
    return q;
}

void lua_memory_drop(struct lua_host *h)
{
    for (size_t i = 0; i < LUA_SPARE_CLASSES; i++)
        while (h->spare[i]) {
            struct lua_spare *block = h->spare[i];
            h->spare[i] = block->next;
            free(block);
        }
}
