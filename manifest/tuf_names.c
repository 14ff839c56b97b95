#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "manifest/base/fs.h"

#include "manifest/tuf_client.h"

#include "manifest/tuf_names.h"

/* 255 for a file's name, less what fs_write_file() needs beside it; and less a
 * hash of 128 digits and its dot for targets. */
enum { ROLE_FILE_MAX = 240, COMPONENT_MAX = 255, TARGET_PATH_MAX = 4000 };

static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

int
tuf_role_file(const char *role, uint64_t version, struct buf *out, struct err *e)
{
	size_t before = out->len;

	if (*role == '\0')
		return err_set(e, ERR_FORMAT, "a role without a name");
	if (version != 0 && buf_addf(out, e, "%" PRIu64 ".", version) == -1)
		return -1;
	for (; *role != '\0'; role++) {
		int rc = is_unreserved(*role)
			     ? buf_add_byte(out, (uint8_t)*role, e)
			     : buf_addf(out, e, "%%%02X", (unsigned)(uint8_t)*role);

		if (rc == -1)
			return -1;
		if (out->len - before > ROLE_FILE_MAX)
			return err_set(e, ERR_FORMAT,
			    "a role whose name is over %d bytes as a file's",
			    ROLE_FILE_MAX);
	}
	return buf_add_text(out, ".json", e);
}

bool
tuf_role_is_reserved(const char *role)
{
	static const char *const names[] = { "root", "targets", "snapshot", "timestamp" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcasecmp(role, names[i]) == 0)
			return true;
	return false;
}

int
tuf_target_name_check(const char *path, struct err *e)
{
	size_t n = strlen(path);

	if (n == 0 || n > TARGET_PATH_MAX)
		return err_set(
		    e, ERR_FORMAT, "target \"%.64s\": empty or too long", path);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f || path[i] == '\\')
			return err_set(
			    e, ERR_FORMAT, "target \"%.64s\": no name for a file", path);
	if (!fs_rel_is_safe(path))
		return err_set(
		    e, ERR_FORMAT, "target \"%.64s\": leaves its folder", path);
	for (const char *p = path; *p != '\0'; p += *p == '/') {
		size_t len = strcspn(p, "/");

		if (len > COMPONENT_MAX)
			return err_set(e, ERR_FORMAT, "target \"%.64s\": too long", path);
		p += len;
	}
	return 0;
}
