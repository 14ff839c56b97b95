#include <ctype.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/names.h"

#include "apply/conf.h"

enum { APP_NAME_MAX = 64, SECONDS_DAY = 24 * 3600 };

static int
bad(const char *key, const char *fact, struct err *e)
{
	return err_set(e, ERR_USAGE, "%s: %s", key, fact);
}

static int
check_required(const struct conf *c, struct err *e)
{
	const struct {
		const char *key, *value;
	} required[] = {
		{ "app.name", c->name }, { "app.root", c->root }, { "app.url", c->url },
		{ "trust.root", c->trust_root },
	};

	for (size_t i = 0; i < sizeof required / sizeof required[0]; i++)
		if (required[i].value == NULL)
			return bad(required[i].key, "is not set", e);
	return 0;
}

static int
check_name(const char *name, struct err *e)
{
	static const char fact[] =
	    "1 to 64 letters, digits, '.', '_' and '-', beginning with "
	    "a letter or digit";

	if (!isalnum((unsigned char)name[0]) || strlen(name) > APP_NAME_MAX)
		return bad("app.name", fact, e);
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL)
			return bad("app.name", fact, e);
	return 0;
}

/* Absolute, not "/", and nothing in it that goes up. */
static int
check_dir(const char *key, const char *path, struct err *e)
{
	if (path[0] != '/')
		return bad(key, "expects an absolute path", e);
	if (strcmp(path, "/") == 0)
		return bad(key,
		    "the root of the file system cannot be updated as a whole", e);
	if (!fs_rel_is_safe(path + 1))
		return bad(key, "a path with '.' or '..' or too long", e);
	return 0;
}

static int
check_url(const char *key, const char *url, bool file_too, struct err *e)
{
	static const char *const schemes[] = { "https://", "http://", "file:///" };
	bool known = false;

	for (size_t i = 0; i < (file_too ? 3u : 2u); i++)
		known = known || (strncmp(url, schemes[i], strlen(schemes[i])) == 0 &&
		    url[strlen(schemes[i])] != '\0');
	if (!known)
		return bad(key, file_too ? "expects https://, http:// or file:///" :
		    "expects https:// or http://", e);
	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    (file_too && strchr("?#", *p) != NULL))
			return bad(key,
			    "a space, '?' or '#' in it; write %20, %3F or %23", e);
	return 0;
}

static int
check_allow(const struct conf_list *allow, struct err *e)
{
	static const char *const words[] = { "setuid", "setgid", "capabilities", "owners",
		"world-writable" };

	for (int i = 0; i < allow->n; i++) {
		bool known = false;

		for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
			known = known || strcmp(words[w], allow->items[i]) == 0;
		if (!known)
			return err_set(e, ERR_USAGE,
			    "app.allow: no such word '%s'; there are "
			    "setuid setgid capabilities owners world-writable",
			    allow->items[i]);
	}
	return 0;
}

static bool
is_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	return strncmp(path, above, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static int
check_persist_path(const char *key, const char *path, struct err *e)
{
	if (!fs_rel_is_safe(path) || strcmp(path, ".") == 0)
		return err_set(e, ERR_USAGE, "%s: '%s' is no path below the tree", key,
		    path);
	if (is_below(path, ".delta"))
		return err_set(e, ERR_USAGE, "%s: .delta belongs to delta-apply", key);
	return 0;
}

/* Also no path twice, and none below another: whose would it be? */
static int
check_persist(const struct conf *c, struct err *e)
{
	const char *paths[2 * CONF_LIST_MAX];
	int n = 0;

	for (int i = 0; i < c->persist.n; i++)
		paths[n++] = c->persist.items[i];
	for (int i = 0; i < c->persist_copy.n; i++)
		paths[n++] = c->persist_copy.items[i];
	for (int i = 0; i < n; i++) {
		const char *key = i < c->persist.n ? "persist.paths" : "persist.copy";

		if (check_persist_path(key, paths[i], e) == -1)
			return -1;
		for (int k = 0; k < n; k++)
			if (k != i && is_below(paths[i], paths[k]))
				return err_set(e, ERR_USAGE,
				    "%s: '%s' is in '%s' already", key, paths[i],
				    paths[k]);
	}
	return 0;
}

static int
check_numbers(const struct conf *c, struct err *e)
{
	if (c->keep < 2)
		return bad("app.keep",
		    "at least 2 releases are kept, or none could be gone "
		    "back to",
		    e);
	if (c->memory_bytes < (uint64_t)1 << 20)
		return bad("app.memory", "less than 1M decodes nothing", e);
	if (c->connect_timeout_s == 0 || c->low_speed_time_s == 0 ||
	    c->total_timeout_s == 0)
		return bad("net",
		    "a time-out of 0 would let a silent host hang the device", e);
	if (c->retries > 100)
		return bad("net.retries", "more than 100", e);
	if (c->health_timeout_s == 0 || c->health_hold_s > SECONDS_DAY)
		return bad("health", "timeout at least 1 second, hold at most a day", e);
	return 0;
}

static int
check_service(const struct conf *c, struct err *e)
{
	if (c->unit != NULL && (c->start_command != NULL || c->stop_command != NULL))
		return bad("service.unit", "either a unit or start and stop commands", e);
	if ((c->start_command == NULL) != (c->stop_command == NULL))
		return bad("service", "start and stop belong together", e);
	if (c->health_unit && c->unit == NULL && c->status_command == NULL)
		return bad("health.unit", "needs [service] unit or status", e);
	if (c->unit != NULL && (c->unit[0] == '-' ||
	    c->unit[strcspn(c->unit, " \t/")] != '\0'))
		return bad("service.unit", "the name of one systemd unit", e);
	return 0;
}

static int
check_all(const struct conf *c, struct err *e)
{
	if (check_required(c, e) == -1 || check_name(c->name, e) == -1 ||
	    check_dir("app.root", c->root, e) == -1 ||
	    check_dir("app.state", c->state, e) == -1 ||
	    check_dir("app.run", c->run, e) == -1 ||
	    check_url("app.url", c->url, true, e) == -1)
		return -1;
	if (name_check_channel(c->channel, e) == -1)
		return err_wrap(e, "app.channel");
	if (name_check_platform(c->platform, e) == -1)
		return err_wrap(e, "app.platform");
	if (is_below(c->state, c->root) || is_below(c->run, c->root))
		return bad("app.state", "must not lie below app.root", e);
	if (strcmp(c->state, c->run) == 0)
		return bad("app.run", "is app.state as well", e);
	if (c->health_url != NULL &&
	    check_url("health.url", c->health_url, false, e) == -1)
		return -1;
	if (check_allow(&c->allow, e) == -1 || check_persist(c, e) == -1 ||
	    check_numbers(c, e) == -1 || check_service(c, e) == -1)
		return -1;
	return 0;
}

int
conf_check(const struct conf *c, struct err *e)
{
	return check_all(c, e) == 0 ? 0 : err_wrap(e, "%s", c->path);
}

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool
overlap(const char *a, const char *b)
{
	return a != NULL && b != NULL && (is_below(a, b) || is_below(b, a));
}

int
conf_check_apart(const struct conf *c, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = i + 1; k < n; k++) {
			const char *key = NULL;

			if (same(c[i].name, c[k].name))
				key = "name";
			else if (overlap(c[i].root, c[k].root))
				key = "root";
			else if (same(c[i].state, c[k].state))
				key = "state";
			else if (same(c[i].run, c[k].run))
				key = "run";
			if (key != NULL)
				return err_set(e, ERR_USAGE,
				    "%s and %s: the same app.%s; "
				    "each application needs its own",
				    c[i].path, c[k].path, key);
		}
	}
	return 0;
}
