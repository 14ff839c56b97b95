/*
 * notes.h - what people say about a release: Markdown, the first line its title.
 */
#ifndef MKDELTA_NOTES_H
#define MKDELTA_NOTES_H

#include "manifest/base/buf.h"
#include "manifest/base/err.h"

enum { NOTES_MAX = 65536, NOTES_TITLE_MAX = 200 };

/* A file where one has that name, else the words themselves; ends with a newline.
 * ERR_USAGE: control characters (a terminal would obey them), no title, one that is
 * too long. */
int notes_read(const char *file_or_text, struct buf *out, struct err *);
/* The first line without "# " in front. */
void notes_title(const struct buf *notes, char out[static NOTES_TITLE_MAX + 1]);

#endif
