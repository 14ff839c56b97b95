#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/jv.h"
#include "manifest/tuf_meta.h"

#include "hosting/commands.h"
#include "hosting/export.h"
#include "hosting/place.h"
#include "hosting/scratch.h"

static struct export_want want;
static struct view_trust trust;
static const char *ca_file;
static bool as_json;

static const struct opt options[] = {
	{ "from", 0, OPT_LIST, &want.from, "N",
	    "for devices that run release N (may repeat; default: none yet)" },
	{ "platform", 'p', OPT_TEXT, &want.platform, "P", "their platform (default any)" },
	{ "channel", 'c', OPT_TEXT, &want.channel, "NAME",
	    "their channel (default: the first)" },
	{ "full", 0, OPT_FLAG, &want.full, NULL,
	    "the full of the newest besides, for whatever they run" },
	{ "root", 0, OPT_TEXT, &trust.root_file, "FILE",
	    "the root to trust; needed where REPO is a host" },
	{ "ca-file", 0, OPT_TEXT, &ca_file, "FILE", "certificates to trust, in PEM" },
	{ "json", 0, OPT_FLAG, &as_json, NULL, "the result as JSON" },
	OPT_END
};

static int
print_json(const struct export_result *r, struct err *e)
{
	struct buf out = BUF_INIT(4096);
	struct jv *top = jv_new_object();
	int rc = -1;

	if (top == NULL || jv_set(top, "schema", jv_new_int(1)) == -1 ||
	    jv_set(top, "release", jv_new_int((int64_t)r->release)) == -1 ||
	    jv_set(top, "timestamp", jv_new_int((int64_t)r->timestamp)) == -1 ||
	    jv_set(top, "objects", jv_new_int((int64_t)r->objects)) == -1 ||
	    jv_set(top, "bytes", jv_new_int((int64_t)r->bytes)) == -1 ||
	    jv_set(top, "kept", jv_new_int((int64_t)r->kept)) == -1)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else if (jv_print(top, &out, e) == 0) {
		(void)printf("%s\n", buf_text(&out));
		rc = 0;
	}
	jv_free(top);
	buf_free(&out);
	return rc;
}

static int
print_result(const char *medium, const struct export_result *r, struct err *e)
{
	char bytes[BYTES_TEXT_MAX];

	if (as_json)
		return print_json(r, e);
	log_say("%s leads to release %" PRIu64 ": %" PRIu64 " objects, %s, came, %" PRIu64
		" were there", medium, r->release, r->objects, bytes_text(bytes, r->bytes),
	    r->kept);
	return 0;
}

/* A folder is the owner's: its own first root is what devices were given. */
static int
trust_folder(const struct site *s, int dir, struct err *e)
{
	struct buf root = BUF_INIT(TUF_ROOT_MAX);
	int rc;

	if (s->fetch != NULL || trust.root_file != NULL)
		return 0;
	rc = site_read(s, "metadata/1.root.json", &root, e);
	if (rc == 0)
		rc = tuf_trust(dir, root.data, root.len, e);
	buf_free(&root);
	return rc;
}

static int
export(const struct site *s, const char *path, struct err *e)
{
	struct export_result r;
	struct scratch scratch;
	int medium = -1, rc = -1;
	struct view v;

	if (scratch_open(&scratch, e) == -1)
		return -1;
	if (trust_folder(s, scratch.dir, e) == 0 &&
	    view_open(&v, s, scratch.dir, &trust, e) == 0) {
		if (place_make(path, 0755, &medium, e) == 0 &&
		    export_to(&v, medium, &want, &r, e) == 0)
			rc = print_result(path, &r, e);
		view_close(&v);
	}
	if (medium != -1)
		(void)close(medium);
	scratch_close(&scratch);
	return rc;
}

static int
run(int words, char **argv, struct err *e)
{
	struct site site;
	int rc;

	(void)words;
	if (want.platform == NULL)
		want.platform = "any";
	if (site_open(&site, argv[1], ca_file, e) == -1)
		return -1;
	rc = site.fetch == NULL ? place_apart(argv[1], argv[2], e) : 0;
	if (rc == 0)
		rc = export(&site, argv[2], e);
	site_close(&site);
	return rc;
}

const struct opt_command command_export = {
	"export", "REPO MEDIUM", "a medium for devices without a network",
	"Of a repository (or a host) the metadata, and the objects that devices on --from\n"
	"need to get to the newest release.  On the device\n"
	"\n"
	"    delta-apply --config FILE --url file:///media/stick update\n"
	"\n"
	"verifies and installs it as from any host.  Written again, the medium is brought\n"
	"up to date; metadata end when they end: a stick that lay too long is refused.\n",
	options, 2, 2, run
};
