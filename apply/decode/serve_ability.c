#include <stdio.h>
#include <string.h>

#include "apply/patch/ability.h"
#include "apply/patch/rule.h"

#include "apply/decode/serve.h"

static void
say_name(struct serve *s, const char *name)
{
	serve_bytes(s, (const uint8_t *)name, strlen(name));
	serve_bytes(s, (const uint8_t *)"\n", 1);
}

/* The others each cost a library some work. */
static void
say_names(struct serve *s)
{
	char rule[ABILITY_MAX];

	say_name(s, "delta-1");
	for (unsigned id = 0; id < RULE_IDS; id++)
		if (ability_of_rule(id, rule) != NULL)
			say_name(s, rule);
}

int
serve_ability(struct serve *s, struct err *e)
{
	char name[ABILITY_MAX];

	for (;;) {
		serve_hear(s, NULL);
		if (s->in.head.kind != WIRE_KNOWN || s->in.n >= sizeof name)
			return serve_unasked(e);
		memcpy(name, s->in.data, s->in.n);
		name[s->in.n] = '\0';
		if (s->in.n == 0)
			say_names(s);
		serve_done(s, s->in.n > 0 && ability_known(name));
	}
}
