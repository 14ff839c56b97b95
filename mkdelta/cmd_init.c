#include <sys/random.h>
#include <sys/stat.h>

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/fs_change.h"
#include "manifest/base/fs_tree.h"
#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_write.h"
#include "mkdelta/commands.h"
#include "mkdelta/expiry.h"
#include "mkdelta/passphrase.h"
#include "mkdelta/place.h"

enum { ROOT_KEYS_MAX = 16, DAY = 86400 };

static const char *keys_path_given, *key_type, *passphrase_path;
static struct opt_list channels, expires;
static uint32_t root_keys = 2, threshold = 1;
static bool share_keys, encrypt;

static const struct opt options[] = {
	{ "channel", 'c', OPT_LIST, &channels, "NAME",
	    "a channel, may repeat (default stable)" },
	{ "keys", 'k', OPT_TEXT, &keys_path_given, "DIR",
	    "private keys (default REPO.keys)" },
	{ "encrypt", 0, OPT_FLAG, &encrypt, NULL,
	    "ask for a passphrase to encrypt the keys with" },
	{ "passphrase-file", 0, OPT_TEXT, &passphrase_path, "FILE",
	    "encrypt the keys with its first line" },
	{ "key-type", 0, OPT_TEXT, &key_type, "TYPE",
	    "of the keys made: ed25519 (default) or p256" },
	{ "expires", 0, OPT_LIST, &expires, "ROLE=DAYS",
	    "period of root (730), targets, channel (365), online (7)" },
	{ "root-keys", 0, OPT_COUNT_U32, &root_keys, "N",
	    "root keys to make (default 2)" },
	{ "threshold", 0, OPT_COUNT_U32, &threshold, "N",
	    "root keys needed to change keys (default 1)" },
	{ "share-keys", 0, OPT_FLAG, &share_keys, NULL,
	    "use the keys that are in --keys DIR already" },
	OPT_END
};

struct init {
	const char *path;
	struct expiry expiry;
	struct buf keys_path;
	int keys_dir;			/* -1 until made */
	enum key_scheme scheme;		/* of new keys */
	const char *passphrase;		/* NULL: not encrypted */
	struct jv *online, *targets_key;
	char product[REPO_PRODUCT_MAX];
	struct repo *repo;
};

static int
check_key_type(struct init *in, struct err *e)
{
	in->scheme = KEY_ED25519;
	if (key_type == NULL || strcmp(key_type, "ed25519") == 0)
		return 0;
	in->scheme = KEY_ECDSA_P256;
	if (strcmp(key_type, "p256") == 0)
		return 0;
	return err_set(e, ERR_USAGE, "--key-type %s: is none of ed25519, p256", key_type);
}

static int
check_options(struct init *in, struct err *e)
{
	if (check_key_type(in, e) == -1 || passphrase_file(passphrase_path, e) == -1)
		return -1;
	in->passphrase = encrypt ? passphrase_new(e) : passphrase_known(e);
	if (e->code != ERR_NONE)
		return -1;
	if (channels.n == 0)
		channels.values[channels.n++] = "stable";
	for (int i = 0; i < channels.n; i++) {
		if (name_check_channel(channels.values[i], e) == -1)
			return -1;
		for (int k = 0; k < i; k++)
			if (strcmp(channels.values[i], channels.values[k]) == 0)
				return err_set(e, ERR_USAGE, "channel %s: given twice",
				    channels.values[i]);
	}
	expiry_default(&in->expiry);
	for (int i = 0; i < expires.n; i++)
		if (expiry_set(&in->expiry, expires.values[i], e) == -1)
			return -1;
	if (root_keys > ROOT_KEYS_MAX || threshold > root_keys)
		return err_set(e, ERR_USAGE, "--threshold %" PRIu32 " of --root-keys %"
		    PRIu32 ": at most %d keys, and not more needed than there are",
		    threshold, root_keys, ROOT_KEYS_MAX);
	if (keys_path(in->path, keys_path_given, &in->keys_path, e) == -1)
		return -1;
	if (place_is_inside(in->path, buf_text(&in->keys_path)))
		return err_set(e, ERR_USAGE, "--keys %s: lies inside %s, which everybody "
		    "will read; choose a folder outside", buf_text(&in->keys_path),
		    in->path);
	return 0;
}

static struct jv *
make_key(const struct init *in, const char *name, struct err *e)
{
	struct signer *signer = keys_make(in->keys_dir, name, in->scheme,
	    in->passphrase, e);
	struct jv *object = signer == NULL ? NULL : signer_public(signer, e);

	signer_free(signer);
	if (object == NULL)
		(void)err_wrap(e, "key %s", name);
	return object;
}

static struct jv *
new_part(const struct init *in, const char *type, struct err *e)
{
	/* Version and times are set when it is signed. */
	struct tuf_head head = { type, 1, 1, 0, in->product };

	return tuf_new_signed(&head, e);
}

static int
add_root(struct init *in, struct err *e)
{
	struct repo_role *root = repo_add_role(in->repo, "root", "root",
	    new_part(in, "root", e), in->expiry.root, e);
	struct jv *keys[ROOT_KEYS_MAX] = { NULL };
	int rc = root == NULL ? -1 : 0;
	uint32_t n = 0;

	while (rc == 0 && n < root_keys) {
		char name[24];

		(void)snprintf(name, sizeof name, "root-%" PRIu32, n + 1);
		if ((keys[n] = make_key(in, name, e)) == NULL)
			rc = -1;
		n++;
	}
	if (rc == 0 && ((in->targets_key = make_key(in, "targets", e)) == NULL ||
	    (in->online = make_key(in, "online", e)) == NULL))
		rc = -1;
	if (rc == 0 &&
	    (tuf_root_role(root->part, "root", keys, n, threshold, e) == -1 ||
	    tuf_root_role(root->part, "targets", &in->targets_key, 1, 1, e) == -1 ||
	    tuf_root_role(root->part, "snapshot", &in->online, 1, 1, e) == -1 ||
	    tuf_root_role(root->part, "timestamp", &in->online, 1, 1, e) == -1))
		rc = -1;
	while (n > 0)
		jv_free(keys[--n]);
	return rc;
}

static int
add_channel(struct init *in, struct repo_role *targets, const char *channel,
    struct err *e)
{
	static const char *const paths[] = { "*/*", NULL };
	struct repo_role *role;
	struct jv *key;
	char name[64];
	int rc;

	(void)snprintf(name, sizeof name, "channel-%s", channel);
	if ((key = make_key(in, name, e)) == NULL)
		return -1;
	rc = tuf_delegate(targets->part, channel, paths, &key, 1, 1, e);
	jv_free(key);
	if (rc == -1 || (role = repo_add_role(in->repo, channel, "targets",
	    new_part(in, "targets", e), in->expiry.channel, e)) == NULL)
		return -1;
	if (jv_set(role->part, "x-channel", jv_new_object()) == -1)
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

/* All roles in memory: the same list as repo_open() would make. */
static int
add_roles(struct init *in, struct err *e)
{
	struct repo_role *targets;

	if (add_root(in, e) == -1 ||
	    repo_add_role(in->repo, "timestamp", "root", new_part(in, "timestamp", e),
		in->expiry.timestamp, e) == NULL ||
	    repo_add_role(in->repo, "snapshot", "root", new_part(in, "snapshot", e),
		in->expiry.snapshot, e) == NULL ||
	    (targets = repo_add_role(in->repo, "targets", "root",
		new_part(in, "targets", e), in->expiry.targets, e)) == NULL)
		return -1;
	for (int i = 0; i < channels.n; i++)
		if (add_channel(in, targets, channels.values[i], e) == -1)
			return -1;
	return 0;
}

/* The whole repository in a folder beside its goal. */
static int
build(struct init *in, int at, const char *temp, struct err *e)
{
	struct keys *keys = NULL;
	uint8_t random[16];
	int dir, rc = -1;

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return err_sys(e, "random numbers");
	hex_encode(in->product, random, sizeof random);
	if (fs_remove_tree(at, temp, e) == -1 || fs_mkdir(at, temp, 0755, e) == -1 ||
	    (dir = fs_open_dir_at(at, temp, e)) == -1)
		return -1;
	if ((in->repo = repo_new(in->path, dir, in->product, e)) == NULL)
		return -1;
	if (fs_mkdir(dir, "metadata", 0755, e) == -1 ||
	    fs_mkdir(dir, "targets", 0755, e) == -1 || add_roles(in, e) == -1 ||
	    (keys = keys_open(buf_text(&in->keys_path), e)) == NULL)
		goto out;
	if (repo_commit(in->repo, keys, utc_now(), false, e) == 0)
		rc = fs_sync_dir(dir, ".", e);
out:
	keys_close(keys);
	return rc;
}

static int
is_empty(int at, const char *name, struct err *e)
{
	int fd = fs_open_dir_at(at, name, e), n = 0;
	DIR *dir;

	if (fd == -1)
		return -1;
	if ((dir = fdopendir(fd)) == NULL)
		return err_sys(e, "%s", name);
	while (readdir(dir) != NULL)
		n++;
	(void)closedir(dir);
	return n <= 2;
}

/* 1: REPO is free.  0: a killed init had done all but its last step. */
static int
check_goal(struct init *in, const struct place *p, struct err *e)
{
	char probe[sizeof p->name + 32];
	struct stat st;
	int there = fs_stat_at(p->at, p->name, &st, e), empty, dir;

	if (there != 1)
		return there == 0 ? 1 : -1;
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ERR_POLICY, "%s: exists and is no folder", in->path);
	if ((empty = is_empty(p->at, p->name, e)) != 0)
		return empty;
	(void)snprintf(probe, sizeof probe, "%s/metadata/1.root.json", p->name);
	if ((there = fs_stat_at(p->at, probe, &st, e)) == -1)
		return -1;
	if (there == 0)
		return err_set(e, ERR_POLICY, "%s: a folder with other things in it; "
		    "give the name of a new one", in->path);
	if ((dir = keys_unfinished(buf_text(&in->keys_path), e)) >= 0) {
		in->keys_dir = dir;
		return 0;
	}
	return err_set(e, ERR_POLICY, "%s: is a repository already; mkdelta list %s "
	    "shows what it holds", in->path, in->path);
}

static void
say_result(const struct init *in)
{
	const struct expiry *x = &in->expiry;
	int64_t online = x->snapshot < x->timestamp ? x->snapshot : x->timestamp;
	const char *keys = buf_text(&in->keys_path);

	if (log_level_now() == LOG_QUIET)
		return;
	(void)printf("%s: a new repository with channel%s", in->path,
	    channels.n == 1 ? "" : "s");
	for (int i = 0; i < channels.n; i++)
		(void)printf("%s %s", i == 0 ? "" : ",", channels.values[i]);
	(void)printf("\n  keys     %s (for you alone: never copy it to a host)\n", keys);
	(void)printf("  devices  trust %s/metadata/1.root.json\n", in->path);
	(void)printf("  valid    root %" PRId64 " days, targets %" PRId64 ", channels %"
	    PRId64 ", snapshot and timestamp %" PRId64 "\n", x->root / DAY,
	    x->targets / DAY, x->channel / DAY, online / DAY);
	log_say("Next: move %s/root-*.pem to a safe place, then", keys);
	log_say("  mkdelta release %s TREE     for each release", in->path);
	log_say("  mkdelta refresh %s          by a daily job, so that nothing expires",
	    in->path);
}

static int
init_at(struct init *in, const struct place *p, struct err *e)
{
	char temp[sizeof p->name + 16];
	int free_goal = check_goal(in, p, e);

	if (free_goal == -1)
		return -1;
	(void)snprintf(temp, sizeof temp, ".%.240s.init", p->name);
	if (free_goal == 1 && ((in->keys_dir = keys_begin(buf_text(&in->keys_path),
	    share_keys, e)) == -1 || build(in, p->at, temp, e) == -1 ||
	    fs_rename(p->at, temp, p->at, p->name, e) == -1))
		return -1;
	if (fs_sync_dir(p->at, ".", e) == -1 || keys_settle(in->keys_dir, e) == -1)
		return -1;
	say_result(in);
	return 0;
}

static int
run(int words, char **argv, struct err *e)
{
	struct init in = { .keys_path = BUF_INIT(4096), .keys_dir = -1 };
	struct place p = { .at = -1 };
	char lock_name[sizeof p.name + 16];
	int lock = -1, rc = -1;

	(void)words;
	in.path = argv[1];
	if (place_open(in.path, &p, e) == -1 || check_options(&in, e) == -1)
		goto out;
	(void)snprintf(lock_name, sizeof lock_name, ".%.240s.lock", p.name);
	if ((lock = fs_lock(p.at, lock_name, "mkdelta init", e)) == -1)
		goto out;
	rc = init_at(&in, &p, e);
	(void)fs_unlink(p.at, lock_name, &(struct err)ERR_INIT);
out:
	if (lock != -1)
		(void)close(lock);
	if (in.keys_dir != -1)
		(void)close(in.keys_dir);
	jv_free(in.online);
	jv_free(in.targets_key);
	repo_close(in.repo);
	place_close(&p);
	buf_free(&in.keys_path);
	return rc;
}

const struct opt_command command_init = {
	"init", "REPO", "make a repository and its keys",
	"REPO becomes a folder of plain files for any static host; the private keys go\n"
	"beside it.  An init that was interrupted is simply run again.  The keys are\n"
	"encrypted if a passphrase is given: by --passphrase-file, MKDELTA_PASSPHRASE,\n"
	"or --encrypt at a terminal.\n",
	options, 1, 1, run
};
