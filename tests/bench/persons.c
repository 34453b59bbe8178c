#include "persons.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { EVENTS = 5, DAY_MS = 24 * 3600 * 1000 };

/* ---- chance -------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t draw(uint64_t *state, size_t n)
{
    *state = mix(*state);
    return (size_t)(*state % n);
}

/* ---- words --------------------------------------------------------------------------------------------- */

static const char *const syllables[] = {"an", "bel", "ca", "dor", "el",  "fi", "gar", "ha", "ir", "jo",
                                        "ka", "lin", "ma", "nor", "o",   "pe", "qui", "ra", "se", "ti",
                                        "ul", "vic", "wa", "xen", "yas", "zo", "bri", "cha"};
static const char *const titles[] = {"Engineer",       "Senior Engineer", "Designer",     "Product Manager",
                                     "Sales Director", "Accountant",      "Data Analyst", "Office Manager"};
static const char *const departments[] = {"Engineering", "Design",  "Finance",          "People",
                                          "Sales EMEA",  "Support", "Customer Success", "Marketing"};
static const char *const groups[] = {"Everybody", "Design reviews", "Research", "Whiteboards", "Planning"};

static void word(uint64_t *state, size_t n, char out[32])
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(&out[at], 32 - at, "%s", syllables[draw(state, ARRAY_SIZE(syllables))]);
    out[0] = (char)(out[0] - 'a' + 'A');
}

/* ---- a person ------------------------------------------------------------------------------------------ */

struct life { /* what happened to the person, and when */
    struct stamp stamps[EVENTS];
    uint64_t chance;
};

static void live(struct life *l, const struct persons *ps, size_t i)
{
    l->chance = mix(i);
    int64_t at = ps->at_ms + (int64_t)draw(&l->chance, DAY_MS);
    for (size_t e = 0; e < EVENTS; e++) {
        l->chance = mix(l->chance);
        l->stamps[e] = (struct stamp){at, l->chance};
        at += (int64_t)draw(&l->chance, DAY_MS);
    }
}

static void set_attr(struct person *p, const char *name, const char *value, struct stamp stamp)
{
    p->attrs[p->n_attrs++] = (struct attr_register){xstrdup(name), xstrdup(value), stamp};
}

/* In the order of their names, as person.h wants it. */
static void fill_profile(struct person *p, struct life *l, const struct persons *ps, size_t i)
{
    char given[32], family[32], full[72], mail[96], number[24], centre[24], manager[24];
    word(&l->chance, 2, given);
    word(&l->chance, 3, family);
    snprintf(full, sizeof full, "%s %s", given, family);
    snprintf(mail, sizeof mail, "%s.%s@t%03zu.example", given, family, i % ps->tenants);
    snprintf(number, sizeof number, "%zu", 100000 + i);
    snprintf(centre, sizeof centre, "CC-%zu", 100 + draw(&l->chance, 80));
    snprintf(manager, sizeof manager, "%zu", 100000 + draw(&l->chance, i + 1));
    p->attrs = xcalloc(10, sizeof *p->attrs);
    set_attr(p, "costCenter", centre, l->stamps[0]);
    set_attr(p, "department", departments[draw(&l->chance, ARRAY_SIZE(departments))], l->stamps[1]);
    set_attr(p, "displayName", full, l->stamps[0]);
    set_attr(p, "emails.work", mail, l->stamps[0]);
    set_attr(p, "employeeNumber", number, l->stamps[0]);
    set_attr(p, "manager", manager, l->stamps[1]);
    set_attr(p, "name.familyName", family, l->stamps[0]);
    set_attr(p, "name.givenName", given, l->stamps[0]);
    set_attr(p, "title", titles[draw(&l->chance, ARRAY_SIZE(titles))], l->stamps[2]);
    set_attr(p, "userName", mail, l->stamps[0]);
}

static void fill_groups(struct person *p, struct life *l)
{
    size_t first = draw(&l->chance, ARRAY_SIZE(groups) - 1);
    p->groups = xcalloc(2, sizeof *p->groups);
    for (size_t g = 0; g < 2; g++)
        p->groups[p->n_groups++] =
            (struct group_register){xstrdup(groups[first + g]), true, l->stamps[3 + g]};
}

void persons_target(size_t tenant, size_t number, char out[24])
{
    snprintf(out, 24, "t%03zu-%s", tenant % 100000, number == 0 ? "miro" : "wiki");
}

static void link_at(struct person *p, struct life *l, const char *name)
{
    static const struct attr own[] = {{"userType", "Full"}, {"preferredLanguage", "en_US"}};
    struct target_state *t = person_target_add(p, name);
    char id[24];
    l->chance = mix(l->chance);
    snprintf(id, sizeof id, "34587645%011llu", (unsigned long long)(l->chance % 100000000000u));
    t->link = xstrdup(id);
    target_state_set_known(t, KNOWN_ACCOUNT);
    t->known_active = true;
    for (size_t a = 0; a < p->n_attrs; a++)
        attrs_set(&t->known_attrs, p->attrs[a].name, p->attrs[a].value);
    for (size_t a = 0; a < ARRAY_SIZE(own); a++)
        attrs_set(&t->known_attrs, own[a].name, own[a].value);
}

void persons_key(const struct persons *ps, size_t i, struct buf *out)
{
    buf_clear(out);
    buf_addf(out, "t%03zu/hr/%07zu", i % ps->tenants, i);
}

void persons_make(const struct persons *ps, size_t i, struct person *ret)
{
    struct life l;
    char target[24];
    *ret = (struct person){.seq = 6, .offset = (int64_t)i};
    live(&l, ps, i);
    ret->employment = EMPLOYMENT_JOINED;
    ret->employment_stamp = ret->complete_stamp = l.stamps[0];
    fill_profile(ret, &l, ps, i);
    fill_groups(ret, &l);
    for (size_t e = 0; e < EVENTS; e++)
        event_ids_add(&ret->recent, l.stamps[e].event);
    for (size_t t = 0; t < ps->targets && (t == 0 || i / ps->tenants % 2 == 0); t++) {
        persons_target(i % ps->tenants, t, target);
        link_at(ret, &l, target);
    }
    if (ps->open_one && i / ps->tenants % ps->open_one == 0) {
        ret->targets[0].open = true;
        attrs_set(&ret->targets[0].known_attrs, "title", "Trainee");
    }
}
