#include <sys/stat.h>

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/persist.h"
#include "apply/reuse_list.h"

#include "apply/reuse.h"

/*
 * TREE/.delta/linked: a line for each file on an inode of the old tree:
 * index in the listing, inode, size, and modification and change time.
 */
#define LINKED ".delta/linked"
enum { LINKED_MAX = 160 << 20 };

struct seen {
	uint64_t index, ino, size;
	uint64_t modified_s, modified_ns, changed_s, changed_ns;
};

static struct seen
seen_of(size_t index, const struct stat *st)
{
	return (struct seen){ index, st->st_ino, (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec };
}

static int
note_one(struct buf *out, const struct seen *s, struct err *e)
{
	return buf_addf(out, e, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	    " %" PRIu64 " %" PRIu64 "\n", s->index, s->ino, s->size, s->modified_s,
	    s->modified_ns, s->changed_s, s->changed_ns);
}

int
reuse_note(const struct reuse *r, int tree, const struct listing *listing,
    const struct conf *conf, struct err *e)
{
	const struct reuse_list *linked = reuse_linked(r);
	struct buf text = BUF_INIT(LINKED_MAX), where = BUF_INIT(16384);
	struct persist_mask mask;
	int rc = 0;

	if (persist_mask_read(tree, conf, &mask, e) == -1)
		return -1;
	for (size_t i = 0; rc == 0 && i < linked->n; i++) {
		const struct entry *entry = linked->entries[i];
		struct stat st;
		struct seen s;

		rc = -1;
		if (persist_where(&mask, entry->path, &where, e) == -1)
			break;
		if (fs_stat_at(tree, buf_text(&where), &st, e) != 1)
			break;
		s = seen_of((size_t)(entry - listing->entries), &st);
		rc = note_one(&text, &s, e);
	}
	if (rc == 0)
		rc = fs_put_file(tree, LINKED, text.data, text.len, 0644, e);
	persist_mask_clear(&mask);
	buf_free(&text);
	buf_free(&where);
	return rc;
}

/* A decimal number at *text, which moves behind it. */
static int
number(const char **text, uint64_t *out)
{
	char digits[24];
	size_t n = strspn(*text, "0123456789");

	if (n == 0 || n >= sizeof digits)
		return -1;
	memcpy(digits, *text, n);
	digits[n] = '\0';
	*text += n;
	return u64_parse(digits, UINT64_MAX, out);
}

/* Next line into *s: 1, 0 at the end, -1 for anything that is no such line. */
static int
next_line(const char **text, struct seen *s)
{
	uint64_t *const fields[] = { &s->index, &s->ino, &s->size, &s->modified_s,
		&s->modified_ns, &s->changed_s, &s->changed_ns };
	size_t n = sizeof fields / sizeof fields[0];

	if (**text == '\0')
		return 0;
	for (size_t i = 0; i < n; i++)
		if (number(text, fields[i]) == -1 ||
		    *(*text)++ != (i + 1 == n ? '\n' : ' '))
			return -1;
	return 1;
}

static bool
same(const struct seen *a, const struct seen *b)
{
	return a->ino == b->ino && a->size == b->size && a->modified_s == b->modified_s &&
	    a->modified_ns == b->modified_ns && a->changed_s == b->changed_s &&
	    a->changed_ns == b->changed_ns;
}

static int
touched(const struct entry *entry, const char *fact, struct err *e)
{
	return err_set(e, ERR_TRUST,
	    "%s: the running release changed it (%s) while the update was prepared",
	    entry->path, fact);
}

/* As noted (NULL: no note), or still of the right content and mode. */
static int
check_one(int tree, const char *where, const struct entry *entry,
    const struct seen *noted, struct err *e)
{
	struct sha256 id;
	struct stat st;
	struct seen now;
	int rc, fd = fs_open_file(tree, where, &st, e);

	if (fd == -1)
		return e->code == ERR_ABSENT || e->code == ERR_POLICY ?
		    touched(entry, "not there", e) : -1;
	now = seen_of(0, &st);
	if (noted != NULL && same(noted, &now))
		rc = 0;
	else if ((st.st_mode & 07777) != entry->mode)
		rc = touched(entry, "mode", e);
	else if ((uint64_t)st.st_size != entry->size)
		rc = touched(entry, "size", e);
	else if ((rc = sha256_of_fd(fd, &id, NULL, e)) == 0 &&
	    !sha256_equal(&id, &entry->sha256))
		rc = touched(entry, "content", e);
	(void)close(fd);
	return rc;
}

static int
check_noted(int tree, const struct listing *listing, const struct persist_mask *mask,
    const char *text, struct err *e)
{
	struct buf where = BUF_INIT(16384);
	struct seen s;
	int more, rc = 0;

	while (rc == 0 && (more = next_line(&text, &s)) != 0) {
		const struct entry *entry;

		if (more == -1 || s.index >= listing->n) {
			rc = err_set(e, ERR_FORMAT, LINKED ": not a note of files");
			break;
		}
		entry = &listing->entries[s.index];
		if ((rc = persist_where(mask, entry->path, &where, e)) == 0)
			rc = check_one(tree, buf_text(&where), entry, &s, e);
	}
	buf_free(&where);
	return rc;
}

/* Without a usable note: every file that has more names than its listing says. */
static int
check_shared(int tree, const struct listing *listing, const struct persist_mask *mask,
    struct err *e)
{
	struct buf where = BUF_INIT(16384);
	struct stat st;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < listing->n; i++) {
		const struct entry *entry = &listing->entries[i];

		if (entry->type != ENTRY_FILE)
			continue;
		if (persist_where(mask, entry->path, &where, e) == -1 ||
		    fs_stat_at(tree, buf_text(&where), &st, e) == -1)
			rc = -1;
		else if (st.st_nlink > entry->nlink)
			rc = check_one(tree, buf_text(&where), entry, NULL, e);
	}
	buf_free(&where);
	return rc;
}

int
reuse_recheck_tree(int tree, const struct listing *listing, const struct conf *conf,
    struct err *e)
{
	struct buf text = BUF_INIT(LINKED_MAX);
	struct persist_mask mask;
	int rc;

	if (persist_mask_read(tree, conf, &mask, e) == -1)
		return -1;
	rc = fs_read_file(tree, LINKED, &text, e);
	if (rc == 0)
		rc = check_noted(tree, listing, &mask, buf_text(&text), e);
	if (rc == -1 && (e->code == ERR_ABSENT || e->code == ERR_FORMAT))
		rc = check_shared(tree, listing, &mask, e);
	persist_mask_clear(&mask);
	buf_free(&text);
	return rc;
}

int
reuse_recheck(struct run *r, struct err *e)
{
	struct listing *listing;
	struct record rec;
	int rc, tree = live_open_tree(r->dev, r->mark.to, e);

	if (tree == -1)
		return -1;
	if ((rc = tree_record_read(tree, &rec, &listing, e)) == 0) {
		rc = reuse_recheck_tree(tree, listing, r->dev->conf, e);
		listing_free(listing);
		record_clear(&rec);
	}
	(void)close(tree);
	return rc;
}
