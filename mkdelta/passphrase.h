/*
 * passphrase.h - what opens encrypted keys: from a file, the environment, or a prompt.
 *
 * Never from the command line, where all users of the machine could read it.  In this
 * order: the file that was named, MKDELTA_PASSPHRASE, the file that
 * MKDELTA_PASSPHRASE_FILE names, and if standard input is a terminal a prompt.
 */
#ifndef MKDELTA_PASSPHRASE_H
#define MKDELTA_PASSPHRASE_H

#include <stdbool.h>

#include "manifest/base/err.h"

/* Read it from a file (its first line; closed to others, or ERR_USAGE).  NULL: no
 * file was named. */
int passphrase_file(const char *path, struct err *);
/* All three clear *e first: NULL with ERR_NONE is "there is none".  Borrowed.
 * What is known without asking; ERR_USAGE if the file of MKDELTA_PASSPHRASE_FILE
 * cannot be read. */
const char *passphrase_known(struct err *);
/* The same, else asked for `what` at the terminal; NULL when there is none. */
const char *passphrase_for(const char *what, struct err *);
/* For a new key: known, or asked for twice.  ERR_USAGE. */
const char *passphrase_new(struct err *);

#endif
