#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/utc.h"
#include "mkdelta/commands.h"
#include "mkdelta/halt_role.h"
#include "mkdelta/holders.h"
#include "mkdelta/key_file.h"
#include "mkdelta/passphrase.h"
#include "mkdelta/pending.h"
#include "mkdelta/show.h"

static struct keys_from from;
static const char *key_type, *public_path;
static bool encrypt, json;

static const struct opt options[] = {
	{ "public", 0, OPT_TEXT, &public_path, "FILE",
	    "new, rotate: take this public key (PEM), make none" },
	{ "key-type", 0, OPT_TEXT, &key_type, "TYPE",
	    "of a key that is made: ed25519 (default) or p256" },
	{ "encrypt", 0, OPT_FLAG, &encrypt, NULL,
	    "ask for a passphrase to encrypt it with" },
	SIGN_OPTIONS(from, SIGN_FORCED),
	{ "json", 0, OPT_FLAG, &json, NULL, "list: as JSON" },
	OPT_END
};

struct key_work {
	const char *action, *path, *role, *id;
	struct repo *repo;
};

/* The public half: of --public, or of a new private one in the folder of keys. */
static struct jv *
new_key(const struct key_work *w, const char *role, struct err *e)
{
	const char *passphrase = encrypt ? passphrase_new(e) : passphrase_known(e);
	struct buf path = BUF_INIT(4096);
	struct jv *object = NULL;

	if (public_path != NULL)
		return key_file_public(public_path, e);
	if (e->code == ERR_NONE && keys_path(w->path, from.dir, &path, e) == 0)
		object = key_file_make(buf_text(&path), role, key_type, passphrase, e);
	buf_free(&path);
	return object;
}

static int
replace(struct holders *h, const struct key_work *w, const char *role, struct err *e)
{
	const char *id = w->id;
	struct jv *key;

	if (id == NULL && h->n != 1)
		return err_set(e, ERR_USAGE, "role %s: has %zu keys; say which is to go "
		    "(mkdelta show %s %s has their ids)", role, h->n, w->path, role);
	/* The id is looked at first: a key that was made is not made for nothing. */
	if (holders_remove(h, id == NULL ? h->ids[0] : id, e) == -1 ||
	    (key = new_key(w, role, e)) == NULL)
		return -1;
	return holders_add(h, key, e);
}

static int
set_threshold(struct holders *h, const struct key_work *w, struct err *e)
{
	uint64_t n;

	if (w->id == NULL || u64_parse(w->id, KEYS_MAX, &n) == -1 || n == 0)
		return err_set(e, ERR_USAGE, "threshold: how many signatures?  1 to %zu",
		    h->n);
	h->threshold = (int64_t)n;
	return 0;
}

/* One role's keys, changed as asked; `shared` is a key that was made already. */
static int
change_role(struct key_work *w, const char *role, const struct jv *shared, struct err *e)
{
	struct holders h;
	struct jv *key;
	int rc = -1;

	if (holders_read(w->repo, role, &h, e) == -1)
		return -1;
	if (strcmp(w->action, "new") == 0) {
		key = shared != NULL ? jv_copy(shared) : new_key(w, role, e);
		rc = key == NULL ? -1 : holders_add(&h, key, e);
	} else if (strcmp(w->action, "rotate") == 0 && shared != NULL) {
		rc = holders_remove(&h, w->id == NULL ? h.ids[0] : w->id, e);
		if (rc == 0)
			rc = holders_add(&h, jv_copy(shared), e);
	} else if (strcmp(w->action, "rotate") == 0) {
		rc = replace(&h, w, role, e);
	} else if (strcmp(w->action, "revoke") == 0) {
		rc = w->id == NULL ? err_set(e, ERR_USAGE, "revoke: which key?  mkdelta "
		    "show %s %s has the ids", w->path, role) :
		    holders_remove(&h, w->id, e);
	} else {
		rc = set_threshold(&h, w, e);
	}
	if (rc == 0)
		rc = holders_write(w->repo, role, &h, e);
	holders_clear(&h);
	return rc;
}

/* snapshot and timestamp with one key. */
static int
change_online(struct key_work *w, struct err *e)
{
	struct jv *shared = NULL;
	struct holders h;
	int rc = 0;

	if (strcmp(w->action, "rotate") == 0 && w->id == NULL) {
		if (holders_read(w->repo, "timestamp", &h, e) == -1)
			return -1;
		if (h.n != 1)
			rc = err_set(e, ERR_USAGE, "online: has %zu keys; say which is to "
			    "go", h.n);
		holders_clear(&h);
	}
	if (rc == 0 && (strcmp(w->action, "new") == 0 ||
	    strcmp(w->action, "rotate") == 0) &&
	    (shared = new_key(w, "online", e)) == NULL)
		rc = -1;
	if (rc == 0)
		rc = change_role(w, "snapshot", shared, e);
	if (rc == 0)
		rc = change_role(w, "timestamp", shared, e);
	jv_free(shared);
	return rc;
}

static int
change(struct key_work *w, struct err *e)
{
	struct jv *key;
	int rc;

	if (strcmp(w->role, "online") == 0)
		return change_online(w, e);
	if (strcmp(w->role, "halt") == 0 && strcmp(w->action, "new") == 0 &&
	    repo_role(w->repo, "halt") == NULL) {
		if ((key = new_key(w, "halt", e)) == NULL)
			return -1;
		rc = halt_role_add(w->repo, key, e);
		jv_free(key);
		return rc;
	}
	return change_role(w, w->role, NULL, e);
}

/* Keys that were made a moment ago sign too: they are read from the folder again. */
static int
change_and_sign(struct key_work *w, struct err *e)
{
	struct repo *r = w->repo;

	(void)snprintf(r->reason, sizeof r->reason, "key %s %s", w->action, w->role);
	r->may_wait = true;
	if (pending_is_there(r) && repo_place_pending(r, e) == -1)
		return -1;
	return change(w, e) == -1 ? -1 : command_publish(r, &from, e);
}

/* From here on argv is `ACTION REPO ROLE KEY`. */
static int
list(struct repo *r, int words, char **argv, struct err *e)
{
	struct show s = { .repo = r, .json = json, .now = utc_now() };
	struct keys *keys = command_keys_seen(r, &from);
	int rc;

	(void)words;
	(void)argv;
	s.keys = keys;
	rc = show_keys(&s, e);
	keys_close(keys);
	return rc;
}

/* `key new FILE`: for somebody who holds a key and has no repository. */
static int
make_file(const char *path, struct err *e)
{
	const char *passphrase = encrypt ? passphrase_new(e) : passphrase_known(e);

	if (e->code != ERR_NONE)
		return -1;
	return key_file_make_alone(path, key_type, passphrase, e);
}

static int
run_change(struct repo *r, int words, char **argv, struct err *e)
{
	struct key_work w = { argv[0], argv[1], argv[2], words > 2 ? argv[3] : NULL, r };

	return change_and_sign(&w, e);
}

static int
run(int words, char **argv, struct err *e)
{
	const char *action = argv[1];

	if (strcmp(action, "list") == 0)
		return command_run(NULL, list, words - 1, argv + 1, e);
	if (strcmp(action, "new") == 0 && words == 2)
		return make_file(argv[2], e);
	if (strcmp(action, "new") != 0 && strcmp(action, "rotate") != 0 &&
	    strcmp(action, "revoke") != 0 && strcmp(action, "threshold") != 0)
		return err_set(e, ERR_USAGE, "key %s: is none of list, new, rotate, revoke, "
		    "threshold", action);
	if (words == 2)
		return err_set(e, ERR_USAGE, "key %s: of which role?  root, targets, online "
		    "(snapshot and timestamp), halt, or a channel", action);
	if (passphrase_file(from.passphrase_file, e) == -1)
		return -1;
	return command_run("key", run_change, words - 1, argv + 1, e);
}

const struct opt_command command_key = {
	"key", "list|new|rotate|revoke|threshold REPO [ROLE] [KEY|N]",
	"who signs what: list keys, change them",
	"  key list REPO               all keys, their roles, which private ones are here\n"
	"  key new REPO ROLE           one more key for the role\n"
	"  key new FILE.pem            a key alone; FILE.pub.pem is for --public\n"
	"  key rotate REPO ROLE [KEY]  a new key in the place of KEY, or of the only one\n"
	"  key revoke REPO ROLE KEY    KEY signs the role no more\n"
	"  key threshold REPO ROLE N   N signatures are needed\n"
	"ROLE is root, targets, snapshot, timestamp, online (the last two), halt or a\n"
	"channel; KEY the first digits of a key's id.  What cannot be signed here to the\n"
	"end waits in REPO.pending for mkdelta sign.\n",
	options, 2, 4, run
};
