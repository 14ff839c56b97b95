/*
 * opt_help.h - the --help texts on standard output; for opt.c alone.
 */
#ifndef MANIFEST_BASE_OPT_HELP_H
#define MANIFEST_BASE_OPT_HELP_H

#include "manifest/base/opt.h"

/* The options that every table has, unless a name or a letter is its own. */
extern const struct opt opt_common[];

/* Is this common option's name (letter) free in the table (NULL: empty)? */
int opt_name_free(const struct opt *table, const char *name);
int opt_letter_free(const struct opt *table, char letter);

/* The program that opt_parse() names when it is given none. */
void opt_set_program(const char *program);

void opt_help_command(const char *program, const struct opt_command *);
void opt_help_program(const char *program, const char *about,
    const struct opt_command *const *commands, const char *fallback);

#endif
