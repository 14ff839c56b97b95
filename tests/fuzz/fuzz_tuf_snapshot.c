/*
 * A snapshot, as the trusted timestamp lists it, after an older one.
 */
#include <stdint.h>
#include <stdlib.h>

#include "manifest/tuf_listed.h"

#include "tests/fuzz/kit/tuf_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

/* Nothing that was listed before is gone or older. */
static void
look(const struct tuf_meta *m)
{
	static const struct {
		const char *role;
		uint64_t version;
	} before[] = { { "targets", 2 }, { "stable", 3 }, { "stable.any", 3 }, { "halt", 3 } };

	for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
		if (tuf_listed_version(tuf_listed_in(m, before[i].role)) <
		    before[i].version)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	struct tuf *t;
	int rc;

	if (n > TUF_SNAPSHOT_MAX)
		return 0;
	t = tuf_case_open("6.snapshot.json", data, n);
	tuf_case_trust(t, "timestamp");
	tuf_case_in_folder("snapshot");
	rc = tuf_snapshot_update(t, &e);
	if ((rc == 0) != (tuf_case_stored() == 1))
		abort();
	if (rc == 0) {
		look(t->snapshot);
		(void)tuf_targets_load(
		    t, "targets", t->root->signed_part, &t->targets, &e);
	}
	tuf_case_close(t);
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	return json_mutate(data, n, max, seed);
}
