#include "plan_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void put(const char *text)
{
    if (text)
        cli_put(stdout, text);
    else
        printf("(nothing)");
}

static void print_names(const char *in, const char *out, const cJSON *names)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        printf("            %s ", cJSON_IsTrue(name) ? in : out);
        put(name->string);
        printf("\n");
    }
}

static void print_desired(const cJSON *desired)
{
    const char *kind = json_string(desired, "kind");
    bool active = false;
    if (!kind)
        return;
    printf("  wanted    %s", strcmp(kind, "account") == 0  ? "an account"
                             : strcmp(kind, "absent") == 0 ? "no account"
                                                           : "nothing");
    if (json_bool(desired, "active", &active))
        printf(", %s", active ? "active" : "inactive");
    printf("\n");
    const cJSON *attribute;
    cJSON_ArrayForEach(attribute, json_get(desired, "attributes"))
    {
        printf("            ");
        put(attribute->string);
        printf(" = ");
        put(cJSON_GetStringValue(attribute));
        printf("\n");
    }
    print_names("in team", "not in team", json_get(desired, "teams"));
    print_names("admin role", "no admin role", json_get(desired, "adminRoles"));
    if (json_get(desired, "leaveTeams"))
        printf("            out of all teams first\n");
}

static void print_known(const cJSON *plan)
{
    const char *known = json_string(plan, "known"), *id = json_string(plan, "accountId");
    bool active = false;
    printf("  there is  ");
    if (known && strcmp(known, "account") == 0)
        printf("an account, %s", json_bool(plan, "active", &active) && active ? "active" : "inactive");
    else
        printf("%s", known && strcmp(known, "absent") == 0 ? "no account" : "not known");
    if (id) {
        printf(", id ");
        put(id);
    }
    printf("\n");
}

static void print_difference(const cJSON *difference)
{
    const cJSON *change;
    cJSON_ArrayForEach(change, difference)
    {
        printf("  change    ");
        put(json_string(change, "attribute"));
        printf(": ");
        put(json_string(change, "before"));
        printf(" -> ");
        put(json_string(change, "after"));
        printf("\n");
    }
}

static void print_calls(const cJSON *calls)
{
    const cJSON *call;
    cJSON_ArrayForEach(call, calls)
    {
        char *body = json_get(call, "body") ? cJSON_PrintUnformatted(json_get(call, "body")) : NULL;
        printf("  call      ");
        put(json_string(call, "method"));
        printf(" ");
        put(json_string(call, "path"));
        if (body) {
            printf("  ");
            put(body);
        }
        printf("\n");
        free(body);
    }
}

static const char *meaning_of(const char *verdict)
{
    static const char *const rows[][2] = {
        {"calls", "these calls would be made"},
        {"agreed", "nothing to do: the target has it already"},
        {"ignored", "nothing to do: the policy wants nothing here"},
        {"protected", "nothing to do: the account is protected"},
        {"removed", "nothing to do: the target is not configured"},
        {"refused", "nothing would be done: refused"},
        {"denied", "nothing would be done: a person has refused it"},
        {"superseded", "nothing to do: later words have decided"},
        {"merged", "see the plan of a later event"},
        {"planned", "told before"},
    };
    for (size_t i = 0; verdict && i < sizeof rows / sizeof rows[0]; i++)
        if (strcmp(rows[i][0], verdict) == 0)
            return rows[i][1];
    return "unknown verdict";
}

static void print_line(const char *label, const char *text)
{
    if (!text)
        return;
    printf("  %-9s ", label);
    put(text);
    printf("\n");
}

void plan_print(const cJSON *plan)
{
    const char *guard = json_string(plan, "guard");
    put(json_string(plan, "target"));
    printf(": %s", meaning_of(json_string(plan, "verdict")));
    if (guard)
        printf(strcmp(guard, "holds") == 0 ? ", but the guard would hold them until somebody approves"
                                           : " (the guard lets them pass)");
    printf("\n");
    print_line("reason", json_string(plan, "reason"));
    print_line("advice", json_string(plan, "action"));
    print_known(plan);
    print_desired(json_get(plan, "desired"));
    print_difference(json_get(plan, "difference"));
    print_calls(json_get(plan, "calls"));
    if (json_get(plan, "more"))
        printf("  …         what follows depends on answers\n");
}

void plan_print_waiting(const char *target, const char *why)
{
    put(target);
    printf(": no plan: ");
    put(why);
    printf("\n");
}
