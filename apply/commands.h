/*
 * commands.h - the commands of delta-apply, one file cmd_NAME.c each.
 *
 * Every command that works on an application takes the same options; without
 * --config it runs once for each /etc/delta-apply/ *.conf, and the worst exit
 * status wins, from best to worst: 0 8 6 3 9 7 1 2 5 4.
 */
#ifndef APPLY_COMMANDS_H
#define APPLY_COMMANDS_H

#include <stdbool.h>

#include "manifest/base/err.h"
#include "manifest/base/opt.h"
#include "manifest/jv.h"

#include "apply/conf.h"
#include "apply/device.h"

/* What the options of every command came to. */
struct common {
	const char *config, *url, *root, *state, *run;
	struct opt_list set;
	bool json;
};
extern struct common common;

#define COMMON_OPTIONS \
	{ "config", 'c', OPT_TEXT, &common.config, "FILE", \
	    "this application only (default: every /etc/delta-apply/*.conf)" }, \
	{ "url", 0, OPT_TEXT, &common.url, "URL", "instead of [app] url" }, \
	{ "root", 0, OPT_TEXT, &common.root, "DIR", "instead of [app] root" }, \
	{ "state", 0, OPT_TEXT, &common.state, "DIR", "instead of [app] state" }, \
	{ "run", 0, OPT_TEXT, &common.run, "DIR", "instead of [app] run" }, \
	{ "set", 0, OPT_LIST, &common.set, "SECTION.KEY=VALUE", \
	    "any key of the configuration" }
#define JSON_OPTION { "json", 0, OPT_FLAG, &common.json, NULL, "for programs" }

/* Run `one` for each configuration, checked, options and environment applied.
 * It returns an exit status, or -1 with an error.  Several configurations: the
 * errors are printed here, each with its application's name. */
int commands_each(int (*one)(const struct conf *, struct err *), struct err *);
int commands_worse(int status, int other);	/* the worse of both */

/* Print a value for programs: one document a configuration, on standard output.
 * Takes v (NULL: ERR_NOMEM). */
int commands_print(struct jv *v, struct err *);

extern const struct opt_command cmd_update, cmd_check, cmd_plan, cmd_status, cmd_history,
    cmd_version, cmd_verify, cmd_repair, cmd_rollback, cmd_resume, cmd_recover,
    cmd_trust, cmd_refresh, cmd_get, cmd_doctor;

#endif
