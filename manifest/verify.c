/*
 * The doorway to OpenSSL's public keys.  Nothing here trusts its input: a key or
 * signature with any defect simply does not verify.
 */
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "manifest/key.h"

enum {
	ED25519_PUBLIC_BYTES = 32,
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8192,
	SIG_BYTES_MAX = RSA_BITS_MAX / 8,
	SIG_DIGITS_MAX = 2 * SIG_BYTES_MAX
};

static const char pem_start[] = "-----BEGIN PUBLIC KEY-----";

/* An encrypted "public key" would make the library ask the terminal. */
static int
no_passphrase(char *out, int max, int writing, void *arg)
{
	(void)out;
	(void)max;
	(void)writing;
	(void)arg;
	return -1;
}

static EVP_PKEY *
load_pem(const char *text)
{
	EVP_PKEY *pkey;
	BIO *bio;

	if (strncmp(text, pem_start, sizeof pem_start - 1) != 0)
		return NULL;
	if ((bio = BIO_new_mem_buf(text, -1)) == NULL)
		return NULL;
	pkey = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
	(void)BIO_free(bio);
	return pkey;
}

static EVP_PKEY *
load_ed25519(const char *text)
{
	uint8_t raw[ED25519_PUBLIC_BYTES];

	if (hex_decode(raw, sizeof raw, text) == -1)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof raw);
}

static bool
is_p256(const EVP_PKEY *pkey)
{
	char group[32];
	size_t n;

	return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(pkey, group, sizeof group, &n) == 1 &&
	       (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

static bool
is_rsa(const EVP_PKEY *pkey)
{
	int bits = EVP_PKEY_get_bits(pkey);

	return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA && bits >= RSA_BITS_MIN &&
	       bits <= RSA_BITS_MAX;
}

/* The key in OpenSSL's form, and really of the kind its scheme says; or NULL. */
static EVP_PKEY *
load(const struct key *key)
{
	EVP_PKEY *pkey = NULL;
	bool fits = false;

	switch (key->scheme) {
	case KEY_ED25519:
		pkey = load_ed25519(key->public_text);
		fits = pkey != NULL;
		break;
	case KEY_ECDSA_P256:
		pkey = load_pem(key->public_text);
		fits = pkey != NULL && is_p256(pkey);
		break;
	case KEY_RSA_PSS:
		pkey = load_pem(key->public_text);
		fits = pkey != NULL && is_rsa(pkey);
		break;
	case KEY_UNKNOWN:
		break;
	}
	if (fits)
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

/* Signers use a salt of 32 bytes or the longest: the signature tells which. */
static bool
set_pss(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_AUTO) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

static bool
verify(EVP_PKEY *pkey, enum key_scheme scheme, const uint8_t *sig, size_t sig_n,
    const void *data, size_t n)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL; /* belongs to md */
	bool good;

	good = md != NULL &&
	       EVP_DigestVerifyInit(md, &ctx, scheme == KEY_ED25519 ? NULL : EVP_sha256(),
		   NULL, pkey) == 1 &&
	       (scheme != KEY_RSA_PSS || set_pss(ctx)) &&
	       EVP_DigestVerify(md, sig, sig_n, data, n) == 1;
	EVP_MD_CTX_free(md);
	return good;
}

bool
key_verifies(const struct key *key, const void *data, size_t n, const char *sig)
{
	size_t digits = strnlen(sig, (size_t)SIG_DIGITS_MAX + 1);
	uint8_t bytes[SIG_BYTES_MAX];
	EVP_PKEY *pkey;
	bool good;

	if (digits == 0 || digits % 2 != 0 || digits > SIG_DIGITS_MAX ||
	    hex_decode(bytes, digits / 2, sig) == -1)
		return false;
	if ((pkey = load(key)) == NULL) {
		ERR_clear_error();
		return false;
	}
	good = verify(pkey, key->scheme, bytes, digits / 2, data, n);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return good;
}

bool
key_same(const struct key *a, const struct key *b)
{
	EVP_PKEY *x, *y;
	bool same;

	if (a->scheme != b->scheme || a->scheme == KEY_UNKNOWN)
		return sha256_equal(&a->id, &b->id);
	if (strcmp(a->public_text, b->public_text) == 0)
		return true;
	x = load(a);
	y = load(b);
	same = x != NULL && y != NULL && EVP_PKEY_eq(x, y) == 1;
	EVP_PKEY_free(x);
	EVP_PKEY_free(y);
	ERR_clear_error();
	return same;
}
