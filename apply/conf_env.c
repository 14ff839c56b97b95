/*
 * conf_env.c - DELTA_APPLY_SECTION_KEY, and defaults that depend on other keys.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/log.h"
#include "manifest/names.h"

#include "apply/conf_keys.h"
#include "apply/conf_value.h"

#include "apply/conf.h"

enum { ENV_NAME_MAX = 96 };

static void
env_name(const struct conf_key *k, char out[static ENV_NAME_MAX])
{
	(void)snprintf(out, ENV_NAME_MAX, "DELTA_APPLY_%s_%s", k->section, k->name);
	for (; *out != '\0'; out++)
		*out = *out == '-' ? '_' : (char)toupper((unsigned char)*out);
}

int
conf_env(struct conf *c, struct err *e)
{
	bool sudo = getenv("SUDO_UID") != NULL;

	for (const struct conf_key *k = conf_keys; k->section != NULL; k++) {
		char name[ENV_NAME_MAX];
		const char *value;

		env_name(k, name);
		if ((value = getenv(name)) == NULL)
			continue;
		if (sudo && k->guarded)
			log_warn("%s: not taken from the environment under sudo", name);
		else if (conf_value_set(c, k, value, e) == -1)
			return err_wrap(e, "environment: %s", name);
	}
	return 0;
}

static int
default_text(char **field, const char *prefix, const char *text, struct err *e)
{
	if (*field != NULL)
		return 0;
	if (asprintf(field, "%s%s", prefix, text) == -1) {
		*field = NULL;
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return 0;
}

int
conf_finish(struct conf *c, struct err *e)
{
	const char *name = c->name == NULL ? "" : c->name;

	if (default_text(&c->channel, "", "stable", e) == -1 ||
	    default_text(&c->platform, "", platform_native(), e) == -1 ||
	    default_text(&c->state, "/var/lib/delta-apply/", name, e) == -1 ||
	    default_text(&c->run, "/run/delta-apply/", name, e) == -1)
		return -1;
	return conf_check(c, e);
}
