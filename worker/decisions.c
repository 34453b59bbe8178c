#include "decisions.h"

#include <stddef.h>
#include <string.h>

#include "json.h"
#include "log.h"
#include "mem.h"

/* Whose rejection means that somebody keeps access who must not have it. */
static bool takes_access(const cJSON *result)
{
    static const char *const types[] = {"rollcall.person.left", "rollcall.person.deleted",
                                        "rollcall.person.suspended"};
    const char *type = json_string(result, "eventType");
    for (size_t i = 0; type && i < ARRAY_SIZE(types); i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static void log_result(enum log_level level, const char *message, const cJSON *result)
{
    int64_t attempts = 0;
    const char *event = json_string(result, "eventId");
    (void)json_int64(result, "attempts", &attempts);
    log_at(level, message, LOG_S("event", event ? event : json_string(result, "id")),
           LOG_S("type", json_string(result, "eventType")), LOG_S("target", json_string(result, "target")),
           LOG_S("outcome", json_string(result, "outcome")), LOG_I("attempts", attempts));
}

static void log_deadletter(const cJSON *letter)
{
    const char *kind = json_string(letter, "kind");
    int64_t partition = -1, offset = -1;
    if (kind && strcmp(kind, "rejected") == 0) {
        const cJSON *result = json_get(letter, "result");
        if (takes_access(result))
            log_result(LOG_LEVEL_WARN, "access is not cut, tried again daily", result);
        else
            log_result(LOG_LEVEL_INFO, "result", result);
        return;
    }
    (void)json_int64(letter, "partition", &partition);
    (void)json_int64(letter, "offset", &offset);
    log_info("record is no event", LOG_I("partition", partition), LOG_I("offset", offset));
}

/* The dead letter of a rejection tells it already. */
static void log_other(const cJSON *result)
{
    const char *outcome = json_string(result, "outcome");
    if (outcome && strcmp(outcome, "rejected") != 0)
        log_result(LOG_LEVEL_DEBUG, "result", result);
}

static void log_record(const struct out_record *record)
{
    cJSON *json;
    struct error err;
    if (!json_parse(record->value, &json, &err))
        return;
    if (record->topic == TOPIC_DEADLETTERS)
        log_deadletter(json);
    else
        log_other(json);
    cJSON_Delete(json);
}

/* Results are many: they are looked at only when their lines are wanted. */
void decisions_log(const struct engine_batch *batch)
{
    bool results = log_enabled(LOG_LEVEL_DEBUG);
    for (size_t i = 0; i < batch->n_records; i++) {
        enum engine_topic topic = batch->records[i].topic;
        if (topic == TOPIC_DEADLETTERS || (results && topic == TOPIC_RESULTS))
            log_record(&batch->records[i]);
    }
}

void decisions_alarm_held(struct held_alarm *alarm, const struct engine_stats *stats, int64_t mono_ms)
{
    enum { PAUSE_MS = 60000 };
    bool said_just_now = alarm->told > 0 && mono_ms - alarm->at_ms < PAUSE_MS;
    if (stats->held_total <= alarm->told || stats->held == 0 ||
        said_just_now) /* held: once it is committed */
        return;
    log_warn("the guard holds what is unusual until somebody decides", LOG_I("persons", stats->held),
             LOG_S("how", "rollcall-worker control approve (or deny)"));
    alarm->told = stats->held_total;
    alarm->at_ms = mono_ms;
}
