#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/tuf_meta.h"

#include "hosting/commands.h"
#include "hosting/scratch.h"
#include "hosting/verify.h"

static struct view_trust trust;
static const char *ca_file;
static bool quick, as_json;

static const struct opt options[] = {
	{ "root", 0, OPT_TEXT, &trust.root_file, "FILE",
	    "the root to trust (default: the host's own first one)" },
	{ "quick", 0, OPT_FLAG, &quick, NULL,
	    "a range of each object instead of all its bytes" },
	{ "expired", 0, OPT_FLAG, &trust.expired, NULL,
	    "look though the metadata's time is over" },
	{ "ca-file", 0, OPT_TEXT, &ca_file, "FILE", "certificates to trust, in PEM" },
	{ "json", 0, OPT_FLAG, &as_json, NULL, "the result as JSON" },
	OPT_END
};

static int
trust_host(const struct site *s, int dir, struct err *e)
{
	struct buf root = BUF_INIT(TUF_ROOT_MAX);
	int rc = site_read(s, "metadata/1.root.json", &root, e);

	if (rc == 0)
		rc = tuf_trust(dir, root.data, root.len, e);
	buf_free(&root);
	return rc;
}

static int
print_json(const struct site *s, const struct findings *f, const struct verify_sums *n,
    const struct view *v, struct err *e)
{
	struct buf out = BUF_INIT(1 << 20);
	struct jv *top = jv_new_object();
	uint64_t requests = 0, received = 0;
	int rc = -1;

	if (s->fetch != NULL)
		fetch_sums(s->fetch, &requests, &received);
	if (top == NULL || jv_set(top, "schema", jv_new_int(1)) == -1 ||
	    jv_set(top, "verdict", jv_new_text(verdict_word(f->worst))) == -1 ||
	    jv_set(top, "timestamp", jv_new_int((int64_t)v->timestamp)) == -1 ||
	    jv_set(top, "metadata", jv_new_int((int64_t)n->roles)) == -1 ||
	    jv_set(top, "objects", jv_new_int((int64_t)n->objects)) == -1 ||
	    jv_set(top, "bytes", jv_new_int((int64_t)n->bytes)) == -1 ||
	    jv_set(top, "requests", jv_new_int((int64_t)requests)) == -1 ||
	    jv_set(top, "received", jv_new_int((int64_t)received)) == -1 ||
	    jv_set(top, "findings", findings_json(f)) == -1)
		(void)err_set(e, ERR_NOMEM, "out of memory");
	else if (jv_print(top, &out, e) == 0) {
		(void)printf("%s\n", buf_text(&out));
		rc = 0;
	}
	jv_free(top);
	buf_free(&out);
	return rc;
}

static int
look(const struct site *s, const struct view *v, struct err *e)
{
	struct findings found = { .n = 0 };
	struct verify_sums sums = { 0, 0, 0 };
	char bytes[BYTES_TEXT_MAX];

	if (verify_site(v, quick, &found, &sums, e) == -1)
		return -1;
	if (as_json)
		return print_json(s, &found, &sums, v, e) == -1 ? -1 :
		    findings_status(&found);
	findings_print(&found);
	log_say("%s: %" PRIu64 " metadata files, %" PRIu64 " objects, %s: %s", s->where,
	    sums.roles, sums.objects, bytes_text(bytes, sums.bytes),
	    found.worst == VERDICT_GOOD ? "as they should be" :
	    found.worst == VERDICT_WARN ? "devices get by" : "devices cannot rely on it");
	return findings_status(&found);
}

static int
run(int words, char **argv, struct err *e)
{
	struct scratch scratch;
	struct site site;
	struct view v;
	int rc = -1;

	(void)words;
	if (site_open(&site, argv[1], ca_file, e) == -1)
		return -1;
	if (scratch_open(&scratch, e) == -1) {
		site_close(&site);
		return -1;
	}
	if (trust.root_file == NULL && site.fetch != NULL)
		log_warn("without --root the host vouches for itself");
	if (trust.root_file != NULL || trust_host(&site, scratch.dir, e) == 0) {
		if (view_open(&v, &site, scratch.dir, &trust, e) == 0) {
			rc = look(&site, &v, e);
			view_close(&v);
		}
	}
	scratch_close(&scratch);
	site_close(&site);
	return rc;
}

const struct opt_command command_verify = {
	"verify", "URL|REPO", "look at a host as devices and caches do",
	"Every metadata file and object: is it there, is it what was signed, are ranges\n"
	"served, may caches keep it for as long as is right?  Status 4: other bytes than\n"
	"signed; 3: something lacks; 1: the host answers in a way that breaks updates;\n"
	"0: good, or warnings only.\n",
	options, 1, 1, run
};
