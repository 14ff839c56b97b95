#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/log.h"
#include "manifest/base/opt.h"

enum { WORDS_MAX = 200 };

static struct {
	bool dry;
	const char *out;
	struct opt_list reuse;
	uint32_t jobs;
	uint64_t number, memory;
} want;

static const struct opt options[] = {
	{ "dry-run", 'n', OPT_FLAG, &want.dry, NULL, "show what would change" },
	{ "out", 'o', OPT_TEXT, &want.out, "DIR", "stage the release here" },
	{ "reuse", 0, OPT_LIST, &want.reuse, "DIR", "look here for old files, which "
	    "saves most of the work when a tree was built before and is still there" },
	{ "jobs", 'j', OPT_COUNT_U32, &want.jobs, "N", "worker threads" },
	{ "number", 0, OPT_COUNT_U64, &want.number, "N", "the release's number" },
	{ "memory", 'm', OPT_BYTES, &want.memory, "BYTES", "at most this much" },
	OPT_END
};

static int run_release(int n, char **argv, struct err *e);

static const struct opt_command cmd_release = { "release", "REPO TREE",
	"publish a tree as a release", "The tree is read once.\n", options, 1, 2,
	run_release };

static int words;
static char *args[WORDS_MAX + 1];
static int run_count;

static int
run_release(int n, char **argv, struct err *e)
{
	run_count++;
	words = n;
	if (strcmp(argv[1], "fail") == 0)
		return err_set(e, ERR_TRUST, "root.json: no good signature");
	return strcmp(argv[1], "eight") == 0 ? 8 : 0;
}

static int
run_other(int n, char **argv, struct err *e)
{
	(void)n;
	(void)argv;
	return err_set(e, ERR_FAIL, "other ran");
}

static const struct opt_command cmd_other = { "refresh", "REPO", "sign anew", NULL,
	NULL, 0, 0, run_other };
static const struct opt_command *const commands[] = { &cmd_release, &cmd_other, NULL };

/* The line's words, split at blanks, as argv; "''" stands for an empty word. */
static int
split(const char *line)
{
	static char copy[4096];
	int n = 0;

	(void)snprintf(copy, sizeof copy, "%s", line);
	for (char *p = strtok(copy, " "); p != NULL && n < WORDS_MAX;
	    p = strtok(NULL, " "))
		args[n++] = strcmp(p, "''") == 0 ? p + 2 : p;
	args[n] = NULL;
	return n;
}

static enum opt_result
parse(const char *line, struct err *e)
{
	int n = split(line);

	memset(&want, 0, sizeof want);
	err_clear(e);
	log_setup("prog", LOG_NORMAL);
	return opt_parse("prog", &cmd_release, n, args, &words, e);
}

static void
options_and_words_stand_in_any_order(void **state)
{
	static const char *const lines[] = {
		"release --dry-run --out x --jobs 3 a b",
		"release a b -n -o x -j3",
		"release a -nox -j 3 b",
		"release a --out=x b --dry-run --jobs=3",
		"release -n -j3 --out x -- a b",
	};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		assert_int_equal(parse(lines[i], &e), OPT_RUN);
		assert_int_equal(words, 2);
		assert_string_equal(args[1], "a");
		assert_string_equal(args[2], "b");
		assert_null(args[3]);
		assert_true(want.dry);
		assert_string_equal(want.out, "x");
		assert_int_equal(want.jobs, 3);
	}
}

static void
what_follows_two_dashes_is_a_word(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(parse("release -- --dry-run -", &e), OPT_RUN);
	assert_int_equal(words, 2);
	assert_string_equal(args[1], "--dry-run");
	assert_string_equal(args[2], "-");
	assert_false(want.dry);
	assert_int_equal(parse("release - --out=", &e), OPT_RUN);
	assert_int_equal(words, 1);
	assert_string_equal(want.out, "");
	assert_int_equal(parse("release --out --dry-run a", &e), OPT_RUN);
	assert_string_equal(want.out, "--dry-run");
	assert_false(want.dry);
}

static void
values_are_read_by_their_kind(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(parse("release a --reuse x --reuse=y -m 16M "
	    "--number 18446744073709551615", &e), OPT_RUN);
	assert_int_equal(want.reuse.n, 2);
	assert_string_equal(want.reuse.values[0], "x");
	assert_string_equal(want.reuse.values[1], "y");
	assert_true(want.memory == 16 << 20);
	assert_true(want.number == UINT64_MAX);
}

static void
a_usage_error_names_the_word_and_the_way_to_help(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{ "release a --dyr-run",
		    "unknown option --dyr-run; did you mean --dry-run?" },
		{ "release a --zzz", "unknown option --zzz" },
		{ "release a --job=3", "unknown option --job; did you mean --jobs?" },
		{ "release a -nx", "unknown option -x" },
		{ "release a --out", "--out needs a value: DIR" },
		{ "release a -j", "-j needs a value: N" },
		{ "release a --dry-run=yes", "--dry-run takes no value" },
		{ "release a --help=yes", "--help takes no value" },
		{ "release a --jobs 0", "--jobs: '0' is no number from 1" },
		{ "release a --jobs ''", "--jobs: '' is no number from 1" },
		{ "release a -j 4294967296", "--jobs: '4294967296' is no number from 1" },
		{ "release a --number -1", "--number: '-1' is no number" },
		{ "release a --memory 1x", "--memory: '1x' is no size such as 16M" },
		{ "release a --out x --out y", "--out is given twice" },
		{ "release a -j1 --jobs 1", "--jobs is given twice" },
		{ "release", "release: too few words, wanted: REPO TREE" },
		{ "release a b c", "release: one word too many: 'c'" },
	};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char wanted[200];

		(void)snprintf(wanted, sizeof wanted,
		    "%s; try 'prog release --help'", cases[i].text);
		assert_int_equal(parse(cases[i].line, &e), OPT_BAD);
		assert_int_equal(e.code, ERR_USAGE);
		assert_string_equal(e.text, wanted);
	}
}

static void
a_list_has_a_limit(void **state)
{
	char line[4096] = "release a";
	struct err e = ERR_INIT;

	(void)state;
	for (int i = 0; i < OPT_LIST_MAX; i++)
		(void)strcat(line, " --reuse=d");
	assert_int_equal(parse(line, &e), OPT_RUN);
	assert_int_equal(want.reuse.n, OPT_LIST_MAX);
	(void)strcat(line, " --reuse=d");
	assert_int_equal(parse(line, &e), OPT_BAD);
}

static void
quiet_and_verbose_are_in_every_table(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(parse("release a --quiet", &e), OPT_RUN);
	assert_int_equal(log_level_now(), LOG_QUIET);
	assert_int_equal(parse("release a -nv", &e), OPT_RUN);
	assert_int_equal(log_level_now(), LOG_VERBOSE);
	assert_true(want.dry);
	assert_int_equal(parse("release a", &e), OPT_RUN);
	assert_int_equal(log_level_now(), LOG_NORMAL);
}

static char out_text[16384], err_text[16384];

/* Standard output or error into a file, and back. */
static int
divert(FILE *stream, FILE *to)
{
	int saved;

	(void)fflush(stream);
	saved = dup(fileno(stream));
	assert_int_not_equal(saved, -1);
	assert_int_not_equal(dup2(fileno(to), fileno(stream)), -1);
	return saved;
}

static void
restore(FILE *stream, int saved, FILE *from, char *text, size_t max)
{
	ssize_t n;

	(void)fflush(stream);
	assert_int_not_equal(dup2(saved, fileno(stream)), -1);
	(void)close(saved);
	n = pread(fileno(from), text, max - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	(void)fclose(from);
}

static int
run_program(const char *line, const char *fallback)
{
	FILE *out = tmpfile(), *err = tmpfile();
	int n = split(line), status, saved_out, saved_err;

	assert_true(out != NULL && err != NULL);
	memset(&want, 0, sizeof want);
	run_count = 0;
	saved_out = divert(stdout, out);
	saved_err = divert(stderr, err);
	status = opt_main("prog", "make and sign releases", commands, fallback, n,
	    args);
	restore(stdout, saved_out, out, out_text, sizeof out_text);
	restore(stderr, saved_err, err, err_text, sizeof err_text);
	return status;
}

static void
a_command_runs_and_its_status_is_the_programs(void **state)
{
	(void)state;
	assert_int_equal(run_program("prog release a", NULL), 0);
	assert_int_equal(run_count, 1);
	assert_string_equal(err_text, "");
	assert_int_equal(run_program("prog release eight", NULL), 8);
	assert_string_equal(err_text, "");
	assert_int_equal(run_program("prog release fail", NULL), 4);
	assert_string_equal(err_text, "prog: root.json: no good signature\n");
	assert_string_equal(out_text, "");
	assert_int_equal(run_program("prog refresh", NULL), 1);
	assert_string_equal(err_text, "prog: other ran\n");
}

static void
usage_errors_go_to_standard_error_with_status_2(void **state)
{
	(void)state;
	assert_int_equal(run_program("prog", NULL), 2);
	assert_string_equal(err_text,
	    "prog: a command is missing; try 'prog --help'\n");
	assert_int_equal(run_program("prog relaese a", NULL), 2);
	assert_string_equal(err_text, "prog: unknown command 'relaese'; "
	    "did you mean 'release'?; try 'prog --help'\n");
	assert_int_equal(run_program("prog fly", NULL), 2);
	assert_string_equal(err_text,
	    "prog: unknown command 'fly'; try 'prog --help'\n");
	assert_int_equal(run_program("prog release --wings", NULL), 2);
	assert_string_equal(err_text,
	    "prog: unknown option --wings; try 'prog release --help'\n");
	assert_string_equal(out_text, "");
}

static void
options_before_the_word_are_the_commands(void **state)
{
	(void)state;
	assert_int_equal(run_program("prog --out refresh -n release a b", "release"), 0);
	assert_int_equal(run_count, 1);
	assert_string_equal(want.out, "refresh");
	assert_true(want.dry);
	assert_int_equal(words, 2);
	assert_int_equal(run_program("prog --quiet release a", NULL), 0);
	assert_int_equal(run_count, 1);
	assert_int_equal(log_level_now(), LOG_QUIET);
}

static void
without_a_word_the_fallback_runs(void **state)
{
	(void)state;
	assert_int_equal(run_program("prog", "refresh"), 1);
	assert_string_equal(err_text, "prog: other ran\n");
	assert_int_equal(run_program("prog -n --out x", "release"), 2);
	assert_int_equal(run_count, 0);
	assert_non_null(strstr(err_text, "too few words"));
	assert_int_equal(run_program("prog relaese", "release"), 2);
	assert_non_null(strstr(err_text, "did you mean 'release'?"));
}

static void
help_is_on_standard_output_and_fits_80_columns(void **state)
{
	(void)state;
	assert_int_equal(run_program("prog release --help", NULL), 0);
	assert_string_equal(err_text, "");
	assert_string_equal(out_text,
	    "usage: prog release [OPTION]... REPO TREE\n"
	    "\n"
	    "publish a tree as a release\n"
	    "\n"
	    "  -n, --dry-run       show what would change\n"
	    "  -o, --out DIR       stage the release here\n"
	    "      --reuse DIR     look here for old files, which saves most of the "
	    "work\n"
	    "                      when a tree was built before and is still there\n"
	    "  -j, --jobs N        worker threads\n"
	    "      --number N      the release's number\n"
	    "  -m, --memory BYTES  at most this much\n"
	    "  -q, --quiet         only warnings and errors\n"
	    "  -v, --verbose       say more\n"
	    "  -h, --help          show this text\n"
	    "  -V, --version       show the version\n"
	    "\n"
	    "The tree is read once.\n");
	for (char *p = strtok(out_text, "\n"); p != NULL; p = strtok(NULL, "\n"))
		assert_true(strlen(p) < 80);
}

static void
the_programs_help_lists_its_commands(void **state)
{
	static const char *const lines[] = { "prog --help", "prog -h", "prog help",
		"prog --help release a", "prog help nothing" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		assert_int_equal(run_program(lines[i], NULL), 0);
		assert_int_equal(run_count, 0);
		assert_string_equal(out_text,
		    "usage: prog COMMAND [OPTION]... [WORD]...\n"
		    "\n"
		    "make and sign releases\n"
		    "\n"
		    "  release  publish a tree as a release\n"
		    "  refresh  sign anew\n"
		    "\n"
		    "'prog COMMAND --help' shows the options of a command.\n");
	}
	assert_int_equal(run_program("prog help release", NULL), 0);
	assert_memory_equal(out_text, "usage: prog release ", 20);
}

static void
the_version_is_one_line(void **state)
{
	static const char *const lines[] = { "prog --version", "prog -V",
		"prog release --version", "prog release a b c -V" };

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		assert_int_equal(run_program(lines[i], NULL), 0);
		assert_string_equal(out_text, "prog " VERSION_TEXT "\n");
	}
}

static void
output_that_cannot_be_written_is_a_failure(void **state)
{
	FILE *full = fopen("/dev/full", "w"), *err = tmpfile();
	int n = split("prog --help"), saved_out, saved_err, status;

	(void)state;
	assert_true(full != NULL && err != NULL);
	saved_out = divert(stdout, full);
	saved_err = divert(stderr, err);
	status = opt_main("prog", "x", commands, NULL, n, args);
	clearerr(stdout);
	assert_int_not_equal(dup2(saved_out, STDOUT_FILENO), -1);
	(void)close(saved_out);
	(void)fclose(full);
	restore(stderr, saved_err, err, err_text, sizeof err_text);
	assert_int_equal(status, 7);
	assert_non_null(strstr(err_text, "prog: standard output: "));
}

static void
near_misses_are_found_and_far_ones_not(void **state)
{
	static const char *const names[] = { "release", "list", "inspect", "ls", NULL };

	(void)state;
	assert_string_equal(opt_nearest("relase", names), "release");
	assert_string_equal(opt_nearest("lits", names), "list");
	assert_string_equal(opt_nearest("inspetc", names), "inspect");
	assert_null(opt_nearest("xy", names));
	assert_null(opt_nearest("", names));
	assert_null(opt_nearest("a-word-that-is-much-longer-than-any-of-the-names",
	    names));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_words_stand_in_any_order),
		cmocka_unit_test(what_follows_two_dashes_is_a_word),
		cmocka_unit_test(values_are_read_by_their_kind),
		cmocka_unit_test(a_usage_error_names_the_word_and_the_way_to_help),
		cmocka_unit_test(a_list_has_a_limit),
		cmocka_unit_test(quiet_and_verbose_are_in_every_table),
		cmocka_unit_test(a_command_runs_and_its_status_is_the_programs),
		cmocka_unit_test(usage_errors_go_to_standard_error_with_status_2),
		cmocka_unit_test(options_before_the_word_are_the_commands),
		cmocka_unit_test(without_a_word_the_fallback_runs),
		cmocka_unit_test(help_is_on_standard_output_and_fits_80_columns),
		cmocka_unit_test(the_programs_help_lists_its_commands),
		cmocka_unit_test(the_version_is_one_line),
		cmocka_unit_test(output_that_cannot_be_written_is_a_failure),
		cmocka_unit_test(near_misses_are_found_and_far_ones_not),
	};

	return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}
