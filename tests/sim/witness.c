#include "witness.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../worker/engine/record.h"
#include "json.h"
#include "farewells.h"
#include "licences.h"
#include "mem.h"
#include "simcontrol.h"
#include "simlog.h"
#include "simsource.h"
#include "simtarget.h"
#include "simteams.h"
#include "simworker.h"

enum {
    HAMMER_WINDOW_MS = 5000,
    HAMMER_MAX = 32,         /* requests for one account in that time: more is not convergence */
    HAMMER_ABORTS_MAX = 100, /* what was undone is done again */
    WRITES_WINDOW_MS = 30000,
    WRITES_MAX = 24,
    DOWN_WINDOW_MS = 30000,
    DOWN_MAX = 6, /* probes: the pauses have grown to at least 6 s after the first window */
};

struct witness *witness_new(const struct scenario *s)
{
    struct witness *l = xcalloc(1, sizeof *l);
    l->answers = xcalloc(s->n_events * s->n_targets + 1, sizeof *l->answers);
    for (int p = 0; p < WORLD_PARTITIONS_MAX; p++)
        l->offsets[p] = -1;
    l->accounts = xcalloc(s->n_persons * s->n_targets + 1, sizeof *l->accounts);
    l->seqs = xcalloc(s->n_persons + 1, sizeof *l->seqs);
    for (size_t i = 0; i < s->n_persons; i++)
        l->seqs[i] = -1;
    return l;
}

void witness_free(struct witness *l)
{
    if (!l)
        return;
    free(l->answers);
    free(l->accounts);
    free(l->seqs);
    for (size_t i = 0; i < l->n_effects; i++)
        free(l->effects[i]);
    free(l->effects);
    free(l);
}

struct account_note *witness_account(const struct world *w, size_t person, size_t target)
{
    return &w->witness->accounts[person * w->scenario->n_targets + target];
}

struct answer *witness_answer(const struct world *w, size_t event, size_t target)
{
    return &w->witness->answers[event * w->scenario->n_targets + target];
}

/* ---- what is committed --------------------------------------------------------------------------------- */

/* No result is final while a call of unknown outcome may still land and undo it. */
static void check_final(struct world *w, size_t event, size_t target, const struct answer *a)
{
    const struct account_note *note = witness_account(w, w->scenario->events[event].person, target);
    bool final = strcmp(a->outcome, "applied") == 0 || strcmp(a->outcome, "unchanged") == 0;
    if (final && note->landing > 0)
        world_fail(w, "P3 doubt", "event %zu at %s is answered \"%s\" while %u writes may still land", event,
                   w->scenario->targets[target].name, a->outcome, note->landing);
}

static int person_of_result(const struct world *w, const cJSON *json)
{
    char key[3 * SCENARIO_NAME_SIZE];
    snprintf(key, sizeof key, "%s/%s/%s", json_string(json, "tenant"), json_string(json, "directory"),
             json_string(json, "subject"));
    return scenario_person_by_key(w->scenario, str_of(key));
}

/* What no event asked for has one result, too. */
static void note_effect(struct world *w, const cJSON *json)
{
    const char *id = json_string(json, "id"), *outcome = json_string(json, "outcome");
    int person = person_of_result(w, json),
        target = scenario_target_by_name(w->scenario, json_string(json, "target"));
    if (person >= 0 && target >= 0) {
        struct account_note *note = witness_account(w, (size_t)person, (size_t)target);
        note->rejected |= strcmp(outcome, "rejected") == 0;
        farewells_note_result(note, json);
    }
    if (simcontrol_note_effect(w, id))
        return;
    struct witness *l = w->witness;
    for (size_t i = 0; i < l->n_effects; i++)
        if (strcmp(l->effects[i], id) == 0)
            world_fail(w, "P2 effects", "%s has a second result", id);
    l->effects = xreallocarray(l->effects, l->n_effects + 1, sizeof *l->effects);
    l->effects[l->n_effects++] = xstrdup(id);
}

/* What a thin event tells is known only when its source has been asked after it; cuts do not wait for that, and what goes
 * with a later event has that one's result. */
static void check_fetched(struct world *w, const cJSON *json, size_t event, const char *outcome)
{
    const struct sim_event *se = &w->scenario->events[event];
    enum event_type type = se->ev.type;
    bool cuts = type == EVENT_LEFT || type == EVENT_DELETED || type == EVENT_SUSPENDED;
    if (!se->ev.needs_fetch)
        return;
    if (type != EVENT_DELETED && json_string(json, "notFetched"))
        world_fail(w, "P3 fetch", "event %zu is not fetched: %s", event, json_string(json, "notFetched"));
    if (cuts || strcmp(outcome, "merged") == 0 || strcmp(outcome, "superseded") == 0)
        return;
    if (!simsource_answered(w, se->person, se->first_told_ms))
        world_fail(w, "P3 fetch", "event %zu of person %zu is \"%s\" before its source was asked about it",
                   event, se->person, outcome);
}

static void note_result(struct world *w, const cJSON *json, const struct txn *txn)
{
    if (w->chaos.dry_run)
        world_fail(w, "P7 dry run", "a result: nothing was done");
    const char *id = json_string(json, "eventId"), *target = json_string(json, "target");
    const char *outcome = json_string(json, "outcome");
    if (!target || !outcome) {
        world_fail(w, "P2 results", "a result without target or outcome");
        return;
    }
    if (strcmp(outcome, "rejected") == 0)
        w->witness->rejected++;
    if (!id) { /* an effect without an event: outside of the count */
        note_effect(w, json);
        return;
    }
    int event = scenario_event_by_id(w->scenario, id), t = scenario_target_by_name(w->scenario, target);
    if (event < 0 || t < 0) {
        world_fail(w, "P2 results", "a result for event %s at %s, which there is not", id, target);
        return;
    }
    struct answer *a = witness_answer(w, (size_t)event, (size_t)t);
    world_trace(w, "log   result of event %d at %s: %s", event, target, outcome);
    if (a->n++ > 0)
        world_fail(w, "P2 results", "event %d at %s has a second result: %s after %s", event, target, outcome,
                   a->outcome);
    a->at_ms = txn->decided_ms;
    strncpy(a->outcome, outcome, sizeof a->outcome - 1);
    const char *cause = json_string(json, "cause");
    a->calls_failed = cause && (isdigit((unsigned char)cause[0]) || strcmp(cause, "no answer") == 0);
    check_final(w, (size_t)event, (size_t)t, a);
    check_fetched(w, json, (size_t)event, outcome);
    struct account_note *note = witness_account(w, w->scenario->events[event].person, (size_t)t);
    farewells_note_result(note, json);
    if (strcmp(outcome, "rejected") != 0)
        return;
    note->rejected = true;
    note->gave_up |= !cause || strncmp(cause, "the target refuses the attributes or teams", 42) != 0;
}

/* A plan answers the events that it names: each once, as results do. */
static void note_plan(struct world *w, const cJSON *json, const struct txn *txn)
{
    const cJSON *event;
    int t = scenario_target_by_name(w->scenario, json_string(json, "target"));
    if (!w->chaos.dry_run || t < 0)
        world_fail(w, "P7 dry run", "a plan of %s", w->chaos.dry_run ? "no target" : "a worker that writes");
    cJSON_ArrayForEach(event, json_get(json, "events"))
    {
        int number = scenario_event_by_id(w->scenario, event->valuestring);
        if (number < 0 || t < 0)
            continue;
        struct answer *a = witness_answer(w, (size_t)number, (size_t)t);
        if (a->n++ > 0)
            world_fail(w, "P2 plans", "event %d is in a second plan at %s", number,
                       w->scenario->targets[t].name);
        a->at_ms = txn->decided_ms;
        snprintf(a->outcome, sizeof a->outcome, "planned");
    }
}

/* What is called poison does kill. */
static void check_poison(struct world *w, const cJSON *json)
{
    int64_t partition = 0, offset = 0;
    int event = 0;
    json_int64(json, "partition", &partition);
    json_int64(json, "offset", &offset);
    if (!simlog_read_event(w->log, (int32_t)partition, &offset, &event) || event != SCENARIO_POISON)
        world_fail(w, "P2 poison", "the record at %lld:%lld is called poison and kills nobody",
                   (long long)partition, (long long)offset);
}

static void note_letter(struct world *w, const cJSON *json)
{
    const char *kind = json_string(json, "kind"), *reason = json_string(json, "reason");
    if (!kind || strcmp(kind, "invalid") != 0) {
        w->witness->rejected_letters++;
        return;
    }
    w->witness->invalid++;
    if (reason && strncmp(reason, "poison", 6) == 0)
        check_poison(w, json);
}

static void note_state(struct world *w, size_t person, const struct log_record *r)
{
    struct person p = {0};
    struct error err;
    if (!record_read((struct str){r->value, r->value_n}, &p, &err))
        return; /* found at the end */
    if (w->chaos.licences && !w->chaos.policies)
        licences_note(w, person, &p);
    farewells_note(w, person, &p);
    person_done(&p);
}

static void note_person(struct world *w, const struct log_record *r, const struct txn *txn, int32_t partition)
{
    world_trace(w, "log   %d:%s = %s", partition, r->key, r->value ? r->value : "forgotten");
    int person = scenario_person_by_key(w->scenario, (struct str){r->key, r->key_n});
    if (person < 0 || !r->value)
        return;
    struct record_state state;
    record_state_read(r->headers, r->n_headers, &state);
    int64_t *seq = &w->witness->seqs[person], next = state.seq;
    if (*seq >= 0 && next != *seq + 1)
        world_fail(w, "P6 sequence", "record %s goes from %lld to %lld (w%zu)", r->key, (long long)*seq,
                   (long long)next, txn->slot);
    *seq = next;
    if (state.offset >= txn->offsets[partition])
        world_fail(w, "P6 offset", "record %s is at offset %lld, its transaction commits %lld", r->key,
                   (long long)state.offset, (long long)txn->offsets[partition]);
    if ((w->chaos.licences && !w->chaos.policies) || w->chaos.farewell)
        note_state(w, (size_t)person, r);
}

static void note_record(struct world *w, const struct log_record *r, const struct txn *txn,
                        enum engine_topic topic, int32_t partition)
{
    cJSON *json;
    struct error err;
    if (topic == TOPIC_TARGETS) {
        simteams_committed(w, r);
        return;
    }
    if (topic == TOPIC_PERSONS) {
        note_person(w, r, txn, partition);
        return;
    }
    if (!json_parse((struct str){r->value, r->value_n}, &json, &err)) {
        world_fail(w, "P2 results", "a record of topic %d is no JSON: %s", (int)topic, err.message);
        return;
    }
    if (topic == TOPIC_PLANS)
        note_plan(w, json, txn);
    else if (topic == TOPIC_RESULTS)
        note_result(w, json, txn);
    else
        note_letter(w, json);
    cJSON_Delete(json);
}

static void note_offsets(struct world *w, const struct txn *txn)
{
    for (int32_t p = 0; p < WORLD_PARTITIONS_MAX; p++) {
        if (txn->offsets[p] < 0)
            continue;
        if (txn->offsets[p] < w->witness->offsets[p])
            world_fail(w, "P6 offset", "partition %d goes back from %lld to %lld (w%zu)", p,
                       (long long)w->witness->offsets[p], (long long)txn->offsets[p], txn->slot);
        if (txn->offsets[p] > simlog_events_end(w->log, p))
            world_fail(w, "P6 offset", "partition %d is committed beyond its end", p);
        w->witness->offsets[p] = txn->offsets[p];
    }
}

void witness_committed(struct world *w, const struct txn *txn)
{
    for (int t = 0; t < SIMLOG_TOPICS; t++)
        for (int32_t p = 0; p < WORLD_PARTITIONS_MAX; p++) {
            if (!txn->touched[t][p])
                continue;
            const struct log_part *part = simlog_part(w->log, (enum engine_topic)t, p);
            for (size_t i = txn->first[t][p]; i < part->n; i++)
                if (part->v[i].txn == txn->id)
                    note_record(w, &part->v[i], txn, (enum engine_topic)t, p);
        }
    note_offsets(w, txn);
}

/* ---- what begins --------------------------------------------------------------------------------------- */

/* While a source is still to be asked about a person, nothing is made or changed: only access is cut. */
void witness_started(struct world *w, const struct call *call)
{
    bool cuts =
        strcmp(call->method, "DELETE") == 0 ||
        (call->body && memmem(call->body, call->body_n, "\"active\":false", strlen("\"active\":false")));
    int person = call->body ? scenario_person_of(w->scenario, call->body, call->body_n) : -1;
    if (!call->write || cuts || person < 0)
        return;
    const struct sim_person *who = &w->scenario->persons[person];
    const struct log_record *r = simlog_person(w->log, who->partition, str_of(who->key));
    if (r && memmem(r->value, r->value_n, "\"wanted\":", strlen("\"wanted\":")))
        world_fail(w, "P3 fetch", "%s %s for person %d begins before the source has answered", call->method,
                   call->path, person);
}

/* ---- what is written ----------------------------------------------------------------------------------- */

/* The record that asks for a writing call is committed before the call is. */
static void check_open(struct world *w, size_t target, int person, const struct call *call)
{
    const struct sim_person *who = &w->scenario->persons[person];
    const struct log_record *r = simlog_person(w->log, who->partition, str_of(who->key));
    cJSON *json = NULL;
    struct error err;
    bool open = false;
    if (r && json_parse((struct str){r->value, r->value_n}, &json, &err)) {
        const cJSON *state = json_get(json_get(json, "targets"), w->scenario->targets[target].name);
        json_bool(state, "open", &open);
        cJSON_Delete(json);
    }
    if (!open)
        world_fail(w, "P6 call", "%s %s for %s is written, and no committed record says that one may be",
                   call->method, call->path, who->key);
}

static void check_pace(struct world *w, struct account_note *note, int person)
{
    if (world_now(w) - note->recent_ms > HAMMER_WINDOW_MS) {
        note->recent_ms = world_now(w);
        note->recent = 0;
    }
    if (++note->recent == (w->chaos.abort > 0 ? HAMMER_ABORTS_MAX : HAMMER_MAX))
        world_fail(w, "P5 pace", "%u requests for person %d within %d s", note->recent, person,
                   HAMMER_WINDOW_MS / 1000);
}

/* Where every write fails and reads answer, writes back off all the same. */
static void check_write_pace(struct world *w, struct account_note *note, int person)
{
    if (!w->scenario->persons[person].sick || !w->chaos.reads_answer || w->quiet)
        return;
    if (world_now(w) - note->writes_ms > WRITES_WINDOW_MS) {
        note->writes_ms = world_now(w);
        note->writes = 0;
    }
    if (++note->writes == WRITES_MAX)
        world_fail(w, "P5 pace", "%u writes for person %d within %d s, though all of them fail", note->writes,
                   person, WRITES_WINDOW_MS / 1000);
}

/* A target that takes no call at all is asked by probes, at growing intervals. */
static void check_probes(struct world *w, const struct proc *p, size_t target)
{
    struct asked_note *note = &w->witness->asked[p->slot][target];
    bool down = w->chaos.down == DOWN_REFUSES || w->chaos.down == DOWN_TOKEN;
    if (!down || !w->scenario->targets[target].down || w->quiet)
        return;
    int64_t now = world_now(w);
    if (note->of != p || now - note->last_ms > DOWN_WINDOW_MS) /* or it had nothing to ask for */
        *note = (struct asked_note){.of = p};
    note->last_ms = now;
    note->first_ms = note->first_ms ? note->first_ms : now;
    if (now - note->first_ms < DOWN_WINDOW_MS)
        return;
    if (now - note->window_ms > DOWN_WINDOW_MS) {
        note->window_ms = now;
        note->n = 0;
    }
    if (++note->n == DOWN_MAX + 1)
        world_fail(w, "P5 probes", "%s asks %s %u times within %d s, which takes no call", p->name,
                   w->scenario->targets[target].name, note->n, DOWN_WINDOW_MS / 1000);
}

/* At most one call per account; what a process wrote before it gave its partitions up has become doubt. */
static void check_alone(struct world *w, const struct proc *p, struct account_note *note, int person)
{
    bool same = note->busy == p && note->busy_assignment == p->assignment;
    note->n_busy = same ? note->n_busy + 1 : 1;
    note->busy = p;
    note->busy_assignment = p->assignment;
    if (note->n_busy > 1)
        world_fail(w, "P3 calls", "%s has %u calls in flight for person %d", p->name, note->n_busy, person);
}

/* What a rest is about: changes of teams are another class than those of accounts. */
static const char *class_of_call(const char *method, const char *path)
{
    return strncmp(path, "/Groups/", 8) == 0 ? "move" : method;
}

void witness_written(struct world *w, const struct proc *p, size_t target, int person,
                     const struct call *call)
{
    check_probes(w, p, target);
    if (world_now(w) > p->lease_until_ms)
        world_fail(w, "P6 lease", "%s writes %lld ms after its lease", p->name,
                   (long long)(world_now(w) - p->lease_until_ms));
    if (p->paused[target])
        world_fail(w, "P7 pause", "%s calls %s %s, though it was told to leave %s alone", p->name,
                   call->method, call->path, w->scenario->targets[target].name);
    if (person < 0)
        return;
    struct account_note *note = witness_account(w, (size_t)person, target);
    check_alone(w, p, note, person);
    bool resting = note->rest_of == p && world_now(w) < note->rest_until_ms;
    if (resting && strcmp(note->rest_method, class_of_call(call->method, call->path)) == 0)
        world_fail(w, "P5 rest",
                   "%s calls %s again for person %d, %lld ms before the rest that was asked is over", p->name,
                   call->method, person, (long long)(note->rest_until_ms - world_now(w)));
    check_pace(w, note, person);
    if (call->write) {
        if (w->chaos.dry_run)
            world_fail(w, "P7 dry run", "%s writes: %s %s", p->name, call->method, call->path);
        check_write_pace(w, note, person);
        check_open(w, target, person, call);
    }
}

void witness_answered(struct world *w, const struct proc *p, uint64_t assignment, size_t target, int person,
                      const char *method, const char *path, const struct call_reply *reply)
{
    if (person < 0)
        return;
    struct account_note *note = witness_account(w, (size_t)person, target);
    if (note->busy == p && note->busy_assignment == assignment && note->n_busy > 0)
        note->n_busy--;
    if (reply->retry_after_ms <= 0 || reply->status != 429)
        return;
    note->rest_of = p;
    strncpy(note->rest_method, class_of_call(method, path), sizeof note->rest_method - 1);
    note->rest_until_ms = world_now(w) + reply->retry_after_ms;
}

/* ---- what lands ---------------------------------------------------------------------------------------- */

static bool is_write(const char *method)
{
    return strcmp(method, "GET") != 0;
}

void witness_under_way(struct world *w, size_t target, int person)
{
    if (person >= 0)
        witness_account(w, (size_t)person, target)->landing++;
}

void witness_landed(struct world *w, size_t target, int person, enum fate fate, const char *method,
                    const char *body)
{
    if (person < 0)
        return;
    struct account_note *note = witness_account(w, (size_t)person, target);
    note->landing -= is_write(method);
    if (fate != FATE_UNCHANGED && fate != FATE_NOT_STORED)
        return;
    if (!body || (strcmp(method, "PATCH") != 0 && strcmp(method, "PUT") != 0))
        return;
    if (strstr(body, "\"members")) {
        note->lied_teams = true;
        return;
    }
    note->lied_on = note->lied_on || strstr(body, "\"active\"");
    note->lied_name = note->lied_name || strstr(body, "\"userName\"");
    note->lied_number = note->lied_number || strstr(body, "employeeNumber\"");
    note->lied_rights = note->lied_rights || strstr(body, "roles") || strstr(body, "\"userType\"");
    note->lied_attrs = true;
}

void witness_outage(struct world *w, size_t target)
{
    for (size_t slot = 0; slot < WORLD_SLOTS_MAX; slot++)
        w->witness->asked[slot][target] = (struct asked_note){0};
}

void witness_afterword(struct world *w, size_t person)
{
    for (size_t t = 0; t < w->scenario->n_targets; t++)
        witness_account(w, person, t)->lied_attrs = witness_account(w, person, t)->lied_on = false;
}

bool answer_is(const struct answer *a, const char *outcome)
{
    return a->n > 0 && strcmp(a->outcome, outcome) == 0;
}

bool answer_cuts(const struct answer *a)
{
    return answer_is(a, "applied") || answer_is(a, "unchanged");
}
