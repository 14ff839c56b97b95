#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "apply/conf_value.h"

enum { SECONDS_MAX = 7 * 24 * 3600 };

static int
expects(const char *what, const char *text, struct err *e)
{
	return err_set(e, ERR_USAGE, "expects %s, not '%s'", what, text);
}

static int
set_text(char **field, const char *text, struct err *e)
{
	char *copy = NULL;

	if (text[0] != '\0' && (copy = strdup(text)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

/* "//opt///demo/" is "/opt/demo"; dot components are left to conf_check(). */
static void
squeeze_slashes(char *path)
{
	char *to = path;

	for (const char *from = path; *from != '\0'; from++)
		if (*from != '/' || to == path || to[-1] != '/')
			*to++ = *from;
	if (to > path + 1 && to[-1] == '/')
		to--;
	*to = '\0';
}

static int
set_dir(char **field, const char *text, struct err *e)
{
	if (text[0] != '\0' && text[0] != '/')
		return expects("an absolute path", text, e);
	if (set_text(field, text, e) == -1)
		return -1;
	if (*field != NULL)
		squeeze_slashes(*field);
	return 0;
}

static int
set_url(char **field, const char *text, struct err *e)
{
	size_t n;

	if (set_text(field, text, e) == -1)
		return -1;
	if (*field == NULL)
		return 0;
	for (n = strlen(*field); n > 0 && (*field)[n - 1] == '/'; n--)
		(*field)[n - 1] = '\0';
	return 0;
}

void
conf_list_clear(struct conf_list *list)
{
	for (int i = 0; i < list->n; i++)
		free(list->items[i]);
	list->n = 0;
}

static int
list_add(struct conf_list *list, const char *word, size_t n, struct err *e)
{
	if (list->n == CONF_LIST_MAX)
		return err_set(e, ERR_USAGE, "more than %d words", CONF_LIST_MAX);
	if ((list->items[list->n] = strndup(word, n)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	list->n++;
	return 0;
}

static int
split_words(const char *text, struct conf_list *list, struct err *e)
{
	const char *p = text + strspn(text, " \t,");

	while (*p != '\0') {
		const char *end = *p == '"' ? strchr(p + 1, '"') : p + strcspn(p, " \t,");
		const char *from = *p == '"' ? p + 1 : p;

		if (end == NULL)
			return err_set(e, ERR_USAGE, "a quotation mark is not closed");
		if (list_add(list, from, (size_t)(end - from), e) == -1)
			return -1;
		p = *end == '"' ? end + 1 : end;
		p += strspn(p, " \t,");
	}
	return 0;
}

static int
set_words(struct conf_list *field, const char *text, struct err *e)
{
	struct conf_list list = { .n = 0 };

	if (split_words(text, &list, e) == -1) {
		conf_list_clear(&list);
		return -1;
	}
	conf_list_clear(field);
	*field = list;
	return 0;
}

/* Index of text in the words, -1. */
static int
pick(const char *text, const char *const *words)
{
	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return -1;
}

static int
set_bool(bool *field, const char *text, struct err *e)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on",
		"0", "1", NULL };
	int i = pick(text, words);

	if (i == -1)
		return expects("yes or no", text, e);
	*field = i % 2 == 1;
	return 0;
}

static int
set_u32(uint32_t *field, const char *text, const char *what, struct err *e)
{
	uint64_t v;

	if (u64_parse(text, SECONDS_MAX, &v) == -1)
		return expects(what, text, e);
	*field = (uint32_t)v;
	return 0;
}

static int
set_hook_timeout(struct conf *c, const char *text, struct err *e)
{
	uint32_t seconds = 0;

	if (set_u32(&seconds, text, "seconds", e) == -1)
		return -1;
	for (int i = 0; i < HOOK_COUNT; i++)
		c->hook_timeout_s[i] = seconds;
	return 0;
}

static int
set_swap(enum swap_mode *field, const char *text, struct err *e)
{
	static const char *const words[] = { "symlink", "exchange", NULL };
	int i = pick(text, words);

	if (i == -1)
		return expects("symlink or exchange", text, e);
	*field = i == 0 ? SWAP_SYMLINK : SWAP_EXCHANGE;
	return 0;
}

static int
set_reuse(enum reuse_mode *field, const char *text, struct err *e)
{
	static const char *const words[] = { "auto", "reflink", "hardlink", "copy",
		NULL };
	static const enum reuse_mode modes[] = { REUSE_AUTO, REUSE_REFLINK,
		REUSE_HARDLINK, REUSE_COPY };
	int i = pick(text, words);

	if (i == -1)
		return expects("auto, reflink, hardlink or copy", text, e);
	*field = modes[i];
	return 0;
}

/* One of two words; true is the second. */
static int
set_word_of_two(bool *field, const char *text, const char *off, const char *on,
    struct err *e)
{
	if (strcmp(text, off) != 0 && strcmp(text, on) != 0)
		return err_set(e, ERR_USAGE, "expects %s or %s, not '%s'", off, on, text);
	*field = strcmp(text, on) == 0;
	return 0;
}

static int
user_id(const char *name, uid_t *uid, gid_t *gid, struct err *e)
{
	const struct passwd *pw;
	uint64_t v;

	if (u64_parse(name, UINT32_MAX - 1, &v) == 0) {
		*uid = (uid_t)v;
		*gid = (gid_t)v;
		return 0;
	}
	if ((pw = getpwnam(name)) == NULL)
		return err_set(e, ERR_USAGE, "no user '%s' on this system", name);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

static int
group_id(const char *name, gid_t *gid, struct err *e)
{
	const struct group *gr;
	uint64_t v;

	if (u64_parse(name, UINT32_MAX - 1, &v) == 0) {
		*gid = (gid_t)v;
		return 0;
	}
	if ((gr = getgrnam(name)) == NULL)
		return err_set(e, ERR_USAGE, "no group '%s' on this system", name);
	*gid = gr->gr_gid;
	return 0;
}

/* "user:group", or "user" with that user's own group. */
static int
set_owner(struct conf *c, const char *text, struct err *e)
{
	char user[64];
	size_t n = strcspn(text, ":");

	if (n == 0 || n >= sizeof user)
		return expects("user or user:group", text, e);
	memcpy(user, text, n);
	user[n] = '\0';
	if (user_id(user, &c->owner_uid, &c->owner_gid, e) == -1)
		return -1;
	if (text[n] == ':' && group_id(text + n + 1, &c->owner_gid, e) == -1)
		return -1;
	c->owner_set = true;
	return 0;
}

static int
set_bytes(uint64_t *field, const char *text, struct err *e)
{
	uint64_t v;

	if (bytes_parse(text, &v) == -1)
		return expects("a size such as 64K or 16M", text, e);
	*field = v;
	return 0;
}

static int
set_field(struct conf *c, const struct conf_key *k, const char *text, struct err *e)
{
	void *field = (char *)c + k->offset;

	switch (k->kind) {
	case CONF_TEXT:
		return set_text(field, text, e);
	case CONF_DIR:
		return set_dir(field, text, e);
	case CONF_URL:
		return set_url(field, text, e);
	case CONF_WORDS:
		return set_words(field, text, e);
	case CONF_BOOL:
		return set_bool(field, text, e);
	case CONF_SECONDS:
		return set_u32(field, text, "seconds, at most a week", e);
	case CONF_COUNT:
		return set_u32(field, text, "a number", e);
	case CONF_BYTES:
		return set_bytes(field, text, e);
	case CONF_SWAP:
		return set_swap(field, text, e);
	case CONF_REUSE:
		return set_reuse(field, text, e);
	case CONF_OWNER:
		return set_owner(c, text, e);
	case CONF_CLOCK:
		return set_word_of_two(field, text, "trusted", "untrusted", e);
	case CONF_WHEN:
		return set_word_of_two(field, text, "stopped", "running", e);
	case CONF_HOOK_TIMEOUT:
		return set_hook_timeout(c, text, e);
	}
	return err_set(e, ERR_FAIL, "no such kind of key");
}

int
conf_value_set(struct conf *c, const struct conf_key *k, const char *text, struct err *e)
{
	int rc;

	if (strlen(text) > CONF_VALUE_MAX)
		rc = err_set(e, ERR_USAGE, "longer than %d bytes", CONF_VALUE_MAX);
	else
		rc = set_field(c, k, text, e);
	return rc == 0 ? 0 : err_wrap(e, "%s.%s", k->section, k->name);
}
