/*
 * Who says what a target is: the search over delegations, TUF 1.0 section 5.6.7.
 */
#include <stdlib.h>
#include <string.h>

#include "manifest/tuf_names.h"

#include "manifest/tuf_state.h"

/* Roles looked into for one target, beside targets itself. */
enum { DELEGATIONS_MAX = 32 };

struct edge { /* a role still to be looked into */
	const char *role;
	const struct jv *delegator;
};

struct search {
	struct tuf *t;
	const char *path;
	char hash[SHA256_HEX_MAX]; /* of path, for hash prefixes */
	struct edge *stack;        /* the next one is last */
	size_t n, cap;
	const char *visited[DELEGATIONS_MAX + 1];
	size_t n_visited;
};

static int
push(struct search *s, const char *role, const struct jv *delegator, struct err *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 16 : s->cap * 2;
		struct edge *stack = realloc(s->stack, cap * sizeof *stack);

		if (stack == NULL)
			return err_set(e, ERR_NOMEM, "out of memory for roles");
		s->stack = stack;
		s->cap = cap;
	}
	s->stack[s->n].role = role;
	s->stack[s->n].delegator = delegator;
	s->n++;
	return 0;
}

static bool
was_visited(const struct search *s, const char *role)
{
	for (size_t i = 0; i < s->n_visited; i++)
		if (strcmp(s->visited[i], role) == 0)
			return true;
	return false;
}

static bool
is_delegated(const struct search *s, const struct jv *entry)
{
	const struct jv *paths = jv_get(entry, "paths");
	const struct jv *prefixes = jv_get(entry, "path_hash_prefixes");

	for (size_t i = 0; i < jv_count(paths); i++)
		if (tuf_pattern_matches(jv_text(jv_at(paths, i)), s->path))
			return true;
	for (size_t i = 0; i < jv_count(prefixes); i++) {
		const char *prefix = jv_text(jv_at(prefixes, i));

		if (strncmp(s->hash, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

/* The delegations that cover the path, the first on top.  A terminating one is
 * the last that is looked into, at all levels. */
static int
push_delegations(struct search *s, const struct jv *signed_part, struct err *e)
{
	const struct jv *roles = jv_get(jv_get(signed_part, "delegations"), "roles");
	size_t count = jv_count(roles), end = count;

	for (size_t i = 0; i < count; i++)
		if (is_delegated(s, jv_at(roles, i)) &&
		    jv_bool(jv_get(jv_at(roles, i), "terminating"), false)) {
			end = i + 1;
			s->n = 0;
			break;
		}
	for (size_t i = end; i-- > 0;)
		if (is_delegated(s, jv_at(roles, i)) &&
		    push(s, jv_text(jv_get(jv_at(roles, i), "name")), signed_part, e) ==
			-1)
			return -1;
	return 0;
}

static int
look_into(
    struct search *s, const struct edge *edge, struct tuf_target *out, struct err *e)
{
	struct tuf_meta *m;
	int found;

	if (was_visited(s, edge->role))
		return 0;
	s->visited[s->n_visited++] = edge->role;
	if (tuf_targets_load(s->t, edge->role, edge->delegator, &m, e) == -1) {
		/* What somebody delegates to must be there: it is no "not found". */
		if (e->code == ERR_ABSENT && !s->t->offline)
			e->code = ERR_TRUST;
		return -1;
	}
	found = tuf_role_target(m->signed_part, s->path, out, e);
	return found != 0 ? found : push_delegations(s, m->signed_part, e);
}

int
tuf_find(struct tuf *t, const char *path, struct tuf_target *out, struct err *e)
{
	struct search s = { .t = t, .path = path };
	struct sha256 id;
	int rc = 0;

	if (t->targets == NULL)
		return err_set(e, ERR_FAIL, "metadata: not refreshed");
	if (sha256_of(path, strlen(path), &id, e) == -1)
		return -1;
	(void)sha256_hex(&id, s.hash);
	rc = push(&s, "targets", t->root->signed_part, e);
	while (rc == 0 && s.n > 0 && s.n_visited <= DELEGATIONS_MAX) {
		struct edge edge = s.stack[--s.n];

		rc = look_into(&s, &edge, out, e);
	}
	free(s.stack);
	return rc;
}

const struct jv *
tuf_role(struct tuf *t, const char *const *chain, size_t n, struct err *e)
{
	const struct jv *at;

	if (t->targets == NULL || n == 0 || strcmp(chain[0], "targets") != 0) {
		(void)err_set(e, ERR_FAIL, "metadata: not refreshed");
		return NULL;
	}
	at = t->targets->signed_part;
	for (size_t i = 1; i < n; i++) {
		const struct jv *entry = tuf_role_entry(at, chain[i]);
		struct tuf_meta *m;

		if (entry == NULL) {
			(void)err_set(e, ERR_ABSENT, "%s: %s does not delegate to it",
			    chain[i], chain[i - 1]);
			return NULL;
		}
		if (tuf_targets_load(t, jv_text(jv_get(entry, "name")), at, &m, e) == -1)
			return NULL;
		at = m->signed_part;
	}
	return at;
}
