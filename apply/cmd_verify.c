/*
 * cmd_verify.c - is what runs exactly what was signed?
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"

#include "apply/commands.h"
#include "apply/differences.h"
#include "apply/session.h"
#include "apply/state_json.h"
#include "apply/verify.h"

/* What the trusted metadata say of this release. */
enum signed_as { SIGNED_SAME, SIGNED_GONE, SIGNED_OTHER };

/* Without metadata of this release there is only the tree's own record. */
static enum signed_as
compare_with_signed(const struct device *d, const struct record *r)
{
	enum signed_as is = SIGNED_GONE;
	struct err ignored = ERR_INIT;
	struct session *s;
	struct stat st;

	if (fs_stat_at(d->state, "metadata/root.json", &st, &ignored) != 1 ||
	    (s = session_open(d, NULL, &ignored)) == NULL)
		return SIGNED_GONE;
	if (session_local(s, &ignored) == 0) {
		const struct record *known =
		    catalog_record(session_catalog(s), r->release);

		if (known != NULL)
			is = sha256_equal(&known->listing, &r->listing) ? SIGNED_SAME :
			    SIGNED_OTHER;
	}
	session_close(s);
	return is;
}

static void
print_text(const struct conf *c, const struct record *r,
    const struct verify_report *report, enum signed_as is)
{
	char bytes[BYTES_TEXT_MAX];

	differences_print(report);
	printf("%s: release %" PRIu64 " (%s): %" PRIu64 " files, %s, ", c->name,
	    r->release, r->version, report->files, bytes_text(bytes, report->bytes));
	if (report->total > 0)
		printf("%" PRIu64 " differences\n", report->total);
	else
		printf("exactly as %s\n", is == SIGNED_SAME ? "signed" : "installed");
	if (is == SIGNED_GONE)
		printf("  the metadata here do not list this release; its own record was "
		    "believed\n");
}

static int
print_json(const struct conf *c, const struct record *r,
    const struct verify_report *report, enum signed_as is, struct err *e)
{
	static const char *const words[] = { "same", "unknown", "other" };
	struct jv *v = jv_new_object();

	json_put_text(&v, "name", c->name);
	json_put_u64(&v, "release", r->release);
	json_put_text(&v, "version", r->version);
	json_put_text(&v, "signed", words[is]);
	json_put_u64(&v, "files", report->files);
	json_put_u64(&v, "bytes", report->bytes);
	differences_put(report, &v);
	return commands_print(v, e);
}

static int
report_on(const struct device *d, int tree, const struct record *r,
    const struct listing *listing, struct err *e)
{
	struct verify_report report;
	enum signed_as is = compare_with_signed(d, r);
	int rc;

	memset(&report, 0, sizeof report);
	rc = verify_tree(tree, listing, d->conf, &report, e);
	if (rc == 0 && common.json)
		rc = print_json(d->conf, r, &report, is, e);
	else if (rc == 0)
		print_text(d->conf, r, &report, is);
	if (rc == 0 && is == SIGNED_OTHER)
		rc = err_set(e, ERR_TRUST,
		    "%s: release %" PRIu64 " was signed as another "
		    "tree than the one installed",
		    d->conf->name, r->release);
	else if (rc == 0)
		rc = verify_report_err(&report, d->conf->name, e);
	verify_report_clear(&report);
	return rc;
}

static int
verify_live(const struct device *d, const struct live *live, struct err *e)
{
	struct listing *listing = NULL;
	struct record r;
	int tree, rc;

	if ((tree = live_open_tree(d, live->release, e)) == -1)
		return -1;
	memset(&r, 0, sizeof r);
	rc = tree_record_read(tree, &r, &listing, e);
	if (rc == -1) {
		e->code = ERR_TRUST;
		(void)err_wrap(e, "%s: release %" PRIu64, d->conf->name, live->release);
	} else {
		rc = report_on(d, tree, &r, listing, e);
	}
	listing_free(listing);
	record_clear(&r);
	(void)close(tree);
	return rc;
}

static int
verify(const struct conf *c, struct err *e)
{
	struct device d;
	struct live live;
	int rc = -1;

	memset(&live, 0, sizeof live);
	if (device_open(c, false, &d, e) == -1)
		return e->code == ERR_ABSENT ?
		    err_set(e, ERR_FAIL, "%s: nothing is installed", c->name) : -1;
	switch (live_read(&d, &live, e)) {
	case LIVE_NONE:
		(void)err_set(e, ERR_FAIL, "%s: nothing is installed", c->name);
		break;
	case LIVE_RELEASE:
		rc = verify_live(&d, &live, e);
		break;
	case LIVE_STUCK:
		break;
	}
	device_close(&d);
	return rc;
}

static const struct opt options[] = { COMMON_OPTIONS, JSON_OPTION, OPT_END };

static int
run_verify(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return commands_each(verify, e);
}

const struct opt_command cmd_verify = {
	"verify", "", "is the installed tree exactly what was signed?",
	"Hashes every file.  Exit status 4: it is not, and the differences are listed.\n",
	options, 0, 0, run_verify
};
