/*
 * json_pool.h - for FAST builds: memory for JSON values, many of them in a run.
 *
 * One block after the other out of a large piece, poisoned but for what was asked for:
 * reads behind a block, or of a freed one, show as they do with the allocator.
 */
#ifndef TESTS_FUZZ_KIT_JSON_POOL_H
#define TESTS_FUZZ_KIT_JSON_POOL_H

void json_pool_begin(void);	/* from here on, until the end of the process */
void json_pool_keep(void);	/* what is there now stays */
void json_pool_check(void);	/* nothing beside that is left: else a leak, abort */

#endif
