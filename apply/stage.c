#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/log.h"

#include "apply/decoder.h"
#include "apply/hop.h"
#include "apply/spool.h"

#include "apply/stage.h"

#define PREFIX ".staging-"
#define TREE "tree"
enum { HOP_FOLDER_MAX = 32 };

struct stage {
	const struct device *dev;
	const struct plan *plan;
	struct stage_failure *failure;
	struct owners owners;
	struct reuse *reuse;
	int root, tree, old;		/* .staging-N, tree/ in it, the tree that runs */
	int folders[CHAIN_HOPS_MAX];	/* hop-N/, -1 */
	struct content *have;		/* of the tree reached so far, NULL: nothing */
	bool unlisted;			/* the old tree has no listing of its own */
};

const char *
stage_name(uint64_t release, char out[static STAGE_NAME_MAX])
{
	(void)snprintf(out, STAGE_NAME_MAX, PREFIX "%llu", (unsigned long long)release);
	return out;
}

static int
visit_clear(void *arg, const struct fs_visit *v, struct err *e)
{
	const struct device *dev = arg;

	if (strcmp(v->path, ".") == 0)
		return FS_WALK_ON;
	if (strncmp(v->name, PREFIX, sizeof PREFIX - 1) == 0 &&
	    fs_remove_tree(dev->releases, v->name, e) == -1)
		return FS_WALK_STOP;
	return FS_WALK_SKIP;
}

int
stage_clear(const struct device *dev, struct err *e)
{
	struct device mine = *dev;

	if (fs_walk(dev->releases, visit_clear, &mine, e) == -1)
		return err_wrap(e, "clear staging");
	return 0;
}

static int
open_fresh(int at, const char *name, struct err *e)
{
	if (fs_mkdir(at, name, 0700, e) == -1)
		return -1;
	return fs_open_dir_at(at, name, e);
}

/* The old tree's files, if it is the one that the plan starts from. */
static int
open_old_content(struct stage *s, struct err *e)
{
	struct listing *listing = NULL;
	struct persist_mask mask;
	struct record rec;
	bool same;

	if (tree_record_read(s->old, &rec, &listing, e) == -1) {
		s->unlisted = true;
		return e->code == ERR_NOMEM ? -1 : 0;
	}
	same = sha256_equal(&rec.listing, &s->plan->from_record.listing) ||
	    s->plan->from_record.release == 0;
	record_clear(&rec);
	if (!same) {
		listing_free(listing);
		s->unlisted = true;
		return 0;
	}
	if (persist_mask_read(s->old, NULL, &mask, e) == -1) {
		listing_free(listing);
		return -1;
	}
	s->have = content_new(listing, e);
	if (s->have != NULL && content_at_tree(s->have, s->old, &mask, e) == -1) {
		content_free(s->have);
		s->have = NULL;
	}
	persist_mask_clear(&mask);
	return s->have == NULL ? -1 : 0;
}

static int
open_old(struct stage *s, struct err *e)
{
	if (s->plan->from == 0)
		return 0;
	s->old = live_open_tree(s->dev, s->plan->from, e);
	if (s->old == -1)
		return err_wrap(e, "the running release %llu",
		    (unsigned long long)s->plan->from);
	/* The plan starts from nothing because that tree is not as it was. */
	if (s->plan->from_record.release == 0)
		reuse_without_links(s->reuse);
	return open_old_content(s, e);
}

/* The listing of a tree that is unpacked from a full. */
struct listing *
stage_listing(const struct device *dev, const struct record *rec, struct err *e)
{
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	struct listing *listing = NULL;
	struct sha256 id;
	int fd = spool_open(dev, &rec->object, e);

	if (fd == -1)
		return NULL;
	if (rec->listing_bytes < LISTING_TEXT_MAX)
		text.max = (size_t)rec->listing_bytes;
	if (decoder_text(fd, &text, e) == 0 &&
	    sha256_of(text.data, text.len, &id, e) == 0) {
		if (sha256_equal(&id, &rec->listing))
			listing = listing_parse(text.data, text.len, false, e);
		else
			(void)err_set(e, ERR_TRUST, "not the listing that is signed");
	}
	buf_free(&text);
	(void)close(fd);
	if (listing == NULL)
		(void)err_wrap(e, "%s", rec->object.path);
	return listing;
}

static struct content *
run_full(struct stage *s, struct hop *h, const struct edge *edge,
    const struct record *rec, int fd, struct err *e)
{
	struct listing *listing = stage_listing(s->dev, rec, e);
	struct content *have = s->have;

	s->have = NULL;
	if (listing == NULL) {
		content_free(have);
		return NULL;
	}
	if (have == NULL && s->unlisted && s->old != -1 &&
	    (have = content_scan(s->old, listing, e)) == NULL) {
		listing_free(listing);
		return NULL;
	}
	return hop_full(h, have, fd, edge->object.bytes, listing, e);
}

static struct content *
run_delta(struct stage *s, struct hop *h, const struct edge *edge, int fd, struct err *e)
{
	struct content *have = s->have;
	struct sha256 id;

	if (have == NULL) {
		h->tree_modified = true;
		(void)err_set(e, ERR_TRUST,
		    "the installed tree has no listing to start from");
		return NULL;
	}
	if (listing_id(content_listing(have), &id, e) == -1)
		return NULL;
	if (!sha256_equal(&id, &edge->from)) {
		(void)err_set(e, ERR_FORMAT,
		    "%s: does not start from the tree that is here", edge->object.path);
		return NULL;
	}
	s->have = NULL;
	return hop_delta(h, have, fd, e);
}

/* Only what the object itself says wrong is held against it. */
static void
blame(struct stage *s, const struct hop *h, const struct edge *edge, const struct err *e)
{
	if (h->tree_modified) {
		s->failure->tree_modified = true;
	} else if (e->code == ERR_TRUST || e->code == ERR_FORMAT) {
		s->failure->has_object = true;
		s->failure->object = edge->object.sha256;
	}
}

static int
run_hop(struct stage *s, size_t i, struct err *e)
{
	const struct edge *edge = &s->plan->hops[i];
	const struct record *rec = &s->plan->trees[i];
	bool last = i + 1 == s->plan->n_hops;
	struct hop h = { .conf = s->dev->conf, .target = edge->to, .folder = -1,
		.left = edge->output_bytes, .scratch = edge->scratch_bytes,
		.listing_bytes = rec->listing_bytes,
		.tree = s->tree, .created = s->plan->to.created, .reuse = s->reuse,
		.owners = &s->owners };
	char name[HOP_FOLDER_MAX];
	int fd;

	if (!last) {
		(void)snprintf(name, sizeof name, "hop-%zu", i);
		if ((s->folders[i] = h.folder = open_fresh(s->root, name, e)) == -1)
			return -1;
	}
	if ((fd = spool_open(s->dev, &edge->object, e)) == -1) {
		blame(s, &h, edge, e);
		return err_wrap(e, "%s", edge->object.path);
	}
	s->have = edge->is_full ? run_full(s, &h, edge, rec, fd, e) :
	    run_delta(s, &h, edge, fd, e);
	(void)close(fd);
	if (s->have != NULL)
		return 0;
	blame(s, &h, edge, e);
	/* The object is not to blame for what became of the old tree. */
	return h.tree_modified ? -1 : err_wrap(e, "%s", edge->object.path);
}

/* No hop at all: the tree that runs has another number from now on. */
static int
run_same(struct stage *s, struct err *e)
{
	struct hop h = { .conf = s->dev->conf,
		.target = s->plan->to.listing,
		.folder = -1,
		.tree = s->tree,
		.created = s->plan->to.created,
		.reuse = s->reuse,
		.owners = &s->owners };
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	struct listing *listing = NULL;
	struct content *have = s->have;

	s->have = NULL;
	if (have == NULL) {
		s->failure->tree_modified = true;
		return err_set(e, ERR_TRUST,
		    "the installed tree has no listing to start from");
	}
	if (listing_emit(content_listing(have), &text, e) == 0)
		listing = listing_parse(text.data, text.len, false, e);
	buf_free(&text);
	if (listing == NULL)
		content_free(have);
	else
		s->have = hop_same(&h, have, listing, e);
	s->failure->tree_modified = h.tree_modified;
	return s->have == NULL ? -1 : 0;
}

/* All that is not in the listing: persist, record, notes; then the last modes. */
static int
finish(struct stage *s, struct err *e)
{
	const struct conf *conf = s->dev->conf;
	const struct listing *listing = content_listing(s->have);
	struct layout layout = { .tree = s->tree, .listing = listing,
		.owners = s->owners, .created = s->plan->to.created };

	if (persist_apply(s->dev, s->tree, s->old, e) == -1 ||
	    tree_record_write(s->tree, &s->plan->to, listing, e) == -1 ||
	    reuse_note(s->reuse, s->tree, listing, conf, e) == -1 ||
	    layout_end(&layout, conf, e) == -1)
		return -1;
	return fs_sync_all(s->root, e);
}

/* Empty staging. */
static int
start(struct stage *s, uint64_t release, struct err *e)
{
	char name[STAGE_NAME_MAX];

	(void)stage_name(release, name);
	if (stage_clear(s->dev, e) == -1 ||
	    (s->root = open_fresh(s->dev->releases, name, e)) == -1 ||
	    (s->tree = open_fresh(s->root, TREE, e)) == -1)
		return -1;
	owners_of(s->dev->conf, &s->owners);
	return (s->reuse = reuse_new(s->dev->conf, &s->owners, e)) == NULL ? -1 : 0;
}

static int
build(struct stage *s, struct err *e)
{
	if (start(s, s->plan->to.release, e) == -1 || open_old(s, e) == -1)
		return -1;
	if (s->plan->n_hops == 0 && run_same(s, e) == -1)
		return -1;
	for (size_t i = 0; i < s->plan->n_hops; i++)
		if (run_hop(s, i, e) == -1)
			return -1;
	return finish(s, e);
}

static void
close_all(struct stage *s)
{
	content_free(s->have);
	reuse_free(s->reuse);
	for (size_t i = 0; i < CHAIN_HOPS_MAX; i++)
		if (s->folders[i] != -1)
			(void)close(s->folders[i]);
	if (s->old != -1)
		(void)close(s->old);
	if (s->tree != -1)
		(void)close(s->tree);
	if (s->root != -1)
		(void)close(s->root);
}

int
stage_build(const struct device *dev, const struct plan *plan,
    struct stage_failure *failure, struct err *e)
{
	struct stage s = { .dev = dev, .plan = plan, .failure = failure, .root = -1,
		.tree = -1, .old = -1 };
	struct err ignored = ERR_INIT;
	uint64_t total = 0;
	int rc;

	memset(failure, 0, sizeof *failure);
	for (size_t i = 0; i < CHAIN_HOPS_MAX; i++)
		s.folders[i] = -1;
	if (plan->n_hops > CHAIN_HOPS_MAX)
		return err_set(e, ERR_FORMAT, "the plan has too many hops");
	for (size_t i = 0; i < plan->n_hops; i++)
		total += plan->trees[i].content_bytes;
	progress_start("build", plan->n_hops > 0 ? total : plan->to.content_bytes, true);
	rc = build(&s, e);
	progress_end();
	close_all(&s);
	if (rc == -1)	/* its room is needed for the next attempt */
		(void)stage_clear(dev, &ignored);
	return rc;
}

int
stage_again(const struct device *dev, const struct record *to, struct listing *listing,
    int (*mend)(void *arg, struct content *, int folder, struct err *), void *arg,
    struct err *e)
{
	struct plan plan = { .from = to->release, .from_record = *to, .to = *to };
	struct stage_failure ignored;
	struct stage s = { .dev = dev, .plan = &plan, .failure = &ignored, .root = -1,
		.tree = -1, .old = -1 };
	struct err why = ERR_INIT;
	struct persist_mask mask;
	int rc = -1;

	for (size_t i = 0; i < CHAIN_HOPS_MAX; i++)
		s.folders[i] = -1;
	progress_start("build", to->content_bytes, true);
	s.have = content_new(listing, e);
	if (s.have != NULL && start(&s, to->release, e) == 0 &&
	    (s.old = live_open_tree(dev, to->release, e)) != -1 &&
	    (s.folders[0] = open_fresh(s.root, "mended", e)) != -1 &&
	    persist_mask_read(s.old, NULL, &mask, e) == 0) {
		rc = content_at_tree(s.have, s.old, &mask, e);
		persist_mask_clear(&mask);
	}
	if (rc == 0 && (mend(arg, s.have, s.folders[0], e) == -1 ||
	    run_same(&s, e) == -1 || finish(&s, e) == -1))
		rc = -1;
	progress_end();
	close_all(&s);
	if (rc == -1)
		(void)stage_clear(dev, &why);
	return rc;
}

int
stage_open_tree(const struct device *dev, uint64_t release, struct err *e)
{
	char path[STAGE_NAME_MAX + sizeof "/" TREE];
	char name[STAGE_NAME_MAX];

	(void)snprintf(path, sizeof path, "%s/" TREE, stage_name(release, name));
	return fs_open_dir_at(dev->releases, path, e);
}

/* A folder moves to another parent only if it may be written itself, root or
 * not: its mode comes back afterwards. */
static int
rename_tree(int root, int to_at, const char *to, struct err *e)
{
	struct stat st;
	int tree = fs_open_dir_at(root, TREE, e), rc = -1;
	bool closed;

	if (tree == -1)
		return -1;
	if (fstat(tree, &st) == -1) {
		(void)err_sys(e, TREE);
		goto out;
	}
	closed = (st.st_mode & S_IWUSR) == 0;
	if (closed && fs_chmod_fd(tree, (st.st_mode & 07777) | S_IWUSR, e) == -1)
		goto out;
	rc = fs_rename_new(root, TREE, to_at, to, e);
	if (closed && fs_chmod_fd(tree, st.st_mode & 07777, e) == -1)
		rc = -1;
out:
	(void)close(tree);
	return rc;
}

int
stage_publish(const struct device *dev, uint64_t release, struct err *e)
{
	char name[STAGE_NAME_MAX], number[STAGE_NAME_MAX];
	int root = fs_open_dir_at(dev->releases, stage_name(release, name), e), rc = -1;

	if (root == -1)
		return -1;
	(void)snprintf(number, sizeof number, "%llu", (unsigned long long)release);
	/* Half a release, or one that does not verify: out of the way, whole. */
	if (fs_remove_tree(root, "replaced", e) == -1 ||
	    (fs_rename(dev->releases, number, root, "replaced", e) == -1 &&
	    e->code != ERR_ABSENT))
		goto out;
	if (fs_sync_all(root, e) == -1 ||
	    rename_tree(root, dev->releases, number, e) == -1 ||
	    fs_sync_dir(dev->releases, ".", e) == -1 || fs_sync_dir(root, ".", e) == -1)
		goto out;
	rc = 0;
out:
	(void)close(root);
	return rc == -1 ? -1 : stage_clear(dev, e);
}
