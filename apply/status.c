/*
 * status.c - what programs on the device may watch, in RUN.
 *
 * Numbers and stable words only.  RUN is a tmpfs, so nothing is synced, and a
 * reader sees the old file or the new one.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"

#include "apply/state_json.h"

#include "apply/status.h"

enum { STATUS_SCHEMA = 1, EVENTS_MAX = 256 * 1024, LINE_MAX_BYTES = 16 * 1024 };

static void
put_run(struct jv **v, const struct run *r)
{
	json_put_u64(v, "schema", STATUS_SCHEMA);
	json_put_text(v, "name", r->dev->conf->name);
	json_put_time(v, "time", utc_now());
	json_put_text(v, "step", step_name(r->mark.step));
	json_put_u64(v, "from", r->mark.from);
	json_put_u64(v, "to", r->mark.to);
	json_put_u64(v, "bytes", r->mark.bytes);
}

/* Takes v. */
static void
write_status(const struct device *d, struct jv *v)
{
	struct buf text = BUF_INIT(STATE_JSON_MAX);
	struct err e = ERR_INIT;

	if (json_done(v, &e) == NULL || jv_print(v, &text, &e) == -1 ||
	    buf_add_byte(&text, '\n', &e) == -1 ||
	    fs_put_file(d->run, "status.json", text.data, text.len, 0644, &e) == -1)
		log_warn("%s: status.json: %s", d->conf->name, e.text);
	jv_free(v);
	buf_free(&text);
}

void
status_step(const struct run *r, enum step step)
{
	struct jv *v = jv_new_object(), *event = jv_new_object();

	put_run(&v, r);
	json_put_text(&v, "step", step_name(step));
	json_put_bool(&v, "running", true);
	write_status(r->dev, v);
	json_put_text(&event, "step", step_name(step));
	status_event(r, "step", event);
	device_say(r->dev, step_name(step));
}

void
status_end(const struct run *r, int exit_status, const char *reason)
{
	struct jv *v = jv_new_object(), *event = jv_new_object();

	put_run(&v, r);
	json_put_bool(&v, "running", false);
	json_put_i64(&v, "exit", exit_status);
	json_put_text(&v, "reason", reason);
	json_put_u64(&v, "requests", r->requests);
	json_put_u64(&v, "received-bytes", r->bytes);
	write_status(r->dev, v);
	json_put_i64(&event, "exit", exit_status);
	json_put_text(&event, "reason", reason);
	status_event(r, "end", event);
}

/* One line at the end; the file starts anew when it has grown large. */
static int
append_event(const struct device *d, const struct buf *line, struct err *e)
{
	int fd = fs_open_rw(d->run, "events.ndjson", 0644, e);
	struct stat st;
	int rc = -1;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		(void)err_sys(e, "events.ndjson");
	else if (st.st_size < EVENTS_MAX)
		rc = fs_pwrite(fd, line->data, line->len, (uint64_t)st.st_size, e);
	else if (fs_truncate(fd, 0, e) == 0)
		rc = fs_pwrite(fd, line->data, line->len, 0, e);
	(void)close(fd);
	return rc;
}

void
status_event(const struct run *r, const char *name, struct jv *members)
{
	struct buf line = BUF_INIT(LINE_MAX_BYTES);
	struct jv *v = jv_new_object();
	struct err e = ERR_INIT;
	const struct jv *value;
	const char *key;
	void *it = NULL;

	json_put_text(&v, "event", name);
	json_put_time(&v, "time", utc_now());
	json_put_u64(&v, "from", r->mark.from);
	json_put_u64(&v, "to", r->mark.to);
	while (members != NULL && jv_each(members, &it, &key, &value))
		json_put(&v, key, jv_copy(value));
	if (json_done(v, &e) == NULL || jv_print_line(v, &line, &e) == -1 ||
	    buf_add_byte(&line, '\n', &e) == -1 || append_event(r->dev, &line, &e) == -1)
		log_warn("%s: events.ndjson: %s", r->dev->conf->name, e.text);
	jv_free(v);
	jv_free(members);
	buf_free(&line);
}
