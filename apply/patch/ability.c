#include <stdio.h>
#include <string.h>

#include "apply/patch/rule.h"

#include "apply/patch/ability.h"

const char *
ability_of_rule(unsigned id, char out[static ABILITY_MAX])
{
	const char *name = rule_name(id);

	if (name == NULL)
		return NULL;
	(void)snprintf(out, ABILITY_MAX, "predict-%s-1", name);
	return out;
}

bool
ability_known(const char *name)
{
	char rule[ABILITY_MAX];

	if (strcmp(name, "delta-1") == 0)
		return true;
	for (unsigned id = 0; id < RULE_IDS; id++)
		if (ability_of_rule(id, rule) != NULL && strcmp(name, rule) == 0)
			return true;
	return false;
}
