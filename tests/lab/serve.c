/*
 * serve.c - nginx for the lab, as `delta-host config nginx` configures it.
 */
#include <sys/types.h>

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

/* What surrounds the server block: no root needed, everything below the lab. */
static const char frame[] =
    "daemon on;\npid %s/nginx/pid;\nerror_log %s/nginx/error.log info;\n"
    "worker_processes 1;\nevents { worker_connections 128; }\n"
    "http {\n"
    "  log_format lab '$request_method $uri $status $body_bytes_sent $http_range';\n"
    "  access_log %s/nginx/access.log lab;\n"
    "  client_body_temp_path %s/nginx/t1; proxy_temp_path %s/nginx/t2;\n"
    "  fastcgi_temp_path %s/nginx/t3; uwsgi_temp_path %s/nginx/t4;\n"
    "  scgi_temp_path %s/nginx/t5;\n"
    "  include %s/nginx/site.conf;\n}\n";

static pid_t
read_pid(struct lab *l)
{
	char *text = lab_read(l, "nginx/pid");
	pid_t pid = text == NULL ? 0 : (pid_t)strtol(text, NULL, 10);

	free(text);
	return pid;
}

static void
add_extra(struct lab *l, const char *extra)
{
	char *site, *end, *both;
	size_t n;

	if (extra == NULL)
		return;
	site = lab_read(l, "nginx/site.conf");
	assert_non_null(site);
	end = strrchr(site, '}');	/* of the server block */
	assert_non_null(end);
	n = strlen(site) + strlen(extra) + 8;
	both = malloc(n);
	assert_non_null(both);
	(void)snprintf(both, n, "%.*s%s\n}\n", (int)(end - site), site, extra);
	lab_write_bytes(l, "nginx/site.conf", both, strlen(both));
	free(both);
	free(site);
}

static void
start(struct lab *l)
{
	lab_ok(l, "nginx -p '%s/nginx' -e '%s/nginx/error.log' -c '%s/nginx/nginx.conf'",
	    l->dir, l->dir, l->dir);
	for (int i = 0; i < 200 && (l->nginx = read_pid(l)) == 0; i++)
		(void)usleep(10000);
	assert_true(l->nginx > 0);
}

void
lab_serve(struct lab *l, const char *www, const char *extra)
{
	lab_serve_stop(l);
	l->port = l->port != 0 ? l->port : lab_free_port();
	lab_ok(l, "mkdir -p nginx '%s' && delta-host config nginx --root '%s/%s' "
	    "--listen 127.0.0.1:%d > nginx/site.conf", www, l->dir, www, l->port);
	add_extra(l, extra);
	lab_write(l, "nginx/nginx.conf", frame, l->dir, l->dir, l->dir, l->dir, l->dir,
	    l->dir, l->dir, l->dir, l->dir);
	lab_write(l, "nginx/access.log", "%s", "");
	start(l);
}

void
lab_serve_stop(struct lab *l)
{
	if (l->nginx == 0)
		return;
	(void)kill(l->nginx, SIGTERM);
	/* It takes its pid file away as the last thing; as a zombie it may stay long
	 * where nobody reaps. */
	for (int i = 0; i < 300 && kill(l->nginx, 0) == 0 && read_pid(l) != 0; i++)
		(void)usleep(10000);
	(void)kill(l->nginx, SIGKILL);
	l->nginx = 0;
	(void)lab_run(l, "rm -f nginx/pid");
}

unsigned
lab_requests(struct lab *l, const char *text)
{
	char *log = lab_read(l, "nginx/access.log"), *save = NULL;
	unsigned n = 0;

	for (char *line = strtok_r(log, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save))
		n += strstr(line, text) != NULL;
	free(log);
	return n;
}

uint64_t
lab_sent_bytes(struct lab *l)
{
	char *log = lab_read(l, "nginx/access.log"), *save = NULL;
	uint64_t sum = 0;

	for (char *line = strtok_r(log, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		unsigned long long bytes;

		if (sscanf(line, "%*s %*s %*s %llu", &bytes) == 1)
			sum += bytes;
	}
	free(log);
	return sum;
}

void
lab_log_clear(struct lab *l)
{
	/* nginx appends: an emptied file goes on at its start. */
	lab_write(l, "nginx/access.log", "%s", "");
}
