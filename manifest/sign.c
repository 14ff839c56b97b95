/*
 * The doorway to OpenSSL's private keys.
 */
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"

#include "manifest/sign.h"

/* scrypt (RFC 7914): 16 MiB of memory, some tenths of a second a guess. */
enum { SCRYPT_N = 16384, SCRYPT_R = 8, SCRYPT_P = 4 };
enum {
	SIG_BYTES_MAX = 1024,
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8192,
	ED25519_PUBLIC_BYTES = 32,
	PEM_MAX = 64 * 1024
};

struct signer {
	EVP_PKEY *pkey; /* with `outside` the public half alone */
	enum key_scheme scheme;
	bool outside;
	signer_ask *ask;
	void *arg;
};

/* The library's reason, without its numbers and file names. */
static int
fail(struct err *e, enum err_code code, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	(void)err_set(e, code, "%s: %s", what, why == NULL ? "no reason given" : why);
	ERR_clear_error();
	return -1;
}

static enum key_scheme
scheme_of(const EVP_PKEY *pkey)
{
	int bits = EVP_PKEY_get_bits(pkey);
	char group[32];
	size_t n;

	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_ED25519:
		return KEY_ED25519;
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(pkey, group, sizeof group, &n) == 1 &&
		    strcmp(group, "prime256v1") == 0)
			return KEY_ECDSA_P256;
		return KEY_UNKNOWN;
	case EVP_PKEY_RSA:
		return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX ? KEY_RSA_PSS
								    : KEY_UNKNOWN;
	default:
		return KEY_UNKNOWN;
	}
}

/* Takes pkey, also on failure. */
static struct signer *
wrap(EVP_PKEY *pkey, struct err *e)
{
	struct signer *s = calloc(1, sizeof *s);

	if (s == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a key");
		EVP_PKEY_free(pkey);
		return NULL;
	}
	s->pkey = pkey;
	s->scheme = scheme_of(pkey);
	if (s->scheme != KEY_UNKNOWN)
		return s;
	(void)err_set(e, ERR_USAGE,
	    "private key: neither Ed25519, nor P-256, nor RSA of 2048 to 8192 bits");
	signer_free(s);
	return NULL;
}

struct signer *
signer_new(enum key_scheme scheme, struct err *e)
{
	EVP_PKEY *pkey = NULL;

	if (scheme == KEY_ED25519)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (scheme == KEY_ECDSA_P256)
		pkey = EVP_EC_gen("P-256");
	if (pkey != NULL)
		return wrap(pkey, e);
	(void)fail(e, ERR_FAIL, "cannot make a key");
	return NULL;
}

struct passphrase {
	const char *text;
	bool asked;
};

static int
give_passphrase(char *out, int max, int writing, void *arg)
{
	struct passphrase *p = arg;
	size_t n;

	(void)writing;
	p->asked = true;
	if (p->text == NULL || (n = strlen(p->text)) > (size_t)max)
		return -1;
	memcpy(out, p->text, n);
	return (int)n;
}

struct signer *
signer_from_pem(const void *pem, size_t n, const char *passphrase, struct err *e)
{
	struct passphrase pass = { passphrase, false };
	EVP_PKEY *pkey;
	BIO *bio;

	if (n > PEM_MAX) {
		(void)err_set(e, ERR_USAGE, "private key: over %d bytes", PEM_MAX);
		return NULL;
	}
	if ((bio = BIO_new_mem_buf(pem, (int)n)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a key");
		return NULL;
	}
	pkey = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &pass);
	(void)BIO_free(bio);
	ERR_clear_error();
	if (pkey != NULL)
		return wrap(pkey, e);
	if (pass.asked && passphrase == NULL)
		(void)err_set(
		    e, ERR_USAGE, "private key: encrypted, and no passphrase was given");
	else if (pass.asked)
		(void)err_set(e, ERR_USAGE, "private key: wrong passphrase, or damaged");
	else
		(void)err_set(e, ERR_USAGE, "private key: not a PEM private key");
	return NULL;
}

struct signer *
signer_from_public(
    const void *pem, size_t n, signer_ask *ask, void *arg, struct err *e)
{
	struct passphrase none = { NULL, false };
	EVP_PKEY *pkey = NULL;
	struct signer *s;
	BIO *bio = n > PEM_MAX ? NULL : BIO_new_mem_buf(pem, (int)n);

	if (bio != NULL)
		pkey = PEM_read_bio_PUBKEY(bio, NULL, give_passphrase, &none);
	(void)BIO_free(bio);
	ERR_clear_error();
	if (pkey == NULL) {
		(void)err_set(e, ERR_USAGE, "public key: not PEM (BEGIN PUBLIC KEY)");
		return NULL;
	}
	if ((s = wrap(pkey, e)) != NULL) {
		s->outside = true;
		s->ask = ask;
		s->arg = arg;
	}
	return s;
}

/* The first private key that the store names.  Takes nothing but what it returns. */
static EVP_PKEY *
first_key(OSSL_STORE_CTX *store)
{
	EVP_PKEY *pkey = NULL;

	while (pkey == NULL && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (info != NULL &&
		    OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			pkey = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
		if (info == NULL && OSSL_STORE_error(store))
			break;
	}
	return pkey;
}

struct signer *
signer_from_store(const char *uri, const char *passphrase, struct err *e)
{
	struct passphrase pass = { passphrase, false };
	UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_passphrase, 0);
	OSSL_STORE_CTX *store = NULL;
	EVP_PKEY *pkey = NULL;

	if (ui != NULL && (store = OSSL_STORE_open(uri, ui, &pass, NULL, NULL)) != NULL) {
		(void)OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
		pkey = first_key(store);
	}
	if (pkey == NULL && pass.asked && passphrase == NULL)
		(void)err_set(
		    e, ERR_USAGE, "store: wants a passphrase, and none was given");
	else if (pkey == NULL)
		(void)fail(e, ERR_USAGE, "store: no private key");
	(void)OSSL_STORE_close(store);
	UI_destroy_method(ui);
	ERR_clear_error();
	return pkey == NULL ? NULL : wrap(pkey, e);
}

/* What bio holds goes to out; the library wipes its own copy. */
static int
drain(BIO *bio, struct buf *out, struct err *e)
{
	char *text;
	long n = BIO_get_mem_data(bio, &text);

	if (n <= 0)
		return fail(e, ERR_FAIL, "cannot write a key");
	return buf_add(out, text, (size_t)n, e);
}

static bool
write_encrypted(BIO *bio, const EVP_PKEY *pkey, const char *passphrase)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(pkey);
	X509_ALGOR *how = PKCS5_pbe2_set_scrypt(
	    EVP_aes_256_cbc(), NULL, 0, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P);
	X509_SIG *sealed = NULL;
	bool good = false;

	if (plain != NULL && how != NULL)
		sealed = PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), plain, how);
	if (sealed != NULL) {
		how = NULL; /* sealed owns it now */
		good = PEM_write_bio_PKCS8(bio, sealed) == 1;
	}
	X509_SIG_free(sealed);
	X509_ALGOR_free(how);
	PKCS8_PRIV_KEY_INFO_free(plain);
	return good;
}

int
signer_to_pem(
    const struct signer *s, const char *passphrase, struct buf *out, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool good;
	int rc;

	if (bio == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a key");
	if (s->outside) {
		(void)BIO_free(bio);
		return err_set(e, ERR_FAIL, "private key: is not here");
	}
	if (passphrase != NULL)
		good = write_encrypted(bio, s->pkey, passphrase);
	else
		good = PEM_write_bio_PKCS8PrivateKey(
			   bio, s->pkey, NULL, NULL, 0, NULL, NULL) == 1;
	rc = good ? drain(bio, out, e) : fail(e, ERR_FAIL, "cannot write a key");
	(void)BIO_free(bio);
	return rc;
}

void
signer_free(struct signer *s)
{
	if (s == NULL)
		return;
	EVP_PKEY_free(s->pkey);
	free(s);
}

/* 64 hex digits or PEM, as key.h says. */
static int
public_text(const struct signer *s, struct buf *out, struct err *e)
{
	uint8_t raw[ED25519_PUBLIC_BYTES];
	char hex[2 * ED25519_PUBLIC_BYTES + 1];
	size_t n = sizeof raw;

	if (s->scheme != KEY_ED25519)
		return signer_public_pem(s, out, e);
	if (EVP_PKEY_get_raw_public_key(s->pkey, raw, &n) != 1)
		return fail(e, ERR_FAIL, "public key");
	hex_encode(hex, raw, n);
	return buf_add_text(out, hex, e);
}

int
signer_public_pem(const struct signer *s, struct buf *out, struct err *e)
{
	BIO *bio;
	int rc = -1;

	if ((bio = BIO_new(BIO_s_mem())) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for a key");
	if (PEM_write_bio_PUBKEY(bio, s->pkey) == 1)
		rc = drain(bio, out, e);
	else
		(void)fail(e, ERR_FAIL, "public key");
	(void)BIO_free(bio);
	return rc;
}

struct jv *
signer_public(const struct signer *s, struct err *e)
{
	struct buf text = BUF_INIT(PEM_MAX);
	struct jv *object = NULL;

	if (public_text(s, &text, e) == 0)
		object = key_to_json(s->scheme, buf_text(&text), e);
	buf_free(&text);
	return object;
}

int
signer_id(const struct signer *s, struct sha256 *id, struct err *e)
{
	struct jv *object = signer_public(s, e);
	int rc;

	if (object == NULL)
		return -1;
	rc = key_id_of(object, id, e);
	jv_free(object);
	return rc;
}

static bool
set_pss(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

static int
sign_here(const struct signer *s, const void *data, size_t n, struct buf *hex_out,
    struct err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL; /* belongs to md */
	uint8_t sig[SIG_BYTES_MAX];
	char hex[2 * SIG_BYTES_MAX + 1];
	size_t sig_n = sizeof sig;
	bool good;

	good = md != NULL &&
	       EVP_DigestSignInit(md, &ctx,
		   s->scheme == KEY_ED25519 ? NULL : EVP_sha256(), NULL, s->pkey) == 1 &&
	       (s->scheme != KEY_RSA_PSS || set_pss(ctx)) &&
	       EVP_DigestSign(md, sig, &sig_n, data, n) == 1;
	EVP_MD_CTX_free(md);
	if (!good)
		return fail(e, ERR_FAIL, "cannot sign");
	hex_encode(hex, sig, sig_n);
	return buf_add_text(hex_out, hex, e);
}

/* Base64 of any line length; the bytes it stands for, 0 when it is none. */
static size_t
from_base64(const struct buf *text, uint8_t out[static SIG_BYTES_MAX])
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	int n = 0, rest = 0;
	bool good = false;

	if (ctx != NULL && text->len < SIG_BYTES_MAX) {
		EVP_DecodeInit(ctx);
		good = EVP_DecodeUpdate(ctx, out, &n, text->data, (int)text->len) != -1 &&
		       EVP_DecodeFinal(ctx, out + n, &rest) == 1;
	}
	EVP_ENCODE_CTX_free(ctx);
	ERR_clear_error();
	return good ? (size_t)(n + rest) : 0;
}

/* Which of its forms is the answer in?  The one that verifies, as hex. */
static int
read_answer(const struct key *key, const struct buf *answer, const void *data, size_t n,
    struct buf *out, struct err *e)
{
	uint8_t bytes[SIG_BYTES_MAX];
	char hex[2 * SIG_BYTES_MAX + 1] = "";
	size_t m = strspn(buf_text(answer), "0123456789abcdefABCDEF");

	if (m > 0 && m < sizeof hex) {
		memcpy(hex, answer->data, m);
		hex[m] = '\0';
		if (key_verifies(key, data, n, hex))
			return buf_add_text(out, hex, e);
	}
	if (answer->len > 0 && answer->len <= sizeof bytes) {
		hex_encode(hex, answer->data, answer->len);
		if (key_verifies(key, data, n, hex))
			return buf_add_text(out, hex, e);
	}
	if ((m = from_base64(answer, bytes)) > 0) {
		hex_encode(hex, bytes, m);
		if (key_verifies(key, data, n, hex))
			return buf_add_text(out, hex, e);
	}
	return err_set(e, ERR_TRUST, "the answer of %zu bytes is no signature by this key",
	    answer->len);
}

static int
sign_outside(const struct signer *s, const void *data, size_t n, struct buf *out,
    struct err *e)
{
	struct buf answer = BUF_INIT(4 * SIG_BYTES_MAX);
	struct jv *object = signer_public(s, e);
	char id[SHA256_HEX_MAX];
	struct sha256 hash;
	struct key key = { .public_text = NULL };
	int rc = -1;

	if (s->ask == NULL)
		(void)err_set(e, ERR_FAIL, "private key: is not here");
	else if (object != NULL && key_id_of(object, &hash, e) == 0 &&
	    key_parse(object, sha256_hex(&hash, id), &key, e) == 0 &&
	    s->ask(s->arg, data, n, &answer, e) == 0)
		rc = read_answer(&key, &answer, data, n, out, e);
	key_clear(&key);
	jv_free(object);
	buf_free(&answer);
	return rc;
}

int
signer_sign(
    const struct signer *s, const void *data, size_t n, struct buf *out, struct err *e)
{
	return (s->outside ? sign_outside : sign_here)(s, data, n, out, e);
}
