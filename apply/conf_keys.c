#include <stdio.h>
#include <string.h>

#include "manifest/base/opt.h"

#include "apply/conf_keys.h"

#define FIELD(f) offsetof(struct conf, f)
#define HOOK(i) offsetof(struct conf, hooks[i])
#define HOOK_TIME(i) offsetof(struct conf, hook_timeout_s[i])

const struct conf_key conf_keys[] = {
	{ "app", "name", CONF_TEXT, FIELD(name), true },
	{ "app", "root", CONF_DIR, FIELD(root), true },
	{ "app", "url", CONF_URL, FIELD(url), true },
	{ "app", "channel", CONF_TEXT, FIELD(channel), false },
	{ "app", "platform", CONF_TEXT, FIELD(platform), false },
	{ "app", "state", CONF_DIR, FIELD(state), true },
	{ "app", "run", CONF_DIR, FIELD(run), true },
	{ "app", "hardware", CONF_TEXT, FIELD(hardware), false },
	{ "app", "swap", CONF_SWAP, FIELD(swap), true },
	{ "app", "reuse", CONF_REUSE, FIELD(reuse), false },
	{ "app", "keep", CONF_COUNT, FIELD(keep), false },
	{ "app", "owner", CONF_OWNER, 0, true },
	{ "app", "allow", CONF_WORDS, FIELD(allow), true },
	{ "app", "memory", CONF_BYTES, FIELD(memory_bytes), false },
	{ "trust", "root", CONF_TEXT, FIELD(trust_root), true },
	{ "trust", "clock", CONF_CLOCK, FIELD(clock_untrusted), true },
	{ "persist", "paths", CONF_WORDS, FIELD(persist), true },
	{ "persist", "copy", CONF_WORDS, FIELD(persist_copy), true },
	{ "hooks", "preflight", CONF_TEXT, HOOK(HOOK_PREFLIGHT), true },
	{ "hooks", "deps", CONF_TEXT, HOOK(HOOK_DEPS), true },
	{ "hooks", "stop", CONF_TEXT, HOOK(HOOK_STOP), true },
	{ "hooks", "backup", CONF_TEXT, HOOK(HOOK_BACKUP), true },
	{ "hooks", "migrate", CONF_TEXT, HOOK(HOOK_MIGRATE), true },
	{ "hooks", "start", CONF_TEXT, HOOK(HOOK_START), true },
	{ "hooks", "health", CONF_TEXT, HOOK(HOOK_HEALTH), true },
	{ "hooks", "commit", CONF_TEXT, HOOK(HOOK_COMMIT), true },
	{ "hooks", "rollback", CONF_TEXT, HOOK(HOOK_ROLLBACK), true },
	{ "hooks", "restore", CONF_TEXT, HOOK(HOOK_RESTORE), true },
	{ "hooks", "notify", CONF_TEXT, HOOK(HOOK_NOTIFY), true },
	{ "hooks", "timeout", CONF_HOOK_TIMEOUT, 0, true },
	{ "hooks", "preflight-timeout", CONF_SECONDS, HOOK_TIME(HOOK_PREFLIGHT), true },
	{ "hooks", "deps-timeout", CONF_SECONDS, HOOK_TIME(HOOK_DEPS), true },
	{ "hooks", "stop-timeout", CONF_SECONDS, HOOK_TIME(HOOK_STOP), true },
	{ "hooks", "backup-timeout", CONF_SECONDS, HOOK_TIME(HOOK_BACKUP), true },
	{ "hooks", "migrate-timeout", CONF_SECONDS, HOOK_TIME(HOOK_MIGRATE), true },
	{ "hooks", "start-timeout", CONF_SECONDS, HOOK_TIME(HOOK_START), true },
	{ "hooks", "health-timeout", CONF_SECONDS, HOOK_TIME(HOOK_HEALTH), true },
	{ "hooks", "commit-timeout", CONF_SECONDS, HOOK_TIME(HOOK_COMMIT), true },
	{ "hooks", "rollback-timeout", CONF_SECONDS, HOOK_TIME(HOOK_ROLLBACK), true },
	{ "hooks", "restore-timeout", CONF_SECONDS, HOOK_TIME(HOOK_RESTORE), true },
	{ "hooks", "notify-timeout", CONF_SECONDS, HOOK_TIME(HOOK_NOTIFY), true },
	{ "hooks", "from-release", CONF_BOOL, FIELD(hooks_from_release), true },
	{ "hooks", "user", CONF_TEXT, FIELD(hook_user), true },
	{ "backup", "when", CONF_WHEN, FIELD(backup_running), false },
	{ "service", "unit", CONF_TEXT, FIELD(unit), true },
	{ "service", "start", CONF_TEXT, FIELD(start_command), true },
	{ "service", "stop", CONF_TEXT, FIELD(stop_command), true },
	{ "service", "status", CONF_TEXT, FIELD(status_command), true },
	{ "service", "timeout", CONF_SECONDS, FIELD(service_timeout_s), false },
	{ "health", "command", CONF_TEXT, FIELD(health_command), true },
	{ "health", "url", CONF_URL, FIELD(health_url), true },
	{ "health", "unit", CONF_BOOL, FIELD(health_unit), false },
	{ "health", "update-probe", CONF_BOOL, FIELD(health_update_probe), false },
	{ "health", "timeout", CONF_SECONDS, FIELD(health_timeout_s), false },
	{ "health", "interval", CONF_SECONDS, FIELD(health_interval_s), false },
	{ "health", "retries", CONF_COUNT, FIELD(health_retries), false },
	{ "health", "hold", CONF_SECONDS, FIELD(health_hold_s), false },
	{ "net", "connect-timeout", CONF_SECONDS, FIELD(connect_timeout_s), false },
	{ "net", "low-speed-time", CONF_SECONDS, FIELD(low_speed_time_s), false },
	{ "net", "low-speed", CONF_BYTES, FIELD(low_speed_bytes), false },
	{ "net", "total-timeout", CONF_SECONDS, FIELD(total_timeout_s), false },
	{ "net", "retries", CONF_COUNT, FIELD(retries), false },
	{ "net", "ca-file", CONF_DIR, FIELD(ca_file), true },
	{ "net", "proxy", CONF_TEXT, FIELD(proxy), true },
	{ "device", "never-full", CONF_BOOL, FIELD(never_full), false },
	{ NULL, NULL, CONF_TEXT, 0, false }
};

/* For later versions; a configuration that has them already is no mistake. */
static const char *const reserved[] = { "report", "policy", NULL };

enum { KEYS_MAX = sizeof conf_keys / sizeof conf_keys[0] };

const struct conf_key *
conf_key_find(const char *section, const char *name)
{
	for (const struct conf_key *k = conf_keys; k->section != NULL; k++)
		if (strcmp(k->section, section) == 0 && strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

bool
conf_section_reserved(const char *section)
{
	for (size_t i = 0; reserved[i] != NULL; i++)
		if (strcmp(reserved[i], section) == 0)
			return true;
	return false;
}

bool
conf_section_known(const char *section)
{
	for (const struct conf_key *k = conf_keys; k->section != NULL; k++)
		if (strcmp(k->section, section) == 0)
			return true;
	return conf_section_reserved(section);
}

static int
unknown_section(const char *section, struct err *e)
{
	const char *names[KEYS_MAX + 3] = { NULL }, *near;
	size_t n = 0;

	for (const struct conf_key *k = conf_keys; k->section != NULL; k++)
		names[n++] = k->section;
	for (size_t i = 0; reserved[i] != NULL; i++)
		names[n++] = reserved[i];
	if ((near = opt_nearest(section, names)) != NULL)
		return err_set(e, ERR_USAGE, "no section [%s]; did you mean [%s]?",
		    section, near);
	return err_set(e, ERR_USAGE, "no section [%s]; there are app trust persist hooks "
	    "backup service health net device", section);
}

/* The section that has a key of this name, for one that stands in the wrong place. */
static const char *
section_with(const char *name)
{
	for (const struct conf_key *k = conf_keys; k->section != NULL; k++)
		if (strcmp(k->name, name) == 0)
			return k->section;
	return NULL;
}

int
conf_key_unknown(const char *section, const char *name, struct err *e)
{
	const char *names[KEYS_MAX] = { NULL }, *near, *other;
	size_t n = 0;

	if (!conf_section_known(section))
		return unknown_section(section, e);
	for (const struct conf_key *k = conf_keys; k->section != NULL; k++)
		if (strcmp(k->section, section) == 0)
			names[n++] = k->name;
	if ((near = opt_nearest(name, names)) != NULL)
		return err_set(e, ERR_USAGE, "no key %s in [%s]; did you mean %s?",
		    name, section, near);
	if ((other = section_with(name)) != NULL)
		return err_set(e, ERR_USAGE, "no key %s in [%s]; it belongs to [%s]",
		    name, section, other);
	return err_set(e, ERR_USAGE, "no key %s in [%s]", name, section);
}
