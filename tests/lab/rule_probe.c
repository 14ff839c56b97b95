#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "apply/patch/rule.h"
#include "manifest/base/bytes.h"

#include "tests/lab/rule_probe.h"

enum { NAMES = 0x2000, HEADERS = 0x2200 };

void
probe_start(struct probe *p, unsigned bits, unsigned machine, uint64_t load)
{
	memset(p, 0, sizeof *p);
	p->bits = bits;
	p->machine = machine;
	p->load = load;
	p->type = 3;
	p->n_sections = 1;
}

unsigned
probe_section(struct probe *p, struct probe_section s)
{
	p->sections[p->n_sections] = s;
	return p->n_sections++;
}

void
probe_put(struct probe *p, size_t at, unsigned n, uint64_t v)
{
	for (unsigned i = 0; i < n; i++)
		p->bytes[at + i] = (uint8_t)(v >> (8 * i));
}

void
probe_hex(struct probe *p, size_t at, const char *hex)
{
	for (; *hex != '\0'; hex += hex[2] == ' ' ? 3 : 2) {
		unsigned v;

		assert_int_equal(sscanf(hex, "%2x", &v), 1);
		p->bytes[at++] = (uint8_t)v;
	}
}

static void
put_words(struct probe *p, size_t at, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		probe_put(p, at + i * p->bits / 8, p->bits / 8, words[i]);
}

static void
put_sections(struct probe *p)
{
	bool wide = p->bits == 64;
	size_t name = 1;

	for (unsigned i = 1; i < p->n_sections; i++) {
		const struct probe_section *s = &p->sections[i];
		size_t at = HEADERS + i * (wide ? 64u : 40u);

		memcpy(p->bytes + NAMES + name, s->name, strlen(s->name));
		probe_put(p, at, 4, name);
		probe_put(p, at + 4, 4, s->type);
		put_words(p, at + 8, (uint64_t[]){ s->flags, p->load + s->at, s->at,
		    s->bytes }, 4);
		probe_put(p, at + (wide ? 40 : 24), 4, s->link);
		probe_put(p, at + (wide ? 44 : 28), 4, s->info);
		name += strlen(s->name) + 1;
	}
}

static void
put_elf(struct probe *p)
{
	bool wide = p->bits == 64;
	size_t segment = wide ? 64 : 52;

	memcpy(p->bytes, "\177ELF", 4);
	p->bytes[4] = wide ? 2 : 1;
	p->bytes[5] = p->bytes[6] = 1;
	probe_put(p, 16, 2, p->type);
	probe_put(p, 18, 2, p->machine);
	put_words(p, 24, (uint64_t[]){ 0, segment, HEADERS }, 3);
	probe_put(p, wide ? 54 : 42, 2, wide ? 56 : 32);
	probe_put(p, wide ? 56 : 44, 2, 1);
	probe_put(p, wide ? 58 : 46, 2, wide ? 64 : 40);
	probe_put(p, wide ? 60 : 48, 2, p->n_sections);
	probe_put(p, wide ? 62 : 50, 2, p->n_sections - 1);
	probe_put(p, segment, 4, 1);
	if (wide) {
		probe_put(p, segment + 4, 4, 5);
		put_words(p, segment + 8, (uint64_t[]){ 0, p->load, p->load,
		    PROBE_BYTES, PROBE_BYTES, 4096 }, 6);
	} else {
		put_words(p, segment + 4, (uint64_t[]){ 0, p->load, p->load,
		    PROBE_BYTES, PROBE_BYTES, 5, 4096 }, 7);
	}
	put_sections(p);
}

static int
read_probe(void *arg, void *out, size_t n, uint64_t at, struct err *e)
{
	const struct probe *p = arg;

	(void)e;
	assert_true(at <= PROBE_BYTES && n <= PROBE_BYTES - at);
	memcpy(out, p->bytes + at, n);
	return 0;
}

/* Into list, asked for in parts of `part` bytes. */
static size_t
find_parts(const struct image *im, const struct spans *spans, size_t part,
    struct ref *list)
{
	struct refs refs = { .list = list, .cap = RULES_REFS };
	struct err e = ERR_INIT;

	for (uint64_t at = 0; at < PROBE_BYTES; at += part)
		assert_int_equal(rules_find(im, spans, at, PROBE_BYTES - at < part ?
		    PROBE_BYTES : at + part, &refs, &e), 0);
	return refs.n;
}

static void
check_refs(const struct probe *p, const struct image *im)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct ref *r = &p->refs[i];
		uint8_t word[REF_BYTES_MAX];

		memcpy(word, p->bytes + r->at, ref_bytes((enum ref_kind)r->kind));
		ref_blur(word, r, 0x5a5a5a5a5a5a5a5a);
		ref_store(word, r, r->target, image_address(im, r->at),
		    im->bases[r->base < IMAGE_BASES_MAX ? r->base : 0]);
		if (memcmp(word, p->bytes + r->at,
		    ref_bytes((enum ref_kind)r->kind)) != 0)
			fail_msg("kind %u at 0x%x is written otherwise", r->kind, r->at);
	}
}

void
probe_find(struct probe *p, enum rule_id rule)
{
	static struct ref parts[RULES_REFS];
	const struct old old = { .arg = p, .read = read_probe, .bytes = PROBE_BYTES };
	struct arena arena = { .limit = 1 << 20 };
	struct err e = ERR_INIT;
	struct spans spans;
	struct image im;

	(void)probe_section(p, (struct probe_section){ ".shstrtab", 3, 0, NAMES, 0x200,
	    0, 0 });
	put_elf(p);
	p->n_sections--;
	assert_int_equal(image_open(&im, &old, &arena, &e), 1);
	assert_int_equal(rules_open(&im, (uint32_t)1 << rule, &spans, &e), 0);
	p->n = find_parts(&im, &spans, PROBE_BYTES, p->refs);
	for (size_t part = 1; part < 300; part += part / 3 + 1) {
		assert_int_equal(find_parts(&im, &spans, part, parts), p->n);
		assert_memory_equal(parts, p->refs, p->n * sizeof *parts);
	}
	check_refs(p, &im);
	spans_free(&spans);
	image_close(&im);
	assert_int_equal(arena.used, 0);
}

static const struct ref *
reference(const struct probe *p, size_t at)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->refs[i].at == at)
			return &p->refs[i];
	return NULL;
}

void
probe_expect(const struct probe *p, size_t at, enum ref_kind kind, uint64_t target)
{
	const struct ref *r = reference(p, at);

	if (r == NULL)
		fail_msg("no reference at 0x%zx", at);
	else if (r->kind != kind || r->target != p->load + target)
		fail_msg("at 0x%zx kind %u to 0x%llx, not %u to 0x%llx", at, r->kind,
		    (unsigned long long)(r->target - p->load), kind,
		    (unsigned long long)target);
}

void
probe_expect_none(const struct probe *p, size_t at)
{
	if (reference(p, at) != NULL)
		fail_msg("a reference at 0x%zx", at);
}
