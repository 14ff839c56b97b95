/*
 * Targets as a role lists them, and their names on the host.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"

#include "manifest/tuf_client.h"

static int
read_hash(struct tuf_target *out, const char *name, const char *hex, struct err *e)
{
	if (strcmp(name, "sha256") == 0 && hex != NULL) {
		out->has_sha256 = true;
		if (sha256_parse(&out->sha256, hex) == 0)
			return 0;
	} else if (strcmp(name, "sha512") == 0 && hex != NULL) {
		out->has_sha512 = true;
		if (hex_decode(out->sha512, SHA512_BYTES, hex) == 0)
			return 0;
	} else
		return err_set(
		    e, ERR_FORMAT, "%.16s: a hash that this program cannot check", name);
	return err_set(e, ERR_FORMAT, "a %s that is none", name);
}

static int
read_target(
    const char *path, const struct jv *object, struct tuf_target *out, struct err *e)
{
	const struct jv *hashes = jv_get_kind(object, "hashes", JV_OBJECT, e);
	const struct jv *custom = jv_get(object, "custom"), *value;
	const char *name;
	void *it = NULL;

	memset(out, 0, sizeof *out);
	out->path = path;
	out->custom = jv_kind(custom) == JV_OBJECT ? custom : NULL;
	if (hashes == NULL || jv_get_u64(object, "length", &out->length, e) == -1)
		return err_wrap(e, "target %.200s", path);
	while (jv_each(hashes, &it, &name, &value))
		if (read_hash(out, name, jv_text(value), e) == -1)
			return err_wrap(e, "target %.200s", path);
	if (!out->has_sha256 && !out->has_sha512)
		return err_set(e, ERR_FORMAT, "target %.200s: without a hash", path);
	return 0;
}

int
tuf_role_target(
    const struct jv *signed_part, const char *path, struct tuf_target *out, struct err *e)
{
	const struct jv *targets = jv_get(signed_part, "targets");
	const struct jv *object = jv_get(targets, path);

	if (object == NULL)
		return 0;
	return read_target(jv_key(targets, path), object, out, e) == -1 ? -1 : 1;
}

int
tuf_role_each(
    const struct jv *signed_part, void **it, struct tuf_target *out, struct err *e)
{
	const struct jv *object;
	const char *path;

	if (!jv_each(jv_get(signed_part, "targets"), it, &path, &object))
		return 0;
	return read_target(path, object, out, e) == -1 ? -1 : 1;
}

/* fd from its start into the hash, at most `limit` bytes and one more. */
static int
hash_fd(struct hash *h, int fd, uint64_t limit, uint64_t *bytes, struct err *e)
{
	uint8_t block[16384];
	ssize_t n;

	*bytes = 0;
	while (*bytes <= limit) {
		n = pread(fd, block, sizeof block, (off_t)*bytes);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(e, "read");
		if (n == 0)
			return 0;
		if (hash_add(h, block, (size_t)n, e) == -1)
			return -1;
		*bytes += (uint64_t)n;
	}
	return 0;
}

static int
check_one(const struct tuf_target *t, enum hash_kind kind, int fd, struct err *e)
{
	const uint8_t *want = kind == HASH_SHA256 ? t->sha256.bytes : t->sha512;
	size_t n = kind == HASH_SHA256 ? SHA256_BYTES : SHA512_BYTES;
	struct hash *h = hash_new(kind, e);
	uint8_t got[SHA512_BYTES];
	uint64_t bytes;
	int rc = -1;

	if (h == NULL)
		return -1;
	if (hash_fd(h, fd, t->length, &bytes, e) == -1 || hash_end(h, got, e) == -1)
		goto out;
	if (bytes != t->length)
		(void)err_set(e, ERR_TRUST, "is not of %" PRIu64 " bytes", t->length);
	else if (memcmp(want, got, n) != 0)
		(void)err_set(e, ERR_TRUST, "%s differs from what was signed",
		    kind == HASH_SHA256 ? "sha256" : "sha512");
	else
		rc = 0;
out:
	hash_free(h);
	return rc;
}

int
tuf_target_check(const struct tuf_target *t, int fd, struct err *e)
{
	int rc = 0;

	if (!t->has_sha256 && !t->has_sha512)
		rc = err_set(e, ERR_TRUST, "without a hash");
	if (rc == 0 && t->has_sha256)
		rc = check_one(t, HASH_SHA256, fd, e);
	if (rc == 0 && t->has_sha512)
		rc = check_one(t, HASH_SHA512, fd, e);
	return rc == -1 ? err_wrap(e, "target %.200s", t->path) : 0;
}

int
tuf_target_url(
    const struct tuf *t, const struct tuf_target *target, struct buf *out, struct err *e)
{
	const char *slash = strrchr(target->path, '/');
	size_t dir = slash == NULL ? 0 : (size_t)(slash - target->path) + 1;
	char hex[2 * SHA512_BYTES + 1];

	if (tuf_target_name_check(target->path, e) == -1)
		return -1;
	if (!tuf_consistent(t))
		return buf_add_text(out, target->path, e);
	if (target->has_sha256)
		hex_encode(hex, target->sha256.bytes, SHA256_BYTES);
	else
		hex_encode(hex, target->sha512, SHA512_BYTES);
	if (buf_add(out, target->path, dir, e) == -1)
		return -1;
	return buf_addf(out, e, "%s.%s", hex, target->path + dir);
}
