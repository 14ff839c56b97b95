#include <stdio.h>

#include "manifest/base/log.h"

#include "apply/probe.h"
#include "apply/service.h"
#include "apply/status.h"

#include "apply/run.h"

/* A new release that cut the device off from its updates goes back; a host
 * that answers wrongly or not at all is no fault of the release. */
static enum step_result
still_updates(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;

	if (!r->mark.probe_passed)
		return STEP_DONE;
	switch (probe_update(r, &why)) {
	case PROBE_LOCAL:
		(void)snprintf(r->mark.reason, sizeof r->mark.reason, "update-path-lost");
		*e = why;
		(void)err_wrap(e, "update probe");
		return STEP_FAIL;
	case PROBE_HOST:
		log_warn("%s: update path unproven: %s", r->dev->conf->name, why.text);
		status_event(r, "update-path-unproven", NULL);
		break;
	case PROBE_PASSED:
	case PROBE_SKIPPED:
		break;
	}
	return STEP_DONE;
}

enum step_result
step_health(struct run *r, struct err *e)
{
	if (r->recovering)
		return STEP_LATER;
	/* The last entry was cut short, perhaps by a reboot. */
	if (r->mark.tries > 1 && service_start(r, false, e) == -1)
		return STEP_FAIL;
	if (health_check(r, false, e) == -1)
		return STEP_FAIL;
	return still_updates(r, e);
}
