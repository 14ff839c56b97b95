/*
 * board.h - the loop of apply/drive.h with steps that do what a script says.
 *
 * A real device folder (releases 1, 2 and 3, 1 is live), the real journal, swap
 * and truth; the real table's edges and tries.  Each run is a child process, so
 * that a crash or a signal ends only that; the board is shared with it.  Every
 * step checks that its mark is on the disk and that STATE/switching is there or
 * not, as promised; board_run() fails the test when it was not so.
 */
#ifndef TESTS_LAB_BOARD_H
#define TESTS_LAB_BOARD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "apply/drive.h"

#include "tests/lab/scratch.h"

enum act { ACT_DONE, ACT_FAIL, ACT_LATER, ACT_AGAIN, ACT_CRASH, ACT_CANCEL };

struct board {
	struct sha256 listing[4];	/* of releases 1, 2 and 3 */
	struct {
		enum act act;
		unsigned times;		/* this often, then ACT_DONE; 0: never */
		enum err_code code;
		bool before;		/* crash before the step acts, else after */
	} script[STEP_COUNT];
	char trace[8192];		/* names of the steps that acted, in order */
	unsigned broken;		/* promises of the loop that did not hold */
	char why[256];
	struct mark at_rollback;	/* as the rollback step saw it */
};
extern struct board *board;
extern struct scratch *board_scratch;
extern char board_boot[40];		/* boot id of the next runs */

void board_make(void);			/* once, before the tests */
int board_open(void **state);		/* setup; scratch_close tears down */
void board_reset(void);			/* within a test: release 1, idle, no script */
void board_set(enum step, enum act, unsigned times);

struct board_flags {
	bool dry_run, download_only, recovering, backup_running;
	bool cancelled;			/* SIGTERM came before the run began */
};
/* One run; its exit status, 99 when it crashed. */
int board_run_with(const struct board_flags *);
int board_run(void);

enum step board_marked(struct mark *);	/* may be NULL */
int board_live(void);			/* 0 none */
void board_point_at(int release);	/* current, by hand */
void board_must_rest(int release);	/* live, idle, nothing switching */

#define BOARD_TEST(f) cmocka_unit_test_setup_teardown(f, board_open, scratch_close)

#endif
