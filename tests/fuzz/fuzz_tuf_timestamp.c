/*
 * A timestamp, after an older one that was trusted.
 */
#include <stdint.h>
#include <stdlib.h>

#include "manifest/tuf_listed.h"

#include "tests/fuzz/kit/tuf_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

/* The snapshot that it lists, measured against any bytes. */
static void
look(const struct tuf_meta *m)
{
	uint8_t any[] = "any";
	struct buf bytes = { any, 3, sizeof any, sizeof any };
	const struct jv *listed = tuf_listed_in(m, "snapshot");
	struct err e = ERR_INIT;

	if (listed == NULL || tuf_listed_version(listed) == 0)
		abort();
	(void)tuf_listed_check_bytes(listed, &bytes, &e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	int64_t x_signed, expires;
	struct tuf *t;
	int rc;

	if (n > TUF_TIMESTAMP_MAX)
		return 0;
	t = tuf_case_open("timestamp.json", data, n);
	tuf_case_trust(t, "timestamp");
	rc = tuf_timestamp_update(t, &e);
	if (rc == -1 && tuf_case_stored() != 0)
		abort();
	if (tuf_case_stored() == 1 &&
	    (t->timestamp->version <= 4 || tuf_times(t, &x_signed, &expires) == -1 ||
		expires <= CASE_NOW || tuf_now(t) < CASE_NOW))
		abort();
	look(t->timestamp);
	tuf_case_close(t);
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	return json_mutate(data, n, max, seed);
}
