/*
 * findings.h - what is wrong with a host, each thing said once however often it is met.
 */
#ifndef HOSTING_FINDINGS_H
#define HOSTING_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/jv.h"

enum verdict {
	VERDICT_GOOD,
	VERDICT_WARN,		/* devices get by, worse than they could */
	VERDICT_HOST,		/* it answers in a way that breaks updates */
	VERDICT_MISSING,	/* a name without its bytes, or no answer */
	VERDICT_BYTES		/* other bytes than were signed */
};

struct finding {
	enum verdict verdict;
	char what[256];
	char first[256];	/* the name where it was met first */
	uint64_t count;
};

enum { FINDINGS_MAX = 64 };

struct findings {
	struct finding list[FINDINGS_MAX];
	size_t n;
	enum verdict worst;
};

void findings_add(struct findings *, enum verdict, const char *name, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
/* "missing" and so on, for programs. */
const char *verdict_word(enum verdict);
/* As a list of objects; NULL: out of memory. */
struct jv *findings_json(const struct findings *);
/* A line for each on standard output, the worst first. */
void findings_print(const struct findings *);
/* The exit status: 0, 1, 3 or 4. */
int findings_status(const struct findings *);

#endif
