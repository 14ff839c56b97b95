#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"

#include "apply/commands.h"
#include "apply/state_json.h"
#include "apply/status.h"

enum { EXIT_STUCK = 5 };

/* Text that came from elsewhere, for a terminal. */
static const char *
plain(const struct jv *object, const char *key, char out[static 512])
{
	const char *text = json_text(object, key);

	return text_printable(out, 512, text, strlen(text), false);
}

static void
print_live(const struct jv *v)
{
	const struct jv *live = jv_get(v, "live");
	char a[512], b[512];

	printf("%s: ", plain(v, "name", a));
	if (strcmp(json_text(live, "state"), "release") == 0)
		printf("release %" PRIu64 " (%s)", json_u64(live, "release"),
		    jv_bool(jv_get(live, "known"), false) ? plain(live, "version", b) :
		    "unknown: it has no record");
	else if (strcmp(json_text(live, "state"), "stuck") == 0)
		printf("stuck: %s", plain(live, "why", b));
	else
		printf("nothing is installed");
	printf(", channel %s, %s\n", json_text(v, "channel"), json_text(v, "platform"));
}

static void
print_journal(const struct jv *v)
{
	const struct jv *mark = jv_get(v, "journal");
	char a[512], b[512];

	if (jv_bool(jv_get(v, "journal-lost"), false))
		printf("  journal      damaged; the next run goes by what is live\n");
	if (mark == NULL)
		return;
	printf("  under way    %" PRIu64 " -> %" PRIu64 ", step %s\n",
	    json_u64(mark, "from"), json_u64(mark, "to"), plain(mark, "step", a));
	if (json_text(mark, "text")[0] != '\0')
		printf("               %s: %s\n", plain(mark, "reason", a),
		    plain(mark, "text", b));
	if (strcmp(json_text(mark, "step"), "stuck") == 0)
		printf("               put it right, then run `delta-apply resume`\n");
}

static void
print_last(const struct jv *v)
{
	const struct jv *run = jv_get(v, "last-run"), *update = jv_get(v, "last-update");
	char bytes[BYTES_TEXT_MAX], a[512], b[512];
	bool back;

	if (run != NULL && jv_bool(jv_get(run, "running"), false))
		printf("  last run     %s, step %s\n", plain(run, "time", a),
		    plain(run, "step", b));
	else if (run != NULL)
		printf("  last run     %s: %s (exit %" PRIu64 ")\n",
		    plain(run, "time", a), plain(run, "reason", b),
		    json_u64(run, "exit"));
	back = strcmp(json_text(update, "result"), "rolled-back") == 0 ||
	    strcmp(json_text(update, "result"), "manual-rollback") == 0;
	if (jv_kind(update) == JV_OBJECT)
		printf("  last update  %s: %s, %" PRIu64 " -> %" PRIu64 ", %s\n",
		    plain(update, "time", a), plain(update, "result", b),
		    json_u64(update, back ? "to" : "from"),
		    json_u64(update, back ? "from" : "to"),
		    bytes_text(bytes, json_u64(update, "bytes")));
}

static void
print_metadata(const struct jv *v)
{
	const struct jv *meta = jv_get(v, "metadata");
	char a[512], b[512];

	if (jv_get(meta, "signed") == NULL)
		printf("  metadata     none yet\n");
	else
		printf("  metadata     signed %s, %s %s\n", plain(meta, "signed", a),
		    jv_bool(jv_get(meta, "expired"), false) ? "EXPIRED" : "good until",
		    plain(meta, "expires", b));
	if (jv_get(meta, "freeze-protection") != NULL)
		printf("               clock = untrusted: freeze protection is off\n");
}

static void
print_quarantine(const struct jv *v)
{
	const struct jv *list = jv_get(v, "quarantine");
	char a[512], b[512];

	for (size_t i = 0; i < jv_count(list); i++) {
		const struct jv *q = jv_at(list, i);

		printf("  quarantined  %" PRIu64 " since %s: %s\n",
		    json_u64(q, "release"), plain(q, "time", a), plain(q, "reason", b));
	}
	if (json_u64(v, "held-below") != 0)
		printf("  held         nothing up to %" PRIu64
		       " until `delta-apply resume`\n",
		    json_u64(v, "held-below"));
}

static bool
is_stuck(const struct jv *v)
{
	return strcmp(json_text(jv_get(v, "live"), "state"), "stuck") == 0 ||
	    strcmp(json_text(jv_get(v, "journal"), "step"), "stuck") == 0;
}

/* Before the first update there is nothing to open. */
static int
nothing_yet(const struct conf *c, struct err *e)
{
	struct jv *v = jv_new_object(), *live = jv_new_object();

	if (e->code != ERR_ABSENT) {
		jv_free(v);
		jv_free(live);
		return -1;
	}
	err_clear(e);
	json_put_text(&live, "state", "nothing");
	json_put_u64(&v, "schema", 1);
	json_put_text(&v, "name", c->name);
	json_put_text(&v, "channel", c->channel);
	json_put_text(&v, "platform", c->platform);
	json_put(&v, "live", live);
	if (common.json)
		return commands_print(v, e);
	if (json_done(v, e) == NULL)
		return -1;
	print_live(v);
	jv_free(v);
	return 0;
}

static int
status(const struct conf *c, struct err *e)
{
	struct device d;
	struct jv *v;
	int rc = 0;

	if (device_open(c, false, &d, e) == -1)
		return nothing_yet(c, e);
	v = status_gather(&d, e);
	device_close(&d);
	if (v == NULL)
		return -1;
	if (is_stuck(v))
		rc = EXIT_STUCK;
	if (common.json)
		return commands_print(v, e) == -1 ? -1 : rc;
	print_live(v);
	print_journal(v);
	print_last(v);
	print_metadata(v);
	print_quarantine(v);
	jv_free(v);
	return rc;
}

static const struct opt options[] = { COMMON_OPTIONS, JSON_OPTION, OPT_END };

static int
run_status(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return commands_each(status, e);
}

const struct opt_command cmd_status = {
	"status", "", "what runs, what is under way, what was refused",
	"Looks at this device alone.  Exit status 5: stuck, somebody has to look.\n",
	options, 0, 0, run_status
};
