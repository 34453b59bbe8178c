/* Is this request from who it says? The source's name (of fuzz.yaml) in the first line, then a stored request. What is
 * taken for genuine is not any more when one bit of its body is another, unless the proof is a fixed text. Run from the
 * repository's root. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../ingest/source.h"
#include "json.h"
#include "mem.h"

static const int64_t NOW_MS = INT64_C(1614265330000); /* of the published vector */

static struct sources *load(void)
{
    static struct config *cfg; /* lives as long as the sources */
    struct sources *set;
    struct error err;
    bool ok = config_load("tests/fuzz/fuzz.yaml", &cfg, &err) && sources_load(cfg, &set, &err);
    if (!ok)
        fprintf(stderr, "%s\n", err.message);
    assert(ok);
    return set;
}

static void flip_a_bit(struct source *src, struct message *m)
{
    char *body = xmalloc(m->body.n);
    struct verified verified;
    memcpy(body, m->body.p, m->body.n);
    body[m->body.n / 2] ^= 1;
    m->body.p = body;
    assert(verifier_check(src->verifier, m, NOW_MS, &verified) != VERIFY_OK);
    free(body);
}

/* What is left of the items is what carried the secret, and is left again. */
static void filter_items(struct source *src, const struct message *m)
{
    size_t dropped, again;
    cJSON *body = NULL;
    struct error err;
    if (json_parse(m->body, &body, &err) && verifier_filter(src->verifier, body, &dropped))
        assert(verifier_filter(src->verifier, body, &again) && again == 0);
    cJSON_Delete(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sources *set;
    if (!set)
        set = load();
    struct str rest = {(const char *)data, size};
    struct source *src = sources_find(set, fuzz_line(&rest));
    struct message m;
    struct verified verified;
    struct error err;
    if (!src || !src->verifier || !message_read(rest, &m, &err))
        return 0;
    enum verify_outcome outcome = verifier_check(src->verifier, &m, NOW_MS, &verified);
    assert(outcome < VERIFY_OUTCOMES);
    if (outcome == VERIFY_OK && verified.items)
        filter_items(src, &m);
    else if (outcome == VERIFY_OK && m.body.n > 0 && strncmp(src->name, "signed", 6) == 0)
        flip_a_bit(src, &m);
    return 0;
}
