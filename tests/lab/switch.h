/*
 * switch.h - an update from stop to its end with its real steps, hooks and swap;
 * only what comes before stop is replaced.
 *
 * Release 1 is live, 2 stands beside it and is what the update goes to.  Each has
 * the files number (its own) and lib/same (equal in all).
 */
#ifndef TESTS_LAB_SWITCH_H
#define TESTS_LAB_SWITCH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/conf.h"
#include "apply/journal.h"

#include "tests/lab/device.h"

extern struct lab_device *switch_lab;
extern struct record switch_to;		/* of the target, as the plan has it */
extern char switch_lines[HOOK_COUNT][512];

int switch_open_symlink(void **state);
int switch_open_exchange(void **state);
int switch_close(void **state);

void switch_release(int n);		/* make one */
void switch_target(uint64_t release);	/* the update goes there */
const char *switch_releases(void);	/* their folder below the scratch folder */

/* A hook that adds NAME/STEP to LOG, then runs `line`; or all of them with true. */
void switch_hook(enum hook, const char *line);
void switch_all_hooks(void);

struct switch_flags {
	bool recovering;
	const struct mark *rollback;	/* a person's */
};
int switch_run_with(const struct switch_flags *, char text[static 2048]);
int switch_run(void);			/* the exit status */

uint64_t switch_live(void);
enum step switch_marked(struct mark *);	/* may be NULL */
bool switch_quarantined(void);		/* the target */
const char *switch_last_result(void);	/* of the history */
void switch_must_log(const char *want);	/* LOG, blanks for newlines */

#define IN_BOTH(f) \
	{ #f " (symlink)", f, switch_open_symlink, switch_close, NULL }, \
	{ #f " (exchange)", f, switch_open_exchange, switch_close, NULL }

#endif
