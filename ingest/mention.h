/* mention.h - does an archived request name a person?
 *
 * What counts is the document, however it is written: a string, a number or a member's name that is the subject, anywhere in
 * it. Too much is erased rather than too little: a person called 8 is named by every 8. Thread rule: none. */
#ifndef INGEST_MENTION_H
#define INGEST_MENTION_H

#include "archive.h"
#include "source.h"

enum mention {
    MENTION_NONE,
    MENTION_FOUND,
    MENTION_UNREADABLE, /* it cannot be parsed: nobody knows whom it names */
};

/* src: which the request was sent to; NULL: it is not configured any more. */
enum mention mention_of(const struct source *src, const struct archived_request *r, const char *subject);

#endif
