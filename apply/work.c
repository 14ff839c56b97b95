#include <string.h>

#include "apply/work.h"

void
work_close(struct work *w)
{
	session_close(w->session);
	fetch_free(w->fetch);
	device_close(&w->dev);
}

static int
look(struct work *w, struct choose_options o, struct err *e)
{
	const struct conf *c = w->dev.conf;

	if (device_lock(&w->dev, e) == -1 || (w->fetch = fetch_new(c, e)) == NULL ||
	    (w->session = session_open(&w->dev, w->fetch, e)) == NULL ||
	    session_refresh(w->session, e) == -1)
		return -1;
	w->live_state = live_read(&w->dev, &w->live, &w->live_why);
	if (w->live_state == LIVE_STUCK) {
		*e = w->live_why;
		return -1;
	}
	o.floor = session_floor(w->session);
	o.downgrade = session_downgrade(w->session);
	o.halt = session_halt(w->session);
	o.time = tuf_now(session_tuf(w->session));
	w->choice = choose_release(&w->dev, session_catalog(w->session), &w->live, &o,
	    &w->to, &w->why);
	return 0;
}

int
work_open(const struct conf *c, struct choose_options o, struct work *w, struct err *e)
{
	memset(w, 0, sizeof *w);
	if (device_open(c, true, &w->dev, e) == -1)
		return -1;
	if (look(w, o, e) == 0)
		return 0;
	work_close(w);
	return -1;
}
