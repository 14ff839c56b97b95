#include "apply/patch/frame.h"

static const struct frame_library *const libraries[FRAME_KINDS] = { &frame_zstd,
	&frame_xz };

unsigned
frame_code(const struct frame_params *p)
{
	return ((p->level * 2u + p->flag) * 2 + p->other) * FRAME_KINDS + p->kind;
}

int
frame_decode(unsigned code, struct frame_params *p)
{
	if (code >= FRAME_CODES)
		return -1;
	p->kind = (uint8_t)(code % FRAME_KINDS);
	code /= FRAME_KINDS;
	p->other = code & 1;
	p->flag = code >> 1 & 1;
	p->level = (uint8_t)(code >> 2);
	if (p->kind == FRAME_XZ)
		return p->level > 9 ? -1 : 0;
	return p->level == 0 ? -1 : 0;
}

int
frame_start(struct frame *f, const struct frame_start *s, struct err *e)
{
	if (f->kind != s->kind)
		frame_stop(f);
	f->kind = s->kind;
	f->make = s->make != NULL;
	f->refused = false;
	f->e = e;
	return libraries[f->kind]->start(f, s, e);
}

int
frame_run(struct frame *f, const uint8_t **in, size_t *in_bytes, uint8_t **out,
    size_t *out_bytes, bool last, struct err *e)
{
	f->e = e;
	return libraries[f->kind]->run(f, in, in_bytes, out, out_bytes, last, e);
}

void
frame_stop(struct frame *f)
{
	if (f->state != NULL)
		libraries[f->kind]->stop(f);
	f->state = NULL;
}

void *
frame_take(struct frame *f, size_t n, size_t size)
{
	void *at = arena_take(f->arena, n, size, f->e);

	f->refused |= at == NULL;
	return at;
}

int
frame_fails(const struct frame *f, const char *what, struct err *e)
{
	return f->refused ? -1 : err_set(e, ERR_FORMAT, "%s are damaged", what);
}
