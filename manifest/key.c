#include <stdlib.h>
#include <string.h>

#include "manifest/key.h"

/* An RSA key of 8192 bits is some 1.5 kB of PEM. */
enum { PUBLIC_TEXT_MAX = 8192, KEY_OBJECT_MAX = 64 * 1024 };

/* The names of TUF 1.0; the first of a scheme is the one we write. */
static const struct {
	const char *keytype, *scheme;
	enum key_scheme means;
} names[] = {
	{ "ed25519", "ed25519", KEY_ED25519 },
	{ "ecdsa", "ecdsa-sha2-nistp256", KEY_ECDSA_P256 },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", KEY_ECDSA_P256 },
	{ "rsa", "rsassa-pss-sha256", KEY_RSA_PSS },
};

enum { N_NAMES = sizeof names / sizeof names[0] };

static enum key_scheme
scheme_of(const char *keytype, const char *scheme)
{
	for (size_t i = 0; i < N_NAMES; i++)
		if (strcmp(keytype, names[i].keytype) == 0 &&
		    strcmp(scheme, names[i].scheme) == 0)
			return names[i].means;
	return KEY_UNKNOWN;
}

int
key_id_of(const struct jv *object, struct sha256 *id, struct err *e)
{
	struct buf text = BUF_INIT(KEY_OBJECT_MAX);
	int rc = jv_canonical(object, &text, e);

	if (rc == 0)
		rc = sha256_of(buf_text(&text), text.len, id, e);
	buf_free(&text);
	return rc;
}

/* The members that TUF knows: what some writers add later leaves a key its id. */
static struct jv *
known_members(const struct jv *object)
{
	static const char *const members[] = { "keytype", "keyval", "scheme" };
	struct jv *known = jv_new_object();

	for (size_t i = 0; i < 3; i++) {
		const struct jv *value = jv_get(object, members[i]);

		if (value != NULL)
			(void)jv_set(known, members[i], jv_copy(value));
	}
	return known;
}

static int
check_id(const struct jv *object, const char *id, struct key *key, struct err *e)
{
	struct jv *known = NULL;
	char hex[SHA256_HEX_MAX];
	int rc;

	while ((rc = key_id_of(known != NULL ? known : object, &key->id, e)) == 0 &&
	       strcmp(sha256_hex(&key->id, hex), id) != 0) {
		if (known != NULL || (known = known_members(object)) == NULL) {
			rc = err_set(e, ERR_TRUST,
			    "key %.64s: the id is not the hash of the key, which is %s",
			    id, hex);
			break;
		}
	}
	jv_free(known);
	return rc;
}

int
key_parse(const struct jv *object, const char *id, struct key *key, struct err *e)
{
	const char *keytype, *scheme, *text;
	const struct jv *keyval;

	memset(key, 0, sizeof *key);
	if (check_id(object, id, key, e) == -1)
		return -1;
	if ((keytype = jv_get_text(object, "keytype", e)) == NULL ||
	    (scheme = jv_get_text(object, "scheme", e)) == NULL ||
	    (keyval = jv_get_kind(object, "keyval", JV_OBJECT, e)) == NULL)
		return err_wrap(e, "key %.64s", id);
	key->scheme = scheme_of(keytype, scheme);
	if (key->scheme == KEY_UNKNOWN)
		return 0;
	if ((text = jv_get_text(keyval, "public", e)) == NULL)
		return err_wrap(e, "key %.64s", id);
	if (strlen(text) > PUBLIC_TEXT_MAX)
		return err_set(
		    e, ERR_FORMAT, "key %.64s: over %d bytes", id, PUBLIC_TEXT_MAX);
	if ((key->public_text = strdup(text)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a key");
	return 0;
}

void
key_clear(struct key *key)
{
	free(key->public_text);
	memset(key, 0, sizeof *key);
}

struct jv *
key_to_json(enum key_scheme scheme, const char *public_text, struct err *e)
{
	struct jv *object = jv_new_object(), *keyval = jv_new_object();
	size_t i = 0;

	while (i < N_NAMES && names[i].means != scheme)
		i++;
	if (i == N_NAMES) {
		(void)err_set(e, ERR_FAIL, "a key of an unknown kind");
		goto fail;
	}
	if (jv_set(keyval, "public", jv_new_text(public_text)) == 0 &&
	    jv_set(object, "keytype", jv_new_text(names[i].keytype)) == 0 &&
	    jv_set(object, "scheme", jv_new_text(names[i].scheme)) == 0 &&
	    jv_set(object, "keyval", jv_copy(keyval)) == 0) {
		jv_free(keyval);
		return object;
	}
	(void)err_set(e, ERR_NOMEM, "out of memory for a key");
fail:
	jv_free(keyval);
	jv_free(object);
	return NULL;
}
