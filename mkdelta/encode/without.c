#include <stdio.h>
#include <string.h>

#include "mkdelta/encode/without.h"

enum { NAMES_TEXT_MAX = 256 };

static const struct {
	const char *name;
	uint32_t mask;
} methods[] = {
	{ "predict", WITHOUT_RULES },
	{ "overrides", WITHOUT_OVERRIDES },
	{ "deflate", WITHOUT_EXPANDED },
	{ "sparse", WITHOUT_SPARSE },
	{ "substitute", WITHOUT_SUBSTITUTE },
	{ "prune", WITHOUT_PRUNE },
	{ "sources", WITHOUT_SOURCES },
	{ "joined", WITHOUT_JOINED },
	{ "pieces", WITHOUT_PIECES },
	{ "hints", WITHOUT_HINTS },
};

enum { METHODS = sizeof methods / sizeof *methods };

static const char *
nth(size_t i, uint32_t *mask)
{
	if (i < METHODS) {
		*mask = methods[i].mask;
		return methods[i].name;
	}
	*mask = i - METHODS < RULE_IDS ? (uint32_t)1 << (i - METHODS) : 0;
	return rule_name((unsigned)(i - METHODS));
}

static int
unknown(const char *name, size_t n, struct err *e)
{
	char all[NAMES_TEXT_MAX] = "";
	const char *one;
	size_t at = 0;
	uint32_t mask;

	for (size_t i = 0; (one = nth(i, &mask)) != NULL && at < sizeof all; i++)
		at += (size_t)snprintf(all + at, sizeof all - at, "%s%s",
		    i == 0 ? "" : ", ", one);
	return err_set(e, ERR_USAGE, "--without %.*s: one of %s is meant", (int)n, name,
	    all);
}

int
without_parse(const char *names, uint32_t *mask, struct err *e)
{
	*mask = 0;
	for (names += strspn(names, ", "); *names != '\0'; names += strspn(names, ", ")) {
		size_t n = strcspn(names, ", ");
		const char *one;
		uint32_t bit;

		for (size_t i = 0; (one = nth(i, &bit)) != NULL; i++)
			if (strlen(one) == n && memcmp(one, names, n) == 0)
				break;
		if (one == NULL)
			return unknown(names, n, e);
		*mask |= bit;
		names += n;
	}
	return 0;
}
