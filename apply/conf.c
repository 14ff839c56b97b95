/*
 * conf.c - reading the file.  The lines are handed to inih one by one, so that
 * a message can name the line and a cut line is never taken for two.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "manifest/base/buf.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "apply/conf_keys.h"
#include "apply/conf_value.h"
#include "apply/guard.h"

#include "apply/conf.h"

enum { CONF_FILE_MAX = 256 * 1024, CONF_KEYS_SEEN = 128 };

struct reading {
	struct conf *conf;
	const char *at;			/* the rest of the text */
	int line;
	bool indented, too_long;
	const struct conf_key *last;	/* what an indented line goes on with */
	struct buf value;		/* of last, with its continuation lines */
	int seen[CONF_KEYS_SEEN];	/* line of each key of the table */
	int bad_line;			/* 0: none so far */
	struct err *e;
};

static void
set_defaults(struct conf *c)
{
	memset(c, 0, sizeof *c);
	c->keep = 2;
	c->memory_bytes = (uint64_t)64 << 20;
	for (int i = 0; i < HOOK_COUNT; i++)
		c->hook_timeout_s[i] = 300;
	c->service_timeout_s = 90;
	c->health_update_probe = true;
	c->health_timeout_s = 10;
	c->health_interval_s = 2;
	c->health_retries = 15;
	c->health_hold_s = 5;
	c->connect_timeout_s = 30;
	c->low_speed_time_s = 60;
	c->low_speed_bytes = 100;
	c->total_timeout_s = 6 * 3600;
	c->retries = 3;
}

void
conf_clear(struct conf *c)
{
	free(c->path);
	for (const struct conf_key *k = conf_keys; k->section != NULL; k++) {
		void *field = (char *)c + k->offset;

		if (k->kind == CONF_TEXT || k->kind == CONF_DIR || k->kind == CONF_URL)
			free(*(char **)field);
		if (k->kind == CONF_WORDS)
			conf_list_clear(field);
	}
	memset(c, 0, sizeof *c);
}

/* As fgets(3), from memory; inih calls it with the room of its line buffer. */
static char *
next_line(char *out, int room, void *arg)
{
	struct reading *r = arg;
	size_t n = strcspn(r->at, "\n");

	if (*r->at == '\0' || r->too_long)
		return NULL;
	r->line++;
	if (n > (size_t)room - 2) {
		r->too_long = true;
		r->bad_line = r->line;
		(void)err_set(r->e, ERR_USAGE, "longer than %d bytes; go on in the next "
		    "line, indented", room - 2);
		return NULL;
	}
	if (r->at[n] == '\n')
		n++;
	memcpy(out, r->at, n);
	out[n] = '\0';
	r->indented = n > 0 && isblank((unsigned char)out[0]);
	r->at += n;
	return out;
}

/* inih cuts comments off first lines alone. */
static size_t
before_comment(const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 1; i < n; i++)
		if (text[i] == ';' && isspace((unsigned char)text[i - 1]))
			n = i;
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	return n;
}

static int
value_add(struct reading *r, const struct conf_key *k, const char *text)
{
	if (r->indented && k == r->last) {
		if (k->kind != CONF_TEXT && k->kind != CONF_WORDS)
			return err_set(r->e, ERR_USAGE, "an indented line goes on with "
			    "%s.%s, which is one word", k->section, k->name);
		return buf_add_byte(&r->value, ' ', r->e) == -1 ||
		    buf_add(&r->value, text, before_comment(text), r->e) == -1 ? -1 : 0;
	}
	if (r->seen[k - conf_keys] != 0)
		return err_set(r->e, ERR_USAGE, "%s.%s stands on line %d already",
		    k->section, k->name, r->seen[k - conf_keys]);
	r->seen[k - conf_keys] = r->line;
	r->last = k;
	buf_reset(&r->value);
	return buf_add_text(&r->value, text, r->e);
}

static int
on_value(struct reading *r, const char *section, const char *name, const char *text)
{
	const struct conf_key *k;

	if (section[0] == '\0')
		return err_set(r->e, ERR_USAGE, "%s stands before any [section]", name);
	if (conf_section_reserved(section)) {
		log_warn("%s: line %d: [%s] has no effect in this version",
		    r->conf->path, r->line, section);
		return 0;
	}
	if ((k = conf_key_find(section, name)) == NULL)
		return conf_key_unknown(section, name, r->e);
	if (value_add(r, k, text) == -1)
		return -1;
	return conf_value_set(r->conf, k, buf_text(&r->value), r->e);
}

static int
handler(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *r = arg;

	if (r->bad_line != 0)
		return 0;
	if (on_value(r, section, name, value) == 0)
		return 1;
	r->bad_line = r->line;
	return 0;
}

static int
check_text(const char *text, struct err *e)
{
	int line = 1;

	for (const char *p = text; *p != '\0'; p++) {
		line += *p == '\n';
		if (iscntrl((unsigned char)*p) && !isspace((unsigned char)*p))
			return err_set(e, ERR_USAGE, "line %d: a control character",
			    line);
	}
	if (!text_is_plain(text, strlen(text)))
		return err_set(e, ERR_USAGE, "not plain UTF-8 text");
	return 0;
}

static int
parse_lines(struct reading *r, struct err *e)
{
	int line = ini_parse_stream(next_line, r, handler, r);

	if (line < 0)
		return err_set(e, ERR_NOMEM, "out of memory");
	/* The first fault is reported; inih counts lines as we do. */
	if (r->bad_line != 0 && (line == 0 || line >= r->bad_line))
		return err_wrap(e, "line %d", r->bad_line);
	if (line != 0)
		return err_set(e, ERR_USAGE, "line %d: expects [section] or key = value",
		    line);
	return 0;
}

int
conf_parse(const char *path, const char *text, struct conf *c, struct err *e)
{
	struct reading r = { .conf = c, .at = text, .e = e };
	int rc;

	set_defaults(c);
	buf_init(&r.value, 2 * CONF_VALUE_MAX);
	if ((c->path = strdup(path)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = check_text(text, e);
	if (rc == 0)
		rc = parse_lines(&r, e);
	if (rc == -1 && e->code == ERR_FORMAT)	/* a value without end */
		e->code = ERR_USAGE;
	if (rc == -1) {
		(void)err_wrap(e, "%s", path);
		conf_clear(c);
	}
	buf_free(&r.value);
	return rc;
}

int
conf_read(const char *path, struct conf *c, struct err *e)
{
	struct buf text = BUF_INIT(CONF_FILE_MAX);
	int rc = -1;

	memset(c, 0, sizeof *c);
	if (fs_read_path(path, &text, e) == -1) {
		if (e->code == ERR_FORMAT || e->code == ERR_ABSENT)
			e->code = ERR_USAGE;
	} else if (memchr(buf_text(&text), '\0', text.len) != NULL) {
		(void)err_set(e, ERR_USAGE, "%s: not a text file", path);
	} else if (guard_path(path, "configuration", e) == 0) {
		rc = conf_parse(path, buf_text(&text), c, e);
	}
	buf_free(&text);
	return rc;
}

int
conf_set(struct conf *c, const char *section, const char *key, const char *value,
    struct err *e)
{
	const struct conf_key *k = conf_key_find(section, key);

	if (k == NULL)
		return conf_section_reserved(section) ? 0 :
		    conf_key_unknown(section, key, e);
	return conf_value_set(c, k, value, e);
}

const char *
hook_name(enum hook hook)
{
	static const char *const names[HOOK_COUNT] = { "preflight", "deps", "stop",
		"backup", "migrate", "start", "health", "commit", "rollback", "restore",
		"notify" };

	return names[hook];
}
