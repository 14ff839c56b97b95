#include "apply/patch/opening.h"

#include "apply/patch/packing.h"

_Static_assert((int)OPENING_ZSTD == (int)FRAME_ZSTD + 1 &&
    (int)OPENING_XZ == (int)FRAME_XZ + 1, "deflate comes first");

bool
packing_known(uint64_t code)
{
	struct deflate_params deflate;
	struct frame_params frame;

	if (code < DEFLATE_CODES)
		return deflate_decode(code, &deflate) == 0;
	return code < PACKING_CODES &&
	    frame_decode((unsigned)code - DEFLATE_CODES, &frame) == 0;
}

bool
packing_by_library(unsigned code)
{
	return code >= DEFLATE_CODES || deflate_by_zlib(code);
}

int
unpacker_start(struct unpacker *u, const struct packing *p, struct err *e)
{
	struct frame_start s = { .head = p->head };

	u->framed = p->kind != OPENING_DEFLATE;
	if (u->framed) {
		s.kind = (uint8_t)(p->kind - 1);
		u->frame.arena = u->arena;
		return frame_start(&u->frame, &s, e);
	}
	if (u->inflater == NULL && (u->inflater = inflater_new(u->arena, e)) == NULL)
		return -1;
	return inflater_start(u->inflater, e);
}

int
unpacker_run(struct unpacker *u, const uint8_t **in, size_t *in_bytes, uint8_t **out,
    size_t *out_bytes, struct err *e)
{
	return u->framed ?
	    frame_run(&u->frame, in, in_bytes, out, out_bytes, false, e) :
	    inflater_run(u->inflater, in, in_bytes, out, out_bytes, e);
}

void
unpacker_close(struct unpacker *u)
{
	inflater_free(u->arena, u->inflater);
	frame_stop(&u->frame);
	u->inflater = NULL;
}

static int
start_frame(struct packer *x, unsigned code, const struct packing *p, struct err *e)
{
	struct frame_params params;
	struct frame_start s = { &params, x->left, (uint8_t)(p->kind - 1), p->head };

	x->frame.arena = x->arena;
	if (frame_decode(code, &params) == -1 || params.kind != s.kind)
		return err_set(e, ERR_FORMAT, "parameters of another kind of packed bytes");
	return frame_start(&x->frame, &s, e);
}

int
packer_start(struct packer *x, unsigned code, const struct packing *p, uint64_t plain,
    const struct sink *out, struct err *e)
{
	struct deflate_params params;

	x->left = plain;
	x->sink = out;
	x->framed = p->kind != OPENING_DEFLATE;
	if (x->framed)
		return start_frame(x, code - DEFLATE_CODES, p, e);
	if (deflate_decode(code, &params) == -1)
		return err_set(e, ERR_FORMAT, "parameters of another kind of packed bytes");
	if (x->deflater == NULL && (x->deflater = deflater_new(x->arena, e)) == NULL)
		return -1;
	return deflater_start(x->deflater, &params, out, e);
}

/* Its last piece is known to be the last: so no library ends with an empty block. */
static int
add_to_frame(struct packer *x, const uint8_t *data, size_t n, struct err *e)
{
	uint8_t out[PACKER_OUT];
	size_t room;
	int rc;

	x->left -= n;
	do {
		uint8_t *to = out;

		room = sizeof out;
		rc = frame_run(&x->frame, &data, &n, &to, &room, x->left == 0, e);
		if (rc == -1 || (room < sizeof out &&
		    x->sink->write(x->sink->arg, out, sizeof out - room, e) == -1))
			return -1;
	} while (n > 0 || room == 0 || (x->left == 0 && rc == 0));
	return 0;
}

int
packer_add(struct packer *x, const uint8_t *data, size_t n, struct err *e)
{
	return x->framed ? add_to_frame(x, data, n, e) :
	    deflater_add(x->deflater, data, n, e);
}

int
packer_end(struct packer *x, struct err *e)
{
	return x->framed ? 0 : deflater_end(x->deflater, e);
}

void
packer_close(struct packer *x)
{
	deflater_free(x->arena, x->deflater);
	frame_stop(&x->frame);
	x->deflater = NULL;
}
