#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"
#include "manifest/base/hash.h"
#include "manifest/base/log.h"

#include "hosting/verify_headers.h"
#include "hosting/wanted.h"

#include "hosting/verify.h"

enum { SAMPLE_MAX = 4096, URL_MAX = 8192 };

struct look {
	const struct view *view;
	struct findings *found;
	struct verify_sums *sums;
	bool quick;
};

/* One answer, its body hashed; bytes from..from + n of it are kept. */
struct body {
	const char *name;
	struct hash *hash;		/* NULL: not hashed */
	uint64_t seen, max;
	uint64_t from;
	size_t n;
	uint8_t sample[SAMPLE_MAX];
	bool too_long;
};

static int
take(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct body *b = arg;

	/* What comes behind the signed length says nothing more. */
	if (n > b->max - b->seen) {
		b->too_long = true;
		return err_set(e, ERR_NET, "%s: longer than signed", b->name);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t at = b->seen + i;

		if (at >= b->from && at - b->from < b->n)
			b->sample[at - b->from] = data[i];
	}
	b->seen += n;
	return b->hash == NULL ? 0 : hash_add(b->hash, data, n, e);
}

/* 0 there is an answer to judge, 1 none: that is found, -1. */
static int
ask(const struct look *l, const char *name, const struct fetch_question *base,
    struct fetch_head *h, struct err *e)
{
	struct fetch_question q = *base;
	struct buf url = BUF_INIT(URL_MAX);
	int rc = -1;

	if (cancel_check(e) == 0 && site_url(l->view->site, name, &url, e) == 0) {
		q.url = buf_text(&url);
		rc = fetch_ask(l->view->site->fetch, &q, h, e);
		if (rc == -1 && e->code == ERR_NET) {
			rc = 1;
			if (!((const struct body *)q.arg)->too_long)
				findings_add(l->found, VERDICT_MISSING, name, "%s",
				    e->text);
			err_clear(e);
		}
	}
	buf_free(&url);
	return rc;
}

static bool
is_there(const struct look *l, const char *name, const struct fetch_head *h)
{
	if (h->status == 200)
		return true;
	findings_add(l->found, h->status / 100 == 2 ? VERDICT_HOST : VERDICT_MISSING,
	    name, "the host answers HTTP %d", h->status);
	return false;
}

static void
judge_range(const struct look *l, const char *name, const struct fetch_head *h,
    uint64_t bytes, const struct body *want, const struct body *got)
{
	if (h->status == 200) {
		findings_add(l->found, VERDICT_WARN, name, "ranges are not served: a "
		    "download that was cut begins anew");
		return;
	}
	if (h->status != 206) {
		findings_add(l->found, VERDICT_HOST, name, "a range is answered with HTTP "
		    "%d", h->status);
		return;
	}
	if (!h->has_range || h->from != want->from || h->to != want->from + want->n - 1 ||
	    h->total != bytes) {
		findings_add(l->found, VERDICT_HOST, name, "the Content-Range is not that "
		    "of what was asked for");
		return;
	}
	if (got->too_long || got->seen != want->n ||
	    (!l->quick && memcmp(want->sample, got->sample, want->n) != 0))
		findings_add(l->found, VERDICT_BYTES, name, "a range has other bytes than "
		    "the whole");
}

/* The part of the object that `whole` has a sample of, asked for alone. */
static int
look_at_range(const struct look *l, const char *name, const struct object *o,
    const struct body *whole, const char *etag, struct fetch_head *h, struct err *e)
{
	struct body got = { .name = name, .max = UINT64_MAX, .n = whole->n };
	struct fetch_question q = { .has_range = true, .from = whole->from,
		.to = whole->from + whole->n - 1, .arg = &got, .body = take };
	int rc;

	if (etag != NULL && etag[0] == '"')
		q.if_range = etag;
	if ((rc = ask(l, name, &q, h, e)) == 0)
		judge_range(l, name, h, o->bytes, whole, &got);
	return rc == -1 ? -1 : 0;
}

static int
judge_whole(const struct look *l, const char *name, const struct object *o,
    const struct body *b, struct err *e)
{
	struct sha256 got;

	if (hash_end(b->hash, got.bytes, e) == -1)
		return -1;
	if (b->too_long || b->seen != o->bytes)
		findings_add(l->found, VERDICT_BYTES, name, "another length than signed");
	else if (!sha256_equal(&got, &o->sha256))
		findings_add(l->found, VERDICT_BYTES, name, "other bytes than signed");
	return 0;
}

static int
look_at_web(const struct look *l, const char *name, const struct object *o,
    struct err *e)
{
	struct body b = { .name = name, .max = o->bytes };
	struct fetch_question q = { .arg = &b, .body = take };
	struct fetch_head h, part;
	int rc = 0;

	b.from = o->bytes / 3;
	b.n = o->bytes / 3 < SAMPLE_MAX ? (size_t)(o->bytes / 3) : SAMPLE_MAX;
	if (l->quick && b.n > 0) {
		if ((rc = look_at_range(l, name, o, &b, NULL, &h, e)) == 0 &&
		    h.status / 100 == 2)
			verify_headers_immutable(l->found, name, &h);
		return rc;
	}
	if ((b.hash = hash_new(HASH_SHA256, e)) == NULL)
		return -1;
	rc = ask(l, name, &q, &h, e);
	if (rc == 1 && b.too_long)
		rc = 0;
	if (rc == 0 && is_there(l, name, &h)) {
		verify_headers_immutable(l->found, name, &h);
		rc = judge_whole(l, name, o, &b, e);
		if (rc == 0 && b.n > 0 && !b.too_long)
			rc = look_at_range(l, name, o, &b, h.etag, &part, e);
	}
	hash_free(b.hash);
	return rc == -1 ? -1 : 0;
}

static int
look_at_file(const struct look *l, const char *name, const struct object *o,
    struct err *e)
{
	int dir = l->view->site->dir, fd, there, rc = 0;
	struct sha256 got;
	struct stat st;

	if ((there = fs_stat_at(dir, name, &st, e)) == -1)
		return -1;
	if (there == 0 || !S_ISREG(st.st_mode)) {
		findings_add(l->found, VERDICT_MISSING, name, "is not there");
		return 0;
	}
	if ((uint64_t)st.st_size != o->bytes) {
		findings_add(l->found, VERDICT_BYTES, name, "another length than signed");
		return 0;
	}
	if (l->quick)
		return 0;
	if ((fd = fs_open_file(dir, name, NULL, e)) == -1)
		return -1;
	if ((rc = sha256_of_fd(fd, &got, NULL, e)) == 0 &&
	    !sha256_equal(&got, &o->sha256))
		findings_add(l->found, VERDICT_BYTES, name, "other bytes than signed");
	(void)close(fd);
	return rc;
}

static int
look_at_objects(const struct look *l, const struct wanted *w, struct err *e)
{
	char name[VIEW_FILE_MAX];
	uint64_t total = 0;
	int rc = 0;

	for (size_t i = 0; i < w->n; i++)
		total += w->objects[i].bytes;
	progress_start("verify", total, true);
	for (size_t i = 0; rc == 0 && i < w->n; i++) {
		const struct object *o = &w->objects[i];

		(void)view_object_file(o, name);
		rc = cancel_check(e);
		if (rc == 0)
			rc = l->view->site->fetch == NULL ? look_at_file(l, name, o, e) :
			    look_at_web(l, name, o, e);
		l->sums->objects++;
		l->sums->bytes += o->bytes;
		progress_add(o->bytes);
	}
	progress_end();
	return rc;
}

/* Metadata: the bytes were verified; roots before the newest must be there too. */
static int
look_at_metadata(const struct look *l, const char *role, uint64_t version,
    void (*judge)(struct findings *, const char *, const struct fetch_head *),
    bool absent, struct err *e)
{
	struct body b = { .name = role, .max = UINT64_MAX };
	struct fetch_question q = { .arg = &b, .body = take };
	char name[VIEW_FILE_MAX];
	struct fetch_head h;
	struct stat st;
	int rc;

	if (view_role_file(role, version, name, e) == -1)
		return -1;
	l->sums->roles += !absent;
	if (l->view->site->fetch == NULL) {
		if ((rc = fs_stat_at(l->view->site->dir, name, &st, e)) == -1)
			return -1;
		if (rc == 0 && !absent)
			findings_add(l->found, VERDICT_MISSING, name, "is not there");
		return 0;
	}
	if ((rc = ask(l, name, &q, &h, e)) == 0 && (absent || is_there(l, name, &h)))
		judge(l->found, name, &h);
	return rc == -1 ? -1 : 0;
}

static int
look_at_roles(const struct look *l, struct err *e)
{
	const struct view *v = l->view;

	for (uint64_t n = 1; n <= v->root; n++)
		if (look_at_metadata(l, "root", n, verify_headers_immutable, false, e) == -1)
			return -1;
	for (size_t i = 0; i < v->n_roles; i++)
		if (look_at_metadata(l, view_role_name(&v->roles[i]), v->roles[i].version,
		    verify_headers_immutable, false, e) == -1)
			return -1;
	if (look_at_metadata(l, "snapshot", v->snapshot, verify_headers_immutable, false,
	    e) == -1 ||
	    look_at_metadata(l, "timestamp", 0, verify_headers_timestamp, false, e) == -1)
		return -1;
	return look_at_metadata(l, "root", v->root + 1, verify_headers_absent, true, e);
}

static int
want(void *arg, const struct view_role *role, const struct object *o, struct err *e)
{
	(void)role;
	return wanted_add(arg, o, e);
}

int
verify_site(const struct view *v, bool quick, struct findings *found,
    struct verify_sums *sums, struct err *e)
{
	struct look l = { v, found, sums, quick };
	struct wanted w = { NULL, 0, 0 };
	int rc = -1;

	if (look_at_roles(&l, e) == 0 && view_each_object(v, want, &w, e) == 0)
		rc = look_at_objects(&l, &w, e);
	wanted_clear(&w);
	return rc;
}
