#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/patch/delta_format.h"
#include "apply/patch/zread.h"
#include "manifest/base/fs.h"
#include "manifest/listing.h"

#include "mkdelta/encode/bsdiff40.h"
#include "mkdelta/cmd_bsdiff40.h"
#include "mkdelta/commands.h"
#include "mkdelta/inspect.h"
#include "mkdelta/subject.h"

enum { WINDOW_LOG = 23, HEAD_BYTES = 4 };

static bool as_json;

static const struct opt options[] = {
	{ "json", 0, OPT_FLAG, &as_json, NULL, "as JSON" },
	OPT_END
};

static int
inspect_text(int fd, bool packed, struct err *e)
{
	struct buf text = BUF_INIT(LISTING_TEXT_MAX);
	int rc = packed ? zread_all(fd, WINDOW_LOG, &text, e) : fs_read_fd(fd, &text, e);

	if (rc == 0 && text.len > 0 && text.data[0] == '{')
		rc = inspect_metadata(&text, as_json, e);
	else if (rc == 0 && text.len > 0 && text.data[0] == '#')
		rc = inspect_listing(&text, as_json, e);
	else if (rc == 0)
		rc = err_set(e, ERR_FORMAT, "neither a delta nor metadata nor a listing");
	buf_free(&text);
	return rc;
}

static int
inspect(int fd, uint64_t bytes, const char *old_path, struct err *e)
{
	static const uint8_t zstd_magic[HEAD_BYTES] = { 0x28, 0xb5, 0x2f, 0xfd };
	uint8_t head[HEAD_BYTES] = { 0 };
	bool is_bsdiff40;

	if (fs_pread(fd, head, bytes < sizeof head ? (size_t)bytes : sizeof head, 0,
	    e) == -1 || bsdiff40_is(fd, bytes, &is_bsdiff40, e) == -1)
		return -1;
	if (memcmp(head, DELTA_MAGIC, DELTA_MAGIC_BYTES - 1) == 0)
		return inspect_delta(fd, bytes, old_path, as_json, e);
	if (old_path != NULL)
		return err_set(e, ERR_USAGE, "no delta, so %s has no part in it",
		    old_path);
	if (is_bsdiff40)
		return bsdiff40_inspect(fd, bytes, as_json, e);
	return inspect_text(fd, memcmp(head, zstd_magic, sizeof head) == 0, e);
}

static int
run(int words, char **argv, struct err *e)
{
	char *name = NULL;
	struct stat st;
	int dir, fd = -1, rc = -1;

	if ((dir = subject_parent(argv[1], &name, e)) != -1 &&
	    (fd = fs_open_file(dir, name, &st, e)) != -1)
		rc = inspect(fd, (uint64_t)st.st_size, words > 1 ? argv[2] : NULL, e);
	if (fd != -1 && rc == -1)
		(void)err_wrap(e, "%s", argv[1]);
	if (fd != -1)
		(void)close(fd);
	if (dir != -1)
		(void)close(dir);
	free(name);
	return rc;
}

const struct opt_command command_inspect = {
	"inspect", "DELTA [OLD] | METADATA.json | LISTING",
	    "what a file of a repository says",
	"For a delta: where its bytes went.  With OLD, what it was made for, also which\n"
	"file costs how much; the packed size of a stream is shared out among the files\n"
	"by what each reads of it.  And, for each rule that rewrites references in\n"
	"programs: how many there are in copied bytes, how many look different in the\n"
	"new file, which share of these was predicted, how many bytes need no difference\n"
	"thereby, and how many still do.  For a patch of bsdiff: its streams.  A\n"
	"listing may be compressed.  No signature is checked; `mkdelta verify` does.\n",
	options, 1, 2, run
};
