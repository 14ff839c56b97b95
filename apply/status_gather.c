/*
 * status_gather.c - what `status` prints, from the device alone.
 */
#include <string.h>
#include <unistd.h>

#include "manifest/base/fs.h"
#include "manifest/base/utc.h"
#include "manifest/tuf_client.h"

#include "apply/clock.h"
#include "apply/journal_slot.h"
#include "apply/memory.h"
#include "apply/state_json.h"

#include "apply/status.h"

static void
put_live(struct jv **v, const struct device *d)
{
	static const char *const words[] = { [LIVE_NONE] = "nothing",
		[LIVE_RELEASE] = "release", [LIVE_STUCK] = "stuck" };
	struct err why = ERR_INIT;
	struct live live;
	struct jv *o = jv_new_object();
	enum live_state state;

	memset(&live, 0, sizeof live);
	state = live_read(d, &live, &why);
	json_put_text(&o, "state", words[state]);
	if (state == LIVE_RELEASE) {
		json_put_u64(&o, "release", live.release);
		json_put_text(&o, "version", live.has_record ? live.version : "");
		json_put_bool(&o, "known", live.has_record);
	}
	if (state == LIVE_STUCK)
		json_put_text(&o, "why", why.text);
	json_put(v, "live", o);
}

static void
put_metadata(struct jv **v, const struct device *d)
{
	struct err ignored = ERR_INIT;
	struct jv *o = jv_new_object();
	struct tuf_clock clock;
	struct tuf *tuf = NULL;
	int64_t x_signed, expires;
	int dir = fs_open_dir_at(d->state, "metadata", &ignored);

	clock_now(&clock, d->conf->clock_untrusted);
	if (dir != -1)
		tuf = tuf_open(dir, NULL, &clock, &ignored);
	if (tuf != NULL && tuf_times(tuf, &x_signed, &expires) == 0) {
		json_put_time(&o, "signed", x_signed);
		json_put_time(&o, "expires", expires);
		json_put_bool(&o, "expired", expires <= tuf_now(tuf));
	}
	if (d->conf->clock_untrusted)
		json_put_bool(&o, "freeze-protection", false);
	tuf_close(tuf);
	if (dir != -1)
		(void)close(dir);
	json_put(v, "metadata", o);
}

static int
put_journal(struct jv **v, const struct device *d, struct err *e)
{
	struct mark mark;
	struct journal *j;
	bool lost;

	if ((j = journal_open(d->state, &lost, e)) == NULL)
		return -1;
	json_put_bool(v, "journal-lost", lost);
	if (journal_read(j, &mark) && mark.step != STEP_IDLE)
		json_put(v, "journal", mark_to_json(&mark, e));
	journal_close(j);
	return 0;
}

static struct jv *
last_of(struct jv *list)
{
	size_t n = jv_count(list);
	struct jv *last = n == 0 ? jv_new_null() : jv_copy(jv_at(list, n - 1));

	jv_free(list);
	return last;
}

struct jv *
status_gather(const struct device *d, struct err *e)
{
	struct jv *v = jv_new_object(), *history = history_list(d, e), *run;

	json_put_u64(&v, "schema", 1);
	json_put_text(&v, "name", d->conf->name);
	json_put_text(&v, "channel", d->conf->channel);
	json_put_text(&v, "platform", d->conf->platform);
	put_live(&v, d);
	put_metadata(&v, d);
	if (history == NULL || put_journal(&v, d, e) == -1) {
		jv_free(history);
		jv_free(v);
		return NULL;
	}
	json_put(&v, "quarantine", quarantine_list(d, e));
	if (hold_get(d) != 0)
		json_put_u64(&v, "held-below", hold_get(d));
	json_put(&v, "last-update", last_of(history));
	if ((run = state_json_try(d->run, "status.json")) != NULL)
		json_put(&v, "last-run", run);
	return json_done(v, e);
}
