#include <sys/stat.h>

#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"

#include "hosting/site.h"

int
site_open(struct site *s, const char *where, const char *ca_file, struct err *e)
{
	bool web = strncmp(where, "https://", 8) == 0 || strncmp(where, "http://", 7) == 0;

	*s = (struct site){ where, NULL, -1 };
	if (web)
		return (s->fetch = fetch_open(ca_file, e)) == NULL ? -1 : 0;
	if (strncmp(where, "file://", 7) == 0)
		where += 7;
	else if (strstr(where, "://") != NULL)
		return err_set(e, ERR_USAGE, "%s: reads http://, https:// and file:///",
		    where);
	if ((s->dir = fs_open_dir(where, e)) != -1)
		return 0;
	if (e->code == ERR_ABSENT)
		e->code = ERR_USAGE;
	return -1;
}

void
site_close(struct site *s)
{
	fetch_close(s->fetch);
	if (s->dir != -1)
		(void)close(s->dir);
	*s = (struct site){ s->where, NULL, -1 };
}

int
site_url(const struct site *s, const char *name, struct buf *url, struct err *e)
{
	size_t n = strlen(s->where);

	while (n > 0 && s->where[n - 1] == '/')
		n--;
	buf_reset(url);
	return buf_addf(url, e, "%.*s/%s", (int)n, s->where, name);
}

int
site_read(const struct site *s, const char *name, struct buf *out, struct err *e)
{
	struct buf url = BUF_INIT(8192);
	int rc = -1;

	if (s->fetch == NULL)
		return fs_read_file(s->dir, name, out, e);
	if (site_url(s, name, &url, e) == 0)
		rc = fetch_bytes(s->fetch, buf_text(&url), out, e);
	buf_free(&url);
	return rc;
}

struct arrival {
	const char *url;
	int fd;
	uint64_t have, want;		/* bytes in fd; of the whole object */
	uint64_t asked_from;
	bool wanted;
};

/* 206 goes on where we asked, 200 starts again; other answers are judged later. */
static int
arrival_head(void *arg, const struct fetch_head *h, struct err *e)
{
	struct arrival *a = arg;
	uint64_t whole = h->status == 206 ? h->total : h->length;

	a->wanted = h->status / 100 == 2;
	if (!a->wanted)
		return 0;
	if (h->encoding[0] != '\0' && strcmp(h->encoding, "identity") != 0)
		return err_set(e, ERR_TRUST, "%s: sent with Content-Encoding %s: objects "
		    "are to be sent as they are", a->url, h->encoding);
	if (h->status == 206 && (!h->has_range || h->from != a->asked_from))
		return err_set(e, ERR_TRUST, "%s: the host sends another range than was "
		    "asked for", a->url);
	if ((h->status == 206 || h->has_length) && whole != a->want)
		return err_set(e, ERR_TRUST, "%s: %llu bytes, signed were %llu", a->url,
		    (unsigned long long)whole, (unsigned long long)a->want);
	if (h->status == 206 || a->have == 0)
		return 0;
	a->have = 0;
	return fs_truncate(a->fd, 0, e);
}

static int
arrival_body(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct arrival *a = arg;

	if (!a->wanted)
		return 0;
	if (n > a->want - a->have)
		return err_set(e, ERR_TRUST, "%s: longer than signed", a->url);
	if (fs_pwrite(a->fd, data, n, a->have, e) == -1)
		return -1;
	a->have += n;
	progress_add(n);
	return 0;
}

static int
ask_for_rest(const struct site *s, struct arrival *a, struct err *e)
{
	struct fetch_question q = { .url = a->url, .to = UINT64_MAX, .arg = a,
		.head = arrival_head, .body = arrival_body };
	struct fetch_head h;

	for (unsigned tried = 1; a->have < a->want; tried++) {
		q.has_range = a->have > 0;
		q.from = a->asked_from = a->have;
		if (fetch_ask(s->fetch, &q, &h, e) == 0 &&
		    fetch_judge(a->url, &h, e) == 0) {
			if (a->have == a->want)
				break;
			(void)err_set(e, ERR_NET, "%s: ends before its end", a->url);
		}
		if (!fetch_again(tried, &h, e))
			return -1;
		err_clear(e);
	}
	return 0;
}

static int
copy_file(const struct site *s, const char *name, int fd, struct err *e)
{
	int in, rc;

	if ((in = fs_open_file(s->dir, name, NULL, e)) == -1)
		return -1;
	rc = fs_truncate(fd, 0, e);
	if (rc == 0)
		rc = fs_copy_fd(in, fd, e);
	(void)close(in);
	return rc;
}

static int
get_bytes(const struct site *s, const char *name, const struct object *o, int fd,
    struct err *e)
{
	struct buf url = BUF_INIT(8192);
	struct arrival a = { .fd = fd, .want = o->bytes };
	struct stat st;
	int rc = -1;

	if (s->fetch == NULL)
		return copy_file(s, name, fd, e);
	if (fstat(fd, &st) == -1)
		return err_sys(e, "%s", name);
	a.have = (uint64_t)st.st_size;
	if (a.have > a.want) {
		a.have = 0;
		if (fs_truncate(fd, 0, e) == -1)
			return -1;
	}
	if (site_url(s, name, &url, e) == 0) {
		a.url = buf_text(&url);
		rc = ask_for_rest(s, &a, e);
	}
	buf_free(&url);
	return rc;
}

static int
check(const char *name, const struct object *o, int fd, struct err *e)
{
	struct sha256 got;
	uint64_t bytes;

	if (sha256_of_fd(fd, &got, &bytes, e) == -1)
		return err_wrap(e, "%s", name);
	if (bytes == o->bytes && sha256_equal(&got, &o->sha256))
		return 0;
	return err_set(e, ERR_TRUST, "%s: the host sends other bytes than were signed",
	    name);
}

/* One go; *resumed: what lay there already was part of it. */
static int
fetch_once(const struct site *s, const char *name, const struct object *o, int at,
    const char *rel, const char *partial, bool *resumed, struct err *e)
{
	int fd = fs_open_rw(at, partial, 0644, e), rc = -1;
	struct err ignored = ERR_INIT;
	struct stat st;

	if (fd == -1)
		return -1;
	*resumed = fstat(fd, &st) == 0 && st.st_size > 0;
	if (get_bytes(s, name, o, fd, e) == 0 && check(name, o, fd, e) == 0) {
		if (fs_sync(fd, e) == 0)
			rc = fs_rename(at, partial, at, rel, e);
	} else if (e->code == ERR_TRUST) {
		/* Nothing of it is worth going on with. */
		(void)fs_unlink(at, partial, &ignored);
	}
	(void)close(fd);
	return rc;
}

int
site_fetch(const struct site *s, const char *name, const struct object *o, int at,
    const char *rel, const char *partial, struct err *e)
{
	bool resumed = false;

	if (cancel_check(e) == -1)
		return -1;
	if (fetch_once(s, name, o, at, rel, partial, &resumed, e) == 0)
		return 0;
	/* The part may have been bad, not the host. */
	if (e->code != ERR_TRUST || !resumed)
		return -1;
	err_clear(e);
	return fetch_once(s, name, o, at, rel, partial, &resumed, e);
}
