#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"
#include "manifest/base/opt_help.h"

#include "manifest/base/opt.h"

/* What is known while one command line is read. */
struct line {
	const char *program;
	const struct opt_command *command;
	int argc, at;		/* the word under the eye */
	char **argv;
	uint64_t seen;		/* one bit for each option of the table */
	bool shown;		/* --help or --version was answered */
};

static const char *program_name = "";

void
opt_set_program(const char *program)
{
	program_name = program;
}

static int
bad(struct line *l, struct err *e)
{
	if (strcmp(l->program, l->command->name) == 0)
		return err_hint(e, "try '%s --help'", l->program);
	return err_hint(e, "try '%s %s --help'", l->program, l->command->name);
}

static int
store_number(const struct opt *o, const char *value)
{
	uint64_t v;

	if (o->kind == OPT_COUNT_U32) {
		uint32_t *out = o->value;

		if (u64_parse(value, UINT32_MAX, &v) == -1 || v == 0)
			return -1;
		*out = (uint32_t)v;
		return 0;
	}
	if (o->kind == OPT_BYTES)
		return bytes_parse(value, o->value);
	return u64_parse(value, UINT64_MAX, o->value);
}

static int
store(const struct opt *o, const char *value, struct err *e)
{
	switch (o->kind) {
	case OPT_FLAG: {
		bool *out = o->value;

		*out = true;
		return 0;
	}
	case OPT_TEXT: {
		const char **out = o->value;

		*out = value;
		return 0;
	}
	case OPT_LIST: {
		struct opt_list *list = o->value;

		if (list->n == OPT_LIST_MAX)
			return err_set(e, ERR_USAGE, "--%s: more than %d times",
			    o->name, OPT_LIST_MAX);
		list->values[list->n++] = value;
		return 0;
	}
	default:
		if (store_number(o, value) == -1)
			return err_set(e, ERR_USAGE, "--%s: '%s' is no %s", o->name,
			    value, o->kind == OPT_BYTES ? "size such as 16M" :
			    o->kind == OPT_COUNT_U32 ? "number from 1" : "number");
		return 0;
	}
}

static int
take(struct line *l, const struct opt *o, const char *value, struct err *e)
{
	uint64_t bit = (uint64_t)1 << ((o - l->command->options) & 63);
	bool again = o->kind == OPT_FLAG || o->kind == OPT_LIST;

	if (!again && (l->seen & bit) != 0)
		return err_set(e, ERR_USAGE, "--%s is given twice", o->name);
	l->seen |= bit;
	return store(o, value, e);
}

static void
take_common(struct line *l, const struct opt *o)
{
	switch (o->letter) {
	case 'q':
		log_set_level(LOG_QUIET);
		break;
	case 'v':
		log_set_level(LOG_VERBOSE);
		break;
	case 'h':
		opt_help_command(l->program, l->command);
		l->shown = true;
		break;
	default:
		(void)printf("%s %s\n", l->program, VERSION_TEXT);
		l->shown = true;
	}
}

static const struct opt *
find_name(const struct opt *table, const char *name, size_t n)
{
	for (; table != NULL && table->name != NULL; table++)
		if (strlen(table->name) == n && memcmp(table->name, name, n) == 0)
			return table;
	return NULL;
}

static const struct opt *
find_letter(const struct opt *table, char letter)
{
	for (; table != NULL && table->name != NULL; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static int
unknown_name(struct line *l, const char *name, size_t n, struct err *e)
{
	const char *names[64 + 5];
	const char *near;
	char word[64];
	int count = 0;

	(void)snprintf(word, sizeof word, "%.*s", (int)(n < 63 ? n : 63), name);
	for (const struct opt *o = l->command->options;
	    o != NULL && o->name != NULL && count < 64; o++)
		names[count++] = o->name;
	for (const struct opt *o = opt_common; o->name != NULL; o++)
		names[count++] = o->name;
	names[count] = NULL;
	(void)err_set(e, ERR_USAGE, "unknown option --%s", word);
	if ((near = opt_nearest(word, names)) != NULL)
		(void)err_hint(e, "did you mean --%s?", near);
	return -1;
}

/* --name, --name=value, --name value */
static int
take_long(struct line *l, struct err *e)
{
	const char *name = l->argv[l->at] + 2;
	size_t n = strcspn(name, "=");
	const char *value = name[n] == '=' ? name + n + 1 : NULL;
	const struct opt *o = find_name(l->command->options, name, n);
	const struct opt *common = o == NULL ? find_name(opt_common, name, n) : NULL;

	if (o == NULL && common == NULL)
		return unknown_name(l, name, n, e);
	if ((o == NULL || o->kind == OPT_FLAG) && value != NULL)
		return err_set(e, ERR_USAGE, "--%.*s takes no value", (int)n, name);
	if (o == NULL) {
		take_common(l, common);
		return 0;
	}
	if (o->kind != OPT_FLAG && value == NULL) {
		if (l->at + 1 >= l->argc)
			return err_set(e, ERR_USAGE, "--%s needs a value: %s",
			    o->name, o->arg);
		value = l->argv[++l->at];
	}
	return take(l, o, value, e);
}

/* -n, -nv, -j4, -j 4 */
static int
take_letters(struct line *l, struct err *e)
{
	const char *p = l->argv[l->at] + 1;

	for (; *p != '\0' && !l->shown; p++) {
		const struct opt *o = find_letter(l->command->options, *p);
		const struct opt *common = find_letter(opt_common, *p);
		const char *value = p + 1;

		if (o == NULL && common == NULL)
			return err_set(e, ERR_USAGE, "unknown option -%c", *p);
		if (o == NULL) {
			take_common(l, common);
			continue;
		}
		if (o->kind == OPT_FLAG) {
			if (take(l, o, NULL, e) == -1)
				return -1;
			continue;
		}
		if (*value == '\0' && l->at + 1 >= l->argc)
			return err_set(e, ERR_USAGE, "-%c needs a value: %s",
			    *p, o->arg);
		if (*value == '\0')
			value = l->argv[++l->at];
		return take(l, o, value, e);
	}
	return 0;
}

static int
check_words(const struct opt_command *c, int words, char **argv, struct err *e)
{
	if (words < c->words_min)
		return err_set(e, ERR_USAGE, "%s: too few words, wanted: %s",
		    c->name, c->words == NULL ? "" : c->words);
	if (c->words_max >= 0 && words > c->words_max) {
		if (c->words_max == 0)
			return err_set(e, ERR_USAGE, "%s takes no words, not '%s'",
			    c->name, argv[1]);
		return err_set(e, ERR_USAGE, "%s: one word too many: '%s'", c->name,
		    argv[c->words_max + 1]);
	}
	return 0;
}

enum opt_result
opt_parse(const char *program, const struct opt_command *command, int argc,
    char **argv, int *words, struct err *e)
{
	struct line l = { program == NULL ? program_name : program, command, argc,
		1, argv, 0, false };
	bool plain = false;	/* behind "--" */
	int n = 0, rc = 0;

	for (; rc == 0 && !l.shown && l.at < argc; l.at++) {
		char *word = argv[l.at];

		if (plain || word[0] != '-' || word[1] == '\0')
			argv[++n] = word;
		else if (strcmp(word, "--") == 0)
			plain = true;
		else if (word[1] == '-')
			rc = take_long(&l, e);
		else
			rc = take_letters(&l, e);
	}
	if (rc == 0 && l.shown)
		return OPT_SHOWN;
	if (rc == 0 && n < argc)
		argv[n + 1] = NULL;
	if (rc == -1 || check_words(command, n, argv, e) == -1) {
		(void)bad(&l, e);
		return OPT_BAD;
	}
	*words = n;
	return OPT_RUN;
}
