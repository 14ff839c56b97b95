/*
 * keys.h - the folder of private keys, REPO.keys or --keys DIR.
 *
 *	root-1.pem root-2.pem	one to use, one to lock away
 *	targets.pem		delegates the channels
 *	channel-stable.pem	signs the releases of a channel
 *	online.pem		snapshot and timestamp
 *
 * The folder is 0700 and the files 0600 (PKCS#8 PEM, Ed25519 or P-256);
 * what others can read is refused.  Names are for people: which role a key may
 * sign is what the repository's metadata says of its key id.  Files may be missing:
 * CI needs only its channel's key and the online one.  --key adds keys from
 * elsewhere (key_source.h); encrypted ones are opened as passphrase.h says.
 */
#ifndef MKDELTA_KEYS_H
#define MKDELTA_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "manifest/base/buf.h"
#include "manifest/base/err.h"
#include "manifest/base/opt.h"
#include "manifest/jv.h"
#include "manifest/sign.h"

enum { KEYS_MAX = 64 };

struct keys;

/* What a command line says of keys, and of signing with them. */
struct keys_from {
	const char *dir;		/* NULL: REPO.keys, if it is there */
	struct opt_list key;		/* key_source.h */
	const char *passphrase_file;	/* passphrase.h */
	const char *before_signing;	/* before_signing.h, NULL: nothing */
	bool allow_root_key, force;
};
#define KEYS_OPTIONS(from)							\
	{ "keys", 'k', OPT_TEXT, &(from).dir, "DIR",				\
	    "private keys (default REPO.keys)" },				\
	{ "key", 0, OPT_LIST, &(from).key, "WHERE",				\
	    "one key: FILE, env:NAME, fd:N, store:URI, cmd:PUB.pem:COMMAND" },	\
	{ "passphrase-file", 0, OPT_TEXT, &(from).passphrase_file, "FILE",	\
	    "opens encrypted keys (else MKDELTA_PASSPHRASE, or a prompt)" }
/* For commands that sign; `forced`: what --force is for. */
#define SIGN_OPTIONS(from, forced)						\
	KEYS_OPTIONS(from),							\
	{ "before-signing", 0, OPT_TEXT, &(from).before_signing, "COMMAND",	\
	    "run right before; nothing is signed unless it ends with 0" },	\
	{ "allow-root-key", 0, OPT_FLAG, &(from).allow_root_key, NULL,		\
	    "with CI=true: sign though a root key lies there" },		\
	{ "force", 0, OPT_FLAG, &(from).force, NULL, forced }
#define SIGN_FORCED "though the clock is behind the last signature"

/* `given`, or else "REPO.keys", appended to out. */
int keys_path(const char *repo, const char *given, struct buf *out, struct err *);

/* All keys of the folder.  ERR_ABSENT: no such folder.  ERR_USAGE: others can read
 * it or a key, no key, a wrong passphrase. */
struct keys *keys_open(const char *path, struct err *);
/* Those of the folder of `repo` (which may be missing where keys are given
 * otherwise) and those that are given one by one. */
struct keys *keys_gather(const char *repo, const struct keys_from *, struct err *);
void keys_close(struct keys *);		/* wipes them; NULL is fine */
/* Right before they sign: what keys_from says.  ERR_POLICY when that says no. */
int keys_before_signing(const struct keys *, struct err *);

/* Those whose ids stand in the list keyids, borrowed: how many, at most max. */
size_t keys_for(const struct keys *, const struct jv *keyids, struct signer **out,
    size_t max);
/* The key in the file NAME.pem, NULL when there is none. */
struct signer *keys_named(const struct keys *, const char *name);

/* Make or find the folder for a repository that does not exist yet.  A folder that
 * holds keys already is ERR_POLICY unless `share`, or unless it is what a killed
 * init left.  Returns its descriptor; keys_settle() ends the work. */
int keys_begin(const char *path, bool share, struct err *);
/* NAME.pem in there: read, or made with this scheme when missing and encrypted with
 * `passphrase` (NULL: not).  Owned by the caller. */
struct signer *keys_make(int dir, const char *name, enum key_scheme,
    const char *passphrase, struct err *);
/* The folder of keys that stand already, for keys_make(). */
int keys_dir(const char *path, struct err *);
int keys_settle(int dir, struct err *);
/* The folder if a killed init left it unsettled, else -1. */
int keys_unfinished(const char *path, struct err *);

#endif
