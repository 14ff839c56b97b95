#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "mkdelta/encode/delta_check.h"
#include "mkdelta/encode/delta_write.h"
#include "mkdelta/encode/effort.h"
#include "mkdelta/encode/without.h"
#include "mkdelta/cmd_bsdiff40.h"
#include "mkdelta/commands.h"
#include "mkdelta/subject.h"

static uint32_t jobs;
static uint64_t memory_bytes;
static uint32_t effort;
static const char *format, *without_names;
static uint32_t without;
static bool force;

static const struct opt options[] = {
	{ "jobs", 'j', OPT_COUNT_U32, &jobs, "N", "threads (default: one a core)" },
	{ "memory", 0, OPT_BYTES, &memory_bytes, "BYTES",
	    "bound for matching (default 2G)" },
	{ "effort", 0, OPT_COUNT_U32, &effort, "N",
	    "1 (fast) to 9 (small), default 5" },
	{ "format", 0, OPT_TEXT, &format, "NAME",
	    "delta (default), or bsdiff40 for bspatch" },
	{ "without", 0, OPT_TEXT, &without_names, "NAMES",
	    "rules or methods not to use (for older decoders)" },
	{ "force", 'f', OPT_FLAG, &force, NULL, "replace DELTA if it exists" },
	OPT_END
};

static int
write_delta(const struct subject *old, const struct subject *new, int dir,
    const char *name, struct err *e)
{
	struct delta_job job = { .from = old->listing, .to = new->listing,
		.from_dir = old->dir, .to_dir = new->dir, .from_name = old->name,
		.to_name = new->name, .jobs = jobs, .memory_bytes = memory_bytes,
		.effort = effort, .without = without };
	char temporary[64], bytes[BYTES_TEXT_MAX], whole[BYTES_TEXT_MAX];
	struct delta_stats stats;
	struct err ignored;
	int fd, rc = -1;

	(void)snprintf(temporary, sizeof temporary, ".mkdelta-diff.%ld", (long)getpid());
	if ((fd = fs_create(dir, temporary, 0644, e)) == -1)
		return -1;
	if (delta_write(&job, fd, &stats, e) == 0 &&
	    delta_check_file(old->listing, old->dir, old->name, new->listing, fd,
	    e) == 0 &&
	    fs_sync(fd, e) == 0 && (force ? fs_rename : fs_rename_new)(dir, temporary,
	    dir, name, e) == 0)
		rc = fs_sync_dir(dir, ".", e);
	(void)close(fd);
	if (rc == -1) {
		(void)fs_unlink(dir, temporary, &ignored);
		return -1;
	}
	log_say("%s: %s for %s of new content", name, bytes_text(bytes, stats.bytes),
	    bytes_text(whole, new->listing->content_bytes));
	return 0;
}

/* The words of the command line that only count together. */
static int
check_options(struct err *e)
{
	if (effort > EFFORT_MAX)
		return err_set(e, ERR_USAGE, "--effort %u: 1 to 9 is meant", effort);
	if (without_names != NULL && without_parse(without_names, &without, e) == -1)
		return -1;
	if (format != NULL && strcmp(format, "delta") != 0 &&
	    strcmp(format, "bsdiff40") != 0)
		return err_set(e, ERR_USAGE, "--format %s: delta or bsdiff40 is meant",
		    format);
	if (format != NULL && strcmp(format, "bsdiff40") == 0 && (effort != 0 ||
	    without != 0))
		return err_set(e, ERR_USAGE, "--effort, --without: bsdiff40 has only one "
		    "way");
	return 0;
}

static int
run(int words, char **argv, struct err *e)
{
	struct subject old = { .dir = -1 }, new = { .dir = -1 };
	char *name = NULL;
	struct stat st;
	int dir = -1, rc = -1;

	(void)words;
	if ((dir = subject_parent(argv[3], &name, e)) == -1)
		goto out;
	if (check_options(e) == -1)
		goto out;
	if (!force && fs_stat_at(dir, name, &st, e) == 1) {
		(void)err_set(e, ERR_USAGE, "%s exists; --force replaces it", argv[3]);
		goto out;
	}
	if (format != NULL && strcmp(format, "bsdiff40") == 0) {
		rc = bsdiff40_diff(argv[1], argv[2], dir, name, memory_bytes, force, e);
		goto out;
	}
	if (subject_open(argv[1], true, jobs, &old, e) == -1 ||
	    subject_open(argv[2], false, jobs, &new, e) == -1)
		goto out;
	if ((old.name == NULL) != (new.name == NULL)) {
		(void)err_set(e, ERR_USAGE,
		    "%s and %s: one is a folder, the other a file", argv[1], argv[2]);
		goto out;
	}
	rc = write_delta(&old, &new, dir, name, e);
	if (rc == -1)
		(void)err_wrap(e, "%s", argv[3]);
out:
	subject_close(&old);
	subject_close(&new);
	free(name);
	if (dir != -1)
		(void)close(dir);
	return rc;
}

const struct opt_command command_diff = {
	"diff", "OLD NEW DELTA", "one delta between two files or two folders",
	"`mkdelta patch OLD DELTA NEW` is its inverse.  The delta is proved with the\n"
	"device's decoder before it gets its name.\n"
	"--format bsdiff40 writes a patch between two files as bsdiff does, for bspatch.\n",
	options, 3, 3, run
};
