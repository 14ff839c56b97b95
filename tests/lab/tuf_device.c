#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"

#include "tests/lab/tuf_device.h"

enum { FILE_MAX = 1 << 20 };

struct tuf_device *
device_new(struct tuf_sim *s)
{
	const struct sim_file *root = sim_file(s, "1.root.json");
	struct tuf_device *d = calloc(1, sizeof *d);
	struct err e = ERR_INIT;

	assert_non_null(d);
	(void)snprintf(d->path, sizeof d->path, "/tmp/tuf-device-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	d->dir = fs_open_dir(d->path, &e);
	assert_true(d->dir != -1);
	d->clock.system_now = SIM_NOW;
	if (tuf_trust(d->dir, root->bytes.data, root->bytes.len, &e) == -1)
		fail_msg("%s", e.text);
	return d;
}

void
device_free(struct tuf_device *d)
{
	struct err e;
	int tmp;

	tuf_close(d->tuf);
	(void)close(d->dir);
	if ((tmp = fs_open_dir("/tmp", &e)) != -1) {
		(void)fs_remove_tree(tmp, d->path + strlen("/tmp/"), &e);
		(void)close(tmp);
	}
	free(d);
}

int
tuf_device_open(struct tuf_device *d, struct tuf_sim *s, struct err *e)
{
	struct tuf_source source;

	tuf_close(d->tuf);
	if (s != NULL) {
		source = sim_source(s);
		buf_reset(&s->asked);
	}
	d->tuf = tuf_open(d->dir, s == NULL ? NULL : &source, &d->clock, e);
	return d->tuf == NULL ? -1 : 0;
}

int
device_refresh(struct tuf_device *d, struct tuf_sim *s, struct err *e)
{
	if (tuf_device_open(d, s, e) == -1)
		return -1;
	return tuf_refresh(d->tuf, e);
}

void
device_must_refresh(struct tuf_device *d, struct tuf_sim *s)
{
	struct err e = ERR_INIT;

	if (device_refresh(d, s, &e) == -1)
		fail_msg("refresh: %s", e.text);
}

bool
device_has(const struct tuf_device *d, const char *name)
{
	return faccessat(d->dir, name, F_OK, 0) == 0;
}

void
device_read(const struct tuf_device *d, const char *name, struct buf *out)
{
	struct err e = ERR_INIT;

	if (fs_read_file(d->dir, name, out, &e) == -1)
		fail_msg("%s", e.text);
}

void
device_write(const struct tuf_device *d, const char *name, const void *data, size_t n)
{
	struct err e = ERR_INIT;

	if (fs_write_file(d->dir, name, data, n, 0644, &e) == -1)
		fail_msg("%s", e.text);
}

int64_t
device_version(const struct tuf_device *d, const char *name)
{
	struct buf bytes = BUF_INIT(FILE_MAX);
	struct err e = ERR_INIT;
	int64_t version = 0;
	struct jv *v;

	if (!device_has(d, name))
		return 0;
	device_read(d, name, &bytes);
	v = jv_parse(bytes.data, bytes.len, &e);
	assert_non_null(v);
	assert_int_equal(jv_int(jv_get(jv_get(v, "signed"), "version"), &version), 0);
	jv_free(v);
	buf_free(&bytes);
	return version;
}

bool
device_same(
    const struct tuf_device *d, const char *name, struct tuf_sim *s, const char *sim_name)
{
	const struct sim_file *f = sim_file(s, sim_name);
	struct buf bytes = BUF_INIT(FILE_MAX);
	bool same;

	assert_non_null(f);
	device_read(d, name, &bytes);
	same = bytes.len == f->bytes.len &&
	       memcmp(bytes.data, f->bytes.data, bytes.len) == 0;
	buf_free(&bytes);
	return same;
}
