#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_client.h"
#include "manifest/tuf_meta.h"
#include "mkdelta/commands.h"
#include "mkdelta/expiry.h"

static bool json;

static const struct opt options[] = {
	{ "json", 0, OPT_FLAG, &json, NULL, "as JSON" },
	OPT_END
};

/* The entry with keyids and threshold that says who signs this role. */
static const struct jv *
holders(const struct repo *r, const struct repo_role *role)
{
	return tuf_role_entry(repo_role(r, role->by)->part, role->name);
}

static void
print_role(const struct repo *r, const struct repo_role *role, int64_t now)
{
	const struct jv *entry = holders(r, role), *ids = jv_get(entry, "keyids");
	enum expiry_state state = expiry_state(role->signed_at, role->expires, now);
	char date[UTC_TEXT_MAX], when[EXPIRY_TEXT_MAX], size[BYTES_TEXT_MAX];
	int64_t threshold = 0;

	(void)jv_int(jv_get(entry, "threshold"), &threshold);
	(void)utc_text(date, role->expires);
	date[10] = '\0';
	(void)printf("  %-24s %7" PRIu64 "  %9s  %s (%s%s)  %" PRId64 " of", role->name,
	    role->version, bytes_text(size, role->bytes), date,
	    expiry_text(when, role->expires, now),
	    state == EXPIRY_FINE ? "" : state == EXPIRY_SOON ? ", soon" : ", EXPIRED",
	    threshold);
	for (size_t i = 0; i < jv_count(ids); i++)
		(void)printf(" %.8s", jv_text(jv_at(ids, i)));
	(void)printf("\n");
}

static void
print_repo(const struct repo *r, int64_t now)
{
	(void)printf("%s: product %s\n", r->path, r->product);
	(void)printf("  %-24s %7s  %9s  %s\n", "ROLE", "VERSION", "SIZE",
	    "EXPIRES, AND THE KEYS THAT SIGN IT");
	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		print_role(r, role, now);
}

static struct jv *
json_role(const struct repo *r, const struct repo_role *role, int64_t now)
{
	const struct jv *entry = holders(r, role);
	struct jv *o = jv_new_object();
	char date[UTC_TEXT_MAX];
	int64_t threshold = 0;

	(void)jv_int(jv_get(entry, "threshold"), &threshold);
	(void)jv_set(o, "role", jv_new_text(role->name));
	(void)jv_set(o, "by", jv_new_text(role->by));
	(void)jv_set(o, "version", jv_new_int((int64_t)role->version));
	(void)jv_set(o, "bytes", jv_new_int((int64_t)role->bytes));
	(void)jv_set(o, "signed", jv_new_text(utc_text(date, role->signed_at)));
	(void)jv_set(o, "expires", jv_new_text(utc_text(date, role->expires)));
	(void)jv_set(o, "state", jv_new_text(expiry_word(expiry_state(role->signed_at,
	    role->expires, now))));
	(void)jv_set(o, "threshold", jv_new_int(threshold));
	(void)jv_set(o, "keys", jv_copy(jv_get(entry, "keyids")));
	return o;
}

static struct jv *
json_repo(const struct repo *r, int64_t now)
{
	struct jv *o = jv_new_object(), *list = jv_new_list();

	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		(void)jv_push(list, json_role(r, role, now));
	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "product", jv_new_text(r->product));
	(void)jv_set(o, "roles", list);
	return o;
}

/* The title of the notes, "" when there are none. */
static const char *
title_of(const struct repo_role *role, const struct record *x)
{
	struct target_name name = { TARGET_NOTES, x->release, 0, "" };
	char path[NAME_MAX_PATH];
	struct err ignored = ERR_INIT;
	struct tuf_target t;
	const char *title = NULL;

	(void)snprintf(name.platform, sizeof name.platform, "%s", x->platform);
	if (tuf_role_target(role->part, target_path(&name, path), &t, &ignored) == 1)
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
	(void)printf("    %-10s %10s  builds %s with %s of memory\n      %s\n", what,
	    bytes_text(size, x->object.bytes), bytes_text(builds, x->output_bytes),
	    bytes_text(memory, x->memory_bytes), repo_object_file(&x->object, file));
}

static void
print_record(const struct repo_role *role, const struct catalog *c, const struct record *x)
{
	char date[UTC_TEXT_MAX], size[BYTES_TEXT_MAX], hex[SHA256_HEX_MAX];
	char title[256];
	const char *plain = title_of(role, x);

	(void)printf("  %s on %s: version %s, created %s\n", x->platform, role->by,
	    x->version, utc_text(date, x->created));
	(void)text_printable(title, sizeof title, plain, strlen(plain), false);
	if (title[0] != '\0')
		(void)printf("    %s\n", title);
	(void)printf("    tree       %s\n", sha256_hex(&x->listing, hex));
	(void)printf("    holds      %" PRIu64 " files, %s\n", x->files,
	    bytes_text(size, x->content_bytes));
	if (x->commit[0] != '\0')
		(void)printf("    commit     %s\n", x->commit);
	if (x->requires_release != 0)
		(void)printf("    requires   release %" PRIu64 " before it\n",
		    x->requires_release);
	for (size_t i = 0; i < c->n_edges; i++)
		if (c->edges[i].release == x->release)
			print_edge(&c->edges[i]);
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

static struct jv *
json_record(const struct repo_role *role, const struct catalog *c, const struct record *x,
    struct err *e)
{
	struct jv *o = jv_new_object(), *edges = jv_new_list();

	for (size_t i = 0; i < c->n_edges; i++)
		if (c->edges[i].release == x->release)
			(void)jv_push(edges, json_edge(&c->edges[i]));
	(void)jv_set(o, "channel", jv_new_text(role->by));
	(void)jv_set(o, "platform", jv_new_text(x->platform));
	(void)jv_set(o, "title", jv_new_text(title_of(role, x)));
	(void)jv_set(o, "record", record_to_json(x, e));
	(void)jv_set(o, "edges", edges);
	return o;
}

/* Each platform of each channel that has it: how many. */
static int
show_release(const struct repo *r, uint64_t number, struct jv *list, struct err *e)
{
	struct repo_role *channel = NULL, *role;
	int found = 0;

	while ((channel = repo_next_channel(r, channel)) != NULL) {
		role = NULL;
		while ((role = repo_next_platform(r, channel->name, role)) != NULL) {
			const struct record *x;
			struct catalog c;

			if (catalog_read(role->part, repo_platform_name(role), &c, e) == -1)
				return -1;
			if ((x = catalog_record(&c, number)) != NULL && !json) {
				if (found++ == 0)
					(void)printf("release %" PRIu64 "\n", number);
				print_record(role, &c, x);
			} else if (x != NULL) {
				found++;
				(void)jv_push(list, json_record(role, &c, x, e));
			}
			catalog_clear(&c);
		}
	}
	return found;
}

static int
show(const struct repo *r, const char *word, struct err *e)
{
	struct jv *list = NULL, *o;
	uint64_t number;
	int found;

	if (word == NULL) {
		if (json)
			return command_print(json_repo(r, utc_now()), e);
		print_repo(r, utc_now());
		return 0;
	}
	if (name_parse_release(word, &number, e) == -1)
		return -1;
	if (json)
		list = jv_new_list();
	if ((found = show_release(r, number, list, e)) <= 0) {
		jv_free(list);
		return found == -1 ? -1 : err_set(e, ERR_USAGE, "release %" PRIu64 ": %s has "
		    "none; mkdelta list %s shows all", number, r->path, r->path);
	}
	if (!json)
		return 0;
	o = jv_new_object();
	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "release", jv_new_int((int64_t)number));
	(void)jv_set(o, "trees", list);
	return command_print(o, e);
}

static int
run(int argc, char **argv, struct err *e)
{
	struct repo *r;
	int words, rc;

	switch (opt_parse(NULL, &command_show, argc, argv, &words, e)) {
	case OPT_SHOWN:
		return 0;
	case OPT_BAD:
		return -1;
	case OPT_RUN:
		break;
	}
	if ((r = repo_open(argv[1], NULL, e)) == NULL)
		return -1;
	rc = show(r, words > 1 ? argv[2] : NULL, e);
	repo_close(r);
	return rc;
}

const struct opt_command command_show = {
	"show", "REPO [N]", "one release in depth; or roles, keys and expiry",
	NULL, options, 1, 2, run
};
