/*
 * forge.h - what somebody signs who has the keys of a release and means harm.
 *
 * Objects of a repository that mkdelta made are replaced by other bytes; hashes,
 * records and signatures are right all the way up.  Any failure fails the test.
 *
 *	f = forge_open(l);
 *	forge_full(f, 2, bytes, n);
 *	forge_close(f);
 */
#ifndef TESTS_LAB_FORGE_H
#define TESTS_LAB_FORGE_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/record.h"

#include "tests/lab/lab.h"

struct forge;

/* The lab's repo, channel stable, platform any; its keys are in repo.keys. */
struct forge *forge_open(struct lab *);
/* Signs it all and publishes. */
void forge_close(struct forge *);

/* For other lies: the fields are signed as they are in the end. */
struct record *forge_record(struct forge *, uint64_t release);
struct edge *forge_edge(struct forge *, uint64_t from, uint64_t to);	/* 0: full */

/* The listing of a release; all its edges lead to this tree. */
void forge_listing(struct forge *, uint64_t release, const char *text, size_t n);
/* The same, but these are the bytes on the host, whatever they unpack to. */
void forge_packed_listing(struct forge *, uint64_t release, const void *, size_t n);
void forge_full(struct forge *, uint64_t release, const void *, size_t n);
void forge_delta(struct forge *, uint64_t from, uint64_t to, const void *, size_t n);
/* The full is what is unpacked here: a tar, put into one zstd frame. */
void forge_tar(struct forge *, uint64_t release, const void *, size_t n);

#endif
