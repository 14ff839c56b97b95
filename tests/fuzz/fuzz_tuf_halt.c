/*
 * The role that halts releases: it takes away what it names, and no more.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/hash.h"
#include "manifest/base/utc.h"
#include "manifest/halt.h"
#include "manifest/record.h"

#include "tests/fuzz/kit/tuf_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

/* A release that is halted for good, or all of them for 14 days. */
static void
ask(const struct jv *part)
{
	struct record r = { .release = 2 };

	memset(&r.listing, 0x11, sizeof r.listing);
	(void)halt_covers(part, &r, CASE_NOW);
	r.release = INT64_MAX;
	memset(&r.listing, 0x22, sizeof r.listing);
	(void)halt_covers(part, &r, CASE_NOW);
}

/* A release that nobody names is free again 14 days after the last signature.  Its
 * listing has the hash of the file itself, so the file cannot name it. */
static void
ask_later(const struct jv *part, const uint8_t *data, size_t n)
{
	const char *text = jv_text(jv_get(part, "x-signed"));
	struct record r = { .release = 1 };
	int64_t x_signed;

	if (sha256_of(data, n, &r.listing, NULL) == -1)
		return;
	if (text == NULL || utc_parse(text, &x_signed) == -1)
		x_signed = CASE_NOW;
	if (x_signed > (int64_t)1 << 36)
		return;		/* the year has five digits soon */
	if (halt_covers(part, &r, x_signed + HALT_ALL_MAX_DAYS * 86400))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const chain[] = { "targets", HALT_ROLE };
	struct err e = ERR_INIT;
	const struct jv *part;
	struct tuf *t;

	if (n > TUF_TARGETS_MAX)
		return 0;
	t = tuf_case_open("3.halt.json", data, n);
	tuf_case_trust(t, "snapshot");
	tuf_case_trust(t, "targets");
	if ((part = tuf_role(t, chain, 2, &e)) != NULL) {
		if (tuf_case_stored() != 1)
			abort();
		ask(part);
		ask_later(part, data, n);
	}
	tuf_case_close(t);
	return 0;
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	return json_mutate(data, n, max, seed);
}
