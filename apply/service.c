#include <stdio.h>
#include <string.h>

#include "apply/hooks.h"

#include "apply/service.h"

/* "systemctl VERB -- 'UNIT'"; unit names need no more than these characters. */
static int
unit_line(const char *verb, const char *unit, char *out, size_t max, struct err *e)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789:_.@\\-";

	if (unit[strspn(unit, allowed)] != '\0' || unit[0] == '\0' || strlen(unit) > 255)
		return err_set(e, ERR_USAGE, "[service] unit: '%s' is no name of a unit",
		    unit);
	(void)snprintf(out, max, "exec systemctl %s -- '%s'", verb, unit);
	return 0;
}

static int
unit_run(struct run *r, const char *verb, struct err *e)
{
	char line[320], what[32];

	if (unit_line(verb, r->dev->conf->unit, line, sizeof line, e) == -1)
		return -1;
	(void)snprintf(what, sizeof what, "systemctl %s", verb);
	return command_run(r, what, line, r->dev->conf->service_timeout_s, false, e);
}

/* The hook first: it may want to drain what the unit's end would cut off. */
int
service_stop(struct run *r, bool old_release, struct err *e)
{
	const struct conf *conf = r->dev->conf;

	if (hook_run(r, HOOK_STOP, old_release, e) == HOOK_FAILED)
		return -1;
	if (conf->unit != NULL)
		return unit_run(r, "stop", e);
	if (conf->stop_command != NULL)
		return command_run(r, "stop command", conf->stop_command,
		    conf->service_timeout_s, false, e);
	return 0;
}

int
service_start(struct run *r, bool old_release, struct err *e)
{
	const struct conf *conf = r->dev->conf;

	if (conf->unit != NULL) {
		if (unit_run(r, "start", e) == -1)
			return -1;
	} else if (conf->start_command != NULL &&
	    command_run(r, "start command", conf->start_command,
	    conf->service_timeout_s, true, e) == -1) {
		return -1;
	}
	return hook_run(r, HOOK_START, old_release, e) == HOOK_FAILED ? -1 : 0;
}

int
service_active(struct run *r, struct err *e)
{
	const struct conf *conf = r->dev->conf;
	int rc;

	if (conf->unit != NULL)
		rc = unit_run(r, "is-active --quiet", e);
	else if (conf->status_command != NULL)
		rc = command_run(r, "status command", conf->status_command,
		    conf->service_timeout_s, false, e);
	else
		return -1;
	if (rc == 0)
		return 1;
	return e->code == ERR_POLICY ? 0 : -1;
}
