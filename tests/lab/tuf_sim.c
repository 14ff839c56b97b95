#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/utc.h"
#include "manifest/tuf_names.h"

#include "tests/lab/tuf_sim.h"

enum { FILE_MAX = 1 << 20 };

/* Run something that must not fail. */
static void
must(int rc, const struct err *e)
{
	if (rc == -1)
		fail_msg("simulator: %s", e->text);
}

struct sim_file *
sim_file(struct tuf_sim *s, const char *name)
{
	for (struct sim_file *f = s->files; f != NULL; f = f->next)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

void
sim_put(struct tuf_sim *s, const char *name, const void *bytes, size_t n)
{
	struct sim_file *f = sim_file(s, name);
	struct err e = ERR_INIT;

	if (f == NULL) {
		f = calloc(1, sizeof *f);
		assert_non_null(f);
		f->name = strdup(name);
		buf_init(&f->bytes, FILE_MAX);
		f->next = s->files;
		s->files = f;
	}
	buf_reset(&f->bytes);
	must(buf_add(&f->bytes, bytes, n, &e), &e);
}

static void
free_file(struct sim_file *f)
{
	free(f->name);
	buf_free(&f->bytes);
	free(f);
}

void
sim_remove(struct tuf_sim *s, const char *name)
{
	for (struct sim_file **at = &s->files; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->name, name) == 0) {
			struct sim_file *gone = *at;

			*at = gone->next;
			free_file(gone);
			return;
		}
}

static int
never_end(struct buf *out, struct err *e)
{
	int rc;

	while ((rc = buf_add_text(out, "[[[[[[[[[[[[[[[[", e)) == 0)
		;
	return rc;
}

static int
get(void *arg, const char *name, struct buf *out, struct err *e)
{
	struct tuf_sim *s = arg;
	const struct sim_file *f = sim_file(s, name);

	if (buf_addf(&s->asked, e, "%s ", name) == -1)
		return -1;
	if (strcmp(s->endless, name) == 0)
		return never_end(out, e);
	if (strcmp(s->fail_name, name) == 0)
		return err_set(e, s->fail_code, "the host said no");
	if (f == NULL)
		return err_set(e, ERR_ABSENT, "404");
	return buf_add(out, f->bytes.data, f->bytes.len, e);
}

struct tuf_source
sim_source(struct tuf_sim *s)
{
	struct tuf_source source = { s, get };

	return source;
}

struct sim_role *
sim_role(struct tuf_sim *s, const char *role)
{
	for (size_t i = 0; i < s->n_roles; i++)
		if (strcmp(s->roles[i].name, role) == 0)
			return &s->roles[i];
	return NULL;
}

struct jv *
sim_part(struct tuf_sim *s, const char *role)
{
	struct sim_role *r = sim_role(s, role);

	assert_non_null(r);
	return r->part;
}

void
sim_set_version(struct tuf_sim *s, const char *role, int64_t version)
{
	assert_int_equal(jv_set(sim_part(s, role), "version", jv_new_int(version)), 0);
}

static int64_t
version_of(struct tuf_sim *s, const char *role)
{
	int64_t version = 0;

	(void)jv_int(jv_get(sim_part(s, role), "version"), &version);
	return version;
}

void
sim_bump(struct tuf_sim *s, const char *role)
{
	sim_set_version(s, role, version_of(s, role) + 1);
}

void
sim_set_expires(struct tuf_sim *s, const char *role, int64_t seconds)
{
	char text[UTC_TEXT_MAX];

	assert_int_equal(
	    jv_set(sim_part(s, role), "expires", jv_new_text(utc_text(text, seconds))),
	    0);
}

static void
add_role(struct tuf_sim *s, const char *name, const char *type, unsigned signers)
{
	struct tuf_head head = { type, 1, s->now + 30 * SIM_DAY, s->now - SIM_DAY,
		s->product };
	struct sim_role *r = &s->roles[s->n_roles++];
	struct err e = ERR_INIT;

	assert_true(s->n_roles <= SIM_ROLES);
	(void)snprintf(r->name, sizeof r->name, "%s", name);
	r->signers = signers;
	r->part = tuf_new_signed(&head, &e);
	if (r->part == NULL)
		fail_msg("simulator: %s", e.text);
}

static size_t
keys_of(struct tuf_sim *s, unsigned mask, struct jv **out)
{
	size_t n = 0;

	for (unsigned i = 0; i < SIM_KEYS; i++)
		if ((mask & SIM_KEY(i)) != 0)
			out[n++] = s->publics[i];
	return n;
}

void
sim_root_keys(struct tuf_sim *s, const char *role, unsigned mask, unsigned threshold)
{
	struct jv *keys[SIM_KEYS];
	size_t n = keys_of(s, mask, keys);
	struct err e = ERR_INIT;

	must(tuf_root_role(sim_part(s, "root"), role, keys, n, threshold, &e), &e);
}

void
sim_delegate(struct tuf_sim *s, const char *from, const char *role, const char *pattern,
    unsigned mask)
{
	const char *const paths[] = { pattern, NULL };
	struct jv *keys[SIM_KEYS];
	size_t n = keys_of(s, mask, keys);
	struct err e = ERR_INIT;

	must(tuf_delegate(sim_part(s, from), role, paths, keys, n, 1, &e), &e);
	if (sim_role(s, role) == NULL)
		add_role(s, role, "targets", mask);
}

/* Parts belong to the simulator, and so does what is in them. */
static struct jv *mutable(const struct jv *v)
{
	union {
		const struct jv *in;
		struct jv *out;
	} same = { v };

	return same.out;
}

struct jv *
sim_delegation(struct tuf_sim *s, const char *from, const char *role)
{
	const struct jv *list = jv_get(jv_get(sim_part(s, from), "delegations"), "roles");

	for (size_t i = 0; i < jv_count(list); i++) {
		const struct jv *one = jv_at(list, i);

		if (strcmp(jv_text(jv_get(one, "name")), role) == 0)
			return mutable(one);
	}
	fail_msg("simulator: %s does not delegate to %s", from, role);
	return NULL;
}

void
sim_target(struct tuf_sim *s, const char *role, const char *path, const char *content)
{
	struct sha256 id;
	struct err e = ERR_INIT;

	must(sha256_of(content, strlen(content), &id, &e), &e);
	must(tuf_set_target(sim_part(s, role), path, strlen(content), &id, NULL, &e), &e);
}

static void
sign(struct tuf_sim *s, const struct sim_role *r, struct buf *out)
{
	struct signer *signers[SIM_KEYS];
	struct err e = ERR_INIT;
	size_t n = 0;

	for (unsigned i = 0; i < SIM_KEYS; i++)
		if ((r->signers & SIM_KEY(i)) != 0)
			signers[n++] = s->keys[i];
	must(tuf_sign(r->part, signers, n, out, &e), &e);
}

void
sim_sign_as(struct tuf_sim *s, const char *role, const char *name)
{
	struct buf out = BUF_INIT(FILE_MAX);

	sign(s, sim_role(s, role), &out);
	sim_put(s, name, out.data, out.len);
	buf_free(&out);
}

/* Sign a part, store it under its name, and list it in `lister` (may be NULL). */
static void
publish(struct tuf_sim *s, const char *role, const char *lister)
{
	bool versioned = strcmp(role, "timestamp") != 0 &&
			 (!s->inconsistent || strcmp(role, "root") == 0);
	uint64_t version = (uint64_t)version_of(s, role);
	struct buf name = BUF_INIT(1000), key = BUF_INIT(1000);
	struct err e = ERR_INIT;
	struct jv *listed;

	must(tuf_role_file(role, versioned ? version : 0, &name, &e), &e);
	sim_sign_as(s, role, buf_text(&name));
	if (lister != NULL) {
		const struct sim_file *f = sim_file(s, buf_text(&name));

		must(tuf_set_meta(sim_part(s, lister), role, version, f->bytes.data,
			 f->bytes.len, &e),
		    &e);
		must(buf_addf(&key, &e, "%s.json", role), &e);
		listed = jv_get_mutable(
		    jv_get_mutable(sim_part(s, lister), "meta"), buf_text(&key));
		if (s->bare) {
			(void)jv_remove(listed, "length");
			(void)jv_remove(listed, "hashes");
		}
	}
	buf_free(&name);
	buf_free(&key);
}

void
sim_publish(struct tuf_sim *s)
{
	assert_int_equal(jv_set(sim_part(s, "root"), "consistent_snapshot",
			     jv_new_bool(!s->inconsistent)),
	    0);
	assert_int_equal(jv_set(sim_part(s, "snapshot"), "meta", jv_new_object()), 0);
	publish(s, "root", NULL);
	publish(s, "targets", "snapshot");
	for (size_t i = 4; i < s->n_roles; i++)
		publish(s, s->roles[i].name, "snapshot");
	publish(s, "snapshot", "timestamp");
	publish(s, "timestamp", NULL);
}

void
sim_release(struct tuf_sim *s)
{
	for (size_t i = 1; i < s->n_roles; i++)
		sim_bump(s, s->roles[i].name);
	sim_publish(s);
}

struct tuf_sim *
sim_new(const char *product)
{
	return sim_new_at(product, SIM_NOW);
}

struct tuf_sim *
sim_new_at(const char *product, int64_t now)
{
	struct tuf_sim *s = calloc(1, sizeof *s);
	struct err e = ERR_INIT;

	assert_non_null(s);
	s->now = now;
	s->product = product;
	buf_init(&s->asked, FILE_MAX);
	for (int i = 0; i < SIM_KEYS; i++) {
		s->keys[i] = signer_new(i == K_P256 ? KEY_ECDSA_P256 : KEY_ED25519, &e);
		assert_non_null(s->keys[i]);
		s->publics[i] = signer_public(s->keys[i], &e);
		assert_non_null(s->publics[i]);
	}
	add_role(s, "root", "root", SIM_KEY(K_ROOT));
	add_role(s, "targets", "targets", SIM_KEY(K_TARGETS));
	add_role(s, "snapshot", "snapshot", SIM_KEY(K_ONLINE));
	add_role(s, "timestamp", "timestamp", SIM_KEY(K_ONLINE));
	for (size_t i = 0; i < 4; i++)
		sim_root_keys(s, s->roles[i].name, s->roles[i].signers, 1);
	sim_publish(s);
	return s;
}

void
sim_free(struct tuf_sim *s)
{
	if (s == NULL)
		return;
	while (s->files != NULL) {
		struct sim_file *f = s->files;

		s->files = f->next;
		free_file(f);
	}
	for (size_t i = 0; i < s->n_roles; i++)
		jv_free(s->roles[i].part);
	for (int i = 0; i < SIM_KEYS; i++) {
		signer_free(s->keys[i]);
		jv_free(s->publics[i]);
	}
	buf_free(&s->asked);
	free(s);
}
