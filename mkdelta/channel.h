/*
 * channel.h - what a channel's own role says beside its keys: its member x-channel.
 *
 *	withdrawn	numbers that were taken back, and are never used again
 *	downgrade_to	devices above it go down to this release; a new one ends that
 *	floor		no device goes below it
 */
#ifndef MKDELTA_CHANNEL_H
#define MKDELTA_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "mkdelta/repo.h"

bool channel_has_withdrawn(const struct repo_role *channel, uint64_t number);
/* The highest that was ever taken back, 0: none. */
uint64_t channel_last_withdrawn(const struct repo_role *channel);
int channel_add_withdrawn(struct repo_role *channel, uint64_t number, struct err *);

/* What the role itself says: x-channel.floor, or x-floor of targets; 0: nothing. */
uint64_t channel_own_floor(const struct repo_role *);
int channel_set_floor(struct repo_role *, uint64_t number, struct err *);
/* The larger of the channel's floor and targets' x-floor; 0: none. */
uint64_t channel_floor(const struct repo *, const struct repo_role *channel);
/* 0: nobody goes down.  The role is changed if it says so anew. */
uint64_t channel_downgrade(const struct repo_role *channel);
int channel_set_downgrade(struct repo_role *channel, uint64_t number, struct err *);

#endif
