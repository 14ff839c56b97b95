/*
 * doctor.c - the table, and the checks of what runs.
 */
#include <sys/file.h>

#include <glob.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "manifest/base/bytes.h"
#include "manifest/base/fs.h"
#include "manifest/base/log.h"

#include "apply/decoder.h"
#include "apply/drive.h"
#include "apply/journal.h"
#include "apply/memory.h"
#include "apply/service.h"
#include "apply/state_json.h"
#include "apply/switching.h"

#include "apply/doctor.h"

const struct doctor_check doctor_checks[] = {
	{ "configuration", false, doctor_configuration },
	{ "folders", false, doctor_folders },
	{ "permissions", true, doctor_permissions },
	{ "disk", true, doctor_disk },
	{ "trust", true, doctor_trust },
	{ "clock", true, doctor_clock },
	{ "network", false, doctor_network },
	{ "decoder", false, doctor_decoder },
	{ "lock", true, doctor_lock },
	{ "journal", true, doctor_journal },
	{ "tree", true, doctor_tree },
	{ "quarantine", true, doctor_quarantine },
	{ "service", true, doctor_service },
	{ "schedule", false, doctor_schedule },
	{ NULL, false, NULL }
};

void
doctor_say(struct doctor *d, enum doctor_level level, const char *advice,
    const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warn", "fail" };
	char fact[1024];
	struct jv *o;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(fact, sizeof fact, fmt, ap);
	va_end(ap);
	(void)text_printable(fact, sizeof fact, fact, strlen(fact), false);
	d->count[level]++;
	if (d->list == NULL) {
		printf("%-4s  %-13s  %s%s%s\n", words[level], d->check, fact,
		    advice == NULL ? "" : "; ", advice == NULL ? "" : advice);
		return;
	}
	o = jv_new_object();
	json_put_text(&o, "check", d->check);
	json_put_text(&o, "level", words[level]);
	json_put_text(&o, "fact", fact);
	if (advice != NULL)
		json_put_text(&o, "advice", advice);
	json_push(&d->list, o);
}

void
doctor_decoder(struct doctor *d)
{
	if (decoder_knows("delta-1"))
		doctor_say(d, DOCTOR_OK, NULL, "delta-apply-decode answers");
	else
		doctor_say(d, DOCTOR_FAIL, "install it beside delta-apply, of the same "
		    "version", "delta-apply-decode cannot be started, or is another one");
}

/* The lock is free when nobody else has it; what its holder does is in it. */
void
doctor_lock(struct doctor *d)
{
	struct buf text = BUF_INIT(4096);
	struct err why = ERR_INIT;
	int fd = fs_open_file(d->dev.run, "lock", NULL, &why);

	if (fd == -1) {
		doctor_say(d, DOCTOR_OK, NULL, "free: nothing ran since the device started");
	} else if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
		doctor_say(d, DOCTOR_OK, NULL, "free");
	} else {
		(void)fs_read_fd(fd, &text, &why);
		doctor_say(d, DOCTOR_WARN, "wait for it, or look at that process",
		    "held by %.*s", (int)strcspn(buf_text(&text), "\n"), buf_text(&text));
	}
	if (fd != -1)
		(void)close(fd);
	buf_free(&text);
}

static void
say_mark(struct doctor *d, const struct mark *m)
{
	if (m->step == STEP_STUCK)
		doctor_say(d, DOCTOR_FAIL, "put it right, then run `delta-apply resume`",
		    "stuck (%s): %s", m->reason, m->text);
	else if (m->step == STEP_IDLE)
		doctor_say(d, DOCTOR_OK, NULL, "idle");
	else
		doctor_say(d, drive_in_switch(&d->run, m->step) ? DOCTOR_WARN : DOCTOR_OK,
		    "the next `delta-apply update` goes on", "%" PRIu64 " -> %" PRIu64
		    ", step %s, entered %u times", m->from, m->to, step_name(m->step),
		    m->tries);
}

void
doctor_journal(struct doctor *d)
{
	struct err why = ERR_INIT;
	struct journal *j;
	struct mark m;
	struct stat st;
	bool lost = false;

	memset(&m, 0, sizeof m);
	if (fs_stat_at(d->dev.state, "journal", &st, &why) != 1) {
		doctor_say(d, DOCTOR_OK, NULL, "none yet");
		return;
	}
	if ((j = journal_open(d->dev.state, &lost, &why)) == NULL) {
		doctor_say(d, DOCTOR_FAIL, NULL, "%s", why.text);
		return;
	}
	if (lost)
		doctor_say(d, DOCTOR_WARN, "the next run goes by what is live",
		    "damaged: no slot of it is valid");
	else if (!journal_read(j, &m) || m.step == STEP_IDLE)
		m.step = STEP_IDLE;
	if (!lost)
		say_mark(d, &m);
	if (m.step == STEP_IDLE &&
	    fs_stat_at(d->dev.state, SWITCHING_FILE, &st, &why) == 1)
		doctor_say(d, DOCTOR_WARN, "`delta-apply update` starts it",
		    "a run ended while the service was stopped");
	journal_close(j);
}

void
doctor_tree(struct doctor *d)
{
	struct err why = ERR_INIT;
	struct live live;

	memset(&live, 0, sizeof live);
	switch (live_read(&d->dev, &live, &why)) {
	case LIVE_NONE:
		doctor_say(d, DOCTOR_WARN, "run `delta-apply update`", "nothing is installed");
		break;
	case LIVE_STUCK:
		doctor_say(d, DOCTOR_FAIL, NULL, "%s", why.text);
		break;
	case LIVE_RELEASE:
		if (live.has_record)
			doctor_say(d, DOCTOR_OK, "`delta-apply verify` looks at every file",
			    "release %" PRIu64 " (%s) runs", live.release, live.version);
		else
			doctor_say(d, DOCTOR_FAIL, "run `delta-apply repair`", "release %"
			    PRIu64 " has no readable record of what it is", live.release);
		break;
	}
}

void
doctor_quarantine(struct doctor *d)
{
	struct err why = ERR_INIT;
	struct jv *list = quarantine_list(&d->dev, &why);

	for (size_t i = 0; i < jv_count(list); i++)
		doctor_say(d, DOCTOR_WARN, "publish a newer one, or `delta-apply update "
		    "--retry`", "release %" PRIu64 " failed here: %s: %s",
		    json_u64(jv_at(list, i), "release"), json_text(jv_at(list, i), "reason"),
		    json_text(jv_at(list, i), "text"));
	if (hold_get(&d->dev) != 0)
		doctor_say(d, DOCTOR_WARN, "`delta-apply resume` ends it", "releases up to %"
		    PRIu64 " are held since a rollback by hand", hold_get(&d->dev));
	else if (jv_count(list) == 0)
		doctor_say(d, DOCTOR_OK, NULL, "empty");
	jv_free(list);
}

void
doctor_service(struct doctor *d)
{
	const struct conf *c = d->conf;
	struct err why = ERR_INIT;

	if (c->unit == NULL && c->status_command == NULL) {
		doctor_say(d, c->start_command == NULL ? DOCTOR_OK : DOCTOR_WARN,
		    c->start_command == NULL ? NULL : "set [service] status",
		    "%s", c->start_command == NULL ? "none is configured" :
		    "whether it runs cannot be asked");
		return;
	}
	switch (service_active(&d->run, &why)) {
	case 1:
		doctor_say(d, DOCTOR_OK, NULL, "%s runs", c->unit == NULL ? "it" : c->unit);
		break;
	case 0:
		doctor_say(d, DOCTOR_FAIL, "look at its own log", "%s does not run: %s",
		    c->unit == NULL ? "it" : c->unit, why.text);
		break;
	default:
		doctor_say(d, DOCTOR_FAIL, NULL, "%s", why.text);
		break;
	}
}

static bool
is_scheduled(const char *pattern, const char *word, char found[static 256])
{
	struct buf text = BUF_INIT(1 << 20);
	struct err why = ERR_INIT;
	bool is = false;
	glob_t g;

	if (glob(pattern, 0, NULL, &g) != 0)
		return false;
	for (size_t i = 0; i < g.gl_pathc && !is; i++) {
		buf_reset(&text);
		is = word == NULL || (fs_read_path(g.gl_pathv[i], &text, &why) == 0 &&
		    strstr(buf_text(&text), word) != NULL);
		if (is)
			(void)snprintf(found, 256, "%s", g.gl_pathv[i]);
	}
	globfree(&g);
	buf_free(&text);
	return is;
}

/* Does anything run the applier by itself? */
void
doctor_schedule(struct doctor *d)
{
	static const struct {
		const char *pattern, *word;
	} places[] = {
		{ "/etc/systemd/system/timers.target.wants/delta-apply*.timer", NULL },
		{ "/etc/crontab", "delta-apply" },
		{ "/etc/cron.*/*", "delta-apply" },
		{ "/var/spool/cron/crontabs/*", "delta-apply" },
		{ "/etc/crontabs/*", "delta-apply" },
	};
	char found[256];

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (is_scheduled(places[i].pattern, places[i].word, found)) {
			doctor_say(d, DOCTOR_OK, NULL, "%s", found);
			return;
		}
	doctor_say(d, DOCTOR_WARN, "enable delta-apply.timer, or write a line for cron",
	    "neither a timer nor cron runs delta-apply");
}
