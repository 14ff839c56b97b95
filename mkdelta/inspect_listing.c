#include <inttypes.h>
#include <stdio.h>

#include "manifest/base/bytes.h"
#include "manifest/base/hash.h"
#include "manifest/jv.h"
#include "manifest/listing.h"

#include "mkdelta/commands.h"

#include "mkdelta/inspect.h"

struct counts {
	size_t folders, files, links, to_build;
};

static void
count(const struct listing *l, struct counts *c)
{
	for (size_t i = 0; i < l->n; i++) {
		c->folders += l->entries[i].type == ENTRY_DIR;
		c->files += l->entries[i].type == ENTRY_FILE;
		c->links += l->entries[i].type == ENTRY_LINK;
		c->to_build += l->entries[i].type == ENTRY_FILE &&
		    !l->entries[i].has_sha256;
	}
}

static int
print_json(const struct listing *l, const struct counts *c, const char *id, struct err *e)
{
	struct jv *top = jv_new_object();

	if (top == NULL || jv_set(top, "kind", jv_new_text("listing")) == -1 ||
	    jv_set(top, "sha256", jv_new_text(id)) == -1 ||
	    jv_set(top, "folders", jv_new_int((int64_t)c->folders)) == -1 ||
	    jv_set(top, "files", jv_new_int((int64_t)c->files)) == -1 ||
	    jv_set(top, "links", jv_new_int((int64_t)c->links)) == -1 ||
	    jv_set(top, "contents", jv_new_int((int64_t)l->files)) == -1 ||
	    jv_set(top, "content-bytes", jv_new_int((int64_t)l->content_bytes)) == -1) {
		jv_free(top);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return command_print(top, e);
}

int
inspect_listing(const struct buf *text, bool json, struct err *e)
{
	struct listing *l = listing_parse(text->data, text->len, true, e);
	char id[2 * SHA256_BYTES + 1], bytes[BYTES_TEXT_MAX];
	struct counts c = { 0 };
	struct sha256 sha256;
	int rc = 0;

	if (l == NULL)
		return -1;
	if (sha256_of(text->data, text->len, &sha256, e) == -1) {
		listing_free(l);
		return -1;
	}
	hex_encode(id, sha256.bytes, SHA256_BYTES);
	count(l, &c);
	if (json)
		rc = print_json(l, &c, id, e);
	else {
		(void)printf("listing %s\n", id);
		(void)printf("%zu folders, %zu files, %zu links\n", c.folders, c.files,
		    c.links);
		(void)printf("%zu contents of %s (%" PRIu64 " bytes)\n", l->files,
		    bytes_text(bytes, l->content_bytes), l->content_bytes);
		if (c.to_build > 0)
			(void)printf("reduced: %zu files lack their hash\n", c.to_build);
	}
	listing_free(l);
	return rc;
}
