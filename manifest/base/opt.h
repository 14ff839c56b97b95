/*
 * opt.h - command lines by table: the parser and the --help text in one.
 *
 *	static const struct opt options[] = {
 *		{ "dry-run", 'n', OPT_FLAG, &dry_run, NULL, "show what would change" },
 *		{ "jobs", 'j', OPT_COUNT_U32, &jobs, "N", "worker threads" },
 *		OPT_END
 *	};
 *	const struct opt_command cmd_release = {
 *		"release", "REPO TREE|TAR|FILE", "publish a tree as a release",
 *		"longer text for --help\n", options, 2, 2, run_release
 *	};
 *	static int
 *	run_release(int words, char **argv, struct err *e)
 *	{
 *		... argv[1] .. argv[words] ...
 *
 * and in main.c
 *
 *	static const struct opt_command *const commands[] = {
 *		&cmd_init, &cmd_release, NULL
 *	};
 *	return opt_main("mkdelta", "make and sign releases", commands, NULL,
 *	    argc, argv);
 *
 * GNU rules: --long=VALUE or --long VALUE, -jVALUE or -j VALUE, options and
 * words in any order, "--" ends options.  Added to every table, unless it has
 * the name or the letter itself: -h --help, -V --version, -q --quiet,
 * -v --verbose (the last two set the level of log.h).
 */
#ifndef MANIFEST_BASE_OPT_H
#define MANIFEST_BASE_OPT_H

#include <stdint.h>

#include "manifest/base/err.h"

/* All but flags and lists: given twice is ERR_USAGE. */
enum opt_kind {
	OPT_FLAG,	/* bool *, set to true */
	OPT_TEXT,	/* const char **, points into argv */
	OPT_LIST,	/* struct opt_list *, each value appended */
	OPT_COUNT_U32,	/* uint32_t *, 1 to UINT32_MAX */
	OPT_COUNT_U64,	/* uint64_t *, decimal */
	OPT_BYTES	/* uint64_t *, "16M" as bytes_parse() */
};

enum { OPT_LIST_MAX = 64 };

struct opt_list {
	const char *values[OPT_LIST_MAX];
	int n;
};

struct opt {
	const char *name;	/* without the dashes; NULL ends the table */
	char letter;		/* 0: none */
	enum opt_kind kind;
	void *value;
	const char *arg;	/* shown in --help, NULL for flags */
	const char *help;
};

#define OPT_END { NULL, 0, OPT_FLAG, NULL, NULL, NULL }

struct opt_command {
	const char *name;	/* as typed */
	const char *words;	/* "REPO DIR", shown in usage */
	const char *help;	/* one line */
	const char *text;	/* more for `--help`, NULL: none */
	const struct opt *options;	/* at most 64; NULL: none */
	int words_min, words_max;	/* -1: no limit */
	/* What is left once the options are read: argv[1..words], argv[words + 1] is
	 * NULL.  Exit status or -1. */
	int (*run)(int words, char **argv, struct err *);
};

enum opt_result { OPT_RUN, OPT_SHOWN, OPT_BAD };

/* Parse argv (argv[0] is the command's own name).  The words that are not
 * options are moved to argv[1..*words], argv[*words + 1] is NULL.  OPT_SHOWN:
 * --help or --version was answered on standard output, end with 0.  OPT_BAD:
 * ERR_USAGE is filled and names the word and the way to --help.  `program`
 * NULL: the one that opt_main() was given. */
enum opt_result opt_parse(const char *program, const struct opt_command *,
    int argc, char **argv, int *words, struct err *);

/* Find the command word in the NULL-terminated table and run it; prints help,
 * version and the error, and returns the exit status.  Options may stand
 * before the word (they are then read by the command).  `fallback` (a name of
 * the table, may be NULL) runs when no word is given; its options tell which
 * options before the word have a value.  A near miss is named.  Sets up log.h
 * and cancel.h. */
int opt_main(const char *program, const char *about,
    const struct opt_command *const *commands, const char *fallback,
    int argc, char **argv);

/* The nearest of `names` (NULL-terminated) to `word`, NULL when none is near. */
const char *opt_nearest(const char *word, const char *const *names);

#endif
