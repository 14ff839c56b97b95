/*
 * node.h - files and folders by what they are, whatever they are called now.
 *
 * A node holds a descriptor that neither reads nor writes, so its inode number
 * is never used again and the file may be executed.
 */
#ifndef TESTS_CUT_NODE_H
#define TESTS_CUT_NODE_H

#include <sys/stat.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node {
	dev_t dev;
	ino_t ino;
	int fd;			/* O_PATH */
	bool lost;		/* made in a folder, or as one, that is lost */
	bool dirty;		/* bytes were changed since the last sync */
	uint8_t *old;		/* the bytes of then */
	size_t old_bytes;
};

struct node *node_of(int fd);			/* of an open descriptor */
struct node *node_at(int dir, const char *name);	/* links not followed */

void node_save_bytes(struct node *);
void node_forget_bytes(struct node *);
void node_forget_all_bytes(dev_t);
/* The bytes as they were at the last sync; with a seed maybe others. */
void node_restore_all(unsigned seed);

unsigned cut_random(unsigned below);	/* seeded by node_restore_all, undo_all */
void cut_random_start(unsigned seed);

#endif
