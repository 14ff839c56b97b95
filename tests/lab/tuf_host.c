#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "manifest/base/fs.h"

#include "tests/lab/tuf_host.h"

enum { LIES_MAX = 16, REQUEST_MAX = 8192, LOG_MAX = 1 << 20, PATH_BYTES = 2048,
	BODY_MAX = 1 << 22 };

struct lie {
	char *path, *text;
	enum host_lie kind;
	int status;
	unsigned left;		/* 0: for ever */
};

struct visit {			/* one connection and its thread */
	struct tuf_host *host;
	int fd;
	pthread_t thread;
	struct visit *next;
};

struct tuf_host {
	struct tuf_sim *sim;
	const char *folder;	/* instead; NULL: the simulator's files */
	int fd, port;
	int stop[2];		/* a byte in it ends all threads */
	pthread_t thread;
	pthread_mutex_t lock;	/* of all below */
	struct lie lies[LIES_MAX];
	size_t n_lies;
	char *log, *copy;
	size_t log_len;
	uint64_t sent;
	struct visit *visits;
};

/* What one answer is made of, taken out under the lock. */
struct answer {
	bool found, lies;
	enum host_lie kind;
	int status;
	size_t from;		/* of the range that was asked for, 0: all */
	struct buf body, text;
};

/* false: the client is gone, or the test ends. */
static bool
send_bytes(struct visit *v, const void *data, size_t n, bool is_body)
{
	const char *p = data;

	while (n > 0) {
		struct pollfd wait[2] = { { .fd = v->fd, .events = POLLOUT },
			{ .fd = v->host->stop[0], .events = POLLIN } };
		ssize_t sent;

		if (poll(wait, 2, -1) == -1 || wait[1].revents != 0)
			return false;
		if ((sent = send(v->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT)) <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
		if (is_body) {
			(void)pthread_mutex_lock(&v->host->lock);
			v->host->sent += (uint64_t)sent;
			(void)pthread_mutex_unlock(&v->host->lock);
		}
	}
	return true;
}

static bool __attribute__((format(printf, 2, 3)))
send_head(struct visit *v, const char *fmt, ...)
{
	char head[PATH_BYTES];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(head, sizeof head, fmt, ap);
	va_end(ap);
	return n > 0 && (size_t)n < sizeof head && send_bytes(v, head, (size_t)n, false);
}

/* Wait, but not longer than the test; false: it ends, or the client went. */
static bool
pause_ms(const struct visit *v, int ms)
{
	struct pollfd wait[2] = { { .fd = v->fd, .events = POLLRDHUP },
		{ .fd = v->host->stop[0], .events = POLLIN } };

	return poll(wait, 2, ms) == 0;
}

static void
send_file(struct visit *v, int status, const struct buf *body, size_t said)
{
	if (send_head(v, "HTTP/1.1 %d Whatever\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n", status, said))
		(void)send_bytes(v, body->data, body->len, true);
}

/* The body from `from` on, as a part. */
static void
send_part(struct visit *v, const struct buf *body, size_t from)
{
	if (send_head(v, "HTTP/1.1 206 Partial\r\nContent-Range: bytes %zu-%zu/%zu\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n", from, body->len - 1,
		body->len, body->len - from))
		(void)send_bytes(v, body->data + from, body->len - from, true);
}

static void
send_without_end(struct visit *v, const char *head, const char *piece)
{
	if (!send_head(v, "%s", head))
		return;
	while (send_bytes(v, piece, strlen(piece), true))
		;
}

static void
send_slowly(struct visit *v, const struct answer *a, bool silent)
{
	if (!send_head(v, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", a->body.len))
		return;
	for (size_t i = 0; i < a->body.len; i++) {
		if (!silent && !send_bytes(v, a->body.data + i, 1, true))
			return;
		if (!pause_ms(v, silent ? -1 : 1000))
			return;
	}
}

static void
send_lie(struct visit *v, struct answer *a)
{
	static const char junk[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[";
	static const char chunk[] = "10\r\n[[[[[[[[[[[[[[[[\r\n";
	struct buf half = { .data = a->body.data, .len = a->body.len / 2 };
	struct err e;

	switch (a->kind) {
	case LIE_STATUS:
	case LIE_INSTEAD:
		send_file(v, a->status, &a->text, a->text.len);
		return;
	case LIE_MORE:
		(void)buf_add(&a->body, a->text.data, a->text.len, &e);
		send_file(v, 200, &a->body, a->body.len);
		return;
	case LIE_REDIRECT:
		(void)send_head(v, "HTTP/1.1 %d Moved\r\nLocation: %s\r\n"
		    "Content-Length: 0\r\nConnection: close\r\n\r\n", a->status,
		    buf_text(&a->text));
		return;
	case LIE_CUT:
		send_file(v, 200, &half, a->body.len);
		return;
	case LIE_SHORT:
		send_file(v, 200, &a->body, half.len);
		return;
	case LIE_HUGE:
		send_without_end(v, "HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n"
		    "\r\n", junk);
		return;
	case LIE_ENDLESS:
		send_without_end(v, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", junk);
		return;
	case LIE_CHUNKS:
		send_without_end(v, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
		    "\r\n", chunk);
		return;
	case LIE_HEADERS:
		send_without_end(v, "HTTP/1.1 200 OK\r\n", "X-Header: it goes on\r\n");
		return;
	case LIE_GZIP:
		if (send_head(v, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
			"Content-Length: %zu\r\n\r\n", a->text.len))
			(void)send_bytes(v, a->text.data, a->text.len, true);
		return;
	case LIE_DRIP:
	case LIE_STALL:
		send_slowly(v, a, a->kind == LIE_STALL);
		return;
	case LIE_CUT_AT:
		if ((half.len = strtoul(buf_text(&a->text), NULL, 10)) > a->body.len)
			half.len = a->body.len;
		send_file(v, 200, &half, a->body.len);
		return;
	case LIE_RANGE:
		send_part(v, &a->body, 0);
		return;
	case LIE_HANG_UP:
		return;
	}
}

/* "GET /metadata/x HTTP/1.1" into its words; the head is read to its end. */
static bool
read_request(const struct visit *v, char request[static REQUEST_MAX],
    char method[static 16], char path[static PATH_BYTES])
{
	size_t len = 0;

	request[0] = '\0';
	while (strstr(request, "\r\n\r\n") == NULL) {
		struct pollfd wait[2] = { { .fd = v->fd, .events = POLLIN },
			{ .fd = v->host->stop[0], .events = POLLIN } };
		ssize_t n;

		if (len == REQUEST_MAX - 1 || poll(wait, 2, -1) == -1 ||
		    wait[1].revents != 0 ||
		    (n = recv(v->fd, request + len, REQUEST_MAX - 1 - len, 0)) <= 0)
			return false;
		len += (size_t)n;
		request[len] = '\0';
	}
	return sscanf(request, "%15s %2047s", method, path) == 2;
}

static void
drop_lie(struct tuf_host *h, size_t i)
{
	free(h->lies[i].path);
	free(h->lies[i].text);
	h->n_lies--;
	memmove(&h->lies[i], &h->lies[i + 1], (h->n_lies - i) * sizeof *h->lies);
}

static void
note(struct tuf_host *h, const char *method, const char *path, int status)
{
	int n = snprintf(h->log + h->log_len, LOG_MAX - h->log_len, "%s %s %d\n", method,
	    path, status);

	if (n > 0 && (size_t)n < LOG_MAX - h->log_len)
		h->log_len += (size_t)n;
	h->log[h->log_len] = '\0';
}

/* As a proxy this host answers for all others. */
static const struct sim_file *
file_at(const struct tuf_host *h, const char *path)
{
	if (strncmp(path, "http://", 7) == 0)
		path += 7 + strcspn(path + 7, "/");
	if (strncmp(path, "/metadata/", 10) == 0)
		return sim_file(h->sim, path + 10);
	return strncmp(path, "/targets/", 9) == 0 ? sim_file(h->sim, path + 1) : NULL;
}

/* The file's bytes; false: there is none. */
static bool
body_of(const struct tuf_host *h, const char *path, struct buf *out)
{
	const struct sim_file *f = h->folder == NULL ? file_at(h, path) : NULL;
	struct err e = ERR_INIT;
	int dir = h->folder == NULL ? -1 : fs_open_dir(h->folder, &e), rc;

	if (dir == -1)
		return f != NULL && buf_add(out, f->bytes.data, f->bytes.len, &e) == 0;
	rc = fs_read_file(dir, path + 1, out, &e);
	(void)close(dir);
	return rc == 0;
}

static bool
fits(const struct lie *lie, const char *path)
{
	size_t n = strlen(path), end = strlen(lie->path) - 1;

	return strcmp(lie->path, path) == 0 || (lie->path[0] == '*' && end <= n &&
	    strcmp(path + n - end, lie->path + 1) == 0);
}

/* What is to be said for this path; under the lock. */
static void
choose(struct tuf_host *h, const char *method, const char *path, struct answer *a)
{
	struct lie *lie = NULL;
	struct err e;

	for (size_t i = 0; i < h->n_lies && lie == NULL; i++)
		if (fits(&h->lies[i], path))
			lie = &h->lies[i];
	a->found = body_of(h, path, &a->body);
	a->status = !a->found ? 404 : a->from == 0 ? 200 :
	    a->from < a->body.len ? 206 : 416;
	if ((a->lies = lie != NULL)) {
		a->kind = lie->kind;
		a->status = lie->status;
		(void)buf_add_text(&a->text, lie->text, &e);
		if (lie->left > 0 && --lie->left == 0)
			drop_lie(h, (size_t)(lie - h->lies));
	}
	note(h, method, path, a->status);
}

static void *
serve_one(void *arg)
{
	struct visit *v = arg;
	struct answer a = { .body = BUF_INIT(BODY_MAX), .text = BUF_INIT(BODY_MAX) };
	char method[16], path[PATH_BYTES], *request = malloc(REQUEST_MAX);

	if (request != NULL && read_request(v, request, method, path)) {
		const char *range = strstr(request, "\r\nRange: bytes=");

		if (v->host->folder != NULL && range != NULL)
			a.from = strtoul(range + strlen("\r\nRange: bytes="), NULL, 10);
		(void)pthread_mutex_lock(&v->host->lock);
		choose(v->host, method, path, &a);
		(void)pthread_mutex_unlock(&v->host->lock);
		if (a.lies)
			send_lie(v, &a);
		else if (a.status == 206)
			send_part(v, &a.body, a.from);
		else
			send_file(v, a.status, &a.body, a.body.len);
	}
	(void)shutdown(v->fd, SHUT_WR);
	buf_free(&a.body);
	buf_free(&a.text);
	free(request);
	return NULL;
}

static void *
serve(void *arg)
{
	struct tuf_host *h = arg;
	struct pollfd wait[2] = { { .fd = h->fd, .events = POLLIN },
		{ .fd = h->stop[0], .events = POLLIN } };

	while (poll(wait, 2, -1) >= 0 && wait[1].revents == 0) {
		struct visit *v;
		int fd = accept(h->fd, NULL, NULL);

		if (fd == -1)
			continue;
		if ((v = calloc(1, sizeof *v)) == NULL)
			abort();
		v->host = h;
		v->fd = fd;
		v->next = h->visits;
		h->visits = v;
		if (pthread_create(&v->thread, NULL, serve_one, v) != 0)
			abort();
	}
	return NULL;
}

struct tuf_host *
tuf_host_open(struct tuf_sim *sim, const char *folder)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	struct tuf_host *h = calloc(1, sizeof *h);

	assert_non_null(h);
	h->sim = sim;
	h->folder = folder;
	assert_non_null(h->log = calloc(1, LOG_MAX));
	assert_non_null(h->copy = calloc(1, LOG_MAX));
	h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(h->fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(h->fd, 16), 0);
	assert_int_equal(getsockname(h->fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(pipe2(h->stop, O_CLOEXEC), 0);
	h->port = ntohs(at.sin_port);
	(void)pthread_mutex_init(&h->lock, NULL);
	assert_int_equal(pthread_create(&h->thread, NULL, serve, h), 0);
	return h;
}

void
tuf_host_close(struct tuf_host *h)
{
	if (h == NULL)
		return;
	assert_int_equal(write(h->stop[1], "x", 1), 1);
	(void)pthread_join(h->thread, NULL);
	while (h->visits != NULL) {
		struct visit *v = h->visits;

		h->visits = v->next;
		(void)pthread_join(v->thread, NULL);
		(void)close(v->fd);
		free(v);
	}
	tuf_host_honest(h);
	(void)close(h->fd);
	(void)close(h->stop[0]);
	(void)close(h->stop[1]);
	(void)pthread_mutex_destroy(&h->lock);
	free(h->log);
	free(h->copy);
	free(h);
}

int
tuf_host_port(const struct tuf_host *h)
{
	return h->port;
}

void
tuf_host_lie_times(struct tuf_host *h, const char *path, enum host_lie kind, int status,
    const char *text, unsigned times)
{
	struct lie *lie;

	if (status == 0)
		status = kind == LIE_REDIRECT ? 302 : 200;
	(void)pthread_mutex_lock(&h->lock);
	assert_true(h->n_lies < LIES_MAX);
	lie = &h->lies[h->n_lies++];
	lie->path = strdup(path);
	lie->text = strdup(text == NULL ? "" : text);
	lie->kind = kind;
	lie->status = status;
	lie->left = times;
	(void)pthread_mutex_unlock(&h->lock);
}

void
tuf_host_lie(struct tuf_host *h, const char *path, enum host_lie kind, int status,
    const char *text)
{
	tuf_host_lie_times(h, path, kind, status, text, 0);
}

void
tuf_host_honest(struct tuf_host *h)
{
	(void)pthread_mutex_lock(&h->lock);
	while (h->n_lies > 0)
		drop_lie(h, h->n_lies - 1);
	(void)pthread_mutex_unlock(&h->lock);
}

const char *
tuf_host_asked(struct tuf_host *h)
{
	(void)pthread_mutex_lock(&h->lock);
	memcpy(h->copy, h->log, h->log_len + 1);
	(void)pthread_mutex_unlock(&h->lock);
	return h->copy;
}

unsigned
tuf_host_count(struct tuf_host *h, const char *text)
{
	char *all = strdup(tuf_host_asked(h)), *rest = all, *line;
	unsigned n = 0;

	while ((line = strsep(&rest, "\n")) != NULL)
		n += *line != '\0' && strstr(line, text) != NULL;
	free(all);
	return n;
}

uint64_t
tuf_host_sent(struct tuf_host *h)
{
	uint64_t n;

	(void)pthread_mutex_lock(&h->lock);
	n = h->sent;
	(void)pthread_mutex_unlock(&h->lock);
	return n;
}

void
tuf_host_forget(struct tuf_host *h)
{
	(void)pthread_mutex_lock(&h->lock);
	h->log[h->log_len = 0] = '\0';
	h->sent = 0;
	(void)pthread_mutex_unlock(&h->lock);
}
