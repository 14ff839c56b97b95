#include <signal.h>
#include <stddef.h>

#include "manifest/base/cancel.h"

static volatile sig_atomic_t wanted;

static void
on_signal(int sig)
{
	if (wanted) {
		(void)signal(sig, SIG_DFL);
		(void)raise(sig);	/* delivered when this handler returns */
	}
	wanted = 1;
}

/* What was ignored from the start (nohup, a shell's background job) stays so. */
static void
catch(int sig)
{
	struct sigaction act = { .sa_handler = on_signal }, old;

	if (sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
		return;
	(void)sigemptyset(&act.sa_mask);
	(void)sigaction(sig, &act, NULL);	/* no SA_RESTART: waits end */
}

void
cancel_setup(void)
{
	catch(SIGINT);
	catch(SIGTERM);
	catch(SIGHUP);
	(void)signal(SIGPIPE, SIG_IGN);
}

bool
cancel_wanted(void)
{
	return wanted != 0;
}

int
cancel_check(struct err *e)
{
	return wanted ? err_set(e, ERR_CANCEL, "interrupted") : 0;
}
