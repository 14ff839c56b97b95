#include <stdio.h>
#include <string.h>

#include "manifest/base/opt_help.h"

enum { COLUMNS = 80, HEAD_MAX = 64, LEFT_MAX = 30 };

const struct opt opt_common[] = {
	{ "quiet", 'q', OPT_FLAG, NULL, NULL, "only warnings and errors" },
	{ "verbose", 'v', OPT_FLAG, NULL, NULL, "say more" },
	{ "help", 'h', OPT_FLAG, NULL, NULL, "show this text" },
	{ "version", 'V', OPT_FLAG, NULL, NULL, "show the version" },
	OPT_END
};

int
opt_name_free(const struct opt *table, const char *name)
{
	for (; table != NULL && table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return 0;
	return 1;
}

int
opt_letter_free(const struct opt *table, char letter)
{
	for (; table != NULL && table->name != NULL; table++)
		if (table->letter == letter)
			return 0;
	return 1;
}

/* "  -j, --jobs N" */
static int
head_text(char out[static HEAD_MAX], const struct opt *o, char letter)
{
	char lead[8] = "    ";
	int n;

	if (letter != 0)
		(void)snprintf(lead, sizeof lead, "-%c, ", letter);
	n = snprintf(out, HEAD_MAX, "  %s--%s%s%s", lead, o->name,
	    o->arg == NULL ? "" : " ", o->arg == NULL ? "" : o->arg);
	return n < HEAD_MAX ? n : HEAD_MAX - 1;
}

/* The text behind its head, broken at spaces, each line from column `left`. */
static void
print_row(const char *head, int left, const char *text)
{
	int at = (int)strlen(head), room = COLUMNS - 1 - left;

	if (at > 0 && at + 2 > left) {
		(void)printf("%s\n", head);
		at = 0;
	} else {
		(void)printf("%s", head);
	}
	while (*text != '\0') {
		int n = (int)strlen(text), cut = n;

		if (n > room) {
			for (cut = room; cut > 0 && text[cut] != ' '; cut--)
				;
			if (cut == 0)
				cut = room;
		}
		(void)printf("%*s%.*s\n", left - at, "", cut, text);
		at = 0;
		text += cut;
		text += strspn(text, " ");
	}
}

static int
left_column(const struct opt *table)
{
	char head[HEAD_MAX];
	int left = 0;

	for (const struct opt *o = table; o != NULL && o->name != NULL; o++) {
		int n = head_text(head, o, o->letter);

		if (n + 2 <= LEFT_MAX && n + 2 > left)
			left = n + 2;
	}
	return left < 17 ? 17 : left;	/* "  -V, --version" */
}

static void
print_options(const struct opt *table)
{
	int left = left_column(table);
	char head[HEAD_MAX];

	for (const struct opt *o = table; o != NULL && o->name != NULL; o++) {
		(void)head_text(head, o, o->letter);
		print_row(head, left, o->help);
	}
	for (const struct opt *o = opt_common; o->name != NULL; o++) {
		if (!opt_name_free(table, o->name))
			continue;
		(void)head_text(head, o,
		    opt_letter_free(table, o->letter) ? o->letter : 0);
		print_row(head, left, o->help);
	}
}

void
opt_help_command(const char *program, const struct opt_command *c)
{
	/* A program without command words has its own name as the command's. */
	if (strcmp(program, c->name) == 0)
		(void)printf("usage: %s [OPTION]...", program);
	else
		(void)printf("usage: %s %s [OPTION]...", program, c->name);
	if (c->words != NULL && c->words[0] != '\0')
		(void)printf(" %s", c->words);
	(void)printf("\n\n");
	print_row("", 0, c->help);
	(void)printf("\n");
	print_options(c->options);
	if (c->text != NULL) {
		size_t n = strlen(c->text);

		(void)printf("\n%s%s", c->text,
		    n > 0 && c->text[n - 1] != '\n' ? "\n" : "");
	}
}

void
opt_help_program(const char *program, const char *about,
    const struct opt_command *const *commands, const char *fallback)
{
	char head[HEAD_MAX];
	int left = 0;

	(void)printf("usage: %s %s [OPTION]... [WORD]...\n\n", program,
	    fallback == NULL ? "COMMAND" : "[COMMAND]");
	print_row("", 0, about);
	(void)printf("\n");
	for (const struct opt_command *const *c = commands; *c != NULL; c++)
		if ((int)strlen((*c)->name) + 4 > left)
			left = (int)strlen((*c)->name) + 4;
	for (const struct opt_command *const *c = commands; *c != NULL; c++) {
		(void)snprintf(head, sizeof head, "  %s", (*c)->name);
		print_row(head, left, (*c)->help);
	}
	if (fallback != NULL)
		(void)printf("\nWithout a command: %s.\n", fallback);
	(void)printf("\n'%s COMMAND --help' shows the options of a command.\n",
	    program);
}
