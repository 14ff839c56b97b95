#include <stdio.h>

#include "manifest/base/log.h"
#include "mkdelta/commands.h"
#include "mkdelta/pending.h"
#include "mkdelta/reproduce.h"
#include "mkdelta/show.h"

static struct keys_from from;
static struct opt_list trees;
static bool drop;

static const struct opt options[] = {
	SIGN_OPTIONS(from, SIGN_FORCED),
	{ "reproduce", 0, OPT_LIST, &trees, "TREE",
	    "sign only if TREE (or PLATFORM=TREE) is what is to be released" },
	{ "drop", 0, OPT_FLAG, &drop, NULL, "give the change up instead" },
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
	if (pending_load(r, e) == -1) {
		if (e->code == ERR_ABSENT)
			(void)err_set(e, ERR_USAGE, "%s: nothing waits for signatures",
			    r->path);
		return -1;
	}
	return reproduce_check(r, &trees, e) == -1 ? -1 : command_publish(r, &from, e);
}

static int
work(struct repo *r, int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return drop ? drop_change(r, e) : sign(r, e);
}

static int
run(int words, char **argv, struct err *e)
{
	return command_run("sign", work, words, argv, e);
}

const struct opt_command command_sign = {
	"sign", "REPO", "add signatures to the change that waits in REPO.pending",
	"Every key that is here and may sign does so, in any order and at any time.  With\n"
	"the last one and the online key the change is published; until then devices\n"
	"see nothing of it.  mkdelta show REPO pending says what still lacks.\n",
	options, 1, 1, run
};
