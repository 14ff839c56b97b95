#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apply/commands.h"
#include "apply/state_json.h"

/* One line a program can split: name, release, version; "-" for nothing. */
static int
show(const struct conf *c, const struct live *live, struct err *e)
{
	struct jv *v;

	if (!common.json) {
		if (live->release == 0)
			printf("%s - -\n", c->name);
		else
			printf("%s %" PRIu64 " %s\n", c->name, live->release,
			    live->has_record ? live->version : "unknown");
		return 0;
	}
	v = jv_new_object();
	json_put_text(&v, "name", c->name);
	json_put_u64(&v, "release", live->release);
	json_put_text(&v, "version", live->has_record ? live->version : "");
	return commands_print(v, e);
}

static int
version(const struct conf *c, struct err *e)
{
	struct device d;
	struct live live;
	int rc = -1;

	memset(&live, 0, sizeof live);
	if (device_open(c, false, &d, e) == -1) {
		if (e->code != ERR_ABSENT)
			return -1;
		err_clear(e);
		return show(c, &live, e);
	}
	if (live_read(&d, &live, e) != LIVE_STUCK)
		rc = show(c, &live, e);
	device_close(&d);
	return rc;
}

static const struct opt options[] = { COMMON_OPTIONS, JSON_OPTION, OPT_END };

static int
run_version(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return commands_each(version, e);
}

const struct opt_command cmd_version = {
	"version", "", "the release that runs: NAME RELEASE VERSION", NULL, options, 0, 0,
	run_version
};
