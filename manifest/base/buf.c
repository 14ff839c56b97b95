#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "manifest/base/buf.h"

void
buf_init(struct buf *b, size_t max)
{
	b->data = NULL;
	b->len = b->cap = 0;
	b->max = max;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

int
buf_reserve(struct buf *b, size_t n, struct err *e)
{
	size_t want, cap = b->cap < 64 ? 64 : b->cap;
	uint8_t *data;

	if (n > b->max - b->len)
		return err_set(e, ERR_FORMAT, "over the limit of %zu bytes", b->max);
	want = b->len + n + 1;
	if (want <= b->cap)
		return 0;
	while (cap < want)
		cap = cap > SIZE_MAX / 2 ? want : cap * 2;
	if ((data = realloc(b->data, cap)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for %zu bytes", cap);
	b->data = data;
	b->cap = cap;
	b->data[b->len] = '\0';
	return 0;
}

int
buf_add(struct buf *b, const void *data, size_t n, struct err *e)
{
	if (buf_reserve(b, n, e) == -1)
		return -1;
	if (n > 0)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int
buf_add_byte(struct buf *b, uint8_t byte, struct err *e)
{
	return buf_add(b, &byte, 1, e);
}

int
buf_add_text(struct buf *b, const char *text, struct err *e)
{
	return buf_add(b, text, strlen(text), e);
}

int
buf_add_varint(struct buf *b, uint64_t v, struct err *e)
{
	uint8_t bytes[VARINT_MAX];

	return buf_add(b, bytes, varint_store(bytes, v), e);
}

int
buf_addf(struct buf *b, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(e, ERR_FAIL, "cannot format text");
	if (buf_reserve(b, (size_t)n, e) == -1)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

const char *
buf_text(const struct buf *b)
{
	return b->data == NULL ? "" : (const char *)b->data;
}
