/*
 * cmd_trust.c - trust, refresh, get: the TUF client alone, for any repository.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/log.h"
#include "manifest/tuf_client.h"
#include "manifest/tuf_meta.h"

#include "apply/clock.h"
#include "apply/commands.h"
#include "apply/fetch_file_to.h"

enum { URL_MAX = 8192 };

static struct {
	const char *metadata_dir, *metadata_url, *targets_url, *output;
} want;

static int
need(const char *value, const char *option, struct err *e)
{
	if (value != NULL)
		return 0;
	return err_set(e, ERR_USAGE, "--%s is needed; see --help", option);
}

/* The folder, made when it is not there: its parents must be. */
static int
open_made(const char *path, mode_t mode, struct err *e)
{
	int fd = fs_open_dir(path, e), at;
	struct buf above = BUF_INIT(4096);
	const char *slash = strrchr(path, '/');

	if (fd != -1 || e->code != ERR_ABSENT)
		return fd;
	err_clear(e);
	if (slash == NULL)
		(void)buf_add_text(&above, ".", e);
	else
		(void)buf_add(&above, path, slash == path ? 1 : (size_t)(slash - path),
		    e);
	if (e->code == ERR_NONE && (at = fs_open_dir(buf_text(&above), e)) != -1) {
		slash = slash == NULL ? path : slash + 1;
		if (fs_mkdir(at, slash, mode, e) == 0)
			fd = fs_open_dir_at(at, slash, e);
		(void)close(at);
	}
	buf_free(&above);
	return fd;
}

/* Below a URL that may end in a slash already. */
static int
add_below(struct buf *url, const char *folder, const char *name, struct err *e)
{
	size_t n = strlen(folder);

	return buf_addf(url, e, "%s%s%s", folder,
	    n > 0 && folder[n - 1] == '/' ? "" : "/", name);
}

static int
get_metadata(void *arg, const char *name, struct buf *out, struct err *e)
{
	struct buf url = BUF_INIT(URL_MAX);
	int rc = -1;

	if (add_below(&url, want.metadata_url, name, e) == 0)
		rc = fetch_small(arg, buf_text(&url), out, e);
	buf_free(&url);
	return rc;
}

/* Open and refresh; then `work`, when not NULL. */
static int
refreshed(int dir, struct fetch *fetch, int (*work)(struct tuf *, struct fetch *,
    int argc, char **argv, struct err *), int argc, char **argv, struct err *e)
{
	struct tuf_source source = { .arg = fetch, .get = get_metadata };
	struct tuf_clock clock;
	struct tuf *tuf;
	int rc;

	clock_now(&clock, false);
	if ((tuf = tuf_open(dir, &source, &clock, e)) == NULL) {
		if (e->code != ERR_ABSENT)
			return -1;
		e->code = ERR_USAGE;
		return err_hint(e, "run `delta-apply trust` with the repository's root "
		    "first");
	}
	rc = tuf_refresh(tuf, e);
	if (rc == 0)
		clock_say_if_behind(tuf);
	else if (e->code == ERR_ABSENT)
		e->code = ERR_NET;
	if (rc == 0 && work != NULL)
		rc = work(tuf, fetch, argc, argv, e);
	tuf_close(tuf);
	return rc;
}

static int
with_repository(int (*work)(struct tuf *, struct fetch *, int argc, char **argv,
    struct err *), int argc, char **argv, struct err *e)
{
	struct fetch *fetch;
	int dir, rc = -1;

	if (need(want.metadata_dir, "metadata-dir", e) == -1 ||
	    need(want.metadata_url, "metadata-url", e) == -1)
		return -1;
	if ((dir = fs_open_dir(want.metadata_dir, e)) == -1) {
		e->code = ERR_USAGE;
		return err_wrap(e, "--metadata-dir");
	}
	if ((fetch = fetch_new(NULL, e)) != NULL)
		rc = refreshed(dir, fetch, work, argc, argv, e);
	fetch_free(fetch);
	(void)close(dir);
	return rc;
}

static int
get_one(struct tuf *tuf, struct fetch *fetch, int out, const char *path, struct err *e)
{
	struct buf url = BUF_INIT(URL_MAX);
	struct tuf_target target;
	int rc = tuf_find(tuf, path, &target, e);

	if (rc == 0)
		rc = err_set(e, ERR_USAGE, "the repository does not list it");
	else if (rc == 1 && (add_below(&url, want.targets_url, "", e) == -1 ||
	    tuf_target_url(tuf, &target, &url, e) == -1))
		rc = -1;
	else if (rc == 1)
		rc = fetch_target(fetch, buf_text(&url), &target, out, e);
	buf_free(&url);
	return rc == -1 ? err_wrap(e, "%s", path) : 0;
}

static int
get_all(struct tuf *tuf, struct fetch *fetch, int argc, char **argv, struct err *e)
{
	int rc = 0, out = open_made(want.output, 0755, e);

	if (out == -1)
		return err_wrap(e, "--output");
	/* Two of them would write under one temporary name. */
	if (flock(out, LOCK_EX | LOCK_NB) == -1)
		rc = err_set(e, ERR_BUSY, "--output: another run writes there");
	for (int i = 1; rc == 0 && i < argc; i++)
		rc = get_one(tuf, fetch, out, argv[i], e);
	(void)close(out);
	return rc;
}

static int
trust(const char *path, struct err *e)
{
	struct buf root = BUF_INIT(TUF_ROOT_MAX);
	int dir = -1, rc = -1;

	if (fs_read_path(path, &root, e) == 0 &&
	    (dir = open_made(want.metadata_dir, 0700, e)) != -1)
		rc = tuf_trust(dir, root.data, root.len, e);
	if (dir != -1)
		(void)close(dir);
	buf_free(&root);
	return rc == -1 ? err_wrap(e, "trust") : 0;
}

#define METADATA_DIR \
	{ \
		"metadata-dir", 0, OPT_TEXT, &want.metadata_dir, "DIR", \
		    "where trusted metadata are" \
	}
#define METADATA_URL \
	{ \
		"metadata-url", 0, OPT_TEXT, &want.metadata_url, "URL", \
		    "of the metadata folder" \
	}

static const struct opt trust_options[] = { METADATA_DIR, OPT_END };
static const struct opt refresh_options[] = { METADATA_DIR, METADATA_URL, OPT_END };
static const struct opt get_options[] = { METADATA_DIR, METADATA_URL,
	{ "targets-url", 0, OPT_TEXT, &want.targets_url, "URL", "of the targets folder" },
	{ "output", 'o', OPT_TEXT, &want.output, "DIR",
	    "where the files go, in their folders" },
	OPT_END };

static int
run_trust(int words, char **argv, struct err *e)
{
	(void)words;
	if (need(want.metadata_dir, "metadata-dir", e) == -1)
		return -1;
	return trust(argv[1], e);
}

static int
run_refresh(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return with_repository(NULL, 0, NULL, e);
}

static int
run_get(int words, char **argv, struct err *e)
{
	if (need(want.targets_url, "targets-url", e) == -1 ||
	    need(want.output, "output", e) == -1)
		return -1;
	return with_repository(get_all, words + 1, argv, e);
}

const struct opt_command cmd_trust = { "trust", "ROOT.json",
	"store the root metadata that everything else is checked by",
	"For any TUF 1.0 repository.  The root must be signed by itself; a newer root of\n"
	"the same chain that is trusted already is kept.\n",
	trust_options, 1, 1, run_trust };

const struct opt_command cmd_refresh = {
	"refresh", "", "fetch and verify the metadata of any TUF repository", NULL,
	refresh_options, 0, 0, run_refresh
};

const struct opt_command cmd_get = {
	"get", "TARGET...", "fetch targets of any TUF repository, verified",
	"Refreshes first.  TARGET keeps its folders below --output.\n",
	get_options, 1, -1, run_get
};
