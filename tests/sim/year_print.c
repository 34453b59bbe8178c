/* The story as lines of JSON, for whoever tells it to real programs (tests/e2e/harness/year.py). */
#include <stdio.h>

#include "json.h"
#include "year_story.h"

enum { LINE_MAX_BYTES = 64 * 1024 };

static void write_profile(struct json_out *w, const struct event *ev)
{
    json_open(w, "profile", '{');
    for (size_t i = 0; i < ev->profile.n; i++)
        json_put_string(w, ev->profile.v[i].name, ev->profile.v[i].value);
    json_close(w);
}

/* Times in ms since the story began. */
static void write_event(struct json_out *w, const struct event *ev)
{
    json_put_string(w, "id", ev->id);
    json_put_string(w, "type", event_type_name(ev->type));
    json_put_string(w, "subject", ev->subject);
    json_put_int(w, "occurredAt", ev->occurred_at_ms - WORLD_EPOCH_MS);
    if (ev->effective_at_ms)
        json_put_int(w, "effectiveAt", ev->effective_at_ms - WORLD_EPOCH_MS);
    if (ev->has_access_until && ev->access_until_ms)
        json_put_int(w, "accessUntil", ev->access_until_ms - WORLD_EPOCH_MS);
    else if (ev->has_access_until)
        json_put_null(w, "accessUntil");
    json_put_bool(w, "complete", ev->complete);
    write_profile(w, ev);
}

static void print_line(const struct buf *line)
{
    fwrite(line->p, 1, line->n, stdout);
    putchar('\n');
}

static void print_company(const struct year_story *story, struct buf *line)
{
    struct json_out w;
    size_t n = 0;
    json_out_init(&w, line);
    json_open(&w, NULL, '{');
    json_put_int(&w, "days", (story->scenario->quiet_ms - WORLD_EPOCH_MS) / YEAR_DAY_MS);
    json_put_int(&w, "reorganisedAt", story->reorganised_ms - WORLD_EPOCH_MS);
    json_open(&w, "departments", '[');
    for (; n < story->company.n[COMPANY_DEPARTMENT]; n++) {
        char name[COMPANY_NAME_SIZE], successor[COMPANY_NAME_SIZE];
        company_name(COMPANY_DEPARTMENT, n, name);
        company_name(COMPANY_DEPARTMENT, company_successor(n), successor);
        json_open(&w, NULL, '{');
        json_put_string(&w, "name", name);
        json_put_string(&w, "successor", successor);
        json_close(&w);
    }
    json_close(&w);
    json_open(&w, "teams", '[');
    for (n = 0; n < company_teams(&story->company); n++) {
        char name[COMPANY_NAME_SIZE];
        company_team(&story->company, n, name);
        json_put_string(&w, NULL, name);
    }
    json_close(&w);
    json_open(&w, "accounts", '[');
    for (n = 0; n < story->scenario->n_persons; n++)
        if (story->scenario->persons[n].existing)
            json_put_string(&w, NULL, story->scenario->persons[n].account);
    json_close(&w);
    json_close(&w);
    print_line(line);
}

void year_story_print(const struct year_story *story)
{
    struct buf line;
    buf_init(&line, 64 * LINE_MAX_BYTES);
    print_company(story, &line);
    for (size_t i = 0; i < story->scenario->n_tellings; i++) {
        const struct telling *telling = &story->scenario->tellings[i];
        struct json_out w;
        buf_clear(&line);
        json_out_init(&w, &line);
        json_open(&w, NULL, '{');
        json_put_int(&w, "at", telling->at_ms - WORLD_EPOCH_MS);
        write_event(&w, &story->scenario->events[telling->event].ev);
        json_close(&w);
        print_line(&line);
    }
    buf_done(&line);
}
