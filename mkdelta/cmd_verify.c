#include <inttypes.h>
#include <stdio.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "mkdelta/audit.h"
#include "mkdelta/commands.h"

static const char *keys_dir;
static uint32_t jobs;
static bool json;

static const struct opt options[] = {
	{ "jobs", 'j', OPT_COUNT_U32, &jobs, "N", "threads (default: all cores)" },
	{ "keys", 'k', OPT_TEXT, &keys_dir, "DIR", "private keys (default REPO.keys)" },
	{ "json", 0, OPT_FLAG, &json, NULL, "the result as JSON" },
	OPT_END
};

static int
say(const struct repo *r, const struct audit *a, struct err *e)
{
	char size[BYTES_TEXT_MAX];
	struct jv *o;

	if (!json) {
		(void)printf("%s: all signatures hold; %" PRIu64 " trees, %" PRIu64 " "
		    "objects (%s), %" PRIu64 " fulls and %" PRIu64 " deltas applied: ",
		    r->path, a->releases, a->objects, bytes_text(size, a->bytes),
		    a->fulls, a->deltas);
		if (a->faults == 0)
			(void)printf("all good\n");
		else
			(void)printf("%" PRIu64 " fault%s\n", a->faults,
			    a->faults == 1 ? "" : "s");
		return 0;
	}
	o = jv_new_object();
	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "trees", jv_new_int((int64_t)a->releases));
	(void)jv_set(o, "objects", jv_new_int((int64_t)a->objects));
	(void)jv_set(o, "bytes", jv_new_int((int64_t)a->bytes));
	(void)jv_set(o, "fulls", jv_new_int((int64_t)a->fulls));
	(void)jv_set(o, "deltas", jv_new_int((int64_t)a->deltas));
	(void)jv_set(o, "ignored", jv_new_int((int64_t)a->ignored));
	(void)jv_set(o, "faults", jv_new_int((int64_t)a->faults));
	return command_print(o, e);
}

static int
run(int argc, char **argv, struct err *e)
{
	struct audit result;
	struct repo *r;
	int words, rc = -1;

	switch (opt_parse(NULL, &command_verify, argc, argv, &words, e)) {
	case OPT_SHOWN:
		return 0;
	case OPT_BAD:
		return -1;
	case OPT_RUN:
		break;
	}
	if ((r = repo_open(argv[1], NULL, e)) == NULL)
		return -1;
	if (audit_run(r, jobs, &result, e) == 0 && say(r, &result, e) == 0) {
		(void)fflush(stdout);
		if (result.ignored > 0)
			log_warn("%" PRIu64 " entries are of a kind that this mkdelta "
			    "does not know", result.ignored);
		rc = command_warnings(r, keys_dir, utc_now());
		if (result.faults > 0)
			rc = 4;
	}
	repo_close(r);
	return rc;
}

const struct opt_command command_verify = {
	"verify", "REPO", "check every signature, object and path",
	"Each full is unpacked and each delta applied by the device's decoder, and each\n"
	"result is compared with its signed listing.  Status 4: something is wrong.\n"
	"Status 9: all is right, but less than a third of a role's period is left.\n",
	options, 1, 1, run
};
