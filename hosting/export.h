/*
 * export.h - of a repository what one kind of device needs for its next update, on a
 * medium that is carried to it: `delta-apply --url file:///MEDIUM` takes it with the
 * same trust as any host.
 *
 * All metadata in force and every root, and the objects of the cheapest ways from the
 * releases that were named to the newest, step by step where `requires` asks for steps;
 * for a device without a release the full.
 */
#ifndef HOSTING_EXPORT_H
#define HOSTING_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/base/opt.h"

#include "hosting/site.h"
#include "hosting/view.h"

struct export_want {
	const char *channel;		/* NULL: the first */
	const char *platform;
	struct opt_list from;		/* releases; none: devices without one */
	bool full;			/* the newest's full besides */
};

struct export_result {
	uint64_t release, timestamp;
	uint64_t objects, bytes;	/* that came; kept were there */
	uint64_t kept;
};

int export_to(const struct view *, int medium, const struct export_want *,
    struct export_result *, struct err *);

#endif
