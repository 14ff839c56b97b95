#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/state_json.h"

#include "apply/differences.h"

void
differences_print(const struct verify_report *report)
{
	char path[512];

	for (size_t i = 0; i < report->n; i++) {
		const struct verify_difference *x = &report->items[i];

		printf("%-10s  %s: %s\n", verify_word(x->what), text_printable(path,
		    sizeof path, x->path, strlen(x->path), false), x->text);
	}
	if (report->total > report->n)
		printf("and %" PRIu64 " more\n", report->total - report->n);
}

void
differences_put(const struct verify_report *report, struct jv **object)
{
	struct jv *list = jv_new_list();
	char path[4096];

	for (size_t i = 0; i < report->n; i++) {
		const struct verify_difference *x = &report->items[i];
		struct jv *o = jv_new_object();

		json_put_text(&o, "what", verify_word(x->what));
		json_put_text(&o, "path", text_printable(path, sizeof path, x->path,
		    strlen(x->path), false));
		json_put_text(&o, "text", x->text);
		json_push(&list, o);
	}
	json_put_u64(object, "differences", report->total);
	json_put(object, "list", list);
}
