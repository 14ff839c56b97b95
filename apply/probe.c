#include <string.h>

#include "apply/fetch.h"
#include "apply/session.h"

#include "apply/probe.h"

/* Everything anew: a connection or an address that was kept from before would
 * prove nothing about now. */
enum probe_end
probe_update(struct run *r, struct err *e)
{
	const struct conf *conf = r->dev->conf;
	struct session *session = NULL;
	struct fetch *fetch;
	enum probe_end end = PROBE_HOST;

	if (r->recovering || strncmp(conf->url, "file:", 5) == 0)
		return PROBE_SKIPPED;
	if ((fetch = fetch_new(conf, e)) == NULL)
		return PROBE_LOCAL;
	if ((session = session_open(r->dev, fetch, e)) == NULL)
		end = PROBE_LOCAL;
	else if (session_refresh(session, e) == 0)
		end = PROBE_PASSED;
	else if (fetch_last_fault(fetch) == FETCH_LOCAL)
		end = PROBE_LOCAL;
	session_close(session);
	fetch_free(fetch);
	return end;
}
