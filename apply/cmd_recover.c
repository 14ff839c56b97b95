#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"

#include "apply/commands.h"
#include "apply/drive.h"

/* Where nothing was ever begun there is nothing to look at, nor to create. */
static int
never_ran(const struct conf *conf)
{
	struct err why = ERR_INIT;
	int fd = fs_open_dir(conf->state, &why);

	if (fd != -1)
		(void)close(fd);
	return fd == -1 && why.code == ERR_ABSENT;
}

static int
recover_one(const struct conf *conf, struct err *e)
{
	struct device dev;
	struct run r;
	int status = -1;

	if (never_ran(conf))
		return 0;
	if (device_open(conf, true, &dev, e) == -1)
		return -1;
	memset(&r, 0, sizeof r);
	if (device_lock(&dev, e) == 0 && run_open(&r, &dev, e) == 0) {
		r.recovering = true;
		status = drive(&r, e);
		if (e->code != ERR_NONE)
			status = -1;
	}
	if (r.dev != NULL)
		run_close(&r);
	device_close(&dev);
	return status;
}

static const struct opt options[] = { COMMON_OPTIONS, OPT_END };

static int
run_recover(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return commands_each(recover_one, e);
}

const struct opt_command cmd_recover = {
	"recover", "", "at boot, before the application: finish or revert a switch",
	"Needs no network and starts no service; the next update goes on from there.\n"
	"Nothing to do is fine.\n",
	options, 0, 0, run_recover
};
