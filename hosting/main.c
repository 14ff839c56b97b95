#include <stddef.h>

#include "manifest/base/opt.h"

#include "hosting/commands.h"

int
main(int argc, char **argv)
{
	static const struct opt_command *const commands[] = {
		&command_publish,
		&command_pull,
		&command_prune_host,
		&command_verify,
		&command_export,
		&command_config,
		NULL,
	};

	return opt_main("delta-host", "move and watch repositories on static hosts",
	    commands, NULL, argc, argv);
}
