#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/listing.h"
#include "manifest/record.h"
#include "mkdelta/ingest.h"
#include "mkdelta/scan.h"

#include "mkdelta/reproduce.h"

/* The identity of a tree that stands here, listed like this. */
static int
identity(const char *path, const struct ingest_options *how, struct sha256 *id,
    struct err *e)
{
	struct scan_options options = { .owners = how->owners, .xattrs = how->xattrs };
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	struct listing *l = NULL;
	struct ingest in;
	int rc = -1;

	if (ingest_open(path, how, &in, e) == -1)
		return -1;
	if ((l = scan_tree(in.dir, &options, e)) != NULL &&
	    listing_emit(l, &text, e) == 0)
		rc = sha256_of(text.data, text.len, id, e);
	listing_free(l);
	buf_free(&text);
	ingest_close(&in);
	return rc;
}

/* The tree that was given for this platform, NULL when none was. */
static const char *
tree_for(const struct opt_list *trees, const char *platform)
{
	size_t n = strlen(platform);

	for (int i = 0; i < trees->n; i++) {
		const char *word = trees->values[i];

		if (strncmp(word, platform, n) == 0 && word[n] == '=')
			return word + n + 1;
		if (trees->n == 1 && strchr(word, '=') == NULL)
			return word;
	}
	return NULL;
}

static int
check_record(const struct record *x, const char *path, struct err *e)
{
	/* Whether owners and attributes are recorded, the listing says alone: the one
	 * that fits is the proof. */
	static const struct ingest_options ways[] = {
		{ .strip_top = true }, { .strip_top = true, .xattrs = true },
		{ .strip_top = true, .owners = true },
		{ .strip_top = true, .owners = true, .xattrs = true }
	};
	struct sha256 id;

	if (path == NULL)
		return err_set(e, ERR_TRUST, "%s: the change has release %" PRIu64 " of it, "
		    "and no tree was given to compare with; not signed", x->platform,
		    x->release);
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		if (identity(path, &ways[i], &id, e) == -1)
			return -1;
		if (sha256_equal(&id, &x->listing))
			return 0;
	}
	return err_set(e, ERR_TRUST, "%s: is not the tree that is to be signed as release %"
	    PRIu64 " of %s; not signed", path, x->release, x->platform);
}

/* Every record that is not published yet just so. */
static int
check_role(const struct repo_role *role, const struct opt_list *trees, struct err *e)
{
	const char *platform = repo_platform_name(role);
	struct catalog now = { .records = NULL }, before = { .records = NULL };
	int rc = catalog_read(role->part, platform, &now, e);

	if (rc == 0 && role->before != NULL)
		rc = catalog_read(role->before, platform, &before, e);
	for (size_t i = 0; rc == 0 && i < now.n_records; i++) {
		const struct record *x = &now.records[i];
		const struct record *old = catalog_record(&before, x->release);

		if (old == NULL || !sha256_equal(&old->listing, &x->listing))
			rc = check_record(x, tree_for(trees, platform), e);
	}
	catalog_clear(&now);
	catalog_clear(&before);
	return rc;
}

int
reproduce_check(const struct repo *r, const struct opt_list *trees, struct err *e)
{
	struct repo_role *channel = NULL, *role;

	while (trees->n > 0 && (channel = repo_next_channel(r, channel)) != NULL) {
		const char *name = channel->name;

		role = NULL;
		while ((role = repo_next_platform(r, name, role)) != NULL)
			if (role->file != NULL && check_role(role, trees, e) == -1)
				return -1;
	}
	return 0;
}
