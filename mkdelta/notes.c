#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "mkdelta/notes.h"

static int
check(const struct buf *notes, struct err *e)
{
	const char *text = buf_text(notes);
	size_t n = strcspn(text, "\n");

	if (!text_is_plain(text, notes->len) || memchr(text, '\r', notes->len) != NULL)
		return err_set(e, ERR_USAGE, "--notes: has control characters (or is no "
		    "UTF-8), which a terminal would obey; plain Markdown only");
	if (strspn(text, "# \t") >= n)
		return err_set(e, ERR_USAGE, "--notes: the first line is the title, and "
		    "it is empty");
	if (n > NOTES_TITLE_MAX)
		return err_set(e, ERR_USAGE, "--notes: the first line is the title, and "
		    "it has %zu bytes; at most %d", n, NOTES_TITLE_MAX);
	return 0;
}

int
notes_read(const char *given, struct buf *out, struct err *e)
{
	struct stat st;

	buf_init(out, NOTES_MAX);
	if (strlen(given) < 4096 && stat(given, &st) == 0) {
		if (fs_read_path(given, out, e) == -1)
			return err_wrap(e, "--notes %s", given);
	} else if (buf_add_text(out, given, e) == -1)
		return err_wrap(e, "--notes");
	if ((out->len == 0 || out->data[out->len - 1] != '\n') &&
	    buf_add_byte(out, '\n', e) == -1)
		return err_wrap(e, "--notes");
	return check(out, e);
}

void
notes_title(const struct buf *notes, char out[static NOTES_TITLE_MAX + 1])
{
	const char *text = buf_text(notes);

	text += strspn(text, "# \t");
	(void)snprintf(out, NOTES_TITLE_MAX + 1, "%.*s", (int)strcspn(text, "\n"), text);
}
