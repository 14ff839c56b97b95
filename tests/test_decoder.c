/*
 * test_decoder.c - the child that decodes, seen from outside while it waits: what it
 * is, what it has, how it ends, what it takes.
 */
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "apply/decode/jail.h"
#include "apply/decoder.h"
#include "apply/decoder_talk.h"
#include "apply/patch/delta.h"

#include "tests/lab/delta_pair.h"

enum { MEMORY = 64 << 20 };

/* Ready, and told nothing yet. */
static struct decoder *
idle(int object, unsigned patience_s)
{
	const struct decoder_limits limits = { .packed = 8, .plain = 8,
		.patience_s = patience_s };
	struct err e = ERR_INIT;
	struct decoder *d = decoder_start(WIRE_PACKED, object, &limits, &e);

	if (d == NULL)
		fail_msg("%s", e.text);
	return d;
}

/* It shall do something. */
static int
use(struct decoder *d, struct err *e)
{
	return decoder_ask(d, WIRE_TEXT, 0, NULL, 0, -1, e) == -1 ? -1 :
	    decoder_more(d, UINT64_MAX, e);
}

/* The rest of the line of /proc/PID/status that begins so. */
static void
status_line(pid_t pid, const char *name, char out[static 128])
{
	char path[64], line[128];
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	assert_non_null(f = fopen(path, "re"));
	out[0] = '\0';
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			(void)snprintf(out, 128, "%s", line + strlen(name));
	(void)fclose(f);
}

static size_t
kilobytes(pid_t pid, const char *name)
{
	char text[128];

	status_line(pid, name, text);
	return strtoul(text, NULL, 10);
}

static void
it_has_no_rights(void **state)
{
	struct decoder *d = idle(pair_memory_file((const uint8_t *)"12345678", 8), 0);
	char text[128];

	(void)state;
	status_line(d->child.pid, "NoNewPrivs:\t", text);
	assert_string_equal(text, "1\n");
	status_line(d->child.pid, "CapEff:\t", text);
	assert_string_equal(text, "0000000000000000\n");
	if (geteuid() == 0) {
		status_line(d->child.pid, "Uid:\t", text);
		assert_string_equal(text, "65534\t65534\t65534\t65534\n");
		status_line(d->child.pid, "Gid:\t", text);
		assert_string_equal(text, "65534\t65534\t65534\t65534\n");
		status_line(d->child.pid, "Groups:\t", text);
		assert_null(strpbrk(text, "0123456789"));
	}
	if (!JAIL_SANITIZED && access("/proc/sys/kernel/seccomp", F_OK) == 0) {
		status_line(d->child.pid, "Seccomp:\t", text);
		assert_string_equal(text, "2\n");
	}
	assert_int_equal(getsid(d->child.pid), d->child.pid);
	decoder_close(d);
}

static size_t
count_names(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	for (struct dirent *x; (x = readdir(dir)) != NULL;)
		n += x->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static void
it_has_four_descriptors_and_no_environment(void **state)
{
	int object = pair_memory_file((const uint8_t *)"12345678", 8);
	int not_for_it = dup(object);	/* one that exec would pass on */
	struct decoder *d = idle(object, 0);
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)d->child.pid);
	assert_int_equal(count_names(path), 4);
	(void)snprintf(path, sizeof path, "/proc/%ld/environ", (long)d->child.pid);
	if (!JAIL_SANITIZED) {
		struct err e = ERR_INIT;
		struct buf text = BUF_INIT(4096);

		assert_int_equal(fs_read_path(path, &text, &e), 0);
		assert_int_equal(text.len, 0);
		buf_free(&text);
	}
	decoder_close(d);
	(void)close(not_for_it);
	(void)close(object);
}

static void
silence_is_borne_for_so_long(void **state)
{
	int object = pair_memory_file((const uint8_t *)"12345678", 8);
	struct decoder *d = idle(object, 1);
	struct err e = ERR_INIT;
	pid_t pid = d->child.pid;
	time_t begin = time(NULL);

	(void)state;
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(use(d, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_string_equal(e.text, "the decoder does not get on with it");
	assert_true(time(NULL) - begin < 20);
	assert_int_equal(kill(pid, 0), -1);	/* and it is gone */
	decoder_close(d);
	(void)close(object);
}

static void
a_death_is_told(void **state)
{
	int object = pair_memory_file((const uint8_t *)"12345678", 8);
	struct decoder *d = idle(object, 0);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(kill(d->child.pid, SIGKILL), 0);
	assert_int_equal(use(d, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_string_equal(e.text,
	    "the decoder broke down on it (killed by signal 9 (Killed))");
	assert_int_equal(use(d, &e), -1);
	assert_string_equal(e.text, "the decoder is gone");
	decoder_close(d);
	(void)close(object);
}

static void
damage_is_told(void **state)
{
	int object = pair_memory_file((const uint8_t *)"12345678", 8);
	const struct decoder_limits limits = { .packed = 8, .plain = 8 };
	struct decoder_entry entry;
	struct buf text = BUF_INIT(100);
	struct err e = ERR_INIT;
	struct decoder *d = decoder_full(object, &limits, &e);

	(void)state;
	assert_non_null(d);
	assert_int_equal(decoder_next(d, &entry, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_non_null(strstr(e.text, "zstd"));
	decoder_close(d);
	assert_int_equal(decoder_text(object, &text, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	assert_non_null(strstr(e.text, "zstd"));
	buf_free(&text);
	(void)close(object);
}

static bool
is_there(pid_t pid)
{
	char text[128];

	if (kill(pid, 0) == -1)
		return false;
	status_line(pid, "State:\t", text);
	return text[0] != 'Z';
}

/* Even one that does not look at its socket. */
static void
it_never_outlives_its_parent(void **state)
{
	int ends[2], status;
	pid_t pid, child = -1;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true((pid = fork()) != -1);
	if (pid == 0) {
		struct decoder *d = idle(pair_memory_file((const uint8_t *)"12345678", 8),
		    0);

		(void)kill(d->child.pid, SIGSTOP);
		(void)!write(ends[1], &d->child.pid, sizeof d->child.pid);
		(void)raise(SIGKILL);
	}
	assert_int_equal(read(ends[0], &child, sizeof child), sizeof child);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (int i = 0; i < 500 && is_there(child); i++)
		(void)usleep(10000);
	assert_false(is_there(child));
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void
abilities_are_those_of_the_decoder(void **state)
{
	(void)state;
	assert_true(decoder_knows("delta-1"));
	assert_true(decoder_knows("predict-x86-1"));
	assert_true(decoder_knows("predict-aarch64-1"));
	assert_false(decoder_knows("delta-2"));
	assert_false(decoder_knows("predict-x86-"));
	assert_false(decoder_knows(""));
	assert_false(decoder_knows("deflate-6-8-0-15:0000000000000000"));
	assert_false(decoder_knows("deflate-6-8-0-15:0000000000000000"));
}

/* ---- what it takes ---- */

struct build {
	const struct delta_pair *pair;
	uint64_t bytes;
};

static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	const struct build *b = arg;
	const struct entry *entry = &b->pair->old->entries[index];

	*bytes = entry->size;
	*fd = fs_open_file(b->pair->old_dir, entry->path, NULL, e);
	return *fd == -1 ? -1 : 0;
}

static int
count(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct build *b = arg;

	(void)data;
	(void)e;
	b->bytes += n;
	return 0;
}

/* Peak memory of a child that built all of it, in kB. */
static size_t
peak_of(const struct delta_pair *p, uint64_t memory)
{
	struct decoder_limits limits = { .memory = memory, .texts = 1 << 20,
		.scratch = 1 << 30 };
	struct buf old = BUF_INIT(1 << 20), text = BUF_INIT(1 << 20);
	struct build b = { p, 0 };
	const struct decoder_io io = { &b, open_old, count, NULL, NULL };
	struct err e = ERR_INIT;
	struct decoder *d = decoder_delta(p->delta, &limits, &e);
	size_t peak;

	if (d == NULL || listing_emit(p->old, &old, &e) == -1 ||
	    decoder_listing(d, old.data, old.len, &text, &e) == -1 ||
	    decoder_build(d, p->new->entries[1].size, &io, &e) == -1)
		fail_msg("%s", e.text);
	peak = kilobytes(d->child.pid, "VmHWM:\t");
	assert_int_equal(decoder_end(d, &e), 0);
	assert_int_equal(b.bytes, p->new->entries[1].size);
	decoder_close(d);
	buf_free(&old);
	buf_free(&text);
	return peak;
}

static void
its_memory_is_what_was_signed(void **state)
{
	enum { BYTES = 6 << 20, SLACK_KB = 3 << 10 };
	const struct scratch *s = *state;
	uint8_t *data = pair_bytes(BYTES, 1);
	struct err e = ERR_INIT;
	struct delta_pair p;
	struct delta *delta;
	struct decoder *d;
	uint64_t declared;
	size_t before, peak;

	pair_folders(s);
	pair_put(s, "old/f", data, BYTES);
	for (size_t i = 1000; i < BYTES; i += 5000)
		data[i] ^= 1;
	pair_put(s, "new/f", data, BYTES);
	free(data);
	pair_open(s, &p);
	assert_non_null(delta = delta_open(p.delta, UINT64_MAX, &e));
	declared = delta_memory(delta);
	delta_close(delta);
	d = idle(p.delta, 0);
	before = kilobytes(d->child.pid, "VmHWM:\t");
	decoder_close(d);
	peak = peak_of(&p, declared);
	print_message("# figure: decoder: %zu kB idle, %zu kB at its peak, %zu kB signed\n",
	    before, peak, (size_t)declared / 1024);
	if (!JAIL_SANITIZED)
		assert_in_range(peak, before,
		    before + declared / 1024 + SLACK_KB);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_no_rights),
		cmocka_unit_test(it_has_four_descriptors_and_no_environment),
		cmocka_unit_test(silence_is_borne_for_so_long),
		cmocka_unit_test(a_death_is_told),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(it_never_outlives_its_parent),
		cmocka_unit_test(abilities_are_those_of_the_decoder),
		SCRATCH_TEST(its_memory_is_what_was_signed),
	};

	log_setup("test", LOG_QUIET);
	return cmocka_run_group_tests_name("decoder", tests, NULL, NULL);
}
