/*
 * A slot of the journal from anywhere.  The checksum would keep every change of
 * the body out, so it is put right first; what is read can be written, and read
 * again as the same mark.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "apply/journal_slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_again(const struct mark *m)
{
	uint8_t slot[JOURNAL_SLOT], once_more[JOURNAL_SLOT];
	struct err e = ERR_INIT;
	struct mark back;
	uint64_t sequence;

	if (journal_slot_make(slot, 7, m, &e) == -1)
		abort();
	if (journal_slot_parse(slot, &sequence, &back, &e) == -1 || sequence != 7)
		abort();
	if (journal_slot_make(once_more, 7, &back, &e) == -1 ||
	    memcmp(slot, once_more, sizeof slot) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t slot[JOURNAL_SLOT];
	struct err e = ERR_INIT;
	struct sha256 sum;
	struct mark m;
	uint64_t sequence;

	memset(slot, 0, sizeof slot);
	memcpy(slot, data, n < SLOT_SUM ? n : SLOT_SUM);
	memcpy(slot, JOURNAL_MAGIC, 8);
	if (sha256_of(slot, SLOT_SUM, &sum, &e) == -1)
		abort();
	memcpy(slot + SLOT_SUM, sum.bytes, SHA256_BYTES);
	if (journal_slot_parse(slot, &sequence, &m, &e) == 0)
		check_again(&m);
	else if (e.text[0] == '\0')
		abort();
	return 0;
}
