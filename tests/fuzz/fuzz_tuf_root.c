/*
 * A root: as the first one that somebody trusts, and as the one after the trusted one.
 */
#include <stdint.h>
#include <stdlib.h>

#include "tests/fuzz/kit/tuf_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

/* What is trusted knows its roles. */
static void
look(const struct tuf *t)
{
	static const char *const roles[] = { "root", "timestamp", "snapshot", "targets" };

	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
		if (tuf_role_entry(tuf_signed(t, "root"), roles[i]) == NULL)
			abort();
	(void)tuf_consistent(t);
	(void)tuf_product(t);
	if (tuf_now(t) != CASE_NOW)
		abort();
}

/* As the package brings it, over one that is there. */
static void
first(const uint8_t *data, size_t n)
{
	struct tuf *t = tuf_case_open("2.root.json", data, n);
	struct err e = ERR_INIT;

	tuf_case_in_folder("root");
	tuf_case_by_hand();
	if (tuf_trust(-1, data, n, &e) == -1 && tuf_case_stored() != 0)
		abort();
	tuf_case_close(t);
}

static void
next(const uint8_t *data, size_t n)
{
	struct tuf *t = tuf_case_open("2.root.json", data, n);
	struct err e = ERR_INIT;
	unsigned stored;

	(void)tuf_root_update(t, &e);
	stored = tuf_case_stored();
	if (stored > 1 || t->root->version != 1 + stored)
		abort();
	look(t);
	tuf_case_close(t);
}

/* White space before the object is the difference. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n > 0 && n <= TUF_ROOT_MAX)
		(data[0] == ' ' ? first : next)(data, n);
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	return json_mutate(data, n, max, seed);
}
