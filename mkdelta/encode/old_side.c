#include <unistd.h>

#include "manifest/base/fs.h"

#include "mkdelta/encode/old_side.h"

static int
read_form(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct old_side *s = arg;

	return spill_read(s->form, out, n, s->form_at + at, e);
}

static int
read_files(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct old_side *s = arg;
	uint8_t *p = out;

	for (size_t i = 0; i < s->n && n > 0; i++) {
		uint64_t begin = i == 0 ? 0 : s->ends[i - 1], left;
		size_t here;

		if (at >= s->ends[i])
			continue;
		left = s->ends[i] - at;
		here = left < n ? (size_t)left : n;
		if (fs_pread(s->fds[i], p, here, at - begin, e) == -1)
			return -1;
		p += here;
		at += here;
		n -= here;
	}
	return 0;
}

int
old_side_open(struct old_side *s, const struct delta_plan *p, size_t output,
    struct err *e)
{
	const struct delta_output *o = &p->outputs[output];
	uint64_t sum = 0;

	*s = (struct old_side){ .form = NULL };
	s->old = (struct old){ .arg = s, .read = read_files,
		.bytes = delta_plan_old_bytes(p, output) };
	if (o->expansion != NULL) {
		s->form = &p->forms.spill;
		s->form_at = o->expansion->old_at;
		s->old.read = read_form;
		return 0;
	}
	for (; s->n < o->n_sources; s->n++) {
		size_t source = o->sources[s->n];

		s->fds[s->n] = delta_plan_open_source(p, source, e);
		if (s->fds[s->n] == -1) {
			old_side_close(s);
			return -1;
		}
		s->ends[s->n] = sum += delta_plan_source(p, source)->size;
	}
	return 0;
}

void
old_side_close(struct old_side *s)
{
	while (s->n > 0)
		(void)close(s->fds[--s->n]);
}
