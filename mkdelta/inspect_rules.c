#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "mkdelta/inspect_rules.h"

static void
count(struct rule_tally *t, const uint8_t *old, const uint8_t *guess, const uint8_t *new,
    size_t n)
{
	t->found++;
	if (memcmp(old, new, n) != 0) {
		t->moved++;
		t->right += memcmp(guess, new, n) == 0;
	}
	for (size_t i = 0; i < n; i++) {
		t->saved += (old[i] != new[i]) - (guess[i] != new[i]);
		t->left += guess[i] != new[i];
	}
}

void
rules_watch(struct rules_view *v, const struct predict *p, uint64_t old_at,
    const uint8_t *bytes, size_t n, bool done)
{
	struct err ignored;

	if (!done) {
		v->n = 0;
		if (n > sizeof v->guess || old_read(p->old, v->old, n, old_at,
		    &ignored) == -1)
			return;
		memcpy(v->guess, bytes, n);
		v->n = n;
		return;
	}
	for (size_t i = 0; i < p->refs.n && n == v->n; i++) {
		const struct ref *r = &p->refs.list[i];
		uint64_t at = p->first + r->at - old_at;
		size_t size = ref_bytes((enum ref_kind)r->kind);

		/* One that a step cuts is counted by neither. */
		if (at < n && size <= n - at)
			count(&v->rules[r->rule], v->old + at, v->guess + at,
			    bytes + at, size);
	}
}

void
rules_print(const struct rules_view *v)
{
	char saved[BYTES_TEXT_MAX], left[BYTES_TEXT_MAX];
	bool any = false;

	for (unsigned id = 0; id < RULE_IDS; id++) {
		const struct rule_tally *t = &v->rules[id];

		if (t->found == 0)
			continue;
		if (!any)
			(void)printf("\n%-14s %12s %12s %8s %12s %12s\n", "rule",
			    "references", "moved", "right", "saved", "left");
		any = true;
		(void)printf("%-14s %12" PRIu64 " %12" PRIu64 " %6.1f %% %12s %12s\n",
		    rule_name(id), t->found, t->moved,
		    t->moved == 0 ? 100. : 100. * (double)t->right / (double)t->moved,
		    bytes_text(saved, t->saved < 0 ? 0 : (uint64_t)t->saved),
		    bytes_text(left, t->left));
	}
}

static struct jv *
one_json(const char *name, const struct rule_tally *t)
{
	struct jv *one = jv_new_object();

	if (one == NULL || jv_set(one, "name", jv_new_text(name)) == -1 ||
	    jv_set(one, "references", jv_new_int((int64_t)t->found)) == -1 ||
	    jv_set(one, "moved", jv_new_int((int64_t)t->moved)) == -1 ||
	    jv_set(one, "right", jv_new_int((int64_t)t->right)) == -1 ||
	    jv_set(one, "saved-bytes", jv_new_int(t->saved)) == -1 ||
	    jv_set(one, "left-bytes", jv_new_int((int64_t)t->left)) == -1) {
		jv_free(one);
		return NULL;
	}
	return one;
}

struct jv *
rules_json(const struct rules_view *v)
{
	struct jv *list = jv_new_list();

	for (unsigned id = 0; list != NULL && id < RULE_IDS; id++)
		if (v->rules[id].found > 0 &&
		    jv_push(list, one_json(rule_name(id), &v->rules[id])) == -1) {
			jv_free(list);
			return NULL;
		}
	return list;
}
