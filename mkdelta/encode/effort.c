#include "mkdelta/encode/effort.h"

static const struct effort efforts[EFFORT_MAX + 1] = {
	[1] = { 1, false, false, 1, false, { 8 } },
	[2] = { 2, false, false, 1, false, { 8 } },
	[3] = { 3, false, false, 1, false, { 8 } },
	[4] = { 5, false, false, 2, false, { 8 } },
	[5] = { 6, false, false, 2, false, { 8 } },
	[6] = { 6, true, false, 2, false, { 8, 16 } },
	[7] = { 9, true, true, 2, false, { 8, 16 } },
	[8] = { 9, true, true, 2, false, { 8, 12, 24 } },
	[9] = { 9, true, true, 2, true, { 8, 12, 24, 48 } },
};

const struct effort *
effort_of(unsigned n)
{
	if (n == 0)
		n = EFFORT_DEFAULT;
	return &efforts[n > EFFORT_MAX ? EFFORT_MAX : n];
}
