#include "manifest/edges.h"

size_t
edges_plan(uint64_t p, uint64_t from[static EDGES_MAX])
{
	size_t n = 0;

	/* The last three; with them 2^0 and 2^1, whether they divide p or not. */
	for (uint64_t back = 1; back <= 3 && back < p; back++)
		from[n++] = p - back;
	for (uint64_t back = 4; back < p && p % back == 0; back *= 2)
		from[n++] = p - back;
	return n;
}
