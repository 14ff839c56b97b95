#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/jv.h"

#include "hosting/commands.h"
#include "hosting/place.h"
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

/* DEST is made when its parent is there; a dry run leaves *fd at -1 then. */
static int
open_dest(const char *path, int *fd, struct err *e)
{
	char *above, *name;
	int parent, rc = -1;

	if ((*fd = fs_open_dir(path, e)) != -1)
		return 0;
	if (e->code != ERR_ABSENT || place_split(path, &above, &name, e) == -1)
		return -1;
	if ((parent = fs_open_dir(above, e)) != -1) {
		if (dry_run) {
			err_clear(e);
			rc = 0;
		} else if (fs_mkdir(parent, name, 0755, e) == 0 &&
		    fs_sync_dir(parent, ".", e) == 0) {
			*fd = fs_open_dir_at(parent, name, e);
			rc = *fd == -1 ? -1 : 0;
		}
		(void)close(parent);
	}
	free(above);
	free(name);
	return rc;
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
	int repo = -1, dest = -1, rc = -1;

	(void)words;
	if (strstr(argv[2], "://") != NULL || strstr(argv[2], "::") != NULL)
		return err_set(e, ERR_USAGE,
		    "%s: the destination must be a folder; "
		    "sync that folder to a remote host, metadata/timestamp.json last",
		    argv[2]);
	if ((repo = open_repo(argv[1], e)) == -1 ||
	    place_apart(argv[1], argv[2], e) == -1 ||
	    open_dest(argv[2], &dest, e) == -1)
		goto out;
	if (publish_tree(repo, dest, dry_run, &result, e) == -1) {
		(void)err_wrap(e, "publish %s", argv[1]);
		goto out;
	}
	rc = print_result(argv[2], &result, e);
out:
	if (dest != -1)
		(void)close(dest);
	if (repo != -1)
		(void)close(repo);
	return rc;
}

const struct opt_command command_publish = {
	"publish", "REPO DIR", "copy a repository to the folder a web server serves",
	"Copies only what is new, in an order in which a device at any moment sees\n"
	"the old state or the new one: objects, roots, roles, snapshot, and\n"
	"metadata/timestamp.json last.  Interrupted, run it again.  Private keys\n"
	"(REPO.keys) stay where they are.\n",
	options, 2, 2, run
};
