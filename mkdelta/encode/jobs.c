#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "manifest/base/cancel.h"

#include "mkdelta/encode/jobs.h"

enum { JOBS_MAX = 256 };

struct pool {
	pthread_mutex_t lock;
	size_t next, n;
	int (*work)(void *arg, size_t i, struct err *);
	void *arg;
	bool failed;
	size_t failed_at;
	struct err err;
};

unsigned
jobs_count(unsigned jobs)
{
	long cores = 1;

	if (jobs == 0) {
		cores = sysconf(_SC_NPROCESSORS_ONLN);
		jobs = cores < 1 ? 1 : (unsigned)cores;
	}
	return jobs > JOBS_MAX ? JOBS_MAX : jobs;
}

/* The next item in *i, false when there is none or all is lost. */
static bool
next_item(struct pool *p, size_t *i)
{
	bool more;

	(void)pthread_mutex_lock(&p->lock);
	more = !p->failed && p->next < p->n;
	if (more)
		*i = p->next++;
	(void)pthread_mutex_unlock(&p->lock);
	return more;
}

/* Items start in order, so whatever ran before the lowest failure was started. */
static void
note_failure(struct pool *p, size_t i, const struct err *e)
{
	(void)pthread_mutex_lock(&p->lock);
	if (!p->failed || i < p->failed_at) {
		p->failed = true;
		p->failed_at = i;
		p->err = *e;
	}
	(void)pthread_mutex_unlock(&p->lock);
}

static void *
worker(void *pool)
{
	struct pool *p = pool;
	size_t i = 0;

	while (next_item(p, &i)) {
		struct err e = ERR_INIT;

		if (cancel_check(&e) == -1 || p->work(p->arg, i, &e) == -1)
			note_failure(p, i, &e);
	}
	return NULL;
}

int
jobs_run(unsigned jobs, size_t n, int (*work)(void *arg, size_t i, struct err *),
    void *arg, struct err *e)
{
	struct pool p = { .n = n, .work = work, .arg = arg };
	pthread_t threads[JOBS_MAX];
	unsigned started = 0, want = jobs_count(jobs);

	(void)pthread_mutex_init(&p.lock, NULL);
	if (want > n)
		want = (unsigned)n;
	while (started + 1 < want &&
	    pthread_create(&threads[started], NULL, worker, &p) == 0)
		started++;
	(void)worker(&p);	/* this thread works too: fewer threads are no fault */
	while (started > 0)
		(void)pthread_join(threads[--started], NULL);
	(void)pthread_mutex_destroy(&p.lock);
	if (!p.failed)
		return 0;
	*e = p.err;
	return -1;
}
