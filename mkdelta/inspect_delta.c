#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/patch/delta.h"
#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"
#include "manifest/base/log.h"
#include "manifest/jv.h"

#include "mkdelta/encode/built.h"
#include "mkdelta/encode/delta_plan.h"
#include "mkdelta/encode/spill.h"
#include "mkdelta/commands.h"
#include "mkdelta/subject.h"

#include "mkdelta/inspect.h"
#include "mkdelta/inspect_rules.h"

enum { NAME_MAX_SHOWN = 4200 };

/* One output. */
struct cost {
	size_t entry;		/* of the new listing */
	const char *method;
	uint64_t source;	/* entry of the old one, or output */
	double packed;		/* its share of the streams */
};

struct view {
	struct delta *delta;
	uint64_t file_bytes;
	char old_id[2 * DELTA_ID_SHOWN + 1], new_id[2 * DELTA_ID_SHOWN + 1];
	struct delta_stream_info streams[DELTA_STREAMS_MAX];
	size_t n_streams;
	double read;		/* share of all streams that was read so far */
	/* With the old side: */
	struct subject old;
	struct listing *new;
	struct cost *costs;
	size_t n;
	int old_fd;
	struct built built;
	bool repeated;		/* the output at hand */
	struct rules_view rules;
};

/* ---- what each output reads ---- */

static int
open_old(void *arg, uint64_t index, int *fd, uint64_t *bytes, struct err *e)
{
	struct view *v = arg;
	const struct entry *x;

	if (index >= v->old.listing->n)
		return built_open(&v->built, index - v->old.listing->n, fd, bytes, e);
	if (v->old.listing->entries[index].type != ENTRY_FILE)
		return err_set(e, ERR_FORMAT, "source %" PRIu64 " is no file", index);
	x = &v->old.listing->entries[index];
	if (v->old_fd != -1)
		(void)close(v->old_fd);
	v->old_fd = delta_plan_open(v->old.dir, v->old.name, x, e);
	*fd = v->old_fd;
	*bytes = x->size;
	return v->old_fd == -1 ? -1 : 0;
}

static int
take_bytes(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct view *v = arg;

	return built_add(&v->built, data, n, e);
}

static int
take_repeat(void *arg, uint64_t output, struct err *e)
{
	struct view *v = arg;

	v->repeated = true;
	return built_repeat(&v->built, output, e);
}

static void
watch(void *arg, const struct predict *p, uint64_t old_at, const uint8_t *bytes, size_t n,
    bool done)
{
	struct view *v = arg;

	rules_watch(&v->rules, p, old_at, bytes, n, done);
}

/* Packed bytes that were read since the last call. */
static double
packed_since(struct view *v)
{
	struct delta_stream_info now[DELTA_STREAMS_MAX];
	size_t n = delta_streams(v->delta, now, DELTA_STREAMS_MAX);
	double read = 0, before = v->read;

	for (size_t i = 0; i < n; i++)
		if (now[i].plain_bytes > 0)
			read += (double)now[i].packed_bytes * (double)now[i].used_bytes /
			    (double)now[i].plain_bytes;
	v->read = read;
	return read - before;
}

static int
read_outputs(struct view *v, const size_t *outputs, struct err *e)
{
	struct delta_io io = { v, open_old, take_bytes, take_repeat,
		spill_scratch, watch };

	(void)packed_since(v);
	for (size_t i = 0; i < v->n; i++) {
		struct cost *c = &v->costs[i];

		c->entry = outputs[i];
		v->repeated = false;
		if (delta_build(v->delta, v->new->entries[outputs[i]].size, &io,
		    e) == -1 ||
		    (!v->repeated && built_end(&v->built, e) == -1))
			return err_wrap(e, "%s", v->new->entries[outputs[i]].path);
		c->method = delta_last_method(v->delta, &c->source);
		if (strcmp(c->method, "repeat") == 0 && c->source < i)
			c->source = outputs[c->source];
		c->packed = packed_since(v);
	}
	return delta_end(v->delta, e);
}

static int
read_all(struct view *v, struct err *e)
{
	struct buf old_text = BUF_INIT(LISTING_TEXT_MAX),
	    text = BUF_INIT(LISTING_TEXT_MAX);
	size_t *outputs = NULL;
	int rc = -1;

	if (listing_emit(v->old.listing, &old_text, e) == -1 ||
	    delta_listing(v->delta, old_text.data, old_text.len, &text, e) == -1 ||
	    (v->new = listing_parse(text.data, text.len, true, e)) == NULL)
		goto out;
	outputs = calloc(v->new->n + 1, sizeof *outputs);
	v->costs = calloc(v->new->n + 1, sizeof *v->costs);
	if (outputs == NULL || v->costs == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	v->n = listing_outputs(v->new, outputs);
	rc = read_outputs(v, outputs, e);
out:
	free(outputs);
	buf_free(&old_text);
	buf_free(&text);
	return rc;
}

/* ---- showing it ---- */

/* "" for an output without a source. */
static const char *
source_path(const struct view *v, const struct cost *c)
{
	if (strcmp(c->method, "raw") == 0)
		return "";
	if (strcmp(c->method, "repeat") == 0)
		return v->new->entries[c->source].path;
	if (c->source >= v->old.listing->n)
		return v->new->entries[
		    v->costs[c->source - v->old.listing->n].entry].path;
	return v->old.listing->entries[c->source].path;
}

static const char *
shown(char out[NAME_MAX_SHOWN], const char *path)
{
	return text_printable(out, NAME_MAX_SHOWN, path, strlen(path), false);
}

static void
print_costs(const struct view *v)
{
	char bytes[BYTES_TEXT_MAX], name[NAME_MAX_SHOWN], source[NAME_MAX_SHOWN];

	(void)printf("\n%12s %12s %-7s %s\n", "packed", "content", "method", "file");
	for (size_t i = 0; i < v->n; i++) {
		const struct cost *c = &v->costs[i];
		const struct entry *x = &v->new->entries[c->entry];
		const char *from = source_path(v, c);

		(void)printf("%12.0f %12s %-7s %s", c->packed, bytes_text(bytes, x->size),
		    c->method, shown(name, x->path));
		if (*from != '\0' && strcmp(from, x->path) != 0)
			(void)printf(" (%s)", shown(source, from));
		(void)printf("\n");
	}
}

/* Without a stream of their own, changes stand among the runs. */
static const char *
stream_name(const struct view *v, size_t i)
{
	bool last = i + 1 == v->n_streams;

	if (strcmp(v->streams[i].name, "runs") != 0 ||
	    (!last && strcmp(v->streams[i + 1].name, "changes") == 0))
		return v->streams[i].name;
	return "runs+changes";
}

static void
print_text(const struct view *v)
{
	const struct delta *d = v->delta;
	char packed[BYTES_TEXT_MAX], plain[BYTES_TEXT_MAX];
	uint64_t streams = 0;

	(void)printf("delta format 1, %s (%" PRIu64 " bytes)\n",
	    bytes_text(packed, v->file_bytes), v->file_bytes);
	(void)printf("from listing %s...  to listing %s...\n", v->old_id, v->new_id);
	(void)printf("decoder memory %s", bytes_text(packed, delta_memory(d)));
	(void)printf(", scratch %s", bytes_text(packed, delta_scratch(d)));
	(void)printf(", listing %s\n\n", bytes_text(packed, delta_listing_bytes(d)));
	(void)printf("%-12s %-7s %12s %12s\n", "stream", "codec", "packed", "plain");
	for (size_t i = 0; i < v->n_streams; i++) {
		const struct delta_stream_info *s = &v->streams[i];

		(void)printf("%-12s %-7s %12s %12s\n", stream_name(v, i), s->codec,
		    bytes_text(packed, s->packed_bytes),
		    bytes_text(plain, s->plain_bytes));
		streams += s->packed_bytes;
	}
	(void)printf("%-12s %-7s %12s\n", "header", "",
	    bytes_text(packed, v->file_bytes - streams));
	if (v->new != NULL) {
		rules_print(&v->rules);
		print_costs(v);
	}
}

static struct jv *
streams_json(const struct view *v)
{
	struct jv *list = jv_new_list();

	for (size_t i = 0; list != NULL && i < v->n_streams; i++) {
		const struct delta_stream_info *s = &v->streams[i];
		struct jv *one = jv_new_object();

		if (one == NULL || jv_set(one, "name",
		    jv_new_text(stream_name(v, i))) == -1 ||
		    jv_set(one, "codec", jv_new_text(s->codec)) == -1 ||
		    jv_set(one, "packed-bytes",
		    jv_new_int((int64_t)s->packed_bytes)) == -1 ||
		    jv_set(one, "plain-bytes",
		    jv_new_int((int64_t)s->plain_bytes)) == -1) {
			jv_free(one);
			jv_free(list);
			return NULL;
		}
		if (jv_push(list, one) == -1) {
			jv_free(list);
			return NULL;
		}
	}
	return list;
}

static struct jv *
cost_json(const struct view *v, const struct cost *c)
{
	const struct entry *x = &v->new->entries[c->entry];
	char name[NAME_MAX_SHOWN];
	struct jv *one = jv_new_object();

	if (one == NULL || jv_set(one, "path", jv_new_text(shown(name, x->path))) == -1 ||
	    jv_set(one, "method", jv_new_text(c->method)) == -1 ||
	    jv_set(one, "bytes", jv_new_int((int64_t)x->size)) == -1 ||
	    jv_set(one, "packed-bytes", jv_new_int((int64_t)(c->packed + 0.5))) == -1 ||
	    (*source_path(v, c) != '\0' &&
	    jv_set(one, "source", jv_new_text(shown(name, source_path(v, c)))) == -1)) {
		jv_free(one);
		return NULL;
	}
	return one;
}

static struct jv *
costs_json(const struct view *v)
{
	struct jv *list = jv_new_list();

	for (size_t i = 0; list != NULL && i < v->n; i++)
		if (jv_push(list, cost_json(v, &v->costs[i])) == -1) {
			jv_free(list);
			return NULL;
		}
	return list;
}

static int
print_json(const struct view *v, struct err *e)
{
	const struct delta *d = v->delta;
	struct jv *top = jv_new_object();

	if (top == NULL || jv_set(top, "kind", jv_new_text("delta")) == -1 ||
	    jv_set(top, "format", jv_new_int(1)) == -1 ||
	    jv_set(top, "bytes", jv_new_int((int64_t)v->file_bytes)) == -1 ||
	    jv_set(top, "from", jv_new_text(v->old_id)) == -1 ||
	    jv_set(top, "to", jv_new_text(v->new_id)) == -1 ||
	    jv_set(top, "memory-bytes", jv_new_int((int64_t)delta_memory(d))) == -1 ||
	    jv_set(top, "scratch-bytes", jv_new_int((int64_t)delta_scratch(d))) == -1 ||
	    jv_set(top, "listing-bytes",
	    jv_new_int((int64_t)delta_listing_bytes(d))) == -1 ||
	    jv_set(top, "streams", streams_json(v)) == -1 ||
	    (v->new != NULL && (jv_set(top, "rules", rules_json(&v->rules)) == -1 ||
	    jv_set(top, "files", costs_json(v)) == -1))) {
		jv_free(top);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return command_print(top, e);
}

int
inspect_delta(int fd, uint64_t bytes, const char *old_path, bool json, struct err *e)
{
	struct view v = { .file_bytes = bytes, .old = { .dir = -1 }, .old_fd = -1 };
	int rc = -1;

	built_init(&v.built);
	if ((v.delta = delta_open(fd, UINT64_MAX, e)) == NULL)
		return -1;
	hex_encode(v.old_id, delta_old_id(v.delta), DELTA_ID_SHOWN);
	hex_encode(v.new_id, delta_new_id(v.delta), DELTA_ID_SHOWN);
	v.n_streams = delta_streams(v.delta, v.streams, DELTA_STREAMS_MAX);
	if (old_path == NULL ||
	    (subject_open(old_path, true, 0, &v.old, e) == 0 && read_all(&v, e) == 0)) {
		rc = 0;
		if (json)
			rc = print_json(&v, e);
		else
			print_text(&v);
	}
	delta_close(v.delta);
	subject_close(&v.old);
	listing_free(v.new);
	built_free(&v.built);
	free(v.costs);
	if (v.old_fd != -1)
		(void)close(v.old_fd);
	return rc;
}
