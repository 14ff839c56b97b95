#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "manifest/base/log.h"

#include "apply/fetch.h"
#include "apply/hooks.h"

#include "apply/service.h"

static int
probe_unit(struct run *r, struct err *e)
{
	switch (service_active(r, e)) {
	case 1:
		return 0;
	case 0:
		return err_set(e, ERR_POLICY, "%s is not active", r->dev->conf->unit !=
		    NULL ? r->dev->conf->unit : "the service");
	default:
		/* Nothing that could be asked. */
		return e->code == ERR_NONE ? 0 : -1;
	}
}

/* A fetch of its own: what the download learned of the network is no help, and a
 * connection kept from the old release would prove the wrong one. */
static int
probe_url(struct run *r, struct err *e)
{
	const struct conf *conf = r->dev->conf;
	struct fetch *fetch = fetch_new(conf, e);
	long status = 0;
	int rc;

	if (fetch == NULL)
		return -1;
	rc = fetch_status(fetch, conf->health_url, conf->health_timeout_s, &status, e);
	fetch_free(fetch);
	if (rc == -1) {
		if (e->code == ERR_NET || e->code == ERR_ABSENT)
			e->code = ERR_POLICY;
		return -1;
	}
	if (status < 200 || status > 299)
		return err_set(e, ERR_POLICY, "%s answers %ld", conf->health_url, status);
	return 0;
}

/* One round: every probe that is configured. */
static int
probe_all(struct run *r, bool old_release, struct err *e)
{
	const struct conf *conf = r->dev->conf;

	err_clear(e);
	if (conf->health_unit && probe_unit(r, e) == -1)
		return -1;
	if (conf->health_url != NULL && probe_url(r, e) == -1)
		return -1;
	if (conf->health_command != NULL && command_run(r, "health command",
	    conf->health_command, conf->health_timeout_s, false, e) == -1)
		return -1;
	return hook_run(r, HOOK_HEALTH, old_release, e) == HOOK_FAILED ? -1 : 0;
}

static bool
has_probes(struct run *r, bool old_release)
{
	const struct conf *conf = r->dev->conf;

	return conf->health_unit || conf->health_url != NULL ||
	    conf->health_command != NULL || hook_exists(r, HOOK_HEALTH, old_release);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
sleep_ms(int64_t ms)
{
	struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	while (ms > 0 && nanosleep(&t, &t) == -1 && errno == EINTR)
		continue;
}

/*
 * Rounds, `interval` apart, until all probes have passed for `hold` seconds
 * without a break.  `retries` failing rounds are forgiven, in all: a service
 * needs time to come up, but one that comes and goes is not healthy.
 */
int
health_check(struct run *r, bool old_release, struct err *e)
{
	const struct conf *conf = r->dev->conf;
	int64_t interval = (int64_t)conf->health_interval_s * 1000;
	int64_t hold = (int64_t)conf->health_hold_s * 1000, since = -1, left;
	uint32_t failed = 0;

	if (!has_probes(r, old_release))
		return 0;
	for (;;) {
		if (probe_all(r, old_release, e) == -1) {
			if (failed++ >= conf->health_retries)
				return err_wrap(e, "health");
			log_detail("%s: health: %s; again in %u s", conf->name, e->text,
			    conf->health_interval_s);
			since = -1;
			sleep_ms(interval > 0 ? interval : 100);
			continue;
		}
		if (since == -1)
			since = now_ms();
		left = since + hold - now_ms();
		if (left <= 0) {
			err_clear(e);
			return 0;
		}
		sleep_ms(interval > 0 && interval < left ? interval : left);
	}
}
