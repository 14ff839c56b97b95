#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/jv.h"

#include "hosting/commands.h"
#include "hosting/publish.h"

static bool dry_run, as_json;

static const struct opt options[] = {
	{ "dry-run", 'n', OPT_FLAG, &dry_run, NULL, "show what would be copied" },
	{ "json", 0, OPT_FLAG, &as_json, NULL, "the result as JSON" },
	OPT_END
};

static int
open_repo(const char *path, struct err *e)
{
	int fd = fs_open_dir(path, e);

	if (fd == -1 && e->code == ERR_ABSENT)
		return err_set(e, ERR_USAGE, "%s: there is no such folder; mkdelta init "
		    "makes a repository", path);
	return fd;
}

static int
print_json(const struct publish_result *r, struct err *e)
{
	struct buf out = BUF_INIT(4096);
	struct jv *top = jv_new_object();
	int rc = -1;

	if (top == NULL || jv_set(top, "copied", jv_new_int((int64_t)r->files)) == -1 ||
	    jv_set(top, "bytes", jv_new_int((int64_t)r->bytes)) == -1 ||
	    jv_set(top, "kept", jv_new_int((int64_t)r->kept)) == -1 ||
	    jv_set(top, "timestamp", jv_new_int((int64_t)r->version)) == -1 ||
	    jv_set(top, "dry-run", jv_new_bool(dry_run)) == -1 ||
	    jv_set(top, "exclusive", jv_new_bool(r->exclusive)) == -1)
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
print_result(const char *dest, const struct publish_result *r, struct err *e)
{
	char bytes[BYTES_TEXT_MAX];

	if (as_json)
		return print_json(r, e);
	if (r->files == 0)
		log_say("%s has everything already (timestamp %" PRIu64 ")", dest,
		    r->version);
	else
		log_say("%s %" PRIu64 " files, %s, to %s; %" PRIu64
			" were there (timestamp %" PRIu64 ")",
		    dry_run ? "would copy" : "copied", r->files,
		    bytes_text(bytes, r->bytes), dest, r->kept, r->version);
	return 0;
}

static int
run(int words, char **argv, struct err *e)
{
	struct publish_result result;
	struct dest dest = { .kind = NULL };
	int repo = -1, rc = -1;

	(void)words;
	if ((repo = open_repo(argv[1], e)) == -1 ||
	    dest_open(&dest, argv[2], argv[1], repo, dry_run, e) == -1)
		goto out;
	if (publish_repo(&dest, dry_run, &result, e) == -1) {
		(void)err_wrap(e, "publish %s", argv[1]);
		goto out;
	}
	rc = print_result(argv[2], &result, e);
	if (!result.exclusive && !dry_run && rc == 0)
		log_detail("%s cannot create names exclusively: let jobs that publish wait "
		    "for each other", argv[2]);
out:
	dest_close(&dest);
	if (repo != -1)
		(void)close(repo);
	return rc;
}

const struct opt_command command_publish = {
	"publish", "REPO DEST", "copy a repository to where a web server serves it from",
	"Copies only what is new, in an order in which a device at any moment sees\n"
	"the old state or the new one: objects, roots, roles, snapshot, and\n"
	"metadata/timestamp.json last; each class is read back before the next.\n"
	"Interrupted, run it again.  If another job published meanwhile, nothing is\n"
	"replaced (status 5).  Private keys (REPO.keys) stay where they are.\n"
	"\n"
	"DEST is a folder, or\n"
	"    rsync:HOST:PATH, rsync://HOST/MODULE/PATH     by the program rsync\n"
	"    rclone:REMOTE:BUCKET/PATH                     S3 and others, by rclone\n"
	"with the credentials that ssh and rclone have: configuration, agent, environment.\n",
	options, 2, 2, run
};
