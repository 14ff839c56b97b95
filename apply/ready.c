#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/log.h"

#include "apply/ready.h"

int
ready_tree(int tree, const struct record *want, const struct conf *conf,
    struct verify_report *report, struct err *why)
{
	struct listing *listing;
	struct record rec;
	char name[40];
	int rc;

	(void)snprintf(name, sizeof name, "release %llu",
	    (unsigned long long)want->release);
	memset(report, 0, sizeof *report);
	if (tree_record_read(tree, &rec, &listing, why) == -1)
		return why->code == ERR_NOMEM ? -1 : 0;
	if (rec.release != want->release || !sha256_equal(&rec.listing, &want->listing)) {
		(void)err_set(why, ERR_TRUST, "it holds another tree");
		rc = 0;
	} else {
		progress_start("verify", want->content_bytes, true);
		if ((rc = verify_tree(tree, listing, conf, report, why)) == 0)
			rc = verify_report_err(report, name, why) == 0;
		progress_end();
	}
	listing_free(listing);
	record_clear(&rec);
	return rc;
}

int
ready_release(const struct device *dev, const struct record *want, struct err *e)
{
	struct verify_report report;
	int rc, tree = live_open_tree(dev, want->release, e);

	if (tree == -1)
		return e->code == ERR_ABSENT ? 0 : -1;
	rc = ready_tree(tree, want, dev->conf, &report, e);
	verify_report_clear(&report);
	(void)close(tree);
	return rc;
}
