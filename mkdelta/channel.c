#include <string.h>

#include "mkdelta/channel.h"

static uint64_t
number_of(const struct jv *object, const char *key)
{
	int64_t n = 0;

	(void)jv_int(jv_get(object, key), &n);
	return n < 0 ? 0 : (uint64_t)n;
}

static const struct jv *
withdrawn(const struct repo_role *channel)
{
	return jv_get(jv_get(channel->part, "x-channel"), "withdrawn");
}

static struct jv *
x_channel(struct repo_role *channel)
{
	if (jv_get(channel->part, "x-channel") == NULL)
		(void)jv_set(channel->part, "x-channel", jv_new_object());
	channel->changed = true;
	return jv_get_mutable(channel->part, "x-channel");
}

bool
channel_has_withdrawn(const struct repo_role *channel, uint64_t number)
{
	const struct jv *list = withdrawn(channel);

	for (size_t i = 0; i < jv_count(list); i++) {
		int64_t n = 0;

		(void)jv_int(jv_at(list, i), &n);
		if ((uint64_t)n == number)
			return true;
	}
	return false;
}

uint64_t
channel_last_withdrawn(const struct repo_role *channel)
{
	const struct jv *list = withdrawn(channel);
	uint64_t last = 0;

	for (size_t i = 0; i < jv_count(list); i++) {
		int64_t n = 0;

		(void)jv_int(jv_at(list, i), &n);
		if (n > 0 && (uint64_t)n > last)
			last = (uint64_t)n;
	}
	return last;
}

int
channel_add_withdrawn(struct repo_role *channel, uint64_t number, struct err *e)
{
	struct jv *x;

	if (channel_has_withdrawn(channel, number))
		return 0;
	x = x_channel(channel);
	if (jv_get(x, "withdrawn") == NULL)
		(void)jv_set(x, "withdrawn", jv_new_list());
	if (jv_push(jv_get_mutable(x, "withdrawn"), jv_new_int((int64_t)number)) == 0)
		return 0;
	return err_set(e, ERR_NOMEM, "out of memory");
}

static bool
is_targets(const struct repo_role *role)
{
	return strcmp(role->name, "targets") == 0;
}

uint64_t
channel_own_floor(const struct repo_role *role)
{
	return is_targets(role) ? number_of(role->part, "x-floor") :
	    number_of(jv_get(role->part, "x-channel"), "floor");
}

int
channel_set_floor(struct repo_role *role, uint64_t number, struct err *e)
{
	struct jv *at = is_targets(role) ? role->part : x_channel(role);
	const char *key = is_targets(role) ? "x-floor" : "floor";

	role->changed = true;
	if (number == 0)
		return jv_remove(at, key);
	return jv_set(at, key, jv_new_int((int64_t)number)) == 0 ? 0 :
	    err_set(e, ERR_NOMEM, "out of memory");
}

uint64_t
channel_floor(const struct repo *r, const struct repo_role *channel)
{
	uint64_t own = channel_own_floor(channel);
	uint64_t all = channel_own_floor(repo_role(r, "targets"));

	return own > all ? own : all;
}

uint64_t
channel_downgrade(const struct repo_role *channel)
{
	return number_of(jv_get(channel->part, "x-channel"), "downgrade_to");
}

int
channel_set_downgrade(struct repo_role *channel, uint64_t number, struct err *e)
{
	if (channel_downgrade(channel) == number)
		return 0;
	if (number == 0)
		return jv_remove(x_channel(channel), "downgrade_to");
	if (jv_set(x_channel(channel), "downgrade_to", jv_new_int((int64_t)number)) == 0)
		return 0;
	return err_set(e, ERR_NOMEM, "out of memory");
}
