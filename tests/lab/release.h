/*
 * release.h - releases of a lab device: their artifacts in its spool, its plan.
 *
 * The tree of release N is the folder src/N of the scratch folder.
 */
#ifndef TESTS_LAB_RELEASE_H
#define TESTS_LAB_RELEASE_H

#include "apply/run.h"

#include "tests/lab/device.h"

/* A device with src/41, a tree with one of everything; src/42, the same in every
 * entry of another kind or place; and src/43, a little further on. */
struct lab_device *lab_sources(enum swap_mode);

struct lab_release {
	struct record rec;
	struct listing *listing;
};

void lab_release_open(struct lab_device *, uint64_t release, struct lab_release *);
void lab_release_close(struct lab_release *);

/* A run at its plan, from `from` (0: nothing; it is what lives) to `to`. */
void lab_run_open(struct lab_device *, uint64_t from, uint64_t to, struct run *);
void lab_run_close(struct run *);
/* One more hop: the full of a release, or the delta between two. */
void lab_run_full(struct lab_device *, struct run *, uint64_t release);
void lab_run_delta(struct lab_device *, struct run *, uint64_t from, uint64_t to);
/* Its object becomes other bytes, whose hash the plan then has. */
void lab_run_spoil(struct lab_device *, struct run *, size_t hop, const void *, size_t);

/* Stage and verify, both done; afterwards no staging is left. */
void lab_run_stage(struct run *);
void lab_no_staging(struct lab_device *);

/* The tree stands at releases/N as if installed, and is what lives. */
void lab_install(struct lab_device *, uint64_t release);

/* releases/N is exactly src/N. */
void lab_same(struct lab_device *, uint64_t release);

#endif
