#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/clock.h"

/* The clocks of a publisher and a device may differ a little. */
enum { TOLERATED_S = 3600 };

/* "Nov 21 2026", as compilers write it (SOURCE_DATE_EPOCH where that is set). */
static int64_t
build_day(void)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char date[] = __DATE__, text[UTC_TEXT_MAX];
	const char *month;
	int64_t seconds;

	date[3] = '\0';
	if ((month = strstr(months, date)) == NULL)
		return 0;
	(void)snprintf(text, sizeof text, "%.4s-%02d-%c%cT00:00:00Z", date + 7,
	    (int)(month - months) / 3 + 1, date[4] == ' ' ? '0' : date[4], date[5]);
	return utc_parse(text, &seconds) == 0 ? seconds : 0;
}

void
clock_now(struct tuf_clock *clock, bool untrusted)
{
	clock->system_now = utc_now();
	clock->built = build_day();
	clock->untrusted = untrusted;
}

void
clock_say_if_behind(const struct tuf *tuf)
{
	char said[UTC_TEXT_MAX], floor[UTC_TEXT_MAX];
	int64_t now = utc_now();

	if (tuf_now(tuf) > now + TOLERATED_S)
		log_say("the clock says %s and is behind; going by %s", utc_text(said, now),
		    utc_text(floor, tuf_now(tuf)));
}
