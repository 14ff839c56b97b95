/*
 * tuf_sim.h - a TUF repository in memory, honest until told otherwise.
 *
 * Tests edit the signed parts, publish, tamper with files, and hand the source to
 * a client.  Anything that fails here ends the test.
 */
#ifndef TESTS_LAB_TUF_SIM_H
#define TESTS_LAB_TUF_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifest/base/buf.h"
#include "manifest/tuf_client.h"
#include "manifest/tuf_write.h"

enum { SIM_KEYS = 8, SIM_ROLES = 64, SIM_NAME_MAX = 128 };
#define SIM_NOW INT64_C(1800000000)
#define SIM_DAY INT64_C(86400)

/* Keys by number; sets of keys are bit masks of (1 << number). */
enum { K_ROOT, K_TARGETS, K_ONLINE, K_CHANNEL, K_SPARE, K_P256, K_OTHER, K_THIRD };
#define SIM_KEY(k) (1u << (k))

struct sim_role {
	char name[SIM_NAME_MAX];
	struct jv *part;  /* the signed part, to be edited */
	unsigned signers; /* who signs at the next publish */
};

struct sim_file {
	char *name;
	struct buf bytes;
	struct sim_file *next;
};

struct tuf_sim {
	struct signer *keys[SIM_KEYS];
	struct jv *publics[SIM_KEYS];
	int64_t now;                      /* what dates are reckoned from */
	const char *product;              /* NULL: a foreign repository */
	bool bare;                        /* list versions alone, no length and hash */
	bool inconsistent;                /* consistent_snapshot false */
	struct sim_role roles[SIM_ROLES]; /* root targets snapshot timestamp ... */
	size_t n_roles;
	struct sim_file *files;
	struct buf asked;             /* names, each followed by a blank */
	char fail_name[SIM_NAME_MAX]; /* this name fails with fail_code */
	enum err_code fail_code;
	char endless[SIM_NAME_MAX]; /* this name never ends */
};

/* root, targets, snapshot and timestamp of version 1, published: signed a day ago and
 * valid for thirty more. */
struct tuf_sim *sim_new(const char *product); /* at SIM_NOW */
struct tuf_sim *sim_new_at(const char *product, int64_t now);
void sim_free(struct tuf_sim *);
struct tuf_source sim_source(struct tuf_sim *);

struct sim_role *sim_role(struct tuf_sim *, const char *role);
struct jv *sim_part(struct tuf_sim *, const char *role);
void sim_set_version(struct tuf_sim *, const char *role, int64_t version);
void sim_bump(struct tuf_sim *, const char *role); /* version + 1 */
void sim_set_expires(struct tuf_sim *, const char *role, int64_t seconds);
/* Give a role of root these keys. */
void sim_root_keys(struct tuf_sim *, const char *role, unsigned keys, unsigned threshold);
/* `from` delegates to `role` (made when new, signed by keys). */
void sim_delegate(struct tuf_sim *, const char *from, const char *role,
    const char *pattern, unsigned keys);
/* The delegation entry, to be edited. */
struct jv *sim_delegation(struct tuf_sim *, const char *from, const char *role);
void sim_target(
    struct tuf_sim *, const char *role, const char *path, const char *content);

/* Sign all parts as they are and put them among the files. */
void sim_publish(struct tuf_sim *);
/* Newer targets, snapshot and timestamp (and delegated roles), published. */
void sim_release(struct tuf_sim *);
/* Sign one part and put it under this name, whatever snapshot says of it. */
void sim_sign_as(struct tuf_sim *, const char *role, const char *name);

struct sim_file *sim_file(struct tuf_sim *, const char *name); /* NULL: none */
void sim_put(struct tuf_sim *, const char *name, const void *bytes, size_t n);
void sim_remove(struct tuf_sim *, const char *name);

#endif
