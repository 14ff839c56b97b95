#include <errno.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/jv.h"

#include "apply/device.h"

/*
 * TREE/.delta/record.json is a targets part with one target, as the platform's
 * role holds it, so that one reader understands both:
 *
 *	{ "_type": "targets", "platform": "linux-arm64",
 *	  "targets": { "42/linux-arm64.tree.zst": { length, hashes, custom } } }
 */
#define FOLDER ".delta"
#define LISTING ".delta/listing"
#define RECORD ".delta/record.json"

enum { RECORD_TEXT_MAX = 1 << 20 };

static struct jv *
target_of(const struct record *rec, struct err *e)
{
	struct jv *target = jv_new_object(), *hashes = jv_new_object();
	struct jv *custom = record_to_json(rec, e);
	char hex[SHA256_HEX_MAX];

	if (custom == NULL || target == NULL || hashes == NULL)
		goto fail;
	if (jv_set(hashes, "sha256", jv_new_text(sha256_hex(&rec->object.sha256, hex))) ||
	    jv_set(target, "length", jv_new_int((int64_t)rec->object.bytes)))
		goto fail;
	if (jv_set(target, "hashes", hashes) == -1) {
		hashes = NULL;
		goto fail;
	}
	hashes = NULL;
	if (jv_set(target, "custom", custom) == -1) {
		custom = NULL;
		goto fail;
	}
	return target;
fail:
	jv_free(target);
	jv_free(hashes);
	jv_free(custom);
	if (e->code == ERR_NONE)
		(void)err_set(e, ERR_NOMEM, "out of memory for a record");
	return NULL;
}

static struct jv *
part_of(const struct record *rec, struct err *e)
{
	struct jv *part = jv_new_object(), *targets = jv_new_object();
	struct jv *target;

	err_clear(e);
	if (part == NULL || targets == NULL || (target = target_of(rec, e)) == NULL)
		goto fail;
	if (jv_set(targets, rec->object.path, target) == -1 ||
	    jv_set(part, "_type", jv_new_text("targets")) == -1 ||
	    jv_set(part, "platform", jv_new_text(rec->platform)) == -1)
		goto fail;
	if (jv_set(part, "targets", targets) == 0)
		return part;
	targets = NULL;
fail:
	jv_free(part);
	jv_free(targets);
	if (e->code == ERR_NONE)
		(void)err_set(e, ERR_NOMEM, "out of memory for a record");
	return NULL;
}

static int
write_record(int tree, const struct record *rec, struct err *e)
{
	struct buf text = BUF_INIT(RECORD_TEXT_MAX);
	struct jv *part = part_of(rec, e);
	int rc = -1;

	if (part != NULL && jv_print(part, &text, e) == 0)
		rc = fs_put_file(tree, RECORD, text.data, text.len, 0644, e);
	buf_free(&text);
	jv_free(part);
	return rc;
}

int
tree_record_write(int tree, const struct record *rec, const struct listing *listing,
    struct err *e)
{
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	struct sha256 id;
	int rc = -1;

	if (listing_emit(listing, &text, e) == -1 ||
	    sha256_of(text.data, text.len, &id, e) == -1)
		goto out;
	if (!sha256_equal(&id, &rec->listing)) {
		(void)err_set(e, ERR_TRUST,
		    "release %llu: the listing is not the signed one",
		    (unsigned long long)rec->release);
		goto out;
	}
	if (fs_mkdir(tree, FOLDER, 0755, e) == -1 && e->sys != EEXIST)
		goto out;
	if (fs_put_file(tree, LISTING, text.data, text.len, 0644, e) == -1)
		goto out;
	rc = write_record(tree, rec, e);
out:
	buf_free(&text);
	return rc;
}

/* The one record in a part. */
static int
parse_record(const struct buf *text, struct record *rec, struct err *e)
{
	struct jv *part = jv_parse(text->data, text->len, e);
	struct catalog catalog = { 0 };
	const char *platform;
	int rc = -1;

	if (part == NULL)
		return -1;
	if ((platform = jv_get_text(part, "platform", e)) != NULL &&
	    catalog_read(part, platform, &catalog, e) == 0)
		rc = catalog.n_records == 1 ? record_copy(rec, &catalog.records[0], e) :
		    err_set(e, ERR_FORMAT, "holds %zu records instead of one",
		    catalog.n_records);
	catalog_clear(&catalog);
	jv_free(part);
	return rc;
}

static int
read_record(int tree, struct record *rec, struct err *e)
{
	struct buf text = BUF_INIT(RECORD_TEXT_MAX);
	int rc = -1;

	if (fs_read_file(tree, RECORD, &text, e) == 0 &&
	    (rc = parse_record(&text, rec, e)) == -1)
		(void)err_wrap(e, RECORD);
	buf_free(&text);
	return rc;
}

static struct listing *
read_listing(int tree, const struct sha256 *want, struct err *e)
{
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	struct listing *listing = NULL;
	struct sha256 id;

	if (fs_read_file(tree, LISTING, &text, e) == 0 &&
	    sha256_of(text.data, text.len, &id, e) == 0) {
		if (sha256_equal(&id, want))
			listing = listing_parse(text.data, text.len, false, e);
		else
			(void)err_set(e, ERR_TRUST,
			    LISTING ": not the one its record names");
	}
	buf_free(&text);
	return listing;
}

int
tree_record_read(int tree, struct record *rec, struct listing **listing, struct err *e)
{
	memset(rec, 0, sizeof *rec);
	if (read_record(tree, rec, e) == -1)
		return -1;
	if (listing != NULL &&
	    (*listing = read_listing(tree, &rec->listing, e)) == NULL) {
		record_clear(rec);
		memset(rec, 0, sizeof *rec);
		return -1;
	}
	return 0;
}
