#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cut/cut.h"
#include "tests/cut/node.h"
#include "tests/cut/wrap.h"

#include "tests/cut/undo.h"

enum kind { MADE, TAKEN, RENAMED, EXCHANGED, ATTRIBUTES };

struct op {
	enum kind kind;
	bool durable;
	struct node *dir, *to_dir;	/* to_dir: of a rename; equal when within one */
	char *name, *to_name;
	struct node *node;	/* MADE: a folder, else NULL; ATTRIBUTES: whose */
	struct stat old;	/* ATTRIBUTES */
	unsigned stashed;	/* TAKEN, RENAMED: what stood there; 0 nothing */
};

static struct op *ops;
static size_t n_ops;
static int stash = -1;

void
cut_broken(const char *what, const char *name)
{
	(void)dprintf(STDERR_FILENO, "cut: %s %s: %s\n", what, name, strerror(errno));
	_exit(CUT_BROKEN);
}

void
undo_start(const char *path)
{
	if ((stash = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		cut_broken("the stash", path);
}

static char *
copy(const char *name)
{
	char *mine;

	if (strchr(name, '/') != NULL || (mine = strdup(name)) == NULL)
		cut_broken("not one name:", name);
	return mine;
}

static struct op *
add(enum kind kind, int dir, const char *name)
{
	struct op *op;

	ops = realloc(ops, (n_ops + 1) * sizeof *ops);
	if (ops == NULL)
		cut_broken("memory for", "an operation");
	op = &ops[n_ops++];
	memset(op, 0, sizeof *op);
	op->kind = kind;
	if (name != NULL) {
		op->dir = op->to_dir = node_of(dir);
		op->name = copy(name);
	}
	return op;
}

void
undo_made(int dir, const char *name)
{
	struct op *op = add(MADE, dir, name);
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		cut_broken("made", name);
	if (S_ISDIR(st.st_mode))
		op->node = node_at(dir, name);
}

unsigned
undo_stash(int dir, const char *name)
{
	static unsigned number;
	char there[16];

	(void)snprintf(there, sizeof there, "%u", ++number);
	if (__real_renameat(dir, name, stash, there) == -1)
		cut_broken("stash", name);
	return number;
}

void
undo_unstash(int dir, const char *name, unsigned number)
{
	char there[16];

	(void)snprintf(there, sizeof there, "%u", number);
	if (__real_renameat2(stash, there, dir, name, RENAME_NOREPLACE) == -1)
		cut_broken("put back", name);
}

void
undo_taken(int dir, const char *name, unsigned number)
{
	add(TAKEN, dir, name)->stashed = number;
}

static struct op *
add_two(enum kind kind, int a, const char *name, int b, const char *b_name)
{
	struct op *op = add(kind, a, name);

	op->to_dir = node_of(b);
	op->to_name = copy(b_name);
	return op;
}

void
undo_renamed(int from, const char *name, int to, const char *to_name,
    unsigned number)
{
	add_two(RENAMED, from, name, to, to_name)->stashed = number;
}

void
undo_exchanged(int a, const char *name, int b, const char *b_name)
{
	(void)add_two(EXCHANGED, a, name, b, b_name);
}

void
undo_attributes(int fd)
{
	struct node *node = node_of(fd);
	struct op *op = add(ATTRIBUTES, -1, NULL);

	op->node = node;
	if (fstat(fd, &op->old) == -1)
		cut_broken("look at", "a file");
}

void
undo_bytes(int fd)
{
	node_save_bytes(node_of(fd));
}

static void names_durable(const struct node *dir, size_t end);

/* The folder itself has its name: what made it is durable. */
static void
folder_durable(const struct node *dir, size_t end)
{
	for (size_t i = 0; i < end; i++)
		if (ops[i].kind == MADE && ops[i].node == dir && !ops[i].durable)
			names_durable(ops[i].dir, i + 1);
}

/* The changes of names in dir among the first `end`.  One that concerns another
 * folder too takes along what happened there before. */
static void
names_durable(const struct node *dir, size_t end)
{
	for (size_t i = end; i-- > 0;) {
		struct op *op = &ops[i];

		if (op->durable || op->kind == ATTRIBUTES ||
		    (op->dir != dir && op->to_dir != dir))
			continue;
		op->durable = true;
		if (op->dir == op->to_dir)
			continue;
		names_durable(op->dir == dir ? op->to_dir : op->dir, i + 1);
		folder_durable(op->dir, i);
		folder_durable(op->to_dir, i);
	}
}

void
undo_synced(int fd)
{
	struct node *node = node_of(fd);

	node_forget_bytes(node);
	for (size_t i = 0; i < n_ops; i++)
		if (ops[i].kind == ATTRIBUTES && ops[i].node == node)
			ops[i].durable = true;
	names_durable(node, n_ops);
}

void
undo_synced_all(int fd)
{
	dev_t dev = node_of(fd)->dev;

	node_forget_all_bytes(dev);
	for (size_t i = 0; i < n_ops; i++)
		if ((ops[i].kind == ATTRIBUTES ? ops[i].node : ops[i].dir)->dev == dev)
			ops[i].durable = true;
}

/* What happens in a folder that is lost is lost with it. */
static bool
is_lost(const struct op *op)
{
	if (!op->durable)
		return true;
	return op->kind != ATTRIBUTES && (op->dir->lost || op->to_dir->lost);
}

static void
find_lost(void)
{
	for (size_t i = 0; i < n_ops; i++) {
		ops[i].durable = !is_lost(&ops[i]);
		if (!ops[i].durable && ops[i].kind == MADE && ops[i].node != NULL)
			ops[i].node->lost = true;
	}
}

static void
attributes_back(const struct op *op)
{
	char self[40];

	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", op->node->fd);
	if (fchownat(op->node->fd, "", op->old.st_uid, op->old.st_gid,
	    AT_EMPTY_PATH) == -1 || chmod(self, op->old.st_mode & 07777) == -1)
		cut_broken("attributes of", self);
}

static void
undo(const struct op *op)
{
	int dir = op->dir == NULL ? -1 : op->dir->fd;
	int rc = 0;

	switch (op->kind) {
	case MADE:	/* a folder with what children of the process put there */
		if (op->node != NULL)
			(void)undo_stash(dir, op->name);
		else
			rc = unlinkat(dir, op->name, 0);
		break;
	case TAKEN:
		undo_unstash(dir, op->name, op->stashed);
		break;
	case RENAMED:
		rc = renameat2(op->to_dir->fd, op->to_name, dir, op->name,
		    RENAME_NOREPLACE);
		if (rc == 0 && op->stashed != 0)
			undo_unstash(op->to_dir->fd, op->to_name, op->stashed);
		break;
	case EXCHANGED:
		rc = renameat2(dir, op->name, op->to_dir->fd, op->to_name,
		    RENAME_EXCHANGE);
		break;
	case ATTRIBUTES:
		attributes_back(op);
		break;
	}
	if (rc == -1)
		cut_broken("undo", op->name);
}

void
undo_all(unsigned seed)
{
	if (seed != 0) {
		size_t commit = (cut_random_start(seed), cut_random((unsigned)n_ops + 1));

		for (size_t i = 0; i < commit; i++)
			ops[i].durable = true;
	}
	node_restore_all(seed);
	find_lost();
	for (size_t i = n_ops; i-- > 0;)
		if (!ops[i].durable)
			undo(&ops[i]);
}
