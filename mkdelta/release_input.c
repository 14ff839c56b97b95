#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "mkdelta/git.h"
#include "mkdelta/notes.h"
#include "mkdelta/scan.h"

#include "mkdelta/release.h"

enum { VERSION_FILE_MAX = 1024 };

/* "linux-arm64=build/arm64": the platform goes to out, the path is returned; NULL
 * when there is no platform in front. */
static const char *
split_word(const char *word, char out[static NAME_MAX_PLATFORM + 1])
{
	const char *is = strchr(word, '=');
	struct err ignored = ERR_INIT;

	if (is == NULL || (size_t)(is - word) > NAME_MAX_PLATFORM)
		return NULL;
	(void)snprintf(out, NAME_MAX_PLATFORM + 1, "%.*s", (int)(is - word), word);
	return name_check_platform(out, &ignored) == 0 ? is + 1 : NULL;
}

static int
take_word(struct release *r, const char *word, bool only, struct err *e)
{
	struct release_tree *t = &r->trees[r->n];
	const char *given = r->want->platform;

	if (given != NULL) {
		if (!only)
			return err_set(e, ERR_USAGE, "%s: --platform goes with one tree; "
			    "several are PLATFORM=TREE", word);
		if (name_check_platform(given, e) == -1)
			return -1;
		(void)snprintf(t->platform, sizeof t->platform, "%s", given);
		t->path = word;
	} else if ((t->path = split_word(word, t->platform)) == NULL) {
		if (!only)
			return err_set(e, ERR_USAGE, "%s: with several trees each is "
			    "PLATFORM=TREE", word);
		(void)snprintf(t->platform, sizeof t->platform, "any");
		t->path = word;
	}
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->trees[i].platform, t->platform) == 0)
			return err_set(e, ERR_USAGE, "%s: a second tree for platform %s",
			    word, t->platform);
	t->in.dir = t->in.temp_at = -1;
	r->n++;
	return 0;
}

int
release_words(struct release *r, int n, char **words, struct err *e)
{
	if (n > RELEASE_TREES_MAX)
		return err_set(e, ERR_USAGE, "%d trees: at most %d", n,
		    RELEASE_TREES_MAX);
	for (int i = 0; i < n; i++)
		if (take_word(r, words[i], n == 1, e) == -1)
			return -1;
	return 0;
}

static int
set_version(struct release *r, const char *version, const char *from, struct err *e)
{
	if (name_check_version(version, e) == -1) {
		(void)err_wrap(e, "%s", from);
		return err_hint(e, "say it with --version V");
	}
	if (r->version_given && strcmp(r->version, version) != 0)
		return err_set(e, ERR_USAGE, "%s says version %s, another tree's says "
		    "%s; say it with --version V", from, version, r->version);
	(void)snprintf(r->version, sizeof r->version, "%s", version);
	r->version_given = true;
	return 0;
}

/* The tree's own VERSION file, if it has one. */
static int
read_version_file(struct release *r, const struct release_tree *t, struct err *e)
{
	struct buf text = BUF_INIT(VERSION_FILE_MAX);
	char from[128];
	struct stat st;
	int rc = fs_stat_at(t->in.dir, "VERSION", &st, e);

	if (rc != 1 || !S_ISREG(st.st_mode))
		return rc == -1 ? -1 : 0;
	(void)snprintf(from, sizeof from, "%.80s: the file VERSION", t->path);
	if ((rc = fs_read_file(t->in.dir, "VERSION", &text, e)) == -1) {
		e->code = ERR_USAGE;
		(void)err_wrap(e, "%s", from);
		(void)err_hint(e, "say it with --version V");
	} else {
		while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL)
			text.data[--text.len] = '\0';
		/* A NUL inside would hide what follows it. */
		rc = memchr(buf_text(&text), '\0', text.len) != NULL ?
		    err_set(e, ERR_USAGE, "%s: is no text; say --version V", from) :
		    set_version(r, buf_text(&text), from, e);
	}
	buf_free(&text);
	return rc;
}

static int
read_tree(struct release *r, struct release_tree *t, const char *work,
    const char *keys_path, struct err *e)
{
	const struct release_want *w = r->want;
	struct ingest_options in = { true, w->owners, w->xattrs, work };
	struct scan_options scan = { .owners = w->owners, .xattrs = w->xattrs,
		.jobs = w->jobs };

	if (ingest_check_apart(t->path, r->repo->path, e) == -1 ||
	    ingest_check_apart(t->path, keys_path, e) == -1 ||
	    ingest_open(t->path, &in, &t->in, e) == -1)
		return -1;
	buf_init(&t->text, LISTING_TEXT_MAX);
	if ((t->listing = scan_tree(t->in.dir, &scan, e)) == NULL ||
	    listing_index(t->listing, e) == -1 ||
	    listing_emit(t->listing, &t->text, e) == -1)
		return err_wrap(e, "%s", t->path);
	return r->want->version == NULL ? read_version_file(r, t, e) : 0;
}

int
release_input(struct release *r, const char *keys_path, struct err *e)
{
	const struct release_want *w = r->want;
	char work[4096];

	(void)snprintf(work, sizeof work, "%s/%s", r->repo->path, REPO_WORK);
	if (w->version != NULL && set_version(r, w->version, "--version", e) == -1)
		return -1;
	if (w->notes != NULL && notes_read(w->notes, &r->notes, e) == -1)
		return -1;
	if (w->require_clean && git_clean_commit(r->trees[0].path, r->commit, e) == -1)
		return -1;
	for (size_t i = 0; i < r->n; i++)
		if (read_tree(r, &r->trees[i], work, keys_path, e) == -1)
			return -1;
	return 0;
}
