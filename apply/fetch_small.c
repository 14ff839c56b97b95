#include <string.h>

#include "apply/fetch_transfer.h"

#include "apply/fetch.h"

enum { SMALL_TIMEOUT_S = 300 };

struct small {
	const char *url;
	struct buf *out;
	size_t start;		/* what out held before */
};

static int
small_head(void *arg, const struct fetch_answer *a, struct err *e)
{
	struct small *s = arg;

	if (a->has_length && a->length > s->out->max - s->start)
		return err_set(e, ERR_FORMAT,
		    "%s: %llu bytes, more than the %zu that are "
		    "accepted",
		    s->url, (unsigned long long)a->length, s->out->max - s->start);
	return 0;
}

static int
small_body(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct small *s = arg;

	if (buf_add(s->out, data, n, e) == 0)
		return 0;
	return err_wrap(e, "%s", s->url);
}

int
fetch_small(struct fetch *f, const char *url, struct buf *out, struct err *e)
{
	struct small s = { url, out, out->len };
	struct fetch_request q = { .url = url, .arg = &s, .head = small_head,
		.body = small_body, .timeout_s = SMALL_TIMEOUT_S };
	struct fetch_answer a;

	for (uint32_t try = 1;; try++) {
		if (fetch_transfer(f, &q, &a, e) == 0)
			return 0;
		out->len = s.start;
		if (out->data != NULL)
			out->data[s.start] = '\0';
		if (fetch_pause(f, try, &a, e) == -1)
			return -1;
		err_clear(e);
	}
}

static int
drop_body(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	size_t *seen = arg;

	(void)data;
	*seen += n;
	if (*seen > (size_t)1 << 20)
		return err_set(e, ERR_NET, "a body over 1 MiB");
	return 0;
}

int
fetch_status(struct fetch *f, const char *url, uint32_t timeout_s, long *status,
    struct err *e)
{
	size_t seen = 0;
	struct fetch_request q = { .url = url, .arg = &seen, .body = drop_body,
		.timeout_s = timeout_s, .local_network = true };
	struct fetch_answer a;
	int rc = fetch_transfer(f, &q, &a, e);

	*status = (long)a.status;
	/* Any answer is an answer; the caller judges it. */
	if (rc == -1 && a.status != 0 && a.status / 100 != 2) {
		err_clear(e);
		return 0;
	}
	return rc;
}
