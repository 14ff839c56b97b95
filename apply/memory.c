#include <stdio.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/utc.h"

#include "apply/state_json.h"

#include "apply/memory.h"

#define QUARANTINE "quarantine.json"
#define HOLD "hold.json"

enum { QUARANTINE_MAX = 100 };

/* The list of entries, always a list; owned, NULL: out of memory. */
static struct jv *
read_entries(const struct device *d)
{
	struct jv *doc = state_json_try(d->state, QUARANTINE);
	struct jv *list = doc == NULL ? NULL : jv_take(doc, "entries");

	jv_free(doc);
	if (jv_kind(list) == JV_LIST)
		return list;
	jv_free(list);
	return jv_new_list();
}

/* Takes list. */
static int
write_entries(const struct device *d, struct jv *list, struct err *e)
{
	struct jv *doc = jv_new_object();
	int rc;

	json_put_u64(&doc, "format", 1);
	json_put(&doc, "entries", list);
	if (json_done(doc, e) == NULL)
		return -1;
	rc = state_json_write(d->state, QUARANTINE, doc, e);
	jv_free(doc);
	return rc;
}

static bool
is_entry(const struct jv *entry, uint64_t release, const struct sha256 *listing)
{
	char hex[SHA256_HEX_MAX];

	return json_u64(entry, "release") == release &&
	    strcmp(json_text(entry, "listing"), sha256_hex(listing, hex)) == 0;
}

int
quarantine_add(const struct device *d, uint64_t release, const struct sha256 *listing,
    uint64_t attempt, const char *reason, const char *text, struct err *e)
{
	struct jv *had = read_entries(d), *list = jv_new_list(), *entry = jv_new_object();
	char hex[SHA256_HEX_MAX];
	size_t n = jv_count(had), from = n < QUARANTINE_MAX ? 0 : n - QUARANTINE_MAX + 1;

	for (size_t i = from; i < n; i++)
		if (!is_entry(jv_at(had, i), release, listing))
			json_push(&list, jv_copy(jv_at(had, i)));
	json_put_u64(&entry, "release", release);
	json_put_text(&entry, "listing", sha256_hex(listing, hex));
	json_put_u64(&entry, "attempt", attempt);
	json_put_text(&entry, "reason", reason);
	json_put_text(&entry, "text", text);
	json_put_time(&entry, "time", utc_now());
	json_push(&list, entry);
	jv_free(had);
	return json_done(list, e) == NULL ? -1 : write_entries(d, list, e);
}

bool
quarantine_has(const struct device *d, const struct record *r, char reason[64])
{
	struct jv *list = read_entries(d);
	bool found = false;

	for (size_t i = 0; i < jv_count(list) && !found; i++) {
		const struct jv *entry = jv_at(list, i);

		found = is_entry(entry, r->release, &r->listing) &&
		    r->attempt <= json_u64(entry, "attempt");
		if (found)
			(void)snprintf(reason, 64, "%s", json_text(entry, "reason"));
	}
	jv_free(list);
	return found;
}

int
quarantine_clear(const struct device *d, uint64_t up_to, struct err *e)
{
	struct jv *had = read_entries(d), *list = jv_new_list();
	size_t n = jv_count(had);

	for (size_t i = 0; i < n; i++)
		if (json_u64(jv_at(had, i), "release") > up_to)
			json_push(&list, jv_copy(jv_at(had, i)));
	jv_free(had);
	if (json_done(list, e) == NULL)
		return -1;
	if (jv_count(list) > 0)
		return jv_count(list) == n ? (jv_free(list), 0)
					   : write_entries(d, list, e);
	jv_free(list);
	if (fs_unlink(d->state, QUARANTINE, e) == -1)
		return err_wrap(e, "state");
	return n == 0 ? 0 : fs_sync_dir(d->state, ".", e);
}

struct jv *
quarantine_list(const struct device *d, struct err *e)
{
	return json_done(read_entries(d), e);
}

int
hold_set(const struct device *d, uint64_t left, struct err *e)
{
	struct jv *doc = jv_new_object();
	int rc;

	json_put_u64(&doc, "format", 1);
	json_put_u64(&doc, "left", left);
	json_put_time(&doc, "time", utc_now());
	if (json_done(doc, e) == NULL)
		return -1;
	rc = state_json_write(d->state, HOLD, doc, e);
	jv_free(doc);
	return rc;
}

uint64_t
hold_get(const struct device *d)
{
	struct jv *doc = state_json_try(d->state, HOLD);
	uint64_t left = json_u64(doc, "left");

	jv_free(doc);
	return left;
}

int
hold_clear(const struct device *d, struct err *e)
{
	struct stat st;

	if (fs_stat_at(d->state, HOLD, &st, e) == 0)
		return 0;
	if (fs_unlink(d->state, HOLD, e) == -1 || fs_sync_dir(d->state, ".", e) == -1)
		return err_wrap(e, "state");
	return 0;
}
