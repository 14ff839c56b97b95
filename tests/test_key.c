#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/bytes.h"
#include "manifest/key.h"
#include "manifest/sign.h"
#include "tests/lab/key_vectors.h"

static struct key
key_of(enum key_scheme scheme, const char *public_text)
{
	struct err e = ERR_INIT;
	struct jv *object = key_to_json(scheme, public_text, &e);
	char hex[SHA256_HEX_MAX];
	struct sha256 id;
	struct key key;

	assert_non_null(object);
	assert_int_equal(key_id_of(object, &id, &e), 0);
	assert_int_equal(key_parse(object, sha256_hex(&id, hex), &key, &e), 0);
	assert_int_equal(key.scheme, scheme);
	jv_free(object);
	return key;
}

static bool
verifies(
    enum key_scheme scheme, const char *public_text, const char *message, const char *sig)
{
	struct key key = key_of(scheme, public_text);
	bool good = key_verifies(&key, message, strlen(message), sig);

	key_clear(&key);
	return good;
}

/* RFC 8032, section 7.1, TEST 2. */
static const char rfc8032_public[] =
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
static const char rfc8032_sig[] =
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

static void
key_verifies_the_vector_of_rfc_8032(void **state)
{
	char upper[sizeof rfc8032_sig];

	(void)state;
	assert_true(verifies(KEY_ED25519, rfc8032_public, "\x72", rfc8032_sig));
	assert_false(verifies(KEY_ED25519, rfc8032_public, "\x73", rfc8032_sig));
	for (size_t i = 0; i < sizeof upper; i++)
		upper[i] = rfc8032_sig[i] >= 'a' && rfc8032_sig[i] <= 'f'
			       ? (char)(rfc8032_sig[i] - 32)
			       : rfc8032_sig[i];
	assert_true(verifies(KEY_ED25519, rfc8032_public, "\x72", upper));
}

static const char encrypted_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n"
    "\nAAAA\n-----END PUBLIC KEY-----\n";

static void
key_verifies_what_openssl_signed(void **state)
{
	(void)state;
	assert_true(verifies(KEY_ECDSA_P256, p256_public, key_message, p256_sig));
	assert_true(verifies(KEY_ECDSA_P256, p256_compressed, key_message, p256_sig));
	assert_true(verifies(KEY_RSA_PSS, rsa_public, key_message, rsa_pss_sig));
	assert_true(verifies(KEY_RSA_PSS, rsa_public, key_message, rsa_pss_longest_sig));
	assert_false(verifies(KEY_ECDSA_P256, p256_public, "another message", p256_sig));
	assert_false(verifies(KEY_RSA_PSS, rsa_public, "another message", rsa_pss_sig));
}

static void
key_of_another_curve_kind_or_length_never_verifies(void **state)
{
	(void)state;
	assert_false(verifies(KEY_ECDSA_P256, p384_public, key_message, p384_sig));
	assert_false(verifies(KEY_RSA_PSS, rsa_public, key_message, rsa_v15_sig));
	assert_false(verifies(KEY_RSA_PSS, rsa_short_public, key_message, rsa_short_sig));
	assert_false(verifies(KEY_RSA_PSS, p256_public, key_message, p256_sig));
	assert_false(verifies(KEY_ECDSA_P256, rsa_public, key_message, rsa_pss_sig));
	assert_false(verifies(KEY_ED25519, p256_public, key_message, p256_sig));
	assert_false(verifies(KEY_ECDSA_P256, rfc8032_public, "\x72", rfc8032_sig));
}

static void
key_with_any_defect_in_its_signature_is_false(void **state)
{
	char *huge = malloc(100001), flipped[sizeof rfc8032_sig];

	(void)state;
	assert_non_null(huge);
	memset(huge, 'a', 100000);
	huge[100000] = '\0';
	memcpy(flipped, rfc8032_sig, sizeof flipped);
	flipped[5] = flipped[5] == '0' ? '1' : '0';
	assert_false(verifies(KEY_ED25519, rfc8032_public, "\x72", flipped));
	assert_false(verifies(KEY_ED25519, rfc8032_public, "\x72", ""));
	assert_false(verifies(KEY_ED25519, rfc8032_public, "\x72", "9"));
	assert_false(verifies(KEY_ED25519, rfc8032_public, "\x72", "zz"));
	assert_false(verifies(KEY_ED25519, rfc8032_public, "\x72", huge));
	assert_false(verifies(KEY_ED25519, rfc8032_public, "\x72", rfc8032_sig + 2));
	assert_false(verifies(KEY_ED25519, "not hex", "\x72", rfc8032_sig));
	assert_false(verifies(KEY_RSA_PSS, rsa_public, key_message, huge));
	assert_false(verifies(KEY_ECDSA_P256, "", key_message, p256_sig));
	free(huge);
}

static int
parse(const char *json, const char *id, struct key *key, struct err *e)
{
	struct jv *object = jv_parse(json, strlen(json), e);
	char hex[SHA256_HEX_MAX];
	struct sha256 hash;
	int rc;

	assert_non_null(object);
	assert_int_equal(key_id_of(object, &hash, e), 0);
	rc = key_parse(object, id == NULL ? sha256_hex(&hash, hex) : id, key, e);
	jv_free(object);
	return rc;
}

static void
key_in_pem_starts_with_its_first_line(void **state)
{
	struct buf pem = BUF_INIT(10000);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(buf_addf(&pem, &e, "a note\n%s", p256_public), 0);
	assert_false(verifies(KEY_ECDSA_P256, buf_text(&pem), key_message, p256_sig));
	buf_free(&pem);
}

/* The library would ask on the terminal, and nobody sits there. */
static void
key_that_is_encrypted_asks_no_terminal(void **state)
{
	char said[256];
	int terminal, status;
	pid_t child = forkpty(&terminal, NULL, NULL, NULL);
	ssize_t n;

	(void)state;
	assert_true(child != -1);
	if (child == 0) {
		(void)alarm(20);
		_exit(verifies(KEY_ECDSA_P256, encrypted_public, key_message, p256_sig));
	}
	n = read(terminal, said, sizeof said); /* EIO: it ended without a word */
	(void)kill(child, SIGTERM);
	assert_int_equal(waitpid(child, &status, 0), child);
	(void)close(terminal);
	assert_true(n <= 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Many kilobytes of text would cost time before they turn out to be no key. */
static void
key_text_is_bounded(void **state)
{
	struct buf json = BUF_INIT(20000);
	struct err e = ERR_INIT;
	struct key key;

	(void)state;
	for (size_t n = 8192; n <= 8193; n++) {
		buf_reset(&json);
		assert_int_equal(buf_addf(&json, &e,
		    "{\"keytype\":\"rsa\",\"scheme\":\"rsassa-pss-sha256\","
		    "\"keyval\":{\"public\":\"%0*d\"}}", (int)n, 0), 0);
		assert_int_equal(parse(buf_text(&json), NULL, &key, &e),
		    n == 8192 ? 0 : -1);
		key_clear(&key);
	}
	assert_int_equal(e.code, ERR_FORMAT);
	buf_free(&json);
}

/* An encrypted PEM where a public key should be must not make anybody ask. */
static void
key_that_is_an_encrypted_private_one_asks_nobody(void **state)
{
	struct err e = ERR_INIT;
	struct signer *s = signer_new(KEY_ECDSA_P256, &e);
	struct buf pem = BUF_INIT(10000);

	(void)state;
	assert_non_null(s);
	assert_int_equal(signer_to_pem(s, "secret", &pem, &e), 0);
	assert_false(verifies(KEY_ECDSA_P256, buf_text(&pem), key_message, p256_sig));
	assert_false(
	    verifies(KEY_ECDSA_P256, encrypted_public, key_message, p256_sig));
	signer_free(s);
	buf_free(&pem);
}

#define PUBLIC \
	"\"keyval\":{\"public\":" \
	"\"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c\"}"

static void
hash_text(const char *text, char hex[static SHA256_HEX_MAX])
{
	struct err e = ERR_INIT;
	struct sha256 id;

	assert_int_equal(sha256_of(text, strlen(text), &id, &e), 0);
	(void)sha256_hex(&id, hex);
}

/* By hand: sha256sum of the canonical text. */
static void
key_id_is_the_hash_of_the_whole_object(void **state)
{
	static const char whole[] = "{\"keytype\":\"ed25519\"," PUBLIC
	    ",\"scheme\":\"ed25519\",\"x-owner\":\"me\"}";
	static const char written[] = "{\"scheme\":\"ed25519\", \"x-owner\":\"me\",\n"
	    "\"keytype\":\"ed25519\"," PUBLIC "}";
	struct err e = ERR_INIT;
	char hex[SHA256_HEX_MAX];
	struct key k;

	(void)state;
	hash_text(whole, hex);
	assert_int_equal(parse(written, hex, &k, &e), 0);
	key_clear(&k);
	hex[0] = hex[0] == '0' ? '1' : '0';
	assert_int_equal(parse(written, hex, &k, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_non_null(strstr(e.text, "is not the hash of the key"));
}

/* As Sigstore and others write it: owners are noted in keys that have an id. */
static void
key_id_may_be_older_than_members_that_tuf_does_not_know(void **state)
{
	static const char plain[] = "{\"keytype\":\"ed25519\"," PUBLIC
	    ",\"scheme\":\"ed25519\"}";
	static const char more[] = "{\"scheme\":\"ed25519\",\"keytype\":\"ed25519\","
	    "\"x-owner\":\"me\"," PUBLIC "}";
	static const char other[] = "{\"scheme\":\"ed25519\",\"keytype\":\"ed25519\","
	    "\"x-owner\":\"me\",\"keyval\":{\"public\":\"00\"}}";
	static const char inside[] = "{\"scheme\":\"ed25519\",\"keytype\":\"ed25519\","
	    "\"keyval\":{\"x-owner\":\"me\",\"public\":"
	    "\"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c\"}}";
	struct err e = ERR_INIT;
	char hex[SHA256_HEX_MAX];
	struct key a, b;

	(void)state;
	hash_text(plain, hex);
	assert_int_equal(parse(plain, hex, &a, &e), 0);
	assert_int_equal(parse(more, hex, &b, &e), 0);
	assert_true(key_same(&a, &b));
	key_clear(&b);
	/* What is known counts: another key, or another value, has another id. */
	assert_int_equal(parse(other, hex, &b, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	assert_int_equal(parse(inside, hex, &b, &e), -1);
	assert_int_equal(e.code, ERR_TRUST);
	/* Two ids of one key are two names of one holder. */
	assert_int_equal(parse(more, NULL, &b, &e), 0);
	assert_false(sha256_equal(&a.id, &b.id));
	assert_true(key_same(&a, &b));
	key_clear(&a);
	key_clear(&b);
}

static void
key_same_sees_through_two_forms_of_one_point(void **state)
{
	struct key a = key_of(KEY_ECDSA_P256, p256_public);
	struct key b = key_of(KEY_ECDSA_P256, p256_compressed);
	struct key c = key_of(KEY_RSA_PSS, rsa_public);

	(void)state;
	assert_true(key_same(&a, &b));
	assert_false(key_same(&a, &c));
	key_clear(&a);
	key_clear(&b);
	key_clear(&c);
}

static void
key_of_an_unknown_type_is_no_error_and_never_verifies(void **state)
{
	static const char *const strange[] = {
		"{\"keytype\":\"sphincs\",\"scheme\":\"x\",\"keyval\":{\"public\":\"00\"}"
		"}",
		"{\"keytype\":\"ed25519\",\"scheme\":\"x\",\"keyval\":{}}",
		"{\"keytype\":\"rsa\",\"scheme\":\"ed25519\",\"keyval\":{}}",
		"{\"keytype\":\"sigstore-oidc\",\"scheme\":\"Fulcio\",\"keyval\":"
		"{\"identity\":\"a\",\"issuer\":\"b\"}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
		struct err e = ERR_INIT;
		struct key key;

		assert_int_equal(parse(strange[i], NULL, &key, &e), 0);
		assert_int_equal(key.scheme, KEY_UNKNOWN);
		assert_false(key_verifies(&key, "\x72", 1, rfc8032_sig));
		key_clear(&key);
	}
}

static void
key_without_its_members_is_malformed(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\"}",
		"{\"keytype\":7,\"scheme\":\"ed25519\",\"keyval\":{\"public\":\"\"}}",
		"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":{}}",
		"{\"keytype\":\"ed25519\",\"scheme\":\"ed25519\",\"keyval\":[]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct err e = ERR_INIT;
		struct key key;

		assert_int_equal(parse(bad[i], NULL, &key, &e), -1);
		assert_int_equal(e.code, ERR_FORMAT);
		key_clear(&key);
	}
}

static void
signer_signs_what_its_public_key_verifies(void **state)
{
	static const enum key_scheme schemes[] = { KEY_ED25519, KEY_ECDSA_P256 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct err e = ERR_INIT;
		struct signer *s = signer_new(schemes[i], &e);
		struct jv *object = signer_public(s, &e);
		struct buf sig = BUF_INIT(1000);
		char hex[SHA256_HEX_MAX];
		struct sha256 id;
		struct key key;

		assert_non_null(object);
		assert_int_equal(signer_id(s, &id, &e), 0);
		assert_int_equal(key_parse(object, sha256_hex(&id, hex), &key, &e), 0);
		assert_int_equal(signer_sign(s, "text", 4, &sig, &e), 0);
		assert_true(key_verifies(&key, "text", 4, buf_text(&sig)));
		assert_false(key_verifies(&key, "Text", 4, buf_text(&sig)));
		key_clear(&key);
		buf_free(&sig);
		jv_free(object);
		signer_free(s);
	}
}

static void
signer_survives_pem_plain_and_encrypted(void **state)
{
	static const char *const passphrases[] = { NULL, "correct horse", "" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct err e = ERR_INIT;
		struct signer *s = signer_new(KEY_ED25519, &e), *back;
		struct buf pem = BUF_INIT(10000);
		struct sha256 a, b;

		assert_int_equal(signer_to_pem(s, passphrases[i], &pem, &e), 0);
		assert_int_equal(
		    strstr(buf_text(&pem), "ENCRYPTED") != NULL, passphrases[i] != NULL);
		back = signer_from_pem(pem.data, pem.len, passphrases[i], &e);
		assert_non_null(back);
		assert_int_equal(signer_id(s, &a, &e), 0);
		assert_int_equal(signer_id(back, &b, &e), 0);
		assert_true(sha256_equal(&a, &b));
		signer_free(s);
		signer_free(back);
		buf_free(&pem);
	}
}

static void
signer_says_why_a_pem_cannot_be_read(void **state)
{
	struct err e = ERR_INIT;
	struct signer *s = signer_new(KEY_ED25519, &e);
	struct buf pem = BUF_INIT(10000);

	(void)state;
	assert_int_equal(signer_to_pem(s, "right", &pem, &e), 0);
	assert_null(signer_from_pem(pem.data, pem.len, NULL, &e));
	assert_int_equal(e.code, ERR_USAGE);
	assert_non_null(strstr(e.text, "no passphrase was given"));
	assert_null(signer_from_pem(pem.data, pem.len, "wrong", &e));
	assert_non_null(strstr(e.text, "wrong passphrase"));
	assert_null(signer_from_pem("garbage", 7, NULL, &e));
	assert_non_null(strstr(e.text, "not a PEM private key"));
	signer_free(s);
	buf_free(&pem);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_verifies_the_vector_of_rfc_8032),
		cmocka_unit_test(key_verifies_what_openssl_signed),
		cmocka_unit_test(key_of_another_curve_kind_or_length_never_verifies),
		cmocka_unit_test(key_with_any_defect_in_its_signature_is_false),
		cmocka_unit_test(key_in_pem_starts_with_its_first_line),
		cmocka_unit_test(key_that_is_encrypted_asks_no_terminal),
		cmocka_unit_test(key_text_is_bounded),
		cmocka_unit_test(key_that_is_an_encrypted_private_one_asks_nobody),
		cmocka_unit_test(key_id_is_the_hash_of_the_whole_object),
		cmocka_unit_test(
		    key_id_may_be_older_than_members_that_tuf_does_not_know),
		cmocka_unit_test(key_same_sees_through_two_forms_of_one_point),
		cmocka_unit_test(key_of_an_unknown_type_is_no_error_and_never_verifies),
		cmocka_unit_test(key_without_its_members_is_malformed),
		cmocka_unit_test(signer_signs_what_its_public_key_verifies),
		cmocka_unit_test(signer_survives_pem_plain_and_encrypted),
		cmocka_unit_test(signer_says_why_a_pem_cannot_be_read),
	};

	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
