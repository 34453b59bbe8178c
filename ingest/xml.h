/* xml.h - XML (SOAP) as what JSON can say. Only xml.c sees expat.h.
 *
 * An element is an object of its children by local name (prefixes and name spaces are dropped), its attributes as
 * "@name", its own text as "#text"; one with text only is that text; what occurs several times among its siblings is
 * an array. The root is the only member of the result. No document type: neither entities nor external anything.
 *
 * Thread rule: none. */
#ifndef INGEST_XML_H
#define INGEST_XML_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "buf.h"
#include "error.h"

/* The caller frees *ret with cJSON_Delete. Fails with ERROR_INPUT. */
bool xml_parse(struct str text, cJSON **ret, struct error *err) __attribute__((warn_unused_result));

#endif
