#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"
#include "mkdelta/channel.h"
#include "mkdelta/commands.h"

static struct keys_from from;
static const char *channel_name;
static bool lift, json;

static const struct opt options[] = {
	{ "channel", 'c', OPT_TEXT, &channel_name, "NAME",
	    "of this channel, by its own keys (default: all, by targets' keys)" },
	{ "lift", 0, OPT_FLAG, &lift, NULL, "no floor any more" },
	SIGN_OPTIONS(from, "above what is offered, or a clock behind the last signature"),
	{ "json", 0, OPT_FLAG, &json, NULL, "the floors, as JSON" },
	OPT_END
};

static void
say_channel(const struct repo *r, const struct repo_role *channel)
{
	uint64_t own = channel_own_floor(channel), floor = channel_floor(r, channel);

	if (floor == 0)
		(void)printf("%s: no floor\n", channel->name);
	else
		(void)printf("%s: no device goes below release %" PRIu64 "%s\n",
		    channel->name, floor, own == floor ? "" : " (all channels)");
}

static int
show(const struct repo *r, struct err *e)
{
	const struct repo_role *channel = NULL;
	struct jv *o = jv_new_object(), *list = jv_new_list();

	while ((channel = repo_next_channel(r, channel)) != NULL) {
		struct jv *one = jv_new_object();

		if (!json)
			say_channel(r, channel);
		(void)jv_set(one, "channel", jv_new_text(channel->name));
		(void)jv_set(one, "own",
		    jv_new_int((int64_t)channel_own_floor(channel)));
		(void)jv_set(one, "floor",
		    jv_new_int((int64_t)channel_floor(r, channel)));
		(void)jv_push(list, one);
	}
	(void)jv_set(o, "schema", jv_new_int(1));
	(void)jv_set(o, "all",
	    jv_new_int((int64_t)channel_own_floor(repo_role(r, "targets"))));
	(void)jv_set(o, "channels", list);
	if (json)
		return command_print(o, e);
	jv_free(o);
	return 0;
}

/* Every platform must have something that new devices may install. */
static int
check_offer(const struct repo *r, const struct repo_role *channel, uint64_t floor,
    struct err *e)
{
	uint64_t down = channel_downgrade(channel);
	struct repo_role *role = NULL;

	if (down != 0 && down < floor)
		return err_set(e, ERR_POLICY, "channel %s: takes its devices down to "
		    "release %" PRIu64 ", below that floor", channel->name, down);
	while ((role = repo_next_platform(r, channel->name, role)) != NULL) {
		uint64_t newest;
		struct catalog c;

		if (repo_catalog(r, role, &c, e) == -1)
			return -1;
		newest = c.n_records == 0 ? 0 : c.records[c.n_records - 1].release;
		catalog_clear(&c);
		if (newest < floor && !from.force)
			return err_set(e, ERR_POLICY, "%s: offers nothing above %" PRIu64
			    ", so new devices could install nothing with a floor of %"
			    PRIu64 "; --channel sets that of one channel, --force does "
			    "all the same", role->name, newest, floor);
	}
	return 0;
}

static int
change(struct repo *r, uint64_t floor, struct err *e)
{
	struct repo_role *role = channel_name == NULL ? repo_role(r, "targets") :
	    repo_channel(r, channel_name, e), *channel = NULL;

	if (role == NULL)
		return -1;
	if (floor == channel_own_floor(role))
		return err_set(e, ERR_USAGE, "%s: its floor is %" PRIu64 " already",
		    role->name, floor);
	while ((channel = repo_next_channel(r, channel)) != NULL)
		if ((channel_name == NULL || channel == role) &&
		    check_offer(r, channel, floor, e) == -1)
			return -1;
	(void)snprintf(r->reason, sizeof r->reason, "floor %" PRIu64 " of %.32s", floor,
	    channel_name == NULL ? "all channels" : channel_name);
	return channel_set_floor(role, floor, e);
}

static int
work(struct repo *r, int words, char **argv, struct err *e)
{
	uint64_t floor = 0;

	if (words == 1 && !lift)
		return show(r, e);
	if ((words > 1 && name_parse_release(argv[2], &floor, e) == -1) ||
	    change(r, floor, e) == -1 || command_commit(r, &from, e) == -1)
		return -1;
	return r->waits || log_level_now() == LOG_QUIET ? 0 : show(r, e);
}

static int
run(int words, char **argv, struct err *e)
{
	if (words > 1 && lift)
		return err_set(e, ERR_USAGE, "--lift: there is no number then");
	return command_run(words > 1 || lift ? "floor" : NULL, work, words, argv, e);
}

const struct opt_command command_floor = {
	"floor", "REPO [N]", "below which release no device goes any more",
	"For releases with known faults: no downgrade, no rollback by hand (without\n"
	"--below-floor) and no new installation gets below release N, whatever old\n"
	"metadata somebody shows.  Devices that are below go up as ever.  Without N: says\n"
	"what the floors are; the higher of a channel's own and that of all counts.\n",
	options, 1, 2, run
};
