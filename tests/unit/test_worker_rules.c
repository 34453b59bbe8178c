/* rollcall.rules: what conditions, expressions and policies mean, in YAML and Lua; and that what is wrong is told at load. */
#include "policy_kit.h"

#include <ctype.h>

#include "../sim/prng.h"
#include "buf.h"
#include "test_lib.h"

#define USER "attributes: {userName: '{userName}'}\n"

/* ---- one policy, one person, one answer ---------------------------------------------------------------- */

static void expect(const char *name, const char *suffix, const char *text, const char *person,
                   const char *answer)
{
    struct policy *policy;
    struct kit_person g;
    struct error err;
    ck_assert_msg(kit_load(suffix, text, &policy, &err), "%s: %s", name, err.message);
    kit_person(&g, person);
    char *said = kit_ask(policy, &g.view, "miro");
    ck_assert_msg(strcmp(said, answer) == 0, "%s: wanted \"%s\", got \"%s\"", name, answer, said);
    free(said);
    kit_person_done(&g);
    policy_free(policy);
}

static const struct condition_row {
    const char *name, *condition; /* in YAML's flow style */
    const char *person;
    bool holds;
} conditions[] = {
    {"the same text", "{department: Design}", "department=Design", true},
    {"another text", "{department: Design}", "department=Sales", false},
    {"no text", "{department: Design}", "", false},
    {"an empty text", "{department: '*'}", "department=", false},
    {"any text", "{department: '*'}", "department=x", true},
    {"case does not matter", "{department: dEsign}", "department=DeSign", true},
    {"a part is not the whole", "{department: Design}", "department=Designers", false},
    {"a beginning", "{department: 'Design*'}", "department=Designers", true},
    {"an end", "{title: '*Manager'}", "title=Senior MANAGER", true},
    {"a middle", "{title: '*of*'}", "title=Head of Design", true},
    {"one character", "{grade: 'L?'}", "grade=L\xc3\xbc", true},
    {"not two", "{grade: 'L?'}", "grade=L12", false},
    {"a star that is one", "{grade: 'a\\*'}", "grade=a*", true},
    {"a star that is one, against others", "{grade: 'a\\*'}", "grade=ab", false},
    {"one of several", "{location: [DE-*, NL-*]}", "location=NL-AMS", true},
    {"none of several", "{location: [DE-*, NL-*]}", "location=UK-LON", false},
    {"all of several attributes", "{division: Sales, location: DE-*}", "division=Sales; location=DE-BER",
     true},
    {"one attribute is missing", "{division: Sales, location: DE-*}", "division=Sales", false},
    {"one of two mappings", "[{division: Sales}, {title: CEO}]", "title=CEO", true},
    {"a number", "{costCenter: 4711}", "costCenter=4711", true},
    {"a number with zeros", "{costCenter: 0042}", "costCenter=0042", true},
    {"a truth", "{remote: true}", "remote=true", true},
    {"a group", "{groups: Whiteboards}", "@Whiteboards; @Ops", true},
    {"a group's pattern", "{groups: 'eng-*'}", "@Ops; @eng-web", true},
    {"no such group", "{groups: 'eng-*'}", "@Ops", false},
    {"none of", "{none: {department: Design}}", "department=Sales", true},
    {"none of, but one", "{none: [{department: Design}, {title: x}]}", "title=x", false},
    {"any of", "{any: [{department: Design}, {title: x}], grade: y}", "title=x; grade=y", true},
    {"all of", "{all: [{department: Design}, {title: x}]}", "title=x", false},
    {"a set", "{set: designers}", "department=Design", true},
    {"a set of a set", "{set: [nobody, senior]}", "department=Design; title=Senior", true},
    {"not in the set", "{set: senior}", "department=Design", false},
    {"an end date", "{ends: true}", "ends", true},
    {"no end date", "{ends: false}", "ends", false},
    {"the subject", "{subject: [41, 42]}", "", true},
    {"directory and tenant", "{directory: hr, tenant: ac*}", "", true},
    {"employment", "{employment: joined}", "", true},
};

START_TEST(a_condition_holds_or_does_not)
{
    const struct condition_row *row = &conditions[_i];
    char *text =
        xasprintf("sets: {designers: {department: Design}, nobody: {title: nobody}, senior: {set: designers, "
                  "title: Senior}}\nneeds: []\nattributes: {x: {value: yes, when: %s}}\n",
                  row->condition);
    expect(row->name, ".yaml", text, row->person,
           row->holds ? "account active=true x=yes" : "account active=true");
    free(text);
}
END_TEST

static const struct value_row {
    const char *name, *value;     /* in YAML's flow style */
    const char *person, *becomes; /* NULL: not named */
} values[] = {
    {"a text", "Full", "", "Full"},
    {"a number", "7", "", "7"},
    {"an attribute", "'{title}'", "title=CEO", "CEO"},
    {"an attribute without value", "'{title}'", "", NULL},
    {"several", "'{name.givenName} {name.familyName}'", "name.givenName=Ada; name.familyName=Lovelace",
     "Ada Lovelace"},
    {"one of several is missing", "'{name.givenName} {name.familyName}'", "name.givenName=Ada", NULL},
    {"a text around", "'<{title}>'", "title=x", "<x>"},
    {"the first that has a value", "['{a}', '{b}', '{c}']", "b=2; c=3", "2"},
    {"lower", "'{title|lower}'", "title=ABC", "abc"},
    {"upper", "'{title|upper}'", "title=abc", "ABC"},
    {"trim", "'{title|trim}'", "title=  abc ", "abc"},
    {"trimmed to nothing", "'{title|trim}'", "title=   ", NULL},
    {"default", "'{title|default:Employee}'", "", "Employee"},
    {"no default needed", "'{title|default:Employee}'", "title=x", "x"},
    {"cut", "'{title|cut:3}'", "title=abcdef", "abc"},
    {"a cut counts characters", "'{title|cut:2}'", "title=\xc3\xbc\xc3\xbc\xc3\xbc", "\xc3\xbc\xc3\xbc"},
    {"max fits", "'{title|max:3}'", "title=abc", "abc"},
    {"max does not fit", "'{title|max:3}'", "title=abcd", NULL},
    {"before", "'{mail|before:@}'", "mail=ada@example.com", "ada"},
    {"after", "'{mail|after:@}'", "mail=ada@example.com", "example.com"},
    {"a table", "'{location|map:offices}'", "location=ber", "Berlin"},
    {"not in the table", "'{location|map:offices}'", "location=XXX", NULL},
    {"not in the table, default", "'{location|map:offices|default:Elsewhere}'", "location=XXX", "Elsewhere"},
    {"filters of the whole", "{value: '{a} {b}', filter: lower|cut:3}", "a=AB; b=CD", "ab "},
    {"when", "{value: Full, when: {groups: Boards}}", "@Boards", "Full"},
    {"not when", "{value: Full, when: {groups: Boards}}", "", NULL},
    {"unless", "{value: Full, unless: {groups: Boards}}", "@Boards", NULL},
    {"not unless", "{value: Full, unless: {groups: Boards}}", "", "Full"},
    {"both", "{value: Full, when: {a: x}, unless: {b: y}}", "a=x; b=y", NULL},
    {"the first that applies", "[{value: Full, when: {a: x}}, {value: Basic, when: {b: y}}, Free]", "b=y",
     "Basic"},
    {"the last is for all", "[{value: Full, when: {a: x}}, Free]", "", "Free"},
    {"clear", "{value: '{title}', clear: true}", "", "(empty)"},
    {"nothing to clear", "{value: '{title}', clear: true}", "title=x", "x"},
    {"always cleared", "{clear: true}", "title=x", "(empty)"},
    {"cleared where it applies only", "{clear: true, when: {a: x}}", "", NULL},
    {"fields of the person", "'{person.tenant}/{person.subject}'", "", "acme/42"},
};

START_TEST(an_expression_has_a_value_or_none)
{
    const struct value_row *row = &values[_i];
    char *text = xasprintf(
        "tables: {offices: {BER: Berlin, AMS: Amsterdam}}\nneeds: []\nattributes: {x: %s}\n", row->value);
    char *answer =
        row->becomes ? xasprintf("account active=true x=%s", row->becomes) : xstrdup("account active=true");
    expect(row->name, ".yaml", text, row->person, answer);
    free(answer);
    free(text);
}
END_TEST

static const struct policy_row {
    const char *name, *text, *person, *answer;
} policies[] = {
    {"a joiner", USER, "userName=a@x", "account active=true userName=a@x"},
    {"without what is needed", USER, "title=x", "leave alone"},
    {"another need", "attributes: {userName: '{userName}', title: '{title}'}\nneeds: [userName, title]\n",
     "userName=a@x", "leave alone"},
    {"a target alone", "targets: {miro: {attributes: {userName: '{userName}'}}}\n", "userName=a@x",
     "account active=true userName=a@x"},
    {"another target alone", "targets: {jira: {attributes: {userName: '{userName}'}}}\n", "userName=a@x",
     "leave alone"},
    {"a leaver", USER, "left; userName=a@x", "account active=false"},
    {"a leaver of whom nothing is known", USER, "left", "account active=false"},
    {"a deleted one", USER, "deleted", "account active=false"},
    {"leavers are deleted", USER "leavers: delete\n", "left; userName=a@x", "delete"},
    {"leavers leave their teams", USER "leavers: leave_teams\n", "left; userName=a@x",
     "account active=false leave_teams=true"},
    {"so do those on hold", USER "suspended: leave_teams\n", "suspended; userName=a@x",
     "account active=false leave_teams=true"},
    {"so do those whose access has ended", USER "ended: leave_teams\n", "ended; userName=a@x",
     "account active=false leave_teams=true"},
    {"so do those outside", USER "only: {groups: Pilot}\noutside: leave_teams\n", "userName=a@x",
     "account active=false leave_teams=true"},
    {"on hold", USER, "suspended; userName=a@x", "account active=false"},
    {"on hold and kept", USER "suspended: keep\n", "suspended; userName=a@x", "account userName=a@x"},
    {"access has ended", USER, "ended; userName=a@x", "account active=false"},
    {"access will end", USER, "ends; userName=a@x", "account active=true userName=a@x"},
    {"nobody has said joined", USER, "unknown; userName=a@x", "account userName=a@x"},
    {"nobody has said joined, teams", USER "teams: [{team: A}]\n", "unknown; userName=a@x",
     "account userName=a@x"},
    {"nobody has said joined, left alone", USER "unknown: leave_alone\n", "unknown; userName=a@x",
     "leave alone"},
    {"in the pilot", USER "only: {groups: Pilot}\n", "userName=a@x; @Pilot",
     "account active=true userName=a@x"},
    {"outside of the pilot", USER "only: {groups: Pilot}\n", "userName=a@x", "leave alone"},
    {"outside, on hold", USER "only: {groups: Pilot}\n", "suspended; userName=a@x", "leave alone"},
    {"outside, and left", USER "only: {groups: Pilot}\n", "left; userName=a@x", "account active=false"},
    {"outside, and left: no deletion", USER "only: {groups: Pilot}\nleavers: delete\n", "left; userName=a@x",
     "account active=false"},
    {"outside is cut", USER "only: {groups: Pilot}\noutside: deactivate\n", "userName=a@x",
     "account active=false"},
    {"outside, and nobody has said joined", USER "only: {groups: Pilot}\noutside: deactivate\n",
     "unknown; userName=a@x", "leave alone"},
    {"excepted", USER "except: {title: Robot}\n", "userName=a@x; title=robot", "leave alone"},
    {"excepted, and left", USER "except: {title: Robot}\n", "left; userName=a@x; title=robot", "leave alone"},
    {"contractors need an end", USER "only: {none: {type: Contractor, ends: false}}\n",
     "userName=a@x; type=Contractor", "leave alone"},
    {"contractors with an end", USER "only: {none: {type: Contractor, ends: false}}\n",
     "userName=a@x; type=Contractor; ends", "account active=true userName=a@x"},
    {"employees need none", USER "only: {none: {type: Contractor, ends: false}}\n",
     "userName=a@x; type=Employee", "account active=true userName=a@x"},
    {"a team", USER "teams: [{team: Design, when: {department: Design*}}]\n",
     "userName=a@x; department=Designers", "account active=true teams.Design=true userName=a@x"},
    {"no team", USER "teams: [{team: Design, when: {department: Design*}}]\n", "userName=a@x",
     "account active=true teams=none named userName=a@x"},
    {"a team that is left", USER "teams: [{team: Design, when: {department: Design*}, otherwise: leave}]\n",
     "userName=a@x", "account active=true teams.Design=false userName=a@x"},
    {"one rule is enough",
     USER "teams: [{team: A, when: {x: 1}}, {team: A, when: {x: 2}, otherwise: leave}, {team: A, when: {x: "
          "3}, otherwise: leave}]\n",
     "userName=a@x; x=2", "account active=true teams.A=true userName=a@x"},
    {"several teams of one rule", USER "teams: [{team: [A, B]}]\n", "userName=a@x",
     "account active=true teams.A=true teams.B=true userName=a@x"},
    {"a team named by an attribute", USER "teams: [{team: 'Office {location}'}]\n",
     "userName=a@x; location=BER", "account active=true teams.Office BER=true userName=a@x"},
    {"a team named by nothing", USER "teams: [{team: 'Office {location}'}]\n", "userName=a@x",
     "account active=true teams=none named userName=a@x"},
    {"all or none",
     "attributes: {userName: x, a: '{a}', b: '{b}'}\ntogether: [{attributes: [a, b], max: 3}]\n", "a=1; b=22",
     "account a=1 active=true b=22 userName=x"},
    {"all or none: one missing",
     "attributes: {userName: x, a: '{a}', b: '{b}'}\ntogether: [{attributes: [a, b], max: 3}]\n", "a=1",
     "account active=true userName=x"},
    {"all or none: too long",
     "attributes: {userName: x, a: '{a}', b: '{b}'}\ntogether: [{attributes: [a, b], max: 3}]\n",
     "a=11; b=22", "account active=true userName=x"},
    {"a target of its own", USER "targets: {miro: {leavers: delete, attributes: {t: 1}}}\n", "left",
     "delete"},
    {"a target's attributes come on top", USER "targets: {miro: {attributes: {t: 1}}}\n", "userName=a@x",
     "account active=true t=1 userName=a@x"},
    {"another target's word is not ours", USER "targets: {jira: {leavers: delete}}\n", "left",
     "account active=false"},
};

START_TEST(a_policy_in_yaml_decides)
{
    const struct policy_row *row = &policies[_i];
    expect(row->name, ".yaml", row->text, row->person, row->answer);
}
END_TEST

/* ---- what is wrong is told when it is loaded ----------------------------------------------------------- */

static const struct wrong_row {
    const char *text, *said;
} wrongs[] = {
    {"leaver: delete\n", "leaver: unknown key"},
    {"leavers: erase\n", "leavers: must be deactivate, leave_teams, delete, not \"erase\""},
    {"attributes: [x]\n", "attributes: must be a mapping, not a list"},
    {"attributes: {active: true}\n", "attributes.active: is no attribute"},
    {"attributes: {x: ''}\n", "attributes.x: must be a text, not an empty one"},
    {"attributes: {x: ~}\n", "attributes.x: must be a text, not nothing"},
    {"attributes: {x: '{title'}\n", "attributes.x: a { without }"},
    {"attributes: {x: '{}'}\n", "attributes.x: {} names no attribute"},
    {"attributes: {x: '{person.name}'}\n", "names no attribute"},
    {"attributes: {x: '{title|shout}'}\n", "attributes.x: there is no filter \"shout\""},
    {"attributes: {x: '{title|cut}'}\n", "the filter cut wants something after a colon"},
    {"attributes: {x: '{title|cut:no}'}\n", "must be a number from 1 to 1024"},
    {"attributes: {x: '{title|lower:1}'}\n", "the filter lower takes nothing"},
    {"attributes: {x: '{title|map:none}'}\n", "there is no table none"},
    {"attributes: {x: {valeu: y}}\n", "attributes.x.valeu: unknown key"},
    {"attributes: {x: {when: {a: b}}}\n", "attributes.x: has no value"},
    {"attributes: {x: [a, {value: b, when: {groups: []}}]}\n", "attributes.x[1].when.groups: is empty"},
    {"teams: Design\n", "teams: must be a list, not \"Design\""},
    {"teams: [Design]\n", "teams[0]: must be a mapping"},
    {"teams: [{team: A, whne: {a: b}}]\n", "teams[0].whne: unknown key"},
    {"teams: [{team: A, when: {}}]\n", "teams[0].when: is empty"},
    {"teams: [{when: {a: b}}]\n", "teams[0].team: names nothing"},
    {"teams: [{team: '{x}', otherwise: leave}]\n", "teams[0].otherwise: goes with a fixed name only"},
    {"teams: [{team: ["
     "t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15, t16, t17, t18, t19, t20, t21, "
     "t22, t23, t24, t25, t26, t27, t28, t29, t30, t31, t32, "
     "t33, t34, t35, t36, t37, t38, t39, t40, t41, t42, t43, t44, t45, t46, t47, t48, t49, t50, t51, t52, "
     "t53, t54, t55, t56, t57, t58, t59, t60, t61, t62, t63, t64], when: {a: b}, otherwise: leave}]\n",
     "teams[0].otherwise: is one to be left too many: an answer names 64 at most"},
    {"teams: [{team: x, otherwise: go}]\n", "teams[0].otherwise: must be leave, keep"},
    {"teams: [{team: x, when: {a: [b, {c: d}]}}]\n", "teams[0].when.a[1]: must be a text, not a table"},
    {"sets: {a: {title: x}}\nonly: {set: nobody}\n", "only.set: there is no set nobody"},
    {"only: {}\n", "only: is empty"},
    {"only: {ends: yes}\n", "only.ends: must be true or false"},
    {"sets: {a: {set: b}, b: {set: a}}\n", "refers to itself"},
    {"sets: {a: {}}\n", "sets.a: is empty"},
    {"tables: {a: {b: [c]}}\n", "tables.a.b: must be a text"},
    {"needs: userName\n", "needs: must be a list"},
    {"leavers: delete\n", "needs: userName is no attribute that the policy names"},
    {"needs: [userNam]\n" USER, "needs: userNam is no attribute"},
    {USER "targets: {miro: {needs: [title]}}\n", "targets.miro.needs: title is no attribute"},
    {"together: [{max: 3}]\n", "together[0].attributes: must be a list"},
    {"targets: {miro: {sets: {}}}\n", "targets.miro.sets: unknown key"},
    {"targets: {miro: {attributes: {x: '{'}}}\n", "targets.miro.attributes.x: a { without }"},
    {"just a text\n", "the policy: must be a mapping, not \"just a text\""},
    {"attributes: {userName: '{userName}'}\ntogether: [{attributes: [userName, surname]}]\n",
     "together[0]: \"surname\" is no attribute that the policy names"},
    {"tables: {offices: {Berlin: BER, berlin: SXF}}\n", "tables.offices.berlin: is there twice"},
    {"", "an empty file"},
    {"a: 1\na: 2\n", "line 2: the key \"a\" is there twice"},
    {"a: [1\n", "line 2:"},
    {"a: &x 1\nb: *x\n", "anchors, aliases and tags are not understood"},
    {"a: !!str 1\n", "anchors, aliases and tags are not understood"},
    {"a: 1\n---\nb: 1\n", "a second document"},
};

START_TEST(a_mistake_is_told_at_load_with_its_path)
{
    struct policy *policy;
    struct error err;
    ck_assert_msg(!kit_load(".yaml", wrongs[_i].text, &policy, &err), "%s", wrongs[_i].text);
    ck_assert_int_eq(err.kind, ERROR_INPUT);
    ck_assert_msg(strstr(err.message, wrongs[_i].said), "%s: %s", wrongs[_i].text, err.message);
    ck_assert_msg(strstr(err.message, "test_policy."), "names no file: %s", err.message);
}
END_TEST

START_TEST(so_is_one_in_lua_with_its_file)
{
    static const char *const texts[][2] = {
        {"return rollcall.rules.policy{leaver='delete'}", ".lua: leaver: unknown key"},
        {"local a = rollcall.rules.account{teams={{team='A', whne={}}}} return {}",
         ".lua: teams[0].whne: unknown"},
        {"local v = rollcall.rules.value('{') return {}", ".lua: value: a { without }"},
        {"local c = rollcall.rules.condition({set='x'}) return {}", ".lua: condition.set: there is no set x"},
        {"\nlocal c = nil + 1", ".lua:2:"}};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct policy *policy;
        struct error err;
        ck_assert_msg(!kit_load(".lua", texts[i][0], &policy, &err), "%s", texts[i][0]);
        ck_assert_msg(strstr(err.message, texts[i][1]), "%s: %s", texts[i][0], err.message);
        ck_assert_msg(strstr(err.message, "test_policy."), "names no file: %s", err.message);
    }
}
END_TEST

/* ---- the library in Lua -------------------------------------------------------------------------------- */

static const struct policy_row lua_rows[] = {
    {"a whole policy", "return rollcall.rules.policy{attributes={userName='{userName}'}}", "userName=a@x",
     "account active=true userName=a@x"},
    {"a condition",
     "local is = rollcall.rules.condition({department='Design*'}) return {desired=function(p) return "
     "{x=is(p)} end}",
     "department=Designers", "account x=true"},
    {"a condition with sets",
     "local is = rollcall.rules.condition({set='a'}, {sets={a={title='x'}}}) return {desired=function(p) "
     "return {x=is(p)} end}",
     "title=y", "account x=false"},
    {"a value",
     "local v = rollcall.rules.value('{a|map:t}', {tables={t={b='c'}}}) return {desired=function(p) return "
     "{x=v(p)} end}",
     "a=B", "account x=c"},
    {"an account",
     "local a = rollcall.rules.account{teams={{team='A'}}} return {desired=function(p) return a(p) end}", "",
     "account teams.A=true"},
    {"cut", "return {desired=function(p) return {x=rollcall.rules.cut('abc', 2)} end}", "", "account x=ab"},
    {"like", "return {desired=function(p) return {x=rollcall.like('Abc', 'a*')} end}", "", "account x=true"},
    {"accessUntil", "return {desired=function(p) return {x=p.accessUntil} end}", "ends",
     "account x=1970-01-01T00:00:02.000Z"},
    {"no accessUntil", "return {desired=function(p) return {x=p.accessUntil} end}", "", "account"},
};

START_TEST(a_policy_in_lua_uses_the_rules)
{
    const struct policy_row *row = &lua_rows[_i];
    expect(row->name, ".lua", row->text, row->person, row->answer);
}
END_TEST

/* A pattern that would make a backtracking matcher work for years. */
START_TEST(no_pattern_takes_long)
{
    struct policy *policy;
    struct kit_person g;
    struct error err;
    struct buf text;
    char value[1025] = {0};
    memset(value, 'a', 1024);
    buf_init(&text, 1 << 18);
    buf_adds(&text, "needs: []\nattributes: {x: {value: y, when: {title: [");
    for (int i = 0; i < 60; i++) {
        buf_addf(&text, "'%d", i);
        for (int k = 0; k < 100; k++)
            buf_adds(&text, "*a");
        buf_adds(&text, "b',");
    }
    buf_adds(&text, "'zz']}}}\n");
    ck_assert_msg(kit_load(".yaml", text.p, &policy, &err), "%s", err.message);
    kit_person(&g, "");
    kit_profile(&g, "title", value);
    char *said = kit_ask(policy, &g.view, "miro");
    ck_assert_str_eq(said, "account active=true");
    free(said);
    kit_person_done(&g);
    policy_free(policy);
    buf_done(&text);
}
END_TEST

/* Five thousand names of a pilot group are looked up, not walked through. */
START_TEST(a_long_list_fits_into_a_call)
{
    struct policy *policy;
    struct kit_person g;
    struct error err;
    struct buf text;
    buf_init(&text, 1 << 18);
    buf_adds(&text, USER "only: {userName: [");
    for (int i = 0; i < 5000; i++)
        buf_addf(&text, "p%d@example.com, ", i);
    buf_adds(&text, "last@example.com]}\n");
    ck_assert_msg(kit_load(".yaml", text.p, &policy, &err), "%s", err.message);
    kit_person(&g, "userName=LAST@example.com");
    char *said = kit_ask(policy, &g.view, "miro");
    ck_assert_str_eq(said, "account active=true userName=LAST@example.com");
    free(said);
    kit_person_done(&g);
    policy_free(policy);
    buf_done(&text);
}
END_TEST

static void collect(void *ctx, const char *name)
{
    buf_addf(ctx, "%s ", name);
}

START_TEST(targets_with_rules_of_their_own_are_known)
{
    static const char *const texts[][3] = {
        {".yaml", USER "targets: {jira: {leavers: delete}, miro: {needs: [userName]}}\n", "jira miro "},
        {".yaml", USER, ""},
        {".lua", "return {desired = function() end}", ""},
        {".lua", "return {desired = function() end, targets = 7}", ""}};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct policy *policy;
        struct error err;
        struct buf names;
        buf_init(&names, 256);
        ck_assert_msg(kit_load(texts[i][0], texts[i][1], &policy, &err), "%s", err.message);
        policy_each_target(policy, collect, &names);
        char *got = buf_take(&names);
        ck_assert_str_eq(got, texts[i][2]);
        free(got);
        policy_free(policy);
    }
}
END_TEST

/* ---- the policies that we ship ------------------------------------------------------------------------- */

#define SIXTY "123456789012345678901234567890123456789012345678901234567890"

static void random_person(struct kit_person *g, struct prng *chance)
{
    static const char *const names[] = {"userName",       "displayName", "name.givenName", "name.familyName",
                                        "employeeNumber", "costCenter",  "department",     "division",
                                        "organization",   "title",       "location",       "employeeType"};
    static const char *const texts[] = {"Ada",
                                        "Design",
                                        "ada@example.com",
                                        SIXTY,
                                        SIXTY SIXTY "x",
                                        "\xc3\xbc" SIXTY,
                                        "Contractor",
                                        "x{y}|z%d*",
                                        "\xe6\x97\xa5\xe6\x9c\xac",
                                        " ",
                                        "0",
                                        "\xff" SIXTY SIXTY SIXTY};
    *g = (struct kit_person){.person = {.employment = (enum employment)prng_range(chance, 0, 3),
                                        .suspended = prng_chance(chance, 150),
                                        .access_until_ms = prng_chance(chance, 200) ? 1 : 0}};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (prng_chance(chance, 600))
            kit_profile(g, names[i], texts[prng_range(chance, 0, ARRAY_SIZE(texts) - 1)]);
    if (prng_chance(chance, 300))
        kit_group(g, "Whiteboards");
    kit_view(g);
}

START_TEST(the_shipped_policies_say_the_same_of_everybody)
{
    struct policy *lua, *yaml;
    struct error err = {0};
    struct prng chance = {7};
    unsigned kinds[3] = {0};
    ck_assert_msg(policy_new("deploy/config/policy.lua", &lua, &err), "%s", err.message);
    ck_assert_msg(policy_new("deploy/config/policy.yaml", &yaml, &err), "%s", err.message);
    for (int i = 0; i < 5000; i++) {
        struct kit_person g;
        random_person(&g, &chance);
        char *a = kit_ask(lua, &g.view, "miro"), *b = kit_ask(yaml, &g.view, "miro");
        ck_assert_msg(strcmp(a, b) == 0, "person %d: policy.lua says \"%s\", policy.yaml \"%s\"", i, a, b);
        kinds[a[0] == '!' ? 2 : a[0] == 'a']++;
        free(a);
        free(b);
        kit_person_done(&g);
    }
    ck_assert_msg(kinds[0] > 500 && kinds[1] > 500 && kinds[2] == 0, "%u %u %u", kinds[0], kinds[1],
                  kinds[2]);
    policy_free(lua);
    policy_free(yaml);
}
END_TEST

/* What is commented out as `#name: value` shows what could be said: it has to load as well. */
START_TEST(every_line_of_the_shipped_yaml_makes_sense)
{
    struct policy *policy;
    struct error err;
    struct buf text;
    char line[512];
    unsigned shown = 0;
    FILE *in = fopen("deploy/config/policy.yaml", "re");
    ck_assert_ptr_nonnull(in);
    buf_init(&text, 1 << 16);
    while (fgets(line, sizeof line, in)) {
        size_t blanks = strspn(line, " ");
        bool comment = line[blanks] == '#' && !isspace((unsigned char)line[blanks + 1]);
        buf_add(&text, line, blanks);
        buf_adds(&text, line + blanks + comment);
        shown += comment;
    }
    fclose(in);
    ck_assert_uint_gt(shown, 30);
    ck_assert_msg(kit_load(".yaml", text.p, &policy, &err), "%s", err.message);
    policy_free(policy);
    buf_done(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("worker_rules");
    TCase *tc = tcase_create("rules");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_condition_holds_or_does_not, 0, (int)ARRAY_SIZE(conditions));
    tcase_add_loop_test(tc, an_expression_has_a_value_or_none, 0, (int)ARRAY_SIZE(values));
    tcase_add_loop_test(tc, a_policy_in_yaml_decides, 0, (int)ARRAY_SIZE(policies));
    tcase_add_loop_test(tc, a_mistake_is_told_at_load_with_its_path, 0, (int)ARRAY_SIZE(wrongs));
    tcase_add_test(tc, so_is_one_in_lua_with_its_file);
    tcase_add_loop_test(tc, a_policy_in_lua_uses_the_rules, 0, (int)ARRAY_SIZE(lua_rows));
    tcase_add_test(tc, targets_with_rules_of_their_own_are_known);
    tcase_add_test(tc, no_pattern_takes_long);
    tcase_add_test(tc, a_long_list_fits_into_a_call);
    tcase_add_test(tc, the_shipped_policies_say_the_same_of_everybody);
    tcase_add_test(tc, every_line_of_the_shipped_yaml_makes_sense);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
