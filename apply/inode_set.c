#include <stdlib.h>
#include <string.h>

#include "apply/inode_set.h"

/* The slot that holds ino, or the free one where it belongs. */
static uint64_t *
slot_of(uint64_t *slots, size_t room, uint64_t ino)
{
	uint64_t mixed = ino * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(mixed >> 32) & (room - 1);

	while (slots[i] != 0 && slots[i] != ino)
		i = (i + 1) & (room - 1);
	return &slots[i];
}

bool
inode_set_has(const struct inode_set *set, uint64_t ino)
{
	return set->room != 0 && *slot_of(set->slots, set->room, ino) == ino;
}

static int
grow(struct inode_set *set, struct err *e)
{
	size_t room = set->room == 0 ? 256 : set->room * 2;
	uint64_t *slots = calloc(room, sizeof *slots);

	if (slots == NULL)
		return err_set(e, ERR_NOMEM, "out of memory for %zu inodes", room);
	for (size_t i = 0; i < set->room; i++)
		if (set->slots[i] != 0)
			*slot_of(slots, room, set->slots[i]) = set->slots[i];
	free(set->slots);
	set->slots = slots;
	set->room = room;
	return 0;
}

int
inode_set_add(struct inode_set *set, uint64_t ino, struct err *e)
{
	uint64_t *slot;

	if (2 * (set->n + 1) > set->room && grow(set, e) == -1)
		return -1;
	slot = slot_of(set->slots, set->room, ino);
	set->n += *slot == 0;
	*slot = ino;
	return 0;
}

void
inode_set_clear(struct inode_set *set)
{
	free(set->slots);
	memset(set, 0, sizeof *set);
}
