/*
 * Who is asked for a target, under what names, and what of it comes onto the disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/tuf_world.h"

/* Requests for delegated roles since the last run, "A C D " for 1.A.json and so on. */
static void
roles_asked(struct tuf_world *w, char *out, size_t max)
{
	char *log = strdup(tuf_host_asked(w->host)), *rest = log, *line;

	out[0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		char name[100];

		if (sscanf(line, "GET /metadata/%*d.%99[^ ]", name) != 1 ||
		    strcmp(name, "root.json") == 0 ||
		    strcmp(name, "snapshot.json") == 0 ||
		    strcmp(name, "targets.json") == 0)
			continue;
		name[strlen(name) - strlen(".json")] = '\0';
		(void)snprintf(out + strlen(out), max - strlen(out), "%s ", name);
	}
	free(log);
}

struct edge {
	const char *from, *to, *pattern;	/* pattern NULL: "*" */
	bool terminating;
};

enum { EDGES = 6 };

static void
build(struct tuf_world *w, const struct edge *edges)
{
	for (int i = 0; i < EDGES && edges[i].from != NULL; i++) {
		const char *pattern = edges[i].pattern;

		sim_delegate(w->sim, edges[i].from, edges[i].to,
		    pattern == NULL ? "*" : pattern, SIM_KEY(K_CHANNEL));
		if (edges[i].terminating)
			assert_int_equal(jv_set(sim_delegation(w->sim, edges[i].from,
			    edges[i].to), "terminating", jv_new_bool(true)), 0);
	}
	sim_release(w->sim);
}

/* Graphs, and the order in which a name that nobody lists is searched in them. */
static const struct {
	struct edge edges[EDGES];
	const char *order;
} graphs[] = {
	{ { { "targets", "A", NULL, false } }, "A " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false } }, "A B " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false },
	    { "B", "C", NULL, false } }, "A B C " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false },
	    { "A", "C", NULL, false }, { "A", "D", NULL, false } }, "A C D B " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false },
	    { "A", "C", NULL, false }, { "C", "D", NULL, false } }, "A C D B " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false },
	    { "A", "C", NULL, true }, { "A", "D", NULL, false } }, "A C " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false },
	    { "A", "C", NULL, true }, { "C", "D", NULL, false } }, "A C D " },
	{ { { "targets", "A", "*.py", false }, { "targets", "B", NULL, false },
	    { "A", "C", NULL, false } }, "B " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false },
	    { "A", "C", "*.py", false }, { "C", "D", NULL, false } }, "A B " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false },
	    { "B", "C", NULL, false }, { "C", "D", NULL, false },
	    { "D", "B", NULL, false } }, "A B C D " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false },
	    { "B", "C", NULL, false }, { "A", "C", NULL, false } }, "A C B " },
	{ { { "targets", "A", NULL, false }, { "targets", "B", NULL, false },
	    { "B", "C", NULL, false }, { "A", "C", "*.py", false } }, "A B C " },
	/* terminating counts where the path fits, and only there */
	{ { { "targets", "A", "*.py", true }, { "targets", "B", NULL, false } }, "B " },
	{ { { "targets", "A", NULL, true }, { "targets", "B", NULL, false },
	    { "A", "A", NULL, false } }, "A " },
};

static void
roles_are_searched_depth_first_in_order_of_appearance(void **state)
{
	for (size_t i = 0; i < sizeof graphs / sizeof graphs[0]; i++) {
		struct tuf_world *w;
		char order[100];

		if (i > 0)
			assert_int_equal(tuf_world_open_foreign(state), 0);
		w = *state;
		build(w, graphs[i].edges);
		tuf_world_get_fails(w, "missing", 2, "does not list it");
		roles_asked(w, order, sizeof order);
		if (strcmp(order, graphs[i].order) != 0)
			fail_msg("graph %zu: %s, not %s", i, order, graphs[i].order);
		/* The metadata came all the same, and nothing is asked for twice. */
		tuf_world_get_fails(w, "missing", 2, "does not list it");
		roles_asked(w, order, sizeof order);
		assert_string_equal(order, "");
		if (i + 1 < sizeof graphs / sizeof graphs[0])
			assert_int_equal(tuf_world_close(state), 0);
	}
}

static void
targets_are_found_by_the_patterns_of_the_whole_chain(void **state)
{
	static const struct edge edges[EDGES] = { { "targets", "A", "*.md", false },
		{ "targets", "B", "releases/*/*", false },
		{ "B", "C", "releases/x/*", false },
		{ "B", "D", "releases/y/*.zip", false } };
	static const struct {
		const char *role, *path, *order;
		bool found;
	} cases[] = { { "targets", "file", "", true },
		{ "A", "README.md", "A ", true },
		{ "C", "releases/x/v1", "B C ", true },
		{ "D", "releases/y/v1.zip", "D ", true },
		{ "D", "releases/z/v1.zip", "", false } };
	struct tuf_world *w = *state;
	char order[100];

	build(w, edges);
	for (int i = 0; i < 5; i++)
		tuf_world_target(w, cases[i].role, cases[i].path, cases[i].path);
	sim_release(w->sim);
	for (int i = 0; i < 5; i++) {
		if (cases[i].found)
			tuf_world_gets(w, cases[i].path, cases[i].path);
		else
			tuf_world_get_fails(w, cases[i].path, 2, "does not list it");
		roles_asked(w, order, sizeof order);
		assert_string_equal(order, cases[i].order);
		assert_int_equal(tuf_host_count(w->host, "/targets/"), cases[i].found);
	}
}

/* Sixteen roles, each for the names whose hash begins with its digit. */
static void
hashed_bins_are_found_by_the_prefix_of_the_hash(void **state)
{
	static const char digits[] = "0123456789abcdef";
	struct tuf_world *w = *state;

	for (int i = 0; i < 16; i++) {
		char name[8] = "bin-", prefix[2] = { digits[i], '\0' };
		struct jv *list = jv_new_list(), *entry;

		name[4] = digits[i];
		sim_delegate(w->sim, "targets", name, "*", SIM_KEY(K_CHANNEL));
		entry = sim_delegation(w->sim, "targets", name);
		assert_int_equal(jv_remove(entry, "paths"), 0);
		assert_int_equal(jv_push(list, jv_new_text(prefix)), 0);
		assert_int_equal(jv_set(entry, "path_hash_prefixes", list), 0);
	}
	/* sha256sum of "dir/a" begins with 4, of "b" with 3 */
	tuf_world_target(w, "bin-4", "dir/a", "1");
	tuf_world_target(w, "bin-3", "b", "22");
	tuf_world_target(w, "bin-1", "b", "333");
	sim_release(w->sim);
	tuf_world_gets(w, "dir/a", "1");
	assert_int_equal(tuf_host_count(w->host, "bin-"), 1);
	tuf_world_gets(w, "b", "22");
	assert_int_equal(tuf_host_count(w->host, "bin-"), 1);
	tuf_world_get_fails(w, "c", 2, "does not list it");
	assert_int_equal(tuf_host_count(w->host, "bin-"), 1);
}

/* Names are quoted whole in requests, and lead nowhere else as files. */
static void
strange_names_of_roles_are_quoted(void **state)
{
	static const char *const names[][2] = { { "?", "%3F" }, { "#", "%23" },
		{ "/delegated", "%2Fdelegated" }, { "../delegated", "..%2Fdelegated" },
		{ "a%2Fb", "a%252Fb" }, { "\xc3\xa9", "%C3%A9" }, { "a b", "a%20b" },
		{ "..", ".." }, { "~-._", "~-._" }, { "a\nb", "a%0Ab" },
		{ "x.json", "x.json" } };
	struct tuf_world *w = *state;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char file[100];

		sim_delegate(w->sim, "targets", names[i][0], "*", SIM_KEY(K_CHANNEL));
		sim_release(w->sim);
		tuf_world_get_fails(w, "missing", 2, "does not list it");
		(void)snprintf(file, sizeof file, "/metadata/2.%s.json 200", names[i][1]);
		assert_int_equal(tuf_host_count(w->host, file), 1);
		(void)snprintf(file, sizeof file, "m/%s.json", names[i][1]);
		assert_true(lab_exists(w->lab, file));
	}
	lab_ok(w->lab, "test \"$(find m -type f | wc -l)\" = 15; test ! -e delegated.json");
}

static void
names_of_the_specification_are_no_delegated_roles(void **state)
{
	static const char *const names[] = { "root", "Targets", "SNAPSHOT", "timestamP" };
	struct tuf_world *w = *state;

	tuf_world_refreshes(w);
	for (int i = 0; i < 4; i++) {
		sim_delegate(w->sim, "targets", i == 0 ? "Root" : names[i], "*",
		    SIM_KEY(K_CHANNEL));
		sim_release(w->sim);
		tuf_world_refuses(w, 4, "which is root's to give");
		assert_int_equal(tuf_world_version(w, "targets"), 1);
		tuf_world_stored(w, "root.json snapshot.json targets.json timestamp.json");
		jv_free(jv_take(jv_get_mutable(sim_part(w->sim, "targets"), "delegations"),
		    "roles"));
		assert_int_equal(jv_set(jv_get_mutable(sim_part(w->sim, "targets"),
		    "delegations"), "roles", jv_new_list()), 0);
	}
}

static void
files_keep_their_folders_below_the_output(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_target(w, "targets", "file", "1");
	tuf_world_target(w, "targets", "path/to/a/file", "22");
	tuf_world_target(w, "targets", "path/to/...", "333");
	sim_release(w->sim);
	tuf_world_gets(w, "path/to/a/file", "22");
	tuf_world_gets(w, "file", "1");
	tuf_world_gets(w, "path/to/...", "333");
	lab_ok(w->lab, "test \"$(find out -type f | wc -l)\" = 3");
}

/* In order, in one process, until one fails. */
static void
several_are_got_in_order_until_one_fails(void **state)
{
	struct tuf_world *w = *state;

	for (int i = 0; i < 4; i++)
		tuf_world_target(w, "targets", (const char *[]){ "a", "b", "c", "d" }[i],
		    (const char *[]){ "1", "22", "333", "4444" }[i]);
	sim_release(w->sim);
	tuf_host_lie(w->host, tuf_world_target_path("c", "333"), LIE_INSTEAD, 0, "334");
	tuf_world_get_fails(w, "b a c d", 4, "target c");
	assert_int_equal(tuf_host_count(w->host, "/targets/"), 3);
	assert_int_equal(tuf_host_count(w->host, "timestamp"), 1);
	lab_ok(w->lab, "test \"$(cd out && echo * .[!.]*)\" = 'a b .[!.]*'");
	tuf_world_get_fails(w, "a nowhere d", 2, "nowhere: the repository does not list");
	lab_ok(w->lab, "test ! -e out/d");
	/* Those that are there are not fetched again. */
	tuf_host_honest(w->host);
	tuf_host_forget(w->host);
	assert_int_equal(tuf_world_get(w, "a b c d"), 0);
	assert_int_equal(tuf_host_count(w->host, "/targets/"), 2);
}

static void
a_target_that_changes_is_fetched_once_and_never_unsigned(void **state)
{
	struct tuf_world *w = *state;
	char text[40];

	for (int i = 0; i < 10; i++) {
		(void)snprintf(text, sizeof text, "content number %d", i);
		tuf_world_target(w, "targets", "file", text);
		sim_release(w->sim);
		if (i % 3 != 0)
			continue;
		tuf_world_gets(w, "file", text);
		assert_int_equal(tuf_host_count(w->host, "/targets/"), 1);
		/* The host has something else now, under new metadata even. */
		sim_put(w->sim, tuf_world_target_path("file", text) + 1, "malicious", 9);
		sim_release(w->sim);
		tuf_world_gets(w, "file", text);
		assert_int_equal(tuf_host_count(w->host, "/targets/"), 0);
		/* And it cannot replace what was damaged here. */
		lab_ok(w->lab, "echo damage >> out/file");
		tuf_world_get_fails(w, "file", 4, "target file");
		lab_ok(w->lab, "rm out/file");
	}
}

static void
set_hash(struct tuf_world *w, const char *path, const char *name, const char *hex)
{
	struct jv *one = jv_get_mutable(jv_get_mutable(sim_part(w->sim, "targets"),
	    "targets"), path);

	assert_int_equal(jv_set(jv_get_mutable(one, "hashes"), name, jv_new_text(hex)),
	    0);
}

static void
every_hash_of_a_target_counts(void **state)
{
	static const char good[] = /* of "abc", FIPS 180-4 */
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
	struct tuf_world *w = *state;
	char bad[sizeof good];

	tuf_world_target(w, "targets", "file", "abc");
	set_hash(w, "file", "sha512", good);
	sim_release(w->sim);
	tuf_world_gets(w, "file", "abc");
	lab_ok(w->lab, "rm out/file");
	memcpy(bad, good, sizeof good);
	bad[0] = 'e';
	set_hash(w, "file", "sha512", bad);
	sim_release(w->sim);
	tuf_world_get_fails(w, "file", 4, "sha512 differs");
	tuf_world_got_nothing(w);
	set_hash(w, "file", "sha512", good);
	set_hash(w, "file", "blake9", "00");
	sim_release(w->sim);
	tuf_world_get_fails(w, "file", 4, "a hash that this program cannot check");
	tuf_world_got_nothing(w);
	/* sha512 alone is enough, and names the file on the host. */
	tuf_world_target(w, "targets", "file", "abc");
	set_hash(w, "file", "sha512", good);
	assert_int_equal(jv_remove(jv_get_mutable(jv_get_mutable(jv_get_mutable(sim_part(
	    w->sim, "targets"), "targets"), "file"), "hashes"), "sha256"), 0);
	sim_release(w->sim);
	tuf_world_get_fails(w, "file", 3, good);
}

/* The right hash is not enough. */
static void
the_length_of_a_target_counts_beside_its_hash(void **state)
{
	static const int lengths[] = { 0, 2, 4, 400 };
	struct tuf_world *w = *state;

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		tuf_world_target(w, "targets", "file", "abc");
		assert_int_equal(jv_set(jv_get_mutable(jv_get_mutable(sim_part(w->sim,
		    "targets"), "targets"), "file"), "length",
		    jv_new_int(lengths[i])), 0);
		sim_release(w->sim);
		tuf_world_get_fails(w, "file", 4, "file");
		tuf_world_got_nothing(w);
	}
}

/* What somebody put into the output folder is replaced, and never written through. */
static void
links_in_the_output_folder_are_not_followed(void **state)
{
	struct tuf_world *w = *state;

	tuf_world_target(w, "targets", "dir/file", "abc");
	sim_release(w->sim);
	lab_ok(w->lab, "mkdir -p out elsewhere && ln -s ../elsewhere out/dir");
	(void)tuf_world_get(w, "dir/file");
	assert_int_not_equal(w->lab->status, 0);
	lab_ok(w->lab, "test -z \"$(ls -A elsewhere)\"");
	lab_ok(w->lab, "rm out/dir && mkdir out/dir && echo untouched > elsewhere/x && "
	    "ln -s ../../elsewhere/x out/dir/file");
	tuf_world_gets(w, "dir/file", "abc");
	lab_ok(w->lab, "grep -qx untouched elsewhere/x && test ! -L out/dir/file");
	/* The right bytes behind a link are not "there already". */
	lab_ok(w->lab, "printf abc > elsewhere/y && ln -sf ../../elsewhere/y out/dir/file");
	tuf_world_gets(w, "dir/file", "abc");
	lab_ok(w->lab, "test ! -L out/dir/file");
}

/* Names that lead out of the folder, though they are signed. */
static void
signed_names_that_lead_out_are_refused(void **state)
{
	static const char *const names[] = { "../x", "a/../../x", "/etc/x", "a\\b",
		"a//b", "." };
	struct tuf_world *w = *state;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		sim_target(w->sim, "targets", names[i], "evil");
	sim_release(w->sim);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char quoted[40];

		(void)snprintf(quoted, sizeof quoted, "'%s'", names[i]);
		tuf_world_get_fails(w, quoted, 4, "target \"");
		assert_int_equal(tuf_host_count(w->host, "/targets/"), 0);
		lab_ok(w->lab, "test -z \"$(find out -mindepth 1)\"; test ! -e x");
	}
}

/* Neither of these makes the search go on to the next role. */
static void
a_delegated_role_that_fails_ends_the_search(void **state)
{
	static const struct edge edges[EDGES] = { { "targets", "A", NULL, false },
		{ "targets", "B", NULL, false } };
	struct tuf_world *w = *state;
	char path[64];

	build(w, edges);
	tuf_world_target(w, "B", "file", "from B");
	for (int i = 0; i < 4; i++) {
		sim_role(w->sim, "A")->signers = SIM_KEY(i == 0 ? K_OTHER : K_CHANNEL);
		sim_set_expires(w->sim, "A", w->sim->now + (i == 1 ? -1 : SIM_DAY));
		sim_release(w->sim);
		(void)snprintf(path, sizeof path, "%d.A.json", i + 3);
		if (i == 2)
			sim_remove(w->sim, path);
		if (i == 3)
			sim_put(w->sim, path, "{}", 2);
		tuf_world_get_fails(w, "file", i == 1 ? 9 : i == 2 ? 3 : 4, "A");
		assert_int_equal(tuf_host_count(w->host, "B.json"), 0);
		tuf_world_got_nothing(w);
	}
	sim_release(w->sim);
	tuf_world_gets(w, "file", "from B");
}

#define FLOW(f) \
	cmocka_unit_test_setup_teardown(f, tuf_world_open_foreign, tuf_world_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FLOW(roles_are_searched_depth_first_in_order_of_appearance),
		FLOW(targets_are_found_by_the_patterns_of_the_whole_chain),
		FLOW(hashed_bins_are_found_by_the_prefix_of_the_hash),
		FLOW(strange_names_of_roles_are_quoted),
		FLOW(names_of_the_specification_are_no_delegated_roles),
		FLOW(files_keep_their_folders_below_the_output),
		FLOW(several_are_got_in_order_until_one_fails),
		FLOW(a_target_that_changes_is_fetched_once_and_never_unsigned),
		FLOW(every_hash_of_a_target_counts),
		FLOW(the_length_of_a_target_counts_beside_its_hash),
		FLOW(links_in_the_output_folder_are_not_followed),
		FLOW(signed_names_that_lead_out_are_refused),
		FLOW(a_delegated_role_that_fails_ends_the_search),
	};

	return cmocka_run_group_tests_name("delegations", tests, NULL, NULL);
}
