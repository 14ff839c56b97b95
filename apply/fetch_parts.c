/*
 * fetch_parts.c - parts of an object by Range, each into the spool by its hash.
 *
 *	wanted      [part]   [part][part]              [part]
 *	requests    -----------------------            ------
 *
 * What lies between two near parts is fetched and dropped: that costs less than
 * another request.  Each part is checked and durable before the next one begins,
 * so nothing that came is fetched twice.
 */
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/fetch_transfer.h"
#include "apply/spool.h"

#include "apply/fetch.h"

enum { GAP_MAX = 64 * 1024 };

struct parts {
	const struct device *dev;
	const struct object *whole;
	const struct fetch_part *list;
	size_t at, end;		/* the part that grows; behind the last of the request */
	uint64_t asked, pos;	/* absolute: first byte asked for, next to come */
	struct spool_part part;
	bool open;
	bool resumed;		/* the first part had bytes before this request */
	bool refused;
};

void
fetch_part_object(const struct fetch_part *p, const struct object *whole,
    struct object *out)
{
	*out = *whole;
	out->bytes = p->bytes;
	out->sha256 = p->sha256;
}

static bool
is_here(const struct parts *p, size_t i)
{
	struct object o;

	fetch_part_object(&p->list[i], p->whole, &o);
	return spool_has(p->dev, &o);
}

static int
open_part(struct parts *p, struct err *e)
{
	struct object o;

	fetch_part_object(&p->list[p->at], p->whole, &o);
	if (spool_part_open(p->dev, &o, &p->part, e) == -1)
		return -1;
	p->open = true;
	return 0;
}

/* The part is complete: checked, durable, under its name. */
static int
finish_part(struct parts *p, struct err *e)
{
	struct object o;
	int rc;

	fetch_part_object(&p->list[p->at], p->whole, &o);
	rc = spool_part_finish(&p->part, &o, e);
	spool_part_close(&p->part);
	p->open = false;
	p->at++;
	return rc == -1 ? -1 : p->at < p->end ? open_part(p, e) : 0;
}

static int
parts_head(void *arg, const struct fetch_answer *a, struct err *e)
{
	struct parts *p = arg;

	if (a->status == 206 && a->has_range && a->range_from == p->asked &&
	    a->range_total == p->whole->bytes)
		return 0;
	p->refused = true;
	return err_set(e, ERR_NET, "%s: the host does not serve the part asked for",
	    p->whole->path);
}

static int
parts_body(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct parts *p = arg;

	while (n > 0) {
		const struct fetch_part *now;
		uint64_t left;
		size_t take = n;

		if (p->at == p->end) {
			p->refused = true;
			return err_set(e, ERR_NET, "%s: the host sends more than was "
			    "asked for", p->whole->path);
		}
		now = &p->list[p->at];
		left = p->pos < now->offset ? now->offset - p->pos :
		    now->offset + now->bytes - p->pos;
		if (left < take)
			take = (size_t)left;
		if (p->pos >= now->offset &&
		    spool_part_add(&p->part, data, take, e) == -1)
			return -1;
		progress_add(take);
		p->pos += take;
		data += take;
		n -= take;
		if (p->pos == now->offset + now->bytes && finish_part(p, e) == -1)
			return -1;
	}
	return 0;
}

/* Parts i and on that one request gets, p->end behind the last. */
static int
start_request(struct parts *p, size_t i, size_t n, struct err *e)
{
	const struct fetch_part *list = p->list;

	p->at = i;
	p->end = i + 1;
	while (p->end < n && !is_here(p, p->end) && list[p->end].offset -
	    (list[p->end - 1].offset + list[p->end - 1].bytes) <= GAP_MAX)
		p->end++;
	if (open_part(p, e) == -1)
		return -1;
	p->resumed = p->part.have > 0;
	p->asked = p->pos = list[i].offset + p->part.have;
	/* All bytes came, but not their check. */
	return p->part.have == list[i].bytes ? finish_part(p, e) : 0;
}

/* One request from part i on.  Parts that it completed stay. */
static int
receive(struct fetch *f, const char *url, struct parts *p, size_t i, size_t n,
    struct fetch_answer *a, struct err *e)
{
	struct fetch_request q = { .url = url, .arg = p, .head = parts_head,
		.body = parts_body };
	struct err keep = ERR_INIT;
	int rc;

	memset(a, 0, sizeof *a);
	if (start_request(p, i, n, e) == -1)
		rc = -1;
	else if (p->at > i)
		rc = 0;
	else {
		q.offset = p->asked;
		q.length = p->list[p->end - 1].offset + p->list[p->end - 1].bytes -
		    p->asked;
		rc = fetch_transfer(f, &q, a, e);
		if (rc == 0 && p->at < p->end)
			rc = err_set(e, ERR_NET, "%s: the host's answer was cut short",
			    p->whole->path);
		p->refused |= a->status == 416;
	}
	if (p->open && spool_part_sync(&p->part, &keep) == -1 && rc == 0) {
		*e = keep;
		rc = -1;
	}
	if (p->open)
		spool_part_close(&p->part);
	p->open = false;
	return rc;
}

int
fetch_parts(struct fetch *f, const struct device *d, const char *url,
    const struct object *whole, const struct fetch_part *list, size_t n, bool *refused,
    struct err *e)
{
	struct parts p = { .dev = d, .whole = whole, .list = list };
	bool anew = false;
	uint32_t try = 1;
	size_t i = 0;

	*refused = false;
	while (i < n) {
		struct fetch_answer a;

		if (is_here(&p, i)) {
			i++;
			continue;
		}
		if (receive(f, url, &p, i, n, &a, e) == 0) {
			try = 1;
			continue;
		}
		*refused = p.refused || e->code == ERR_TRUST;
		/* What an earlier run left may have been no good, once. */
		if (e->code == ERR_TRUST && p.resumed && !anew) {
			anew = true;
			*refused = false;
			err_clear(e);
			continue;
		}
		if (p.pos > p.asked)
			try = 1;
		if (*refused || fetch_pause(f, try++, &a, e) == -1)
			return -1;
		err_clear(e);
	}
	return 0;
}
