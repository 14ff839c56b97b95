/*
 * cmd_plan.c - what an update would fetch, and why that way.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/names.h"

#include "apply/commands.h"
#include "apply/state_json.h"
#include "apply/work.h"

static struct {
	const char *to_text;
	uint64_t to;
	bool retry;
} want;

enum { PATH_TEXT_MAX = 160, SIZES_TEXT_MAX = 200, WAYS_SHOWN = 4 };

/* "1 > 2 > 3", a full begins with "full". */
static void
path_text(const struct jv *hops, char out[static PATH_TEXT_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < jv_count(hops) && len < PATH_TEXT_MAX - 48; i++) {
		const struct jv *hop = jv_at(hops, i);
		bool full = strcmp(json_text(hop, "kind"), "full") == 0;

		if (full)
			len += (size_t)snprintf(out + len, PATH_TEXT_MAX - len, "full");
		else if (i == 0)
			len += (size_t)snprintf(out + len, PATH_TEXT_MAX - len,
			    "%" PRIu64, json_u64(hop, "from"));
		len += (size_t)snprintf(out + len, PATH_TEXT_MAX - len, " > %" PRIu64,
		    json_u64(hop, "to"));
	}
	if (jv_count(hops) == 0)
		(void)snprintf(out, PATH_TEXT_MAX, "the same tree");
}

/* "12.1 kB + 3.4 kB; ", nothing for a single hop. */
static void
sizes_text(const struct jv *hops, char out[static SIZES_TEXT_MAX])
{
	size_t len = 0;

	out[0] = '\0';
	if (jv_count(hops) < 2)
		return;
	for (size_t i = 0; i < jv_count(hops) && len < SIZES_TEXT_MAX - 48; i++) {
		char bytes[BYTES_TEXT_MAX];

		len += (size_t)snprintf(out + len, SIZES_TEXT_MAX - len, "%s%s",
		    i == 0 ? "" : " + ",
		    bytes_text(bytes, json_u64(jv_at(hops, i), "bytes")));
	}
	(void)snprintf(out + len, SIZES_TEXT_MAX - len, "; ");
}

/* The first few, and the full by itself, which everybody compares with. */
static bool
is_shown(const struct jv *ways, size_t i)
{
	const struct jv *hops = jv_get(jv_at(ways, i), "hops");

	return i < WAYS_SHOWN || (jv_count(hops) == 1 &&
	    strcmp(json_text(jv_at(hops, 0), "kind"), "full") == 0);
}

static int
path_width(const struct jv *ways)
{
	size_t width = 0;

	for (size_t i = 0; i < jv_count(ways); i++) {
		char path[PATH_TEXT_MAX];

		if (!is_shown(ways, i))
			continue;

		path_text(jv_get(jv_at(ways, i), "hops"), path);
		if (strlen(path) > width)
			width = strlen(path);
	}
	return (int)width;
}

static void
print_ways(const struct jv *v)
{
	const struct jv *ways = jv_get(v, "ways"), *left_out = jv_get(v, "left-out");
	int width = path_width(ways);
	unsigned hidden = 0;

	for (size_t i = 0; i < jv_count(ways); i++) {
		const struct jv *way = jv_at(ways, i), *hops = jv_get(way, "hops");
		char path[PATH_TEXT_MAX], sizes[SIZES_TEXT_MAX], bytes[BYTES_TEXT_MAX];

		if (!is_shown(ways, i)) {
			hidden++;
			continue;
		}
		path_text(hops, path);
		sizes_text(hops, sizes);
		printf("  %c %-*s  %10s  %s%s\n", jv_bool(jv_get(way, "chosen"), false) ?
		    '*' : ' ', width, path, bytes_text(bytes, json_u64(way, "bytes")),
		    sizes, json_text(way, "why"));
	}
	if (hidden > 0)
		printf("    and %u dearer\n", hidden);
	for (size_t i = 0; i < jv_count(left_out); i++) {
		const struct jv *hop = jv_at(left_out, i);

		printf("    (%s to %" PRIu64 " left out: %s)\n", json_text(hop, "kind"),
		    json_u64(hop, "to"), json_text(hop, "why"));
	}
}

/* "saves 97.4 %", one digit, never rounded up to 100. */
static void
print_saving(uint64_t bytes, uint64_t full)
{
	char a[BYTES_TEXT_MAX], b[BYTES_TEXT_MAX];
	uint64_t permille;

	if (full == 0 || bytes >= full) {
		printf("\n  downloads %s\n", bytes_text(a, bytes));
		return;
	}
	permille = (uint64_t)(1000.0 * (double)(full - bytes) / (double)full);
	printf("\n  downloads %s instead of the full %s: %" PRIu64 ".%" PRIu64
	    " %% saved\n", bytes_text(a, bytes), bytes_text(b, full), permille / 10,
	    permille % 10);
}

static void
print_needs(const struct work *w, const struct plan *p)
{
	char room[BYTES_TEXT_MAX], have[BYTES_TEXT_MAX], memory[BYTES_TEXT_MAX];
	struct err ignored = ERR_INIT;
	uint64_t bytes, inodes;

	printf("  needs %s of room", bytes_text(room, p->peak_bytes));
	if (fs_room(w->dev.releases, &bytes, &inodes, &ignored) == 0)
		printf(" (%s free)", bytes_text(have, bytes));
	printf(" and %s of memory to decode\n", bytes_text(memory, p->memory_bytes));
}

static void
print_text(const struct work *w, const struct plan *p, const struct jv *v)
{
	const struct live *live = &w->live;

	printf("%s: ", w->dev.conf->name);
	if (live->release == 0)
		printf("nothing");
	else
		printf("%" PRIu64 " (%s)", live->release,
		    live->has_record ? live->version : "unknown");
	printf(" -> %" PRIu64 " (%s), channel %s, %s\n\n", p->to.release, p->to.version,
	    w->dev.conf->channel, p->to.platform);
	print_ways(v);
	print_saving(p->download_bytes, p->full_bytes);
	print_needs(w, p);
	if (live->release != 0 && !live->has_record)
		printf(
		    "  what runs is not a release as published: it starts from nothing\n");
	if (strcmp(w->why.reason, "newest") != 0 && strcmp(w->why.reason, "asked") != 0)
		printf("  %s\n", w->why.text);
}

static int
print_nothing(const struct work *w, struct err *e)
{
	struct jv *v;

	if (!common.json) {
		printf("%s: nothing to do: %s\n", w->dev.conf->name, w->why.text);
		return 0;
	}
	v = jv_new_object();
	json_put_text(&v, "name", w->dev.conf->name);
	json_put_u64(&v, "from", w->live.release);
	json_put_text(&v, "reason", w->why.reason);
	json_put_text(&v, "text", w->why.text);
	return commands_print(v, e);
}

static int
show(const struct work *w, struct err *e)
{
	const struct catalog *c = session_catalog(w->session);
	struct plan p;
	struct jv *v;
	int rc = 0;

	if (w->to == NULL)
		return print_nothing(w, e);
	if (plan_make(&w->dev, c, &w->live, w->to, NULL, 0, &p, e) == -1)
		return -1;
	if ((v = plan_explain(&w->dev, c, &w->live, &p, e)) == NULL) {
		rc = -1;
	} else if (common.json) {
		rc = commands_print(v, e);
	} else {
		print_text(w, &p, v);
		jv_free(v);
	}
	plan_clear(&p);
	return rc;
}

static int
plan(const struct conf *c, struct err *e)
{
	struct choose_options o = { .to = want.to, .retry = want.retry };
	struct work w;
	int rc;

	if (work_open(c, o, &w, e) == -1)
		return -1;
	rc = show(&w, e);
	work_close(&w);
	return rc;
}

static const struct opt options[] = {
	COMMON_OPTIONS,
	JSON_OPTION,
	{ "to", 0, OPT_TEXT, &want.to_text, "N", "to this release, not the newest" },
	{ "retry", 0, OPT_FLAG, &want.retry, NULL, "as if nothing had failed here" },
	OPT_END
};

static int
run_plan(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	if (want.to_text != NULL && name_parse_release(want.to_text, &want.to, e) == -1)
		return err_wrap(e, "--to");
	return commands_each(plan, e);
}

const struct opt_command cmd_plan = {
	"plan", "", "what an update would download, and why that way",
	"Lists the offered ways from what runs to the release that would be installed,\n"
	"cheapest first, with their bytes; * marks the one that `update` takes.\n",
	options, 0, 0, run_plan
};
