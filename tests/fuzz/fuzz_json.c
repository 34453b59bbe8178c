/* Both readers of JSON take the same texts, and what they take is checked and finds its way back. */
#include "fuzz.h"

#include <stdlib.h>

#include "json.h"

static void print_again(const cJSON *root)
{
    char *text = cJSON_PrintUnformatted(root);
    struct error err;
    cJSON *again;
    assert(text);
    assert(json_parse(str_of(text), &again, &err)); /* what we would write can be read */
    cJSON_Delete(again);
    cJSON_free(text);
}

static void assert_equal(const cJSON *a, const cJSON *b)
{
    char *text_a = cJSON_PrintUnformatted(a), *text_b = cJSON_PrintUnformatted(b);
    assert(strcmp(text_a, text_b) == 0);
    cJSON_free(text_a);
    cJSON_free(text_b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct error err, doc_err;
    cJSON *root = NULL;
    struct json_doc doc = {0};
    bool parsed = json_parse(text, &root, &err);
    bool doc_parsed = json_doc_parse(text, &doc, &doc_err);
    assert(parsed == doc_parsed);
    if (parsed) {
        assert(json_check(text, &err));
        assert_equal(root, doc.root);
        print_again(root);
    } else {
        assert(err.message[0] && doc_err.message[0] && err.kind == doc_err.kind);
    }
    cJSON_Delete(root);
    json_doc_done(&doc);
    return 0;
}
