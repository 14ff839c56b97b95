#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/utc.h"
#include "mkdelta/commands.h"

static const char *only_channel;
static bool json;

static const struct opt options[] = {
	{ "channel", 'c', OPT_TEXT, &only_channel, "NAME", "this channel alone" },
	{ "json", 0, OPT_FLAG, &json, NULL, "the table as JSON" },
	OPT_END
};

struct row {
	const char *channel;
	const struct record *record;
	const struct catalog *catalog;
};

struct table {
	struct catalog *catalogs;
	size_t n_catalogs;
	struct row *rows;
	size_t n;
};

static int
by_release(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->record->release != y->record->release)
		return x->record->release < y->record->release ? -1 : 1;
	return strcmp(x->record->platform, y->record->platform);
}

/* Catalogs of all platforms, in a list that was made large enough. */
static int
read_catalogs(const struct repo *r, struct table *t, const char **channels, struct err *e)
{
	struct repo_role *channel = NULL, *role;

	while ((channel = repo_next_channel(r, channel)) != NULL) {
		if (only_channel != NULL && strcmp(channel->name, only_channel) != 0)
			continue;
		role = NULL;
		while ((role = repo_next_platform(r, channel->name, role)) != NULL) {
			if (repo_catalog(r, role, &t->catalogs[t->n_catalogs], e) == -1)
				return -1;
			channels[t->n_catalogs++] = channel->name;
		}
	}
	return 0;
}

static int
read_table(const struct repo *r, struct table *t, struct err *e)
{
	const char **channels;
	size_t roles = 1, n = 0;
	int rc = -1;

	for (const struct repo_role *role = r->roles; role != NULL; role = role->next)
		roles++;
	channels = calloc(roles, sizeof *channels);
	t->catalogs = calloc(roles, sizeof *t->catalogs);
	if (channels == NULL || t->catalogs == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	if (read_catalogs(r, t, channels, e) == -1)
		goto out;
	for (size_t i = 0; i < t->n_catalogs; i++)
		n += t->catalogs[i].n_records;
	if ((t->rows = calloc(n + 1, sizeof *t->rows)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < t->n_catalogs; i++)
		for (size_t k = 0; k < t->catalogs[i].n_records; k++)
			t->rows[t->n++] = (struct row){ channels[i],
			    &t->catalogs[i].records[k], &t->catalogs[i] };
	qsort(t->rows, t->n, sizeof *t->rows, by_release);
	rc = 0;
out:
	free(channels);
	return rc;
}

/* "41: 12.3 kB, 40: 15.0 kB" of the deltas to a release. */
static void
print_deltas(const struct row *row)
{
	const struct catalog *c = row->catalog;
	const char *between = "";
	char size[BYTES_TEXT_MAX];

	for (size_t i = c->n_edges; i-- > 0;) {
		const struct edge *x = &c->edges[i];

		if (x->is_full || x->release != row->record->release)
			continue;
		(void)printf("%s%" PRIu64 ": %s", between, x->from_release,
		    bytes_text(size, x->object.bytes));
		between = ", ";
	}
	if (between[0] == '\0')
		(void)printf("-");
}

static int
width(int least, const char *text)
{
	int n = (int)strlen(text);

	return n > least ? n : least;
}

static void
print_table(const struct table *t)
{
	int channel = 7, version = 7, platform = 8;

	for (size_t i = 0; i < t->n; i++) {
		channel = width(channel, t->rows[i].channel);
		version = width(version, t->rows[i].record->version);
		platform = width(platform, t->rows[i].record->platform);
	}
	(void)printf("%7s  %-*s  %-*s  %-*s  %-16s  %6s  %9s  %9s  %s\n", "RELEASE",
	    version, "VERSION", channel, "CHANNEL", platform, "PLATFORM", "CREATED (UTC)",
	    "FILES", "CONTENT", "FULL", "DELTA FROM");
	for (size_t i = 0; i < t->n; i++) {
		const struct row *row = &t->rows[i];
		const struct record *x = row->record;
		const struct edge *full = catalog_full(row->catalog, x->release);
		char date[UTC_TEXT_MAX], content[BYTES_TEXT_MAX];
		char size[BYTES_TEXT_MAX] = "-";

		(void)utc_text(date, x->created);
		date[10] = ' ';
		(void)printf("%7" PRIu64 "  %-*s  %-*s  %-*s  %.16s  %6" PRIu64
		    "  %9s  %9s  ",
		    x->release, version, x->version, channel, row->channel, platform,
		    x->platform, date, x->files,
		    bytes_text(content, x->content_bytes),
		    full == NULL ? size : bytes_text(size, full->object.bytes));
		print_deltas(row);
		(void)printf("\n");
	}
}

static struct jv *
json_row(const struct row *row)
{
	const struct record *x = row->record;
	const struct edge *full = catalog_full(row->catalog, x->release);
	struct jv *o = jv_new_object(), *list = jv_new_list();
	char date[UTC_TEXT_MAX], hex[SHA256_HEX_MAX];

	for (size_t i = 0; i < row->catalog->n_edges; i++) {
		const struct edge *d = &row->catalog->edges[i];
		struct jv *one;

		if (d->is_full || d->release != x->release)
			continue;
		one = jv_new_object();
		(void)jv_set(one, "from", jv_new_int((int64_t)d->from_release));
		(void)jv_set(one, "bytes", jv_new_int((int64_t)d->object.bytes));
		(void)jv_push(list, one);
	}
	(void)jv_set(o, "release", jv_new_int((int64_t)x->release));
	(void)jv_set(o, "version", jv_new_text(x->version));
	(void)jv_set(o, "channel", jv_new_text(row->channel));
	(void)jv_set(o, "platform", jv_new_text(x->platform));
	(void)jv_set(o, "created", jv_new_text(utc_text(date, x->created)));
	if (x->commit[0] != '\0')
		(void)jv_set(o, "commit", jv_new_text(x->commit));
	(void)jv_set(o, "listing", jv_new_text(sha256_hex(&x->listing, hex)));
	(void)jv_set(o, "files", jv_new_int((int64_t)x->files));
	(void)jv_set(o, "content_bytes", jv_new_int((int64_t)x->content_bytes));
	if (full != NULL)
		(void)jv_set(o, "full_bytes", jv_new_int((int64_t)full->object.bytes));
	(void)jv_set(o, "deltas", list);
	return o;
}

static struct jv *
json_table(const struct repo *r, const struct table *t)
{
	struct jv *o = jv_new_object(), *list = jv_new_list();
	char date[UTC_TEXT_MAX];

	for (size_t i = 0; i < t->n; i++)
		(void)jv_push(list, json_row(&t->rows[i]));
	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "product", jv_new_text(r->product));
	(void)jv_set(o, "expires", jv_new_text(utc_text(date,
	    repo_role(r, "timestamp")->expires)));
	(void)jv_set(o, "releases", list);
	return o;
}

static int
show(const struct repo *r, struct err *e)
{
	struct table t = { 0 };
	int rc = -1;

	if (only_channel != NULL && repo_channel(r, only_channel, e) == NULL)
		return -1;
	if (read_table(r, &t, e) == -1)
		goto out;
	rc = 0;
	if (json)
		rc = command_print(json_table(r, &t), e);
	else if (t.n == 0)
		(void)printf("%s: no releases yet; make one with: mkdelta release %s "
		    "TREE\n", r->path, r->path);
	else
		print_table(&t);
out:
	for (size_t i = 0; i < t.n_catalogs; i++)
		catalog_clear(&t.catalogs[i]);
	free(t.catalogs);
	free(t.rows);
	return rc;
}

static int
work(struct repo *r, int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	if (show(r, e) == -1)
		return -1;
	(void)fflush(stdout);
	return command_warn_expiry(r, utc_now());
}

static int
run(int words, char **argv, struct err *e)
{
	return command_run(NULL, work, words, argv, e);
}

const struct opt_command command_list = {
	"list", "REPO", "show all releases, their sizes and deltas",
	"The metadata is verified before it is shown.  Ends with status 9 when less\n"
	"than a third of a role's period is left, so that a CI job notices.\n",
	options, 1, 1, run
};
