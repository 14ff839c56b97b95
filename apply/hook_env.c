#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/data.h"
#include "apply/persist.h"
#include "apply/steps.h"

#include "apply/hook_env.h"

enum { PATH_BYTES_MAX = 8192 };

int
hook_base_path(const struct device *dev, struct buf *out, struct err *e)
{
	static const char below[] = "/shared";
	size_t n = sizeof below - 1;

	if (persist_shared_path(dev->conf, out, e) == -1)
		return -1;
	if (out->len <= n || strcmp((char *)out->data + out->len - n, below) != 0)
		return err_set(e, ERR_FAIL, "%s: no folder for shared data",
		    buf_text(out));
	out->len -= n;
	out->data[out->len] = '\0';
	return 0;
}

int
hook_tree_path(const struct device *dev, uint64_t release, struct buf *out,
    struct err *e)
{
	struct err why = ERR_INIT;
	struct live live;

	if (release == 0)
		return 0;
	memset(&live, 0, sizeof live);
	if (dev->conf->swap == SWAP_EXCHANGE &&
	    live_read(dev, &live, &why) == LIVE_RELEASE && live.release == release)
		return buf_add_text(out, dev->root_path, e);
	if (hook_base_path(dev, out, e) == -1)
		return -1;
	return buf_addf(out, e, "/releases/%" PRIu64, release);
}

static int
add(struct hook_env *env, const char *name, const char *value, struct err *e)
{
	char *word;

	if (env->n == HOOK_ENV_MAX - 1)
		return err_set(e, ERR_FAIL, "too many words for a hook");
	if (asprintf(&word, "%s=%s", name, value) == -1)
		return err_set(e, ERR_NOMEM, "out of memory");
	env->words[env->n++] = word;
	env->words[env->n] = NULL;
	return 0;
}

static int
add_number(struct hook_env *env, const char *name, uint64_t n, struct err *e)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%" PRIu64, n);
	return add(env, name, text, e);
}

static int
add_tree(struct run *r, struct hook_env *env, const char *name, uint64_t release,
    struct err *e)
{
	struct buf path = BUF_INIT(PATH_BYTES_MAX);
	int rc = hook_tree_path(r->dev, release, &path, e);

	if (rc == 0)
		rc = add(env, name, buf_text(&path), e);
	buf_free(&path);
	return rc;
}

static int
add_backup(struct run *r, struct hook_env *env, struct err *e)
{
	struct buf path = BUF_INIT(PATH_BYTES_MAX);
	char below[DATA_BACKUP_PATH_MAX];
	int rc = hook_base_path(r->dev, &path, e);

	if (rc == 0)
		rc = buf_addf(&path, e, "/%s", data_backup_path(r->mark.to, below));
	if (rc == 0)
		rc = add(env, "DELTA_BACKUP_DIR", buf_text(&path), e);
	buf_free(&path);
	return rc;
}

/* From the plan where there is one (before the tree stands), else the tree. */
static int
add_version(struct run *r, struct hook_env *env, const char *name, uint64_t release,
    struct err *e)
{
	struct err why = ERR_INIT;
	struct record rec;
	int rc;

	if (r->has_plan && release == r->plan.to.release)
		return add(env, name, r->plan.to.version, e);
	memset(&rec, 0, sizeof rec);
	if (release != 0)
		(void)steps_record(r, release, &rec, &why);
	rc = add(env, name, rec.version, e);
	record_clear(&rec);
	return rc;
}

int
hook_env_make(struct run *r, const char *home, struct hook_env *env, struct err *e)
{
	const struct mark *m = &r->mark;

	memset(env, 0, sizeof *env);
	if (add(env, "DELTA_APP", r->dev->conf->name, e) == -1 ||
	    add_number(env, "DELTA_FROM", m->from, e) == -1 ||
	    add_number(env, "DELTA_TO", m->to, e) == -1 ||
	    add_version(r, env, "DELTA_FROM_VERSION", m->from, e) == -1 ||
	    add_version(r, env, "DELTA_TO_VERSION", m->to, e) == -1 ||
	    add_tree(r, env, "DELTA_OLD_TREE", m->from, e) == -1 ||
	    add_tree(r, env, "DELTA_NEW_TREE", m->to, e) == -1 ||
	    add_backup(r, env, e) == -1 ||
	    add_number(env, "DELTA_ATTEMPT", m->attempt, e) == -1 ||
	    add(env, "DELTA_STEP", step_name(m->step), e) == -1 ||
	    add(env, "DELTA_REASON", r->reason[0] != '\0' ? r->reason : m->reason, e) ==
		-1 ||
	    add(env, "PATH",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		e) == -1 ||
	    add(env, "HOME", home, e) == -1 || add(env, "LANG", "C.UTF-8", e) == -1) {
		hook_env_clear(env);
		return -1;
	}
	return 0;
}

void
hook_env_clear(struct hook_env *env)
{
	while (env->n > 0)
		free(env->words[--env->n]);
	env->words[0] = NULL;
}
