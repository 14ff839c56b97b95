#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "apply/ready.h"
#include "mkdelta/encode/delta_write.h"
#include "mkdelta/pack.h"
#include "mkdelta/encode/zwrite.h"

#include "tests/lab/release.h"

/* A tree with one of everything, in src/41; run in the scratch folder. */
static const char make_41[] =
    "mkdir -p src/41 && cd src/41 && mkdir -p bin lib/empty lib/deep/er turns/into tmp "
    ".delta/hooks && seq 1 40000 > bin/tool && chmod 755 bin/tool && ln -s tool "
    "bin/alias "
    "&& ln -s ../../../etc/passwd bin/escape && echo one > lib/one && ln lib/one lib/uno "
    "&& ln lib/one lib/deep/er/eins && : > lib/zero && chmod 555 lib/deep && "
    "seq 5 9000 > lib/moved && echo was-file > kind && ln -s kind linked && "
    "echo content > turns/into/file && echo mode > changes-mode && chmod 600 "
    "changes-mode && truncate -s 3M sparse && echo end >> sparse && "
    "echo hook > .delta/hooks/stop && "
    "chmod 755 .delta/hooks/stop && printf odd > \"$(printf 'a b\\nc\\303\\244\\\\#=')\" "
    "&& echo same > dup1 && echo same > dup2 && "
    "echo long > $(printf 'n%.0s' $(seq 255)) && chmod 1755 tmp";

/* src/42: the same, in every entry of another kind or place. */
static const char make_42[] =
    "cp -a src/41 src/42 && cd src/42 && chmod 755 lib/deep && "
    "(seq 1 20000; echo changed; seq 20001 41000) > bin/tool && ln -sfn ../lib bin/alias "
    "&& rm lib/uno && ln lib/zero lib/nil && mv lib/moved moved && cp moved moved-too && "
    "rm kind && mkdir kind && echo inside > kind/file && rm linked && echo was-link > "
    "linked && rm -r turns && ln -s nowhere turns && chmod 640 changes-mode && rmdir "
    "lib/empty && : > lib/empty && echo more >> sparse && rm dup2 && ln dup1 dup2 && "
    "chmod 500 lib/deep && seq 7 3000 > brand-new && cp brand-new brand-new-again";

static const char make_43[] =
    "cp -a src/42 src/43 && cd src/43 && seq 2 40000 > bin/tool && echo third > "
    "lib/three && echo four >> moved && rm brand-new";

struct lab_device *
lab_sources(enum swap_mode swap)
{
	struct lab_device *l = lab_device_open(swap, NULL);

	lab_device_sh(l, "%s", make_41);
	lab_device_sh(l, "%s", make_42);
	lab_device_sh(l, "%s", make_43);
	return l;
}

void
lab_run_stage(struct run *run)
{
	struct err e = ERR_INIT;

	if (step_stage(run, &e) != STEP_DONE)
		fail_msg("stage: %s", e.text);
	if (step_verify(run, &e) != STEP_DONE)
		fail_msg("verify: %s", e.text);
}

void
lab_no_staging(struct lab_device *l)
{
	lab_device_sh(l, "[ -z \"$(find . -path ./src -prune -o -name '.staging-*' "
	    "-print)\" ]");
}

static const char *
source(uint64_t release, char out[static 32])
{
	(void)snprintf(out, 32, "src/%u", (unsigned)release);
	return out;
}

static int
open_source(struct lab_device *l, uint64_t release)
{
	struct err e = ERR_INIT;
	char path[32];
	int fd = fs_open_dir_at(l->fd, source(release, path), &e);

	if (fd == -1)
		fail_msg("%s", e.text);
	return fd;
}

static void
spool(struct lab_device *l, struct object *o, const void *data, size_t n)
{
	char hex[SHA256_HEX_MAX], path[96];
	struct err e = ERR_INIT;

	o->bytes = n;
	assert_int_equal(sha256_of(data, n, &o->sha256, &e), 0);
	(void)snprintf(path, sizeof path, "spool/%s", sha256_hex(&o->sha256, hex));
	if (fs_mkdirs(l->dev.state, "spool", 0700, &e) == -1 ||
	    fs_put_file(l->dev.state, path, data, n, 0600, &e) == -1)
		fail_msg("%s", e.text);
}

static void
spool_listing(struct lab_device *l, const struct listing *listing, struct object *o)
{
	struct buf text = BUF_INIT(LISTING_TEXT_MAX), packed = BUF_INIT(LISTING_TEXT_MAX);
	struct err e = ERR_INIT;

	if (listing_emit(listing, &text, &e) == -1 ||
	    zwrite_frame(text.data, text.len, 3, 20, &packed, &e) == -1)
		fail_msg("%s", e.text);
	spool(l, o, packed.data, packed.len);
	buf_free(&text);
	buf_free(&packed);
}

void
lab_release_open(struct lab_device *l, uint64_t release, struct lab_release *r)
{
	struct err e = ERR_INIT;
	char path[32];

	r->listing = lab_device_record(l, source(release, path), release, &r->rec);
	assert_int_equal(listing_index(r->listing, &e), 0);
	spool_listing(l, r->listing, &r->rec.object);
}

void
lab_release_close(struct lab_release *r)
{
	listing_free(r->listing);
	record_clear(&r->rec);
}

void
lab_run_open(struct lab_device *l, uint64_t from, uint64_t to, struct run *run)
{
	struct lab_release r;
	struct err e = ERR_INIT;

	memset(run, 0, sizeof *run);
	run->dev = &l->dev;
	run->has_plan = true;
	run->mark.from = run->plan.from = from;
	run->mark.to = to;
	run->plan.hops = calloc(CHAIN_HOPS_MAX, sizeof *run->plan.hops);
	run->plan.trees = calloc(CHAIN_HOPS_MAX, sizeof *run->plan.trees);
	assert_true(run->plan.hops != NULL && run->plan.trees != NULL);
	lab_release_open(l, to, &r);
	assert_int_equal(record_copy(&run->plan.to, &r.rec, &e), 0);
	lab_release_close(&r);
	if (from == 0)
		return;
	lab_release_open(l, from, &r);
	assert_int_equal(record_copy(&run->plan.from_record, &r.rec, &e), 0);
	lab_release_close(&r);
}

void
lab_run_close(struct run *run)
{
	for (size_t i = 0; i < run->plan.n_hops; i++) {
		edge_clear(&run->plan.hops[i]);
		record_clear(&run->plan.trees[i]);
	}
	free(run->plan.hops);
	free(run->plan.trees);
	record_clear(&run->plan.to);
	record_clear(&run->plan.from_record);
}

static struct edge *
add_hop(struct run *run, const struct lab_release *to)
{
	struct plan *p = &run->plan;
	struct err e = ERR_INIT;
	struct edge *edge;

	assert_true(p->n_hops < CHAIN_HOPS_MAX);
	edge = &p->hops[p->n_hops];
	assert_int_equal(record_copy(&p->trees[p->n_hops++], &to->rec, &e), 0);
	edge->release = to->rec.release;
	edge->to = to->rec.listing;
	edge->usable = true;
	return edge;
}

/* A new file in the scratch folder becomes an object of the spool. */
static int
temp_file(struct lab_device *l)
{
	struct err e = ERR_INIT;
	int fd;

	(void)fs_unlink(l->fd, "object", &e);
	if ((fd = fs_create(l->fd, "object", 0600, &e)) == -1)
		fail_msg("%s", e.text);
	return fd;
}

static void
spool_temp(struct lab_device *l, struct object *o)
{
	struct buf data = BUF_INIT((size_t)256 << 20);
	struct err e = ERR_INIT;

	if (fs_read_file(l->fd, "object", &data, &e) == -1)
		fail_msg("%s", e.text);
	spool(l, o, data.data, data.len);
	buf_free(&data);
}

void
lab_run_full(struct lab_device *l, struct run *run, uint64_t release)
{
	const struct pack_options options = { .level = 3, .jobs = 1,
		.frame_bytes = 1 << 16 };
	struct pack_result result;
	struct err e = ERR_INIT;
	struct lab_release r;
	struct edge *edge;
	int dir = open_source(l, release), fd = temp_file(l);

	lab_release_open(l, release, &r);
	edge = add_hop(run, &r);
	edge->is_full = true;
	if (pack_tree(dir, r.listing, &options, fd, &result, &e) == -1)
		fail_msg("%s", e.text);
	edge->output_bytes = result.unpacked_bytes;
	pack_result_clear(&result);
	(void)close(fd);
	(void)close(dir);
	spool_temp(l, &edge->object);
	(void)snprintf(edge->object.path, sizeof edge->object.path, "%u/any.tar.zst",
	    (unsigned)release);
	lab_release_close(&r);
}

void
lab_run_delta(struct lab_device *l, struct run *run, uint64_t from, uint64_t to)
{
	struct lab_release a, b;
	struct delta_job job = { .jobs = 1, .effort = 3 };
	struct delta_stats stats;
	struct err e = ERR_INIT;
	struct edge *edge;
	int fd = temp_file(l);

	lab_release_open(l, from, &a);
	lab_release_open(l, to, &b);
	edge = add_hop(run, &b);
	edge->from = a.rec.listing;
	edge->from_release = from;
	job.from = a.listing;
	job.to = b.listing;
	job.from_dir = open_source(l, from);
	job.to_dir = open_source(l, to);
	if (delta_write(&job, fd, &stats, &e) == -1)
		fail_msg("%s", e.text);
	edge->output_bytes = stats.output_bytes;
	edge->scratch_bytes = stats.scratch_bytes;
	(void)close(fd);
	(void)close(job.from_dir);
	(void)close(job.to_dir);
	spool_temp(l, &edge->object);
	(void)snprintf(edge->object.path, sizeof edge->object.path,
	    "%u/any.from-%u.delta", (unsigned)to, (unsigned)from);
	lab_release_close(&a);
	lab_release_close(&b);
}

void
lab_run_spoil(struct lab_device *l, struct run *run, size_t hop, const void *data,
    size_t n)
{
	spool(l, &run->plan.hops[hop].object, data, n);
}

void
lab_install(struct lab_device *l, uint64_t release)
{
	const char *base = l->conf.swap == SWAP_SYMLINK ? "app" : ".app.delta";
	struct err e = ERR_INIT;
	struct live live;
	char path[64];

	(void)snprintf(path, sizeof path, "%s/releases/%u", base, (unsigned)release);
	lab_device_sh(l, "cp -a src/%u %s", (unsigned)release, path);
	lab_device_sign(l, path, release);
	(void)live_read(&l->dev, &live, &e);
	if (live_switch(&l->dev, live.release, release, &e) == -1)
		fail_msg("%s", e.text);
}

void
lab_same(struct lab_device *l, uint64_t release)
{
	struct err e = ERR_INIT;
	struct lab_release r;

	lab_release_open(l, release, &r);
	if (ready_release(&l->dev, &r.rec, &e) != 1)
		fail_msg("release %u: %s", (unsigned)release, e.text);
	lab_release_close(&r);
}
