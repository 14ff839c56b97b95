/*
 * tuf_world.h - the real client's trust, refresh and get against a host that lies.
 *
 * The lab's folder has m (trusted metadata) and out (what was got).  Dates of the
 * repository are today's, so that the client needs no other clock.
 */
#ifndef TESTS_LAB_TUF_WORLD_H
#define TESTS_LAB_TUF_WORLD_H

#include "tests/lab/lab.h"
#include "tests/lab/tuf_host.h"

#define WORLD_PRODUCT "0123456789abcdef0123456789abcdef"

struct tuf_world {
	struct lab *lab;
	struct tuf_sim *sim;
	struct tuf_host *host;
	char before[200];	/* stands in front of the command: "faketime ...", "" */
	const char *program;	/* "delta-apply" */
};

/* For cmocka: *state is the world.  The client trusts 1.root.json already. */
int tuf_world_open(void **state);	 /* with x-product */
int tuf_world_open_foreign(void **state); /* without */
int tuf_world_close(void **state);

/* From here on the client's time runs so many times as fast (1: as it is).  false: it
 * cannot; sanitizers do not bear the preloaded library. */
bool tuf_world_hurry(struct tuf_world *, unsigned times);

/* Exit statuses. */
int tuf_world_trust(struct tuf_world *, const char *sim_file_name);
int tuf_world_refresh(struct tuf_world *);
int tuf_world_get(struct tuf_world *, const char *names);
/* The same, where the status and a part of the message are known; requests are
 * forgotten before. */
void tuf_world_refreshes(struct tuf_world *);
void tuf_world_refuses(struct tuf_world *, int status, const char *text);
void tuf_world_gets(struct tuf_world *, const char *name, const char *content);
void tuf_world_get_fails(
    struct tuf_world *, const char *name, int status, const char *text);

/* A target with its bytes on the host, under its consistent name and its plain one. */
void tuf_world_target(
    struct tuf_world *, const char *role, const char *path, const char *content);
/* Its path on the host: "/targets/dir/HASH.name"; valid until the next call. */
const char *tuf_world_target_path(const char *path, const char *content);

/* Version of a stored role, 0 none. */
int64_t tuf_world_version(struct tuf_world *, const char *role);
/* Is m/NAME byte for byte the host's file? */
bool tuf_world_same(struct tuf_world *, const char *name, const char *sim_file_name);
/* Exactly these names end in .json in m, and nothing is in out; names are sorted
 * and separated by blanks. */
void tuf_world_stored(struct tuf_world *, const char *names);
void tuf_world_got_nothing(struct tuf_world *);
/* Exactly these requests, a line each. */
void tuf_world_asked(struct tuf_world *, const char *lines);

#endif
