#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"

#include "apply/commands.h"
#include "apply/memory.h"
#include "apply/state_json.h"

static uint32_t last = 20;	/* lines, without --json */

static const char *
plain(const struct jv *object, const char *key, char out[static 128])
{
	const char *text = json_text(object, key);

	return text_printable(out, 128, text, strlen(text), false);
}

static void
print_line(const struct jv *h)
{
	char when[128], result[128], version[128], reason[128], bytes[BYTES_TEXT_MAX];
	bool back = strcmp(json_text(h, "result"), "manual-rollback") == 0 ||
	    strcmp(json_text(h, "result"), "rolled-back") == 0;

	printf("%s  %-15s  %6" PRIu64 " -> %-6" PRIu64 "  %-16s  %10s  %4" PRIu64
	       " s  %s\n",
	    plain(h, "time", when), plain(h, "result", result),
	    json_u64(h, back ? "to" : "from"), json_u64(h, back ? "from" : "to"),
	    plain(h, "version", version), bytes_text(bytes, json_u64(h, "bytes")),
	    json_u64(h, "seconds"), plain(h, "reason", reason));
}

static int
history(const struct conf *c, struct err *e)
{
	struct device d;
	struct jv *list, *doc;
	size_t n, from;

	if (device_open(c, false, &d, e) == -1) {
		if (e->code != ERR_ABSENT)
			return -1;
		err_clear(e);
		list = jv_new_list();
	} else {
		list = history_list(&d, e);
		device_close(&d);
	}
	if (list == NULL)
		return -1;
	if (common.json) {
		doc = jv_new_object();
		json_put_text(&doc, "name", c->name);
		json_put(&doc, "history", list);
		return commands_print(doc, e);
	}
	n = jv_count(list);
	from = n > last ? n - last : 0;
	if (n == 0)
		printf("%s: no update yet\n", c->name);
	else
		printf("%s:\n", c->name);
	for (size_t i = from; i < n; i++)
		print_line(jv_at(list, i));
	jv_free(list);
	return 0;
}

static uint32_t wanted;
static const struct opt options[] = {
	COMMON_OPTIONS,
	JSON_OPTION,
	{ "last", 'l', OPT_COUNT_U32, &wanted, "N", "the last N updates (default: 20)" },
	OPT_END
};

static int
run_history(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	if (wanted != 0)
		last = wanted;
	return commands_each(history, e);
}

const struct opt_command cmd_history = { "history", "",
	"updates of the past, newest last", NULL, options, 0, 0, run_history };
