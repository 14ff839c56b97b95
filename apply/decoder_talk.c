#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/cancel.h"
#include "manifest/base/log.h"

#include "apply/decoder_talk.h"

/* A small device may compute for minutes before the first byte of a large output.
 * Asking without end is no way to go on either. */
enum { PATIENCE_S = 600, TICKS_S = 2, REQUESTS_MAX = 1 << 20 };

/* Did it say why before it ended? */
static bool
last_words(struct decoder *d)
{
	bool again = true;
	int rc;

	while ((rc = wire_recv(d->child.sock, &d->in, NULL)) == 1 ||
	    (rc == -1 && errno == ECONNRESET && again)) {
		if (rc == 1 && d->in.head.kind == WIRE_ERROR)
			return true;
		again = rc == 1;
	}
	return false;
}

static int
lost(struct decoder *d, struct err *e)
{
	char how[DECODER_END_MAX];

	if (last_words(d))
		return decoder_refused(d, e);
	decoder_child_end(&d->child, true, how);
	if (d->ready)
		return err_set(e, ERR_FORMAT, "the decoder broke down on it (%s)", how);
	return err_set(e, ERR_FAIL, "delta-apply-decode does not start (%s);"
	    " install it anew", how);
}

/* It is given up. */
static int
liar(struct decoder *d, const char *fact, struct err *e)
{
	char how[DECODER_END_MAX];

	decoder_child_end(&d->child, false, how);
	return err_set(e, d->ready ? ERR_FORMAT : ERR_FAIL, "the decoder %s", fact);
}

/* Nothing happened for a tick, or a signal came. */
static int
wait_on(struct decoder *d, struct err *e)
{
	if (cancel_check(e) == -1)
		return -1;
	if (errno != EINTR && ++d->ticks > d->patience)
		return liar(d, "does not get on with it", e);
	return 0;
}

static bool
is_pause(void)
{
	return errno == EINTR || errno == EAGAIN;
}

int
decoder_ask(struct decoder *d, enum wire_kind kind, uint64_t number, const void *data,
    size_t n, int fd, struct err *e)
{
	const struct wire_head head = { kind, 0, number };

	if (d->child.sock == -1)
		return err_set(e, ERR_FORMAT, "the decoder is gone");
	while (wire_send(d->child.sock, &head, data, n, fd) == -1) {
		if (errno == EPIPE || errno == ECONNRESET)
			return lost(d, e);
		if (!is_pause())
			return err_sys(e, "ask the decoder");
		if (wait_on(d, e) == -1)
			return -1;
	}
	return 0;
}

int
decoder_hear(struct decoder *d, struct err *e)
{
	int rc;

	if (d->child.sock == -1)
		return err_set(e, ERR_FORMAT, "the decoder is gone");
	while ((rc = wire_recv(d->child.sock, &d->in, NULL)) != 1) {
		if (rc == 0 || errno == ECONNRESET)
			return lost(d, e);
		if (errno == EBADMSG)
			return liar(d, "says what nobody understands", e);
		if (!is_pause())
			return err_sys(e, "hear the decoder");
		if (wait_on(d, e) == -1)
			return -1;
	}
	if (d->in.head.kind == WIRE_BYTES || d->in.head.kind == WIRE_DONE)
		d->ticks = d->requests = 0;
	else if (++d->requests > REQUESTS_MAX)
		return liar(d, "does not get on with it", e);
	return cancel_check(e);
}

/* Only what a decoder can know of. */
static enum err_code
believed(uint32_t code)
{
	static const enum err_code codes[] = { ERR_IO, ERR_NOMEM, ERR_FAIL, ERR_TRUST,
		ERR_FORMAT, ERR_ROOM };

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (code == (uint32_t)codes[i])
			return codes[i];
	return ERR_FORMAT;
}

int
decoder_refused(struct decoder *d, struct err *e)
{
	char text[ERR_TEXT_MAX];

	if (d->in.head.kind != WIRE_ERROR)
		return liar(d, "says what was not asked", e);
	(void)text_printable(text, sizeof text, (const char *)d->in.data, d->in.n, false);
	if (!d->ready)
		return err_set(e, ERR_FAIL, "delta-apply-decode: %s; install it anew",
		    text);
	(void)err_set(e, believed(d->in.head.code), "%s", text);
	e->sys = d->in.head.number < 4096 ? (int)d->in.head.number : 0;
	return -1;
}

int
decoder_more(struct decoder *d, uint64_t left, struct err *e)
{
	if (decoder_hear(d, e) == -1)
		return -1;
	if (d->in.head.kind == WIRE_DONE)
		return 0;
	if (d->in.head.kind != WIRE_BYTES)
		return decoder_refused(d, e);
	if (d->in.n == 0 || d->in.n > left)
		return liar(d, "makes more than was signed", e);
	return 1;
}

int
decoder_done(struct decoder *d, struct err *e)
{
	if (decoder_hear(d, e) == -1)
		return -1;
	return d->in.head.kind == WIRE_DONE ? 0 : decoder_refused(d, e);
}

/* Once a run, for who wants to know. */
static void
say_layers(uint64_t layers)
{
	static const char *const names[] = { "user", "network", "files", "calls" };
	static bool said;

	if (said)
		return;
	said = true;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		log_detail("decoder: %s %s", names[i],
		    (layers >> i & 1) != 0 ? "confined" : "not confined here");
}

static int
start(struct decoder *d, enum wire_work work, int fd, const struct decoder_limits *limits,
    struct err *e)
{
	struct wire_start start = { .work = work, .memory = limits->memory,
		.texts = limits->texts, .scratch = limits->scratch,
		.packed = limits->packed, .plain = limits->plain,
		.version = VERSION_TEXT };

	if (decoder_child_start(&d->child, e) == -1 ||
	    decoder_ask(d, WIRE_START, 0, &start, sizeof start, fd, e) == -1 ||
	    decoder_hear(d, e) == -1)
		return -1;
	if (d->in.head.kind != WIRE_READY)
		return decoder_refused(d, e);
	d->ready = true;
	say_layers(d->in.head.number);
	return 0;
}

struct decoder *
decoder_start(enum wire_work work, int fd, const struct decoder_limits *limits,
    struct err *e)
{
	struct decoder *d = calloc(1, sizeof *d);

	if (d == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory for a decoder");
		return NULL;
	}
	d->child.pid = d->child.sock = -1;
	d->patience = TICKS_S *
	    (limits->patience_s == 0 ? PATIENCE_S : limits->patience_s);
	if (start(d, work, fd, limits, e) == 0)
		return d;
	decoder_close(d);
	return NULL;
}

void
decoder_close(struct decoder *d)
{
	char how[DECODER_END_MAX];

	if (d == NULL)
		return;
	decoder_child_end(&d->child, false, how);
	free(d);
}
