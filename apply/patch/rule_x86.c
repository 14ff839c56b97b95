/*
 * x86-64 and i386 code (Intel SDM, volume 2): the four bytes behind call, jmp and jcc,
 * and displacements relative to RIP (ModRM with mod 0, r/m 5).  With 32 bits, where
 * nothing is relative to the program counter: words that are addresses, in programs
 * with a place of their own; in others displacements from a register that counts from
 * the global offset table, and what is added to the program counter to get there.
 *
 * Where instructions begin is not known, so any byte may begin one; what is found must
 * lead into the image, code from branches.  Of two that overlap the first one counts.
 * So that a part can be looked at alone, the scan begins anew for each block of BLOCK
 * bytes, LEAD bytes before it: by then it is in step as a rule.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum {
	BLOCK = 64, LEAD = 64, LONGEST = 10,	/* bytes to the end of an operand */
	NEAR_PC = 32,		/* bytes from where the program counter was taken */
	EBX = 3,
	NEAR_TABLE = 0x2000	/* so near only EBX is sure to hold the table's address */
};

/* A found operand: its offset from the first byte, what it is (REF_KINDS: none). */
struct operand {
	unsigned at;
	enum ref_kind kind;
	unsigned aux, base;
	uint64_t target;
};

static const struct operand nothing = { .kind = REF_KINDS };

/* Where we look. */
struct place {
	const struct image *im;
	const uint8_t *p;	/* LONGEST bytes */
	uint64_t address;
	unsigned base;		/* index of the global offset table's address; 0: none */
};

/* One bit for each opcode that has a ModRM byte, without and with 0F before it. */
static const uint32_t with_modrm[2][8] = {
	{ 0x0f0f0f0f, 0x0f0f0f0f, 0, 0x00000a08, 0x0000ffff, 0, 0x000f00c3, 0xc0c00000 },
	{ 0xfcff200f, 0x00ffff07, 0xffffffff, 0xffffffff, 0xffff0000, 0xfffff9f8,
	    0x00ff8073, 0xffffffff },
};

static bool
has_modrm(unsigned page, uint8_t opcode)
{
	return (with_modrm[page][opcode / 32] >> opcode % 32 & 1) != 0;
}

/* Bytes of an immediate behind the displacement. */
static unsigned
immediate(unsigned page, uint8_t opcode, uint8_t modrm)
{
	if (page == 1)
		return opcode == 0xba || opcode == 0xc2 || opcode == 0xc4 ||
		    opcode == 0xc5 || opcode == 0xc6 || opcode == 0xa4 ||
		    opcode == 0xac || (opcode >= 0x70 && opcode <= 0x73);
	switch (opcode) {
	case 0x6b: case 0x80: case 0x83: case 0xc0: case 0xc1: case 0xc6:
		return 1;
	case 0x69: case 0x81: case 0xc7:
		return 4;
	case 0xf6:
		return (modrm & 0x38) == 0;
	case 0xf7:
		return (modrm & 0x38) == 0 ? 4 : 0;
	default:
		return 0;
	}
}

/* Four bytes, `at` from here, in an instruction that ends to_end behind their first. */
static struct operand
relative(const struct place *x, unsigned at, unsigned to_end)
{
	uint64_t target = x->address + at + to_end +
	    (uint64_t)(int64_t)(int32_t)le32_load(x->p + at);

	return (struct operand){ at, REF_REL32, to_end, 0,
		x->im->bits == 32 ? target & UINT32_MAX : target };
}

static struct operand
branch(const struct place *x)
{
	const uint8_t *p = x->p;
	unsigned at = p[0] == 0xe8 || p[0] == 0xe9 ? 1 :
	    p[0] == 0x0f && (p[1] & 0xf0) == 0x80 ? 2 : 0;
	struct operand o = relative(x, at, 4);

	return at != 0 && image_code(x->im, o.target) ? o : nothing;
}

/* ADD r32, what is between here and the table. */
static struct operand
to_table(const struct place *x)
{
	const uint8_t *p = x->p;
	unsigned at = p[0] == 0x05 ? 1 : p[0] == 0x81 && p[1] >> 3 == 0x18 ? 2 : 0;
	uint64_t table = x->im->bases[x->base];
	uint32_t far = (uint32_t)(table - x->address - at) - le32_load(p + at);

	if (at == 0 || far + NEAR_PC > 2 * NEAR_PC)
		return nothing;
	return (struct operand){ at, REF_FAR32, far & 0xff, far >> 8 & 0xff, table };
}

/* A displacement of 32 bits from a register. */
static struct operand
from_table(const struct place *x, unsigned page)
{
	const uint8_t *p = x->p + page;
	unsigned at = page + 2 + ((p[1] & 7) == 4);
	uint32_t v;
	uint64_t target;

	if ((p[1] & 0xc0) != 0x80 || !has_modrm(page, p[0]))
		return nothing;
	v = le32_load(x->p + at);
	target = (x->im->bases[x->base] + v) & UINT32_MAX;
	if ((v + NEAR_TABLE < 2 * NEAR_TABLE && (p[1] & 7) != EBX) ||
	    !image_holds(x->im, target))
		return nothing;
	return (struct operand){ at, REF_BASE32, 0, x->base, target };
}

/* Four bytes `at` from here that are an address. */
static struct operand
absolute(const struct place *x, unsigned at)
{
	uint32_t v = le32_load(x->p + at);

	return image_holds(x->im, v) ? (struct operand){ at, REF_WORD32, 0, 0, v } :
	    nothing;
}

/* Where the bytes of a displacement or an immediate of 32 bits begin; 0: none. */
static struct operand
fixed(const struct place *x, unsigned page)
{
	const uint8_t *p = x->p + page;
	unsigned mod = p[1] >> 6, rm = p[1] & 7, sib = mod != 3 && rm == 4;
	struct operand o;

	/* MOV, PUSH, MOV of AL, AX, EAX, arithmetic with EAX */
	if (page == 0 && ((p[0] & 0xf8) == 0xb8 || p[0] == 0x68 ||
	    (p[0] & 0xfc) == 0xa0 || (p[0] & 0xc7) == 0x05))
		return absolute(x, 1);
	if (!has_modrm(page, p[0]))
		return nothing;
	if (mod == 2 || (mod == 0 && (rm == 5 || (sib && (p[2] & 7) == 5)))) {
		o = absolute(x, page + 2 + sib);
		if (o.kind != REF_KINDS)
			return o;
	}
	if (page == 0 && (p[0] == 0xc7 || p[0] == 0x81) && mod != 2 &&
	    !(mod == 0 && rm == 5))
		return absolute(x, 2 + sib + (mod == 1));
	return nothing;
}

static struct operand
operand_32(const struct place *x)
{
	unsigned page = x->p[0] == 0x0f;
	struct operand o = nothing;

	if (image_fixed(x->im) && (o = fixed(x, page)).kind != REF_KINDS)
		return o;
	if (x->base != 0 && (o = to_table(x)).kind == REF_KINDS)
		o = from_table(x, page);
	return o;
}

/* Where the opcode stands before ModRM and in which map: 0, 1 (0F), 2 (0F38), 3 (0F3A),
 * by prefixes VEX and EVEX too. */
static unsigned
opcode_at(const uint8_t *p, unsigned *map)
{
	unsigned at = p[0] == 0xc5 ? 2 : p[0] == 0xc4 ? 3 : p[0] == 0x62 ? 4 : 0;

	*map = at == 2 ? 1 : at != 0 ? p[1] & 3 : 0;
	if (at == 0 && p[0] == 0x0f) {
		*map = p[1] == 0x38 ? 2 : p[1] == 0x3a ? 3 : 1;
		at = *map == 1 ? 1 : 2;
	}
	return at;
}

static struct operand
operand_64(const struct place *x)
{
	unsigned map, at = opcode_at(x->p, &map);
	const uint8_t *p = x->p + at;
	struct operand o;

	if ((p[1] & 0xc7) != 5 || (map < 2 && !has_modrm(map, p[0])))
		return nothing;
	o = relative(x, at + 2, 4 + (map < 2 ? immediate(map, p[0], p[1]) : map == 3));
	return o.target < x->im->layout.low || o.target >= x->im->layout.high ?
	    nothing : o;
}

static struct operand
operand_at(const struct place *x)
{
	struct operand o = branch(x);

	if (o.kind != REF_KINDS)
		return o;
	return x->im->bits == 32 ? operand_32(x) : operand_64(x);
}

/* Operands of the block that begins at `begin`, in [from, to), not before `free`.
 * Returns where the last one in the block ends. */
static uint64_t
scan_block(const struct span *s, const struct window *w, uint64_t begin, uint64_t free,
    uint64_t from, uint64_t to, struct refs *refs)
{
	uint64_t at = begin - w->at < LEAD ? w->at : begin - LEAD;
	uint64_t end = begin + BLOCK, last = 0;
	uint64_t address = image_address(w->image, at) - at;

	while (at < end && at - w->at + LONGEST <= w->n) {
		struct place x = { w->image, w->bytes + (at - w->at), address + at,
			s->base };
		struct operand o = operand_at(&x);
		uint64_t place = at + o.at;

		if (o.kind == REF_KINDS) {
			at++;
			continue;
		}
		at = place + 4;
		if (place < begin || place >= end)
			continue;
		last = at;
		if (place >= free && place >= from && place < to)
			refs_add(refs, o.kind, o.aux, o.base, place, o.target);
	}
	return last;
}

static void
find(const struct span *s, const struct window *w, uint64_t from, uint64_t to,
    struct refs *refs)
{
	struct refs none = { 0 };
	uint64_t begin = from - (from - s->origin) % BLOCK, free = 0;

	if (begin - w->at >= BLOCK)
		free = scan_block(s, w, begin - BLOCK, 0, 0, 0, &none);
	for (; begin < to; begin += BLOCK)
		free = scan_block(s, w, begin, free, from, to, refs);
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	const struct image_section *table;
	size_t first = out->n;

	if (im->machine != IMAGE_X86_64 && im->machine != IMAGE_386)
		return 0;
	if (spans_add_code(out, im, 1, e) == -1)
		return -1;
	table = im->bits == 32 && !im->relocatable ? image_table(im) : NULL;
	for (size_t i = first; table != NULL && i < out->n; i++)
		out->list[i].base = image_base(im, table->address);
	return 0;
}

const struct rule rule_x86 = {
	.name = "x86",
	.before = 2 * BLOCK + LEAD,
	.after = BLOCK + LONGEST,
	.spans = spans,
	.find = find,
};
