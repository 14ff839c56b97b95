/*
 * Changes in the structure of a JSON text: one of its values, in order of appearance, is
 * written differently. Ids of keys follow the keys, which bytes alone never would.
 */
#include <stdlib.h>
#include <string.h>

#include "manifest/jv.h"
#include "manifest/key.h"

#include "tests/fuzz/kit/tuf_case.h"

/* libFuzzer's; not there when seeds are replayed. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);

enum { TEXT_ROOM = 1 << 14, IDS_MAX = 16 };

enum op { OP_REPLACE, OP_DROP, OP_TWICE, OP_RENAME, OP_BYTES, OP_TAKE, OPS };

struct work {
	uint64_t x;		/* of the random numbers */
	enum op op;
	size_t at, seen;	/* which value */
	const struct jv *other;	/* OP_TAKE: what stands there instead */
	/* Keys that stand under another id than their own. */
	size_t n_ids;
	char from[IDS_MAX][SHA256_HEX_MAX], to[IDS_MAX][SHA256_HEX_MAX];
};

static uint32_t
draw(struct work *w, uint32_t below)
{
	w->x = w->x * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(w->x >> 33) % below;
}

static const char *
word(struct work *w)
{
	static const char *const words[] = { "", "root", "timestamp", "snapshot", "targets",
		"snapshot.json", "targets.json", "stable.json", "stable.any.json",
		"halt.json", "stable", "stable.any", "halt", "any", "*", "*/*", "*/any.*",
		"[a-z]/?", "[!0-9]*]", "1/any.tree.zst", "2/any.tree.zst",
		"2/any.from-1.delta", "2/any.tar.zst", "2/any.notes.md", "../x", "a/b\\c",
		"sha256", "sha512", "hashes", "length", "version", "keyids", "keys",
		"roles", "threshold", "paths", "path_hash_prefixes", "terminating", "name",
		"delegations", "custom", "meta", "sig", "00", "01", "keyid", "keytype",
		"keyval", "public", "scheme", "ed25519", "ecdsa", "ecdsa-sha2-nistp256",
		"rsa", "rsassa-pss-sha256", "_type", "spec_version", "1.0", "1.0.34", "2.0",
		"expires", "1970-01-01T00:00:00Z", "2027-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z", "2026-02-29T00:00:00Z", "consistent_snapshot",
		"x-product", "x-signed", "x-halt", "x-channel", "x-floor", "releases",
		"release", "listing", "all-until", "downgrade_to", "kind", "tree", "full",
		"delta", "from", "to", "critical", "needs", "delta-1", "requires", "data",
		"class", "schema", "reads", "reversible", "forward-only", "none", "attempt",
		"frames", "offset", "bytes", "files", "created", "commit", "platform",
		"hardware", "minimum", "applier", "output", "memory", "scratch" };

	return words[draw(w, sizeof words / sizeof words[0])];
}

static struct jv *
small_value(struct work *w)
{
	static const int64_t numbers[] = { 0, 1, -1, 2, 3, 4, 5, 6, 7, 255, 65536,
		INT32_MAX, INT32_MAX + 1LL, UINT32_MAX, INT64_MAX, INT64_MAX - 1,
		INT64_MIN };

	switch (draw(w, 8)) {
	case 0:
		return jv_new_null();
	case 1:
		return jv_new_bool(draw(w, 2));
	case 2:
		return jv_new_list();
	case 3:
		return jv_new_object();
	case 4:
	case 5:
		return jv_new_int(numbers[draw(w, sizeof numbers / sizeof numbers[0])]);
	default:
		return jv_new_text(word(w));
	}
}

/* The text or the number with other bytes. */
static struct jv *
other_bytes(struct work *w, const struct jv *v)
{
	char text[TEXT_ROOM];
	int64_t number;
	size_t n;
	struct jv *out;

	if (jv_int(v, &number) == 0)
		return jv_new_int((int64_t)((uint64_t)number + draw(w, 5) - 2));
	if (jv_text(v) == NULL || (n = strlen(jv_text(v))) > TEXT_ROOM / 2)
		return small_value(w);
	memcpy(text, jv_text(v), n);
	n = LLVMFuzzerMutate((uint8_t *)text, n, n + 8);
	text[n] = '\0';
	out = jv_new_text(text);
	return out != NULL ? out : small_value(w);	/* no UTF-8 */
}

static const char *
new_id(const struct work *w, const char *text)
{
	for (size_t i = 0; i < w->n_ids; i++)
		if (strcmp(w->from[i], text) == 0)
			return w->to[i];
	return text;
}

static struct jv *copy(struct work *, const struct jv *);

static struct jv *
plain_copy(struct work *w, const struct jv *v)
{
	struct jv *out;
	const struct jv *value;
	const char *key;
	void *it = NULL;

	if (jv_kind(v) == JV_TEXT)
		return jv_new_text(new_id(w, jv_text(v)));
	if (jv_kind(v) == JV_LIST) {
		out = jv_new_list();
		for (size_t i = 0; i < jv_count(v); i++) {
			bool here = ++w->seen == w->at;

			if (here && w->op == OP_DROP)
				continue;
			if (here && w->op == OP_TWICE)
				(void)jv_push(out, jv_copy(jv_at(v, i)));
			w->seen--;
			(void)jv_push(out, copy(w, jv_at(v, i)));
		}
		return out;
	}
	if (jv_kind(v) != JV_OBJECT)
		return jv_copy(v);
	out = jv_new_object();
	while (jv_each(v, &it, &key, &value)) {
		bool here = ++w->seen == w->at;

		if (here && w->op == OP_DROP)
			continue;
		if (here && w->op == OP_TWICE)
			(void)jv_set(out, word(w), jv_copy(value));
		w->seen--;
		(void)jv_set(out, here && w->op == OP_RENAME ? word(w) : new_id(w, key),
		    copy(w, value));
	}
	return out;
}

static struct jv *
copy(struct work *w, const struct jv *v)
{
	if (++w->seen != w->at)
		return plain_copy(w, v);
	if (w->op == OP_REPLACE)
		return small_value(w);
	if (w->op == OP_BYTES)
		return other_bytes(w, v);
	if (w->op == OP_TAKE)
		return jv_copy(w->other);
	return plain_copy(w, v);
}

/* How many values there are; the one with the number `at` goes to *found. */
static size_t
count(const struct jv *v, size_t seen, size_t at, const struct jv **found)
{
	const struct jv *value;
	const char *key;
	void *it = NULL;

	if (++seen == at)
		*found = v;
	for (size_t i = 0; jv_kind(v) == JV_LIST && i < jv_count(v); i++)
		seen = count(jv_at(v, i), seen, at, found);
	while (jv_kind(v) == JV_OBJECT && jv_each(v, &it, &key, &value))
		seen = count(value, seen, at, found);
	return seen;
}

static void
look_for_ids(struct work *w, const struct jv *keys)
{
	struct err e = ERR_INIT;
	const struct jv *key;
	const char *id;
	struct sha256 own;
	void *it = NULL;

	while (w->n_ids < IDS_MAX && jv_each(keys, &it, &id, &key)) {
		if (strlen(id) >= SHA256_HEX_MAX || key_id_of(key, &own, &e) == -1)
			continue;
		(void)strcpy(w->from[w->n_ids], id);
		(void)sha256_hex(&own, w->to[w->n_ids]);
		if (strcmp(id, w->to[w->n_ids]) != 0)
			w->n_ids++;
	}
}

static struct jv *
with_ids(struct work *w, struct jv *v)
{
	const struct jv *part = jv_get(v, "signed");
	struct jv *out;

	look_for_ids(w, jv_get(part, "keys"));
	look_for_ids(w, jv_get(jv_get(part, "delegations"), "keys"));
	if (w->n_ids == 0)
		return v;
	w->at = 0;
	w->seen = 1;
	out = copy(w, v);
	jv_free(v);
	return out;
}

size_t
json_mutate(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	struct work w = { .x = seed };
	struct buf text = BUF_INIT(max);
	struct err e = ERR_INIT;
	struct jv *v, *changed;
	size_t values, space;

	if (draw(&w, 2) == 0 || (v = jv_parse(data, n, &e)) == NULL)
		return LLVMFuzzerMutate(data, n, max);
	values = count(v, 0, 0, NULL);
	w.op = draw(&w, OPS);
	w.at = 2 + draw(&w, (uint32_t)values);
	(void)count(v, 0, 1 + draw(&w, (uint32_t)values), &w.other);
	changed = copy(&w, v);
	if (draw(&w, 8) != 0)
		changed = with_ids(&w, changed);
	space = data[0] == ' ' && max > 0;
	text.max = max - space;
	if (jv_print_sorted(changed, &text, &e) == 0 && text.len > 0) {
		n = text.len + space;	/* which says something to one target */
		memcpy(data + space, text.data, text.len);
	} else
		n = LLVMFuzzerMutate(data, n, max);
	buf_free(&text);
	jv_free(changed);
	jv_free(v);
	return n;
}
