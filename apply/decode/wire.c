#include <sys/socket.h>
#include <sys/uio.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "apply/decode/wire.h"

union room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int
wire_send(int sock, const struct wire_head *head, const void *data, size_t n, int fd)
{
	struct iovec parts[2] = { { (void *)(uintptr_t)head, sizeof *head },
		{ (void *)(uintptr_t)data, n } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = n > 0 ? 2 : 1 };
	union room room;

	if (n > WIRE_DATA_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	if (fd != -1) {
		struct cmsghdr *c;

		memset(&room, 0, sizeof room);
		m.msg_control = room.bytes;
		m.msg_controllen = sizeof room.bytes;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL) == -1 ? -1 : 0;
}

static int
descriptor(struct msghdr *m)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

int
wire_recv(int sock, struct wire *w, int *fd)
{
	struct iovec parts[2] = { { &w->head, sizeof w->head },
		{ w->data, sizeof w->data } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = 2 };
	union room room;
	ssize_t got;

	/* Without room for it a descriptor that comes is never opened here. */
	if (fd != NULL) {
		m.msg_control = room.bytes;
		m.msg_controllen = sizeof room.bytes;
		*fd = -1;
	}
	got = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	if (got <= 0)
		return (int)got;
	if (fd != NULL)
		*fd = descriptor(&m);
	if ((size_t)got < sizeof w->head ||
	    (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		if (fd != NULL && *fd != -1)
			(void)close(*fd);
		errno = EBADMSG;
		return -1;
	}
	w->n = (size_t)got - sizeof w->head;
	return 1;
}
