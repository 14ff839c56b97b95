#include <string.h>

#include "manifest/base/hash.h"
#include "manifest/base/utc.h"

#include "manifest/tuf_meta.h"

#include "manifest/tuf_write.h"

#define SPEC_VERSION "1.0.34"

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "out of memory for metadata");
}

/* The members that a new part of this type has before anyone adds to it. */
static int
set_frame(struct jv *s, const char *type)
{
	if (strcmp(type, "root") == 0)
		return jv_set(s, "consistent_snapshot", jv_new_bool(true)) == -1 ||
			       jv_set(s, "keys", jv_new_object()) == -1
			   ? -1
			   : jv_set(s, "roles", jv_new_object());
	if (strcmp(type, "targets") == 0)
		return jv_set(s, "targets", jv_new_object());
	return jv_set(s, "meta", jv_new_object());
}

int
tuf_set_head(struct jv *s, const struct tuf_head *head, struct err *e)
{
	char expires[UTC_TEXT_MAX], signed_at[UTC_TEXT_MAX];

	if (head->version == 0 || head->version > INT64_MAX)
		return err_set(e, ERR_USAGE, "metadata version: not 1 to 2^63 - 1");
	if (head->signed_at >= head->expires)
		return err_set(
		    e, ERR_USAGE, "%s: would expire before it is signed", head->type);
	if (jv_set(s, "_type", jv_new_text(head->type)) == -1 ||
	    jv_set(s, "spec_version", jv_new_text(SPEC_VERSION)) == -1 ||
	    jv_set(s, "version", jv_new_int((int64_t)head->version)) == -1 ||
	    jv_set(s, "expires", jv_new_text(utc_text(expires, head->expires))) == -1 ||
	    jv_set(s, "x-signed", jv_new_text(utc_text(signed_at, head->signed_at))) ==
		-1)
		return no_memory(e);
	if (head->product != NULL &&
	    jv_set(s, "x-product", jv_new_text(head->product)) == -1)
		return no_memory(e);
	return 0;
}

struct jv *
tuf_new_signed(const struct tuf_head *head, struct err *e)
{
	struct jv *s = jv_new_object();

	if (s == NULL || set_frame(s, head->type) == -1) {
		(void)no_memory(e);
		jv_free(s);
		return NULL;
	}
	if (tuf_set_head(s, head, e) == 0)
		return s;
	jv_free(s);
	return NULL;
}

static int
set_hash(struct jv *object, const struct sha256 *id)
{
	char hex[SHA256_HEX_MAX];

	return jv_set(object, "hashes", jv_new_object()) == -1
		   ? -1
		   : jv_set(jv_get_mutable(object, "hashes"), "sha256",
			 jv_new_text(sha256_hex(id, hex)));
}

int
tuf_set_target(struct jv *targets, const char *path, uint64_t length,
    const struct sha256 *id, struct jv *custom, struct err *e)
{
	struct jv *one = jv_new_object();

	if (length > INT64_MAX) {
		jv_free(custom);
		jv_free(one);
		return err_set(e, ERR_FORMAT, "target %s: too long", path);
	}
	if ((custom != NULL && jv_set(one, "custom", custom) == -1) ||
	    set_hash(one, id) == -1 ||
	    jv_set(one, "length", jv_new_int((int64_t)length)) == -1) {
		jv_free(one);
		return no_memory(e);
	}
	if (jv_set(jv_get_mutable(targets, "targets"), path, one) == -1)
		return no_memory(e);
	return 0;
}

int
tuf_set_meta(struct jv *s, const char *name, uint64_t version, const void *file, size_t n,
    struct err *e)
{
	struct jv *one = jv_new_object();
	struct buf key = BUF_INIT(1024);
	struct sha256 id;
	int rc = -1;

	if (sha256_of(file, n, &id, e) == -1 || buf_addf(&key, e, "%s.json", name) == -1)
		goto out;
	if (set_hash(one, &id) == -1 ||
	    jv_set(one, "length", jv_new_int((int64_t)n)) == -1 ||
	    jv_set(one, "version", jv_new_int((int64_t)version)) == -1 ||
	    jv_set(jv_get_mutable(s, "meta"), buf_text(&key), jv_copy(one)) == -1)
		(void)no_memory(e);
	else
		rc = 0;
out:
	buf_free(&key);
	jv_free(one);
	return rc;
}

static int
add_signature(struct jv *list, const struct signer *signer, const struct buf *payload,
    struct err *e)
{
	struct jv *one = jv_new_object();
	struct buf sig = BUF_INIT(4096);
	char hex[SHA256_HEX_MAX];
	struct sha256 id;
	int rc = -1;

	if (signer_id(signer, &id, e) == -1 ||
	    signer_sign(signer, buf_text(payload), payload->len, &sig, e) == -1)
		goto out;
	if (jv_set(one, "keyid", jv_new_text(sha256_hex(&id, hex))) == -1 ||
	    jv_set(one, "sig", jv_new_text(buf_text(&sig))) == -1 ||
	    jv_push(list, jv_copy(one)) == -1)
		(void)no_memory(e);
	else
		rc = 0;
out:
	buf_free(&sig);
	jv_free(one);
	return rc;
}

struct jv *
tuf_new_file(const struct jv *signed_part, struct err *e)
{
	struct jv *file = jv_new_object();

	if (jv_set(file, "signatures", jv_new_list()) == 0 &&
	    jv_set(file, "signed", jv_copy(signed_part)) == 0)
		return file;
	(void)no_memory(e);
	jv_free(file);
	return NULL;
}

/* The signature by this key id in the file, NULL when there is none. */
static const char *
signature_by(const struct jv *file, const char *id)
{
	const struct jv *list = jv_get(file, "signatures");

	for (size_t i = 0; i < jv_count(list); i++) {
		const char *who = jv_text(jv_get(jv_at(list, i), "keyid"));

		if (who != NULL && strcmp(who, id) == 0)
			return jv_text(jv_get(jv_at(list, i), "sig"));
	}
	return NULL;
}

int
tuf_add_signatures(
    struct jv *file, struct signer *const *signers, size_t n, struct err *e)
{
	struct buf payload = BUF_INIT(TUF_TARGETS_MAX);
	char hex[SHA256_HEX_MAX];
	struct sha256 id;
	int rc = jv_canonical(jv_get(file, "signed"), &payload, e);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if ((rc = signer_id(signers[i], &id, e)) == 0 &&
		    signature_by(file, sha256_hex(&id, hex)) == NULL)
			rc = add_signature(jv_get_mutable(file, "signatures"), signers[i],
			    &payload, e);
	}
	buf_free(&payload);
	return rc;
}

/* Is this key's signature in the file good?  -1: the delegator is no good. */
static int
signed_well(const struct jv *keys, const char *id, const struct jv *file,
    const struct buf *payload, struct err *e)
{
	const char *sig = signature_by(file, id);
	const struct jv *object = jv_get(keys, id);
	struct key key;
	int good;

	if (sig == NULL || object == NULL)
		return 0;
	if (key_parse(object, id, &key, e) == -1)
		return -1;
	good = key_verifies(&key, buf_text(payload), payload->len, sig);
	key_clear(&key);
	return good;
}

int
tuf_good_signatures(const struct jv *delegator, const char *role, const struct jv *file,
    struct jv *ids, int64_t *threshold, struct err *e)
{
	const struct jv *entry = tuf_role_entry(delegator, role);
	const struct jv *keyids = jv_get(entry, "keyids");
	const struct jv *keys = jv_get(delegator, "keys");
	struct buf payload = BUF_INIT(TUF_TARGETS_MAX);
	int rc = jv_canonical(jv_get(file, "signed"), &payload, e);

	if (keys == NULL)
		keys = jv_get(jv_get(delegator, "delegations"), "keys");
	if (rc == 0)
		rc = jv_get_int(entry, "threshold", 1, INT32_MAX, threshold, e);
	for (size_t i = 0; rc == 0 && i < jv_count(keyids); i++) {
		const char *id = jv_text(jv_at(keyids, i));
		int good = id == NULL ? 0 : signed_well(keys, id, file, &payload, e);

		if (good == -1 || (good == 1 && jv_push(ids, jv_new_text(id)) == -1))
			rc = -1;
	}
	buf_free(&payload);
	return rc;
}

int
tuf_sign(const struct jv *signed_part, struct signer *const *signers, size_t n,
    struct buf *out, struct err *e)
{
	struct jv *file = tuf_new_file(signed_part, e);
	int rc = file == NULL ? -1 : tuf_add_signatures(file, signers, n, e);

	if (rc == 0)
		rc = jv_print_sorted(file, out, e);
	jv_free(file);
	return rc;
}

struct jv *
tuf_verify_file(const struct jv *delegator, const char *role, const void *file, size_t n,
    struct err *e)
{
	struct tuf_meta *m = tuf_meta_parse(file, n, e);
	struct jv *signed_part = NULL;

	if (m != NULL && delegator == NULL && tuf_meta_check(m, role, e) == -1)
		goto out;
	if (m != NULL &&
	    tuf_meta_verify(m, delegator == NULL ? m->signed_part : delegator, role, e) ==
		0 &&
	    tuf_meta_check(m, role, e) == 0) {
		signed_part = m->signed_part;
		m->signed_part = NULL;
	}
out:
	if (signed_part == NULL)
		(void)err_wrap(e, "%s", role);
	tuf_meta_free(m);
	return signed_part;
}
