/*
 * choose.c - which release: the highest listed above the running one that this
 * device may run.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/fs.h"
#include "manifest/base/log.h"
#include "manifest/halt.h"
#include "manifest/names.h"

#include "apply/data.h"
#include "apply/decoder.h"
#include "apply/memory.h"

#include "apply/plan.h"

static void say(struct choose_why *why, const char *reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
say(struct choose_why *why, const char *reason, const char *fmt, ...)
{
	va_list ap;

	(void)snprintf(why->reason, sizeof why->reason, "%s", reason);
	va_start(ap, fmt);
	(void)vsnprintf(why->text, sizeof why->text, fmt, ap);
	va_end(ap);
	(void)text_printable(why->text, sizeof why->text, why->text, strlen(why->text),
	    false);
}

/* Names of this board: what configuration says, else the device tree's. */
static bool
hardware_is(const struct conf *c, const char *name)
{
	struct buf names = BUF_INIT(4096);
	struct err ignored = ERR_INIT;
	bool found = false;

	if (c->hardware != NULL)
		return strcmp(c->hardware, name) == 0;
	if (fs_read_path("/proc/device-tree/compatible", &names, &ignored) == 0)
		for (size_t at = 0; at < names.len && !found;
		    at += strlen(buf_text(&names) + at) + 1)
			found = strcmp(buf_text(&names) + at, name) == 0;
	buf_free(&names);
	return found;
}

static bool
hardware_fits(const struct conf *c, const struct record *r)
{
	for (size_t i = 0; i < jv_count(r->requires_hardware); i++) {
		const char *name = jv_text(jv_at(r->requires_hardware, i));

		if (name != NULL && hardware_is(c, name))
			return true;
	}
	return r->requires_hardware == NULL;
}

static bool
data_fits(const struct device *d, const struct record *r, struct choose_why *why)
{
	struct err e = ERR_INIT;
	uint64_t schema = data_schema(d, &e);

	if (e.code != ERR_NONE) {
		say(why, "data-unknown", "%s", e.text);
		return false;
	}
	if (!data_readable(r, schema)) {
		say(why, "data-schema",
		    "release %" PRIu64 " cannot read this device's data "
		    "(schema %" PRIu64 ", it reads %" PRIu64 " to %" PRIu64 ")",
		    r->release, schema, r->data_reads, r->data_schema);
		return false;
	}
	if (schema != 0 && schema < r->requires_schema) {
		say(why, "data-schema",
		    "release %" PRIu64 " wants data of schema %" PRIu64
		    ", this device has %" PRIu64,
		    r->release, r->requires_schema, schema);
		return false;
	}
	return true;
}

bool
choose_fits(const struct device *d, const struct record *r, struct choose_why *why)
{
	const char *missing = "";

	if (!r->usable) {
		say(why, "unusable",
		    "release %" PRIu64 " says something critical that this "
		    "delta-apply does not know",
		    r->release);
		return false;
	}
	if (!needs_met(r->needs, decoder_knows, &missing) ||
	    (r->requires_applier[0] != '\0' &&
	    version_compare(VERSION_TEXT, r->requires_applier) < 0)) {
		say(why, "applier-too-old",
		    "release %" PRIu64 " needs a newer delta-apply "
		    "(%s)",
		    r->release,
		    r->requires_applier[0] != '\0' ? r->requires_applier : missing);
		return false;
	}
	if (!hardware_fits(d->conf, r)) {
		say(why, "hardware", "release %" PRIu64 " is for other hardware than %s",
		    r->release, d->conf->hardware != NULL ? d->conf->hardware : "this");
		return false;
	}
	return data_fits(d, r, why);
}

/* May the device go there now, from what runs? */
static bool
may_run(const struct device *d, const struct live *live, const struct record *r,
    const struct choose_options *o, struct choose_why *why)
{
	char reason[64] = "";

	if (!choose_fits(d, r, why))
		return false;
	if (halt_covers(o->halt, r, o->time)) {
		say(why, "halted", "release %" PRIu64 " is halted by its publisher",
		    r->release);
		return false;
	}
	/* A first install has nothing that could be too old. */
	if (live->release != 0 && r->requires_release > live->release) {
		say(why, "requires", "release %" PRIu64 " is reached only from release %"
		    PRIu64 " on", r->release, r->requires_release);
		return false;
	}
	/* Who runs one that is below goes up by steps; nobody begins there. */
	if (live->release == 0 && r->release < o->floor) {
		say(why, "below-floor", "release %" PRIu64 " is below the floor, %" PRIu64,
		    r->release, o->floor);
		return false;
	}
	if (!o->retry && quarantine_has(d, r, reason)) {
		say(why, "quarantined", "release %" PRIu64 " failed here before (%s); "
		    "--retry tries it again", r->release, reason);
		return false;
	}
	return true;
}

/* Only the channel itself takes a device down, and never below the floor. */
static enum choice
choose_lower(const struct device *d, const struct catalog *c, const struct live *live,
    const struct choose_options *o, const struct record **to, struct choose_why *why)
{
	const struct record *r = catalog_record(c, o->downgrade);

	if (r == NULL || r->archived || o->downgrade < o->floor)
		return CHOICE_CURRENT;
	if (!may_run(d, live, r, o, why))
		return CHOICE_NONE;
	*to = r;
	say(why, "downgrade", "the channel takes its devices down to release %" PRIu64,
	    r->release);
	return CHOICE_UPDATE;
}

static enum choice
choose_exactly(const struct device *d, const struct catalog *c, const struct live *live,
    const struct choose_options *o, const struct record **to, struct choose_why *why)
{
	const struct record *r = catalog_record(c, o->to);

	if (o->to == live->release) {
		say(why, "current", "release %" PRIu64 " runs already", o->to);
		return CHOICE_CURRENT;
	}
	if (r == NULL || (r->archived && o->to != live->release)) {
		say(why, "not-offered",
		    "release %" PRIu64 " is not offered on this channel", o->to);
		return CHOICE_NONE;
	}
	if (o->to < live->release) {
		say(why, "older", "release %" PRIu64 " is older than what runs (%" PRIu64
		    "); `rollback` goes back", o->to, live->release);
		return CHOICE_NONE;
	}
	if (!may_run(d, live, r, o, why))
		return CHOICE_NONE;
	*to = r;
	say(why, "asked", "release %" PRIu64 " was asked for", o->to);
	return CHOICE_UPDATE;
}

static enum choice
choose_highest(const struct device *d, const struct catalog *c, const struct live *live,
    const struct choose_options *o, const struct record **to, struct choose_why *why)
{
	uint64_t held = hold_get(d);
	struct choose_why first = { 0 };

	for (size_t i = c->n_records; i > 0; i--) {
		const struct record *r = &c->records[i - 1];

		if (r->release <= live->release)
			break;
		if (r->archived)
			continue;
		if (r->release <= held) {
			if (first.reason[0] == '\0')
				say(why, "held", "a manual rollback from release %" PRIu64
				    " holds; `resume` ends it", held);
			else
				*why = first;
			return CHOICE_HELD;
		}
		if (may_run(d, live, r, o, why)) {
			*to = r;
			if (first.reason[0] != '\0')
				*why = first;
			else
				say(why, "newest", "release %" PRIu64 " is the newest",
				    r->release);
			return CHOICE_UPDATE;
		}
		if (first.reason[0] == '\0')
			first = *why;
	}
	if (first.reason[0] == '\0')
		return CHOICE_CURRENT;
	*why = first;
	return CHOICE_NONE;
}

enum choice
choose_release(const struct device *d, const struct catalog *c, const struct live *live,
    const struct choose_options *o, const struct record **to, struct choose_why *why)
{
	*to = NULL;
	memset(why, 0, sizeof *why);
	if (c->n_records == 0)
		say(why, "nothing-offered", "channel %s has no release for %s",
		    d->conf->channel, d->conf->platform);
	else
		say(why, "current", "release %" PRIu64 " is the newest offered",
		    c->records[c->n_records - 1].release);
	if (o->to != 0)
		return choose_exactly(d, c, live, o, to, why);
	if (o->downgrade != 0 && o->downgrade < live->release)
		return choose_lower(d, c, live, o, to, why);
	return choose_highest(d, c, live, o, to, why);
}
