/*
 * history.c - one line a finished update, appended; a line that a power cut tore
 * is cut off before the next one is written.
 */
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/state_json.h"

#include "apply/memory.h"

#define HISTORY "history.ndjson"
enum { HISTORY_LINES = 1000, HISTORY_MAX = 1 << 20, HISTORY_KEPT = 900 };

/* Whole lines only.  One too long to be ours counts as empty. */
static int
read_lines(const struct device *d, struct buf *text, struct err *e)
{
	if (fs_read_file(d->state, HISTORY, text, e) == -1) {
		if (e->code != ERR_ABSENT && e->code != ERR_FORMAT)
			return err_wrap(e, "state");
		if (e->code == ERR_FORMAT)
			log_warn("state: %s; taken as empty", e->text);
		buf_reset(text);
		err_clear(e);
	}
	while (text->len > 0 && text->data[text->len - 1] != '\n')
		text->data[--text->len] = '\0';
	return 0;
}

static size_t
count_lines(const struct buf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

/* Where the last `keep` lines begin. */
static size_t
last_lines(const struct buf *text, size_t keep)
{
	size_t at = text->len;

	for (; at > 0; at--)
		if (text->data[at - 1] == '\n' && keep-- == 0)
			break;
	return at;
}

static struct jv *
entry_to_json(const struct history_entry *h)
{
	struct jv *v = jv_new_object();

	json_put_time(&v, "time", utc_now());
	json_put_text(&v, "result", h->result);
	json_put_u64(&v, "from", h->from);
	json_put_u64(&v, "to", h->to);
	json_put_text(&v, "version", h->version);
	json_put_text(&v, "reason", h->reason == NULL ? "" : h->reason);
	json_put_u64(&v, "bytes", h->bytes);
	json_put_i64(&v, "seconds", h->seconds);
	return v;
}

static int
append(const struct device *d, uint64_t at, const struct buf *line, struct err *e)
{
	int fd = fs_open_rw(d->state, HISTORY, 0600, e);
	int rc = -1;

	if (fd == -1)
		return -1;
	if (fs_truncate(fd, at, e) == 0 &&
	    fs_pwrite(fd, line->data, line->len, at, e) == 0 && fs_sync(fd, e) == 0)
		rc = at > 0 ? 0 : fs_sync_dir(d->state, ".", e);
	(void)close(fd);
	return rc;
}

/* The oldest go when there are too many. */
static int
add_line(const struct device *d, struct buf *text, const struct buf *line, struct err *e)
{
	size_t from;

	if (count_lines(text) < HISTORY_LINES && text->len + line->len <= HISTORY_MAX)
		return append(d, text->len, line, e);
	from = last_lines(text, HISTORY_KEPT);
	text->max += line->len;
	if (buf_add(text, line->data, line->len, e) == -1)
		return -1;
	return fs_write_file(d->state, HISTORY, text->data + from, text->len - from, 0600,
	    e);
}

int
history_add(const struct device *d, const struct history_entry *h, struct err *e)
{
	struct buf text = BUF_INIT(HISTORY_MAX), line = BUF_INIT(8192);
	struct jv *v = json_done(entry_to_json(h), e);
	int rc = -1;

	if (v != NULL && jv_print_line(v, &line, e) == 0 &&
	    buf_add_byte(&line, '\n', e) == 0 && read_lines(d, &text, e) == 0)
		rc = add_line(d, &text, &line, e);
	jv_free(v);
	buf_free(&text);
	buf_free(&line);
	return rc == -1 ? err_wrap(e, "history") : 0;
}

struct jv *
history_list(const struct device *d, struct err *e)
{
	struct buf text = BUF_INIT(HISTORY_MAX);
	struct jv *list = NULL;

	if (read_lines(d, &text, e) == 0)
		list = json_done(jv_new_list(), e);
	for (size_t at = 0; list != NULL && at < text.len;) {
		const uint8_t *end = memchr(text.data + at, '\n', text.len - at);
		size_t n = (size_t)(end - (text.data + at));
		struct err ignored = ERR_INIT;
		struct jv *v = jv_parse(text.data + at, n, &ignored);

		if (jv_kind(v) == JV_OBJECT)
			json_push(&list, v);
		else
			jv_free(v);
		at += n + 1;
	}
	buf_free(&text);
	return list;
}
