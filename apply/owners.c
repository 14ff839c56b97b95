#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs_change.h"

#include "apply/owners.h"

#define CAPABILITY "security.capability"

bool
owners_allowed(const struct conf *conf, const char *word)
{
	for (int i = 0; conf != NULL && i < conf->allow.n; i++)
		if (strcmp(conf->allow.items[i], word) == 0)
			return true;
	return false;
}

void
owners_of(const struct conf *conf, struct owners *o)
{
	bool set = conf != NULL && conf->owner_set;

	o->uid = set ? conf->owner_uid : geteuid();
	o->gid = set ? conf->owner_gid : getegid();
	o->from_listing = !set && owners_allowed(conf, "owners");
	o->change = o->uid != geteuid() || o->gid != getegid();
}

/* Names mean more than numbers between two machines, where both know them. */
static uid_t
uid_of(const struct entry *entry)
{
	struct passwd *pw;

	if (entry->uname != NULL && (pw = getpwnam(entry->uname)) != NULL)
		return pw->pw_uid;
	return entry->uid;
}

static gid_t
gid_of(const struct entry *entry)
{
	struct group *gr;

	if (entry->gname != NULL && (gr = getgrnam(entry->gname)) != NULL)
		return gr->gr_gid;
	return entry->gid;
}

void
owners_entry(const struct owners *o, const struct entry *entry, uid_t *uid, gid_t *gid)
{
	bool asked = o->from_listing && entry->has_owner;

	*uid = asked ? uid_of(entry) : o->uid;
	*gid = asked ? gid_of(entry) : o->gid;
}

static int
refused(const struct entry *entry, const char *fact, const char *word, struct err *e)
{
	return err_set(e, ERR_POLICY, "%s: %s; `allow = %s` in [app] would permit it",
	    entry->path, fact, word);
}

static int
check_xattrs(const struct entry *entry, const struct conf *conf, struct err *e)
{
	if (owners_allowed(conf, "capabilities"))
		return 0;
	for (const struct entry_xattr *x = entry->xattrs; x != NULL; x = x->next) {
		if (strcmp(x->name, CAPABILITY) == 0)
			return refused(entry, "has file capabilities", "capabilities", e);
		if (strncmp(x->name, "user.", 5) != 0)
			return refused(entry, "has system attributes", "capabilities", e);
	}
	return 0;
}

static int
check_entry(const struct entry *entry, const struct conf *conf, const struct owners *o,
    struct err *e)
{
	bool foreign = entry->has_owner && !o->from_listing &&
	    (conf == NULL || !conf->owner_set) &&
	    (uid_of(entry) != o->uid || gid_of(entry) != o->gid);

	if (foreign)
		return refused(entry, "wants another owner than the applier's user",
		    "owners", e);
	if (entry->type != ENTRY_LINK) {
		if ((entry->mode & S_ISUID) && !owners_allowed(conf, "setuid"))
			return refused(entry, "is setuid", "setuid", e);
		if ((entry->mode & S_ISGID) && !owners_allowed(conf, "setgid"))
			return refused(entry, "is setgid", "setgid", e);
		if ((entry->mode & S_IWOTH) && !owners_allowed(conf, "world-writable"))
			return refused(entry, "is writable by everybody",
			    "world-writable", e);
	}
	return check_xattrs(entry, conf, e);
}

int
owners_check(const struct listing *listing, const struct conf *conf, struct err *e)
{
	struct owners o;

	owners_of(conf, &o);
	for (size_t i = 0; i < listing->n; i++)
		if (check_entry(&listing->entries[i], conf, &o, e) == -1)
			return -1;
	return 0;
}

int
owners_set_fd(const struct owners *o, int fd, const struct entry *entry, struct err *e)
{
	struct stat st;
	uid_t uid;
	gid_t gid;

	owners_entry(o, entry, &uid, &gid);
	if (fstat(fd, &st) == -1)
		return err_sys(e, "%s", entry->path);
	if ((st.st_uid != uid || st.st_gid != gid) && fs_chown_fd(fd, uid, gid, e) == -1)
		return err_wrap(e, "%s", entry->path);
	for (const struct entry_xattr *x = entry->xattrs; x != NULL; x = x->next)
		if (fs_set_xattr_fd(fd, x->name, x->value, x->size, e) == -1)
			return err_wrap(e, "%s", entry->path);
	if (fs_chmod_fd(fd, entry->mode & 07777, e) == -1)
		return err_wrap(e, "%s", entry->path);
	return 0;
}

int
owners_set_link(const struct owners *o, int dir, const struct entry *entry,
    struct err *e)
{
	uid_t uid;
	gid_t gid;

	owners_entry(o, entry, &uid, &gid);
	if (uid == geteuid() && gid == getegid())
		return 0;
	return fs_chown_link(dir, entry->path, uid, gid, e);
}
