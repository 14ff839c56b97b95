#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "mkdelta/commands.h"
#include "mkdelta/halt_role.h"

static struct keys_from from;
static uint32_t days;
static bool lift, json;

static const struct opt options[] = {
	{ "days", 0, OPT_COUNT_U32, &days, "N", "with all: for so long, 1 to 14 (7)" },
	{ "lift", 0, OPT_FLAG, &lift, NULL, "end the halt" },
	SIGN_OPTIONS(from, SIGN_FORCED),
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
halt(struct repo *r, int words, char **argv, struct err *e)
{
	if (words > 1 && days > HALT_ALL_MAX_DAYS)
		return err_set(e, ERR_USAGE, "--days %" PRIu32 ": 1 to %d", days,
		    HALT_ALL_MAX_DAYS);
	if (words > 1 && (change(r, argv[2], e) == -1 ||
	    command_commit(r, &from, e) == -1))
		return -1;
	return words > 1 && (r->waits || log_level_now() == LOG_QUIET) ? 0 : show(r, e);
}

static int
run(int words, char **argv, struct err *e)
{
	return command_run(words > 1 ? "halt" : NULL, halt, words, argv, e);
}

const struct opt_command command_halt = {
	"halt", "REPO [N|all]", "stop devices from switching to a release, at once",
	"Devices that run it stay; those on the way there stop before they switch.  It\n"
	"needs the halt key (made by mkdelta key new REPO halt) and the online key, and\n"
	"with them nobody can ship anything.  Without N or all: says what is halted.\n",
	options, 1, 2, run
};
