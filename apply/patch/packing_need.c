/*
 * What the libraries of this machine make of a fixed vector: by that a delta names them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"

#include "apply/patch/opening.h"

#include "apply/patch/packing.h"

enum { SHOWN = 8, NUMBERS = 4, MEMORY_MAX = 16 << 20 };

static const char *const prefixes[] = { [OPENING_DEFLATE] = "deflate-",
	[OPENING_ZSTD] = "zstd-", [OPENING_XZ] = "xz-" };
enum { PREFIXES = sizeof prefixes / sizeof *prefixes };

/* The header of a block of xz: LZMA2 alone, with a window of 8 MiB. */
static const uint8_t block_header[] = { 2, 0, 0x21, 1, 0x16, 0, 0, 0, 0x74, 0x2f, 0xe5,
	0xa3 };

static int
hash_write(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	return hash_add(arg, data, n, e);
}

static int
hash_pieces(struct hash *h, struct packer *x, unsigned code, const struct packing *how,
    size_t most, const uint8_t *vector, struct err *e)
{
	const struct sink to = { h, hash_write };
	size_t n = how->kind == OPENING_DEFLATE ? DEFLATE_VECTOR_BYTES :
	    (size_t)1 << PACKING_LOG_MIN;

	for (size_t at = 0; at < DEFLATE_VECTOR_BYTES; at += n, n *= n < most ? 2 : 1) {
		if (n > DEFLATE_VECTOR_BYTES - at)
			n = DEFLATE_VECTOR_BYTES - at;
		if (packer_start(x, code, how, n, &to, e) == -1 ||
		    packer_add(x, vector + at, n, e) == -1 || packer_end(x, e) == -1)
			return -1;
	}
	return 0;
}

static int
hash_vector(unsigned code, const struct packing *how, unsigned log,
    uint8_t digest[static SHA256_BYTES], struct err *e)
{
	struct arena arena = { .limit = MEMORY_MAX };
	struct packer x = { .arena = &arena };
	struct hash *h = hash_new(HASH_SHA256, e);
	uint8_t *vector = arena_new(&arena, DEFLATE_VECTOR_BYTES, 1, e);
	int rc = -1;

	if (h != NULL && vector != NULL) {
		deflate_vector(vector);
		if (hash_pieces(h, &x, code, how, (size_t)1 << log, vector, e) == 0)
			rc = hash_end(h, digest, e);
	}
	packer_close(&x);
	arena_free(&arena, vector, DEFLATE_VECTOR_BYTES, 1);
	hash_free(h);
	return rc;
}

int
packing_need(unsigned code, unsigned log, char out[static PACKING_NEED_MAX],
    struct err *e)
{
	struct deflate_params d;
	struct frame_params f = { .level = 0 };
	struct packing how = { OPENING_DEFLATE, block_header };
	uint8_t digest[SHA256_BYTES];
	char hex[2 * SHOWN + 1];

	if (deflate_decode(code, &d) == -1) {
		(void)frame_decode(code - DEFLATE_CODES, &f);
		how.kind = (uint8_t)(f.kind + 1);
	}
	if (hash_vector(code, &how, log, digest, e) == -1)
		return -1;
	hex_encode(hex, digest, SHOWN);
	if (how.kind == OPENING_DEFLATE)
		(void)snprintf(out, PACKING_NEED_MAX, "%s%u-%u-%u-%u:%s", prefixes[0],
		    d.level, d.mem_level, d.strategy, d.window_bits, hex);
	else
		(void)snprintf(out, PACKING_NEED_MAX, "%s%u-%u-%u:%s",
		    prefixes[how.kind], f.level, f.flag, log, hex);
	return 0;
}

/* The numbers of a name, to the colon: how many; -1 when they are none. */
static int
take_numbers(const char *at, uint8_t v[static NUMBERS])
{
	for (int n = 0; n < NUMBERS; n++) {
		char *stop;
		unsigned long x = strtoul(at, &stop, 10);

		if (stop == at || x > UINT8_MAX)
			return -1;
		v[n] = (uint8_t)x;
		if (*stop == ':')
			return n + 1;
		if (*stop != '-')
			return -1;
		at = stop + 1;
	}
	return -1;
}

/* Which parameters a name means; -1 none. */
static int
parse(const char *need, unsigned *log)
{
	uint8_t v[NUMBERS];
	unsigned kind = 0, code;
	size_t n;

	while (kind < PREFIXES && strncmp(need, prefixes[kind],
	    n = strlen(prefixes[kind])) != 0)
		kind++;
	if (kind == PREFIXES || take_numbers(need + n, v) !=
	    (kind == OPENING_DEFLATE ? 4 : 3))
		return -1;
	*log = PACKING_LOG_MAX;
	if (kind == OPENING_DEFLATE) {
		const struct deflate_params d = { v[0], v[1], v[2], v[3] };

		if (d.level < 1 || d.level > 9 || d.mem_level < 1 || d.mem_level > 9 ||
		    d.strategy >= DEFLATE_GNU || d.window_bits < 9 || d.window_bits > 15)
			return -1;
		return (int)deflate_code(&d);
	}
	*log = v[2];
	code = frame_code(&(struct frame_params){ (uint8_t)(kind - 1), v[0], v[1] == 1,
		false });
	if (v[1] > 1 || v[2] < PACKING_LOG_MIN || v[2] > PACKING_LOG_MAX ||
	    v[0] >= FRAME_LEVELS || !packing_known(DEFLATE_CODES + code))
		return -1;
	return (int)(DEFLATE_CODES + code);
}

bool
packing_names(const char *need)
{
	unsigned log;

	return parse(need, &log) != -1;
}

int
packing_meets(const char *need, struct err *e)
{
	char mine[PACKING_NEED_MAX];
	unsigned log;
	int code = parse(need, &log);

	if (code == -1)
		return 0;
	if (packing_need((unsigned)code, log, mine, e) == -1)
		return -1;
	return strcmp(mine, need) == 0;
}
