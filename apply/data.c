#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"

#include "apply/data.h"

#define SCHEMA_FILE "shared/.delta-data"

uint64_t
data_schema(const struct device *dev, struct err *e)
{
	struct buf text = BUF_INIT(32);
	uint64_t schema = 0;

	err_clear(e);
	if (fs_read_file(dev->base, SCHEMA_FILE, &text, e) == -1) {
		if (e->code == ERR_ABSENT)
			err_clear(e);
		goto out;
	}
	if (text.len > 0 && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	if (u64_parse(buf_text(&text), RELEASE_MAX, &schema) == -1) {
		schema = 0;
		(void)err_set(e, ERR_FORMAT, "%s: no number", SCHEMA_FILE);
	}
out:
	buf_free(&text);
	return schema;
}

int
data_schema_set(const struct device *dev, uint64_t schema, struct err *e)
{
	struct err why = ERR_INIT;
	char text[32];
	int n;

	/* Written already: a full disk does not matter then. */
	if (data_schema(dev, &why) == schema && why.code == ERR_NONE)
		return 0;
	if (schema == 0) {
		if (fs_unlink(dev->base, SCHEMA_FILE, e) == -1)
			return -1;
		return fs_sync_dir(dev->base, "shared", e);
	}
	if (fs_mkdirs(dev->base, "shared", 0755, e) == -1)
		return -1;
	n = snprintf(text, sizeof text, "%" PRIu64 "\n", schema);
	return fs_write_file(dev->base, SCHEMA_FILE, text, (size_t)n, 0644, e);
}

bool
data_readable(const struct record *rec, uint64_t schema)
{
	if (schema == 0 || rec->data_schema == 0)
		return true;
	return schema >= rec->data_reads && schema <= rec->data_schema;
}

const char *
data_backup_path(uint64_t release, char out[static DATA_BACKUP_PATH_MAX])
{
	(void)snprintf(out, DATA_BACKUP_PATH_MAX, DATA_BACKUP "/%" PRIu64, release);
	return out;
}
