#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hosting/verify_headers.h"

enum {
	MOMENT_S = 600,		/* a timestamp, and the answer that a root is not there */
	DAY_S = 86400
};

/* The directive of Cache-Control, NULL: it is not there.  Its value follows '='. */
static const char *
directive(const char *cache, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = cache; *p != '\0';) {
		p += strspn(p, " \t,");
		if (strncasecmp(p, name, n) == 0 && strchr("=, \t", p[n]) != NULL)
			return p + n;
		p += strcspn(p, ",");
	}
	return NULL;
}

/* For how long a shared cache may keep it; -1: it says nothing. */
static long long
shared_age(const char *cache)
{
	const char *v;

	if (directive(cache, "no-store") != NULL || directive(cache, "no-cache") != NULL ||
	    directive(cache, "private") != NULL)
		return 0;
	if (((v = directive(cache, "s-maxage")) != NULL && *v == '=') ||
	    ((v = directive(cache, "max-age")) != NULL && *v == '='))
		return strtoll(v + 1, NULL, 10);
	return -1;
}

static void
check_encoding(struct findings *f, const char *name, const struct fetch_head *h)
{
	if (h->encoding[0] != '\0' && strcasecmp(h->encoding, "identity") != 0)
		findings_add(f, VERDICT_HOST, name, "Content-Encoding: %s; lengths are "
		    "signed, so nothing may be compressed on the way", h->encoding);
}

static void
check_json(struct findings *f, const char *name, const struct fetch_head *h)
{
	if (strstr(h->type, "json") == NULL)
		findings_add(f, VERDICT_WARN, name, "Content-Type is \"%s\", not "
		    "application/json", h->type);
}

void
verify_headers_timestamp(struct findings *f, const char *name,
    const struct fetch_head *h)
{
	long long age = shared_age(h->cache);

	check_encoding(f, name, h);
	check_json(f, name, h);
	if (age == -1)
		findings_add(f, VERDICT_WARN, name, "no Cache-Control with max-age: each "
		    "cache guesses for how long devices see the old state");
	else if (directive(h->cache, "immutable") != NULL || age > DAY_S)
		findings_add(f, VERDICT_HOST, name, "Cache-Control: %s; caches keep the "
		    "old state, at most %d s are right", h->cache, MOMENT_S);
	else if (age > MOMENT_S)
		findings_add(f, VERDICT_WARN, name, "Cache-Control: %s; devices see the "
		    "old state for that long", h->cache);
	if (strtoll(h->age, NULL, 10) > DAY_S)
		findings_add(f, VERDICT_HOST, name, "Age: %s; a cache serves a copy of "
		    "days ago", h->age);
}

static bool
is_metadata(const char *name)
{
	return strncmp(name, "metadata/", 9) == 0;
}

void
verify_headers_immutable(struct findings *f, const char *name,
    const struct fetch_head *h)
{
	size_t n = strlen(name);
	long long age = shared_age(h->cache);

	check_encoding(f, name, h);
	if (is_metadata(name))
		check_json(f, name, h);
	else if (strncasecmp(h->type, "text/", 5) == 0 &&
	    (n < 3 || strcmp(name + n - 3, ".md") != 0))
		findings_add(f, VERDICT_WARN, name, "Content-Type: %s; caches compress or "
		    "rewrite text", h->type);
	if (age < DAY_S)
		findings_add(f, VERDICT_WARN, name, "Cache-Control is \"%s\"; this never "
		    "changes, \"public, max-age=31536000, immutable\" is right", h->cache);
	if (is_metadata(name))
		return;
	if (h->etag[0] == '\0' || strncmp(h->etag, "W/", 2) == 0)
		findings_add(f, VERDICT_WARN, name, "no strong ETag: a download that was "
		    "cut cannot make sure that it goes on with the same bytes");
}

void
verify_headers_absent(struct findings *f, const char *name, const struct fetch_head *h)
{
	long long age = shared_age(h->cache);

	if (h->status / 100 == 2) {
		findings_add(f, VERDICT_HOST, name, "there is no such root, and the host "
		    "answers %d: what is not there must be 404", h->status);
		return;
	}
	if (h->status != 404 && h->status != 403 && h->status != 410)
		findings_add(f, VERDICT_HOST, name, "there is no such root yet, and the "
		    "host answers %d instead of 404: every update ends there", h->status);
	else if (age > MOMENT_S)
		findings_add(f, age > DAY_S ? VERDICT_HOST : VERDICT_WARN, name,
		    "the answer that it is not there may be kept (Cache-Control: %s): the "
		    "next root stays unseen for that long", h->cache);
}
