#include <sys/stat.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "mkdelta/key_source.h"
#include "mkdelta/keys.h"
#include "mkdelta/place.h"

#include "mkdelta/key_file.h"

enum { NAMES_MAX = 1000, NAME_BYTES = 64 };

static int
scheme_of(const char *type, enum key_scheme *scheme, struct err *e)
{
	*scheme = KEY_ED25519;
	if (type == NULL || strcmp(type, "ed25519") == 0)
		return 0;
	*scheme = KEY_ECDSA_P256;
	if (strcmp(type, "p256") == 0)
		return 0;
	return err_set(e, ERR_USAGE, "--key-type %s: is none of ed25519, p256", type);
}

/* "root-3", "channel-stable-2": as init names them, the first that is free. */
static int
free_name(int dir, const char *role, char name[static NAME_BYTES], struct err *e)
{
	static const char *const plain[] = { "root", "targets", "online", "snapshot",
		"timestamp", "halt" };
	const char *before = "channel-";
	char file[NAME_BYTES + 8];
	struct stat st;

	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (strcmp(role, plain[i]) == 0)
			before = "";
	for (int n = strcmp(role, "root") == 0 ? 0 : 1; n < NAMES_MAX; n++) {
		int there;

		if (n == 1 && strcmp(role, "root") != 0)
			(void)snprintf(name, NAME_BYTES, "%s%.40s", before, role);
		else
			(void)snprintf(name, NAME_BYTES, "%s%.40s-%d", before, role,
			    n == 0 ? 1 : n);
		(void)snprintf(file, sizeof file, "%s.pem", name);
		if ((there = fs_stat_at(dir, file, &st, e)) != 1)
			return there;
	}
	return err_set(e, ERR_USAGE, "role %s: too many files of keys", role);
}

struct jv *
key_file_make(const char *folder, const char *role, const char *type,
    const char *passphrase, struct err *e)
{
	char name[NAME_BYTES];
	enum key_scheme scheme;
	struct signer *signer = NULL;
	struct jv *object = NULL;
	int dir;

	if (scheme_of(type, &scheme, e) == -1 ||
	    place_make_dir(folder, 0700, e) == -1 || (dir = keys_dir(folder, e)) == -1)
		return NULL;
	if (free_name(dir, role, name, e) == 0 &&
	    (signer = keys_make(dir, name, scheme, passphrase, e)) != NULL &&
	    (object = signer_public(signer, e)) != NULL)
		log_say("%s/%s.pem: a new private key", folder, name);
	signer_free(signer);
	(void)close(dir);
	return object;
}

static int
write_pair(int at, const char *name, const struct signer *s, const char *passphrase,
    struct err *e)
{
	struct buf pem = BUF_INIT(KEY_PEM_MAX), public = BUF_INIT(KEY_PEM_MAX);
	char file[512];
	int rc = buf_reserve(&pem, KEY_PEM_MAX, e);

	(void)snprintf(file, sizeof file, "%.*s.pub.pem", (int)(strlen(name) - 4), name);
	if (rc == 0 && (signer_to_pem(s, passphrase, &pem, e) == -1 ||
	    signer_public_pem(s, &public, e) == -1 ||
	    fs_write_file(at, name, pem.data, pem.len, 0600, e) == -1 ||
	    fs_write_file(at, file, public.data, public.len, 0644, e) == -1))
		rc = -1;
	if (pem.data != NULL)
		explicit_bzero(pem.data, pem.cap);
	buf_free(&pem);
	buf_free(&public);
	return rc;
}

int
key_file_make_alone(const char *path, const char *type, const char *passphrase,
    struct err *e)
{
	struct signer *signer = NULL;
	enum key_scheme scheme;
	char hex[SHA256_HEX_MAX];
	struct sha256 id;
	struct place p;
	struct stat st;
	size_t n;
	int rc = -1;

	if (scheme_of(type, &scheme, e) == -1 || place_open(path, &p, e) == -1)
		return -1;
	n = strlen(p.name);
	if (n <= 4 || strcmp(p.name + n - 4, ".pem") != 0)
		(void)err_set(e, ERR_USAGE, "%s: of which role?  (or, for a key alone, a "
		    "name that ends in .pem)", path);
	else if (fs_stat_at(p.at, p.name, &st, e) != 0)
		(void)err_set(e, ERR_POLICY, "%s: is there already", path);
	else if ((signer = signer_new(scheme, e)) != NULL &&
	    write_pair(p.at, p.name, signer, passphrase, e) == 0 &&
	    signer_id(signer, &id, e) == 0)
		rc = 0;
	if (rc == 0 && log_level_now() != LOG_QUIET)
		(void)printf("%s: key %s; give %.*s.pub.pem to who signs the repository\n",
		    path, sha256_hex(&id, hex), (int)(strlen(path) - 4), path);
	signer_free(signer);
	place_close(&p);
	return rc;
}

struct jv *
key_file_public(const char *path, struct err *e)
{
	struct buf pem = BUF_INIT(KEY_PEM_MAX);
	struct signer *signer = NULL;
	struct jv *object = NULL;

	if (fs_read_path(path, &pem, e) == 0 &&
	    (signer = signer_from_public(pem.data, pem.len, NULL, NULL, e)) != NULL)
		object = signer_public(signer, e);
	else
		(void)err_wrap(e, "%s", path);
	signer_free(signer);
	buf_free(&pem);
	return object;
}
