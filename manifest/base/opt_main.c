#include <stdio.h>
#include <string.h>

#include "manifest/base/cancel.h"
#include "manifest/base/log.h"
#include "manifest/base/opt_help.h"

#include "manifest/base/opt.h"

enum { NEAREST_WORD_MAX = 32, COMMANDS_MAX = 64 };

/* Levenshtein's distance of two short words, 99 for long ones. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NEAREST_WORD_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > NEAREST_WORD_MAX || nb > NEAREST_WORD_MAX)
		return 99;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

const char *
opt_nearest(const char *word, const char *const *names)
{
	const char *near = NULL;
	size_t least = 99;

	for (; *names != NULL; names++) {
		size_t d = distance(word, *names);

		/* At most a third of the word may be wrong, two for short ones. */
		if (d < least && (d <= strlen(*names) / 3 || (d <= 2 && d * 2 <=
		    strlen(*names)))) {
			least = d;
			near = *names;
		}
	}
	return near;
}

static const struct opt_command *
find_command(const struct opt_command *const *commands, const char *name)
{
	for (; *commands != NULL; commands++)
		if (strcmp((*commands)->name, name) == 0)
			return *commands;
	return NULL;
}

static int
unknown_command(const char *program, const struct opt_command *const *commands,
    const char *word, struct err *e)
{
	const char *names[COMMANDS_MAX + 1];
	const char *near;
	int n = 0;

	for (; commands[n] != NULL && n < COMMANDS_MAX; n++)
		names[n] = commands[n]->name;
	names[n] = NULL;
	(void)err_set(e, ERR_USAGE, "unknown command '%s'", word);
	if ((near = opt_nearest(word, names)) != NULL)
		(void)err_hint(e, "did you mean '%s'?", near);
	return err_hint(e, "try '%s --help'", program);
}

/* Does this option before the command word take the next word as its value? */
static int
takes_next(const struct opt *table, const char *word)
{
	for (; table != NULL && table->name != NULL; table++) {
		if (table->kind == OPT_FLAG)
			continue;
		if (word[1] == '-' ? strcmp(word + 2, table->name) == 0 :
		    word[1] == table->letter && word[2] == '\0')
			return 1;
	}
	return 0;
}

/* Where the command word stands; argc when there is none. */
static int
find_word(const struct opt *table, int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
		if (strcmp(argv[i], "--") == 0)
			return argc;
		i += 1 + takes_next(table, argv[i]);
	}
	return i < argc ? i : argc;
}

/* An answer for the program as a whole: --help, --version, help, in front of
 * any command.  1 answered. */
static int
answer(const char *program, const char *about,
    const struct opt_command *const *commands, const char *fallback,
    int argc, char **argv, int at)
{
	for (int i = 1; i < at && i < argc; i++) {
		if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
			(void)printf("%s %s\n", program, VERSION_TEXT);
			return 1;
		}
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			opt_help_program(program, about, commands, fallback);
			return 1;
		}
	}
	if (at < argc && strcmp(argv[at], "help") == 0 &&
	    find_command(commands, "help") == NULL) {
		const struct opt_command *c = at + 1 < argc ?
		    find_command(commands, argv[at + 1]) : NULL;

		if (c != NULL)
			opt_help_command(program, c);
		else
			opt_help_program(program, about, commands, fallback);
		return 1;
	}
	return 0;
}

static int
run_command(const struct opt_command *c, int argc, char **argv, struct err *e)
{
	int words;

	switch (opt_parse(NULL, c, argc, argv, &words, e)) {
	case OPT_SHOWN:
		return 0;
	case OPT_BAD:
		return -1;
	case OPT_RUN:
		break;
	}
	return c->run(words, argv, e);
}

static int
run(const char *program, const struct opt_command *const *commands,
    const char *fallback, int argc, char **argv, int at, struct err *e)
{
	const struct opt_command *c;
	char *word = argv[at];	/* NULL when there is none: argv ends so */

	if (at < argc) {
		if ((c = find_command(commands, word)) == NULL)
			return unknown_command(program, commands, word, e);
		/* The options before the word move up behind it. */
		memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
		argv[1] = word;
		return run_command(c, argc - 1, argv + 1, e);
	}
	if (fallback == NULL || (c = find_command(commands, fallback)) == NULL) {
		(void)err_set(e, ERR_USAGE, "a command is missing");
		return err_hint(e, "try '%s --help'", program);
	}
	return run_command(c, argc, argv, e);
}

int
opt_main(const char *program, const char *about,
    const struct opt_command *const *commands, const char *fallback,
    int argc, char **argv)
{
	const struct opt_command *c = fallback == NULL ? NULL :
	    find_command(commands, fallback);
	struct err e = ERR_INIT;
	int at, status = 0;

	log_setup(program, LOG_NORMAL);
	opt_set_program(program);
	cancel_setup();
	at = find_word(c == NULL ? NULL : c->options, argc, argv);
	if (!answer(program, about, commands, fallback, argc, argv, at))
		status = run(program, commands, fallback, argc, argv, at, &e);
	progress_end();
	if (status != -1 && (fflush(stdout) == EOF || ferror(stdout)))
		status = err_sys(&e, "standard output");
	if (status != -1)
		return status;
	log_error(&e);
	status = err_exit_status(&e);
	return status == 0 ? 1 : status;
}
