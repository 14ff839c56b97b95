#include "apply/patch/old.h"

int
old_read(const struct old *o, void *out, size_t n, uint64_t at, struct err *e)
{
	if (at > o->bytes || n > o->bytes - at)
		return err_set(e, ERR_FORMAT, "a read past the end of the old file");
	return n == 0 ? 0 : o->read(o->arg, out, n, at, e);
}
