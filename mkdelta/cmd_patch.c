#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/patch/delta.h"
#include "manifest/base/buf.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/log.h"

#include "mkdelta/encode/bsdiff40.h"
#include "mkdelta/encode/spill.h"
#include "mkdelta/cmd_bsdiff40.h"
#include "mkdelta/commands.h"
#include "mkdelta/subject.h"
#include "mkdelta/tree_write.h"

static bool force;

static const struct opt options[] = {
	{ "force", 'f', OPT_FLAG, &force, NULL,
	    "replace NEW if it is a file that exists" },
	OPT_END
};

struct patch {
	struct subject old;
	struct delta *delta;
	struct listing *new;
	size_t *outputs;
	size_t built;		/* so many of them stand there */
	int at;			/* folder that holds the temporary tree */
	char temporary[64];
	int out, old_fd;
};

/* The earlier output stands in the temporary tree already. */
static int
open_output(struct patch *p, uint64_t output, struct err *e)
{
	int tree, fd;

	if (output >= p->built)
		return err_set(e, ERR_FORMAT, "the delta needs an output to come");
	if ((tree = fs_open_dir_at(p->at, p->temporary, e)) == -1)
		return -1;
	fd = fs_open_file(tree, p->new->entries[p->outputs[output]].path, NULL, e);
	(void)close(tree);
	return fd;
}

static int
open_built(struct patch *p, uint64_t output, int *fd, uint64_t *bytes, struct err *e)
{
	if ((p->old_fd = *fd = open_output(p, output, e)) == -1)
		return -1;
	*bytes = p->new->entries[p->outputs[output]].size;
	return 0;
}

static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	struct patch *p = arg;
	const struct entry *x;

	if (p->old_fd != -1)
		(void)close(p->old_fd);
	p->old_fd = -1;
	if (index >= p->old.listing->n)
		return open_built(p, index - p->old.listing->n, fd, bytes, e);
	if (p->old.listing->entries[index].type != ENTRY_FILE)
		return err_set(e, ERR_FORMAT, "source %" PRIu64 " is no file", index);
	x = &p->old.listing->entries[index];
	p->old_fd = fs_open_file(p->old.dir, p->old.name == NULL ? x->path : p->old.name,
	    NULL, e);
	*fd = p->old_fd;
	*bytes = x->size;
	return p->old_fd == -1 ? -1 : 0;
}

static int
take_bytes(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return fs_write(((struct patch *)arg)->out, data, n, e);
}

static int
take_repeat(void *arg, uint64_t output, struct err *e)
{
	struct patch *p = arg;
	int fd = open_output(p, output, e), rc;

	if (fd == -1)
		return -1;
	rc = fs_copy_fd(fd, p->out, e);
	(void)close(fd);
	return rc;
}

static int
copy_known(struct patch *p, const struct entry *x, int fd, struct err *e)
{
	long from = listing_find_content(p->old.listing, &x->sha256, x->size);
	int in, rc;

	if (from == -1)
		return err_set(e, ERR_FORMAT,
		    "the delta takes a content that the old side lacks");
	in = fs_open_file(p->old.dir, p->old.name == NULL ?
	    p->old.listing->entries[from].path : p->old.name, NULL, e);
	if (in == -1)
		return -1;
	rc = fs_copy_fd(in, fd, e);
	(void)close(in);
	return rc;
}

static int
content(void *arg, const struct listing *l, size_t i, int fd, struct err *e)
{
	struct patch *p = arg;
	struct delta_io io = { p, open_old, take_bytes, take_repeat,
		spill_scratch, NULL };
	int rc;

	if (l->entries[i].has_sha256) {
		rc = copy_known(p, &l->entries[i], fd, e);
	} else {
		p->out = fd;
		rc = delta_build(p->delta, l->entries[i].size, &io, e);
		p->built += rc == 0;
	}
	return rc == 0 ? 0 : err_wrap(e, "%s", l->entries[i].path);
}

/* The listing of the new side, and its outputs. */
static int
read_listing(struct patch *p, struct err *e)
{
	struct buf old_text = BUF_INIT(LISTING_TEXT_MAX),
	    text = BUF_INIT(LISTING_TEXT_MAX);
	int rc = -1;

	if (listing_emit(p->old.listing, &old_text, e) == -1 ||
	    delta_listing(p->delta, old_text.data, old_text.len, &text, e) == -1 ||
	    (p->new = listing_parse(text.data, text.len, true, e)) == NULL)
		goto out;
	if ((p->outputs = calloc(p->new->n + 1, sizeof *p->outputs)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	(void)listing_outputs(p->new, p->outputs);
	rc = 0;
out:
	buf_free(&old_text);
	buf_free(&text);
	return rc;
}

static int
check_result(struct patch *p, struct err *e)
{
	struct sha256 id;

	if (delta_end(p->delta, e) == -1 || listing_id(p->new, &id, e) == -1)
		return -1;
	if (memcmp(id.bytes, delta_new_id(p->delta), DELTA_ID_SHOWN) != 0)
		return err_set(e, ERR_TRUST,
		    "the delta built something else than it promises");
	return 0;
}

/* From the temporary tree to its place: the folder itself, or its only file. */
static int
give_name(struct patch *p, const char *name, struct err *e)
{
	char inner[128];
	int tree;

	if ((tree = fs_open_dir_at(p->at, p->temporary, e)) == -1 ||
	    fs_sync_tree(tree, e) == -1) {
		if (tree != -1)
			(void)close(tree);
		return -1;
	}
	(void)close(tree);
	if (p->old.name == NULL) {
		if (fs_rename_new(p->at, p->temporary, p->at, name, e) == -1)
			return -1;
	} else {
		(void)snprintf(inner, sizeof inner, "%s/" SUBJECT_ENTRY, p->temporary);
		if ((force ? fs_rename : fs_rename_new)(p->at, inner, p->at, name,
		    e) == -1)
			return -1;
	}
	return fs_sync_dir(p->at, ".", e);
}

static int
apply(struct patch *p, const char *name, struct err *e)
{
	struct tree_source source = { p, content };
	struct err ignored;
	int rc = -1;

	if (read_listing(p, e) == -1)
		return -1;
	(void)snprintf(p->temporary, sizeof p->temporary, ".mkdelta-patch.%ld",
	    (long)getpid());
	if (tree_write(p->at, p->temporary, p->new, &source, -1, e) == 0 &&
	    check_result(p, e) == 0)
		rc = give_name(p, name, e);
	if (rc == -1 || p->old.name != NULL)
		(void)fs_remove_tree(p->at, p->temporary, &ignored);
	return rc;
}

/* *bytes is the size of a patch of bsdiff, 0 for a delta of ours. */
static int
open_delta(struct patch *p, const char *path, int *fd, uint64_t *bytes, struct err *e)
{
	char *name = NULL;
	int dir = subject_parent(path, &name, e);
	bool is = false;
	struct stat st;

	*fd = dir == -1 ? -1 : fs_open_file(dir, name, &st, e);
	if (dir != -1)
		(void)close(dir);
	free(name);
	if (*fd == -1 || bsdiff40_is(*fd, (uint64_t)st.st_size, &is, e) == -1)
		return err_wrap(e, "%s", path);
	*bytes = is ? (uint64_t)st.st_size : 0;
	if (!is && (p->delta = delta_open(*fd, UINT64_MAX, e)) == NULL)
		return err_wrap(e, "%s", path);
	return 0;
}

static int
run(int words, char **argv, struct err *e)
{
	struct patch p = { .old = { .dir = -1 }, .at = -1, .old_fd = -1 };
	struct stat st;
	char *name = NULL;
	uint64_t bsdiff40_bytes = 0;
	int fd = -1, rc = -1;

	(void)words;
	if ((p.at = subject_parent(argv[3], &name, e)) == -1)
		goto out;
	if (fs_stat_at(p.at, name, &st, e) == 1 && !(force && S_ISREG(st.st_mode))) {
		(void)err_set(e, ERR_USAGE, "%s exists; name something new", argv[3]);
		goto out;
	}
	if (open_delta(&p, argv[2], &fd, &bsdiff40_bytes, e) == -1)
		goto out;
	if (bsdiff40_bytes > 0)
		rc = bsdiff40_patch(argv[1], fd, bsdiff40_bytes, p.at, name, force, e);
	else if (subject_open(argv[1], true, 0, &p.old, e) == -1)
		goto out;
	else
		rc = apply(&p, name, e);
	if (rc == -1)
		(void)err_wrap(e, "%s on %s", argv[2], argv[1]);
out:
	delta_close(p.delta);
	listing_free(p.new);
	subject_close(&p.old);
	free(p.outputs);
	free(name);
	if (p.old_fd != -1)
		(void)close(p.old_fd);
	if (fd != -1)
		(void)close(fd);
	if (p.at != -1)
		(void)close(p.at);
	return rc;
}

const struct opt_command command_patch = {
	"patch", "OLD DELTA NEW",
	    "make NEW of OLD and a delta, with the device's decoder",
	"OLD is the file or folder the delta was made for; it is not changed.  NEW gets\n"
	"its name when all of it is there and right.  A patch of bsdiff is taken as well;\n"
	"such a one does not tell the right OLD from a wrong one.\n",
	options, 3, 3, run
};
