#include <inttypes.h>
#include <stdio.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "mkdelta/audit.h"
#include "mkdelta/commands.h"
#include "mkdelta/leftovers.h"

static uint32_t jobs;
static bool json;

static const struct opt options[] = {
	{ "jobs", 'j', OPT_COUNT_U32, &jobs, "N", "threads (default: all cores)" },
	{ "json", 0, OPT_FLAG, &json, NULL, "the result as JSON" },
	OPT_END
};

enum { LEFTOVERS_NAMED = 20 };

static struct jv *
json_of(const struct audit *a, const struct leftovers *left)
{
	struct jv *o = jv_new_object(), *files = jv_new_list();

	for (size_t i = 0; i < left->n; i++)
		(void)jv_push(files, jv_new_text(left->files[i]));
	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "trees", jv_new_int((int64_t)a->releases));
	(void)jv_set(o, "objects", jv_new_int((int64_t)a->objects));
	(void)jv_set(o, "bytes", jv_new_int((int64_t)a->bytes));
	(void)jv_set(o, "fulls", jv_new_int((int64_t)a->fulls));
	(void)jv_set(o, "deltas", jv_new_int((int64_t)a->deltas));
	(void)jv_set(o, "unproved", jv_new_int((int64_t)a->unproved));
	(void)jv_set(o, "ignored", jv_new_int((int64_t)a->ignored));
	(void)jv_set(o, "faults", jv_new_int((int64_t)a->faults));
	(void)jv_set(o, "messages", jv_copy(a->messages));
	(void)jv_set(o, "leftovers", files);
	return o;
}

static int
say(const struct repo *r, const struct audit *a, const struct leftovers *left,
    struct err *e)
{
	char size[BYTES_TEXT_MAX];

	if (json)
		return command_print(json_of(a, left), e);
	(void)printf("%s: all signatures hold; %" PRIu64 " trees, %" PRIu64
	    " objects (%s), %" PRIu64 " fulls and %" PRIu64 " deltas applied: ", r->path,
	    a->releases, a->objects, bytes_text(size, a->bytes), a->fulls, a->deltas);
	if (a->faults == 0)
		(void)printf("all good\n");
	else
		(void)printf("%" PRIu64 " fault%s\n", a->faults,
		    a->faults == 1 ? "" : "s");
	if (a->unproved > 0)
		(void)printf("%" PRIu64 " path%s could not be tried because of that\n",
		    a->unproved, a->unproved == 1 ? "" : "s");
	return 0;
}

/* They harm nobody, but take room on the host. */
static void
warn_of_leftovers(const struct leftovers *left)
{
	char size[BYTES_TEXT_MAX];

	for (size_t i = 0; i < left->n && i < LEFTOVERS_NAMED; i++)
		log_warn("%s: nothing that is signed names it", left->files[i]);
	if (left->n > 0)
		log_say("%zu leftover file%s, %s%s; not from a release that runs now? "
		    "then delete %s", left->n, left->n == 1 ? "" : "s",
		    bytes_text(size, left->bytes),
		    left->n > LEFTOVERS_NAMED ? " (--json names all)" : "",
		    left->n == 1 ? "it" : "them");
}

static int
verify(struct repo *r, int words, char **argv, struct err *e)
{
	struct audit result = { 0 };
	struct leftovers left = { 0 };
	int rc = -1;

	(void)words;
	(void)argv;
	if (audit_run(r, jobs, &result, e) == 0 && leftovers_find(r, &left, e) == 0 &&
	    say(r, &result, &left, e) == 0) {
		(void)fflush(stdout);
		warn_of_leftovers(&left);
		if (result.ignored > 0)
			log_warn("%" PRIu64 " entries are of a kind that this mkdelta "
			    "does not know", result.ignored);
		rc = command_warn_expiry(r, utc_now());
		if (result.faults > 0)
			rc = 4;
	}
	leftovers_clear(&left);
	audit_clear(&result);
	return rc;
}

static int
run(int words, char **argv, struct err *e)
{
	return command_run(NULL, verify, words, argv, e);
}

const struct opt_command command_verify = {
	"verify", "REPO", "check every signature, object and path",
	"Each full is unpacked and each delta applied by the device's decoder, and each\n"
	"result is compared with its signed listing.  Files that nothing names are\n"
	"listed, but harm nobody.  Status 4: something is wrong.  Status 9: all is\n"
	"right, but less than a third of a role's period is left.\n",
	options, 1, 1, run
};
