/*
 * fetch.c - one HTTP request; the doorway to libcurl.
 *
 * Everything above it (retries, ranges, the spool) is in fetch_small.c and
 * fetch_object.c and knows no libcurl.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"
#include "manifest/base/log.h"

#include "apply/fetch_transfer.h"

#include "apply/fetch.h"

enum {
	REDIRECTS_MAX = 5,
	PAUSE_MAX_S = 60,
	NO_ISSUER_HERE = 20,
	SELF_SIGNED_IN_CHAIN = 19
};

struct fetch {
	CURL *curl;
	const struct conf *conf;	/* NULL: defaults */
	uint64_t requests, bytes;
	enum fetch_fault fault;
};

/* What the callbacks of one transfer share. */
struct transfer {
	struct fetch *fetch;
	const struct fetch_request *q;
	struct fetch_answer *a;
	bool head_done;
	bool failed;		/* head or body said no: *e is theirs */
	struct err *e;
};

struct fetch *
fetch_new(const struct conf *conf, struct err *e)
{
	struct fetch *f = calloc(1, sizeof *f);

	if (f == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	f->conf = conf;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (f->curl = curl_easy_init()) == NULL) {
		(void)err_set(e, ERR_FAIL, "libcurl cannot be used");
		free(f);
		return NULL;
	}
	return f;
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	curl_easy_cleanup(f->curl);
	free(f);
}

enum fetch_fault
fetch_last_fault(const struct fetch *f)
{
	return f->fault;
}

void
fetch_counts(const struct fetch *f, uint64_t *requests, uint64_t *bytes)
{
	*requests = f->requests;
	*bytes = f->bytes;
}

/* The value of header `name` in this line, NULL when it is another one. */
static const char *
header_value(const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	return line + n + 1 + strspn(line + n + 1, " \t");
}

/* Decimal digits up to the byte `end`; *p moves behind it.  0, -1. */
static int
read_number(const char **p, char end, uint64_t *out)
{
	char digits[24];
	size_t n = strspn(*p, "0123456789");

	if (n == 0 || n >= sizeof digits || (*p)[n] != end)
		return -1;
	(void)memcpy(digits, *p, n);
	digits[n] = '\0';
	*p += end == '\0' ? n : n + 1;
	return u64_parse(digits, INT64_MAX, out);
}

/* "bytes 100-199/200"; a total of '*' is not understood. */
static void
read_range(struct fetch_answer *a, const char *text)
{
	uint64_t from, to, total;

	if (strncmp(text, "bytes ", 6) != 0)
		return;
	text += 6;
	if (read_number(&text, '-', &from) == -1 || read_number(&text, '/', &to) == -1 ||
	    read_number(&text, '\0', &total) == -1 || from > to || to >= total)
		return;
	a->has_range = true;
	a->range_from = from;
	a->range_total = total;
}

static void
read_header(struct fetch_answer *a, char *line)
{
	const char *v;
	uint64_t n;

	if ((v = header_value(line, "etag")) != NULL) {
		/* If-Range wants a strong validator. */
		if (v[0] == '"' && strlen(v) < sizeof a->etag)
			(void)memcpy(a->etag, v, strlen(v) + 1);
	} else if ((v = header_value(line, "content-range")) != NULL) {
		read_range(a, v);
	} else if ((v = header_value(line, "content-length")) != NULL) {
		a->has_length = u64_parse(v, UINT64_MAX, &a->length) == 0;
	} else if ((v = header_value(line, "retry-after")) != NULL) {
		if (u64_parse(v, 86400, &n) == 0)
			a->retry_after_s = (uint32_t)n;
	}
}

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	char line[512];
	size_t len = size * n;

	if (len >= sizeof line)
		return len;	/* none of those that we read */
	memcpy(line, data, len);
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	line[len] = '\0';
	/* Each answer on the way (100, redirects) starts anew. */
	if (strncmp(line, "HTTP/", 5) == 0)
		memset(t->a, 0, sizeof *t->a);
	else
		read_header(t->a, line);
	return size * n;
}

static long
status_of(const struct transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Before the first byte, or at the end of an empty body. */
static int
finish_head(struct transfer *t)
{
	if (t->head_done)
		return 0;
	t->head_done = true;
	t->a->status = status_of(t);
	if (t->q->head == NULL || t->a->status / 100 != 2)
		return 0;
	if (t->q->head(t->q->arg, t->a, t->e) == 0)
		return 0;
	t->failed = true;
	return -1;
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	if (finish_head(t) == -1)
		return 0;
	t->fetch->bytes += size * n;
	if (t->a->status / 100 != 2)
		return size * n;
	if (t->q->body(t->q->arg, (const uint8_t *)data, size * n, t->e) == 0)
		return size * n;
	t->failed = true;
	return 0;
}

static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)arg, (void)a, (void)b, (void)c, (void)d;
	return cancel_wanted() ? 1 : 0;
}

static bool
starts_with_https(const char *url)
{
	return strncasecmp(url, "https:", 6) == 0;
}

static void
set_limits(CURL *c, const struct conf *conf, uint32_t timeout_s)
{
	long total = timeout_s != 0 ? (long)timeout_s :
	    conf != NULL ? (long)conf->total_timeout_s : 6 * 3600L;

	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT,
	    conf != NULL ? (long)conf->connect_timeout_s : 30L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME,
	    conf != NULL ? (long)conf->low_speed_time_s : 60L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT,
	    conf != NULL && conf->low_speed_bytes > 0 ? (long)conf->low_speed_bytes : 1L);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, total);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
}

static void
set_route(CURL *c, const struct fetch *f, const struct fetch_request *q)
{
	/* Never from https down to http, and nothing but these two. */
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR,
	    starts_with_https(q->url) ? "https" : "http,https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, q->local_network ? 0L : 1L);
	(void)curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	if (q->local_network)
		(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	else if (f->conf != NULL && f->conf->proxy != NULL)
		(void)curl_easy_setopt(c, CURLOPT_PROXY, f->conf->proxy);
	if (f->conf != NULL && f->conf->ca_file != NULL)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, f->conf->ca_file);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "delta-apply/" VERSION_TEXT);
}

static void
set_callbacks(CURL *c, struct transfer *t)
{
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
}

static struct curl_slist *
range_headers(const struct fetch_request *q)
{
	char line[FETCH_ETAG_MAX + 32];
	struct curl_slist *list = NULL;

	if (!fetch_is_partial(q))
		return NULL;
	(void)snprintf(line, sizeof line, "Range: bytes=%llu-",
	    (unsigned long long)q->offset);
	if (q->length > 0)
		(void)snprintf(line + strlen(line), 24, "%llu",
		    (unsigned long long)(q->offset + q->length - 1));
	list = curl_slist_append(NULL, line);
	if (list != NULL && q->if_range != NULL && q->if_range[0] != '\0') {
		(void)snprintf(line, sizeof line, "If-Range: %s", q->if_range);
		(void)curl_slist_append(list, line);
	}
	return list;
}

/* Did this end on the device's own side? */
static enum fetch_fault
fault_of(CURL *c, CURLcode code)
{
	long sys = 0, verify = 0;

	(void)curl_easy_getinfo(c, CURLINFO_OS_ERRNO, &sys);
	(void)curl_easy_getinfo(c, CURLINFO_SSL_VERIFYRESULT, &verify);
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_INTERFACE_FAILED:
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		return FETCH_LOCAL;
	case CURLE_COULDNT_CONNECT:
		return sys == ENETUNREACH || sys == EHOSTUNREACH || sys == ENETDOWN ||
		    sys == EACCES || sys == EPERM || sys == EADDRNOTAVAIL ?
		    FETCH_LOCAL : FETCH_HOST;
	case CURLE_PEER_FAILED_VERIFICATION:
		return verify == NO_ISSUER_HERE || verify == SELF_SIGNED_IN_CHAIN ?
		    FETCH_LOCAL : FETCH_HOST;
	default:
		return FETCH_HOST;
	}
}

int
fetch_status_err(const char *url, int64_t status, struct err *e)
{
	if (status / 100 == 2)
		return 0;
	if (status == 404 || status == 403 || status == 410)
		return err_set(e, ERR_ABSENT, "%s: not there (HTTP %lld)", url,
		    (long long)status);
	return err_set(e, ERR_NET, "%s: the host answers HTTP %lld", url,
	    (long long)status);
}

static int
result_of(struct transfer *t, CURLcode code, const char *detail)
{
	struct fetch *f = t->fetch;

	if (t->failed)
		return -1;
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return cancel_check(t->e) == -1 ? -1 :
		    err_set(t->e, ERR_CANCEL, "interrupted");
	if (code != CURLE_OK) {
		f->fault = fault_of(f->curl, code);
		return err_set(t->e, ERR_NET, "%s: %s", t->q->url,
		    detail[0] != '\0' ? detail : curl_easy_strerror(code));
	}
	if (finish_head(t) == -1)
		return -1;
	if (fetch_status_err(t->q->url, t->a->status, t->e) == 0)
		return 0;
	f->fault = FETCH_HOST;
	return -1;
}

static int
http_transfer(struct transfer *t)
{
	char detail[CURL_ERROR_SIZE] = "";
	CURL *c = t->fetch->curl;
	struct curl_slist *headers = range_headers(t->q);
	long redirects = 0;
	CURLcode code;
	int rc;

	if (fetch_is_partial(t->q) && headers == NULL)
		return err_set(t->e, ERR_NOMEM, "out of memory");
	curl_easy_reset(c);	/* connections stay */
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	set_limits(c, t->fetch->conf, t->q->timeout_s);
	set_route(c, t->fetch, t->q);
	set_callbacks(c, t);
	code = curl_easy_setopt(c, CURLOPT_URL, t->q->url);
	if (code == CURLE_OK)
		code = curl_easy_perform(c);
	(void)curl_easy_getinfo(c, CURLINFO_REDIRECT_COUNT, &redirects);
	t->fetch->requests += 1 + (uint64_t)redirects;
	rc = result_of(t, code, detail);
	/* Nothing on this stack may be reachable from the handle later. */
	curl_easy_reset(c);
	curl_slist_free_all(headers);
	return rc;
}

int
fetch_transfer(struct fetch *f, const struct fetch_request *q, struct fetch_answer *a,
    struct err *e)
{
	struct transfer t = { .fetch = f, .q = q, .a = a, .e = e };

	memset(a, 0, sizeof *a);
	f->fault = FETCH_OK;
	if (!fetch_is_file(q->url))
		return http_transfer(&t);
	f->requests++;
	return fetch_file_transfer(q, a, &f->bytes, e);
}

static bool
may_pass(const struct fetch_answer *a, const struct err *e)
{
	if (e->code != ERR_NET)
		return false;
	return a->status == 0 || a->status / 100 == 2 || a->status / 100 == 5 ||
	    a->status == 408 || a->status == 429;
}

/* 1, 2, 4 seconds and so on, or what the host asks for within a minute. */
int
fetch_pause(struct fetch *f, uint32_t try, const struct fetch_answer *a, struct err *e)
{
	uint32_t retries = f->conf != NULL ? f->conf->retries : 3;
	uint32_t seconds = try < 6 ? 1u << (try - 1) : PAUSE_MAX_S;
	const struct timespec tenth = { 0, 100 * 1000 * 1000 };

	if (try > retries || !may_pass(a, e))
		return -1;
	if (a->retry_after_s > seconds)
		seconds = a->retry_after_s < PAUSE_MAX_S ? a->retry_after_s : PAUSE_MAX_S;
	log_detail("%s; again in %u s", e->text, seconds);
	for (uint32_t i = 0; i < 10 * seconds; i++) {
		if (cancel_check(e) == -1)
			return -1;
		(void)nanosleep(&tenth, NULL);
	}
	return 0;
}
