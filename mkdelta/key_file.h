/*
 * key_file.h - new keys as files.
 */
#ifndef MKDELTA_KEY_FILE_H
#define MKDELTA_KEY_FILE_H

#include "manifest/base/err.h"
#include "manifest/jv.h"

/* A new private key in the folder of keys, under the first free name for this role
 * ("online-2.pem"); its public object, owned.  type NULL: ed25519; passphrase NULL:
 * not encrypted.  Says the name.  ERR_USAGE. */
struct jv *key_file_make(const char *folder, const char *role, const char *type,
    const char *passphrase, struct err *);
/* NAME.pem and NAME.pub.pem at a path of the user's; neither may be there. */
int key_file_make_alone(const char *path, const char *type, const char *passphrase,
    struct err *);
/* The public key object of a PEM file ("-": standard input). */
struct jv *key_file_public(const char *path, struct err *);

#endif
