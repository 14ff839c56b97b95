#include <string.h>

#include "manifest/base/bytes.h"

#include "manifest/tuf_listed.h"

enum { LISTED_NAME_MAX = 1024 };

const struct jv *
tuf_listed_in(const struct tuf_meta *m, const char *role)
{
	struct buf name = BUF_INIT(LISTED_NAME_MAX);
	const struct jv *listed = NULL;
	struct err e;

	if (buf_addf(&name, &e, "%s.json", role) == 0)
		listed = jv_get(jv_get(m->signed_part, "meta"), buf_text(&name));
	buf_free(&name);
	return listed;
}

uint64_t
tuf_listed_version(const struct jv *listed)
{
	int64_t version = 0;

	(void)jv_int(jv_get(listed, "version"), &version);
	return (uint64_t)version;
}

static int
check_hash(const char *name, const char *hex, const struct buf *bytes, struct err *e)
{
	bool is_256 = strcmp(name, "sha256") == 0;
	uint8_t want[SHA512_BYTES], got[SHA512_BYTES];
	size_t n = is_256 ? SHA256_BYTES : SHA512_BYTES;
	struct hash *h;
	int rc = -1;

	if (!is_256 && strcmp(name, "sha512") != 0)
		return err_set(
		    e, ERR_TRUST, "%.16s: a hash that this program cannot check", name);
	if (hex_decode(want, n, hex) == -1)
		return err_set(e, ERR_FORMAT, "a %s that is none", name);
	if ((h = hash_new(is_256 ? HASH_SHA256 : HASH_SHA512, e)) == NULL)
		return -1;
	if (hash_add(h, bytes->data, bytes->len, e) == 0 && hash_end(h, got, e) == 0)
		rc = memcmp(want, got, n) == 0
			 ? 0
			 : err_set(e, ERR_TRUST, "%s differs from what was signed", name);
	hash_free(h);
	return rc;
}

int
tuf_listed_check_bytes(const struct jv *listed, const struct buf *bytes, struct err *e)
{
	const struct jv *value;
	const char *name;
	int64_t length;
	void *it = NULL;

	if (jv_int(jv_get(listed, "length"), &length) == 0 &&
	    bytes->len != (uint64_t)length)
		return err_set(e, ERR_TRUST, "%zu bytes, and %lld were signed",
		    bytes->len, (long long)length);
	while (jv_each(jv_get(listed, "hashes"), &it, &name, &value))
		if (check_hash(name, jv_text(value), bytes, e) == -1)
			return -1;
	return 0;
}

int
tuf_listed_check_version(const struct jv *listed, const struct tuf_meta *m, struct err *e)
{
	if (m->version != tuf_listed_version(listed))
		return err_set(e, ERR_TRUST, "is version %llu, and %llu was signed",
		    (unsigned long long)m->version,
		    (unsigned long long)tuf_listed_version(listed));
	return 0;
}
