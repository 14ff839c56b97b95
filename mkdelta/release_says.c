/*
 * What a release says to devices beside its tree: requirements, data, attempt.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/utc.h"
#include "manifest/tuf_write.h"

#include "mkdelta/release.h"

enum { HARDWARE_MAX = 64 };

static const char *const classes[] = { "none", "reversible", "forward-only" };

static int
check_number_option(const char *option, uint64_t n, struct err *e)
{
	return n <= RELEASE_MAX ? 0 : err_set(e, ERR_USAGE, "--%s %" PRIu64 ": is above %"
	    PRIu64, option, n, (uint64_t)RELEASE_MAX);
}

/* As in a device tree's `compatible`: visible characters, "raspberrypi,4-model-b". */
static int
check_hardware(const struct opt_list *list, struct err *e)
{
	for (int i = 0; i < list->n; i++) {
		const char *name = list->values[i];
		size_t n = strlen(name);
		bool good = n > 0 && n <= HARDWARE_MAX;

		for (size_t k = 0; good && k < n; k++)
			good = name[k] > ' ' && name[k] < 0x7f;
		if (!good)
			return err_set(e, ERR_USAGE, "--hardware: a name has 1 to %d "
			    "visible characters, as raspberrypi,4-model-b",
			    HARDWARE_MAX);
	}
	return 0;
}

static int
check_applier(const char *version, struct err *e)
{
	enum { MAX = sizeof ((struct record *)NULL)->requires_applier - 1 };

	if (version == NULL)
		return 0;
	if (name_check_version(version, e) == -1)
		return err_wrap(e, "--requires-applier");
	if (strlen(version) > MAX)
		return err_set(e, ERR_USAGE, "--requires-applier %s: is longer than %d "
		    "characters", version, (int)MAX);
	return 0;
}

static int
class_of(const char *word)
{
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (strcmp(word, classes[i]) == 0)
			return (int)i;
	return -1;
}

static int
check_data(const struct release_says *s, struct err *e)
{
	if (s->data != NULL && class_of(s->data) == -1)
		return err_set(e, ERR_USAGE, "--data %s: is none of none, reversible, "
		    "forward-only", s->data);
	if (s->data != NULL && class_of(s->data) != DATA_NONE && s->schema == 0)
		return err_set(e, ERR_USAGE, "--data %s: needs --schema N, the schema of "
		    "the data that the release writes", s->data);
	if (s->reads != 0 && s->schema == 0)
		return err_set(e, ERR_USAGE, "--reads %" PRIu64 ": needs --schema N, the "
		    "highest schema that the release reads", s->reads);
	if (s->reads > s->schema)
		return err_set(e, ERR_USAGE, "--reads %" PRIu64 ": is above --schema %"
		    PRIu64 "; it is the lowest schema that the release reads", s->reads,
		    s->schema);
	if (s->schema != 0 && s->requires_schema > s->schema)
		return err_set(e, ERR_USAGE, "--requires-schema %" PRIu64 ": is above "
		    "--schema %" PRIu64 ", the highest that the release reads",
		    s->requires_schema, s->schema);
	return 0;
}

int
release_says_check(const struct release_says *s, struct err *e)
{
	if (check_number_option("requires-release", s->requires_release, e) == -1 ||
	    check_number_option("requires-schema", s->requires_schema, e) == -1 ||
	    check_number_option("schema", s->schema, e) == -1 ||
	    check_number_option("reads", s->reads, e) == -1 ||
	    check_number_option("attempt", s->attempt, e) == -1 ||
	    check_applier(s->requires_applier, e) == -1 ||
	    check_hardware(&s->hardware, e) == -1)
		return -1;
	return check_data(s, e);
}

int
release_says_reachable(const struct release *r, struct err *e)
{
	uint64_t least = r->want->says.requires_release;

	for (size_t i = 0; least != 0 && i < r->n; i++) {
		const struct catalog *c = &r->trees[i].old;
		uint64_t newest = c->n_records == 0 ? 0 :
		    c->records[c->n_records - 1].release;

		/* Where nothing is listed yet there are only first installs. */
		if (newest != 0 && least > newest)
			return err_set(e, ERR_POLICY, "--requires-release %" PRIu64 ": no "
			    "device could update to release %" PRIu64 "; the newest "
			    "before it on %s is %" PRIu64, least, r->number,
			    r->trees[i].platform, newest);
	}
	return 0;
}

int
release_says_fill(const struct release_says *s, struct record *x, struct err *e)
{
	x->requires_release = s->requires_release;
	x->requires_schema = s->requires_schema;
	if (s->requires_applier != NULL)
		(void)snprintf(x->requires_applier, sizeof x->requires_applier, "%s",
		    s->requires_applier);
	x->data = s->data == NULL ? DATA_NONE : (enum data_class)class_of(s->data);
	x->data_schema = s->schema;
	x->data_reads = s->reads;
	x->attempt = s->attempt;
	if (s->hardware.n == 0)
		return 0;
	if ((x->requires_hardware = jv_new_list()) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (int i = 0; i < s->hardware.n; i++)
		if (jv_push(x->requires_hardware,
		    jv_new_text(s->hardware.values[i])) == -1)
			return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static bool
same_hardware(const struct opt_list *list, const struct jv *signed_list)
{
	if ((size_t)list->n != jv_count(signed_list))
		return false;
	for (int i = 0; i < list->n; i++) {
		const char *name = jv_text(jv_at(signed_list, (size_t)i));

		if (name == NULL || strcmp(name, list->values[i]) != 0)
			return false;
	}
	return true;
}

/* The first option that was given and differs from what is signed, NULL: none. */
static const char *
differing(const struct release_says *s, const struct record *x)
{
	if (s->requires_release != 0 && s->requires_release != x->requires_release)
		return "requires-release";
	if (s->requires_schema != 0 && s->requires_schema != x->requires_schema)
		return "requires-schema";
	if (s->requires_applier != NULL &&
	    strcmp(s->requires_applier, x->requires_applier) != 0)
		return "requires-applier";
	if (s->hardware.n > 0 && !same_hardware(&s->hardware, x->requires_hardware))
		return "hardware";
	if (s->data != NULL && class_of(s->data) != (int)x->data)
		return "data";
	if (s->schema != 0 && s->schema != x->data_schema)
		return "schema";
	return s->reads != 0 && s->reads != x->data_reads ? "reads" : NULL;
}

int
release_says_compare(const struct release *r, struct err *e)
{
	const struct release_says *s = &r->want->says;
	bool higher = false;

	for (size_t i = 0; i < r->n; i++) {
		const struct record *x = catalog_record(&r->trees[i].old, r->number);
		const char *option = differing(s, x);

		if (option != NULL)
			return err_set(e, ERR_POLICY, "release %" PRIu64 ": this tree and "
			    "version are released already, with another --%s; give "
			    "another --version to release the tree again", r->number,
			    option);
		if (s->attempt != 0 && s->attempt < x->attempt)
			return err_set(e, ERR_POLICY, "release %" PRIu64 ": is at attempt "
			    "%" PRIu64 " already; an attempt only rises", r->number,
			    x->attempt);
		higher = higher || s->attempt > x->attempt;
	}
	return higher ? 1 : 0;
}

/* The platform's role or the one of its archives that lists this path. */
static struct repo_role *
role_that_lists(const struct repo *r, struct repo_role *platform, const char *path)
{
	struct repo_role *archive = NULL;

	if (platform == NULL || jv_get(jv_get(platform->part, "targets"), path) != NULL)
		return platform;
	while ((archive = repo_next_archive(r, platform, archive)) != NULL)
		if (jv_get(jv_get(archive->part, "targets"), path) != NULL)
			return archive;
	return platform;
}

/* Only the records change; what they describe stays as it is, and where it is. */
int
release_raise_attempt(struct release *r, const struct keys *keys, struct err *e)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct release_tree *t = &r->trees[i];
		struct record x = *catalog_record(&t->old, r->number);
		struct repo_role *role = repo_platform_role(r->repo, r->want->channel,
		    t->platform, e);
		struct jv *custom;

		x.attempt = r->want->says.attempt;
		role = role_that_lists(r->repo, role, x.object.path);
		if (role == NULL || (custom = record_to_json(&x, e)) == NULL ||
		    tuf_set_target(role->part, x.object.path, x.object.bytes,
			&x.object.sha256, custom, e) == -1)
			return -1;
		role->changed = true;
	}
	return repo_commit(r->repo, keys, utc_now(), r->want->keys.force, e);
}
