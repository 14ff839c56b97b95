#include <string.h>

#include "tests/fuzz/kit/made_elf.h"

enum {
	HEAD = 4, ROW = 8, SECTIONS_MAX = 16,
	HEADER_64 = 64, HEADER_32 = 52, PROGRAM_64 = 56, PROGRAM_32 = 32,
	SECTION_64 = 64, SECTION_32 = 40,
	RX = 5, RW = 6, STRTAB = 3, BSS = 0x800
};

static const char names[] = "\0.text\0.eh_frame\0.eh_frame_hdr\0.gopclntab\0"
    ".data.rel.ro.gopclntab\0.go.buildinfo\0.data.rel.ro\0.rodata\0.itablink\0.data\0"
    ".ARM.exidx\0.symtab\0.strtab\0.rela.dyn\0.modinfo\0.got\0.got.plt\0.rela.plt\0"
    ".rel.plt\0.gnu.hash\0.plt\0";

static const uint32_t types[] = { 1, 2, 3, 4, 6, 8, 9, 11, 14, 15, 19, 1, 1, 1, 2, 4 };
/* With the highest bit: .ARM.exidx, .gnu.hash, .hash. */
static const uint32_t high_types[] = { 0x70000001, 0x6ffffff6, 5, 5 };
static const uint16_t machines[] = { 183, 62, 3, 40, 183, 62, 243, 0 };

struct making {
	const uint8_t *d;
	uint8_t *out;
	int wide;
	size_t contents, at;		/* bytes of contents, and where they begin */
	size_t split;			/* of the contents */
	uint64_t base, gap;
};

static void
put(struct making *m, size_t at, unsigned bytes, uint64_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		m->out[at + i] = (uint8_t)(v >> (8 * i));
}

static void
put_word(struct making *m, size_t at, uint64_t v)
{
	put(m, at, m->wide ? 8 : 4, v);
}

static uint64_t
address(const struct making *m, size_t at)
{
	return m->base + at + (at < m->at + m->split ? 0 : m->gap);
}

static size_t
name_at(unsigned i)
{
	size_t at = 1;

	for (i %= 32; i > 0 && at < sizeof names - 1; i--)
		at += strlen(names + at) + 1;
	return at < sizeof names - 1 ? at : 0;
}

static void
put_header(struct making *m, size_t sections_at, unsigned n)
{
	static const uint8_t kinds[] = { 1, 2, 3, 3 };
	size_t tail = m->wide ? 52 : 40;

	memcpy(m->out, "\177ELF", 4);
	m->out[4] = m->wide ? 2 : 1;
	m->out[5] = m->out[6] = 1;
	put(m, 16, 2, kinds[m->d[0] >> 1 & 3]);
	put(m, 18, 2, machines[m->d[0] >> 3 & 7]);
	put_word(m, m->wide ? 32 : 28, m->wide ? HEADER_64 : HEADER_32);
	put_word(m, m->wide ? 40 : 32, n == 0 ? 0 : sections_at);
	put(m, tail, 2, m->wide ? HEADER_64 : HEADER_32);
	put(m, tail + 2, 2, m->wide ? PROGRAM_64 : PROGRAM_32);
	put(m, tail + 4, 2, 2);
	put(m, tail + 6, 2, m->wide ? SECTION_64 : SECTION_32);
	put(m, tail + 8, 2, n);
	put(m, tail + 10, 2, n == 0 ? 0 : n - 1);
}

static void
put_program(struct making *m, size_t i, size_t from, size_t to, unsigned flags)
{
	size_t at = (m->wide ? HEADER_64 + i * PROGRAM_64 : HEADER_32 + i * PROGRAM_32);
	uint64_t memory = to - from + (i == 1 && (m->d[0] & 0x80) != 0 ? BSS : 0);
	uint64_t v[] = { from, address(m, from), 0, to - from, memory };

	put(m, at, 4, 1);
	put(m, at + (m->wide ? 4 : 24), 4, flags);
	for (size_t k = 0; k < 5; k++)
		put_word(m, at + (m->wide ? 8 + 8 * k : 4 + 4 * k), v[k]);
}

static void
put_section(struct making *m, size_t at, size_t name, uint32_t type, const uint64_t v[8])
{
	put(m, at, 4, name);
	put(m, at + 4, 4, type);
	/* flags, address, offset, bytes; link, info; alignment, entry */
	for (size_t k = 0; k < 4; k++)
		put_word(m, at + 8 + (m->wide ? 8 : 4) * k, v[k]);
	put(m, at + (m->wide ? 40 : 24), 4, v[4]);
	put(m, at + (m->wide ? 44 : 28), 4, v[5]);
	put_word(m, at + (m->wide ? 48 : 32), v[6]);
	put_word(m, at + (m->wide ? 56 : 36), v[7]);
}

static void
put_row(struct making *m, size_t at, const uint8_t *row)
{
	size_t from = m->contents * row[6] / 256 & ~(size_t)7;
	size_t to = m->contents * (row[7] + 1u) / 256;
	uint64_t skew = (uint64_t)(int64_t)(int8_t)row[5] * 16;
	uint64_t v[] = { row[2] & 7u, address(m, m->at + from) + skew, m->at + from,
		to > from ? to - from : to, row[3] & 15u, row[3] >> 4u, 8, row[4] };

	put_section(m, at, name_at(row[0]), (row[1] & 0x80) != 0 ?
	    high_types[row[1] & 3] : types[row[1] % 16], v);
}

size_t
made_elf(const uint8_t *data, size_t n, uint8_t *out)
{
	static const uint8_t nothing[HEAD];
	struct making m = { .d = n < HEAD ? nothing : data, .out = out };
	size_t rows, end, section_bytes, head;

	n = n < HEAD ? 0 : n - HEAD;
	rows = m.d[1] % SECTIONS_MAX < n / ROW ? m.d[1] % SECTIONS_MAX : n / ROW;
	m.wide = m.d[0] & 1;
	m.contents = n - rows * ROW;
	head = m.wide ? HEADER_64 + 2 * PROGRAM_64 : HEADER_32 + 2 * PROGRAM_32;
	m.at = (head + 15) & ~(size_t)15;
	m.split = (m.contents * (m.d[2] % 32) / 32) & ~(size_t)7;
	m.base = (uint64_t)(m.d[3] & 15) << 16;
	m.gap = (uint64_t)(m.d[3] >> 4) << 12;
	end = (m.at + m.contents + 7) & ~(size_t)7;
	section_bytes = m.wide ? SECTION_64 : SECTION_32;
	memset(out, 0, m.at);
	if (m.contents > 0)
		memcpy(out + m.at, m.d + HEAD + rows * ROW, m.contents);
	put_program(&m, 0, 0, m.at + m.split, RX);
	put_program(&m, 1, m.at + m.split, m.at + m.contents, RW);
	if ((m.d[0] & 0x40) != 0) {
		put_header(&m, end, 0);
		return m.at + m.contents;
	}
	put_header(&m, end, (unsigned)rows + 2);
	memset(out + m.at + m.contents, 0, end - m.at - m.contents +
	    (rows + 2) * section_bytes);
	for (size_t i = 0; i < rows; i++)
		put_row(&m, end + (i + 1) * section_bytes, m.d + HEAD + i * ROW);
	put_section(&m, end + (rows + 1) * section_bytes, 0, STRTAB,
	    (uint64_t[]){ 0, 0, end + (rows + 2) * section_bytes, sizeof names, 0, 0, 1,
	    0 });
	end += (rows + 2) * section_bytes;
	memcpy(out + end, names, sizeof names);
	return end + sizeof names;
}
