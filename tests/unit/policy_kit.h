/* policy_kit.h - policies of texts and persons of short descriptions, for the tests of policies. Include once. */
#ifndef ROLLCALL_TESTS_POLICY_KIT_H
#define ROLLCALL_TESTS_POLICY_KIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../worker/engine/person.h"
#include "../../worker/policy.h"
#include "../../worker/policy_answer.h"
#include "buf.h"
#include "mem.h"

/* A policy of the given text, in a file whose name ends with suffix; *ret NULL if it does not load. */
static inline bool kit_load(const char *suffix, const char *text, struct policy **ret, struct error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/test_policy.XXXXXX%s", suffix);
    int fd = mkstemps(path, (int)strlen(suffix));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    *ret = NULL;
    *err = (struct error){0};
    bool ok = policy_new(path, ret, err);
    unlink(path);
    return ok;
}

struct kit_person { /* release with kit_person_done */
    struct person person;
    struct person_view view;
};

static inline void kit_profile(struct kit_person *g, const char *name, const char *value)
{
    struct person *p = &g->person;
    p->attrs = xreallocarray(p->attrs, p->n_attrs + 1, sizeof *p->attrs);
    p->attrs[p->n_attrs++] = (struct attr_register){.name = xstrdup(name), .value = xstrdup_null(value)};
}

static inline void kit_group(struct kit_person *g, const char *name)
{
    struct person *p = &g->person;
    p->groups = xreallocarray(p->groups, p->n_groups + 1, sizeof *p->groups);
    p->groups[p->n_groups++] = (struct group_register){.name = xstrdup(name), .member = true};
}

static inline void kit_view(struct kit_person *g)
{
    g->view = (struct person_view){.tenant = "acme",
                                   .directory = "hr",
                                   .subject = "42",
                                   .person = &g->person,
                                   .now_ms = 1000,
                                   .may_have_access = person_may_have_access(&g->person, 1000)};
}

static inline void kit_word(struct kit_person *g, char *word)
{
    static const char *const employments[] = {"unknown", "joined", "left", "deleted"};
    char *value = strchr(word, '=');
    for (size_t i = 0; i < ARRAY_SIZE(employments); i++)
        if (strcmp(word, employments[i]) == 0) {
            g->person.employment = (enum employment)i;
            return;
        }
    if (strcmp(word, "suspended") == 0)
        g->person.suspended = true;
    else if (strcmp(word, "ended") == 0)
        g->person.access_until_ms = 1;
    else if (strcmp(word, "ends") == 0)
        g->person.access_until_ms = 2000;
    else if (word[0] == '@')
        kit_group(g, word + 1);
    else if (value) {
        *value = '\0';
        kit_profile(g, word, value + 1);
    } else
        ck_abort_msg("what is %s?", word);
}

/* "joined; title=Head of Design; @Whiteboards; ends": employment (joined unless said), attributes, groups, and `suspended`,
 * `ended`, `ends` (accessUntil is past or still to come). */
static inline void kit_person(struct kit_person *g, const char *described)
{
    char *text = xstrdup(described), *rest = text, *word;
    *g = (struct kit_person){.person = {.employment = EMPLOYMENT_JOINED}};
    while ((word = strsep(&rest, ";"))) {
        word += strspn(word, " ");
        if (*word)
            kit_word(g, word);
    }
    free(text);
    kit_view(g);
}

static inline void kit_person_done(struct kit_person *g)
{
    person_done(&g->person);
}

/* "account active=true title=CEO teams.Design=true", "leave alone", "delete". The caller frees it. */
static inline char *kit_shown(const struct desired *d)
{
    struct attrs pairs = {0};
    struct buf out;
    buf_init(&out, 1 << 17);
    policy_answer_pairs(d, &pairs);
    buf_adds(&out, attrs_get(&pairs, ANSWER_KIND));
    attrs_remove(&pairs, ANSWER_KIND);
    for (size_t i = 0; i < pairs.n; i++)
        buf_addf(&out, " %s=%s", pairs.v[i].name, pairs.v[i].value ? pairs.v[i].value : "(empty)");
    attrs_done(&pairs);
    return buf_take(&out);
}

/* The policy's word as kit_shown has it; "!" and the error. */
static inline char *kit_ask(struct policy *policy, const struct person_view *view, const char *target)
{
    struct desired d = {0};
    struct error err = {0};
    if (!policy_ask(policy, view, target, &d, &err))
        return xasprintf("!%s", err.message);
    char *text = kit_shown(&d);
    desired_done(&d);
    return text;
}

#endif
