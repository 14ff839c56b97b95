#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_client.h"
#include "mkdelta/commands.h"
#include "mkdelta/ways.h"

#include "mkdelta/show.h"

/* Ways from so many older releases are printed; JSON has all. */
enum { WAYS_SHOWN = 10 };

struct found {			/* one tree of the release */
	const struct repo_role *role;
	const struct catalog *catalog;
	const struct record *record;
};

/* The title of the notes, "" when there are none. */
static const char *
title_of(const struct found *f)
{
	struct target_name name = { TARGET_NOTES, f->record->release, 0, "" };
	char path[NAME_MAX_PATH];
	struct err ignored = ERR_INIT;
	struct tuf_target t;
	const char *title = NULL;

	(void)snprintf(name.platform, sizeof name.platform, "%s", f->record->platform);
	if (tuf_role_target(f->role->part, target_path(&name, path), &t, &ignored) == 1)
		title = jv_text(jv_get(t.custom, "title"));
	return title == NULL ? "" : title;
}

static void
print_edge(const struct edge *x)
{
	char size[BYTES_TEXT_MAX], builds[BYTES_TEXT_MAX], memory[BYTES_TEXT_MAX];
	char what[40] = "full", file[REPO_FILE_MAX];

	if (!x->is_full)
		(void)snprintf(what, sizeof what, "from %" PRIu64, x->from_release);
	(void)printf("    %-10s %9s  builds %s with %s of memory\n      %s\n", what,
	    bytes_text(size, x->object.bytes), bytes_text(builds, x->output_bytes),
	    bytes_text(memory, x->memory_bytes), repo_object_file(&x->object, file));
}

static void
print_requires(const struct record *x)
{
	if (x->requires_release != 0)
		(void)printf("    requires   release %" PRIu64 " before it\n",
		    x->requires_release);
	if (x->requires_schema != 0)
		(void)printf("    requires   data of schema %" PRIu64 "\n",
		    x->requires_schema);
	if (x->requires_applier[0] != '\0')
		(void)printf("    requires   delta-apply %s\n", x->requires_applier);
	for (size_t i = 0; i < jv_count(x->requires_hardware); i++) {
		const char *plain = jv_text(jv_at(x->requires_hardware, i));
		char name[128];

		if (plain == NULL)
			continue;
		(void)text_printable(name, sizeof name, plain, strlen(plain), false);
		(void)printf("    %-10s %s\n", i == 0 ? "hardware" : "or", name);
	}
}

static void
print_data(const struct record *x)
{
	static const char *const words[] = { "no change", "reversible", "forward-only" };

	if (x->data == DATA_NONE && x->data_schema == 0)
		return;
	(void)printf("    data       %s, schema %" PRIu64 ", reads %" PRIu64 " to %" PRIu64
	    "\n", words[x->data], x->data_schema, x->data_reads, x->data_schema);
}

static void
print_record(const struct found *f)
{
	const struct record *x = f->record;
	const char *plain = title_of(f);
	char date[UTC_TEXT_MAX], size[BYTES_TEXT_MAX], hex[SHA256_HEX_MAX];
	char title[256], file[REPO_FILE_MAX];

	(void)printf("release %" PRIu64 " for %s on %s: version %s, created %s\n",
	    x->release, x->platform, f->role->by, x->version, utc_text(date, x->created));
	(void)text_printable(title, sizeof title, plain, strlen(plain), false);
	if (title[0] != '\0')
		(void)printf("    %s\n", title);
	(void)printf("    tree       %s\n", sha256_hex(&x->listing, hex));
	(void)printf("    holds      %" PRIu64 " file%s, %s\n", x->files,
	    x->files == 1 ? "" : "s", bytes_text(size, x->content_bytes));
	if (x->commit[0] != '\0')
		(void)printf("    commit     %s\n", x->commit);
	print_requires(x);
	print_data(x);
	if (x->attempt != 0)
		(void)printf("    attempt    %" PRIu64 "\n", x->attempt);
	(void)printf("    listing    %9s\n      %s\n", bytes_text(size, x->object.bytes),
	    repo_object_file(&x->object, file));
	for (size_t i = 0; i < f->catalog->n_edges; i++)
		if (f->catalog->edges[i].release == x->release)
			print_edge(&f->catalog->edges[i]);
}

static int
print_way(const struct found *f, const struct record *from, struct err *e)
{
	char size[BYTES_TEXT_MAX], text[WAY_TEXT_MAX], on[24] = "nothing";
	struct way way;
	int got = way_pick(f->catalog, from, f->record, &way, e);

	if (got == -1)
		return -1;
	if (from != NULL)
		(void)snprintf(on, sizeof on, "%" PRIu64, from->release);
	(void)printf("    %-11s %10s  %s\n", on,
	    got == 0 ? "-" : bytes_text(size, way.bytes),
	    got == 0 ? "no way" : way.n == 0 ? "the same tree" : way_text(text, &way));
	return 0;
}

static int
print_ways(const struct found *f, struct err *e)
{
	const struct catalog *c = f->catalog;
	size_t n = (size_t)(f->record - c->records), shown = 0;

	(void)printf("    %-11s %10s  %s\n", "A DEVICE ON", "DOWNLOADS", "BY");
	while (shown < n && shown < WAYS_SHOWN)
		if (print_way(f, &c->records[n - ++shown], e) == -1)
			return -1;
	if (shown < n)
		(void)printf("    and %zu older; --json shows all\n", n - shown);
	return print_way(f, NULL, e);
}

static struct jv *
json_edge(const struct edge *x)
{
	struct jv *o = jv_new_object();
	char file[REPO_FILE_MAX], hex[SHA256_HEX_MAX];

	(void)jv_set(o, "kind", jv_new_text(x->is_full ? "full" : "delta"));
	if (!x->is_full)
		(void)jv_set(o, "from", jv_new_int((int64_t)x->from_release));
	(void)jv_set(o, "bytes", jv_new_int((int64_t)x->object.bytes));
	(void)jv_set(o, "sha256", jv_new_text(sha256_hex(&x->object.sha256, hex)));
	(void)jv_set(o, "file", jv_new_text(repo_object_file(&x->object, file)));
	(void)jv_set(o, "output_bytes", jv_new_int((int64_t)x->output_bytes));
	(void)jv_set(o, "memory_bytes", jv_new_int((int64_t)x->memory_bytes));
	return o;
}

/* `from` 0: a device that has nothing. */
static int
json_way(const struct found *f, const struct record *from, struct jv *list, struct err *e)
{
	struct jv *o, *hops;
	struct way way;
	int got = way_pick(f->catalog, from, f->record, &way, e);

	if (got != 1)
		return got;
	o = jv_new_object();
	hops = jv_new_list();
	for (size_t i = 0; i < way.n; i++) {
		char file[REPO_FILE_MAX];

		(void)jv_push(hops, jv_new_text(repo_object_file(&way.hops[i]->object,
		    file)));
	}
	(void)jv_set(o, "from", jv_new_int(from == NULL ? 0 : (int64_t)from->release));
	(void)jv_set(o, "bytes", jv_new_int((int64_t)way.bytes));
	(void)jv_set(o, "files", hops);
	return jv_push(list, o);
}

static int
json_tree(const struct found *f, struct jv *list, struct err *e)
{
	const struct catalog *c = f->catalog;
	struct jv *o = jv_new_object(), *edges = jv_new_list(), *ways = jv_new_list();
	size_t n = (size_t)(f->record - c->records);
	char file[REPO_FILE_MAX];
	int rc;

	for (size_t i = 0; i < c->n_edges; i++)
		if (c->edges[i].release == f->record->release)
			(void)jv_push(edges, json_edge(&c->edges[i]));
	rc = json_way(f, NULL, ways, e);
	for (size_t i = 0; rc != -1 && i < n; i++)
		rc = json_way(f, &c->records[i], ways, e);
	(void)jv_set(o, "channel", jv_new_text(f->role->by));
	(void)jv_set(o, "platform", jv_new_text(f->record->platform));
	(void)jv_set(o, "title", jv_new_text(title_of(f)));
	(void)jv_set(o, "record", record_to_json(f->record, e));
	(void)jv_set(o, "listing_file", jv_new_text(repo_object_file(&f->record->object,
	    file)));
	(void)jv_set(o, "edges", edges);
	(void)jv_set(o, "ways", ways);
	(void)jv_push(list, o);
	return rc == -1 ? -1 : 0;
}

/* The tree of one role, if it has it.  1, 0, -1. */
static int
show_tree(const struct show *s, const struct repo_role *role, uint64_t number,
    struct jv *list, struct err *e)
{
	struct found f = { .role = role };
	struct catalog c;
	int rc = 0;

	if (repo_catalog(s->repo, role, &c, e) == -1)
		return -1;
	f.catalog = &c;
	if ((f.record = catalog_record(&c, number)) != NULL) {
		if (s->json)
			rc = json_tree(&f, list, e);
		else {
			print_record(&f);
			rc = print_ways(&f, e);
		}
		rc = rc == -1 ? -1 : 1;
	}
	catalog_clear(&c);
	return rc;
}

static int
show_trees(const struct show *s, uint64_t number, struct jv *list, struct err *e)
{
	struct repo_role *channel = NULL, *role;
	int found = 0, one;

	while ((channel = repo_next_channel(s->repo, channel)) != NULL) {
		const char *name = channel->name;

		role = NULL;
		while ((role = repo_next_platform(s->repo, name, role)) != NULL) {
			if ((one = show_tree(s, role, number, list, e)) == -1)
				return -1;
			found += one;
		}
	}
	return found;
}

int
show_release(const struct show *s, uint64_t number, struct err *e)
{
	struct jv *list = s->json ? jv_new_list() : NULL, *o;
	int found = show_trees(s, number, list, e);

	if (found <= 0) {
		jv_free(list);
		return found == -1 ? -1 : err_set(e, ERR_USAGE, "release %" PRIu64 ": %s "
		    "has none; mkdelta list %s shows all", number, s->repo->path,
		    s->repo->path);
	}
	if (!s->json)
		return 0;
	o = jv_new_object();
	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "release", jv_new_int((int64_t)number));
	(void)jv_set(o, "trees", list);
	return command_print(o, e);
}
