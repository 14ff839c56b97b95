#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "manifest/jv.h"

#include "hosting/commands.h"
#include "hosting/prune.h"

enum { GRACE_DAYS = 7, GRACE_MAX = 3650 };

static const char *grace;
static bool dry_run, as_json;

static const struct opt options[] = {
	{ "grace", 0, OPT_TEXT, &grace, "DAYS",
	    "only what was off offer for so long (default 7)" },
	{ "dry-run", 'n', OPT_FLAG, &dry_run, NULL, "show what would be deleted" },
	{ "json", 0, OPT_FLAG, &as_json, NULL, "the result as JSON" },
	OPT_END
};

static int
print_json(const struct prune_result *r, struct err *e)
{
	struct buf out = BUF_INIT(4096);
	struct jv *top = jv_new_object();
	int rc = -1;

	if (top == NULL || jv_set(top, "schema", jv_new_int(1)) == -1 ||
	    jv_set(top, "objects", jv_new_int((int64_t)r->objects)) == -1 ||
	    jv_set(top, "bytes", jv_new_int((int64_t)r->bytes)) == -1 ||
	    jv_set(top, "waiting", jv_new_int((int64_t)r->waiting)) == -1 ||
	    jv_set(top, "waiting-bytes", jv_new_int((int64_t)r->waiting_bytes)) == -1 ||
	    jv_set(top, "kept", jv_new_int((int64_t)r->kept)) == -1 ||
	    jv_set(top, "states", jv_new_int((int64_t)r->states)) == -1 ||
	    jv_set(top, "dry-run", jv_new_bool(dry_run)) == -1)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else if (jv_print(top, &out, e) == 0) {
		(void)printf("%s\n", buf_text(&out));
		rc = 0;
	}
	jv_free(top);
	buf_free(&out);
	return rc;
}

static int
print_result(const char *dest, const struct prune_result *r, struct err *e)
{
	char gone[BYTES_TEXT_MAX], wait[BYTES_TEXT_MAX];

	if (as_json)
		return print_json(r, e);
	log_say("%s %" PRIu64 " objects, %s, from %s; %" PRIu64 ", %s, wait for the grace "
		"period; %" PRIu64 " stay", dry_run ? "would delete" : "deleted", r->objects,
	    bytes_text(gone, r->bytes), dest, r->waiting,
	    bytes_text(wait, r->waiting_bytes), r->kept);
	return 0;
}

static int
run(int words, char **argv, struct err *e)
{
	struct dest dest = { .kind = NULL };
	struct prune_result result;
	uint64_t days = GRACE_DAYS;
	int repo = -1, rc = -1;

	(void)words;
	if (grace != NULL && u64_parse(grace, GRACE_MAX, &days) == -1)
		return err_set(e, ERR_USAGE, "--grace %s: expects 0 to %d days", grace,
		    GRACE_MAX);
	if ((repo = fs_open_dir(argv[1], e)) == -1) {
		if (e->code == ERR_ABSENT)
			e->code = ERR_USAGE;
		return -1;
	}
	if (dest_open(&dest, argv[2], argv[1], repo, true, e) == 0 &&
	    prune_dest(&dest, utc_now(), days * 86400, dry_run, &result, e) == 0)
		rc = print_result(argv[2], &result, e);
	else
		(void)err_wrap(e, "prune %s", argv[2]);
	dest_close(&dest);
	(void)close(repo);
	return rc;
}

const struct opt_command command_prune_host = {
	"prune", "REPO DEST", "delete objects that nothing lists any more from a host",
	"What was taken off offer (mkdelta prune, withdraw) is deleted once that was for\n"
	"--grace days on the host, so downloads that had begun could end.  Objects that\n"
	"nothing ever listed go when they are that old.  --dry-run shows bytes first, -v\n"
	"names; DEST as for publish, at REPO's state.  Metadata stay.\n",
	options, 2, 2, run
};
