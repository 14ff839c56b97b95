#include "apply/patch/glance.h"

enum { ASK_MAX = 128 };

const uint8_t *
glance(struct glance *g, uint64_t at, size_t n, int *rc, struct err *e)
{
	const struct image *im = g->image;

	*rc = 0;
	if (n > ASK_MAX || at > im->bytes || n > im->bytes - at)
		return NULL;
	if (at < g->at || at - g->at > g->n || n > g->n - (size_t)(at - g->at)) {
		g->at = at;
		g->n = im->bytes - at < GLANCE_BYTES ? (size_t)(im->bytes - at) :
		    GLANCE_BYTES;
		if (image_read(im, g->bytes, g->n, at, e) == -1) {
			g->n = 0;
			*rc = -1;
			return NULL;
		}
	}
	return g->bytes + (at - g->at);
}
