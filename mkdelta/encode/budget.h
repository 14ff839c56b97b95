/*
 * budget.h - memory that several threads share: who needs more than is left waits.
 */
#ifndef MKDELTA_ENCODE_BUDGET_H
#define MKDELTA_ENCODE_BUDGET_H

#include <pthread.h>
#include <stdint.h>

struct budget {
	pthread_mutex_t lock;
	pthread_cond_t given;
	uint64_t bytes, used;
};

void budget_init(struct budget *, uint64_t bytes);
void budget_free(struct budget *);

/* Wait until so much is left; who needs more than there is gets it alone.  A
 * thread takes once, so nobody waits for ever. */
void budget_take(struct budget *, uint64_t bytes);
void budget_give(struct budget *, uint64_t bytes);

#endif
