#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"

#include "hosting/findings.h"

void
findings_add(struct findings *f, enum verdict verdict, const char *name, const char *fmt,
    ...)
{
	char what[sizeof f->list[0].what];
	struct finding *one;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (verdict > f->worst)
		f->worst = verdict;
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].verdict == verdict && strcmp(f->list[i].what, what) == 0) {
			f->list[i].count++;
			return;
		}
	if (f->n == FINDINGS_MAX)
		return;
	one = &f->list[f->n++];
	one->verdict = verdict;
	one->count = 1;
	(void)text_printable(one->what, sizeof one->what, what, strlen(what), false);
	(void)text_printable(one->first, sizeof one->first, name, strlen(name), false);
}

const char *
verdict_word(enum verdict v)
{
	static const char *const words[] = { "good", "warning", "host", "missing",
		"bytes" };

	return words[v];
}

struct jv *
findings_json(const struct findings *f)
{
	struct jv *list = jv_new_list();

	for (size_t i = 0; i < f->n; i++) {
		const struct finding *one = &f->list[i];
		struct jv *o = jv_new_object();

		if (jv_set(o, "verdict", jv_new_text(verdict_word(one->verdict))) == -1 ||
		    jv_set(o, "what", jv_new_text(one->what)) == -1 ||
		    jv_set(o, "first", jv_new_text(one->first)) == -1 ||
		    jv_set(o, "count", jv_new_int((int64_t)one->count)) == -1) {
			jv_free(o);
			jv_free(list);
			return NULL;
		}
		if (jv_push(list, o) == -1) {
			jv_free(list);
			return NULL;
		}
	}
	return list;
}

void
findings_print(const struct findings *f)
{
	for (int v = VERDICT_BYTES; v > VERDICT_GOOD; v--)
		for (size_t i = 0; i < f->n; i++) {
			const struct finding *one = &f->list[i];

			if ((int)one->verdict != v)
				continue;
			(void)printf("%-8s %s: %s", verdict_word(one->verdict), one->first,
			    one->what);
			if (one->count > 1)
				(void)printf(" (and %" PRIu64 " more)", one->count - 1);
			(void)printf("\n");
		}
}

int
findings_status(const struct findings *f)
{
	static const int status[] = { 0, 0, 1, 3, 4 };

	return status[f->worst];
}
