#include <inttypes.h>
#include <stdio.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "mkdelta/encode/effort.h"
#include "mkdelta/encode/without.h"
#include "mkdelta/commands.h"
#include "mkdelta/release.h"

static struct release_want want = { .channel = NULL };
static bool json;
static const char *without_names;

static const struct opt options[] = {
	{ "platform", 'p', OPT_TEXT, &want.platform, "P",
	    "as linux-arm64 (default any)" },
	{ "number", 'n', OPT_TEXT, &want.number, "N",
	    "release number (default: the next)" },
	{ "version", 0, OPT_TEXT, &want.version, "V",
	    "for people (default: the tree's file VERSION, else the number)" },
	{ "channel", 'c', OPT_TEXT, &want.channel, "NAME",
	    "channel (default: the first)" },
	{ "notes", 0, OPT_TEXT, &want.notes, "FILE|TEXT",
	    "release notes in Markdown, first line the title" },
	{ "require-clean", 0, OPT_FLAG, &want.require_clean, NULL,
	    "refuse a changed git tree, record the commit" },
	{ "owners", 0, OPT_FLAG, &want.owners, NULL, "record users and groups" },
	{ "xattrs", 0, OPT_FLAG, &want.xattrs, NULL,
	    "record extended attributes and capabilities" },
	{ "requires-release", 0, OPT_COUNT_U64, &want.says.requires_release, "N",
	    "only devices that run N or higher come here" },
	{ "requires-applier", 0, OPT_TEXT, &want.says.requires_applier, "V",
	    "lowest version of delta-apply" },
	{ "requires-schema", 0, OPT_COUNT_U64, &want.says.requires_schema, "N",
	    "lowest schema of the device's data" },
	{ "hardware", 0, OPT_LIST, &want.says.hardware, "NAME",
	    "only for this hardware, may repeat" },
	{ "data", 0, OPT_TEXT, &want.says.data, "CLASS",
	    "change of data: none, reversible or forward-only" },
	{ "schema", 0, OPT_COUNT_U64, &want.says.schema, "N",
	    "schema of the data that it writes, the highest it reads" },
	{ "reads", 0, OPT_COUNT_U64, &want.says.reads, "N",
	    "lowest schema of data that it reads" },
	{ "attempt", 0, OPT_COUNT_U64, &want.says.attempt, "N",
	    "higher than before: devices that gave up try again" },
	{ "jobs", 'j', OPT_COUNT_U32, &want.jobs, "N", "threads (default: all cores)" },
	{ "memory", 'm', OPT_BYTES, &want.memory_bytes, "BYTES",
	    "for matching, over all threads (default 1G a delta)" },
	{ "effort", 0, OPT_COUNT_U32, &want.effort, "N",
	    "for deltas: 1 (fast) to 9 (small), default 5" },
	{ "without", 0, OPT_TEXT, &without_names, "NAMES",
	    "for deltas: rules or methods not to use (for older decoders)" },
	SIGN_OPTIONS(want.keys, "a lower version, or a clock behind the last signature"),
	{ "json", 0, OPT_FLAG, &json, NULL, "the result as JSON" },
	OPT_END
};

/* Never rounded to "none" or "all" where that is not so. */
static double
percent(uint64_t part, uint64_t whole)
{
	double p = whole == 0 ? 0 : 100.0 * (double)part / (double)whole;

	if (part > 0 && p < 0.1)
		return 0.1;
	return part < whole && p > 99.9 ? 99.9 : p;
}

static void
say_size(const char *what, uint64_t bytes, uint64_t full)
{
	char size[BYTES_TEXT_MAX];

	(void)printf("    %-12s %10s", what, bytes_text(size, bytes));
	if (full > 0)
		(void)printf("  %5.1f %%", percent(bytes, full));
	(void)printf("\n");
}

static void
say_deltas(const struct release_tree *t)
{
	for (size_t i = 0; i < t->n_deltas; i++) {
		const struct release_delta *d = &t->deltas[i];
		char what[40], size[BYTES_TEXT_MAX];

		(void)snprintf(what, sizeof what, "from %" PRIu64, d->from->release);
		if (d->kept)
			say_size(what, d->edge.object.bytes, t->full.object.bytes);
		else
			(void)printf("    %-12s %10s           not kept: another way "
			    "takes %s\n", what, "", bytes_text(size, d->instead_bytes));
	}
}

/* What a device will notice. */
static void
say_update(const struct release_tree *t)
{
	const struct record *last = t->old.n_records == 0 ? NULL :
	    &t->old.records[t->old.n_records - 1];
	char small[BYTES_TEXT_MAX], all[BYTES_TEXT_MAX];
	uint64_t cost = release_cost(t, last), full = t->full.object.bytes;

	if (last == NULL)
		return;
	(void)printf("    a device on %" PRIu64 " downloads %s", last->release,
	    bytes_text(small, cost));
	if (cost < full)
		(void)printf(" instead of %s (%.1f %% saved)", bytes_text(all, full),
		    percent(full - cost, full));
	(void)printf("\n");
}

static void
say_release(const struct release *r)
{
	char size[BYTES_TEXT_MAX];

	if (log_level_now() == LOG_QUIET)
		return;
	(void)printf("release %" PRIu64 ", version %s, channel %s\n", r->number,
	    r->version, r->want->channel);
	for (size_t i = 0; i < r->n; i++) {
		const struct release_tree *t = &r->trees[i];

		(void)printf("  %s: %" PRIu64 " file%s, %s\n", t->platform,
		    t->record.files, t->record.files == 1 ? "" : "s",
		    bytes_text(size, t->record.content_bytes));
		say_size("full", t->full.object.bytes, 0);
		say_deltas(t);
		say_update(t);
	}
}

static struct jv *
json_delta(const struct release_delta *d)
{
	struct jv *o = jv_new_object();

	(void)jv_set(o, "from", jv_new_int((int64_t)d->from->release));
	(void)jv_set(o, "bytes", jv_new_int((int64_t)d->edge.object.bytes));
	(void)jv_set(o, "kept", jv_new_bool(d->kept));
	return o;
}

static struct jv *
json_tree(const struct release_tree *t)
{
	struct jv *o = jv_new_object(), *list = jv_new_list();
	char hex[SHA256_HEX_MAX];

	for (size_t i = 0; i < t->n_deltas; i++)
		(void)jv_push(list, json_delta(&t->deltas[i]));
	(void)jv_set(o, "platform", jv_new_text(t->platform));
	(void)jv_set(o, "listing", jv_new_text(sha256_hex(&t->record.listing, hex)));
	(void)jv_set(o, "files", jv_new_int((int64_t)t->record.files));
	(void)jv_set(o, "content_bytes", jv_new_int((int64_t)t->record.content_bytes));
	(void)jv_set(o, "full_bytes", jv_new_int((int64_t)t->full.object.bytes));
	(void)jv_set(o, "deltas", list);
	return o;
}

static struct jv *
json_release(const struct release *r, bool made)
{
	struct jv *o = jv_new_object(), *list = jv_new_list();
	char created[UTC_TEXT_MAX];

	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "release", jv_new_int((int64_t)r->number));
	(void)jv_set(o, "channel", jv_new_text(r->want->channel));
	(void)jv_set(o, "made", jv_new_bool(made));
	(void)jv_set(o, "waits", jv_new_bool(r->repo->waits));
	if (made) {
		(void)jv_set(o, "version", jv_new_text(r->version));
		(void)jv_set(o, "created", jv_new_text(utc_text(created, r->created)));
		for (size_t i = 0; i < r->n; i++)
			(void)jv_push(list, json_tree(&r->trees[i]));
	}
	(void)jv_set(o, "platforms", list);
	return o;
}

static int
raise_attempt(struct release *r, const struct keys *keys, struct err *e)
{
	if (release_raise_attempt(r, keys, e) == -1)
		return -1;
	if (json)
		return command_print(json_release(r, false), e);
	if (!r->repo->waits && log_level_now() != LOG_QUIET)
		(void)printf("release %" PRIu64 " is now at attempt %" PRIu64 "\n",
		    r->number, want.says.attempt);
	return 0;
}

static int
make_release(struct release *r, const struct keys *keys, const char *keys_path_text,
    struct err *e)
{
	int go;

	if (release_input(r, keys_path_text, e) == -1 ||
	    (go = release_decide(r, e)) == -1)
		return -1;
	if (go == 0) {
		if (json)
			return command_print(json_release(r, false), e);
		if (log_level_now() != LOG_QUIET)
			(void)printf("already released as %" PRIu64 "\n", r->number);
		return 0;
	}
	if (go == 2)
		return raise_attempt(r, keys, e);
	if (release_make(r, e) == -1 || release_publish(r, keys, e) == -1)
		return -1;
	if (json)
		return command_print(json_release(r, true), e);
	say_release(r);
	return 0;
}

/* The channel, and whether all keys for it are here, before any work is done. */
static int
check_channel(struct release *r, const struct keys *keys, struct err *e)
{
	const struct repo_role *first = repo_next_channel(r->repo, NULL);

	if (want.channel == NULL && first != NULL)
		want.channel = first->name;
	if (want.channel == NULL)
		return err_set(e, ERR_USAGE, "%s: has no channel", r->repo->path);
	if (name_check_channel(want.channel, e) == -1 ||
	    repo_channel(r->repo, want.channel, e) == NULL)
		return -1;
	return repo_can_sign(r->repo, keys, want.channel, e) == -1 ||
	    repo_can_sign(r->repo, keys, "snapshot", e) == -1 ||
	    repo_can_sign(r->repo, keys, "timestamp", e) == -1 ? -1 : 0;
}

static int
work(struct repo *repo, int words, char **argv, struct err *e)
{
	struct release *r = release_new(repo, &want, e);
	struct keys *keys = NULL;
	struct buf path = BUF_INIT(4096);
	int rc = -1;

	if (r != NULL && release_words(r, words - 1, argv + 2, e) == 0 &&
	    keys_path(argv[1], want.keys.dir, &path, e) == 0 &&
	    (keys = command_keys(repo, &want.keys, e)) != NULL &&
	    check_channel(r, keys, e) == 0)
		rc = make_release(r, keys, buf_text(&path), e);
	/* Said as JSON already. */
	if (json)
		repo->waits = false;
	keys_close(keys);
	release_free(r);
	buf_free(&path);
	return rc;
}

static int
run(int words, char **argv, struct err *e)
{
	uint64_t ignored;

	if (want.effort > EFFORT_MAX)
		return err_set(e, ERR_USAGE, "--effort %u: 1 to 9 is meant",
		    want.effort);
	if ((without_names != NULL &&
	    without_parse(without_names, &want.without, e) == -1) ||
	    release_says_check(&want.says, e) == -1 ||
	    (want.number != NULL && name_parse_release(want.number, &ignored, e) == -1) ||
	    (want.channel != NULL && name_check_channel(want.channel, e) == -1))
		return -1;
	return command_run("release", work, words, argv, e);
}

const struct opt_command command_release = {
	"release", "REPO TREE|TAR|FILE  or  REPO PLATFORM=TREE...",
	"publish a tree as the next release",
	"Makes the full artifact, the deltas from older releases and the signatures.\n"
	"Every delta is applied by the device's decoder before it is kept.  The same\n"
	"tree and version as the channel's newest is no new release, so a job may be\n"
	"run again; a higher --attempt is then signed for the release that is there.\n",
	options, 2, -1, run
};
