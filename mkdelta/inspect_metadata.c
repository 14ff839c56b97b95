#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "manifest/base/log.h"
#include "manifest/base/utc.h"
#include "manifest/jv.h"
#include "manifest/tuf_meta.h"

#include "mkdelta/commands.h"

#include "mkdelta/inspect.h"

enum { SHOWN_MAX = 512 };

static const char *
shown(char out[SHOWN_MAX], const char *text)
{
	return text == NULL ? "?" : text_printable(out, SHOWN_MAX, text, strlen(text),
	    false);
}

/* The role by whose rules the signed part is checked. */
static const char *
role_of(const struct tuf_meta *m)
{
	const char *type = jv_text(jv_get(m->signed_part, "_type"));

	return type == NULL ? "targets" : type;
}

/* What it lists: files of the repository, or targets. */
static size_t
listed(const struct tuf_meta *m)
{
	return jv_count(jv_get(m->signed_part, "meta")) +
	    jv_count(jv_get(m->signed_part, "targets"));
}

static void
print_names(const char *title, const struct jv *object)
{
	const struct jv *value;
	const char *key;
	char text[SHOWN_MAX];
	void *it = NULL;

	if (jv_count(object) == 0)
		return;
	(void)printf("%s:\n", title);
	while (jv_each(object, &it, &key, &value))
		(void)printf("  %s\n", shown(text, key));
}

static void
print_delegations(const struct jv *roles)
{
	char text[SHOWN_MAX];

	if (jv_count(roles) > 0)
		(void)printf("delegates to:\n");
	for (size_t i = 0; i < jv_count(roles); i++) {
		const struct jv *role = jv_at(roles, i);
		int64_t threshold = 0;

		(void)jv_int(jv_get(role, "threshold"), &threshold);
		(void)printf("  %s, %" PRId64 " of %zu keys\n",
		    shown(text, jv_text(jv_get(role, "name"))), threshold,
		    jv_count(jv_get(role, "keyids")));
	}
}

static void
print_text(const struct tuf_meta *m)
{
	char text[SHOWN_MAX], time[UTC_TEXT_MAX];

	(void)printf("%s metadata, version %" PRIu64 "\n", shown(text, role_of(m)),
	    m->version);
	(void)printf("expires %s\n", utc_text(time, m->expires));
	if (m->x_signed != 0)
		(void)printf("signed %s\n", utc_text(time, m->x_signed));
	(void)printf("signatures (not checked):\n");
	for (size_t i = 0; i < jv_count(m->signatures); i++)
		(void)printf("  %s\n",
		    shown(text, jv_text(jv_get(jv_at(m->signatures, i), "keyid"))));
	print_names("roles", jv_get(m->signed_part, "roles"));
	print_delegations(jv_get(jv_get(m->signed_part, "delegations"), "roles"));
	print_names("files", jv_get(m->signed_part, "meta"));
	print_names("targets", jv_get(m->signed_part, "targets"));
}

static struct jv *
key_ids(const struct tuf_meta *m)
{
	struct jv *list = jv_new_list();

	for (size_t i = 0; list != NULL && i < jv_count(m->signatures); i++) {
		const char *id = jv_text(jv_get(jv_at(m->signatures, i), "keyid"));

		if (jv_push(list, jv_new_text(id == NULL ? "" : id)) == -1) {
			jv_free(list);
			return NULL;
		}
	}
	return list;
}

static int
print_json(const struct tuf_meta *m, struct err *e)
{
	struct jv *top = jv_new_object();
	char time[UTC_TEXT_MAX];

	if (top == NULL || jv_set(top, "kind", jv_new_text("metadata")) == -1 ||
	    jv_set(top, "type", jv_new_text(role_of(m))) == -1 ||
	    jv_set(top, "version", jv_new_int((int64_t)m->version)) == -1 ||
	    jv_set(top, "expires", jv_new_text(utc_text(time, m->expires))) == -1 ||
	    jv_set(top, "listed", jv_new_int((int64_t)listed(m))) == -1 ||
	    jv_set(top, "signatures", key_ids(m)) == -1 ||
	    jv_set(top, "signed", jv_copy(m->signed_part)) == -1) {
		jv_free(top);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	return command_print(top, e);
}

int
inspect_metadata(const struct buf *text, bool json, struct err *e)
{
	struct tuf_meta *m = NULL;
	int rc = -1;

	if (text->len > TUF_TARGETS_MAX)
		return err_set(e, ERR_FORMAT, "%zu bytes are too many for metadata",
		    text->len);
	if ((m = tuf_meta_parse(text->data, text->len, e)) == NULL ||
	    tuf_meta_check(m, role_of(m), e) == -1)
		goto out;
	rc = 0;
	if (json)
		rc = print_json(m, e);
	else
		print_text(m);
out:
	tuf_meta_free(m);
	return rc;
}
