#include "../../worker/engine/advice.h"
#include "../../worker/engine/person.h"
#include "../../worker/engine/plan.h"
#include "event_kit.h"

START_TEST(each_refusal_has_the_advice_of_its_row)
{
    static const struct {
        const char *kind, *what, *reason, *action; /* action: a part of it */
    } rows[] = {
        {"miro", REFUSED_ADOPT, FINDING_INACTIVE, "activate it"},
        {"miro", REFUSED_ADOPT, FINDING_NUMBER, "whose account it is"},
        {"miro", REFUSED_ADOPT, FINDING_SEVERAL, "leave one account"},
        {"miro", REFUSED_CREATE, FINDING_UNSEEN, "guest"},
        {"scim", REFUSED_CREATE, FINDING_UNSEEN, "visible to the token"},
        {"miro", REFUSED_CREATE, "409: x.example is not Whitelisted", "allow the domain in Miro"},
        {"scim", REFUSED_CREATE, "409: x.example is not whitelisted", "mend the cause"},
        {"miro", REFUSED_CUT, "409: Any account in organization must have at least one admin",
         "somebody else an admin"},
        {"miro", REFUSED_CUT, "409: A company admin cannot be deactivated", "take the admin's role"},
        {"miro", REFUSED_CREATE, "400: User name 'zoe' is invalid: 'not an email'", "mend the address"},
        {"miro", REFUSED_CUT, "400: no", "tried again daily"},
        {"miro", "department", "409: User 'x' belongs to more than one organization", "another organisation"},
        {"miro", "userName", "400 invalidValue: 'not unique'", "another account has this name"},
        {"miro", "userName", "400 invalidValue: The domain is not claimed", "claim the domain"},
        {"miro", "userType", PROFILE_NOT_SENT "finding: by SCIM licences only go up", "user management"},
        {"miro", "userType", "finding: the target answered with success and kept the licence",
         "no licence left"},
        {"miro", "userType", "400: no such licence", "has this licence"},
        {"miro", "userType", PROFILE_NOT_SENT "the target lets nobody be without it", "say a value"},
        {"miro", "roles.Painter", "400: no such role", "admin role of this name"},
        {"miro", "title", "the target answered with success and kept another value", "does not keep"},
        {"miro", "photo", "400: no", "change the value"},
        {"miro", REFUSED_TEAM "Design", "no team of this name", "make the team"},
        {"miro", REFUSED_TEAM "Design", "finding: several teams have this name", "rename all but one"},
        {"miro", REFUSED_TEAM "Guild",
         "the group cannot be made: one called \"Design\" is to be renamed to it, and several groups are "
         "called "
         "so",
         "mend teams.renames"},
        {"miro", REFUSED_TEAM "Guild",
         "the group cannot be made: another group is to be renamed to it, which has failed",
         "rename that one by hand"},
        {"miro", REFUSED_TEAM "Guild", "finding: the group is retired (teams.retired): nobody is put into it",
         "take it out of teams.retired"},
        {"miro", REFUSED_MOVE "7", "the account's last team, without which", "another team first"},
        {"miro", REFUSED_MOVE "7", "not left before the cut: 503", "by hand"},
        {"miro", REFUSED_MOVE "7", "403", "mend the cause"},
        {"miro", REFUSED_DEADLINE, "503", "why its calls fail"},
        {NULL, REFUSED_ACTIVATE, "400", "mend the cause"},
        {NULL, FINDING_VANISHED, FINDING_VANISHED, "by hand"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct profile *p = rows[i].kind ? profile_find(rows[i].kind) : NULL;
        const char *said = advice_for(p, rows[i].what, rows[i].reason);
        ck_assert_msg(strstr(said, rows[i].action), "%s, %s: %s", rows[i].what, rows[i].reason, said);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {each_refusal_has_the_advice_of_its_row};
    return kit_run("advice", tests, ARRAY_SIZE(tests));
}
