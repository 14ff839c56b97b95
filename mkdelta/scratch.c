#include <sys/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "mkdelta/scratch.h"

int
scratch_open(struct scratch *s, struct err *e)
{
	const char *where = getenv("TMPDIR");
	uint8_t random[8];
	char hex[2 * sizeof random + 1];

	s->at = s->dir = -1;
	if (where == NULL || where[0] == '\0')
		where = "/var/tmp";
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return err_sys(e, "random numbers");
	hex_encode(hex, random, sizeof random);
	(void)snprintf(s->name, sizeof s->name, "mkdelta.%s", hex);
	if ((s->at = fs_open_dir(where, e)) != -1 &&
	    fs_mkdir(s->at, s->name, 0700, e) == 0 &&
	    (s->dir = fs_open_dir_at(s->at, s->name, e)) != -1)
		return 0;
	(void)err_wrap(e, "temporary folder below %s", where);
	scratch_close(s);
	return -1;
}

int
scratch_below(const struct scratch *s, const char *name, struct scratch *out,
    struct err *e)
{
	(void)snprintf(out->name, sizeof out->name, "%s", name);
	out->dir = -1;
	if ((out->at = fs_open_dir_at(s->dir, ".", e)) != -1 &&
	    fs_mkdir(out->at, out->name, 0700, e) == 0 &&
	    (out->dir = fs_open_dir_at(out->at, out->name, e)) != -1)
		return 0;
	scratch_close(out);
	return -1;
}

void
scratch_close(struct scratch *s)
{
	struct err ignored = ERR_INIT;

	if (s->dir != -1) {
		(void)close(s->dir);
		(void)fs_remove_tree(s->at, s->name, &ignored);
	}
	if (s->at != -1)
		(void)close(s->at);
	s->at = s->dir = -1;
}
