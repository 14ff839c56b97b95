#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "manifest/base/utc.h"

enum { DAY_SECONDS = 86400 };

/* Days since 1970-01-01 of a proleptic Gregorian date (years from March). */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

const char *
utc_text(char out[static UTC_TEXT_MAX], int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds < 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(out, UTC_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, UTC_TEXT_MAX, "1970-01-01T00:00:00Z");
	return out;
}

static int
number(const char *p, int digits)
{
	int v = 0;

	for (int i = 0; i < digits; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + p[i] - '0';
	}
	return v;
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

int
utc_parse(const char *s, int64_t *seconds)
{
	int year, month, day, hour, minute, second;

	if (strlen(s) != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' ||
	    s[13] != ':' || s[16] != ':' || s[19] != 'Z')
		return -1;
	year = number(s, 4);
	month = number(s + 5, 2);
	day = number(s + 8, 2);
	hour = number(s + 11, 2);
	minute = number(s + 14, 2);
	second = number(s + 17, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > month_days(year, month) || hour < 0 || hour > 23 ||
	    minute < 0 || minute > 59 || second < 0 || second > 59)
		return -1;
	*seconds = days_of(year, month, day) * DAY_SECONDS +
	    (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
	return 0;
}

int64_t
utc_now(void)
{
	return (int64_t)time(NULL);
}
