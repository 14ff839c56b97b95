#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/buf.h"
#include "manifest/base/log.h"

#include "apply/commands.h"

#define CONF_GLOB "/etc/delta-apply/*.conf"
enum { JSON_TEXT_MAX = 16 << 20, APPLICATIONS_MAX = 256 };

struct common common;

int
commands_worse(int status, int other)
{
	static const int from_best[] = { 0, 8, 6, 3, 9, 7, 1, 2, 5, 4 };
	int worst = 0;

	for (size_t i = 0; i < sizeof from_best / sizeof from_best[0]; i++)
		if (from_best[i] == status || from_best[i] == other)
			worst = from_best[i];
	return worst;
}

int
commands_print(struct jv *v, struct err *e)
{
	struct buf text = BUF_INIT(JSON_TEXT_MAX);
	int rc = -1;

	if (v == NULL) {
		if (e->code == ERR_NONE)
			(void)err_set(e, ERR_NOMEM, "out of memory");
		return -1;
	}
	if (jv_print(v, &text, e) == 0) {
		rc = puts(buf_text(&text)) == EOF || fflush(stdout) == EOF ?
		    err_sys(e, "standard output") : 0;
	}
	jv_free(v);
	buf_free(&text);
	return rc;
}

/* --set section.key=value */
static int
set_one(struct conf *c, const char *text, struct err *e)
{
	const char *dot = strchr(text, '.'), *equals = strchr(text, '=');
	char *section, *key;
	int rc;

	if (dot == NULL || equals == NULL || equals < dot)
		return err_set(e, ERR_USAGE, "--set %s: expects SECTION.KEY=VALUE", text);
	section = strndup(text, (size_t)(dot - text));
	key = strndup(dot + 1, (size_t)(equals - dot - 1));
	if (section == NULL || key == NULL)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	else if ((rc = conf_set(c, section, key, equals + 1, e)) == -1)
		(void)err_wrap(e, "--set");
	free(section);
	free(key);
	return rc;
}

static int
apply_flags(struct conf *c, struct err *e)
{
	const struct {
		const char *key, *value;
	} flags[] = {
		{ "url", common.url }, { "root", common.root }, { "state", common.state },
		{ "run", common.run },
	};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (flags[i].value != NULL &&
		    conf_set(c, "app", flags[i].key, flags[i].value, e) == -1)
			return err_wrap(e, "--%s", flags[i].key);
	for (int i = 0; i < common.set.n; i++)
		if (set_one(c, common.set.values[i], e) == -1)
			return -1;
	return 0;
}

static int
read_one(const char *path, struct conf *c, struct err *e)
{
	if (conf_read(path, c, e) == -1)
		return -1;
	if (conf_env(c, e) == 0 && apply_flags(c, e) == 0 && conf_finish(c, e) == 0)
		return 0;
	conf_clear(c);
	return -1;
}

static int
run_single(int (*one)(const struct conf *, struct err *), const char *path, struct err *e)
{
	struct conf c;
	int status;

	if (read_one(path, &c, e) == -1)
		return -1;
	status = one(&c, e);
	conf_clear(&c);
	return status;
}

/* One that cannot be read does not keep the others from being served. */
static size_t
read_all(const glob_t *found, struct conf *list, int *worst)
{
	size_t n = 0;

	for (size_t i = 0; i < found->gl_pathc; i++) {
		struct err e = ERR_INIT;

		if (read_one(found->gl_pathv[i], &list[n], &e) == 0) {
			n++;
			continue;
		}
		log_error(&e);
		*worst = commands_worse(*worst, err_exit_status(&e));
	}
	return n;
}

static int
run_several(int (*one)(const struct conf *, struct err *), const glob_t *found,
    struct err *e)
{
	struct conf *list = calloc(found->gl_pathc, sizeof *list);
	int worst = 0;
	size_t n;

	if (list == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	n = read_all(found, list, &worst);
	if (conf_check_apart(list, n, e) == -1)
		worst = -1;
	for (size_t i = 0; worst != -1 && i < n; i++) {
		struct err why = ERR_INIT;
		int status = one(&list[i], &why);

		if (status == -1) {
			if (strncmp(why.text, list[i].name, strlen(list[i].name)) != 0)
				(void)err_wrap(&why, "%s", list[i].name);
			log_error(&why);
			status = err_exit_status(&why);
		}
		worst = commands_worse(worst, status);
		if (why.code == ERR_CANCEL)
			break;
	}
	for (size_t i = 0; i < n; i++)
		conf_clear(&list[i]);
	free(list);
	return worst;
}

int
commands_each(int (*one)(const struct conf *, struct err *), struct err *e)
{
	glob_t found;
	int status, rc;

	if (common.config != NULL)
		return run_single(one, common.config, e);
	if ((rc = glob(CONF_GLOB, 0, NULL, &found)) != 0) {
		if (rc == GLOB_NOSPACE)
			return err_set(e, ERR_NOMEM, "out of memory");
		(void)err_set(e, ERR_USAGE, "no configuration: there is no " CONF_GLOB);
		return err_hint(e, "write one, or name it with --config FILE");
	}
	if (found.gl_pathc > APPLICATIONS_MAX)
		status =
		    err_set(e, ERR_USAGE, CONF_GLOB ": more than %d", APPLICATIONS_MAX);
	else if (found.gl_pathc == 1)
		status = run_single(one, found.gl_pathv[0], e);
	else
		status = run_several(one, &found, e);
	globfree(&found);
	return status;
}
