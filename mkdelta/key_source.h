/*
 * key_source.h - a private key that is no file of the keys' folder: --key WHERE.
 *
 *	PATH, file:PATH		PEM in a file that is closed to others
 *	env:NAME		PEM in the environment variable NAME (a CI secret)
 *	fd:N			PEM from the descriptor N
 *	store:URI		an OpenSSL store, as store:pkcs11:object=release
 *	cmd:PUBLIC.pem:COMMAND	/bin/sh runs COMMAND with the bytes to sign on its
 *				standard input; it prints the signature as bytes, hex
 *				or base64.  PUBLIC.pem holds the public key.
 */
#ifndef MKDELTA_KEY_SOURCE_H
#define MKDELTA_KEY_SOURCE_H

#include <sys/stat.h>

#include "manifest/base/err.h"
#include "manifest/sign.h"

enum { KEY_PEM_MAX = 16384 };

/* Owned by the caller.  `where` is borrowed as long as the signer lives.  ERR_USAGE. */
struct signer *key_source_open(const char *where, struct err *);

/* PEM from an open file: with the passphrase if it is encrypted.  `name` is for
 * messages. */
struct signer *key_source_pem(int fd, const char *name, struct err *);
/* ERR_USAGE if others than the owner can read it. */
int key_source_check(const char *name, const struct stat *, struct err *);

#endif
