#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "apply/frames.h"
#include "apply/hop_file.h"
#include "apply/prune.h"

#include "apply/mend.h"

static bool
is_about_content(enum verify_what what)
{
	return what == VERIFY_MISSING || what == VERIFY_TYPE || what == VERIFY_SIZE ||
	    what == VERIFY_CONTENT || what == VERIFY_UNREADABLE;
}

/* More differences than a report holds: each file is looked at. */
static int
look_at_all(struct content *c, bool *want, struct err *e)
{
	const struct listing *l = content_listing(c);
	bool own;
	int fd;

	for (size_t i = 0; i < l->n; i++) {
		if (!hop_is_first(l, i) || l->entries[i].size == 0)
			continue;
		if (content_open(c, i, true, &fd, &own, e) == 0) {
			(void)close(fd);
			continue;
		}
		if (e->code != ERR_TRUST && e->code != ERR_IO)
			return -1;
		err_clear(e);
		want[i] = true;
	}
	return 0;
}

static int
find_wrong(const struct mend *m, struct content *c, bool *want, struct err *e)
{
	const struct listing *l = content_listing(c);

	if (m->report->total > m->report->n)
		return look_at_all(c, want, e);
	for (size_t k = 0; k < m->report->n; k++) {
		const struct verify_difference *d = &m->report->items[k];
		long i = is_about_content(d->what) ? listing_find(l, d->path) : -1;

		if (i < 0 || l->entries[i].type != ENTRY_FILE || l->entries[i].size == 0)
			continue;
		want[listing_group_first(l, (size_t)i)] = true;
	}
	return 0;
}

/* Another entry of this tree that is right. */
static bool
take_twin(struct content *c, const bool *wrong, size_t i)
{
	const struct listing *l = content_listing(c);
	const struct entry *entry = &l->entries[i];

	for (size_t k = 0; k < l->n; k++)
		if (hop_is_first(l, k) && !wrong[k] &&
		    l->entries[k].size == entry->size &&
		    sha256_equal(&l->entries[k].sha256, &entry->sha256)) {
			content_share(c, i, c, k);
			return true;
		}
	return false;
}

/* Is the file at (tree, path) this content? */
static bool
is_content(int tree, const char *path, const struct entry *want)
{
	struct err why = ERR_INIT;
	struct sha256 got;
	struct stat st;
	int fd = fs_open_file(tree, path, &st, &why);
	bool is;

	if (fd == -1)
		return false;
	is = (uint64_t)st.st_size == want->size &&
	    sha256_of_fd(fd, &got, NULL, &why) == 0 && sha256_equal(&got, &want->sha256);
	(void)close(fd);
	return is;
}

static int
take_from_tree(int tree, struct listing *have, const struct persist_mask *mask,
    struct mend *m, struct content *c, bool *want, struct err *e)
{
	const struct listing *l = content_listing(c);
	struct buf where = BUF_INIT(16384);
	int rc = 0;

	for (size_t i = 0; i < l->n && rc == 0; i++) {
		const struct entry *entry = &l->entries[i];
		long k = want[i] ? listing_find_content(have, &entry->sha256,
		    entry->size) : -1;

		if (k < 0)
			continue;
		if ((rc = persist_where(mask, have->entries[k].path, &where, e)) == -1 ||
		    !is_content(tree, buf_text(&where), entry))
			continue;
		if ((rc = content_put_at(c, i, tree, buf_text(&where), e)) == 0) {
			want[i] = false;
			m->local++;
		}
	}
	buf_free(&where);
	return rc;
}

/* What cannot be read in another release only means that it has nothing. */
static int
take_from_release(struct mend *m, uint64_t release, struct content *c, bool *want,
    struct err *e)
{
	struct listing *listing = NULL;
	struct persist_mask mask;
	struct err why = ERR_INIT;
	struct record rec;
	int rc = 0, tree = live_open_tree(m->run->dev, release, &why);

	if (tree == -1)
		return 0;
	m->trees[m->n_trees++] = tree;
	if (tree_record_read(tree, &rec, &listing, &why) == -1)
		return 0;
	if (persist_mask_read(tree, NULL, &mask, &why) == 0) {
		rc = take_from_tree(tree, listing, &mask, m, c, want, e);
		persist_mask_clear(&mask);
	}
	record_clear(&rec);
	listing_free(listing);
	return rc;
}

static bool
any(const struct listing *l, const bool *want)
{
	return memchr(want, true, l->n) != NULL;
}

static int
take_from_releases(struct mend *m, struct content *c, bool *want, struct err *e)
{
	uint64_t numbers[MEND_TREES_MAX];
	int n = releases_list(m->run->dev, numbers, MEND_TREES_MAX, e), rc = 0;

	if (n == -1)
		return -1;
	while (n-- > 0 && rc == 0 && any(content_listing(c), want))
		if (numbers[n] != m->release)
			rc = take_from_release(m, numbers[n], c, want, e);
	return rc;
}

static int
take_from_host(struct mend *m, struct content *c, const bool *want, int folder,
    struct err *e)
{
	const struct listing *l = content_listing(c);
	const char *one = "";
	struct fetch *fetch;

	for (size_t i = 0; i < l->n; i++)
		if (want[i]) {
			m->host++;
			one = l->entries[i].path;
		}
	if (m->host == 0)
		return 0;
	if (m->full == NULL || !m->full->usable)
		return err_set(e, ERR_FAIL, "%s: no other release here has its content, and "
		    "the full of release %" PRIu64 " is not offered any more; `delta-apply "
		    "update` replaces the release when there is a newer one", one,
		    m->release);
	if (folder == -1)
		return 0;
	if ((fetch = run_fetch(m->run, e)) == NULL)
		return -1;
	return frames_fetch(fetch, m->run->dev, m->full, c, want, folder, &m->refused, e);
}

int
mend_content(void *arg, struct content *c, int folder, struct err *e)
{
	struct mend *m = arg;
	const struct listing *l = content_listing(c);
	bool *wrong = calloc(l->n + 1, sizeof *wrong);
	bool *want = calloc(l->n + 1, sizeof *want);
	int rc = -1;

	if (wrong == NULL || want == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a tree");
		goto out;
	}
	m->local = m->host = 0;
	if (find_wrong(m, c, wrong, e) == -1)
		goto out;
	for (size_t i = 0; i < l->n; i++) {
		want[i] = wrong[i] && !take_twin(c, wrong, i);
		m->local += wrong[i] && !want[i];
	}
	if (take_from_releases(m, c, want, e) == 0)
		rc = take_from_host(m, c, want, folder, e);
out:
	free(wrong);
	free(want);
	return rc;
}

void
mend_end(struct mend *m)
{
	while (m->n_trees > 0)
		(void)close(m->trees[--m->n_trees]);
}
