#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/log.h"

#include "apply/guard.h"
#include "apply/hook_copy.h"
#include "apply/hook_env.h"
#include "apply/hook_exec.h"
#include "apply/hook_log.h"

#include "apply/hooks.h"

/* Whom it runs as.  name NULL: who runs the applier already. */
struct user {
	const char *name;
	uid_t uid;
	gid_t gid;
	char home[512];
};

static int
user_of(const char *name, struct user *u, struct err *e)
{
	const struct passwd *pw;

	errno = 0;
	pw = name != NULL ? getpwnam(name) : getpwuid(geteuid());
	if (pw == NULL && name != NULL)
		return err_set(e, ERR_USAGE, "[hooks] user: nobody is called %s", name);
	u->name = name;
	u->uid = pw == NULL ? geteuid() : pw->pw_uid;
	u->gid = name == NULL ? getegid() : pw->pw_gid;
	(void)snprintf(u->home, sizeof u->home, "%s", pw == NULL ? "/" : pw->pw_dir);
	if (name != NULL && geteuid() != 0 && u->uid != geteuid())
		return err_set(e, ERR_USAGE,
		    "[hooks] user: only root can run hooks as %s", name);
	return 0;
}

int
hook_user_ids(const struct conf *conf, uid_t *uid, gid_t *gid, struct err *e)
{
	struct user u;

	if (user_of(conf->hook_user, &u, e) == -1)
		return -1;
	*uid = u.uid;
	*gid = u.gid;
	return 0;
}

/* Which release ships it: what the mark says, or what lives when nothing is
 * under way. */
static uint64_t
release_of(const struct run *r, bool from_old_release)
{
	struct err why = ERR_INIT;
	struct live live;

	if (r->mark.to != 0)
		return from_old_release ? r->mark.from : r->mark.to;
	memset(&live, 0, sizeof live);
	return live_read(r->dev, &live, &why) == LIVE_RELEASE ? live.release : 0;
}

bool
hook_exists(struct run *r, enum hook hook, bool from_old_release)
{
	const struct conf *conf = r->dev->conf;
	struct err why = ERR_INIT;

	if (conf->hooks[hook] != NULL)
		return true;
	/* One that cannot be looked at is found out when it is to run. */
	return conf->hooks_from_release &&
	    hook_shipped(r->dev, release_of(r, from_old_release), hook, &why) != 0;
}

/* A single absolute path is run directly, anything else by the shell. */
static bool
is_path(const char *command)
{
	return command[0] == '/' &&
	       command[strcspn(command, " \t\"'\\$&;|<>*?`(){}")] == '\0';
}

/* Run it as described, write the log.  0, -1. */
static int
run_logged(struct run *r, struct hook_exec *x, const struct user *u, struct err *e)
{
	struct hook_output output;
	struct hook_env env;
	int rc = -1;

	if (hook_output_init(&output, e) == -1)
		return -1;
	if (hook_env_make(r, u->home, &env, e) == -1)
		goto out;
	x->env = env.words;
	x->user = u->name;
	x->uid = u->uid;
	x->gid = u->gid;
	err_clear(e);
	rc = hook_exec(x, &output, e);
	hook_log(r, x->what, &output, e);
	if (rc == -1 && e->code == ERR_POLICY && output.head_len > 0)
		(void)err_hint(e, "what it printed is in %s/" HOOK_LOG,
		    r->dev->conf->state);
	hook_env_clear(&env);
	x->env = NULL;
out:
	hook_output_free(&output);
	return rc;
}

/* From the configuration: as root it has to be in root's hands alone. */
static int
run_configured(struct run *r, enum hook hook, struct hook_exec *x, struct err *e)
{
	const char *command = r->dev->conf->hooks[hook];
	struct user u;

	if (user_of(r->dev->conf->hook_user, &u, e) == -1)
		return -1;
	if (is_path(command)) {
		if (guard_path(command, x->what, e) == -1)
			return -1;
		x->path = command;
	} else {
		x->line = command;
	}
	return run_logged(r, x, &u, e);
}

static int
run_shipped(struct run *r, enum hook hook, uint64_t release, struct hook_exec *x,
    struct err *e)
{
	struct buf path = BUF_INIT(8192);
	struct user u;
	int rc = -1;

	if (r->dev->conf->hook_user == NULL && geteuid() == 0)
		return err_set(e, ERR_USAGE, "[hooks] user is missing: hooks of a release"
		    " run as that user; write root if it must be root");
	if (user_of(r->dev->conf->hook_user, &u, e) == 0 &&
	    hook_copy(r->dev, release, hook, &path, e) == 0) {
		x->path = buf_text(&path);
		rc = run_logged(r, x, &u, e);
	}
	buf_free(&path);
	return rc;
}

enum hook_end
hook_run(struct run *r, enum hook hook, bool from_old_release, struct err *e)
{
	const struct conf *conf = r->dev->conf;
	uint64_t release = release_of(r, from_old_release);
	struct hook_exec x;
	char what[48];
	int rc, shipped;

	memset(&x, 0, sizeof x);
	(void)snprintf(what, sizeof what, "hook %s", hook_name(hook));
	x.what = what;
	x.timeout_s = conf->hook_timeout_s[hook];
	x.keep = hook == HOOK_START;
	if (conf->hooks[hook] != NULL) {
		rc = run_configured(r, hook, &x, e);
	} else {
		shipped = conf->hooks_from_release ?
		    hook_shipped(r->dev, release, hook, e) : 0;
		if (shipped == 0)
			return HOOK_NONE;
		rc = shipped == -1 ? -1 : run_shipped(r, hook, release, &x, e);
	}
	return rc == -1 ? HOOK_FAILED : HOOK_OK;
}

int
hooks_prepare(struct run *r, struct err *e)
{
	static const enum hook of_old[] = { HOOK_STOP, HOOK_START, HOOK_HEALTH };
	struct buf path = BUF_INIT(8192);
	int rc = 0;
	size_t i;

	if (!r->dev->conf->hooks_from_release)
		return 0;
	for (i = 0; i < sizeof of_old / sizeof of_old[0] && rc == 0; i++)
		if (hook_shipped(r->dev, r->mark.from, of_old[i], e) == 1)
			rc = hook_copy(r->dev, r->mark.from, of_old[i], &path, e);
	for (i = 0; i < HOOK_COUNT && rc == 0; i++)
		if (hook_shipped(r->dev, r->mark.to, (enum hook)i, e) == 1)
			rc = hook_copy(r->dev, r->mark.to, (enum hook)i, &path, e);
	buf_free(&path);
	return rc;
}

int
command_run(struct run *r, const char *what, const char *command_line,
    uint32_t timeout_s, bool keep, struct err *e)
{
	struct hook_exec x;
	struct user u;

	memset(&x, 0, sizeof x);
	x.what = what;
	x.line = command_line;
	x.timeout_s = timeout_s;
	x.keep = keep;
	if (user_of(NULL, &u, e) == -1)
		return -1;
	return run_logged(r, &x, &u, e);
}
