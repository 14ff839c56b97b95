/*
 * fetch_object.c - an object of the catalog into the spool.
 *
 *	part is empty            GET
 *	part has bytes           GET with Range from there and If-Range
 *	206 from there           go on
 *	200                      the host starts over, so do we
 *	206 of something else,
 *	416                      throw the part away, GET anew
 *
 * Objects are immutable and named by their hash, so a part is good for years;
 * where it turns out that it was not (a power cut left zeros, the host changed
 * its mind), the object is fetched once more from its first byte.
 */
#include <stdlib.h>

#include "manifest/base/log.h"

#include "apply/fetch_transfer.h"
#include "apply/spool.h"

#include "apply/fetch.h"

enum { GATHER_BYTES = 128 * 1024 };

struct receiving {
	const struct object *object;
	struct spool_part part;
	struct buf pending;	/* small pieces are written together */
	uint64_t asked;		/* the offset that was asked for */
	bool wrong_range;	/* answered with another part than asked for */
};

static int
too_long(const struct receiving *r, struct err *e)
{
	return err_set(e, ERR_TRUST,
	    "%s: the host sends more than the %llu bytes that were "
	    "signed",
	    r->object->path, (unsigned long long)r->object->bytes);
}

static int
object_head(void *arg, const struct fetch_answer *a, struct err *e)
{
	struct receiving *r = arg;

	if (a->status == 206) {
		if (r->asked > 0 && a->has_range && a->range_from == r->asked &&
		    a->range_total == r->object->bytes)
			return 0;
		r->wrong_range = true;
		return err_set(e, ERR_NET, "%s: the host answers with another range",
		    r->object->path);
	}
	if (a->has_length && a->length > r->object->bytes)
		return too_long(r, e);
	return spool_part_restart(&r->part, a->etag, e);
}

static int
flush(struct receiving *r, struct err *e)
{
	int rc = 0;

	if (r->pending.len > 0)
		rc = spool_part_add(&r->part, r->pending.data, r->pending.len, e);
	buf_reset(&r->pending);
	return rc;
}

static int
object_body(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct receiving *r = arg;

	if (n > r->object->bytes - r->part.have - r->pending.len)
		return too_long(r, e);
	progress_add(n);
	if (n > GATHER_BYTES - r->pending.len && flush(r, e) == -1)
		return -1;
	if (n > GATHER_BYTES)
		return spool_part_add(&r->part, data, n, e);
	return buf_add(&r->pending, data, n, e);
}

static int
start_over(struct receiving *r, struct err *e)
{
	log_detail("%s: from its first byte again", r->object->path);
	return spool_part_restart(&r->part, "", e);
}

/* One request, and what came is in the part.  1: all of it is there. */
static int
receive(struct fetch *f, const char *url, struct receiving *r, struct fetch_answer *a,
    struct err *e)
{
	struct fetch_request q = { .url = url, .offset = r->part.have,
		.if_range = r->part.etag, .arg = r, .head = object_head,
		.body = object_body };
	struct err keep = ERR_INIT;
	int rc;

	r->asked = q.offset;
	r->wrong_range = false;
	rc = fetch_transfer(f, &q, a, e);
	if (flush(r, &keep) == -1 || spool_part_sync(&r->part, &keep) == -1) {
		*e = keep;
		return -1;
	}
	if (rc == 0 && r->part.have < r->object->bytes)
		return err_set(e, ERR_TRUST,
		    "%s: the host has only %llu of the %llu bytes "
		    "that were signed",
		    r->object->path, (unsigned long long)r->part.have,
		    (unsigned long long)r->object->bytes);
	return rc;
}

/* Until the part is as long as the object, within the retries. */
static int
receive_all(struct fetch *f, const char *url, struct receiving *r, struct err *e)
{
	struct fetch_answer a;
	uint32_t try = 1;

	while (r->part.have < r->object->bytes || r->object->bytes == 0) {
		uint64_t before = r->part.have;

		if (receive(f, url, r, &a, e) == 0)
			return 0;
		if (before > 0 && (r->wrong_range || a.status == 416)) {
			if (start_over(r, e) == -1)
				return -1;
			err_clear(e);
			continue;
		}
		/* Whoever moves on is not given up. */
		if (r->part.have > before)
			try = 1;
		if (fetch_pause(f, try++, &a, e) == -1)
			return -1;
		err_clear(e);
	}
	return 0;
}

static int
fetch_into(struct fetch *f, const char *url, struct receiving *r, struct err *e)
{
	bool resumed = r->part.have > 0;

	if (receive_all(f, url, r, e) == -1) {
		if (e->code != ERR_TRUST || !resumed)
			return -1;
	} else if (spool_part_finish(&r->part, r->object, e) == 0) {
		return 0;
	} else if (e->code != ERR_TRUST || !resumed) {
		return -1;
	}
	return 1;
}

/* 0 done, 1 a part of earlier was no good, -1. */
static int
fetch_once(struct fetch *f, const struct device *d, const char *url,
    const struct object *object, struct err *e)
{
	struct receiving r = { .object = object, .pending = BUF_INIT(GATHER_BYTES) };
	struct err ignored = ERR_INIT;
	int rc;

	if (spool_part_open(d, object, &r.part, e) == -1)
		return -1;
	rc = fetch_into(f, url, &r, e);
	if (rc != 0 && e->code == ERR_TRUST)
		(void)spool_part_drop(&r.part, &ignored);
	spool_part_close(&r.part);
	buf_free(&r.pending);
	return rc;
}

int
fetch_object(struct fetch *f, const struct device *d, const char *url,
    const struct object *object, struct err *e)
{
	int rc;

	if (spool_has(d, object))
		return 0;
	rc = fetch_once(f, d, url, object, e);
	if (rc == 1) {
		log_detail("%s; from its first byte again", e->text);
		err_clear(e);
		rc = fetch_once(f, d, url, object, e);
	}
	return rc == 0 ? 0 : -1;
}
