/*
 * x86-64 and i386 code (Intel SDM, volume 2): the four bytes behind call, jmp and jcc,
 * and displacements relative to RIP (ModRM with mod 0, r/m 5).
 *
 * Where instructions begin is not known, so any byte may begin one; what is found must
 * lead into the image, code from branches.  Of two that overlap the first one counts.
 * So that a part can be looked at alone, the scan begins anew for each block of BLOCK
 * bytes, LEAD bytes before it: by then it is in step as a rule.
 */
#include "manifest/base/bytes.h"

#include "apply/patch/image_elf.h"

#include "apply/patch/rule.h"

enum { BLOCK = 64, LEAD = 64, LONGEST = 10 };

/* A found operand: its offset from the first byte (0: none), and the bytes of the
 * instruction behind its first one. */
struct operand {
	unsigned at, to_end;
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

/* The target of four bytes at p, an instruction of `to_end` bytes from there on; the
 * address of p is `place`. */
static uint64_t
target_of(const struct image *im, const uint8_t *p, unsigned to_end, uint64_t place)
{
	uint64_t target = place + to_end + (uint64_t)(int64_t)(int32_t)le32_load(p);

	return im->bits == 32 ? target & UINT32_MAX : target;
}

static struct operand
branch(const struct image *im, const uint8_t *p, uint64_t address)
{
	unsigned at = p[0] == 0xe8 || p[0] == 0xe9 ? 1 :
	    p[0] == 0x0f && (p[1] & 0xf0) == 0x80 ? 2 : 0;

	if (at != 0 && image_code(im, target_of(im, p + at, 4, address + at)))
		return (struct operand){ at, 4 };
	return (struct operand){ 0, 0 };
}

/* Needs LONGEST bytes at p. */
static struct operand
operand_at(const struct image *im, const uint8_t *p, uint64_t address)
{
	struct operand o = branch(im, p, address);
	unsigned page = p[0] == 0x0f;
	const uint8_t *opcode = p + page;
	uint64_t target;

	if (o.at != 0 || im->bits == 32 || (opcode[1] & 0xc7) != 5 ||
	    !has_modrm(page, opcode[0]))
		return o;
	o.at = page + 2;
	o.to_end = 4 + immediate(page, opcode[0], opcode[1]);
	target = target_of(im, p + o.at, o.to_end, address + o.at);
	if (target < im->layout.low || target >= im->layout.high)
		o.at = 0;
	return o;
}

/* Operands of the block that begins at `begin`, in [from, to), not before `free`.
 * Returns where the last one in the block ends. */
static uint64_t
scan_block(const struct window *w, uint64_t begin, uint64_t free, uint64_t from,
    uint64_t to, struct refs *refs)
{
	uint64_t at = begin - w->at < LEAD ? w->at : begin - LEAD;
	uint64_t end = begin + BLOCK, last = 0;
	uint64_t address = image_address(w->image, at) - at;

	while (at < end && at - w->at + LONGEST <= w->n) {
		const uint8_t *p = w->bytes + (at - w->at);
		struct operand o = operand_at(w->image, p, address + at);
		uint64_t place = at + o.at;

		if (o.at == 0) {
			at++;
			continue;
		}
		at = place + 4;
		if (place < begin || place >= end)
			continue;
		last = at;
		if (place >= free && place >= from && place < to)
			refs_add(refs, REF_REL32, o.to_end, 0, place,
			    target_of(w->image, p + o.at, o.to_end, address + place));
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
		free = scan_block(w, begin - BLOCK, 0, 0, 0, &none);
	for (; begin < to; begin += BLOCK)
		free = scan_block(w, begin, free, from, to, refs);
}

static int
spans(struct image *im, struct spans *out, struct err *e)
{
	if (im->machine != IMAGE_X86_64 && im->machine != IMAGE_386)
		return 0;
	return spans_add_code(out, im, 1, e);
}

const struct rule rule_x86 = {
	.name = "x86",
	.before = 2 * BLOCK + LEAD,
	.after = BLOCK + LONGEST,
	.spans = spans,
	.find = find,
};
