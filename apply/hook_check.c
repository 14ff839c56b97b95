#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/fs.h"

#include "apply/hook_exec.h"

#include "apply/hooks.h"

/* The program that a command line runs for certain: its first word, where that is
 * an absolute path and nothing in the line means something to the shell. */
static char *
program_of(const char *line, struct err *e)
{
	char *path;

	if (line[0] != '/' || line[strcspn(line, "\"'\\$&;|<>*?[]`(){}#~")] != '\0')
		return NULL;
	if ((path = strndup(line, strcspn(line, " \t"))) == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	return path;
}

/* What a release brings may not be there yet. */
static bool
is_in_app(const struct conf *conf, const char *path)
{
	size_t n = strlen(conf->root);

	while (n > 1 && conf->root[n - 1] == '/')
		n--;
	return strncmp(path, conf->root, n) == 0 && path[n] == '/';
}

static int
check_one(const struct conf *conf, enum hook hook, struct err *e)
{
	struct hook_exec x;
	char what[48];
	char *path = program_of(conf->hooks[hook], e);
	int rc = 0;

	if (path == NULL)
		return e->code == ERR_NONE ? 0 : -1;
	memset(&x, 0, sizeof x);
	(void)snprintf(what, sizeof what, "hook %s", hook_name(hook));
	x.what = what;
	x.path = path;
	if (!is_in_app(conf, path) && (rc = hook_exec_check(&x, e)) == -1 &&
	    e->code != ERR_NOMEM && (e->code != ERR_IO || e->sys == EACCES))
		e->code = ERR_USAGE;
	free(path);
	return rc;
}

int
hooks_check(const struct conf *conf, struct err *e)
{
	bool any = false;
	uid_t uid;
	gid_t gid;
	int rc = 0;

	err_clear(e);
	for (int i = 0; i < HOOK_COUNT && rc == 0; i++)
		if (conf->hooks[i] != NULL) {
			any = true;
			rc = check_one(conf, (enum hook)i, e);
		}
	return rc == 0 && any ? hook_user_ids(conf, &uid, &gid, e) : rc;
}
