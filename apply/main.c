#include "apply/commands.h"

static const struct opt_command *const commands[] = {
	&cmd_update, &cmd_check, &cmd_plan, &cmd_status, &cmd_history, &cmd_version,
	&cmd_verify, &cmd_repair, &cmd_doctor, &cmd_rollback, &cmd_resume, &cmd_recover,
	&cmd_trust, &cmd_refresh, &cmd_get, NULL
};

int
main(int argc, char **argv)
{
	return opt_main("delta-apply", "keep an application at its newest signed release",
	    commands, "update", argc, argv);
}
