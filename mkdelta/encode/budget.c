#include "mkdelta/encode/budget.h"

void
budget_init(struct budget *b, uint64_t bytes)
{
	(void)pthread_mutex_init(&b->lock, NULL);
	(void)pthread_cond_init(&b->given, NULL);
	b->bytes = bytes;
	b->used = 0;
}

void
budget_free(struct budget *b)
{
	(void)pthread_cond_destroy(&b->given);
	(void)pthread_mutex_destroy(&b->lock);
}

void
budget_take(struct budget *b, uint64_t bytes)
{
	(void)pthread_mutex_lock(&b->lock);
	while (b->used > 0 && (b->used > b->bytes || bytes > b->bytes - b->used))
		(void)pthread_cond_wait(&b->given, &b->lock);
	b->used += bytes;
	(void)pthread_mutex_unlock(&b->lock);
}

void
budget_give(struct budget *b, uint64_t bytes)
{
	(void)pthread_mutex_lock(&b->lock);
	b->used -= bytes;
	(void)pthread_cond_broadcast(&b->given);
	(void)pthread_mutex_unlock(&b->lock);
}
