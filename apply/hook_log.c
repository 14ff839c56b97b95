#include <sys/stat.h>

#include <inttypes.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/hook_log.h"

enum { HALF = HOOK_OUTPUT_MAX / 2 };

static int
add_output(struct buf *out, const struct hook_output *o, struct err *e)
{
	uint64_t kept = o->tail_total < HALF ? o->tail_total : HALF, i;

	if (buf_add(out, o->head, o->head_len, e) == -1)
		return -1;
	if (o->tail_total > kept && buf_addf(out, e, "\n[%" PRIu64 " bytes left out]\n",
	    o->tail_total - kept) == -1)
		return -1;
	for (i = o->tail_total - kept; i < o->tail_total; i++)
		if (buf_add_byte(out, o->tail[i % HALF], e) == -1)
			return -1;
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		return buf_add_byte(out, '\n', e);
	return 0;
}

static int
append(const struct device *dev, const struct buf *text, struct err *e)
{
	struct stat st;
	int fd, rc, there = fs_stat_at(dev->state, HOOK_LOG, &st, e);

	if (there == -1)
		return -1;
	if (there == 1 && (uint64_t)st.st_size + text->len > HOOK_LOG_MAX) {
		if (fs_rename(dev->state, HOOK_LOG, dev->state, HOOK_LOG ".1", e) == -1)
			return -1;
		there = 0;
	}
	if ((fd = fs_open_rw(dev->state, HOOK_LOG, 0600, e)) == -1)
		return -1;
	rc = fs_pwrite(fd, text->data, text->len, there == 1 ? (uint64_t)st.st_size : 0,
	    e);
	(void)close(fd);
	return rc;
}

void
hook_log(const struct run *r, const char *what, const struct hook_output *output,
    const struct err *why)
{
	struct buf text = BUF_INIT(HOOK_OUTPUT_MAX + 8192);
	struct err bad = ERR_INIT;
	char when[UTC_TEXT_MAX];

	if (buf_addf(&text, &bad, "%s %s, %" PRIu64 " -> %" PRIu64 ": %s\n",
	    utc_text(when, utc_now()), what, r->mark.from, r->mark.to,
	    why->code == ERR_NONE ? "ok" : why->text) == -1 ||
	    (output != NULL && add_output(&text, output, &bad) == -1) ||
	    append(r->dev, &text, &bad) == -1)
		log_detail("%s: log: %s", r->dev->conf->name, bad.text);
	buf_free(&text);
}
