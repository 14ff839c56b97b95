#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"
#include "manifest/base/fs.h"

#include "apply/fetch_transfer.h"

enum { FILE_CHUNK = 64 * 1024 };

bool
fetch_is_file(const char *url)
{
	return strncmp(url, "file://", 7) == 0;
}

/* The path of file:///path with its %XX; owned. */
static char *
path_of(const char *url, struct err *e)
{
	const char *from = url + 7;
	char *path = malloc(strlen(from) + 1), *to = path;

	if (path == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	while (*from != '\0') {
		char hex[3] = { 0 };
		uint8_t byte;

		if (*from != '%') {
			*to++ = *from++;
			continue;
		}
		(void)strncpy(hex, from + 1, 2);
		if (hex_decode(&byte, 1, hex) == -1 || byte == 0)
			break;
		*to++ = (char)byte;
		from += 3;
	}
	*to = '\0';
	if (*from == '\0' && path[0] == '/')
		return path;
	(void)err_set(e, ERR_USAGE, "%s: expects file:///path", url);
	free(path);
	return NULL;
}

static int
open_regular(const char *path, struct stat *st, struct err *e)
{
	/* Not blocking: a FIFO in its place must not hang the run. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd == -1) {
		(void)err_sys(e, "%s", path);
		e->sys = 0;	/* as a host's 404, not as a fault of this disk */
		if (e->code != ERR_ABSENT)
			e->code = ERR_NET;
		return -1;
	}
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	(void)close(fd);
	return err_set(e, ERR_NET, "%s: not a regular file", path);
}

static int
send_body(const struct fetch_request *q, int fd, uint64_t from, uint64_t end,
    uint64_t *bytes, struct err *e)
{
	uint8_t *chunk = malloc(FILE_CHUNK);
	int rc = 0;

	if (chunk == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	while (rc == 0 && from < end) {
		size_t n = end - from < FILE_CHUNK ? (size_t)(end - from) : FILE_CHUNK;

		rc = cancel_check(e);
		if (rc == 0)
			rc = fs_pread(fd, chunk, n, from, e);
		if (rc == 0)
			rc = q->body(q->arg, chunk, n, e);
		from += n;
		*bytes += n;
	}
	free(chunk);
	return rc;
}

int
fetch_file_transfer(const struct fetch_request *q, struct fetch_answer *a,
    uint64_t *bytes, struct err *e)
{
	char *path = path_of(q->url, e);
	struct stat st;
	uint64_t from, end;
	int fd, rc = -1;

	memset(a, 0, sizeof *a);
	if (path == NULL)
		return -1;
	fd = open_regular(path, &st, e);
	free(path);
	if (fd == -1)
		return -1;
	end = (uint64_t)st.st_size;
	from = q->offset <= end ? q->offset : 0;
	if (q->length > 0 && from == q->offset && q->length < end - from)
		end = from + q->length;
	a->has_range = from > 0 || end < (uint64_t)st.st_size;
	a->status = a->has_range ? 206 : 200;
	a->has_length = true;
	a->length = end - from;
	a->range_from = from;
	a->range_total = (uint64_t)st.st_size;
	if (q->head == NULL || q->head(q->arg, a, e) == 0)
		rc = send_body(q, fd, from, end, bytes, e);
	(void)close(fd);
	return rc;
}
