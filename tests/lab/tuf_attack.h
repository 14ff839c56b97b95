/*
 * tuf_attack.h - attacks on a TUF client, one row each.
 *
 * Each is let loose on a simulated repository whose roles stand at version 10
 * (root at 1), with the delegated role "stable".
 */
#ifndef TESTS_LAB_TUF_ATTACK_H
#define TESTS_LAB_TUF_ATTACK_H

#include "tests/lab/tuf_sim.h"

struct attack {
	const char *name;
	void (*act)(struct tuf_sim *);
	enum err_code code; /* how the client must say no */
	const char *text;   /* part of the message */
	const char *stores; /* roles whose files may change all the same */
};

#define ATTACK(f, code, text, stores)     \
	{                                 \
#f, f, code, text, stores \
	}
#define ATTACK_END                               \
	{                                        \
		NULL, NULL, ERR_NONE, NULL, NULL \
	}
/* What a run may have stored before it came to the role in question. */
#define UP_TO_TIMESTAMP "timestamp"
#define UP_TO_SNAPSHOT "timestamp snapshot"

/* Each ends with ATTACK_END. */
extern const struct attack root_attacks[];
extern const struct attack timestamp_attacks[];
extern const struct attack snapshot_attacks[];
extern const struct attack targets_attacks[];

/* Tools of the attackers. */
void attack_set_text(
    struct tuf_sim *, const char *role, const char *key, const char *text);
struct jv *attack_root_role(struct tuf_sim *, const char *role);
struct jv *attack_listed(struct tuf_sim *, const char *lister, const char *file);
void attack_break_signature(struct tuf_sim *, const char *name);
void attack_put_text(struct tuf_sim *, const char *name, const char *text);

#endif
