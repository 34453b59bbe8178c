#include "mutations.h"

#include <string.h>

#include "mem.h"

enum sim_mutation sim_mutation_active = SIM_NONE;

#ifdef ROLLCALL_MUTATIONS
enum mutation mutation_active = MUTATION_NONE;
#endif

#define ENGINE(name) #name, MUTATION_##name, SIM_NONE
#define SHELL(name)  #name, MUTATION_NONE, name

static const struct mutation_row table[] = {
    {ENGINE(MERGE_IGNORES_STAMP), 20, "what arrives last wins"},
    {ENGINE(MERGE_TIE_BY_ARRIVAL), 50, "of words of one instant what arrives last wins"},
    {ENGINE(COMPLETE_IS_PARTIAL), 50, "a complete profile clears nothing"},
    {ENGINE(GROUPS_ONLY_ADD), 200, "a complete list of groups ends no membership"},
    {ENGINE(SCHEDULED_AT_ONCE), 50, "effectiveAt is not waited for"},
    {ENGINE(ACCESS_UNTIL_NOT_FIRED), 20, "accessUntil passes and nothing happens"},
    {ENGINE(HOLD_SURVIVES_LEAVING), 50, "left and deleted do not end a suspension"},
    {ENGINE(NO_DEDUPE), 20, "an event seen before is merged and answered again"},
    {ENGINE(OFFSETS_LEFT_OUT), 20, "a batch names only the partitions whose offset has moved"},
    {ENGINE(POSITION_NOT_ADVANCED), 50, "the position stays where the restore left it"},
    {ENGINE(UNDO_FORGOTTEN), 20, "an aborted batch is taken for committed"},
    {ENGINE(UNDO_FORGETS_PENDING), 50, "the undo restores the registers, not what is owed"},
    {ENGINE(RESULT_DROPPED), 20, "of several events that become final together only the last is answered"},
    {ENGINE(SEQ_NOT_ADVANCED), 20, "the record's sequence number stays"},
    {ENGINE(INVALID_TWICE), 150, "offsets already merged are not skipped"},
    {ENGINE(CAUTION_IGNORED), 100, "however many died over a record, it is merged as ever"},
    {ENGINE(RESULT_TWICE), 20, "what has its result stays pending"},
    {ENGINE(SUPERSEDED_AT_ONCE), 20, "whatever a newer event finds pending is called superseded"},
    {ENGINE(CALL_BEFORE_COMMIT), 20, "a call starts before the record that asks for it is committed"},
    {ENGINE(DOUBT_IGNORED), 150, "a call of unknown outcome leaves no doubt"},
    {ENGINE(DOUBT_NOT_REREAD), 20, "doubt ends with time alone"},
    {ENGINE(DOUBT_ENDS_EARLY), 100, "the first read ends the doubt"},
    {ENGINE(LEASE_IGNORED), 50, "a call may always be written"},
    {ENGINE(TAKEOVER_IS_CLEAN), 300, "an unclean takeover leaves no doubt"},
    {ENGINE(UNKNOWN_IS_ABSENT), 20, "an account never looked up counts as absent"},
    {ENGINE(TWO_CALLS_PER_PERSON), 20, "a second call to an account starts while the first is in flight"},
    {ENGINE(REFUSED_REPEATED), 50, "what the target refused is tried again and again"},
    {ENGINE(REPLY_NOT_READ), 1000, "a write's 200 is believed without looking at the body"},
    {ENGINE(LINK_KEPT_ON_404), 150, "a 404 does not drop the link"},
    {ENGINE(FIRST_404_DROPS_LINK), 400, "the first 404 drops the link"},
    {ENGINE(RETRY_AFTER_IGNORED), 100, "429 is retried at once"},
    {ENGINE(NO_BACKOFF), 300, "temporary failures are retried at once"},
    {ENGINE(READ_ENDS_BACKOFF), 200, "a read ends the back-off of a failed write"},
    {ENGINE(LEAVER_GIVEN_UP), 1000, "a cut that was not applied is not tried again"},
    {ENGINE(GUARD_IGNORED), 0, "the guard lets everything pass"},
    {ENGINE(GUARD_FORGETS), 0, "the guard counts nothing"},
    {ENGINE(BUDGET_IGNORED), 100, "calls start without asking the budget"},
    {ENGINE(BUCKET_SHARE_IGNORED), 600, "each bucket spends the whole limit"},
    {ENGINE(LEAVER_SLICE_IGNORED), 200, "nothing of a limit is the leavers' own"},
    {ENGINE(PACE_NEVER_CUT), 200, "a 429 without a word only makes the class wait"},
    {ENGINE(BREAKER_NEVER_OPENS), 100, "a target that refuses everything is called on and on"},
    {ENGINE(BREAKER_NEVER_CLOSES), 100, "a probe that works changes nothing"},
    {ENGINE(BREAKER_PROBES_CROWD), 200, "any number of calls may start once the pause is over"},
    {ENGINE(TROUBLE_COUNTS), 300, "the target's own trouble makes deadlines pass"},
    {ENGINE(FETCH_NOT_AWAITED), 50, "accounts are made before the source has answered"},
    {ENGINE(FETCH_RESULT_EARLY), 50, "so are results of thin events"},
    {ENGINE(FETCH_OLD_ANSWERS), 200, "a fetch answers thin events that came after it began"},
    {ENGINE(FETCH_AS_OF_ANSWER), 50, "fetched words count as of the answer"},
    {ENGINE(FETCH_REVIVES), 50, "a fetched joined counts more than left"},
    {ENGINE(LEAVER_AWAITS_FETCH), 100, "cuts wait for the source"},
    {ENGINE(POLICY_ERROR_CUTS), 400, "a policy that fails takes access away"},
    {ENGINE(PAUSE_IGNORED), 50, "a paused target is called"},
    {ENGINE(PAUSE_FORGETS), 150, "what a pause parked is not taken up again"},
    {ENGINE(RETRY_REPEATED), 100, "a retry acts again and again"},
    {ENGINE(PROVISION_TWICE), 50, "a provision is taken up whenever it is seen"},
    {ENGINE(PROVISION_DROPPED), 50, "a provision has no result"},
    {ENGINE(SWEEP_FORGETS_RESTORED), 300, "who is restored is taken to be planned under the new policy"},
    {ENGINE(SWEEP_LOST), 800, "a sweep that is cut short counts as done"},
    {ENGINE(SWEEP_UNDONE), 800, "what an abort takes back of a sweep is not planned again"},
    {ENGINE(SWEEP_NO_NEW_TARGETS), 300, "persons get no state at a new target"},
    {ENGINE(TEAM_LEFT_UNMADE), 200, "memberships that others made are taken back like ours"},
    {ENGINE(TEAM_MADE_LATE), 800,
     "that a membership is ours is noted when it is seen, not before it is made"},
    {ENGINE(LICENCE_LOWERED), 50, "a lower licence is asked for"},
    {ENGINE(ROLE_MADE_LATE), 1500, "that a role is ours is noted when it is seen, not before it is given"},
    {ENGINE(ROLE_TAKEN_UNMADE), 100, "roles that we did not give are taken back like ours"},
    {ENGINE(TEAM_DOUBTS_ONE), 0, "of a call of unknown outcome only the first person is doubted"},
    {ENGINE(TEAM_BLAMES_ALL), 1000, "what is refused to one is refused to everybody in the call"},
    {ENGINE(TEAM_MISSED_FOREVER), 2000, "a team that appears wakes nobody"},
    {ENGINE(PUT_STALE), 100, "an account is put back as it was read once"},
    {ENGINE(GROUP_MADE_BLINDLY), 2000, "a group is made without a listing that no older call can outdate"},
    {ENGINE(GROUP_MADE_AGAIN), 200, "a group that listings lack is made again, though it is there"},
    {SHELL(SIM_TEAMS_NOT_READ), 600, "a worker joins before it has read what is known of teams"},
    {ENGINE(LEFT_IS_GONE), 0, "leavers are forgotten like the deleted"},
    {ENGINE(HELD_LICENCE_STOPS), 0, "a licence that is held keeps everything else waiting"},
    {ENGINE(FAREWELL_SKIPPED), 150, "who is to leave teams before the cut is cut at once"},
    {ENGINE(TURN_KEPT), 0, "whoever has the turn starts all calls that may start before the next target's"},
    {ENGINE(PLAN_WRITES), 100, "a dry run writes"},
    {ENGINE(PLAN_FORGETS), 100, "what a dry run has no calls for is not told"},
    {SHELL(SIM_RESTORE_TO_LSO), 200, "a restore reads to the last stable offset"},
    {SHELL(SIM_WATERMARK_FIRST), 600, "a restore asks for the watermark before the committed offset"},
    {SHELL(SIM_NO_GROUP_FENCING), 50, "offsets of a member that the group does not know are taken"},
    {SHELL(SIM_OFFSETS_EMPTY), 20, "transactions carry no offsets"},
    {SHELL(SIM_LEASE_NOT_ASKED), 50, "requests are written without asking for the lease"},
    {SHELL(SIM_NO_REWIND), 50, "after an abort nothing is read again"},
    {SHELL(SIM_KEPT_UNCHECKED), 0, "what comes back is taken to be as it was left"},
    {SHELL(SIM_CONTROL_NOT_READ), 100, "a worker joins before it has read what people decided"},
};

/* What takes weeks to show, or many people, or a seed that is rare. */
static const struct {
    const char *name;
    const char *options;
} stories[] = {
    {"LEFT_IS_GONE", "--year --persons 500"},
    {"GUARD_IGNORED", "--year --persons 300"},
    {"GUARD_FORGETS", "--year --persons 300"},
    {"HELD_LICENCE_STOPS", "--year --persons 300"},
    {"TURN_KEPT", "--tenants --to 4"},
    {"TEAM_DOUBTS_ONE", "--from 9001 --to 9500 --first"},
    {"SIM_KEPT_UNCHECKED", "--from 4501 --to 5000 --first"},
};

const char *mutations_story(const struct mutation_row *row)
{
    for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
        if (row->seeds == 0 && strcmp(stories[i].name, row->name) == 0)
            return stories[i].options;
    return NULL;
}

size_t mutations_n(void)
{
    return ARRAY_SIZE(table);
}

const struct mutation_row *mutations_at(size_t i)
{
    return &table[i];
}

static bool activate(const struct mutation_row *row)
{
    sim_mutation_active = row->sim;
#ifdef ROLLCALL_MUTATIONS
    mutation_active = row->engine;
    return true;
#else
    return row->engine == MUTATION_NONE;
#endif
}

bool mutations_activate(const char *name)
{
    if (!name)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return activate(&table[i]);
    return false;
}
