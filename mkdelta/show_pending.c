/*
 * show_pending.c - `show REPO pending`: the change that lacks signatures, and whose.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/tuf_meta.h"
#include "manifest/tuf_write.h"
#include "mkdelta/commands.h"
#include "mkdelta/pending.h"
#include "mkdelta/repo_state.h"

#include "mkdelta/show.h"

static bool
lists(const struct jv *ids, const char *id)
{
	for (size_t i = 0; i < jv_count(ids); i++)
		if (strcmp(jv_text(jv_at(ids, i)), id) == 0)
			return true;
	return false;
}

/* { role, by, signed: [ids], missing: [ids], lacks: n } of one who must sign. */
static struct jv *
state_of(const struct jv *holder, const struct repo_role *role, const char *by,
    struct err *e)
{
	const struct jv *all = jv_get(tuf_role_entry(holder, role->name), "keyids");
	struct jv *o = jv_new_object(), *good = jv_new_list(), *missing = jv_new_list();
	int64_t threshold = 0, n;

	if (tuf_good_signatures(holder, role->name, role->file, good, &threshold, e) ==
	    -1) {
		jv_free(good);
		jv_free(missing);
		jv_free(o);
		return NULL;
	}
	for (size_t i = 0; i < jv_count(all); i++)
		if (!lists(good, jv_text(jv_at(all, i))))
			(void)jv_push(missing, jv_copy(jv_at(all, i)));
	n = (int64_t)jv_count(good);
	(void)jv_set(o, "role", jv_new_text(role->name));
	(void)jv_set(o, "version", jv_new_int((int64_t)role->version));
	(void)jv_set(o, "by", jv_new_text(by));
	(void)jv_set(o, "threshold", jv_new_int(threshold));
	(void)jv_set(o, "lacks", jv_new_int(n < threshold ? threshold - n : 0));
	(void)jv_set(o, "signed", good);
	(void)jv_set(o, "missing", missing);
	return o;
}

static struct jv *
gather(const struct repo *r, struct err *e)
{
	struct jv *list = jv_new_list();

	for (const struct repo_role *role = r->roles; role != NULL; role = role->next) {
		const struct jv *holders[REPO_HOLDERS_MAX];
		size_t n = role->file == NULL ? 0 : repo_state_holders(r, role, holders);

		for (size_t i = 0; i < n; i++) {
			const char *by = i == 1 ? "the root before" : n == 2 ?
			    "the new root" : role->by;
			struct jv *one = state_of(holders[i], role, by, e);

			if (one == NULL || jv_push(list, one) == -1) {
				jv_free(list);
				return NULL;
			}
		}
	}
	return list;
}

static void
print_ids(const struct jv *ids, const char *between)
{
	for (size_t i = 0; i < jv_count(ids); i++)
		(void)printf("%s%.16s", i == 0 ? " " : between, jv_text(jv_at(ids, i)));
}

static void
print_one(const struct jv *o)
{
	int64_t lacks = 0, threshold = 0;

	(void)jv_int(jv_get(o, "lacks"), &lacks);
	(void)jv_int(jv_get(o, "threshold"), &threshold);
	(void)printf("  %s, as %s says: %zu of %" PRId64 " signature%s",
	    jv_text(jv_get(o, "role")), jv_text(jv_get(o, "by")),
	    jv_count(jv_get(o, "signed")), threshold, threshold == 1 ? "" : "s");
	print_ids(jv_get(o, "signed"), ", ");
	if (lacks > 0) {
		(void)printf("; lacks %" PRId64 " of", lacks);
		print_ids(jv_get(o, "missing"), ", ");
	}
	(void)printf("\n");
}

/* Everything signed: then only who has the online key is waited for. */
static bool
is_complete(const struct jv *list)
{
	for (size_t i = 0; i < jv_count(list); i++) {
		int64_t lacks = 1;

		(void)jv_int(jv_get(jv_at(list, i), "lacks"), &lacks);
		if (lacks > 0)
			return false;
	}
	return true;
}

static void
print(const struct repo *r, const struct jv *list)
{
	(void)printf("%s.pending: %s; not published yet\n", r->path, r->reason);
	for (size_t i = 0; i < jv_count(list); i++)
		print_one(jv_at(list, i));
	(void)printf("  next: mkdelta sign %s, where %s\n", r->path, is_complete(list) ?
	    "the online key is" : "one of the keys is that lack");
}

int
show_pending(const char *path, bool json, struct err *e)
{
	struct repo *r = repo_open(path, NULL, e);
	struct jv *list = NULL, *o;
	int rc = -1;

	if (r == NULL)
		return -1;
	err_clear(e);
	if (pending_load(r, e) == -1 && e->code == ERR_ABSENT) {
		err_clear(e);
		if (!json)
			(void)printf("%s: nothing waits for signatures\n", path);
		rc = json ? command_print(jv_new_object(), e) : 0;
	} else if (e->code == ERR_NONE && (list = gather(r, e)) != NULL) {
		rc = 0;
		if (json) {
			o = jv_new_object();
			(void)jv_set(o, "schema", jv_new_int(1));
			(void)jv_set(o, "reason", jv_new_text(r->reason));
			(void)jv_set(o, "pending", jv_copy(list));
			rc = command_print(o, e);
		} else {
			print(r, list);
		}
	}
	jv_free(list);
	repo_close(r);
	return rc;
}
