#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/opt.h"

#include "mkdelta/expiry.h"

#define DAY INT64_C(86400)

void
expiry_default(struct expiry *x)
{
	x->root = 730 * DAY;
	x->targets = x->channel = 365 * DAY;
	x->snapshot = x->timestamp = 7 * DAY;
}

int
expiry_set(struct expiry *x, const char *word, struct err *e)
{
	static const char *const names[] = { "root", "targets", "channel", "snapshot",
		"timestamp", "online", NULL };
	int64_t *const roles[] = { &x->root, &x->targets, &x->channel, &x->snapshot,
		&x->timestamp, &x->snapshot };
	const char *is = strchr(word, '=');
	size_t n = is == NULL ? 0 : (size_t)(is - word);
	uint64_t days;

	if (is == NULL || u64_parse(is + 1, EXPIRY_DAYS_MAX, &days) == -1 || days == 0)
		return err_set(e, ERR_USAGE, "--expires %s: must be ROLE=DAYS, 1 to %d "
		    "days", word, EXPIRY_DAYS_MAX);
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strlen(names[i]) != n || strncmp(names[i], word, n) != 0)
			continue;
		*roles[i] = (int64_t)days * DAY;
		if (strcmp(names[i], "online") == 0)
			x->timestamp = x->snapshot;
		return 0;
	}
	return err_set(e, ERR_USAGE, "--expires %s: the roles are root, targets, "
	    "channel, snapshot, timestamp, or online for the last two", word);
}

enum expiry_state
expiry_state(int64_t signed_at, int64_t expires, int64_t now)
{
	if (now >= expires)
		return EXPIRY_OVER;
	return expires - now < (expires - signed_at) / 3 ? EXPIRY_SOON : EXPIRY_FINE;
}

bool
expiry_half_over(int64_t signed_at, int64_t expires, int64_t now)
{
	return expires - now < (expires - signed_at) / 2;
}

const char *
expiry_word(enum expiry_state state)
{
	static const char *const words[] = { "fine", "soon", "expired" };

	return words[state];
}

const char *
expiry_text(char out[static EXPIRY_TEXT_MAX], int64_t when, int64_t now)
{
	int64_t s = when > now ? when - now : now - when;
	int64_t unit = s >= 2 * DAY ? DAY : s >= 7200 ? 3600 : 60;
	const char *name = unit == DAY ? "day" : unit == 3600 ? "hour" : "minute";
	int64_t n = s / unit;

	(void)snprintf(out, EXPIRY_TEXT_MAX, "%s%" PRId64 " %s%s%s",
	    when > now ? "in " : "", n, name, n == 1 ? "" : "s",
	    when > now ? "" : " ago");
	return out;
}
