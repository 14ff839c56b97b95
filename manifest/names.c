#include <sys/utsname.h>

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/bytes.h"

#include "manifest/names.h"

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int
name_check_channel(const char *name, struct err *e)
{
	static const char *const reserved[] = { "halt", "policy", "fleet", "root",
		"targets", "snapshot", "timestamp" };
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (strcmp(name, reserved[i]) == 0)
			return err_set(e, ERR_USAGE,
			    "channel '%s': this name is reserved", name);
	if (n == 0 || n > NAME_MAX_CHANNEL || !is_lower(name[0]))
		goto bad;
	for (size_t i = 1; i < n; i++)
		if (!is_lower(name[i]) && !is_digit(name[i]))
			goto bad;
	return 0;
bad:
	return err_set(e, ERR_USAGE, "channel '%.64s': must be 1 to 32 of a-z and 0-9, "
	    "beginning with a letter", name);
}

/* Words of [a-z0-9_] (the first of [a-z0-9]) with single dashes between. */
int
name_check_platform(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool word = false, first = true;

	for (size_t i = 0; i < n && n <= NAME_MAX_PLATFORM; i++) {
		if (name[i] == '-' && word) {
			word = first = false;
			continue;
		}
		if (!is_lower(name[i]) && !is_digit(name[i]) && (name[i] != '_' || first))
			goto bad;
		word = true;
	}
	if (word && n <= NAME_MAX_PLATFORM)
		return 0;
bad:
	return err_set(e, ERR_USAGE, "platform '%.64s': must be up to 32 of a-z, 0-9, - "
	    "and _, as in linux-arm64", name);
}

int
name_check_version(const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (n == 0 || n > NAME_MAX_VERSION || !isalnum((unsigned char)name[0]))
		goto bad;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] > 0x7e ||
		    (!isalnum((unsigned char)name[i]) &&
			strchr("._+~-", name[i]) == NULL))
			goto bad;
	return 0;
bad:
	return err_set(e, ERR_USAGE,
	    "version '%.80s': must be 1 to 64 of letters, digits "
	    "and . _ + ~ -, beginning with a letter or digit",
	    name);
}

int
name_parse_release(const char *text, uint64_t *release, struct err *e)
{
	uint64_t n;

	if (u64_parse(text, RELEASE_MAX, &n) == -1 || n == 0)
		return err_set(e, ERR_USAGE,
		    "release number '%.40s': must be from 1 to %" PRIu64, text,
		    RELEASE_MAX);
	*release = n;
	return 0;
}

/* '~' sorts before the end, letters before other signs. */
static int
weight(char c)
{
	if (c == '~')
		return -1;
	if (c == '\0' || is_digit(c))
		return 0;
	return isalpha((unsigned char)c) ? c : c + 256;
}

/* "-rc1" comes before the release it leads to (Semantic Versioning 2.0.0, 11), as
 * "~rc1" does; "-5-gabc" of git describe comes after. */
static bool
is_pre_release(const char *s)
{
	static const char *const words[] = { "alpha", "beta", "dev", "pre", "rc" };

	for (size_t i = 0; *s == '-' && i < sizeof words / sizeof *words; i++) {
		size_t n = strlen(words[i]);

		if (strncmp(s + 1, words[i], n) == 0 && !is_lower(s[1 + n]))
			return true;
	}
	return false;
}

static int
compare_digits(const char **pa, const char **pb)
{
	const char *a = *pa, *b = *pb;
	int first = 0;

	while (*a == '0')
		a++;
	while (*b == '0')
		b++;
	for (; is_digit(*a) && is_digit(*b); a++, b++)
		if (first == 0)
			first = *a - *b;
	*pa = a;
	*pb = b;
	if (is_digit(*a))
		return 1;
	return is_digit(*b) ? -1 : first;
}

int
version_compare(const char *a, const char *b)
{
	a += a[0] == 'v' && is_digit(a[1]);
	b += b[0] == 'v' && is_digit(b[1]);
	while (*a != '\0' || *b != '\0') {
		int order;

		while ((*a != '\0' && !is_digit(*a)) || (*b != '\0' && !is_digit(*b))) {
			int x = is_pre_release(a) ? weight('~') : weight(*a);
			int y = is_pre_release(b) ? weight('~') : weight(*b);

			if (x != y)
				return x - y;
			a++;
			b++;
		}
		if ((order = compare_digits(&a, &b)) != 0)
			return order;
	}
	return 0;
}

const char *
target_path(const struct target_name *t, char out[static NAME_MAX_PATH])
{
	static const char *const endings[] = { "tree.zst", "tar.zst", "", "notes.md" };

	if (t->kind == TARGET_DELTA)
		(void)snprintf(out, NAME_MAX_PATH,
		    "%" PRIu64 "/%s.from-%" PRIu64 ".delta", t->release, t->platform,
		    t->from);
	else
		(void)snprintf(out, NAME_MAX_PATH, "%" PRIu64 "/%s.%s", t->release,
		    t->platform, endings[t->kind]);
	return out;
}

/* A decimal number without leading zeros at *p, ended by `end`. */
static int
take_release(const char **p, char end, uint64_t *out)
{
	char digits[24];
	const char *stop = strchr(*p, end);
	size_t n;

	if (stop == NULL || (n = (size_t)(stop - *p)) == 0 || n >= sizeof digits ||
	    **p == '0')
		return -1;
	memcpy(digits, *p, n);
	digits[n] = '\0';
	*p = stop + 1;
	return u64_parse(digits, RELEASE_MAX, out);
}

static int
parse_ending(const char *rest, struct target_name *t)
{
	if (strcmp(rest, "tree.zst") == 0)
		t->kind = TARGET_TREE;
	else if (strcmp(rest, "tar.zst") == 0)
		t->kind = TARGET_FULL;
	else if (strcmp(rest, "notes.md") == 0)
		t->kind = TARGET_NOTES;
	else {
		if (strncmp(rest, "from-", 5) != 0)
			return -1;
		rest += 5;
		t->kind = TARGET_DELTA;
		return take_release(&rest, '.', &t->from) == 0 &&
			       strcmp(rest, "delta") == 0
			   ? 0
			   : -1;
	}
	return 0;
}

int
target_parse(const char *path, struct target_name *t)
{
	struct err ignored;
	const char *dot;
	size_t n;

	memset(t, 0, sizeof *t);
	if (take_release(&path, '/', &t->release) == -1 ||
	    (dot = strchr(path, '.')) == NULL)
		return -1;
	if ((n = (size_t)(dot - path)) == 0 || n > NAME_MAX_PLATFORM)
		return -1;
	memcpy(t->platform, path, n);
	if (name_check_platform(t->platform, &ignored) == -1)
		return -1;
	return parse_ending(dot + 1, t);
}

const char *
role_of_platform(const char *channel, const char *platform,
    char out[static NAME_MAX_PATH])
{
	(void)snprintf(out, NAME_MAX_PATH, "%s.%s", channel, platform);
	return out;
}

const char *
platform_native(void)
{
	static const struct {
		const char *machine, *platform;
	} known[] = {
		{ "x86_64", "linux-amd64" },
		{ "aarch64", "linux-arm64" },
		{ "armv7l", "linux-armhf" },
		{ "armv8l", "linux-armhf" },
		{ "armv6l", "linux-armhf" },
	};
	static char other[NAME_MAX_PLATFORM + 1];
	struct utsname name;

	if (uname(&name) == -1)
		return "any";
	/* A 32-bit program on a 64-bit kernel belongs to a 32-bit system. */
	if (sizeof(void *) == 4 && strcmp(name.machine, "aarch64") == 0)
		return "linux-armhf";
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(name.machine, known[i].machine) == 0)
			return known[i].platform;
	(void)snprintf(other, sizeof other, "linux-%.24s", name.machine);
	return other;
}
