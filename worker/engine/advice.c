#include "advice.h"

#include <string.h>

#include "mem.h"
#include "person.h"
#include "plan.h"

#define RETRY ", then let it be tried again: control retry"

/* The first that fits counts. */
static const struct row {
    const char *kind;   /* NULL: any */
    const char *what;   /* how it begins; NULL: any */
    const char *reason; /* a part of it, any case; NULL: any */
    const char *action;
} rows[] = {
    /* a whole account */
    {NULL, REFUSED_ADOPT, FINDING_INACTIVE,
     "if the account is this person's, activate it at the target" RETRY
     "; otherwise give the person another name"},
    {NULL, REFUSED_ADOPT, FINDING_NUMBER,
     "find out whose account it is: mend its employeeNumber at the target, or the person's name at the "
     "source" RETRY},
    {NULL, REFUSED_ADOPT, FINDING_SEVERAL, "leave one account with that name at the target" RETRY},
    {"miro", REFUSED_CREATE, FINDING_UNSEEN,
     "the address probably belongs to a guest, whom SCIM does not show, or to an account outside of the "
     "organisation: make it "
     "a member in Miro's user management, or remove it there" RETRY},
    {NULL, REFUSED_CREATE, FINDING_UNSEEN,
     "look for the account at the target: free its name, or make it visible to the token" RETRY},
    {"miro", NULL, "whitelist",
     "allow the domain in Miro's company settings, or mend the address at the source" RETRY},
    {"miro", REFUSED_CREATE, "email", "mend the address at the source, or let the policy make one"},
    {"miro", REFUSED_CUT, "company admin",
     "take the admin's role from the account in Miro's user management; it is tried again daily, and at once "
     "by control "
     "retry"},
    {NULL, NULL, "at least one admin",
     "make somebody else an admin there (of the team, or of the company); a leaver is tried again daily, "
     "others by control "
     "retry"},
    {NULL, NULL, "more than one organi",
     "the account belongs to another organisation too, so that it cannot be changed from here: do it at the "
     "target by hand, "
     "or let the other organisation give it up" RETRY},
    {NULL, FINDING_VANISHED, NULL,
     "if the person still has a way in (at Miro as a guest, whom SCIM does not show), end it at the target "
     "by hand"},
    /* attributes */
    {NULL, "userName", "not unique",
     "another account has this name: rename, merge or remove that one at the target" RETRY},
    {NULL, "userName", "claimed",
     "claim the domain at the target for this organisation, or mend the address at the source" RETRY},
    {NULL, "userType", "only go up",
     "change the licence in Miro's user management if it is to be a lower one, or let the policy want what "
     "the account has"},
    {NULL, "userType", "kept", "there is probably no licence left: free or buy one" RETRY},
    {NULL, "manager", "no number",
     "let the policy say the manager's id at the target, or only manager.displayName"},
    {NULL, "role", "can be given", "give this role at the target by hand, or let the policy say another one"},
    {NULL, ATTR_ROLE_PREFIX, NULL,
     "look whether the target has an admin role of this name, and whether SCIM may give it" RETRY},
    {NULL, NULL, PROFILE_NOT_SENT "the target takes at most",
     "shorten the value at the source or in the policy"},
    {NULL, NULL, PROFILE_NOT_SENT "the target lets nobody",
     "let the policy say a value, or nothing, instead of none"},
    {NULL, "userType", NULL, "look whether the organisation has this licence, and whether one is left" RETRY},
    {NULL, NULL, "kept another value",
     "the target does not keep this value: change it there, or leave the attribute out of the policy"},
    /* teams */
    {NULL, REFUSED_TEAM, "several teams", "rename all but one of them at the target; it is taken up then"},
    {NULL, REFUSED_TEAM, "cannot be listed",
     "see that the token may list the target's teams; they are taken up then"},
    {NULL, REFUSED_TEAM, "lists it no more",
     "see that the token may list all groups of the target, or delete this one there"},
    {NULL, REFUSED_TEAM, "several groups",
     "rename or delete all but one of them at the target, or mend teams.renames; it is taken up then"},
    {NULL, REFUSED_TEAM, "to be renamed to it",
     "let the token change groups there, or rename that one by hand; it is tried again with each hourly "
     "listing"},
    {NULL, REFUSED_TEAM, "cannot be made",
     "let the token make groups there, or make it by hand; it is tried again with each hourly listing"},
    {NULL, REFUSED_TEAM, "teams.retired",
     "let the policy name it no more, or take it out of teams.retired of the target"},
    {NULL, REFUSED_TEAM, "teams.names", "mend teams.names of the target, or the policy"},
    {NULL, REFUSED_TEAM, NULL, "make the team at the target, or mend the policy; it is taken up then"},
    {NULL, REFUSED_MOVE, "last team",
     "put the account into another team first, in the policy or at the target"},
    {NULL, REFUSED_MOVE, "before the cut",
     "end the membership at the target by hand if the boards are to be handed on"},
    {NULL, REFUSED_MOVE, NULL, "mend the cause at the target" RETRY},
    /* what is left */
    {NULL, REFUSED_DEADLINE, NULL, "see why its calls fail, mend that" RETRY},
    {NULL, REFUSED_CUT, NULL,
     "mend the cause at the target; it is tried again daily, and at once by control retry"},
    {NULL, "+", NULL, "mend the cause at the target or in the policy" RETRY},
    {NULL, NULL, NULL, "change the value, or leave it out of the policy"},
};

static bool begins(const char *text, const char *prefix)
{
    return !prefix || strncmp(text, prefix, strlen(prefix)) == 0;
}

const char *advice_for(const struct profile *p, const char *what, const char *reason)
{
    size_t i = 0;
    for (; i + 1 < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        if ((!row->kind || (p && strcmp(row->kind, p->kind) == 0)) && begins(what, row->what) &&
            (!row->reason || strcasestr(reason, row->reason)))
            break;
    }
    return rows[i].action;
}
