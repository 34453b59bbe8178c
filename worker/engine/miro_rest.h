/* miro_rest.h - requests and answers of Miro's REST API (SPEC: /v2/orgs/{org}/groups, /teams, /groups/{id}/teams,
 * /teams/{id}/groups). Pure. */
#ifndef ROLLCALL_ENGINE_MIRO_REST_H
#define ROLLCALL_ENGINE_MIRO_REST_H

#include "attr.h"
#include "buf.h"
#include "error.h"
#include "scim.h"

/* what: "groups", "teams". cursor: of a page before, NULL: the first. */
void miro_rest_list(const char *org, const char *what, const char *cursor, struct scim_request *ret);
/* The teams that a user group is attached to. */
void miro_rest_list_teams_of(const char *org, const char *group, const char *cursor,
                             struct scim_request *ret);
void miro_rest_attach(const char *org, const char *group, const char *team, struct scim_request *ret);
void miro_rest_detach(const char *org, const char *group, const char *team, struct scim_request *ret);

/* A page of a list into `found`, id → name (without one: ""). *ret_cursor: of the next page, NULL: it is the last; caller
 * frees. Fails with ERROR_TEMPORARY on a body that is none: nothing is found then. */
bool miro_rest_parse(struct str body, struct attrs *found, char **ret_cursor, struct error *err)
    __attribute__((warn_unused_result));

#endif
