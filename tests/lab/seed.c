#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/lab/seed.h"

static uint64_t first, x;
static char note[256];

/* Always: cheaper than to learn whether something failed.  run-tests.sh shows it only
 * of those that did. */
static void
tell(void)
{
	(void)fprintf(stderr, "SEED=%llu; last: %s\n", (unsigned long long)first, note);
}

void
seed_start(void)
{
	const char *given = getenv("SEED");

	first = given != NULL ? strtoull(given, NULL, 0) :
	    (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid();
	x = first;
	(void)atexit(tell);
}

/* Steele, Lea, Flood: splitmix64. */
uint64_t
seed_next(void)
{
	uint64_t z = x += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t
seed_below(uint64_t n)
{
	return seed_next() % n;
}

void
seed_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(note, sizeof note, fmt, ap);
	va_end(ap);
}
