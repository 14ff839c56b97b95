#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"

#include "manifest/base/hash.h"

enum { READ_BYTES = 128 * 1024 };

struct hash {
	EVP_MD_CTX *ctx;
	const EVP_MD *md;
};

static int
start(struct hash *h, struct err *e)
{
	/* OpenSSL 3.0 trips over its own context where there was no memory to make it. */
	if (OSSL_LIB_CTX_get0_global_default() == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for digests");
	if (EVP_DigestInit_ex(h->ctx, h->md, NULL) != 1)
		return err_set(e, ERR_FAIL, "cannot start a digest");
	return 0;
}

struct hash *
hash_new(enum hash_kind kind, struct err *e)
{
	struct hash *h = calloc(1, sizeof *h);

	if (h == NULL || (h->ctx = EVP_MD_CTX_new()) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a digest");
		hash_free(h);
		return NULL;
	}
	h->md = kind == HASH_SHA512 ? EVP_sha512() : EVP_sha256();
	if (start(h, e) == -1) {
		hash_free(h);
		return NULL;
	}
	return h;
}

int
hash_add(struct hash *h, const void *data, size_t n, struct err *e)
{
	if (EVP_DigestUpdate(h->ctx, data, n) != 1)
		return err_set(e, ERR_FAIL, "cannot add to a digest");
	return 0;
}

int
hash_end(struct hash *h, uint8_t *out, struct err *e)
{
	if (EVP_DigestFinal_ex(h->ctx, out, NULL) != 1)
		return err_set(e, ERR_FAIL, "cannot end a digest");
	return start(h, e);
}

void
hash_free(struct hash *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

int
sha256_of(const void *data, size_t n, struct sha256 *out, struct err *e)
{
	if (EVP_Digest(data, n, out->bytes, NULL, EVP_sha256(), NULL) != 1)
		return err_set(e, ERR_FAIL, "cannot make a digest");
	return 0;
}

int
sha256_of_fd(int fd, struct sha256 *out, uint64_t *bytes, struct err *e)
{
	struct hash *h = NULL;
	uint8_t *block = NULL;
	uint64_t at = 0;
	ssize_t n;
	int rc = -1;

	if ((block = malloc(READ_BYTES)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if ((h = hash_new(HASH_SHA256, e)) == NULL)
		goto out;
	while ((n = pread(fd, block, READ_BYTES, (off_t)at)) > 0 ||
	    (n == -1 && errno == EINTR)) {
		if (n == -1)
			continue;
		if (hash_add(h, block, (size_t)n, e) == -1)
			goto out;
		at += (uint64_t)n;
	}
	if (n == -1) {
		(void)err_sys(e, "read");
		goto out;
	}
	if (bytes != NULL)
		*bytes = at;
	rc = hash_end(h, out->bytes, e);
out:
	hash_free(h);
	free(block);
	return rc;
}

bool
sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
	return memcmp(a->bytes, b->bytes, SHA256_BYTES) == 0;
}

const char *
sha256_hex(const struct sha256 *id, char out[static SHA256_HEX_MAX])
{
	hex_encode(out, id->bytes, SHA256_BYTES);
	return out;
}

int
sha256_parse(struct sha256 *id, const char *hex)
{
	return hex_decode(id->bytes, SHA256_BYTES, hex);
}
