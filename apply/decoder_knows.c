#include <stdlib.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/decoder_talk.h"

#include "apply/decoder.h"

/*
 * The first question gets the names that cost nothing; each other one costs a library
 * some work, a second on a small device, and is asked when a delta needs it.
 */
enum { NAMES_MAX = 4096, KNOWN_MAX = 32, NAME_MAX_BYTES = 48 };

static struct {
	bool asked;
	char names[NAMES_MAX];		/* each ends in a newline, before it another */
	struct {
		char name[NAME_MAX_BYTES];
		bool known;
	} others[KNOWN_MAX];
	size_t n;
} memory;

/* What the child says to a name, its bytes to out. */
static int
ask(const char *name, struct buf *out, bool *yes, struct err *e)
{
	const struct decoder_limits limits = { .memory = 0 };
	struct decoder *d = decoder_start(WIRE_ABILITY, -1, &limits, e);
	int more = -1;

	if (d == NULL)
		return -1;
	if (decoder_ask(d, WIRE_KNOWN, 0, name, strlen(name), -1, e) == 0)
		while ((more = decoder_more(d, out->max - out->len, e)) == 1)
			if (buf_add(out, d->in.data, d->in.n, e) == -1) {
				more = -1;
				break;
			}
	*yes = more == 0 && d->in.head.number == 1;
	decoder_close(d);
	return more;
}

static void
ask_names(void)
{
	struct buf out = BUF_INIT(NAMES_MAX - 2);
	struct err e = ERR_INIT;
	bool yes;

	memory.asked = true;
	if (ask("", &out, &yes, &e) == -1) {
		log_warn("%s", e.text);
	} else if (out.len > 0) {
		memory.names[0] = '\n';
		memcpy(memory.names + 1, out.data, out.len);
	}
	buf_free(&out);
}

static bool
is_listed(const char *need)
{
	size_t n = strlen(need);

	for (const char *at = memory.names; (at = strstr(at, need)) != NULL; at += n)
		if (at[-1] == '\n' && at[n] == '\n')
			return true;
	return false;
}

bool
decoder_knows(const char *need)
{
	struct buf out = BUF_INIT(1);
	struct err e = ERR_INIT;
	size_t at;

	if (*need == '\0' || strlen(need) >= NAME_MAX_BYTES)
		return false;
	if (!memory.asked)
		ask_names();
	if (is_listed(need))
		return true;
	for (at = 0; at < memory.n && at < KNOWN_MAX; at++)
		if (strcmp(memory.others[at].name, need) == 0)
			return memory.others[at].known;
	at = memory.n++ % KNOWN_MAX;
	memcpy(memory.others[at].name, need, strlen(need) + 1);
	if (ask(need, &out, &memory.others[at].known, &e) == -1)
		log_warn("%s", e.text);
	buf_free(&out);
	return memory.others[at].known;
}
