#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/cancel.h"

#include "mkdelta/encode/mix.h"

#include "mkdelta/encode/samples.h"

enum { BLOCK = 1 << 16, MANY = 1 << 14 };

#define FIRST_MASK 0xf0000000u	/* SAMPLES_LOG_MIN bits that all 32 bytes tell */

/* A shift register of multiplied bytes: only the last 32 count. */
int
sampler_add(struct sampler *s, const uint8_t *data, size_t n, struct err *e)
{
	const uint32_t rest = ((uint32_t)1 << (s->log - SAMPLES_LOG_MIN)) - 1;
	uint32_t bytes[256], rolling = s->rolling;

	for (uint32_t i = 0; i < 256; i++)
		bytes[i] = mix32(i + 1);
	for (size_t i = 0; i < n; i++) {
		uint32_t hash;

		rolling = (rolling << 1) + bytes[data[i]];
		if ((rolling & FIRST_MASK) != 0 || s->seen + i + 1 < SAMPLES_WINDOW)
			continue;
		hash = mix32(rolling);
		if ((hash & rest) == 0 && s->take(s->arg, hash, e) == -1)
			return -1;
	}
	s->rolling = rolling;
	s->seen += n;
	return 0;
}

int
sampler_add_fd(struct sampler *s, int fd, struct err *e)
{
	uint8_t *block = malloc(BLOCK);
	off_t at = 0;
	ssize_t n = 0;
	int rc = 0;

	if (block == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	while (rc == 0 && (n = pread(fd, block, BLOCK, at)) > 0) {
		if ((rc = cancel_check(e)) == 0)
			rc = sampler_add(s, block, (size_t)n, e);
		at += n;
	}
	free(block);
	return n == -1 ? err_sys(e, "read") : rc;
}

unsigned
samples_log(uint64_t n)
{
	unsigned log = SAMPLES_LOG_MIN;

	while (log < 31 && n >> log > MANY)
		log++;
	return log;
}

int
samples_take(void *arg, uint32_t hash, struct err *e)
{
	struct samples *s = arg;

	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 64 : s->cap * 2;
		uint32_t *grown = realloc(s->v, cap * sizeof *grown);

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for samples");
		s->v = grown;
		s->cap = cap;
	}
	s->v[s->n++] = hash;
	return 0;
}

void
samples_free(struct samples *s)
{
	free(s->v);
	memset(s, 0, sizeof *s);
}

static int
compare(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return a < b ? -1 : a > b;
}

void
samples_sort(struct samples *s)
{
	size_t kept = 0;

	if (s->n > 0)
		qsort(s->v, s->n, sizeof *s->v, compare);
	for (size_t i = 0; i < s->n; i++)
		if (i == 0 || s->v[i] != s->v[i - 1])
			s->v[kept++] = s->v[i];
	s->n = kept;
}

bool
samples_have(const struct samples *s, uint32_t value)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->v[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n && s->v[low] == value;
}
