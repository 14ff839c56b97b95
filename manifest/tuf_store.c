#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "manifest/tuf_names.h"

#include "manifest/tuf_state.h"

enum { NAME_BYTES_MAX = 1024, FILE_MODE = 0644 };

struct tuf_meta *
tuf_keep(struct tuf *t, struct tuf_file *f)
{
	struct tuf_meta *m = f->meta;

	m->next = t->kept;
	t->kept = m;
	f->meta = NULL;
	buf_free(&f->bytes);
	return m;
}

void
tuf_file_drop(struct tuf_file *f)
{
	tuf_meta_free(f->meta);
	f->meta = NULL;
	buf_free(&f->bytes);
}

/* On the folder itself: a lock file would be a write in a run that has nothing
 * to do. */
int
tuf_lock(int dir, struct err *e)
{
	int fd = fs_open_dir_at(dir, ".", e);

	if (fd == -1)
		return err_wrap(e, "metadata folder");
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (errno == EWOULDBLOCK)
		(void)err_set(e, ERR_BUSY, "metadata folder: another run refreshes it");
	else
		(void)err_sys(e, "metadata folder: lock");
	(void)close(fd);
	return -1;
}

int
tuf_store(int dir, const char *role, const struct buf *bytes, struct err *e)
{
	struct buf name = BUF_INIT(NAME_BYTES_MAX);
	int rc = tuf_role_file(role, 0, &name, e);

	if (rc == 0)
		rc = fs_write_file(
		    dir, buf_text(&name), bytes->data, bytes->len, FILE_MODE, e);
	if (rc == -1)
		(void)err_wrap(e, "store metadata");
	buf_free(&name);
	return rc;
}

int
tuf_store_read(int dir, const char *role, struct buf *bytes, struct err *e)
{
	struct buf name = BUF_INIT(NAME_BYTES_MAX);
	int rc = tuf_role_file(role, 0, &name, e);

	if (rc == 0)
		rc = fs_read_file(dir, buf_text(&name), bytes, e);
	buf_free(&name);
	return rc;
}

static int
check_local(struct tuf *t, const char *role, const struct jv *delegator,
    struct tuf_file *f, struct err *e)
{
	buf_init(&f->bytes, TUF_FILE_MAX);
	if (tuf_store_read(t->dir, role, &f->bytes, e) == -1 ||
	    (f->meta = tuf_meta_parse(f->bytes.data, f->bytes.len, e)) == NULL ||
	    tuf_meta_verify(f->meta, delegator, role, e) == -1 ||
	    tuf_meta_check(f->meta, role, e) == -1)
		return -1;
	return tuf_meta_check_product(f->meta, tuf_product(t), e);
}

int
tuf_local(struct tuf *t, const char *role, const struct jv *delegator, struct tuf_file *f,
    struct err *e)
{
	f->meta = NULL;
	if (check_local(t, role, delegator, f, e) == 0)
		return 1;
	tuf_file_drop(f);
	/* An unreadable memory is not the same as none: that would undo the
	 * protection against rollback. */
	if (e->code != ERR_ABSENT && e->code != ERR_FORMAT && e->code != ERR_TRUST)
		return err_wrap(e, "local %s", role);
	err_clear(e);
	return 0;
}

int
tuf_fetch(
    struct tuf *t, const char *role, uint64_t version, struct buf *out, struct err *e)
{
	struct buf name = BUF_INIT(NAME_BYTES_MAX);
	int rc = tuf_role_file(role, version, &name, e);

	if (rc == 0 && t->source.get == NULL)
		rc = err_set(e, ERR_ABSENT, "not here, and there is no host to ask");
	else if (rc == 0) {
		t->requests++;
		rc = t->source.get(t->source.arg, buf_text(&name), out, e);
		t->bytes += out->len;
	}
	if (rc == -1)
		(void)err_wrap(e, "%s", buf_text(&name));
	buf_free(&name);
	return rc;
}
