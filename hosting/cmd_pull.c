#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/jv.h"

#include "hosting/commands.h"
#include "hosting/place.h"
#include "hosting/pull.h"

static struct pull_want want;
static const char *ca_file;
static bool check, as_json;

static const struct opt options[] = {
	{ "root", 0, OPT_TEXT, &want.trust.root_file, "FILE",
	    "the root to trust: a copy of metadata/1.root.json that you keep" },
	{ "channel", 'c', OPT_TEXT, &want.channel, "NAME", "for releases in it alone" },
	{ "platform", 0, OPT_TEXT, &want.platform, "NAME", "for releases for it alone" },
	{ "release", 0, OPT_LIST, &want.releases, "N",
	    "the tree of release N too, to promote it (may repeat)" },
	{ "all", 0, OPT_FLAG, &want.all, NULL, "every object: a copy of the repository" },
	{ "check", 0, OPT_FLAG, &check, NULL,
	    "change nothing; status 5 if the host has gone on" },
	{ "expired", 0, OPT_FLAG, &want.trust.expired, NULL,
	    "read metadata whose time is over, to sign them anew" },
	{ "ca-file", 0, OPT_TEXT, &ca_file, "FILE", "certificates to trust, in PEM" },
	{ "dry-run", 'n', OPT_FLAG, &want.dry_run, NULL, "show what would be fetched" },
	{ "json", 0, OPT_FLAG, &as_json, NULL, "the result as JSON" },
	OPT_END
};

static int
print_json(const struct pull_result *r, const struct site *s, struct err *e)
{
	struct buf out = BUF_INIT(4096);
	struct jv *top = jv_new_object();
	uint64_t requests = 0, bytes = 0;
	int rc = -1;

	if (s->fetch != NULL)
		fetch_sums(s->fetch, &requests, &bytes);
	if (top == NULL ||
	    jv_set(top, "timestamp", jv_new_int((int64_t)r->timestamp)) == -1 ||
	    jv_set(top, "current", jv_new_bool(r->current)) == -1 ||
	    jv_set(top, "objects", jv_new_int((int64_t)r->objects)) == -1 ||
	    jv_set(top, "bytes", jv_new_int((int64_t)r->bytes)) == -1 ||
	    jv_set(top, "kept", jv_new_int((int64_t)r->kept)) == -1 ||
	    jv_set(top, "unnamed", jv_new_int((int64_t)r->unnamed)) == -1 ||
	    jv_set(top, "requests", jv_new_int((int64_t)requests)) == -1 ||
	    jv_set(top, "received", jv_new_int((int64_t)bytes)) == -1)
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
print_result(const char *repo, const struct pull_result *r, const struct site *s,
    struct err *e)
{
	char bytes[BYTES_TEXT_MAX];

	if (as_json)
		return print_json(r, s, e);
	if (check) {
		log_say("%s is what %s has (timestamp %" PRIu64 ")", repo, s->where,
		    r->timestamp);
		return 0;
	}
	log_say("%s %" PRIu64 " objects, %s; %" PRIu64 " were there (timestamp %" PRIu64
		")", want.dry_run ? "would fetch" : "fetched", r->objects,
	    bytes_text(bytes, r->bytes), r->kept, r->timestamp);
	if (r->unnamed > 0)
		log_warn("the host has %" PRIu64 " metadata files that nothing names: a "
		    "publish died, or one is under way", r->unnamed);
	return 0;
}

static int
run(int words, char **argv, struct err *e)
{
	struct site site;
	struct pull_result r;
	int repo = -1, lock = -1, rc = -1;
	char holder[64];

	(void)words;
	(void)snprintf(holder, sizeof holder, "delta-host pull, process %ld",
	    (long)getpid());
	if (site_open(&site, argv[1], ca_file, e) == -1)
		return -1;
	if (check)
		repo = fs_open_dir(argv[2], e);
	else if (place_make(argv[2], 0755, &repo, e) == -1)
		repo = -1;
	/* Who asks while mkdelta is about to sign finds its lock; nothing is changed. */
	if (repo == -1 ||
	    (!check && (lock = fs_lock(repo, ".lock", holder, e)) == -1))
		goto out;
	rc = check ? pull_check(&site, repo, &want.trust, &r, e) :
	    pull_repo(&site, repo, &want, &r, e);
	if (rc == 0)
		rc = print_result(argv[2], &r, &site, e);
out:
	if (lock != -1)
		(void)close(lock);
	if (repo != -1)
		(void)close(repo);
	site_close(&site);
	return rc;
}

const struct opt_command command_pull = {
	"pull", "URL REPO", "fetch what the next release needs from the host",
	"Verifies the host's metadata and fetches the trees that deltas of the next\n"
	"release begin at, so that on an empty machine\n"
	"\n"
	"    delta-host pull --root 1.root.json URL REPO\n"
	"    mkdelta release REPO TREE --before-signing 'delta-host pull --check URL REPO'\n"
	"    delta-host publish REPO DEST\n"
	"\n"
	"is the whole job.  Run again, it fetches what is new; a REPO that holds a state\n"
	"which the host does not have is refused (status 5).\n",
	options, 2, 2, run
};
