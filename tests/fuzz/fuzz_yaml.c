/* A policy or its cases in YAML. What is read is within its limits, and reads as itself when it is written as JSON. */
#include "fuzz.h"

#include "yaml_doc.h"

static size_t depth_of(const cJSON *node)
{
    size_t deepest = 0;
    for (const cJSON *item = node->child; item; item = item->next) {
        size_t depth = depth_of(item);
        deepest = depth > deepest ? depth : deepest;
    }
    return cJSON_IsArray(node) || cJSON_IsObject(node) ? deepest + 1 : 0;
}

static size_t nodes_of(const cJSON *node)
{
    size_t n = 1;
    for (const cJSON *item = node->child; item; item = item->next)
        n += nodes_of(item);
    return n;
}

/* YAML has texts that JSON writes as YAML does not take them (U+0085, keys beyond 1024 characters). */
static void read_again(const cJSON *root)
{
    struct error err;
    cJSON *again;
    char *text = cJSON_PrintUnformatted(root);
    assert(text);
    if (yaml_doc_parse(str_of(text), &again, &err)) {
        assert(cJSON_Compare(root, again, true));
        cJSON_Delete(again);
    }
    cJSON_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct error err = {0};
    cJSON *root = NULL;
    if (!yaml_doc_parse(text, &root, &err)) {
        assert(!root && err.message[0]);
        return 0;
    }
    assert(depth_of(root) <= YAML_DEPTH_MAX && nodes_of(root) <= YAML_NODES_MAX);
    read_again(root);
    cJSON_Delete(root);
    return 0;
}
