/* yaml_doc.h - a file whose shape a program checks itself (a policy, its cases), as a cJSON tree. YAML, hence JSON too.
 *
 * The part of YAML that means one thing: mappings, lists, scalars. Plain `true`, `false`, `null`, `~` and nothing are what
 * they say, plain decimal integers of at most 15 digits without leading zeros are numbers, everything else is text
 * (`on`, `1.5`, `0042`). Anchors, aliases, tags, merge keys, several documents and a key that is there twice are refused.
 * Thread rule: one owner at a time. */
#ifndef ROLLCALL_YAML_DOC_H
#define ROLLCALL_YAML_DOC_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "buf.h"
#include "error.h"

enum { YAML_DEPTH_MAX = 32, YAML_NODES_MAX = 20000 };

/* The caller frees *ret with cJSON_Delete. Fails with ERROR_INPUT and says on which line. */
bool yaml_doc_parse(struct str text, cJSON **ret, struct error *err) __attribute__((warn_unused_result));

#endif
