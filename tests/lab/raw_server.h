/*
 * raw_server.h - a host that answers exactly these bytes, one connection each:
 * for what no real server can be made to say.
 */
#ifndef TESTS_LAB_RAW_SERVER_H
#define TESTS_LAB_RAW_SERVER_H

#include <stddef.h>

struct raw_answer {
	const char *head;	/* "HTTP/1.1 200 OK\r\n...\r\n\r\n" */
	const void *body;
	size_t n;
	int linger_s;		/* keeps the connection open, silently */
};

struct raw_server;

/* Answers are borrowed; the last one is given for all further connections. */
struct raw_server *raw_server_open(const struct raw_answer *, size_t n);
void raw_server_close(struct raw_server *);
int raw_server_port(const struct raw_server *);
/* How many requests came, and the head of the i-th; "" when it did not come. */
size_t raw_server_count(struct raw_server *);
const char *raw_server_request(struct raw_server *, size_t i);

#endif
