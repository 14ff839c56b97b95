#include <string.h>

#include "manifest/names.h"

#include "apply/commands.h"
#include "apply/memory.h"
#include "apply/run.h"

static struct {
	const char *to_text;
	uint64_t to;
	bool now, dry_run, download_only, retry;
} want;

static int
drive_it(struct device *d, struct err *e)
{
	struct run r;
	int status;

	if (want.retry && !want.dry_run && quarantine_clear(d, UINT64_MAX, e) == -1)
		return -1;
	if (run_open(&r, d, e) == -1)
		return -1;
	r.options.to = want.to;
	r.options.now = want.now;
	r.options.retry = want.retry;
	r.dry_run = want.dry_run;
	r.download_only = want.download_only;
	status = drive(&r, e);
	run_close(&r);
	return e->code != ERR_NONE ? -1 : status;
}

static int
update(const struct conf *c, struct err *e)
{
	struct device d;
	int status = -1;

	if (device_open(c, true, &d, e) == -1)
		return -1;
	if (device_lock(&d, e) == 0)
		status = drive_it(&d, e);
	device_close(&d);
	return status;
}

static const struct opt options[] = { COMMON_OPTIONS,
	{ "to", 0, OPT_TEXT, &want.to_text, "N", "this release, not the newest" },
	{ "now", 0, OPT_FLAG, &want.now, NULL, "do not wait for a window" },
	{ "dry-run", 'n', OPT_FLAG, &want.dry_run, NULL, "say what would be done" },
	{ "download-only", 0, OPT_FLAG, &want.download_only, NULL,
	    "fetch only; the next run builds and switches" },
	{ "retry", 0, OPT_FLAG, &want.retry, NULL,
	    "try releases again that failed here" },
	OPT_END };

static int
run_update(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	if (want.to_text != NULL && name_parse_release(want.to_text, &want.to, e) == -1)
		return err_wrap(e, "--to");
	return commands_each(update, e);
}

const struct opt_command cmd_update = {
	"update", "", "install the newest release, or go on with an update",
	"Fetches the cheapest chain of deltas, builds the new tree beside the running\n"
	"one, switches, checks health, and keeps the new release or goes back.\n"
	"A run that was cut off is finished first.\n",
	options, 0, 0, run_update
};
