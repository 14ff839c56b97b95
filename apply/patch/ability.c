#include <stdio.h>
#include <string.h>

#include "apply/patch/packing.h"
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

/* The answer costs a second on a small device, and is asked for each delta. */
static bool
packs_like(const char *name)
{
	enum { KNOWN = 16 };
	static struct {
		char name[ABILITY_MAX];
		bool met;
	} known[KNOWN];
	static size_t n;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n && i < KNOWN; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].met;
	(void)snprintf(known[n % KNOWN].name, ABILITY_MAX, "%s", name);
	known[n % KNOWN].met = packing_meets(name, &e) == 1;
	return known[n++ % KNOWN].met;
}

bool
ability_known(const char *name)
{
	char rule[ABILITY_MAX];

	if (strcmp(name, "delta-1") == 0)
		return true;
	if (packing_names(name))
		return packs_like(name);
	for (unsigned id = 0; id < RULE_IDS; id++)
		if (ability_of_rule(id, rule) != NULL && strcmp(name, rule) == 0)
			return true;
	return false;
}
