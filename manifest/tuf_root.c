#include <string.h>
#include <unistd.h>

#include "manifest/tuf_state.h"

/* Roots followed in one refresh; the next run goes on from there. */
enum { ROOTS_MAX = 256 };

const char *
tuf_product_of(const struct jv *root)
{
	return jv_text(jv_get(root, "x-product"));
}

/* A root that nobody but itself vouches for. */
static struct tuf_meta *
parse_alone(const void *data, size_t n, struct err *e)
{
	struct tuf_meta *m = tuf_meta_parse(data, n, e);

	if (m != NULL && tuf_meta_check(m, "root", e) == 0 &&
	    tuf_meta_verify(m, m->signed_part, "root", e) == 0)
		return m;
	tuf_meta_free(m);
	return NULL;
}

static int
read_root(int dir, struct tuf_file *f, struct err *e)
{
	f->meta = NULL;
	buf_init(&f->bytes, TUF_ROOT_MAX);
	if (tuf_store_read(dir, "root", &f->bytes, e) == -1 ||
	    (f->meta = parse_alone(f->bytes.data, f->bytes.len, e)) == NULL) {
		tuf_file_drop(f);
		return -1;
	}
	return 0;
}

int
tuf_root_load(struct tuf *t, struct err *e)
{
	struct tuf_file f;

	if (read_root(t->dir, &f, e) == 0) {
		t->root = tuf_keep(t, &f);
		return 0;
	}
	if (e->code == ERR_ABSENT)
		return err_set(
		    e, ERR_ABSENT, "trusted root: none here yet; give one with `trust`");
	(void)err_wrap(e, "trusted root");
	if (e->code == ERR_FORMAT || e->code == ERR_TRUST)
		(void)err_hint(e, "trust the root of the package anew");
	return -1;
}

/* The next one: signed by the keys of this one and by its own, one version up. */
static int
check_next(const struct tuf *t, struct tuf_file *f, struct err *e)
{
	if ((f->meta = tuf_meta_parse(f->bytes.data, f->bytes.len, e)) == NULL)
		return -1;
	if (tuf_meta_verify(f->meta, t->root->signed_part, "root", e) == -1)
		return err_wrap(e, "by the keys of the trusted root");
	if (tuf_meta_check(f->meta, "root", e) == -1 ||
	    tuf_meta_check_product(f->meta, tuf_product(t), e) == -1)
		return -1;
	if (f->meta->version != t->root->version + 1)
		return err_set(e, ERR_TRUST, "is version %llu, not %llu",
		    (unsigned long long)f->meta->version,
		    (unsigned long long)t->root->version + 1);
	if (tuf_meta_verify(f->meta, f->meta->signed_part, "root", e) == -1)
		return err_wrap(e, "by its own keys");
	return 0;
}

/* 1 went one up, 0 there is no newer root, -1. */
static int
step(struct tuf *t, struct err *e)
{
	uint64_t next = t->root->version + 1;
	struct tuf_file f = { BUF_INIT(TUF_ROOT_MAX), NULL };

	if (tuf_fetch(t, "root", next, &f.bytes, e) == -1) {
		tuf_file_drop(&f);
		if (e->code != ERR_ABSENT)
			return -1;
		err_clear(e);
		return 0;
	}
	if (check_next(t, &f, e) == -1) {
		(void)err_wrap(e, "%llu.root.json", (unsigned long long)next);
		tuf_file_drop(&f);
		return -1;
	}
	/* On the disk before the next step: what was verified stays verified. */
	if (tuf_store(t->dir, "root", &f.bytes, e) == -1) {
		tuf_file_drop(&f);
		return -1;
	}
	t->root = tuf_keep(t, &f);
	return 1;
}

int
tuf_root_update(struct tuf *t, struct err *e)
{
	int rc = 1;

	for (int i = 0; rc == 1 && i < ROOTS_MAX; i++)
		rc = step(t, e);
	return rc == -1 ? -1 : 0;
}

static bool
shares_a_key(const struct jv *a, const struct jv *b)
{
	const struct jv *x = jv_get(tuf_role_entry(a, "root"), "keyids");
	const struct jv *y = jv_get(tuf_role_entry(b, "root"), "keyids");

	for (size_t i = 0; i < jv_count(x); i++)
		for (size_t k = 0; k < jv_count(y); k++)
			if (strcmp(jv_text(jv_at(x, i)), jv_text(jv_at(y, k))) == 0)
				return true;
	return false;
}

/* By the product where both have one, else by a root key in common. */
static bool
same_chain(const struct tuf_meta *a, const struct tuf_meta *b)
{
	const char *x = tuf_product_of(a->signed_part);
	const char *y = tuf_product_of(b->signed_part);

	if (x != NULL && y != NULL)
		return strcmp(x, y) == 0;
	return shares_a_key(a->signed_part, b->signed_part);
}

/* May `given` stand where `old` is trusted?  1 store it, 0 keep the old, -1. */
static int
choose(const struct tuf_meta *old, const struct tuf_meta *given, struct err *e)
{
	bool equal =
	    old->canonical.len == given->canonical.len &&
	    memcmp(old->canonical.data, given->canonical.data, old->canonical.len) == 0;

	if (equal)
		return 0;
	if (!same_chain(old, given) || old->version == given->version)
		return err_set(e, ERR_TRUST,
		    "root: another repository is trusted in this "
		    "folder; use a folder of its own, or empty this one first");
	return given->version > old->version ? 1 : 0;
}

static int
trust(int dir, const struct tuf_meta *given, const struct buf *bytes, struct err *e)
{
	struct tuf_file old;
	int rc = 1;

	if (read_root(dir, &old, e) == 0) {
		rc = choose(old.meta, given, e);
		tuf_file_drop(&old);
	} else if (e->code != ERR_ABSENT && e->code != ERR_FORMAT && e->code != ERR_TRUST)
		return -1;
	else
		err_clear(e); /* none, or a torn one: this is the cure */
	return rc == 1 ? tuf_store(dir, "root", bytes, e) : rc;
}

int
tuf_trust(int dir, const void *root, size_t n, struct err *e)
{
	struct tuf_file f = { BUF_INIT(TUF_ROOT_MAX), NULL };
	int lock = -1, rc = -1;

	if (buf_add(&f.bytes, root, n, e) == -1 ||
	    (f.meta = parse_alone(root, n, e)) == NULL) {
		(void)err_wrap(e, "root");
		goto out;
	}
	if ((lock = tuf_lock(dir, e)) == -1)
		goto out;
	rc = trust(dir, f.meta, &f.bytes, e);
out:
	if (lock != -1)
		(void)close(lock);
	tuf_file_drop(&f);
	return rc;
}
