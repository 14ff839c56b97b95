#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"
#include "mkdelta/archive.h"
#include "mkdelta/channel.h"
#include "mkdelta/commands.h"
#include "mkdelta/ways.h"

static struct keys_from from;
static const char *channel_name;
static uint64_t keep_n;
static bool dry_run, as_json;

static const struct opt options[] = {
	{ "keep", 0, OPT_COUNT_U64, &keep_n, "N",
	    "the newest N of each channel and platform stay" },
	{ "channel", 'c', OPT_TEXT, &channel_name, "NAME", "of this channel alone" },
	{ "dry-run", 'n', OPT_FLAG, &dry_run, NULL, "show what would go" },
	{ "json", 0, OPT_FLAG, &as_json, NULL, "the result as JSON" },
	SIGN_OPTIONS(from, SIGN_FORCED),
	OPT_END
};

/* What goes: objects that no role lists any more, and releases of one platform. */
struct gone {
	struct jv *targets;		/* path -> its target, out of all roles */
	uint64_t releases, kept;
	uint64_t objects, bytes;
};

static void
keep_number(const struct catalog *c, bool *keep, uint64_t number)
{
	for (size_t i = 0; i < c->n_records; i++)
		if (c->records[i].release == number)
			keep[i] = true;
}

/* The trees between, on the way from each that stays to the newest. */
static int
keep_ways(const struct catalog *c, bool *keep, struct err *e)
{
	size_t last = c->n_records - 1;

	for (size_t i = 0; i < last; i++) {
		struct way way;

		if (!keep[i])
			continue;
		if (way_pick(c, &c->records[i], &c->records[last], &way, e) == -1)
			return -1;
		for (size_t k = 0; k < way.n; k++)
			keep_number(c, keep, way.hops[k]->release);
	}
	return 0;
}

/* The newest, what devices must pass on the way to those (requires), what the channel
 * sends devices down to, and what the ways between them lead over. */
static int
choose(const struct repo_role *channel, const struct catalog *c, bool *keep,
    struct err *e)
{
	uint64_t down = channel_downgrade(channel);

	for (size_t i = c->n_records; i-- > 0;) {
		keep[i] = keep[i] || c->n_records - i <= keep_n ||
		    (down != 0 && c->records[i].release == down);
		if (keep[i])
			archive_keep_steps(c, i, keep);
	}
	return keep_ways(c, keep, e);
}

static bool
is_kept(const struct catalog *c, const bool *keep, uint64_t release)
{
	for (size_t i = 0; i < c->n_records; i++)
		if (c->records[i].release == release)
			return keep[i];
	return false;
}

/* Deltas go with either end. */
static int
drop(struct repo_role *role, const struct catalog *c, const bool *keep,
    struct gone *gone, struct err *e)
{
	struct jv *kept = jv_new_object();
	const struct jv *target;
	struct target_name name;
	const char *path;
	bool any = false;
	void *it = NULL;
	int rc = 0;

	while (rc == 0 && jv_each(jv_get(role->part, "targets"), &it, &path, &target)) {
		bool stays = target_parse(path, &name) == -1 ||
		    (is_kept(c, keep, name.release) &&
			(name.kind != TARGET_DELTA || is_kept(c, keep, name.from)));

		any = any || !stays;
		rc = jv_set(stays ? kept : gone->targets, path, jv_copy(target));
	}
	if (rc == 0 && any) {
		role->changed = true;
		return jv_set(role->part, "targets", kept) == -1 ?
		    err_set(e, ERR_NOMEM, "out of memory") : 0;
	}
	jv_free(kept);
	return rc == 0 ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

static int
prune_platform(struct repo *r, const struct repo_role *channel, struct repo_role *role,
    struct gone *gone, struct err *e)
{
	struct repo_role *archive = NULL;
	struct catalog c;
	bool *keep = NULL;
	int rc = -1;

	if (repo_catalog(r, role, &c, e) == -1)
		return -1;
	if (c.n_records == 0) {
		rc = 0;
		goto out;
	}
	if ((keep = calloc(c.n_records, sizeof *keep)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (choose(channel, &c, keep, e) == -1)
		goto out;
	for (size_t i = 0; i < c.n_records; i++)
		*(keep[i] ? &gone->kept : &gone->releases) += 1;
	rc = drop(role, &c, keep, gone, e);
	while (rc == 0 && (archive = repo_next_archive(r, role, archive)) != NULL)
		rc = drop(archive, &c, keep, gone, e);
out:
	free(keep);
	catalog_clear(&c);
	return rc;
}

/* Another channel may list what one has dropped: then it stays on offer. */
static void
count(const struct repo *r, struct gone *gone)
{
	const struct jv *target;
	const char *path;
	void *it = NULL;

	while (jv_each(gone->targets, &it, &path, &target)) {
		bool listed = false;
		int64_t bytes = 0;

		for (const struct repo_role *role = r->roles; role != NULL && !listed;
		    role = role->next)
			listed = jv_get(jv_get(role->part, "targets"), path) != NULL;
		if (listed)
			continue;
		(void)jv_int(jv_get(target, "length"), &bytes);
		gone->objects++;
		gone->bytes += (uint64_t)bytes;
	}
}

static int
say(const struct repo *r, const struct gone *gone, struct err *e)
{
	char bytes[BYTES_TEXT_MAX];
	struct jv *o;

	if (as_json) {
		o = jv_new_object();
		(void)jv_set(o, "schema", jv_new_int(1));
		(void)jv_set(o, "releases", jv_new_int((int64_t)gone->releases));
		(void)jv_set(o, "kept", jv_new_int((int64_t)gone->kept));
		(void)jv_set(o, "objects", jv_new_int((int64_t)gone->objects));
		(void)jv_set(o, "bytes", jv_new_int((int64_t)gone->bytes));
		(void)jv_set(o, "dry-run", jv_new_bool(dry_run));
		(void)jv_set(o, "waits", jv_new_bool(r->waits));
		return command_print(o, e);
	}
	if (log_level_now() == LOG_QUIET)
		return 0;
	(void)printf("%" PRIu64 " release%s %s off offer, %" PRIu64 " stay%s; %" PRIu64
	    " objects, %s, are listed no more\n", gone->releases,
	    gone->releases == 1 ? "" : "s", dry_run ? "would go" : "went", gone->kept,
	    gone->kept == 1 ? "s" : "", gone->objects, bytes_text(bytes, gone->bytes));
	if (!dry_run && gone->objects > 0)
		log_say("They stay where they are; delta-host prune deletes them on the host.");
	return 0;
}

static int
prune(struct repo *r, int words, char **argv, struct err *e)
{
	struct gone gone = { jv_new_object(), 0, 0, 0, 0 };
	struct repo_role *channel = NULL, *role;
	int rc = gone.targets == NULL ? err_set(e, ERR_NOMEM, "out of memory") : 0;

	(void)words, (void)argv;
	if (keep_n == 0)
		rc = err_set(e, ERR_USAGE, "--keep N says how many releases stay");
	if (rc == 0 && channel_name != NULL && repo_channel(r, channel_name, e) == NULL)
		rc = -1;
	while (rc == 0 && (channel = repo_next_channel(r, channel)) != NULL) {
		if (channel_name != NULL && strcmp(channel->name, channel_name) != 0)
			continue;
		role = NULL;
		while (rc == 0 &&
		    (role = repo_next_platform(r, channel->name, role)) != NULL)
			rc = prune_platform(r, channel, role, &gone, e);
	}
	if (rc == 0) {
		count(r, &gone);
		(void)snprintf(r->reason, sizeof r->reason, "prune: keep %" PRIu64
		    " releases", keep_n);
	}
	if (rc == 0 && !dry_run && gone.releases > 0)
		rc = command_commit(r, &from, e);
	if (rc == 0)
		rc = say(r, &gone, e);
	jv_free(gone.targets);
	return rc;
}

static int
run(int words, char **argv, struct err *e)
{
	return command_run("prune", prune, words, argv, e);
}

const struct opt_command command_prune = {
	"prune", "REPO", "take old releases off offer",
	"By metadata alone: --keep N says how many of the newest stay in each channel\n"
	"and platform.  What stays besides: what devices must pass on the way to those,\n"
	"what a channel sends devices down to, and the trees that ways between them lead\n"
	"over.  Devices on a release that went take the full.  Numbers are not used again.\n"
	"Objects stay until delta-host prune.  --dry-run shows bytes first.\n",
	options, 1, 1, run
};
