/*
 * doctor_device.c - the checks of configuration, disk, metadata and network.
 */
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_client.h"

#include "apply/clock.h"
#include "apply/guard.h"
#include "apply/hooks.h"
#include "apply/prune.h"
#include "apply/session.h"
#include "apply/state_json.h"

#include "apply/doctor.h"

enum { DAY_S = 86400, SOON_DAYS = 30, TIMESTAMP_MAX = 16384, AHEAD_S = 3600 };

void
doctor_configuration(struct doctor *d)
{
	struct err why = ERR_INIT;

	if (guard_path(d->conf->path, "configuration", &why) == -1 ||
	    hooks_check(d->conf, &why) == -1)
		doctor_say(d, DOCTOR_FAIL, NULL, "%s", why.text);
	else
		doctor_say(d, DOCTOR_OK, NULL, "%s: %s, channel %s, %s", d->conf->path,
		    d->conf->name, d->conf->channel, d->conf->platform);
}

void
doctor_folders(struct doctor *d)
{
	if (d->open)
		doctor_say(d, DOCTOR_OK, NULL, "%s, %s, %s", d->conf->root, d->conf->state,
		    d->conf->run);
	else if (d->why.code == ERR_ABSENT)
		doctor_say(d, DOCTOR_WARN, "the first `delta-apply update` makes them",
		    "%s", d->why.text);
	else
		doctor_say(d, DOCTOR_FAIL, NULL, "%s", d->why.text);
}

static void
check_mode(struct doctor *d, int fd, const char *path, mode_t never)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		doctor_say(d, DOCTOR_FAIL, NULL, "%s cannot be looked at", path);
	else if (st.st_uid != geteuid())
		doctor_say(d, DOCTOR_FAIL, "chown it to who runs delta-apply",
		    "%s belongs to user %u, this is %u", path, st.st_uid, geteuid());
	else if ((st.st_mode & never) != 0)
		doctor_say(d, DOCTOR_FAIL, "take the rights of others away", "%s has mode "
		    "%04o", path, st.st_mode & 07777u);
	else
		doctor_say(d, DOCTOR_OK, NULL, "%s: mode %04o", path, st.st_mode & 07777u);
}

void
doctor_permissions(struct doctor *d)
{
	check_mode(d, d->dev.state, d->conf->state, 0077);
	check_mode(d, d->dev.releases, "releases", 0022);
}

/* Types where a release, or the state, cannot be kept. */
static void
check_type(struct doctor *d, int fd, const char *path)
{
	static const struct {
		long type;
		enum doctor_level level;
		const char *name;
	} types[] = {
		{ 0x4d44, DOCTOR_FAIL, "vfat: no links, no owners" },
		{ 0x01021994, DOCTOR_WARN, "a tmpfs: empty after a restart" },
		{ 0x73717368, DOCTOR_FAIL, "squashfs: never written to" },
		{ 0x72b6, DOCTOR_WARN, "jffs2: cannot exchange folders" },
		{ 0x6969, DOCTOR_WARN, "NFS: what a server loses nobody promises" },
	};
	struct statfs st;

	if (fstatfs(fd, &st) == -1)
		return;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if ((long)st.f_type == types[i].type)
			doctor_say(d, types[i].level, "put it on another filesystem",
			    "%s is on %s", path, types[i].name);
}

static void
check_room(struct doctor *d, int fd, const char *path, uint64_t want)
{
	char have[BYTES_TEXT_MAX], need[BYTES_TEXT_MAX];
	uint64_t bytes, inodes;
	struct err why = ERR_INIT;
	struct statvfs st;

	if (fstatvfs(fd, &st) == 0 && (st.f_flag & ST_RDONLY) != 0) {
		doctor_say(d, DOCTOR_FAIL, "remount it; look at the kernel's log for errors",
		    "%s is mounted read-only", path);
		return;
	}
	check_type(d, fd, path);
	if (fs_room(fd, &bytes, &inodes, &why) == -1)
		doctor_say(d, DOCTOR_FAIL, NULL, "%s", why.text);
	else if (bytes == 0)
		doctor_say(d, DOCTOR_FAIL, "make room", "%s is full", path);
	else if (bytes < want)
		doctor_say(d, DOCTOR_WARN, "make room", "%s: %s free, a whole release "
		    "takes %s", path, bytes_text(have, bytes), bytes_text(need, want));
	else
		doctor_say(d, DOCTOR_OK, NULL, "%s: %s free", path,
		    bytes_text(have, bytes));
	/* Filesystems without a table of inodes say 0 of 0. */
	if (st.f_files > 0 && st.f_favail < 100)
		doctor_say(d, DOCTOR_FAIL, "remove files there", "%s: %llu inodes free", path,
		    (unsigned long long)st.f_favail);
}

void
doctor_disk(struct doctor *d)
{
	struct err why = ERR_INIT;
	uint64_t want = 1 << 20;
	struct live live;
	struct record rec;
	int tree = -1;

	memset(&live, 0, sizeof live);
	if (live_read(&d->dev, &live, &why) == LIVE_RELEASE &&
	    (tree = live_open_tree(&d->dev, live.release, &why)) != -1 &&
	    tree_record_read(tree, &rec, NULL, &why) == 0) {
		want = rec.content_bytes;
		record_clear(&rec);
	}
	if (tree != -1)
		(void)close(tree);
	check_room(d, d->dev.releases, d->conf->root, want);
	check_room(d, d->dev.state, d->conf->state, 1 << 20);
}

static void
check_role(struct doctor *d, const char *name, const struct jv *part, int64_t soon_days,
    int64_t now)
{
	const char *text = jv_text(jv_get(part, "expires"));
	int64_t expires;

	if (text == NULL || utc_parse(text, &expires) == -1)
		doctor_say(d, DOCTOR_FAIL, "run `delta-apply update`", "%s: not here", name);
	else if (expires <= now)
		doctor_say(d, DOCTOR_FAIL, "sign it anew (mkdelta refresh), or set this "
		    "device's clock", "%s expired %s", name, text);
	else if (expires - now < soon_days * DAY_S)
		doctor_say(d, DOCTOR_WARN, "is it being signed again in time?",
		    "%s expires %s", name, text);
	else
		doctor_say(d, DOCTOR_OK, NULL, "%s: good until %s", name, text);
}

static struct tuf *
open_metadata(struct doctor *d, int *dir, struct err *why)
{
	struct tuf_clock clock;

	clock_now(&clock, d->conf->clock_untrusted);
	*dir = fs_open_dir_at(d->dev.state, "metadata", why);
	return *dir == -1 ? NULL : tuf_open(*dir, NULL, &clock, why);
}

static void
check_roles(struct doctor *d, struct tuf *tuf)
{
	/* CI signs timestamp and snapshot every few days, people the others. */
	static const struct {
		const char *name;
		int64_t soon_days;
	} top[] = { { "root", SOON_DAYS }, { "timestamp", 1 }, { "snapshot", 1 },
		{ "targets", SOON_DAYS } };
	const char *const chain[] = { "targets", d->conf->channel };
	struct err why = ERR_INIT;
	const struct jv *part;

	for (size_t i = 0; i < sizeof top / sizeof top[0]; i++)
		check_role(d, top[i].name, tuf_signed(tuf, top[i].name),
		    top[i].soon_days, tuf_now(tuf));
	if ((part = tuf_role(tuf, chain, 2, &why)) != NULL)
		check_role(d, d->conf->channel, part, SOON_DAYS, tuf_now(tuf));
	else
		doctor_say(d, DOCTOR_FAIL, "is [app] channel right?", "%s", why.text);
}

void
doctor_trust(struct doctor *d)
{
	struct err why = ERR_INIT;
	struct tuf *tuf;
	int dir;

	if (guard_path(d->conf->trust_root, "trust.root", &why) == -1)
		doctor_say(d, DOCTOR_FAIL, NULL, "%s", why.text);
	tuf = open_metadata(d, &dir, &why);
	if (tuf == NULL)
		doctor_say(d, why.code == ERR_ABSENT ? DOCTOR_WARN : DOCTOR_FAIL,
		    "run `delta-apply update`", "no trusted metadata: %s", why.text);
	else if (tuf_load_local(tuf, &why) == -1)
		doctor_say(d, DOCTOR_FAIL, "run `delta-apply update`", "%s", why.text);
	else
		check_roles(d, tuf);
	tuf_close(tuf);
	if (dir != -1)
		(void)close(dir);
}

void
doctor_clock(struct doctor *d)
{
	char now_text[UTC_TEXT_MAX], signed_text[UTC_TEXT_MAX];
	int64_t now = utc_now(), x_signed = 0, expires;
	struct err why = ERR_INIT;
	int dir;
	struct tuf *tuf = open_metadata(d, &dir, &why);

	(void)utc_text(now_text, now);
	if (tuf == NULL || tuf_times(tuf, &x_signed, &expires) == -1)
		doctor_say(d, DOCTOR_OK, NULL, "%s; nothing to hold it against", now_text);
	else if (now + AHEAD_S < x_signed)
		doctor_say(d, DOCTOR_FAIL, "set it, or start a time service", "it is %s, but "
		    "the metadata were signed %s", now_text,
		    utc_text(signed_text, x_signed));
	else
		doctor_say(d, DOCTOR_OK, NULL, "%s, after the last signature %s", now_text,
		    utc_text(signed_text, x_signed));
	tuf_close(tuf);
	if (dir != -1)
		(void)close(dir);
}

void
doctor_network(struct doctor *d)
{
	struct buf url = BUF_INIT(8192), body = BUF_INIT(TIMESTAMP_MAX);
	struct err why = ERR_INIT;
	struct fetch *f = fetch_new(d->conf, &why);
	bool local;

	if (f == NULL || buf_addf(&url, &why, "%s/metadata/timestamp.json", d->conf->url) ==
	    -1) {
		doctor_say(d, DOCTOR_FAIL, NULL, "%s", why.text);
	} else if (fetch_small(f, buf_text(&url), &body, &why) == 0) {
		doctor_say(d, DOCTOR_OK, NULL, "%s answers", d->conf->url);
	} else {
		local = fetch_last_fault(f) == FETCH_LOCAL;
		doctor_say(d, DOCTOR_FAIL, local ? "look at this device's network" :
		    "look at the host, and at [app] url", "%s", why.text);
	}
	fetch_free(f);
	buf_free(&url);
	buf_free(&body);
}
