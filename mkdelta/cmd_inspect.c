#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/patch/delta.h"
#include "manifest/base/buf.h"
#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/jv.h"

#include "mkdelta/commands.h"
#include "mkdelta/subject.h"

enum { STREAMS_MAX = 8 };

static bool as_json;

static const struct opt options[] = {
	{ "json", 0, OPT_FLAG, &as_json, NULL, "as JSON" },
	OPT_END
};

struct facts {
	uint64_t file_bytes;
	char old_id[2 * DELTA_ID_SHOWN + 1], new_id[2 * DELTA_ID_SHOWN + 1];
	struct delta_stream_info streams[STREAMS_MAX];
	size_t n;
};

static void
print_text(const struct delta *d, const struct facts *f)
{
	char packed[BYTES_TEXT_MAX], plain[BYTES_TEXT_MAX];
	uint64_t streams = 0;

	(void)printf("delta format 1, %s (%" PRIu64 " bytes)\n",
	    bytes_text(packed, f->file_bytes), f->file_bytes);
	(void)printf("from listing %s...  to listing %s...\n", f->old_id, f->new_id);
	(void)printf("decoder memory %s", bytes_text(packed, delta_memory(d)));
	(void)printf(", scratch %s", bytes_text(packed, delta_scratch(d)));
	(void)printf(", listing %s\n\n", bytes_text(packed, delta_listing_bytes(d)));
	(void)printf("%-10s %-7s %12s %12s\n", "stream", "codec", "packed", "plain");
	for (size_t i = 0; i < f->n; i++) {
		(void)printf("%-10s %-7s %12s %12s\n", f->streams[i].name, f->streams[i].codec,
		    bytes_text(packed, f->streams[i].packed_bytes),
		    bytes_text(plain, f->streams[i].plain_bytes));
		streams += f->streams[i].packed_bytes;
	}
	(void)printf("%-10s %-7s %12s\n", "header", "",
	    bytes_text(packed, f->file_bytes - streams));
}

static struct jv *
streams_json(const struct facts *f)
{
	struct jv *list = jv_new_list();

	for (size_t i = 0; list != NULL && i < f->n; i++) {
		struct jv *one = jv_new_object();

		if (one == NULL || jv_set(one, "name", jv_new_text(f->streams[i].name)) == -1 ||
		    jv_set(one, "codec", jv_new_text(f->streams[i].codec)) == -1 ||
		    jv_set(one, "packed-bytes",
		        jv_new_int((int64_t)f->streams[i].packed_bytes)) == -1 ||
		    jv_set(one, "plain-bytes",
		        jv_new_int((int64_t)f->streams[i].plain_bytes)) == -1 ||
		    jv_push(list, one) == -1) {
			jv_free(list);
			return NULL;
		}
	}
	return list;
}

static int
print_json(const struct delta *d, const struct facts *f, struct err *e)
{
	struct buf out = BUF_INIT(1 << 16);
	struct jv *top = jv_new_object();
	int rc = -1;

	if (top == NULL || jv_set(top, "format", jv_new_int(1)) == -1 ||
	    jv_set(top, "bytes", jv_new_int((int64_t)f->file_bytes)) == -1 ||
	    jv_set(top, "from", jv_new_text(f->old_id)) == -1 ||
	    jv_set(top, "to", jv_new_text(f->new_id)) == -1 ||
	    jv_set(top, "memory-bytes", jv_new_int((int64_t)delta_memory(d))) == -1 ||
	    jv_set(top, "scratch-bytes", jv_new_int((int64_t)delta_scratch(d))) == -1 ||
	    jv_set(top, "listing-bytes", jv_new_int((int64_t)delta_listing_bytes(d))) == -1 ||
	    jv_set(top, "streams", streams_json(f)) == -1)
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
inspect(int fd, uint64_t bytes, struct err *e)
{
	struct facts f = { .file_bytes = bytes };
	struct delta *d;
	int rc = 0;

	if ((d = delta_open(fd, UINT64_MAX, e)) == NULL)
		return -1;
	hex_encode(f.old_id, delta_old_id(d), DELTA_ID_SHOWN);
	hex_encode(f.new_id, delta_new_id(d), DELTA_ID_SHOWN);
	f.n = delta_streams(d, f.streams, STREAMS_MAX);
	if (as_json)
		rc = print_json(d, &f, e);
	else
		print_text(d, &f);
	delta_close(d);
	return rc;
}

static int
run(int argc, char **argv, struct err *e)
{
	char *name = NULL;
	struct stat st;
	int words, dir, fd = -1, rc = -1;

	switch (opt_parse(NULL, &command_inspect, argc, argv, &words, e)) {
	case OPT_SHOWN:
		return 0;
	case OPT_BAD:
		return -1;
	case OPT_RUN:
		break;
	}
	if ((dir = subject_parent(argv[1], &name, e)) != -1 &&
	    (fd = fs_open_file(dir, name, &st, e)) != -1)
		rc = inspect(fd, (uint64_t)st.st_size, e);
	if (rc == -1)
		(void)err_wrap(e, "%s", argv[1]);
	if (fd != -1)
		(void)close(fd);
	if (dir != -1)
		(void)close(dir);
	free(name);
	return rc;
}

const struct opt_command command_inspect = {
	"inspect", "DELTA", "where the bytes of a delta went",
	NULL, options, 1, 1, run
};
