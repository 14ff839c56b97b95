#include <string.h>

#include "manifest/base/utc.h"

#include "manifest/halt.h"

/* Text order is time order. */
static bool
all_halted(const struct jv *part, const struct jv *halt, int64_t now)
{
	const char *until = jv_text(jv_get(halt, "all-until"));
	const char *signed_at = jv_text(jv_get(part, "x-signed"));
	char text[UTC_TEXT_MAX];

	return until != NULL && signed_at != NULL &&
	       strcmp(utc_text(text, now), until) < 0 &&
	       strcmp(utc_text(text, now - (int64_t)HALT_ALL_MAX_DAYS * 86400),
		   signed_at) < 0;
}

bool
halt_covers(const struct jv *part, const struct record *r, int64_t now)
{
	const struct jv *halt = jv_get(part, "x-halt");
	const struct jv *list = jv_get(halt, "releases");
	char hex[SHA256_HEX_MAX];

	for (size_t i = 0; i < jv_count(list); i++) {
		const struct jv *one = jv_at(list, i);
		const char *listing = jv_text(jv_get(one, "listing"));
		int64_t release = 0;

		(void)jv_int(jv_get(one, "release"), &release);
		if ((uint64_t)release == r->release && listing != NULL &&
		    strcmp(listing, sha256_hex(&r->listing, hex)) == 0)
			return true;
	}
	return all_halted(part, halt, now);
}
