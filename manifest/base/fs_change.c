/*
 * The compounds: temporary name, content, sync, rename, sync of the folder.
 */
#include <sys/random.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_resolve.h"

#include "manifest/base/fs_change.h"

#define TEMP_PREFIX ".tmp."
enum { TEMP_RANDOM = 8, TEMP_HEX = 16, TEMP_MAX = sizeof TEMP_PREFIX + TEMP_HEX };
enum { TRIES = 16 };

/* Short enough for any filesystem whatever the goal is called, and random, so
 * that one left by a power cut or made by a neighbour is not in the way. */
static int
temp_name(char out[static TEMP_MAX], struct err *e)
{
	uint8_t random[TEMP_RANDOM];

	/* Early at boot it waits, and can be interrupted. */
	while (getrandom(random, sizeof random, 0) != sizeof random)
		if (errno != EINTR)
			return err_sys(e, "random bytes");
	memcpy(out, TEMP_PREFIX, sizeof TEMP_PREFIX - 1);
	hex_encode(out + sizeof TEMP_PREFIX - 1, random, sizeof random);
	return 0;
}

bool
fs_is_temp(const char *name)
{
	size_t n = sizeof TEMP_PREFIX - 1;

	return strncmp(name, TEMP_PREFIX, n) == 0 &&
	    strspn(name + n, "0123456789abcdef") == TEMP_HEX &&
	    name[n + TEMP_HEX] == '\0';
}

static int
create_temp(int dir, char name[static TEMP_MAX], mode_t mode, struct err *e)
{
	int fd = -1;

	for (int tries = 0; fd == -1 && tries < TRIES; tries++) {
		if (temp_name(name, e) == -1)
			return -1;
		fd = fs_create(dir, name, mode, e);
		if (fd == -1 && e->sys != EEXIST)
			return -1;
	}
	return fd;
}

int
fs_create_unnamed(int at, struct err *e)
{
	char name[TEMP_MAX];
	int fd = create_temp(at, name, 0600, e);

	if (fd == -1 || fs_unlink(at, name, e) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int
link_temp(int dir, char name[static TEMP_MAX], const char *target, struct err *e)
{
	for (int tries = 0; tries < TRIES; tries++) {
		if (temp_name(name, e) == -1)
			return -1;
		if (fs_symlink(dir, target, name, e) == 0)
			return 0;
		if (e->sys != EEXIST)
			return -1;
	}
	return -1;
}

/* From the temporary name to its goal in the same folder, which is all of it
 * or nothing: on failure the temporary name goes. */
static int
land(int dir, const char *temp, const char *name, bool durable, struct err *e)
{
	struct err ignored;

	if (fs_rename(dir, temp, dir, name, e) == -1) {
		(void)fs_unlink(dir, temp, &ignored);
		return -1;
	}
	return durable ? fs_sync_dir(dir, ".", e) : 0;
}

static int
fill_temp(int dir, char temp[static TEMP_MAX], const void *data, size_t n,
    mode_t mode, bool durable, struct err *e)
{
	struct err ignored;
	int fd, rc = -1;

	if ((fd = create_temp(dir, temp, mode, e)) == -1)
		return -1;
	if (fs_write(fd, data, n, e) == 0)
		rc = durable ? fs_sync(fd, e) : 0;
	if (close(fd) == -1 && rc == 0)
		rc = err_sys(e, "close");
	if (rc == -1)
		(void)fs_unlink(dir, temp, &ignored);
	return rc;
}

static int
put(int at, const char *rel, const void *data, size_t n, mode_t mode,
    bool durable, struct err *e)
{
	char temp[TEMP_MAX];
	struct fs_place place;
	int rc = -1;

	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	if (fill_temp(place.dir, temp, data, n, mode, durable, e) == 0)
		rc = land(place.dir, temp, place.last, durable, e);
	fs_place_end(&place);
	return rc == -1 ? err_wrap(e, "write %s", rel) : 0;
}

int
fs_write_file(int at, const char *rel, const void *data, size_t n, mode_t mode,
    struct err *e)
{
	return put(at, rel, data, n, mode, true, e);
}

int
fs_put_file(int at, const char *rel, const void *data, size_t n, mode_t mode,
    struct err *e)
{
	return put(at, rel, data, n, mode, false, e);
}

int
fs_replace_link(int at, const char *target, const char *rel, struct err *e)
{
	char temp[TEMP_MAX];
	struct fs_place place;
	int rc = -1;

	if (fs_place_find(&place, at, rel, e) == -1)
		return -1;
	if (link_temp(place.dir, temp, target, e) == 0)
		rc = land(place.dir, temp, place.last, true, e);
	fs_place_end(&place);
	return rc == -1 ? err_wrap(e, "link %s", rel) : 0;
}

int
fs_remove_temps(int at, const char *rel, struct err *e)
{
	struct dirent *entry;
	DIR *dir;
	int fd, rc = 0;

	if ((fd = fs_open_dir_at(at, rel, e)) == -1)
		return -1;
	if ((dir = fdopendir(fd)) == NULL) {
		(void)err_sys(e, "%s", rel);
		(void)close(fd);
		return -1;
	}
	while (errno = 0, rc == 0 && (entry = readdir(dir)) != NULL)
		if (fs_is_temp(entry->d_name))
			rc = fs_unlink(fd, entry->d_name, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "%s", rel);
	(void)closedir(dir);
	return rc;
}
