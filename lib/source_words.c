#include "source_words.h"

#include <stdlib.h>

void source_request_done(struct source_request *r)
{
    for (size_t i = 0; i < r->n_headers; i++)
        free(r->headers[i]);
    free(r->headers);
    free(r->method);
    free(r->path);
    free(r->body);
    *r = (struct source_request){0};
}

void source_person_done(struct source_person *p)
{
    event_done(&p->words);
    *p = (struct source_person){0};
}
