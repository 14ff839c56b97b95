/*
 * The targets role: whom it delegates to, and the search that begins there.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/tuf_names.h"

#include "tests/fuzz/kit/tuf_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

static void
search(struct tuf *t)
{
	static const char *const paths[] = { "1/any.tree.zst", "2/any.from-1.delta", "x" };
	struct buf url = BUF_INIT(1 << 14);
	struct tuf_target target;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		if (tuf_find(t, paths[i], &target, &e) != 1)
			continue;
		if (strcmp(target.path, paths[i]) != 0 ||
		    tuf_target_url(t, &target, &url, &e) == -1)
			abort();
		buf_reset(&url);
	}
	buf_free(&url);
}

/* What a device asks by name. */
static void
walk(struct tuf *t)
{
	static const char *const to_any[] = { "targets", "stable", "stable.any" };
	static const char *const to_halt[] = { "targets", "halt" };
	struct tuf_target target;
	struct err e = ERR_INIT;
	void *it = NULL;
	int rc;

	while ((rc = tuf_role_each(t->targets->signed_part, &it, &target, &e)) != 0)
		if (rc == 1)
			(void)tuf_target_name_check(target.path, &e);
	(void)tuf_role(t, to_any, 3, &e);
	(void)tuf_role(t, to_halt, 2, &e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	struct tuf *t;

	if (n > TUF_TARGETS_MAX)
		return 0;
	t = tuf_case_open("2.targets.json", data, n);
	tuf_case_trust(t, "snapshot");
	if (tuf_targets_load(t, "targets", t->root->signed_part, &t->targets, &e) == 0) {
		if (tuf_case_stored() != 1)
			abort();
		search(t);
		walk(t);
	} else if (tuf_case_stored() != 0)
		abort();
	tuf_case_close(t);
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	return json_mutate(data, n, max, seed);
}
