#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/journal_slot.h"

#include "apply/journal.h"

#define JOURNAL_FILE "journal"
enum { SLOTS = 2, JOURNAL_BYTES = SLOTS * JOURNAL_SLOT };

struct journal {
	int state;		/* borrowed */
	int fd;			/* -1: no file yet, made by the first write */
	bool has_mark;
	struct mark mark;
	uint64_t sequence;	/* of mark */
	unsigned slot;		/* that holds mark */
};

static bool
all_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Keep the newest valid mark.  Only a slot from a newer applier is an error. */
static int
read_slots(struct journal *j, const uint8_t *bytes, struct err *e)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		struct err why = ERR_INIT;
		struct mark mark;
		uint64_t sequence;

		if (journal_slot_parse(bytes + i * JOURNAL_SLOT, &sequence, &mark,
		    &why) == -1) {
			if (why.code == ERR_POLICY) {
				*e = why;
				return err_hint(e, "install that version again");
			}
			continue;
		}
		if (j->has_mark && sequence < j->sequence)
			continue;
		j->has_mark = true;
		j->mark = mark;
		j->sequence = sequence;
		j->slot = i;
	}
	return 0;
}

static int
load(struct journal *j, bool *lost, struct err *e)
{
	uint8_t bytes[JOURNAL_BYTES];
	struct buf all = BUF_INIT(JOURNAL_BYTES);
	struct err ignored = ERR_INIT;
	int rc;

	memset(bytes, 0, sizeof bytes);
	/* One that is too short or too long: what is there counts, and no more. */
	if (fs_pread(j->fd, bytes, sizeof bytes, 0, &ignored) == -1) {
		if (fs_read_fd(j->fd, &all, &ignored) == 0 && all.len > 0)
			memcpy(bytes, all.data, all.len);
	}
	buf_free(&all);
	rc = read_slots(j, bytes, e);
	if (lost != NULL)
		*lost = rc == 0 && !j->has_mark && !all_zero(bytes, sizeof bytes);
	return rc;
}

struct journal *
journal_open(int state, bool *lost, struct err *e)
{
	struct journal *j = calloc(1, sizeof *j);
	struct stat st;
	int there;

	if (lost != NULL)
		*lost = false;
	if (j == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	j->state = state;
	j->fd = -1;
	there = fs_stat_at(state, JOURNAL_FILE, &st, e);
	if (there == 1)
		j->fd = fs_open_beneath(state, JOURNAL_FILE, O_RDWR, 0, e);
	if (there == -1 || (there == 1 && (j->fd == -1 || load(j, lost, e) == -1))) {
		(void)err_wrap(e, "state: " JOURNAL_FILE);
		journal_close(j);
		return NULL;
	}
	return j;
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd != -1)
		(void)close(j->fd);
	free(j);
}

bool
journal_read(const struct journal *j, struct mark *mark)
{
	if (j->has_mark)
		*mark = j->mark;
	return j->has_mark;
}

/* All its blocks are written when it is made, so that a mark never needs room. */
static int
make_file(struct journal *j, struct err *e)
{
	uint8_t zeros[JOURNAL_BYTES];

	memset(zeros, 0, sizeof zeros);
	if (fs_write_file(j->state, JOURNAL_FILE, zeros, sizeof zeros, 0600, e) == -1)
		return -1;
	j->fd = fs_open_beneath(j->state, JOURNAL_FILE, O_RDWR, 0, e);
	return j->fd == -1 ? -1 : 0;
}

int
journal_write(struct journal *j, const struct mark *mark, struct err *e)
{
	uint8_t bytes[JOURNAL_SLOT];
	unsigned slot = j->has_mark ? 1 - j->slot : 0;

	if (journal_slot_make(bytes, j->sequence + 1, mark, e) == -1 ||
	    (j->fd == -1 && make_file(j, e) == -1) ||
	    fs_pwrite(j->fd, bytes, sizeof bytes, (uint64_t)slot * JOURNAL_SLOT, e) ==
		-1 ||
	    fs_sync(j->fd, e) == -1)
		return err_wrap(e, "state: " JOURNAL_FILE);
	j->has_mark = true;
	j->mark = *mark;
	j->mark.format = JOURNAL_FORMAT;
	j->sequence++;
	j->slot = slot;
	return 0;
}
