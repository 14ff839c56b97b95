#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "mkdelta/commands.h"
#include "mkdelta/halt_role.h"

static struct keys_from from;
static uint32_t days;
static bool lift, force, allow_root_key, json;

static const struct opt options[] = {
	{ "days", 0, OPT_COUNT_U32, &days, "N", "with all: for so long, 1 to 14 (7)" },
	{ "lift", 0, OPT_FLAG, &lift, NULL, "end the halt" },
	KEYS_OPTIONS(from),
	{ "allow-root-key", 0, OPT_FLAG, &allow_root_key, NULL,
	    "with CI=true: sign though a root key lies there" },
	{ "force", 0, OPT_FLAG, &force, NULL,
	    "though the clock is behind the last signature" },
	{ "json", 0, OPT_FLAG, &json, NULL, "what is halted, as JSON" },
	OPT_END
};

static int
show(const struct repo *r, struct err *e)
{
	const struct repo_role *role = halt_role(r, e);
	const struct jv *halt, *list;
	const char *until;

	if (role == NULL)
		return -1;
	halt = jv_get(role->part, "x-halt");
	list = jv_get(halt, "releases");
	until = jv_text(jv_get(halt, "all-until"));
	if (json)
		return command_print(halt == NULL ? jv_new_object() : jv_copy(halt), e);
	for (size_t i = 0; i < jv_count(list); i++) {
		int64_t release = 0;

		(void)jv_int(jv_get(jv_at(list, i), "release"), &release);
		(void)printf("release %" PRId64 " is halted (tree %.16s)\n", release,
		    jv_text(jv_get(jv_at(list, i), "listing")));
	}
	if (until != NULL)
		(void)printf("all are halted until %s\n", until);
	if (jv_count(list) == 0 && until == NULL)
		(void)printf("%s: nothing is halted\n", r->path);
	return 0;
}

static int
change(struct repo *r, const char *word, struct err *e)
{
	uint64_t number;

	(void)snprintf(r->reason, sizeof r->reason, "%s %.60s", lift ? "lift the halt of" :
	    "halt", word);
	if (strcmp(word, "all") == 0)
		return halt_role_all(r, lift ? 0 : utc_now() +
		    (int64_t)(days == 0 ? 7 : days) * 86400, e);
	if (days != 0)
		return err_set(e, ERR_USAGE, "--days: only all is halted for a time; a "
		    "release stays halted until --lift");
	if (name_parse_release(word, &number, e) == -1)
		return -1;
	return halt_role_release(r, number, lift, e);
}

static int
halt(struct repo *r, const char *word, struct err *e)
{
	struct keys *keys = NULL;
	int rc = -1;

	if (days > HALT_ALL_MAX_DAYS)
		return err_set(e, ERR_USAGE, "--days %" PRIu32 ": 1 to %d", days,
		    HALT_ALL_MAX_DAYS);
	if (change(r, word, e) == 0 &&
	    (keys = command_keys(r, &from, allow_root_key, e)) != NULL)
		rc = repo_commit(r, keys, utc_now(), force, e);
	keys_close(keys);
	return rc;
}

static int
run(int argc, char **argv, struct err *e)
{
	struct repo *r;
	bool waits;
	int words, rc;

	switch (opt_parse(NULL, &command_halt, argc, argv, &words, e)) {
	case OPT_SHOWN:
		return 0;
	case OPT_BAD:
		return -1;
	case OPT_RUN:
		break;
	}
	if ((r = repo_open(argv[1], words > 1 ? "halt" : NULL, e)) == NULL)
		return -1;
	rc = words > 1 ? halt(r, argv[2], e) : 0;
	waits = rc == 0 && r->waits;
	if (rc == 0 && !waits && (words == 1 || log_level_now() != LOG_QUIET))
		rc = show(r, e);
	repo_close(r);
	return waits ? command_say_pending(argv[1], e) : rc;
}

const struct opt_command command_halt = {
	"halt", "REPO [N|all]", "stop devices from switching to a release, at once",
	"Devices that run it stay; those on the way there stop before they switch.  It\n"
	"needs the halt key (made by mkdelta key new REPO halt) and the online key, and\n"
	"with them nobody can ship anything.  Without N or all: says what is halted.\n",
	options, 1, 2, run
};
