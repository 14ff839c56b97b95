#include <malloc.h>
#include <stddef.h>

#include "manifest/base/opt.h"

#include "mkdelta/commands.h"

enum { LARGE = 1 << 20 };	/* what goes back to the system as soon as it is freed */

int
main(int argc, char **argv)
{
	static const struct opt_command *const commands[] = {
		&command_init,
		&command_release,
		&command_list,
		&command_show,
		&command_verify,
		&command_refresh,
		&command_key,
		&command_sign,
		&command_promote,
		&command_withdraw,
		&command_prune,
		&command_halt,
		&command_floor,
		&command_diff,
		&command_patch,
		&command_inspect,
		NULL,
	};

#ifdef M_MMAP_THRESHOLD
	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
#endif
	return opt_main("mkdelta", "make and sign releases as deltas for devices",
	    commands, NULL, argc, argv);
}
