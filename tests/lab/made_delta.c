#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/hash.h"

#include "tests/lab/hostile.h"
#include "tests/lab/made_delta.h"

void
made_number(struct made *m, enum delta_kind kind, uint64_t v)
{
	struct err e = ERR_INIT;

	assert_int_equal(buf_add_varint(&m->stream[kind], v, &e), 0);
}

static struct listing *
listing_in(struct lab *l, const char *file)
{
	char *text = lab_read(l, file);
	struct err e = ERR_INIT;
	struct listing *x;

	assert_non_null(text);
	if ((x = listing_parse(text, strlen(text), false, &e)) == NULL)
		fail_msg("%s: %s", file, e.text);
	free(text);
	return x;
}

void
made_open(struct lab *l, struct made *m)
{
	struct buf text = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	memset(m, 0, sizeof *m);
	lab_ok(l, "zstd -dq < $(ls repo/targets/2/*.tree.zst) > listing-2");
	m->from = listing_in(l, "dev-1/demo/releases/1/.delta/listing");
	m->to = listing_in(l, "listing-2");
	hostile_old_id(l, m->old_id);
	for (int k = 0; k < DELTA_KINDS; k++)
		buf_init(&m->stream[k], 1 << 20);
	assert_int_equal(listing_index(m->from, &e), 0);
	assert_int_equal(listing_emit_reduced(m->to, m->from, &text, &e), 0);
	made_number(m, DELTA_CONTROL, METHOD_RAW);
	assert_int_equal(buf_add(&m->stream[DELTA_EXTRA], text.data, text.len, &e), 0);
	m->listing_bytes = text.len;
	m->memory = DELTA_MEMORY_MAX;
	m->app = (uint64_t)listing_find(m->from, "bin/app");
	m->leak = (uint64_t)listing_find(m->from, "leak");
	m->folder = (uint64_t)listing_find(m->from, "bin");
	m->old_app_bytes = m->from->entries[m->app].size;
	m->app_bytes = m->to->entries[listing_find(m->to, "bin/app")].size;
	m->two_bytes = m->to->entries[listing_find(m->to, "etc/two")].size;
	buf_free(&text);
}

struct buf
made_close(struct made *m)
{
	struct buf d = BUF_INIT(1 << 20);
	uint64_t there = ((1 << DELTA_KINDS) - 1) & ~m->absent;
	struct err e = ERR_INIT;
	struct sha256 id;

	assert_int_equal(listing_id(m->from, &id, &e), 0);
	(void)buf_add(&d, DELTA_MAGIC, DELTA_MAGIC_BYTES, &e);
	(void)buf_add(&d, m->old_id, DELTA_ID_BYTES, &e);
	(void)buf_add(&d, &id, DELTA_ID_BYTES, &e);
	(void)buf_add_varint(&d, m->memory, &e);
	(void)buf_add_varint(&d, m->scratch, &e);
	(void)buf_add_varint(&d, m->listing_bytes, &e);
	(void)buf_add_varint(&d, m->kinds | there, &e);
	for (int k = 0; k < DELTA_KINDS; k++) {
		if ((there >> k & 1) == 0)
			continue;
		(void)buf_add_byte(&d, (uint8_t)m->how[k], &e);
		(void)buf_add_varint(&d, m->packed[k] != 0 ? m->packed[k] :
		    m->stream[k].len, &e);
		if (m->how[k] != DELTA_STORED)
			(void)buf_add_varint(&d, m->plain[k], &e);
	}
	for (int k = 0; k < DELTA_KINDS; k++) {
		assert_int_equal(buf_add(&d, m->stream[k].data, m->stream[k].len, &e), 0);
		buf_free(&m->stream[k]);
	}
	listing_free(m->from);
	listing_free(m->to);
	return d;
}
