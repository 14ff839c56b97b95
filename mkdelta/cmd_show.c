#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "mkdelta/commands.h"
#include "mkdelta/pending.h"
#include "mkdelta/show.h"

static struct keys_from from;
static bool json;

static const struct opt options[] = {
	KEYS_OPTIONS(from),
	{ "json", 0, OPT_FLAG, &json, NULL, "as JSON" },
	OPT_END
};

static int
show(const struct repo *r, const char *word, struct err *e)
{
	struct keys *keys = NULL;
	struct show s = { r, NULL, utc_now(), json };
	uint64_t number;
	int rc;

	if (word != NULL && strcmp(word, "pending") == 0)
		return show_pending(r->path, json, e);
	if (word != NULL && isdigit((unsigned char)word[0]))
		return name_parse_release(word, &number, e) == -1 ? -1 :
		    show_release(&s, number, e);
	s.keys = keys = command_keys_seen(r, &from);
	if (word == NULL || strcmp(word, "roles") == 0) {
		rc = show_roles(&s, e);
		if (rc == 0 && word == NULL && !json && pending_is_there(r))
			rc = show_pending(r->path, json, e);
		(void)fflush(stdout);
		if (rc == 0 && word == NULL && keys != NULL && repo_has_root_key(r, keys))
			log_say("note: a private root key lies with the others; it is "
			    "needed to change keys only, keep it in a safe");
	} else if (strcmp(word, "keys") == 0) {
		rc = show_keys(&s, e);
	} else {
		rc = show_role(&s, word, e);
	}
	keys_close(keys);
	return rc;
}

static int
work(struct repo *r, int words, char **argv, struct err *e)
{
	return show(r, words > 1 ? argv[2] : NULL, e);
}

static int
run(int words, char **argv, struct err *e)
{
	return command_run(NULL, work, words, argv, e);
}

const struct opt_command command_show = {
	"show", "REPO [N|ROLE|roles|keys|pending]", "one release, or roles, keys and expiry",
	"Of a release: its record, its objects, and what a device on each older release\n"
	"downloads to get there.  Of a role: until when it is signed, by which keys,\n"
	"and whether the private keys here are enough to sign it again.  pending: the\n"
	"change that waits for signatures, and whose they are.\n",
	options, 1, 2, run
};
