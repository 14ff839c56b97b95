#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <curl/curl.h>

#include "manifest/base/bytes.h"
#include "manifest/base/cancel.h"
#include "manifest/base/log.h"

#include "hosting/fetch.h"

enum { REDIRECTS_MAX = 5, TRIES = 4, DROPPED_MAX = 1 << 20 };

struct fetch {
	CURL *curl;
	const char *ca_file;
	uint64_t requests, bytes;
};

struct exchange {			/* what the callbacks of one answer share */
	struct fetch *fetch;
	const struct fetch_question *q;
	struct fetch_head *h;
	uint64_t dropped;
	bool head_done, failed;
	struct err *e;
};

struct fetch *
fetch_open(const char *ca_file, struct err *e)
{
	struct fetch *f = calloc(1, sizeof *f);

	if (f == NULL) {
		(void)err_set(e, ERR_NOMEM, "out of memory");
		return NULL;
	}
	f->ca_file = ca_file;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK &&
	    (f->curl = curl_easy_init()) != NULL)
		return f;
	free(f);
	(void)err_set(e, ERR_FAIL, "libcurl cannot be used");
	return NULL;
}

void
fetch_close(struct fetch *f)
{
	if (f == NULL)
		return;
	curl_easy_cleanup(f->curl);
	free(f);
}

void
fetch_sums(const struct fetch *f, uint64_t *requests, uint64_t *bytes)
{
	*requests = f->requests;
	*bytes = f->bytes;
}

/* Digits, and what ends them. */
static bool
take_number(const char **text, char end, uint64_t *out)
{
	char *after;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*out = strtoull(*text, &after, 10);
	*text = after + 1;
	return errno == 0 && *after == end;
}

/* "bytes 100-199/200"; anything else is not understood. */
static void
read_range(struct fetch_head *h, const char *text)
{
	uint64_t from, to, total;

	if (strncmp(text, "bytes ", 6) != 0)
		return;
	text += 6;
	if (!take_number(&text, '-', &from) || !take_number(&text, '/', &to) ||
	    !take_number(&text, '\0', &total))
		return;
	h->has_range = true;
	h->from = from;
	h->to = to;
	h->total = total;
}

static void
read_header(struct fetch_head *h, const char *line)
{
	const struct {
		const char *name;
		char *to;
	} kept[] = { { "etag", h->etag }, { "cache-control", h->cache },
		{ "content-type", h->type }, { "content-encoding", h->encoding },
		{ "age", h->age } };
	const char *colon = strchr(line, ':'), *value;
	size_t n;

	if (colon == NULL)
		return;
	n = (size_t)(colon - line);
	value = colon + 1 + strspn(colon + 1, " \t");
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (strlen(kept[i].name) == n && strncasecmp(line, kept[i].name, n) == 0)
			(void)text_printable(kept[i].to, FETCH_HEADER_MAX, value,
			    strlen(value), false);
	if (n == 13 && strncasecmp(line, "content-range", n) == 0)
		read_range(h, value);
	if (n == 14 && strncasecmp(line, "content-length", n) == 0)
		h->has_length = u64_parse(value, UINT64_MAX, &h->length) == 0;
}

static size_t
on_header(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	size_t len = size * n;
	char line[1024];

	if (len >= sizeof line)
		return len;	/* none of those that are read */
	memcpy(line, data, len);
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	line[len] = '\0';
	/* Each answer on the way (100, redirects) starts anew. */
	if (strncmp(line, "HTTP/", 5) == 0)
		memset(x->h, 0, sizeof *x->h);
	else
		read_header(x->h, line);
	return size * n;
}

static int
finish_head(struct exchange *x)
{
	long status = 0;

	if (x->head_done)
		return 0;
	x->head_done = true;
	(void)curl_easy_getinfo(x->fetch->curl, CURLINFO_RESPONSE_CODE, &status);
	x->h->status = (int)status;
	if (x->q->head == NULL || x->q->head(x->q->arg, x->h, x->e) == 0)
		return 0;
	x->failed = true;
	return -1;
}

static int
drop(struct exchange *x, size_t n)
{
	x->dropped += n;
	return x->dropped <= DROPPED_MAX ? 0 :
	    err_set(x->e, ERR_NET, "%s: a long answer to a short question", x->q->url);
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;
	int rc;

	if (finish_head(x) == -1)
		return 0;
	x->fetch->bytes += size * n;
	rc = x->q->body == NULL ? drop(x, size * n) :
	    x->q->body(x->q->arg, (const uint8_t *)data, size * n, x->e);
	if (rc == 0)
		return size * n;
	x->failed = true;
	return 0;
}

static int
on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)arg, (void)a, (void)b, (void)c, (void)d;
	return cancel_wanted() ? 1 : 0;
}

static void
set_route(CURL *c, const struct fetch *f, const char *url)
{
	bool tls = strncasecmp(url, "https:", 6) == 0;

	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	(void)curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	(void)curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 60L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "delta-host/" VERSION_TEXT);
	if (f->ca_file != NULL)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, f->ca_file);
}

static void
set_callbacks(CURL *c, struct exchange *x)
{
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, x);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, x);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
}

static struct curl_slist *
range_headers(const struct fetch_question *q)
{
	char line[FETCH_HEADER_MAX + 64];
	struct curl_slist *list;

	if (q->to == UINT64_MAX)
		(void)snprintf(line, sizeof line, "Range: bytes=%llu-",
		    (unsigned long long)q->from);
	else
		(void)snprintf(line, sizeof line, "Range: bytes=%llu-%llu",
		    (unsigned long long)q->from, (unsigned long long)q->to);
	list = curl_slist_append(NULL, line);
	if (list != NULL && q->if_range != NULL) {
		(void)snprintf(line, sizeof line, "If-Range: %s", q->if_range);
		(void)curl_slist_append(list, line);
	}
	return list;
}

static int
result_of(struct exchange *x, CURLcode code, const char *detail)
{
	if (x->failed)
		return -1;
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return cancel_check(x->e) == -1 ? -1 :
		    err_set(x->e, ERR_CANCEL, "interrupted");
	if (code != CURLE_OK)
		return err_set(x->e, ERR_NET, "%s: %s", x->q->url,
		    detail[0] != '\0' ? detail : curl_easy_strerror(code));
	return finish_head(x);
}

int
fetch_ask(struct fetch *f, const struct fetch_question *q, struct fetch_head *h,
    struct err *e)
{
	struct exchange x = { .fetch = f, .q = q, .h = h, .e = e };
	char detail[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	CURLcode code;
	int rc;

	memset(h, 0, sizeof *h);
	if (q->has_range && (headers = range_headers(q)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	curl_easy_reset(f->curl);	/* connections stay */
	(void)curl_easy_setopt(f->curl, CURLOPT_ERRORBUFFER, detail);
	(void)curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, headers);
	set_route(f->curl, f, q->url);
	set_callbacks(f->curl, &x);
	code = curl_easy_setopt(f->curl, CURLOPT_URL, q->url);
	if (code == CURLE_OK)
		code = curl_easy_perform(f->curl);
	f->requests++;
	rc = result_of(&x, code, detail);
	/* Nothing on this stack may be reachable from the handle later. */
	curl_easy_reset(f->curl);
	curl_slist_free_all(headers);
	return rc;
}

int
fetch_judge(const char *url, const struct fetch_head *h, struct err *e)
{
	if (h->status / 100 == 2)
		return 0;
	if (h->status == 404 || h->status == 403 || h->status == 410)
		return err_set(e, ERR_ABSENT, "%s: not there (HTTP %d)", url, h->status);
	return err_set(e, ERR_NET, "%s: the host answers HTTP %d", url, h->status);
}

int
fetch_again(unsigned tried, const struct fetch_head *h, const struct err *e)
{
	const struct timespec tenth = { 0, 100 * 1000 * 1000 };
	bool passes = h->status == 0 || h->status / 100 == 2 || h->status / 100 == 5 ||
	    h->status == 408 || h->status == 429;

	if (e->code != ERR_NET || !passes || tried >= TRIES)
		return 0;
	log_detail("%s; again in %u s", e->text, 1u << (tried - 1));
	for (unsigned i = 0; i < 10u << (tried - 1); i++) {
		if (cancel_wanted())
			return 0;
		(void)nanosleep(&tenth, NULL);
	}
	return 1;
}

struct small {
	const char *url;
	struct buf *out;
	bool wanted;
};

static int
small_head(void *arg, const struct fetch_head *h, struct err *e)
{
	struct small *s = arg;

	s->wanted = h->status / 100 == 2;
	if (s->wanted && h->has_length && h->length > s->out->max - s->out->len)
		return err_set(e, ERR_FORMAT, "%s: longer than may be", s->url);
	return 0;
}

static int
small_body(void *arg, const uint8_t *data, size_t n, struct err *e)
{
	struct small *s = arg;

	if (!s->wanted || buf_add(s->out, data, n, e) == 0)
		return 0;
	return err_wrap(e, "%s", s->url);
}

int
fetch_bytes(struct fetch *f, const char *url, struct buf *out, struct err *e)
{
	struct small s = { url, out, false };
	struct fetch_question q = { .url = url, .arg = &s, .head = small_head,
		.body = small_body };
	size_t before = out->len;
	struct fetch_head h;

	for (unsigned tried = 1;; tried++) {
		if (fetch_ask(f, &q, &h, e) == 0 && fetch_judge(url, &h, e) == 0)
			return 0;
		out->len = before;
		if (!fetch_again(tried, &h, e))
			return -1;
		err_clear(e);
	}
}
