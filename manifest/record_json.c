/*
 * record_json.c - records and edges as `custom` members, both ways.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/utc.h"
#include "manifest/record.h"

#include "manifest/record_json.h"

static const char *const data_words[] = { "none", "reversible", "forward-only" };

/* Members that this version understands; others may not be critical. */
static const char *const known[] = { "kind", "release", "version", "listing", "files",
	"content-bytes", "created", "commit", "requires", "data", "attempt", "needs",
	"critical", "unpacked-bytes", "memory-bytes", "frames", "from", "to",
	"output-bytes", "scratch-bytes", "platform" };

static bool
is_known(const char *name)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

/* No name in `critical` may be unknown. */
static bool
critical_met(const struct jv *custom)
{
	const struct jv *list = jv_get(custom, "critical");

	if (list == NULL)
		return true;
	if (jv_kind(list) != JV_LIST)
		return false;
	for (size_t i = 0; i < jv_count(list); i++) {
		const char *name = jv_text(jv_at(list, i));

		if (name == NULL || !is_known(name))
			return false;
	}
	return true;
}

/* A list of texts, copied; NULL stays NULL. */
static int
take_list(const struct jv *from, struct jv **to, struct err *e)
{
	*to = NULL;
	if (from == NULL)
		return 0;
	if (jv_kind(from) != JV_LIST || jv_count(from) > 256)
		return err_set(e, ERR_FORMAT, "no list of names");
	for (size_t i = 0; i < jv_count(from); i++)
		if (jv_text(jv_at(from, i)) == NULL)
			return err_set(e, ERR_FORMAT, "no list of names");
	if ((*to = jv_copy(from)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static int
take_text(const struct jv *object, const char *key, char *out, size_t max, struct err *e)
{
	const struct jv *value = jv_get(object, key);
	const char *text;

	out[0] = '\0';
	if (value == NULL)
		return 0;
	if ((text = jv_text(value)) == NULL || strlen(text) >= max)
		return err_set(e, ERR_FORMAT, "%s: no text of at most %zu bytes", key,
		    max - 1);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int
take_u64(const struct jv *object, const char *key, uint64_t *out, struct err *e)
{
	*out = 0;
	return jv_get(object, key) == NULL ? 0 : jv_get_u64(object, key, out, e);
}

static int
take_hash(const struct jv *object, const char *key, struct sha256 *out, struct err *e)
{
	const char *hex = jv_get_text(object, key, e);

	if (hex == NULL)
		return -1;
	if (sha256_parse(out, hex) == -1)
		return err_set(e, ERR_FORMAT, "%s: no SHA-256", key);
	return 0;
}

static int
take_listing(const struct jv *custom, struct record *r, struct err *e)
{
	const struct jv *listing = jv_get_kind(custom, "listing", JV_OBJECT, e);

	if (listing == NULL || take_hash(listing, "sha256", &r->listing, e) == -1)
		return -1;
	return jv_get_u64(listing, "bytes", &r->listing_bytes, e);
}

static int
take_requires(const struct jv *custom, struct record *r, struct err *e)
{
	const struct jv *requires = jv_get(custom, "requires");

	if (requires == NULL)
		return 0;
	if (jv_kind(requires) != JV_OBJECT)
		return err_set(e, ERR_FORMAT, "requires: no object");
	if (take_u64(requires, "release", &r->requires_release, e) == -1 ||
	    take_u64(requires, "schema", &r->requires_schema, e) == -1 ||
	    take_text(requires, "applier", r->requires_applier,
		sizeof r->requires_applier, e) == -1)
		return -1;
	return take_list(jv_get(requires, "hardware"), &r->requires_hardware, e);
}

static int
take_data(const struct jv *custom, struct record *r, struct err *e)
{
	const struct jv *data = jv_get(custom, "data");
	const char *word;

	if (data == NULL)
		return 0;
	if (jv_kind(data) != JV_OBJECT || (word = jv_get_text(data, "class", e)) == NULL)
		return err_set(e, ERR_FORMAT, "data: no object with a class");
	for (size_t i = 0; i < 3; i++)
		if (strcmp(word, data_words[i]) == 0) {
			r->data = (enum data_class)i;
			return take_u64(data, "schema", &r->data_schema, e) == -1 ||
			    take_u64(data, "reads", &r->data_reads, e) == -1 ? -1 : 0;
		}
	return err_set(e, ERR_FORMAT, "data: unknown class %.32s", word);
}

int
record_from_json(const struct jv *custom, struct record *r, struct err *e)
{
	const char *created, *version;
	struct err ignored;

	memset(r, 0, sizeof *r);
	r->usable = critical_met(custom);
	if (jv_get_u64(custom, "release", &r->release, e) == -1 ||
	    take_listing(custom, r, e) == -1 ||
	    (version = jv_get_text(custom, "version", e)) == NULL ||
	    (created = jv_get_text(custom, "created", e)) == NULL)
		return -1;
	if (name_check_version(version, e) == -1)
		return err_set(e, ERR_FORMAT, "version: not a version");
	(void)snprintf(r->version, sizeof r->version, "%s", version);
	if (utc_parse(created, &r->created) == -1)
		return err_set(e, ERR_FORMAT, "created: no time");
	if (take_u64(custom, "files", &r->files, e) == -1 ||
	    take_u64(custom, "content-bytes", &r->content_bytes, e) == -1 ||
	    take_u64(custom, "attempt", &r->attempt, e) == -1 ||
	    take_text(custom, "commit", r->commit, sizeof r->commit, e) == -1 ||
	    take_requires(custom, r, e) == -1 || take_data(custom, r, e) == -1 ||
	    take_list(jv_get(custom, "needs"), &r->needs, e) == -1) {
		record_clear(r);
		return -1;
	}
	if (take_text(custom, "platform", r->platform, sizeof r->platform, &ignored) ==
	    -1)
		r->platform[0] = '\0';
	return 0;
}

static int
full_from_json(const struct jv *custom, struct edge *x, struct err *e)
{
	const struct jv *frames = jv_get(custom, "frames");

	x->is_full = true;
	if (take_hash(custom, "to", &x->to, e) == -1 ||
	    jv_get_u64(custom, "unpacked-bytes", &x->output_bytes, e) == -1)
		return -1;
	if (frames == NULL)
		return 0;
	if (jv_kind(frames) != JV_OBJECT)
		return err_set(e, ERR_FORMAT, "frames: no place of an index");
	if ((x->frames = jv_copy(frames)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static int
delta_from_json(const struct jv *custom, struct edge *x, struct err *e)
{
	if (take_hash(custom, "from", &x->from, e) == -1 ||
	    take_hash(custom, "to", &x->to, e) == -1)
		return -1;
	return jv_get_u64(custom, "output-bytes", &x->output_bytes, e);
}

int
edge_from_json(const struct jv *custom, bool is_full, struct edge *x, struct err *e)
{
	memset(x, 0, sizeof *x);
	x->usable = critical_met(custom);
	if ((is_full ? full_from_json : delta_from_json)(custom, x, e) == -1 ||
	    take_u64(custom, "memory-bytes", &x->memory_bytes, e) == -1 ||
	    take_u64(custom, "scratch-bytes", &x->scratch_bytes, e) == -1 ||
	    take_list(jv_get(custom, "needs"), &x->needs, e) == -1) {
		edge_clear(x);
		return -1;
	}
	return 0;
}

/* ---- writing ---- */

static int
put_text(struct jv *to, const char *key, const char *text)
{
	return text[0] == '\0' ? 0 : jv_set(to, key, jv_new_text(text));
}

static int
put_u64(struct jv *to, const char *key, uint64_t v)
{
	return v > INT64_MAX ? -1 : jv_set(to, key, jv_new_int((int64_t)v));
}

static int
put_nonzero(struct jv *to, const char *key, uint64_t v)
{
	return v == 0 ? 0 : put_u64(to, key, v);
}

static int
put_hash(struct jv *to, const char *key, const struct sha256 *id)
{
	char hex[SHA256_HEX_MAX];

	return jv_set(to, key, jv_new_text(sha256_hex(id, hex)));
}

static int
put_copy(struct jv *to, const char *key, const struct jv *value)
{
	return value == NULL ? 0 : jv_set(to, key, jv_copy(value));
}

/* An object that is left out when it stayed empty; takes it. */
static int
put_object(struct jv *to, const char *key, struct jv *object)
{
	if (object == NULL)
		return -1;
	if (jv_count(object) > 0)
		return jv_set(to, key, object);
	jv_free(object);
	return 0;
}

static struct jv *
requires_json(const struct record *r)
{
	struct jv *to = jv_new_object();

	if (to != NULL && (put_nonzero(to, "release", r->requires_release) == -1 ||
	    put_nonzero(to, "schema", r->requires_schema) == -1 ||
	    put_text(to, "applier", r->requires_applier) == -1 ||
	    put_copy(to, "hardware", r->requires_hardware) == -1)) {
		jv_free(to);
		return NULL;
	}
	return to;
}

static struct jv *
data_json(const struct record *r)
{
	struct jv *to = jv_new_object();

	if (to == NULL || (r->data == DATA_NONE && r->data_schema == 0))
		return to;
	if (put_text(to, "class", data_words[r->data]) == -1 ||
	    put_nonzero(to, "schema", r->data_schema) == -1 ||
	    put_nonzero(to, "reads", r->data_reads) == -1) {
		jv_free(to);
		return NULL;
	}
	return to;
}

static struct jv *
listing_json(const struct record *r)
{
	struct jv *to = jv_new_object();

	if (to != NULL && (put_hash(to, "sha256", &r->listing) == -1 ||
	    put_u64(to, "bytes", r->listing_bytes) == -1)) {
		jv_free(to);
		return NULL;
	}
	return to;
}

struct jv *
record_to_json(const struct record *r, struct err *e)
{
	char created[UTC_TEXT_MAX];
	struct jv *to = jv_new_object();

	if (to == NULL || put_text(to, "kind", "tree") == -1 ||
	    put_u64(to, "release", r->release) == -1 ||
	    put_text(to, "platform", r->platform) == -1 ||
	    put_text(to, "version", r->version) == -1 ||
	    put_object(to, "listing", listing_json(r)) == -1 ||
	    put_u64(to, "files", r->files) == -1 ||
	    put_u64(to, "content-bytes", r->content_bytes) == -1 ||
	    put_text(to, "created", utc_text(created, r->created)) == -1 ||
	    put_text(to, "commit", r->commit) == -1 ||
	    put_object(to, "requires", requires_json(r)) == -1 ||
	    put_object(to, "data", data_json(r)) == -1 ||
	    put_nonzero(to, "attempt", r->attempt) == -1 ||
	    put_copy(to, "needs", r->needs) == -1) {
		jv_free(to);
		(void)err_set(e, ERR_NOMEM, "cannot build a record");
		return NULL;
	}
	return to;
}

static int
put_full(struct jv *to, const struct edge *x)
{
	if (put_text(to, "kind", "full") == -1 || put_hash(to, "to", &x->to) == -1 ||
	    put_u64(to, "unpacked-bytes", x->output_bytes) == -1)
		return -1;
	return put_copy(to, "frames", x->frames);
}

static int
put_delta(struct jv *to, const struct edge *x)
{
	if (put_text(to, "kind", "delta") == -1 || put_hash(to, "from", &x->from) == -1 ||
	    put_hash(to, "to", &x->to) == -1)
		return -1;
	return put_u64(to, "output-bytes", x->output_bytes);
}

struct jv *
edge_to_json(const struct edge *x, struct err *e)
{
	struct jv *to = jv_new_object();

	if (to == NULL || (x->is_full ? put_full : put_delta)(to, x) == -1 ||
	    put_u64(to, "memory-bytes", x->memory_bytes) == -1 ||
	    put_nonzero(to, "scratch-bytes", x->scratch_bytes) == -1 ||
	    put_copy(to, "needs", x->needs) == -1) {
		jv_free(to);
		(void)err_set(e, ERR_NOMEM, "cannot build an edge");
		return NULL;
	}
	return to;
}
