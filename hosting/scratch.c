#include <sys/random.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "hosting/scratch.h"

int
scratch_open(struct scratch *s, struct err *e)
{
	const char *above = getenv("TMPDIR");
	uint64_t random;

	if (above == NULL || above[0] == '\0')
		above = "/tmp";
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		return err_sys(e, "random numbers");
	(void)snprintf(s->name, sizeof s->name, "delta-host.%016llx",
	    (unsigned long long)random);
	if (snprintf(s->path, sizeof s->path, "%s/%s", above, s->name) >=
	    (int)sizeof s->path)
		return err_set(e, ERR_USAGE, "TMPDIR: too long");
	if ((s->parent = fs_open_dir(above, e)) == -1)
		return err_wrap(e, "TMPDIR");
	if (fs_mkdir(s->parent, s->name, 0700, e) == 0 &&
	    (s->dir = fs_open_dir_at(s->parent, s->name, e)) != -1)
		return 0;
	(void)close(s->parent);
	return err_wrap(e, "%s", above);
}

void
scratch_close(struct scratch *s)
{
	struct err ignored = ERR_INIT;

	(void)close(s->dir);
	(void)fs_remove_tree(s->parent, s->name, &ignored);
	(void)close(s->parent);
}
