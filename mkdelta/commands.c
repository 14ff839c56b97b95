#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "mkdelta/expiry.h"
#include "mkdelta/show.h"

#include "mkdelta/commands.h"

static bool
is_ci(void)
{
	const char *ci = getenv("CI");

	return ci != NULL && (strcmp(ci, "true") == 0 || strcmp(ci, "1") == 0);
}

struct keys *
command_keys(const struct repo *r, const struct keys_from *from, struct err *e)
{
	struct keys *keys = keys_gather(r->path, from, e);

	if (keys == NULL || !is_ci() || from->allow_root_key ||
	    !repo_has_root_key(r, keys))
		return keys;
	(void)err_set(e, ERR_POLICY, "keys %s%s: hold a private root key, and CI=true says "
	    "that this is a build machine; keep root keys off it: move root-*.pem to a "
	    "safe place (or give --allow-root-key)", from->dir == NULL ? r->path :
	    from->dir, from->dir == NULL ? ".keys" : "");
	keys_close(keys);
	return NULL;
}

struct keys *
command_keys_seen(const struct repo *r, const struct keys_from *from)
{
	struct err e = ERR_INIT;
	struct keys *keys = keys_gather(r->path, from, &e);

	if (keys == NULL && (e.code != ERR_ABSENT || from->dir != NULL))
		log_warn("keys are left out: %s", e.text);
	return keys;
}

int
command_commit(struct repo *r, const struct keys_from *from, struct err *e)
{
	struct keys *keys = command_keys(r, from, e);
	int rc = keys == NULL ? -1 : repo_commit(r, keys, utc_now(), from->force, e);

	keys_close(keys);
	return rc;
}

int
command_publish(struct repo *r, const struct keys_from *from, struct err *e)
{
	if (command_commit(r, from, e) == -1)
		return -1;
	if (!r->waits && log_level_now() != LOG_QUIET)
		(void)printf("%s: published: %s\n", r->path, r->reason);
	return 0;
}

static int
warn_of_role(const struct repo_role *role, int64_t now)
{
	enum expiry_state state = expiry_state(role->signed_at, role->expires, now);
	bool online = strcmp(role->name, "snapshot") == 0 ||
	    strcmp(role->name, "timestamp") == 0;
	bool is_platform = strcmp(role->by, "root") != 0 &&
	    strcmp(role->by, "targets") != 0;
	const char *name = is_platform ? role->by : role->name;
	char when[EXPIRY_TEXT_MAX], date[UTC_TEXT_MAX];

	if (state == EXPIRY_FINE)
		return 0;
	log_warn("%s %s %s (%s); sign it again with: mkdelta refresh%s%s", role->name,
	    state == EXPIRY_OVER ? "expired" : "expires",
	    expiry_text(when, role->expires, now), utc_text(date, role->expires),
	    online ? "" : " --role ", online ? "" : name);
	return 9;
}

int
command_warn_expiry(const struct repo *r, int64_t now)
{
	int status = 0;

	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		if (warn_of_role(role, now) != 0)
			status = 9;
	return status;
}

int
command_run(const char *lock, command_work *work, int words, char **argv, struct err *e)
{
	struct repo *r = repo_open(argv[1], lock, e);
	bool waits;
	int rc;

	if (r == NULL)
		return -1;
	rc = work(r, words, argv, e);
	waits = rc == 0 && r->waits;
	repo_close(r);
	return waits && log_level_now() != LOG_QUIET ?
	    show_pending(argv[1], false, e) : rc;
}

int
command_print(struct jv *value, struct err *e)
{
	struct buf text = BUF_INIT((size_t)256 << 20);
	int rc = value == NULL ? err_set(e, ERR_NOMEM, "out of memory") :
	    jv_print(value, &text, e);

	if (rc == 0)
		(void)printf("%s%s", buf_text(&text),
		    text.len > 0 && text.data[text.len - 1] == '\n' ? "" : "\n");
	if (rc == 0 && fflush(stdout) == EOF)
		rc = err_sys(e, "standard output");
	buf_free(&text);
	jv_free(value);
	return rc;
}
