#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lab/raw_server.h"

enum { REQUESTS_MAX = 32, REQUEST_BYTES = 4096 };

struct raw_server {
	const struct raw_answer *answers;
	size_t n_answers;
	int fd, port;
	int stop[2];		/* a byte in it ends the thread */
	pthread_t thread;
	pthread_mutex_t lock;
	size_t n;
	char requests[REQUESTS_MAX][REQUEST_BYTES];
};

static void
send_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		p += sent;
		n -= (size_t)sent;
	}
}

static void
read_request(int fd, char out[REQUEST_BYTES])
{
	size_t len = 0;

	out[0] = '\0';
	while (len < REQUEST_BYTES - 1 && strstr(out, "\r\n\r\n") == NULL) {
		ssize_t n = recv(fd, out + len, REQUEST_BYTES - 1 - len, 0);

		if (n <= 0)
			return;
		len += (size_t)n;
		out[len] = '\0';
	}
}

static void
answer(struct raw_server *s, int fd)
{
	static const struct raw_answer none = { "", "", 0, 0 };
	const struct raw_answer *a = &none;
	struct pollfd stop = { .fd = s->stop[0], .events = POLLIN };
	char request[REQUEST_BYTES];

	read_request(fd, request);
	(void)pthread_mutex_lock(&s->lock);
	if (s->n < REQUESTS_MAX)
		memcpy(s->requests[s->n], request, sizeof request);
	if (s->n_answers > 0)
		a = &s->answers[s->n < s->n_answers ? s->n : s->n_answers - 1];
	s->n++;
	(void)pthread_mutex_unlock(&s->lock);
	send_all(fd, a->head, strlen(a->head));
	send_all(fd, a->body, a->n);
	if (a->linger_s > 0)
		(void)poll(&stop, 1, a->linger_s * 1000);
}

static void *
serve(void *arg)
{
	struct raw_server *s = arg;
	struct pollfd wait[2] = { { .fd = s->fd, .events = POLLIN },
		{ .fd = s->stop[0], .events = POLLIN } };

	while (poll(wait, 2, -1) >= 0 && (wait[1].revents & POLLIN) == 0) {
		int fd = accept(s->fd, NULL, NULL);

		if (fd == -1)
			continue;
		answer(s, fd);
		(void)close(fd);
	}
	return NULL;
}

struct raw_server *
raw_server_open(const struct raw_answer *answers, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	struct raw_server *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->answers = answers;
	s->n_answers = n;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(s->fd, 16), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(pipe(s->stop), 0);
	s->port = ntohs(at.sin_port);
	(void)pthread_mutex_init(&s->lock, NULL);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	return s;
}

void
raw_server_close(struct raw_server *s)
{
	assert_int_equal(write(s->stop[1], "x", 1), 1);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
	(void)close(s->stop[0]);
	(void)close(s->stop[1]);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

int
raw_server_port(const struct raw_server *s)
{
	return s->port;
}

size_t
raw_server_count(struct raw_server *s)
{
	size_t n;

	(void)pthread_mutex_lock(&s->lock);
	n = s->n;
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

const char *
raw_server_request(struct raw_server *s, size_t i)
{
	return i < raw_server_count(s) && i < REQUESTS_MAX ? s->requests[i] : "";
}
