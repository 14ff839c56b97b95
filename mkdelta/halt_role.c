#include <string.h>

#include "manifest/tuf_write.h"

#include "mkdelta/halt_role.h"

#define PERIOD ((int64_t)365 * 86400)

int
halt_role_add(struct repo *r, const struct jv *key, struct err *e)
{
	static const char *const no_paths[] = { NULL };
	struct tuf_head head = { "targets", 1, 1, 0, r->product };
	struct repo_role *targets = repo_role(r, "targets"), *role;
	struct jv *keys[1] = { jv_copy(key) };
	int rc = tuf_delegate(targets->part, "halt", no_paths, keys, 1, 1, e);

	jv_free(keys[0]);
	targets->changed = true;
	if (rc == -1 || (role = repo_add_role(r, "halt", "targets",
	    tuf_new_signed(&head, e), PERIOD, e)) == NULL)
		return -1;
	if (jv_set(role->part, "x-halt", jv_new_object()) == -1)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

struct repo_role *
halt_role(const struct repo *r, struct err *e)
{
	struct repo_role *role = repo_role(r, "halt");

	if (role == NULL)
		(void)err_set(e, ERR_USAGE, "%s: has no role halt; who has the targets key "
		    "makes it with: mkdelta key new %s halt", r->path, r->path);
	return role;
}
