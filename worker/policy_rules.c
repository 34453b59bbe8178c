#include "policy_rules.h"

/* The texts as they stand in the source tree, one behind the other; the Makefile knows that this object depends on them. */
__asm__(".section .rodata\n"
        ".global policy_rules_begin\n"
        "policy_rules_begin:\n"
        ".incbin \"worker/policy_terms.lua\"\n"
        ".incbin \"worker/policy_rules.lua\"\n"
        ".global policy_rules_end\n"
        "policy_rules_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char policy_rules_begin[], policy_rules_end[];

struct str policy_rules_text(void)
{
    return (struct str){policy_rules_begin, (size_t)(policy_rules_end - policy_rules_begin)};
}
