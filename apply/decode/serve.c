#include <sys/types.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/hash.h"

#include "apply/decode/jail.h"

#include "apply/decode/serve.h"

/* ---- talk ---- */

void
serve_hear(struct serve *s, int *fd)
{
	int rc;

	do
		rc = wire_recv(s->sock, &s->in, fd);
	while (rc == -1 && errno == EINTR);
	if (rc != 1)
		_exit(rc == 0 ? 0 : 1);
}

void
serve_say(struct serve *s, enum wire_kind kind, uint32_t code, uint64_t number,
    const void *data, size_t n)
{
	const struct wire_head head = { kind, code, number };
	int rc;

	do
		rc = wire_send(s->sock, &head, data, n, -1);
	while (rc == -1 && errno == EINTR);
	if (rc == -1)
		_exit(1);
}

void
serve_flush(struct serve *s)
{
	if (s->n > 0)
		serve_say(s, WIRE_BYTES, 0, 0, s->out, s->n);
	s->n = 0;
}

void
serve_bytes(struct serve *s, const uint8_t *data, size_t n)
{
	while (n > 0) {
		size_t part = WIRE_DATA_MAX - s->n < n ? WIRE_DATA_MAX - s->n : n;

		memcpy(s->out + s->n, data, part);
		s->n += part;
		data += part;
		n -= part;
		if (s->n == WIRE_DATA_MAX)
			serve_flush(s);
	}
}

void
serve_done(struct serve *s, uint64_t number)
{
	serve_flush(s);
	serve_say(s, WIRE_DONE, 0, number, NULL, 0);
}

void
serve_error(struct serve *s, const struct err *e)
{
	serve_say(s, WIRE_ERROR, e->code, (uint64_t)e->sys, e->text, strlen(e->text));
}

int
serve_unasked(struct err *e)
{
	return err_set(e, ERR_FAIL, "the decoder was asked what it does not do");
}

/* ---- the beginning ---- */

static void
close_others(int sock)
{
	if (close_range((unsigned)sock + 3, ~0U, 0) == 0)
		return;
	for (int fd = sock + 3; fd < 4096; fd++)	/* before Linux 5.9 */
		(void)close(fd);
}

/* What libraries open, they open now. */
static int
warm_up(struct err *e)
{
	struct sha256 id;

	return sha256_of("", 0, &id, e);
}

static int
start(struct serve *s, struct err *e)
{
	struct jail jail;
	unsigned layers;

	serve_hear(s, &s->object);
	if (s->in.head.kind != WIRE_START || s->in.n != sizeof s->start)
		return serve_unasked(e);
	memcpy(&s->start, s->in.data, sizeof s->start);
	if (strncmp(s->start.version, VERSION_TEXT, sizeof s->start.version) != 0)
		return err_set(e, ERR_FAIL, "it is of version %s, delta-apply is not",
		    VERSION_TEXT);
	jail.memory = s->start.memory + 4 * s->start.texts;
	jail.scratch = s->start.scratch;
	if (warm_up(e) == -1 || jail_enter(&jail, &layers, e) == -1)
		return -1;
	serve_say(s, WIRE_READY, 0, layers, NULL, 0);
	return 0;
}

static int
work(struct serve *s, struct err *e)
{
	switch ((enum wire_work)s->start.work) {
	case WIRE_DELTA:
		return serve_delta(s, e);
	case WIRE_FULL:
		return serve_full(s, e);
	case WIRE_PACKED:
		return serve_packed(s, e);
	case WIRE_ABILITY:
		return serve_ability(s, e);
	}
	return serve_unasked(e);
}

int
serve(int sock)
{
	static struct serve s;
	struct err e = ERR_INIT;

	s.sock = sock;
	s.object = -1;
	close_others(sock);
	if (start(&s, &e) == 0 && work(&s, &e) == 0)
		return 0;
	serve_error(&s, &e);
	return 1;
}
