#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cut/undo.h"

#include "tests/cut/node.h"

enum { SELF_MAX = 40 };

static struct node **nodes;
static size_t n_nodes;
static uint64_t random_state;

void
cut_random_start(unsigned seed)
{
	random_state = seed * 0x9e3779b97f4a7c15u + 1;
	(void)cut_random(2);
}

unsigned
cut_random(unsigned below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % below;
}

/* The node for a descriptor made here; it is closed when the node is known. */
static struct node *
adopt(int fd, const char *name)
{
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		cut_broken("open", name);
	for (size_t i = 0; i < n_nodes; i++) {
		if (nodes[i]->dev != st.st_dev || nodes[i]->ino != st.st_ino)
			continue;
		(void)close(fd);
		return nodes[i];
	}
	nodes = realloc(nodes, (n_nodes + 1) * sizeof *nodes);
	if (nodes == NULL || (nodes[n_nodes] = calloc(1, sizeof **nodes)) == NULL)
		cut_broken("memory for", name);
	nodes[n_nodes]->dev = st.st_dev;
	nodes[n_nodes]->ino = st.st_ino;
	nodes[n_nodes]->fd = fd;
	return nodes[n_nodes++];
}

struct node *
node_of(int fd)
{
	char self[SELF_MAX];

	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	return adopt(open(self, O_PATH | O_CLOEXEC), self);
}

struct node *
node_at(int dir, const char *name)
{
	return adopt(openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), name);
}

/* A descriptor for bytes, whatever the mode says. */
static int
open_node(const struct node *n, int flags)
{
	char self[SELF_MAX];
	struct stat st;
	int fd;

	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", n->fd);
	if ((fd = open(self, flags | O_CLOEXEC)) != -1)
		return fd;
	if (fstat(n->fd, &st) == -1 || chmod(self, 0600) == -1)
		return -1;
	fd = open(self, flags | O_CLOEXEC);
	(void)chmod(self, st.st_mode & 07777);
	return fd;
}

static uint8_t *
read_all(const struct node *n, size_t *bytes)
{
	int fd = open_node(n, O_RDONLY);
	struct stat st;
	uint8_t *data;

	if (fd == -1 || fstat(fd, &st) == -1 ||
	    (data = malloc((size_t)st.st_size + 1)) == NULL ||
	    pread(fd, data, (size_t)st.st_size, 0) != st.st_size)
		cut_broken("read", "a file");
	(void)close(fd);
	*bytes = (size_t)st.st_size;
	return data;
}

void
node_save_bytes(struct node *n)
{
	if (n->dirty)
		return;
	n->old = read_all(n, &n->old_bytes);
	n->dirty = true;
}

void
node_forget_bytes(struct node *n)
{
	free(n->old);
	n->old = NULL;
	n->dirty = false;
}

void
node_forget_all_bytes(dev_t dev)
{
	for (size_t i = 0; i < n_nodes; i++)
		if (nodes[i]->dev == dev)
			node_forget_bytes(nodes[i]);
}

/* Part of what was written got there: behind it the old bytes, or zeros. */
static void
tear(struct node *n)
{
	size_t now_bytes, keep;
	uint8_t *now = read_all(n, &now_bytes), *torn;

	keep = cut_random((unsigned)now_bytes + 1);
	if ((torn = calloc(1, now_bytes + 1)) == NULL)
		cut_broken("memory for", "a file");
	memcpy(torn, n->old, n->old_bytes < now_bytes ? n->old_bytes : now_bytes);
	memcpy(torn, now, keep);
	free(now);
	free(n->old);
	n->old = torn;
	n->old_bytes = now_bytes;
}

static void
restore(struct node *n, unsigned seed)
{
	enum { LOSE, KEEP, TEAR, WAYS };
	unsigned way = seed == 0 ? LOSE : cut_random(WAYS);
	int fd;

	if (way == KEEP)
		return;
	if (way == TEAR)
		tear(n);
	if ((fd = open_node(n, O_WRONLY)) == -1 || ftruncate(fd, 0) == -1 ||
	    pwrite(fd, n->old, n->old_bytes, 0) != (ssize_t)n->old_bytes)
		cut_broken("restore", "a file");
	(void)close(fd);
}

void
node_restore_all(unsigned seed)
{
	for (size_t i = 0; i < n_nodes; i++)
		if (nodes[i]->dirty)
			restore(nodes[i], seed);
}
