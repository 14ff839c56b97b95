#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/lab/elf_fields.h"

struct list {
	struct elf_field *out;
	size_t n, max;
};

/* Fields of these sizes ("2", "4", "8", or "w": 4 or 8), one behind the other. */
static void
add(struct list *l, size_t at, const char *sizes, unsigned word, char where)
{
	for (; *sizes != '\0'; sizes++) {
		unsigned bytes = *sizes == 'w' ? word : (unsigned)(*sizes - '0');

		assert_true(l->n < l->max);
		l->out[l->n++] = (struct elf_field){ at, bytes, where };
		at += bytes;
	}
}

static uint64_t
load(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint64_t
elf_field_get(const uint8_t *elf, const struct elf_field *f)
{
	return load(elf + f->at, f->bytes);
}

void
elf_field_set(uint8_t *elf, const struct elf_field *f, uint64_t value)
{
	for (unsigned i = 0; i < f->bytes; i++)
		elf[f->at + i] = (uint8_t)(value >> (8 * i));
}

size_t
elf_fields(const uint8_t *elf, size_t n, struct elf_field *out, size_t max)
{
	unsigned word = elf[4] == 2 ? 8 : 4;
	const uint8_t *tail = elf + (word == 8 ? 52 : 40);
	size_t programs = (size_t)load(elf + 24 + word, word);
	size_t sections = (size_t)load(elf + 24 + 2 * word, word);
	struct list l = { out, 0, max };

	add(&l, 0, "1111111111111111224www4222222", word, 'e');
	for (unsigned i = 0; i < load(tail + 4, 2); i++)
		add(&l, programs + i * load(tail + 2, 2), word == 8 ? "44wwwwww" :
		    "4wwwww4w", word, 'p');
	for (unsigned i = 0; i < load(tail + 8, 2); i++)
		add(&l, sections + i * load(tail + 6, 2), "44wwww44ww", word, 's');
	for (size_t i = 0; i < l.n; i++)
		assert_true(out[i].at + out[i].bytes <= n);
	return l.n;
}
