#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "manifest/key.h"
#include "manifest/tuf_names.h"
#include "manifest/tuf_write.h"

#include "tests/fuzz/kit/json_pool.h"
#include "tests/fuzz/kit/tuf_case.h"

bool __real_key_verifies(const struct key *, const void *, size_t, const char *);
bool __wrap_key_verifies(const struct key *, const void *, size_t, const char *);
int __wrap_tuf_lock(int dir, struct err *);
int __wrap_tuf_store(int dir, const char *role, const struct buf *, struct err *);
int __wrap_tuf_store_read(int dir, const char *role, struct buf *, struct err *);
int __wrap_tuf_local(struct tuf *, const char *role, const struct jv *delegator,
    struct tuf_file *, struct err *);
void __real_tuf_file_drop(struct tuf_file *);
void __wrap_tuf_file_drop(struct tuf_file *);

#define PRODUCT "0123456789abcdef0123456789abcdef"
#define DAY 86400
enum { FILES = 7, FILE_ROOM = 1 << 14, REAL_SIG_DIGITS = 128, KEYS = 4 };

/* The repository: each file once, its meta for those that are trusted at first. */
static struct known {
	const char *role;
	uint64_t version;	/* of the file on the host */
	struct buf bytes;
	struct tuf_meta *meta;
	bool in_folder;
} files[FILES];
static size_t n_files;

static const char *input_name;
static const uint8_t *input;
static size_t input_n;
static unsigned stored;
static bool by_hand;

/* Who signs what: so many of these keys. */
static const struct holders {
	const char *role;
	size_t first, n, threshold;
} holders[] = {
	{ "root", 0, 2, 2 },
	{ "targets", 1, 1, 1 },
	{ "snapshot", 2, 1, 1 },
	{ "timestamp", 2, 1, 1 },
	{ "stable", 3, 1, 1 },
	{ "halt", 2, 1, 1 },
	{ "stable.any", 2, 2, 1 },
};
static struct jv *keys[KEYS];
static char ids[KEYS][SHA256_HEX_MAX];

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static const struct holders *
holders_of(const char *role)
{
	for (size_t i = 0; i < sizeof holders / sizeof holders[0]; i++)
		if (strcmp(holders[i].role, role) == 0)
			return &holders[i];
	abort();
}

/* ---- in the place of cryptography and of the disk ---- */

bool
__wrap_key_verifies(const struct key *key, const void *data, size_t n, const char *sig)
{
	if (strlen(sig) >= REAL_SIG_DIGITS)
		return __real_key_verifies(key, data, n, sig);
	return key->scheme != KEY_UNKNOWN && strcmp(sig, "00") == 0;
}

int
__wrap_tuf_lock(int dir, struct err *e)
{
	(void)dir;
	(void)e;
	return dup(STDERR_FILENO);
}

static struct known *
find(const char *role)
{
	for (size_t i = 0; i < n_files; i++)
		if (strcmp(files[i].role, role) == 0)
			return &files[i];
	return NULL;
}

static bool
has_signed(const struct tuf_meta *m, const char *id)
{
	for (size_t i = 0; i < jv_count(m->signatures); i++) {
		const struct jv *one = jv_at(m->signatures, i);

		if (strcmp(jv_text(jv_get(one, "keyid")), id) == 0)
			return strcmp(jv_text(jv_get(one, "sig")), "00") == 0;
	}
	return false;
}

/* Counted once more, and in another way than the client does. */
static void
check_trusted(const char *role, const struct tuf_meta *m)
{
	const struct holders *h = holders_of(role);
	const char *product = jv_text(jv_get(m->signed_part, "x-product"));
	uint64_t known = find(role)->version;
	size_t good = 0;

	for (size_t i = h->first; i < h->first + h->n; i++)
		good += has_signed(m, ids[i]);
	must(good >= h->threshold);
	must(product != NULL && strcmp(product, PRODUCT) == 0);
	if (strcmp(role, "root") == 0)	/* an expired one leads to the next */
		must(m->version == known + 1);
	else
		must(m->expires > CASE_NOW);
	if (strcmp(role, "timestamp") == 0)
		must(m->version > known);
	else if (strcmp(role, "snapshot") == 0)
		must(m->version == known + 1);
	else if (strcmp(role, "root") != 0)
		must(m->version == known);
}

int
__wrap_tuf_store(int dir, const char *role, const struct buf *bytes, struct err *e)
{
	struct buf name = BUF_INIT(FILE_ROOM);
	struct tuf_meta *again;

	(void)dir;
	must(tuf_role_file(role, 0, &name, e) == 0);
	buf_free(&name);
	if (bytes->len != input_n || memcmp(bytes->data, input, input_n) != 0)
		return 0;	/* another file of the repository */
	stored++;
	must((again = tuf_meta_parse(bytes->data, bytes->len, e)) != NULL);
	must(tuf_meta_check(again, role, e) == 0);
	if (!by_hand)
		check_trusted(role, again);
	tuf_meta_free(again);
	return 0;
}

int
__wrap_tuf_store_read(int dir, const char *role, struct buf *bytes, struct err *e)
{
	const struct known *k = find(role);

	(void)dir;
	if (k == NULL || !k->in_folder)
		return err_set(e, ERR_ABSENT, "not in the folder");
	return buf_add(bytes, k->bytes.data, k->bytes.len, e);
}

/* Verified long ago, and never given away. */
int
__wrap_tuf_local(struct tuf *t, const char *role, const struct jv *delegator,
    struct tuf_file *f, struct err *e)
{
	struct known *k = find(role);

	(void)t;
	(void)delegator;
	f->meta = NULL;
	buf_init(&f->bytes, FILE_ROOM);
	if (k == NULL || !k->in_folder)
		return 0;
	f->meta = k->meta;
	return buf_add(&f->bytes, k->bytes.data, k->bytes.len, e) == 0 ? 1 : -1;
}

void
__wrap_tuf_file_drop(struct tuf_file *f)
{
	for (size_t i = 0; i < n_files; i++)
		if (f->meta == files[i].meta)
			f->meta = NULL;
	__real_tuf_file_drop(f);
}

static int
get(void *arg, const char *name, struct buf *out, struct err *e)
{
	char own[128];

	(void)arg;
	if (strcmp(name, input_name) == 0)
		return buf_add(out, input, input_n, e);
	for (size_t i = 0; i < n_files; i++) {
		(void)snprintf(own, sizeof own, "%llu.%s.json",
		    (unsigned long long)files[i].version, files[i].role);
		if (strcmp(name, own) == 0)
			return buf_add(out, files[i].bytes.data, files[i].bytes.len, e);
	}
	return err_set(e, ERR_ABSENT, "no such file");
}

/* ---- the repository ---- */

static void
make_keys(void)
{
	struct err e = ERR_INIT;
	char public[65];
	struct sha256 id;

	for (size_t i = 0; i < KEYS; i++) {
		memset(public, "1234"[i], 64);
		public[64] = '\0';
		must((keys[i] = key_to_json(KEY_ED25519, public, &e)) != NULL);
		must(key_id_of(keys[i], &id, &e) == 0);
		(void)sha256_hex(&id, ids[i]);
	}
}

static struct jv *
part_of(const char *type, uint64_t version)
{
	struct tuf_head head = { .type = type, .version = version, .product = PRODUCT,
		.expires = CASE_NOW + DAY, .signed_at = CASE_NOW - DAY };
	struct err e = ERR_INIT;
	struct jv *part = tuf_new_signed(&head, &e);

	must(part != NULL);
	return part;
}

/* Takes `part`. */
static void
add_file(const char *role, uint64_t version, struct jv *part)
{
	const struct holders *h = holders_of(role);
	struct known *k = &files[n_files++];
	struct jv *file = jv_new_object(), *list = jv_new_list();
	struct err e = ERR_INIT;

	must(n_files <= FILES);
	for (size_t i = h->first; i < h->first + h->threshold; i++) {
		struct jv *one = jv_new_object();

		must(jv_set(one, "keyid", jv_new_text(ids[i])) == 0);
		must(jv_set(one, "sig", jv_new_text("00")) == 0);
		must(jv_push(list, one) == 0);
	}
	must(jv_set(file, "signatures", list) == 0 && jv_set(file, "signed", part) == 0);
	k->role = role;
	k->version = version;
	buf_init(&k->bytes, FILE_ROOM);
	must(jv_print_sorted(file, &k->bytes, &e) == 0);
	jv_free(file);
	must((k->meta = tuf_meta_parse(k->bytes.data, k->bytes.len, &e)) != NULL);
	must(tuf_meta_check(k->meta, role, &e) == 0);
}

static void
make_root(void)
{
	struct jv *root = part_of("root", 1);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 4; i++) {
		const struct holders *h = &holders[i];

		must(tuf_root_role(root, h->role, keys + h->first, h->n,
			 (unsigned)h->threshold, &e) == 0);
	}
	add_file("root", 1, root);
}

static void
list_version(struct jv *part, const char *name, int64_t version)
{
	struct jv *one = jv_new_object();

	must(jv_set(one, "version", jv_new_int(version)) == 0);
	must(jv_set(jv_get_mutable(part, "meta"), name, one) == 0);
}

/* What they list is listed by version alone: the input is any bytes. */
static void
make_online(void)
{
	struct jv *timestamp = part_of("timestamp", 4), *snapshot = part_of("snapshot", 5);

	list_version(timestamp, "snapshot.json", 6);
	add_file("timestamp", 4, timestamp);
	list_version(snapshot, "targets.json", 2);
	list_version(snapshot, "stable.json", 3);
	list_version(snapshot, "stable.any.json", 3);
	list_version(snapshot, "halt.json", 3);
	add_file("snapshot", 5, snapshot);
}

static void
delegate(struct jv *by, const char *role, const char *const *paths)
{
	const struct holders *h = holders_of(role);
	struct err e = ERR_INIT;

	must(tuf_delegate(by, role, paths, keys + h->first, h->n, (unsigned)h->threshold,
		 &e) == 0);
}

static void
make_offline(void)
{
	static const char *const all[] = { "*/*", NULL }, *const any[] = { "*/any.*", NULL };
	struct jv *targets = part_of("targets", 2), *stable = part_of("targets", 3);
	struct jv *halt = part_of("targets", 3), *one = part_of("targets", 3);
	struct err e = ERR_INIT;
	struct sha256 id;

	memset(&id, 0x11, sizeof id);
	delegate(targets, "stable", all);
	delegate(targets, "halt", all);
	delegate(stable, "stable.any", any);
	must(tuf_set_target(one, "1/any.tree.zst", 5, &id, NULL, &e) == 0);
	add_file("targets", 2, targets);
	add_file("stable", 3, stable);
	add_file("stable.any", 3, one);
	add_file("halt", 3, halt);
}

static void
make_repository(void)
{
#ifdef FUZZ_POOL
	json_pool_begin();
#endif
	make_keys();
	make_root();
	make_online();
	make_offline();
#ifdef FUZZ_POOL
	json_pool_keep();
#endif
}

/* ---- for the targets ---- */

struct tuf *
tuf_case_open(const char *name, const uint8_t *data, size_t n)
{
	struct tuf *t = calloc(1, sizeof *t);

	must(t != NULL);
	if (n_files == 0)
		make_repository();
	for (size_t i = 0; i < n_files; i++)
		files[i].in_folder = false;
	stored = 0;
	input_name = name;
	input = data;
	input_n = n;
	t->dir = t->lock = -1;
	t->source.get = get;
	t->clock.system_now = t->now = CASE_NOW;
	t->root = files[0].meta;
	return t;
}

void
tuf_case_close(struct tuf *t)
{
	tuf_close(t);
	by_hand = false;
#ifdef FUZZ_POOL
	json_pool_check();
#endif
}

void
tuf_case_trust(struct tuf *t, const char *role)
{
	struct known *k = find(role);

	must(k != NULL);
	if (strcmp(role, "timestamp") == 0)
		t->timestamp = k->meta;
	else if (strcmp(role, "snapshot") == 0)
		t->snapshot = k->meta;
	else
		t->targets = k->meta;
}

void
tuf_case_in_folder(const char *role)
{
	find(role)->in_folder = true;
}

void
tuf_case_by_hand(void)
{
	by_hand = true;
}

unsigned
tuf_case_stored(void)
{
	return stored;
}

const struct buf *
tuf_case_file(const char *role)
{
	const struct known *k = find(role);

	return k == NULL ? NULL : &k->bytes;
}
