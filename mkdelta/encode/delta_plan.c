#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/hash.h"

#include "mkdelta/encode/mapped.h"
#include "mkdelta/encode/match.h"
#include "mkdelta/encode/suffix.h"

#include "mkdelta/encode/delta_plan.h"

int
delta_plan_open(int dir, const char *name, const struct entry *entry, struct err *e)
{
	struct stat st;
	int fd = fs_open_file(dir, name == NULL ? entry->path : name, &st, e);

	if (fd == -1 || (uint64_t)st.st_size == entry->size)
		return fd;
	(void)close(fd);
	return err_set(e, ERR_FAIL, "%s: changed while it was read", entry->path);
}

uint8_t *
delta_plan_load(int dir, const char *name, const struct entry *entry, struct err *e)
{
	int fd = delta_plan_open(dir, name, entry, e);
	uint8_t *data;

	if (fd == -1)
		return NULL;
	if ((data = mapped_load(fd, (size_t)entry->size, e)) == NULL)
		(void)err_wrap(e, "%s", entry->path);
	(void)close(fd);
	return data;
}

/* ---- both sides of an output ---- */

static uint8_t *
load_form(const struct delta_plan *p, uint64_t at, uint64_t bytes, struct err *e)
{
	size_t n = (size_t)bytes;
	uint8_t *data = malloc(n + 1);

	if (data == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else if (spill_read(&p->forms.spill, data, n, at, e) == -1) {
		free(data);
		data = NULL;
	}
	return data;
}

static const struct entry *
new_entry(const struct delta_plan *p, size_t output)
{
	return &p->job->to->entries[p->outputs[output].entry];
}

const struct entry *
delta_plan_source(const struct delta_plan *p, size_t source)
{
	const struct listing *from = p->job->from;

	return source < from->n ? &from->entries[source] :
	    new_entry(p, source - from->n);
}

int
delta_plan_open_source(const struct delta_plan *p, size_t source, struct err *e)
{
	const struct delta_job *job = p->job;
	bool old = source < job->from->n;

	return delta_plan_open(old ? job->from_dir : job->to_dir,
	    old ? job->from_name : job->to_name, delta_plan_source(p, source), e);
}

uint64_t
delta_plan_memory(const struct delta_plan *p)
{
	return p->job->memory_bytes == 0 ? DELTA_JOB_MEMORY : p->job->memory_bytes;
}

/* The files, their blurred versions, what is predicted, references. */
uint64_t
delta_plan_files_bytes(uint64_t old_bytes, uint64_t new_bytes)
{
	return 3 * old_bytes + 4 * new_bytes;
}

uint64_t
delta_plan_match_bytes(uint64_t old_bytes, uint64_t new_bytes)
{
	return delta_plan_files_bytes(old_bytes, new_bytes) + suffix_memory(old_bytes);
}

bool
delta_plan_fits(const struct delta_plan *p, uint64_t old_bytes, uint64_t new_bytes)
{
	return delta_plan_match_bytes(old_bytes, new_bytes) <= delta_plan_memory(p);
}

uint64_t
delta_plan_old_bytes(const struct delta_plan *p, size_t output)
{
	const struct delta_output *o = &p->outputs[output];
	uint64_t sum = 0;

	if (o->expansion != NULL)
		return o->expansion->old_bytes;
	for (size_t i = 0; i < o->n_sources; i++)
		sum += delta_plan_source(p, o->sources[i])->size;
	return sum;
}

uint64_t
delta_plan_new_bytes(const struct delta_plan *p, size_t output)
{
	const struct expansion *x = p->outputs[output].expansion;

	return x != NULL ? x->new_bytes : new_entry(p, output)->size;
}

static int
read_source(const struct delta_plan *p, size_t source, uint8_t *to, struct err *e)
{
	const struct entry *x = delta_plan_source(p, source);
	int fd = delta_plan_open_source(p, source, e), rc;

	if (fd == -1)
		return -1;
	rc = fs_pread(fd, to, (size_t)x->size, 0, e);
	(void)close(fd);
	return rc == -1 ? err_wrap(e, "%s", x->path) : 0;
}

static uint8_t *
load_source(const struct delta_plan *p, size_t source, struct err *e)
{
	const struct delta_job *job = p->job;
	bool old = source < job->from->n;

	return delta_plan_load(old ? job->from_dir : job->to_dir,
	    old ? job->from_name : job->to_name, delta_plan_source(p, source), e);
}

uint8_t *
delta_plan_old(const struct delta_plan *p, size_t output, struct err *e)
{
	const struct delta_output *o = &p->outputs[output];
	const struct expansion *x = o->expansion;
	uint8_t *data;
	size_t at = 0;

	if (x != NULL)
		return load_form(p, x->old_at, x->old_bytes, e);
	if (o->n_sources == 1)
		return load_source(p, o->sources[0], e);
	if ((data = malloc((size_t)delta_plan_old_bytes(p, output) + 1)) == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < o->n_sources; i++) {
		if (read_source(p, o->sources[i], data + at, e) == -1) {
			free(data);
			return NULL;
		}
		at += (size_t)delta_plan_source(p, o->sources[i])->size;
	}
	return data;
}

uint8_t *
delta_plan_new(const struct delta_plan *p, size_t output, struct err *e)
{
	const struct expansion *x = p->outputs[output].expansion;

	if (x != NULL)
		return load_form(p, x->new_at, x->new_bytes, e);
	return delta_plan_load(p->job->to_dir, p->job->to_name, new_entry(p, output),
	    e);
}

/* ---- outputs ---- */

static int
set_outputs(struct delta_plan *p, const size_t *entries, struct err *e)
{
	const struct delta_job *job = p->job;
	size_t *ancestors = calloc(p->n + 1, sizeof *ancestors);
	int rc = -1;

	p->outputs = calloc(p->n + 1, sizeof *p->outputs);
	if (p->outputs == NULL || ancestors == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else
		rc = match_ancestors(job->from, job->to, entries, p->n, ancestors, e);
	for (size_t i = 0; rc == 0 && i < p->n; i++) {
		struct delta_output *o = &p->outputs[i];

		o->entry = entries[i];
		if (ancestors[i] == NO_ANCESTOR)
			continue;
		if ((o->sources = malloc(sizeof *o->sources)) == NULL) {
			rc = err_set(e, ERR_NOMEM, "out of memory");
			break;
		}
		o->sources[0] = ancestors[i];
		o->n_sources = 1;
	}
	free(ancestors);
	return rc;
}

struct content_key {
	struct sha256 sha256;
	size_t output;
};

static int
compare_keys(const void *pa, const void *pb)
{
	const struct content_key *a = pa, *b = pb;
	int order = memcmp(a->sha256.bytes, b->sha256.bytes, SHA256_BYTES);

	if (order != 0)
		return order;
	return a->output < b->output ? -1 : a->output > b->output;
}

/* The same new content twice is built once. */
static int
find_repeats(struct delta_plan *p, struct err *e)
{
	struct content_key *keys = calloc(p->n + 1, sizeof *keys);
	size_t first = 0;

	if (keys == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < p->n; i++)
		keys[i] = (struct content_key){
			p->job->to->entries[p->outputs[i].entry].sha256, i };
	if (p->n > 0)
		qsort(keys, p->n, sizeof *keys, compare_keys);
	for (size_t i = 0; i < p->n; i++) {
		if (!sha256_equal(&keys[i].sha256, &keys[first].sha256))
			first = i;
		p->outputs[keys[i].output].repeats = keys[first].output;
	}
	free(keys);
	return 0;
}

static int
find_outputs(struct delta_plan *p, struct err *e)
{
	struct listing *reduced;
	size_t *entries;
	int rc = -1;

	if (listing_emit(p->job->from, &p->old_text, e) == -1 ||
	    listing_emit_reduced(p->job->to, p->job->from, &p->reduced, e) == -1)
		return -1;
	if ((reduced = listing_parse(p->reduced.data, p->reduced.len, true, e)) == NULL)
		return -1;
	if ((entries = calloc(reduced->n + 1, sizeof *entries)) == NULL)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else {
		p->n = listing_outputs(reduced, entries);
		rc = set_outputs(p, entries, e);
	}
	free(entries);
	listing_free(reduced);
	return rc;
}

int
delta_plan_make(struct delta_plan *p, const struct delta_job *job, struct err *e)
{
	memset(p, 0, sizeof *p);
	p->job = job;
	forms_init(&p->forms);
	buf_init(&p->old_text, LISTING_TEXT_MAX);
	buf_init(&p->reduced, LISTING_TEXT_MAX);
	if (find_outputs(p, e) == -1 || find_repeats(p, e) == -1 ||
	    delta_plan_sources(p, e) == -1 || delta_plan_expand(p, e) == -1)
		return -1;
	return delta_plan_match(p, e);
}

void
delta_plan_free(struct delta_plan *p)
{
	for (size_t i = 0; p->outputs != NULL && i < p->n; i++) {
		blocks_free(&p->outputs[i].blocks);
		prediction_free(&p->outputs[i].prediction);
		expansion_free(p->outputs[i].expansion);
		free(p->outputs[i].sources);
	}
	free(p->outputs);
	forms_free(&p->forms);
	blocks_free(&p->listing);
	buf_free(&p->old_text);
	buf_free(&p->reduced);
}
