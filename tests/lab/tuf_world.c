#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "manifest/base/utc.h"

#include "tests/lab/tuf_world.h"

enum { FILE_MAX = 1 << 20, COMMAND_MAX = 2000 };

static int
open_world(void **state, const char *product)
{
	struct tuf_world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	*state = w;
	w->program = "delta-apply";
	w->lab = lab_open();
	w->sim = sim_new_at(product, utc_now());
	w->host = tuf_host_open(w->sim, NULL);
	return tuf_world_trust(w, "1.root.json");
}

int
tuf_world_open(void **state)
{
	return open_world(state, WORLD_PRODUCT);
}

int
tuf_world_open_foreign(void **state)
{
	return open_world(state, NULL);
}

int
tuf_world_close(void **state)
{
	struct tuf_world *w = *state;

	tuf_host_close(w->host);
	sim_free(w->sim);
	lab_close(w->lab);
	free(w);
	return 0;
}

bool
tuf_world_hurry(struct tuf_world *w, unsigned times)
{
	w->before[0] = '\0';
	if (times == 1)
		return true;
	if (lab_run(w->lab, "faketime -f '+0 x2' delta-apply --version") != 0)
		return false;
	(void)snprintf(w->before, sizeof w->before, "timeout 60 faketime -f '+0 x%u'",
	    times);
	return true;
}

int
tuf_world_trust(struct tuf_world *w, const char *sim_file_name)
{
	const struct sim_file *f = sim_file(w->sim, sim_file_name);

	assert_non_null(f);
	lab_write_bytes(w->lab, "root.json", f->bytes.data, f->bytes.len);
	return lab_run(w->lab, "%s %s trust --metadata-dir m root.json", w->before,
	    w->program);
}

int
tuf_world_refresh(struct tuf_world *w)
{
	return lab_run(w->lab, "%s %s refresh --metadata-dir m --metadata-url "
	    "http://127.0.0.1:%d/metadata", w->before, w->program,
	    tuf_host_port(w->host));
}

int
tuf_world_get(struct tuf_world *w, const char *names)
{
	return lab_run(w->lab, "%s %s get --metadata-dir m --metadata-url "
	    "http://127.0.0.1:%d/metadata --targets-url http://127.0.0.1:%d/targets "
	    "--output out %s", w->before, w->program, tuf_host_port(w->host),
	    tuf_host_port(w->host), names);
}

static void
expect(struct tuf_world *w, int status, const char *text)
{
	if (w->lab->status == status && lab_said(w->lab, text))
		return;
	fail_msg("status %d instead of %d with \"%s\"\n%s%s-- requests\n%s",
	    w->lab->status, status, text, w->lab->out, w->lab->err,
	    tuf_host_asked(w->host));
}

void
tuf_world_refreshes(struct tuf_world *w)
{
	tuf_host_forget(w->host);
	(void)tuf_world_refresh(w);
	expect(w, 0, "");
}

void
tuf_world_refuses(struct tuf_world *w, int status, const char *text)
{
	tuf_host_forget(w->host);
	(void)tuf_world_refresh(w);
	expect(w, status, text);
}

void
tuf_world_gets(struct tuf_world *w, const char *name, const char *content)
{
	char path[COMMAND_MAX], *got;

	tuf_host_forget(w->host);
	(void)tuf_world_get(w, name);
	expect(w, 0, "");
	(void)snprintf(path, sizeof path, "out/%s", name);
	got = lab_read(w->lab, path);
	assert_non_null(got);
	assert_string_equal(got, content);
	free(got);
}

void
tuf_world_get_fails(struct tuf_world *w, const char *name, int status, const char *text)
{
	tuf_host_forget(w->host);
	(void)tuf_world_get(w, name);
	expect(w, status, text);
}

const char *
tuf_world_target_path(const char *path, const char *content)
{
	static char full[COMMAND_MAX];
	const char *slash = strrchr(path, '/');
	int dir = slash == NULL ? 0 : (int)(slash - path) + 1;
	char hex[SHA256_HEX_MAX];
	struct err e = ERR_INIT;
	struct sha256 id;

	assert_int_equal(sha256_of(content, strlen(content), &id, &e), 0);
	(void)snprintf(full, sizeof full, "/targets/%.*s%s.%s", dir, path,
	    sha256_hex(&id, hex), path + dir);
	return full;
}

void
tuf_world_target(
    struct tuf_world *w, const char *role, const char *path, const char *content)
{
	char plain[COMMAND_MAX];

	sim_target(w->sim, role, path, content);
	sim_put(w->sim, tuf_world_target_path(path, content) + 1, content,
	    strlen(content));
	(void)snprintf(plain, sizeof plain, "targets/%s", path);
	sim_put(w->sim, plain, content, strlen(content));
}

int64_t
tuf_world_version(struct tuf_world *w, const char *role)
{
	struct err e = ERR_INIT;
	char path[COMMAND_MAX], *text;
	int64_t version = 0;
	struct jv *v;

	(void)snprintf(path, sizeof path, "m/%s.json", role);
	if ((text = lab_read(w->lab, path)) == NULL)
		return 0;
	v = jv_parse(text, strlen(text), &e);
	assert_non_null(v);
	assert_int_equal(jv_int(jv_get(jv_get(v, "signed"), "version"), &version), 0);
	jv_free(v);
	free(text);
	return version;
}

bool
tuf_world_same(struct tuf_world *w, const char *name, const char *sim_file_name)
{
	const struct sim_file *f = sim_file(w->sim, sim_file_name);
	char path[COMMAND_MAX], *text;
	bool same;

	assert_non_null(f);
	(void)snprintf(path, sizeof path, "m/%s", name);
	text = lab_read(w->lab, path);
	same = text != NULL && strlen(text) == f->bytes.len &&
	       memcmp(text, f->bytes.data, f->bytes.len) == 0;
	free(text);
	return same;
}

void
tuf_world_stored(struct tuf_world *w, const char *names)
{
	lab_ok(w->lab, "cd m && test \"$(ls -A | grep json$ | LC_ALL=C sort | "
	    "tr '\\n' ' ')\" = '%s '", names);
	/* What a run leaves beside them has no business there. */
	lab_ok(w->lab, "cd m && test -z \"$(ls -A | grep -v json$)\"");
}

void
tuf_world_got_nothing(struct tuf_world *w)
{
	lab_ok(w->lab, "test -z \"$(find out ! -type d 2> /dev/null)\"");
}

void
tuf_world_asked(struct tuf_world *w, const char *lines)
{
	assert_string_equal(tuf_host_asked(w->host), lines);
}
