#include <stdio.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "mkdelta/commands.h"
#include "mkdelta/expiry.h"

static struct keys_from from;
static struct opt_list roles;
static bool json;

static const struct opt options[] = {
	{ "role", 0, OPT_LIST, &roles, "NAME",
	    "this role too: root, targets, or a channel with its platforms" },
	SIGN_OPTIONS(from, SIGN_FORCED),
	{ "json", 0, OPT_FLAG, &json, NULL, "the result as JSON" },
	OPT_END
};

static int
say(const struct repo *r, struct err *e)
{
	const struct repo_role *t = repo_role(r, "timestamp");
	char date[UTC_TEXT_MAX], when[EXPIRY_TEXT_MAX];
	struct jv *o;

	if (!json) {
		if (log_level_now() == LOG_QUIET)
			return 0;
		(void)printf("%s: timestamp %llu, snapshot %llu; valid until %s (%s)\n",
		    r->path, (unsigned long long)t->version,
		    (unsigned long long)repo_role(r, "snapshot")->version,
		    utc_text(date, t->expires), expiry_text(when, t->expires, utc_now()));
		return 0;
	}
	o = jv_new_object();
	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "timestamp", jv_new_int((int64_t)t->version));
	(void)jv_set(o, "snapshot",
	    jv_new_int((int64_t)repo_role(r, "snapshot")->version));
	(void)jv_set(o, "expires", jv_new_text(utc_text(date, t->expires)));
	return command_print(o, e);
}

/* A platform's role and its archives. */
static void
mark(const struct repo *r, struct repo_role *platform)
{
	struct repo_role *archive = NULL;

	platform->changed = true;
	while ((archive = repo_next_archive(r, platform, archive)) != NULL)
		archive->changed = true;
}

/* Mark what was asked for; snapshot and timestamp always. */
static int
choose(struct repo *r, struct err *e)
{
	for (int i = 0; i < roles.n; i++) {
		struct repo_role *role = repo_role(r, roles.values[i]), *platform = NULL;

		if (role == NULL)
			return err_set(e, ERR_USAGE, "--role %s: %s has none; mkdelta "
			    "show %s lists all", roles.values[i], r->path, r->path);
		role->changed = true;
		while ((platform = repo_next_platform(r, role->name, platform)) != NULL)
			mark(r, platform);
	}
	repo_role(r, "snapshot")->changed = true;
	return 0;
}

static int
refresh(struct repo *r, int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	if (choose(r, e) == -1 || command_commit(r, &from, e) == -1 ||
	    (!r->waits && say(r, e) == -1))
		return -1;
	/* What it could not sign may run out all the same; its own work is done. */
	(void)fflush(stdout);
	(void)command_warn_expiry(r, utc_now());
	return 0;
}

static int
run(int words, char **argv, struct err *e)
{
	return command_run("refresh", refresh, words, argv, e);
}

const struct opt_command command_refresh = {
	"refresh", "REPO", "sign snapshot and timestamp again",
	"For a daily job with the online key alone: releases stay as they are, devices\n"
	"see that nothing was held back from them.  With --role and the keys for it,\n"
	"other roles get a new period too; a release does that for its channel itself.\n",
	options, 1, 1, run
};
