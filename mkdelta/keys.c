#include <sys/stat.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "mkdelta/before_signing.h"
#include "mkdelta/key_source.h"
#include "mkdelta/passphrase.h"
#include "mkdelta/place.h"

#include "mkdelta/keys.h"

/* While it is there, the keys belong to an init that has not ended. */
#define UNFINISHED ".init-unfinished"
enum { NAME_MAX_KEY = 64 };

struct key_file {
	char name[NAME_MAX_KEY];	/* without ".pem" */
	struct signer *signer;
	char id[SHA256_HEX_MAX];
};

struct keys {
	struct key_file files[KEYS_MAX];
	size_t n;
	const char *before;		/* a command, NULL: none */
};

int
keys_path(const char *repo, const char *given, struct buf *out, struct err *e)
{
	size_t n = strlen(repo);

	if (given != NULL)
		return buf_add_text(out, given, e);
	while (n > 1 && repo[n - 1] == '/')
		n--;
	return buf_addf(out, e, "%.*s.keys", (int)n, repo);
}

static int
open_private_dir(const char *path, struct err *e)
{
	struct stat st;
	int dir = fs_open_dir(path, e);

	if (dir == -1)
		return -1;
	if (fstat(dir, &st) == -1)
		(void)err_sys(e, "%s", path);
	else if (key_source_check(path, &st, e) == 0)
		return dir;
	(void)close(dir);
	return -1;
}

static void
wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

static struct signer *
read_pem(int dir, const char *file, struct err *e)
{
	struct signer *signer = NULL;
	struct stat st;
	int fd = fs_open_file(dir, file, &st, e);

	if (fd == -1)
		return NULL;
	if (key_source_check(file, &st, e) == 0)
		signer = key_source_pem(fd, file, e);
	(void)close(fd);
	return signer;
}

/* The next place, filled; takes the signer. */
static int
add_signer(struct keys *k, struct signer *signer, const char *name, struct err *e)
{
	struct key_file *f = &k->files[k->n];
	struct sha256 id;

	if (signer == NULL)
		return -1;
	if (k->n == KEYS_MAX || strlen(name) >= sizeof f->name ||
	    signer_id(signer, &id, e) == -1) {
		signer_free(signer);
		return err_set(e, ERR_USAGE, "%s: too many keys, or too long a name",
		    name);
	}
	(void)snprintf(f->name, sizeof f->name, "%s", name);
	(void)sha256_hex(&id, f->id);
	f->signer = signer;
	k->n++;
	return 0;
}

static int
add_file(struct keys *k, int dir, const char *file, struct err *e)
{
	char name[NAME_MAX_KEY];
	size_t n = strlen(file);

	if (n <= 4 || strcmp(file + n - 4, ".pem") != 0 || file[0] == '.')
		return 0;
	/* Public halves may lie there too. */
	if (n > 8 && strcmp(file + n - 8, ".pub.pem") == 0)
		return 0;
	if (n - 4 >= sizeof name)
		return err_set(e, ERR_USAGE, "%s: too long a name", file);
	(void)snprintf(name, sizeof name, "%.*s", (int)n - 4, file);
	return add_signer(k, read_pem(dir, file, e), name, e);
}

/* dir is taken over. */
static int
read_all(struct keys *k, int dir, struct err *e)
{
	struct dirent *entry;
	DIR *d = fdopendir(dir);
	int rc = 0;

	if (d == NULL) {
		(void)close(dir);
		return err_sys(e, "open");
	}
	while (rc == 0 && (entry = readdir(d)) != NULL)
		rc = add_file(k, dir, entry->d_name, e);
	(void)closedir(d);
	return rc;
}

struct keys *
keys_open(const char *path, struct err *e)
{
	struct keys *k;
	int dir = open_private_dir(path, e);

	if (dir == -1) {
		if (e->code == ERR_ABSENT)
			(void)err_hint(e, "say where they are with --keys DIR");
		(void)err_wrap(e, "keys");
		return NULL;
	}
	if ((k = calloc(1, sizeof *k)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		(void)close(dir);
		return NULL;
	}
	if (read_all(k, dir, e) == -1) {
		(void)err_wrap(e, "keys %s", path);
		keys_close(k);
		return NULL;
	}
	return k;
}

struct keys *
keys_gather(const char *repo, const struct keys_from *from, struct err *e)
{
	struct buf path = BUF_INIT(4096);
	struct keys *k = NULL;

	err_clear(e);
	if (passphrase_file(from->passphrase_file, e) == 0 &&
	    keys_path(repo, from->dir, &path, e) == 0)
		k = keys_open(buf_text(&path), e);
	if (k == NULL && e->code == ERR_ABSENT && from->dir == NULL && from->key.n > 0) {
		err_clear(e);
		if ((k = calloc(1, sizeof *k)) == NULL)
			(void)err_set(e, ERR_NOMEM, "out of memory");
	}
	buf_free(&path);
	if (k != NULL)
		k->before = from->before_signing;
	for (int i = 0; k != NULL && i < from->key.n; i++)
		if (add_signer(k, key_source_open(from->key.values[i], e), "--key", e) ==
		    -1) {
			keys_close(k);
			return NULL;
		}
	return k;
}

int
keys_before_signing(const struct keys *k, struct err *e)
{
	return before_signing(k->before, e);
}

void
keys_close(struct keys *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n; i++)
		signer_free(k->files[i].signer);
	free(k);
}

size_t
keys_for(const struct keys *k, const struct jv *keyids, struct signer **out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < jv_count(keyids); i++) {
		const char *id = jv_text(jv_at(keyids, i));

		for (size_t f = 0; id != NULL && f < k->n && n < max; f++)
			if (strcmp(k->files[f].id, id) == 0) {
				out[n++] = k->files[f].signer;
				break;	/* two files with one key sign once */
			}
	}
	return n;
}

struct signer *
keys_named(const struct keys *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->files[i].name, name) == 0)
			return k->files[i].signer;
	return NULL;
}

static int
has_keys(int dir, struct err *e)
{
	int again = fs_open_dir_at(dir, ".", e), found = 0;
	struct dirent *entry;
	DIR *d = again == -1 ? NULL : fdopendir(again);

	if (d == NULL)
		return again == -1 ? -1 : err_sys(e, "open");
	while ((entry = readdir(d)) != NULL)
		if (strstr(entry->d_name, ".pem") != NULL)
			found = 1;
	(void)closedir(d);
	return found;
}

int
keys_begin(const char *path, bool share, struct err *e)
{
	struct stat st;
	int dir, found;

	if (place_make_dir(path, 0700, e) == -1 ||
	    (dir = open_private_dir(path, e)) == -1)
		return -1;
	found = fs_stat_at(dir, UNFINISHED, &st, e);
	if (found == 0 && (found = has_keys(dir, e)) == 1 && !share)
		found = err_set(e, ERR_POLICY, "%s: holds the keys of another "
		    "repository; give --keys another folder, or --share-keys if both "
		    "shall be signed by them", path);
	if (found == -1 || fs_write_file(dir, UNFINISHED, "", 0, 0600, e) == -1) {
		(void)close(dir);
		return -1;
	}
	return dir;
}

static int
write_pem(int dir, const char *file, const struct signer *signer,
    const char *passphrase, struct err *e)
{
	struct buf pem = BUF_INIT(KEY_PEM_MAX);
	int rc = buf_reserve(&pem, KEY_PEM_MAX, e);

	if (rc == 0)
		rc = signer_to_pem(signer, passphrase, &pem, e);
	if (rc == 0)
		rc = fs_write_file(dir, file, pem.data, pem.len, 0600, e);
	wipe(&pem);
	return rc;
}

struct signer *
keys_make(int dir, const char *name, enum key_scheme scheme, const char *passphrase,
    struct err *e)
{
	char file[NAME_MAX_KEY + 8];
	struct signer *signer;
	struct stat st;
	int there;

	(void)snprintf(file, sizeof file, "%.*s.pem", NAME_MAX_KEY, name);
	if ((there = fs_stat_at(dir, file, &st, e)) == -1)
		return NULL;
	if (there == 1)
		return read_pem(dir, file, e);
	if ((signer = signer_new(scheme, e)) == NULL)
		return NULL;
	if (write_pem(dir, file, signer, passphrase, e) == 0)
		return signer;
	signer_free(signer);
	return NULL;
}

int
keys_settle(int dir, struct err *e)
{
	return fs_unlink(dir, UNFINISHED, e) == -1 ? -1 : fs_sync_dir(dir, ".", e);
}

int
keys_unfinished(const char *path, struct err *e)
{
	int dir = open_private_dir(path, e);
	struct stat st;

	if (dir == -1 || fs_stat_at(dir, UNFINISHED, &st, e) == 1)
		return dir;
	(void)close(dir);
	return -1;
}

int
keys_dir(const char *path, struct err *e)
{
	int dir = open_private_dir(path, e);

	return dir == -1 ? err_wrap(e, "keys") : dir;
}
