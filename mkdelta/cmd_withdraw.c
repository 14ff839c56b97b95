#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"
#include "mkdelta/channel.h"
#include "mkdelta/commands.h"

static struct keys_from from;
static const char *channel_name, *down_to;

static const struct opt options[] = {
	{ "channel", 'c', OPT_TEXT, &channel_name, "NAME",
	    "from this channel (default: the first)" },
	{ "downgrade-to", 0, OPT_TEXT, &down_to, "M",
	    "devices above release M go down to it" },
	SIGN_OPTIONS(from, SIGN_FORCED),
	OPT_END
};

/* The objects of release N, and the deltas that begin there. */
static int
drop_targets(struct repo_role *role, uint64_t number, struct err *e)
{
	struct jv *kept = jv_new_object();
	const struct jv *all = jv_get(role->part, "targets"), *target;
	const char *path;
	void *it = NULL;

	while (jv_each(all, &it, &path, &target)) {
		struct target_name name;

		if (target_parse(path, &name) == 0 && (name.release == number ||
		    (name.kind == TARGET_DELTA && name.from == number)))
			continue;
		if (jv_set(kept, path, jv_copy(target)) == -1) {
			jv_free(kept);
			return err_set(e, ERR_NOMEM, "out of memory");
		}
	}
	role->changed = true;
	return jv_set(role->part, "targets", kept) == -1 ?
	    err_set(e, ERR_NOMEM, "out of memory") : 0;
}

static int
drop_everywhere(const struct repo *r, struct repo_role *role, uint64_t number,
    struct err *e)
{
	struct repo_role *archive = NULL;
	int rc = drop_targets(role, number, e);

	while (rc == 0 && (archive = repo_next_archive(r, role, archive)) != NULL)
		rc = drop_targets(archive, number, e);
	return rc;
}

/* From every platform that has it; all of them must have what devices go down to. */
static int
drop_release(struct repo *r, const struct repo_role *channel, uint64_t number,
    uint64_t down, struct err *e)
{
	struct repo_role *role = NULL;
	int found = 0, rc = 0;

	while (rc == 0 && (role = repo_next_platform(r, channel->name, role)) != NULL) {
		struct catalog c;

		if (repo_catalog(r, role, &c, e) == -1)
			return -1;
		if (catalog_record(&c, number) != NULL) {
			found++;
			if (down != 0 && catalog_record(&c, down) == NULL)
				rc = err_set(e, ERR_POLICY, "--downgrade-to %" PRIu64 ": %s "
				    "has no such release for %s", down, channel->name,
				    repo_platform_name(role));
			else
				rc = drop_everywhere(r, role, number, e);
		}
		catalog_clear(&c);
	}
	if (rc == 0 && found == 0)
		rc = err_set(e, ERR_USAGE, "release %" PRIu64 ": channel %s has none; mkdelta "
		    "list %s shows all", number, channel->name, r->path);
	return rc;
}

static int
read_down(const struct repo *r, const struct repo_role *channel, uint64_t number,
    uint64_t *down, struct err *e)
{
	*down = 0;
	if (down_to == NULL)
		return 0;
	if (name_parse_release(down_to, down, e) == -1)
		return err_wrap(e, "--downgrade-to");
	if (*down >= number)
		return err_set(e, ERR_USAGE, "--downgrade-to %" PRIu64 ": is not below %"
		    PRIu64, *down, number);
	if (*down < channel_floor(r, channel))
		return err_set(e, ERR_POLICY, "--downgrade-to %" PRIu64 ": is below the "
		    "floor, %" PRIu64 ", where no device goes", *down,
		    channel_floor(r, channel));
	return 0;
}

/* Is something left that a new device may install? */
static bool
offers(const struct repo *r, const struct repo_role *channel, uint64_t floor)
{
	struct repo_role *role = NULL;
	struct err e = ERR_INIT;

	while ((role = repo_next_platform(r, channel->name, role)) != NULL) {
		struct catalog c;
		bool good;

		if (repo_catalog(r, role, &c, &e) == -1)
			return false;
		good = c.n_records > 0 && c.records[c.n_records - 1].release >= floor;
		catalog_clear(&c);
		if (!good)
			return false;
	}
	return true;
}

static void
say(const struct repo_role *channel, uint64_t number, uint64_t down)
{
	(void)printf("release %" PRIu64 " is withdrawn from %s\n", number, channel->name);
	if (down != 0)
		(void)printf("  devices above %" PRIu64 " go down to it\n", down);
	else
		log_say("Devices that run it stay until something newer comes.");
}

static int
withdraw(struct repo *r, int words, char **argv, struct err *e)
{
	struct repo_role *channel = repo_next_channel(r, NULL);
	uint64_t number, down, floor;

	(void)words;
	if (channel_name != NULL || channel == NULL)
		channel = repo_channel(r, channel_name == NULL ? "" : channel_name, e);
	if (channel == NULL || name_parse_release(argv[2], &number, e) == -1 ||
	    read_down(r, channel, number, &down, e) == -1 ||
	    drop_release(r, channel, number, down, e) == -1 ||
	    channel_add_withdrawn(channel, number, e) == -1 ||
	    (down != 0 && channel_set_downgrade(channel, down, e) == -1))
		return -1;
	(void)snprintf(r->reason, sizeof r->reason, "withdraw release %" PRIu64 " from %.32s",
	    number, channel->name);
	if (command_commit(r, &from, e) == -1)
		return -1;
	if (!r->waits && log_level_now() != LOG_QUIET)
		say(channel, number, down);
	if ((floor = channel_floor(r, channel)) > 0 && !offers(r, channel, floor))
		log_warn("%s: nothing at or above its floor, %" PRIu64 ", is offered any "
		    "more", channel->name, floor);
	return 0;
}

static int
run(int words, char **argv, struct err *e)
{
	return command_run("withdraw", withdraw, words, argv, e);
}

const struct opt_command command_withdraw = {
	"withdraw", "REPO N", "take a release off offer",
	"By the channel's keys, with metadata alone.  Devices that run it stay until\n"
	"something newer is offered; with --downgrade-to M they go down to release M,\n"
	"until the next release, and never below the channel's floor.  The number is\n"
	"never used again.\n",
	options, 2, 2, run
};
