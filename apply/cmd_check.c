#include <inttypes.h>
#include <stdio.h>

#include "apply/commands.h"
#include "apply/state_json.h"
#include "apply/work.h"

enum { EXIT_AVAILABLE = 8 };

static void
print_text(const struct work *w)
{
	const char *name = w->dev.conf->name;

	if (w->live.release == 0)
		printf("%s: nothing is installed", name);
	else
		printf("%s: %" PRIu64 " (%s) runs", name, w->live.release,
		    w->live.has_record ? w->live.version : "unknown");
	if (w->to != NULL)
		printf(", %" PRIu64 " (%s) is available", w->to->release, w->to->version);
	printf("; %s\n", w->why.text);
}

static int
print_json(const struct work *w, struct err *e)
{
	struct jv *v = jv_new_object();
	uint64_t requests, bytes;

	fetch_counts(w->fetch, &requests, &bytes);
	json_put_text(&v, "name", w->dev.conf->name);
	json_put_bool(&v, "available", w->to != NULL);
	json_put_u64(&v, "running", w->live.release);
	json_put_text(&v, "running-version", w->live.version);
	if (w->to != NULL) {
		json_put_u64(&v, "release", w->to->release);
		json_put_text(&v, "version", w->to->version);
	}
	json_put_text(&v, "reason", w->why.reason);
	json_put_text(&v, "text", w->why.text);
	json_put_u64(&v, "requests", requests);
	json_put_u64(&v, "received-bytes", bytes);
	return commands_print(v, e);
}

static int
check(const struct conf *c, struct err *e)
{
	struct choose_options o = { 0 };
	struct work w;
	int rc = 0;

	if (work_open(c, o, &w, e) == -1)
		return -1;
	if (common.json)
		rc = print_json(&w, e);
	else
		print_text(&w);
	if (rc == 0)
		rc = w.to != NULL ? EXIT_AVAILABLE : 0;
	work_close(&w);
	return rc;
}

static const struct opt options[] = { COMMON_OPTIONS, JSON_OPTION, OPT_END };

static int
run_check(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return commands_each(check, e);
}

const struct opt_command cmd_check = {
	"check", "", "is there an update?  exit status 8: yes",
	"Fetches metadata only, at most two small files when nothing changed.\n",
	options, 0, 0, run_check
};
