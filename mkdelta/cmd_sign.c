#include <stdio.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "mkdelta/commands.h"
#include "mkdelta/pending.h"
#include "mkdelta/reproduce.h"
#include "mkdelta/show.h"

static struct keys_from from;
static struct opt_list trees;
static bool allow_root_key, force, drop;

static const struct opt options[] = {
	KEYS_OPTIONS(from),
	{ "reproduce", 0, OPT_LIST, &trees, "TREE",
	    "sign only if TREE (or PLATFORM=TREE) is what is to be released" },
	{ "drop", 0, OPT_FLAG, &drop, NULL, "give the change up instead" },
	{ "allow-root-key", 0, OPT_FLAG, &allow_root_key, NULL,
	    "with CI=true: sign though a root key lies there" },
	{ "force", 0, OPT_FLAG, &force, NULL,
	    "though the clock is behind the last signature" },
	OPT_END
};

static int
drop_change(const struct repo *r, struct err *e)
{
	if (!pending_is_there(r))
		return err_set(e, ERR_USAGE, "%s: nothing waits for signatures", r->path);
	if (pending_remove(r, e) == -1)
		return -1;
	log_say("%s.pending: dropped", r->path);
	return 0;
}

static int
sign(struct repo *r, struct err *e)
{
	struct keys *keys = NULL;
	int rc = -1;

	if (pending_load(r, e) == -1) {
		if (e->code == ERR_ABSENT)
			(void)err_set(e, ERR_USAGE, "%s: nothing waits for signatures",
			    r->path);
		return -1;
	}
	if (reproduce_check(r, &trees, e) == 0 &&
	    (keys = command_keys(r, &from, allow_root_key, e)) != NULL)
		rc = repo_commit(r, keys, utc_now(), force, e);
	keys_close(keys);
	if (rc == 0 && !r->waits && log_level_now() != LOG_QUIET)
		(void)printf("%s: published: %s\n", r->path, r->reason);
	return rc;
}

static int
run(int argc, char **argv, struct err *e)
{
	struct repo *r;
	bool waits;
	int words, rc;

	switch (opt_parse(NULL, &command_sign, argc, argv, &words, e)) {
	case OPT_SHOWN:
		return 0;
	case OPT_BAD:
		return -1;
	case OPT_RUN:
		break;
	}
	if ((r = repo_open(argv[1], "sign", e)) == NULL)
		return -1;
	rc = drop ? drop_change(r, e) : sign(r, e);
	waits = rc == 0 && r->waits;
	repo_close(r);
	return waits ? command_say_pending(argv[1], e) : rc;
}

const struct opt_command command_sign = {
	"sign", "REPO", "add signatures to the change that waits in REPO.pending",
	"Every key that is here and may sign does so, in any order and at any time.  With\n"
	"the last one and the online key the change is published; until then devices\n"
	"see nothing of it.  mkdelta show REPO pending says what still lacks.\n",
	options, 1, 1, run
};
