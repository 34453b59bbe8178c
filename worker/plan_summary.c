#include "plan_summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mem.h"

enum { CHANGES_MAX = 1024 };

static unsigned long times_of(const struct attr *a)
{
    return strtoul(a->value, NULL, 10);
}

static void count_change(struct plan_summary *s, const char *attribute)
{
    char times[24];
    const struct attr *known = attrs_find(&s->changes, attribute);
    snprintf(times, sizeof times, "%lu", known ? times_of(known) + 1 : 1);
    attrs_set(&s->changes, attribute, times);
}

static bool is(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

static bool calls(const cJSON *plan, const char *method)
{
    const cJSON *call;
    cJSON_ArrayForEach(call, json_get(plan, "calls"))
    {
        if (is(json_string(call, "method"), method))
            return true;
    }
    return false;
}

static void count_update(struct plan_summary *s, const cJSON *plan)
{
    const cJSON *change;
    bool changed = false;
    cJSON_ArrayForEach(change, json_get(plan, "difference"))
    {
        const char *attribute = json_string(change, "attribute");
        bool active = is(attribute, "active"), on = is(json_string(change, "after"), "true");
        s->cut += active && !on;
        s->revived += active && on;
        changed |= !active;
        if (attribute && !active)
            count_change(s, attribute);
    }
    s->changed += changed;
}

static void count_refusal(struct plan_summary *s, const char *person, const cJSON *plan)
{
    const char *reason = json_string(plan, "reason");
    s->refused++;
    if (!s->refusal)
        s->refusal = xasprintf("%s: %s", person, reason ? reason : "refused");
}

void plan_summary_add(struct plan_summary *s, const char *person, const cJSON *plan)
{
    const char *verdict = json_string(plan, "verdict");
    bool acts = is(verdict, "calls");
    s->plans++;
    s->agree += is(verdict, "agreed");
    s->nothing += is(verdict, "ignored") || is(verdict, "protected");
    s->held += is(json_string(plan, "guard"), "holds");
    if (is(verdict, "refused") || is(verdict, "denied"))
        count_refusal(s, person, plan);
    else if (acts && calls(plan, "POST"))
        s->made++;
    else if (acts && calls(plan, "DELETE"))
        s->deleted++;
    else if (acts)
        count_update(s, plan);
}

char *plan_summary_changes(const struct plan_summary *s)
{
    struct buf text;
    struct attrs left = {0};
    buf_init(&text, CHANGES_MAX);
    attrs_copy(&left, &s->changes);
    while (left.n > 0) {
        size_t most = 0;
        for (size_t i = 1; i < left.n; i++)
            if (times_of(&left.v[i]) > times_of(&left.v[most]))
                most = i;
        buf_addf(&text, "%s%s %s", text.n > 0 ? ", " : "", left.v[most].name, left.v[most].value);
        attrs_remove(&left, left.v[most].name);
    }
    attrs_done(&left);
    return buf_take(&text);
}

void plan_summary_done(struct plan_summary *s)
{
    attrs_done(&s->changes);
    free(s->refusal);
    *s = (struct plan_summary){0};
}
