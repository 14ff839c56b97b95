#include <inttypes.h>
#include <stdio.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"
#include "mkdelta/commands.h"
#include "mkdelta/promote.h"

static struct release_want want = { .channel = NULL };
static const char *source;

static const struct opt options[] = {
	{ "to", 't', OPT_TEXT, &want.channel, "NAME", "the channel that gets it" },
	{ "channel", 'c', OPT_TEXT, &source, "NAME",
	    "the channel that has it (default: whichever)" },
	{ "platform", 'p', OPT_TEXT, &want.platform, "P", "this platform alone" },
	{ "jobs", 'j', OPT_COUNT_U32, &want.jobs, "N", "threads (default: all cores)" },
	{ "memory", 'm', OPT_BYTES, &want.memory_bytes, "BYTES",
	    "for matching, over all threads (default 1G a delta)" },
	{ "effort", 0, OPT_COUNT_U32, &want.effort, "N",
	    "for deltas: 1 (fast) to 9 (small), default 5" },
	SIGN_OPTIONS(want.keys, "a lower version, or a clock behind the last signature"),
	OPT_END
};

static void
say(const struct release *r)
{
	char size[BYTES_TEXT_MAX];

	if (log_level_now() == LOG_QUIET)
		return;
	(void)printf("release %" PRIu64 ", version %s, is in channel %s now\n", r->number,
	    r->version, want.channel);
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->trees[i].n_deltas; k++) {
			const struct release_delta *d = &r->trees[i].deltas[k];

			if (d->kept)
				(void)printf("  %s: delta from %" PRIu64 ", %s%s\n",
				    r->trees[i].platform, d->from->release,
				    bytes_text(size, d->edge.object.bytes),
				    d->elsewhere ? " (was there)" : "");
		}
}

static int
promote(struct release *r, struct err *e)
{
	struct keys *keys = command_keys(r->repo, &want.keys, e);
	int go, rc = -1;

	if (keys == NULL || repo_channel(r->repo, want.channel, e) == NULL ||
	    repo_can_sign(r->repo, keys, want.channel, e) == -1 ||
	    repo_can_sign(r->repo, keys, "timestamp", e) == -1 ||
	    (go = promote_prepare(r, source, e)) == -1)
		goto out;
	if (go == 0) {
		if (log_level_now() != LOG_QUIET)
			(void)printf("channel %s has release %" PRIu64 " already\n",
			    want.channel, r->number);
		rc = 0;
	} else if (release_deltas(r, e) == 0 && release_publish(r, keys, e) == 0) {
		say(r);
		rc = 0;
	}
out:
	keys_close(keys);
	return rc;
}

static int
work(struct repo *repo, int words, char **argv, struct err *e)
{
	struct release *r = release_new(repo, &want, e);
	int rc = -1;

	(void)words;
	if (r != NULL && name_parse_release(argv[2], &r->number, e) == 0)
		rc = promote(r, e);
	release_free(r);
	return rc;
}

static int
run(int words, char **argv, struct err *e)
{
	if (want.channel == NULL)
		return err_set(e, ERR_USAGE, "--to: which channel gets it?");
	return command_run("promote", work, words, argv, e);
}

const struct opt_command command_promote = {
	"promote", "REPO N --to CHANNEL", "offer a release in one more channel",
	"The same record and full artifact, signed by the other channel's keys: nothing is\n"
	"built anew, nothing large is uploaded.  Deltas that the channel's own list lacks\n"
	"are made and proved.\n",
	options, 2, 2, run
};
