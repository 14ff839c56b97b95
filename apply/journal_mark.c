/*
 * journal_mark.c - a mark as JSON, and a slot as bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/bytes.h"
#include "manifest/base/log.h"
#include "manifest/jv.h"

#include "apply/journal_slot.h"

static const char *const step_names[STEP_COUNT] = {
	[STEP_IDLE] = "idle",
	[STEP_PREFLIGHT] = "preflight",
	[STEP_DOWNLOAD] = "download",
	[STEP_STAGE] = "stage",
	[STEP_VERIFY] = "verify",
	[STEP_WAIT] = "wait",
	[STEP_STOP] = "stop",
	[STEP_BACKUP] = "backup",
	[STEP_MIGRATE] = "migrate",
	[STEP_SWAP] = "swap",
	[STEP_START] = "start",
	[STEP_HEALTH] = "health",
	[STEP_COMMIT] = "commit",
	[STEP_ROLLBACK] = "rollback",
	[STEP_STUCK] = "stuck",
};

const char *
step_name(enum step step)
{
	return step_names[step];
}

int
step_parse(const char *text, enum step *out)
{
	for (int i = 0; i < STEP_COUNT; i++)
		if (strcmp(step_names[i], text) == 0) {
			*out = (enum step)i;
			return 0;
		}
	return -1;
}

/* How a member of the mark is written. */
enum member_kind {
	MEMBER_U64,
	MEMBER_U32,
	MEMBER_I64,
	MEMBER_BOOL,
	MEMBER_HASH,
	MEMBER_TEXT
};

struct member {
	const char *name;
	enum member_kind kind;
	size_t offset, size;	/* size of text fields */
};

#define MEMBER(name, kind, field) \
	{ name, kind, offsetof(struct mark, field), sizeof(((struct mark *)0)->field) }

static const struct member members[] = {
	MEMBER("tries", MEMBER_U32, tries),
	MEMBER("crashes", MEMBER_U32, crashes),
	MEMBER("paused", MEMBER_BOOL, paused),
	MEMBER("from", MEMBER_U64, from),
	MEMBER("to", MEMBER_U64, to),
	MEMBER("from-listing", MEMBER_HASH, from_listing),
	MEMBER("to-listing", MEMBER_HASH, to_listing),
	MEMBER("attempt", MEMBER_U64, attempt),
	MEMBER("manual", MEMBER_BOOL, manual),
	MEMBER("migrated", MEMBER_BOOL, migrated),
	MEMBER("backed-up", MEMBER_BOOL, backed_up),
	MEMBER("probe-passed", MEMBER_BOOL, probe_passed),
	MEMBER("old-modified", MEMBER_BOOL, old_modified),
	MEMBER("blamed", MEMBER_BOOL, blamed),
	MEMBER("reverted", MEMBER_BOOL, reverted),
	MEMBER("schema-before", MEMBER_U64, schema_before),
	MEMBER("began", MEMBER_I64, began),
	MEMBER("bytes", MEMBER_U64, bytes),
	MEMBER("boot-id", MEMBER_TEXT, boot_id),
	MEMBER("reason", MEMBER_TEXT, reason),
	MEMBER("text", MEMBER_TEXT, text),
};

static struct jv *
new_number(uint64_t v)
{
	return jv_new_int(v > INT64_MAX ? INT64_MAX : (int64_t)v);
}

static struct jv *
member_to_json(const struct member *m, const struct mark *mark)
{
	const void *field = (const char *)mark + m->offset;
	char hex[SHA256_HEX_MAX], text[sizeof mark->text];

	switch (m->kind) {
	case MEMBER_U64:
		return new_number(*(const uint64_t *)field);
	case MEMBER_U32:
		return jv_new_int(*(const uint32_t *)field);
	case MEMBER_I64:
		return jv_new_int(*(const int64_t *)field);
	case MEMBER_BOOL:
		return jv_new_bool(*(const bool *)field);
	case MEMBER_HASH:
		return jv_new_text(sha256_hex(field, hex));
	case MEMBER_TEXT:
		/* Cut texts may end inside a character, which JSON would refuse. */
		return jv_new_text(text_printable(text, m->size, field,
		    strnlen(field, m->size), false));
	}
	return NULL;
}

static int
member_from_json(const struct member *m, const struct jv *part, struct mark *mark,
    struct err *e)
{
	void *field = (char *)mark + m->offset;
	const char *text;
	int64_t n = 0;

	if (jv_get(part, m->name) == NULL)
		return 0;	/* of an older writer: stays zero */
	switch (m->kind) {
	case MEMBER_U64:
		return jv_get_u64(part, m->name, field, e);
	case MEMBER_I64:
		return jv_get_int(part, m->name, INT64_MIN, INT64_MAX, field, e);
	case MEMBER_U32:
		if (jv_get_int(part, m->name, 0, UINT32_MAX, &n, e) == -1)
			return -1;
		*(uint32_t *)field = (uint32_t)n;
		return 0;
	case MEMBER_BOOL:
		*(bool *)field = jv_bool(jv_get(part, m->name), false);
		return 0;
	case MEMBER_HASH:
	case MEMBER_TEXT:
		break;
	}
	if ((text = jv_get_text(part, m->name, e)) == NULL)
		return -1;
	if (m->kind == MEMBER_TEXT)
		(void)snprintf(field, m->size, "%s", text);
	else if (sha256_parse(field, text) == -1)
		return err_set(e, ERR_FORMAT, "%s is no SHA-256", m->name);
	return 0;
}

struct jv *
mark_to_json(const struct mark *mark, struct err *e)
{
	struct jv *v = jv_new_object();
	int rc;

	if (v == NULL)
		goto fail;
	rc = jv_set(v, "format", jv_new_int(JOURNAL_FORMAT));
	if (rc == 0)
		rc = jv_set(v, "step", jv_new_text(step_name(mark->step)));
	for (size_t i = 0; rc == 0 && i < sizeof members / sizeof members[0]; i++)
		rc = jv_set(v, members[i].name, member_to_json(&members[i], mark));
	if (rc == 0)
		return v;
fail:
	jv_free(v);
	(void)err_set(e, ERR_NOMEM, "out of memory");
	return NULL;
}

static int
mark_from_json(const struct jv *v, struct mark *mark, struct err *e)
{
	const char *step;
	int64_t format;

	memset(mark, 0, sizeof *mark);
	if (jv_get_int(v, "format", 1, UINT32_MAX, &format, e) == -1)
		return -1;
	mark->format = (uint32_t)format;
	if (format > JOURNAL_FORMAT)
		return err_set(e, ERR_POLICY,
		    "written by a newer delta-apply (format %u, "
		    "this one knows %d)",
		    mark->format, JOURNAL_FORMAT);
	if ((step = jv_get_text(v, "step", e)) == NULL)
		return -1;
	if (step_parse(step, &mark->step) == -1)
		return err_set(e, ERR_FORMAT, "no such step '%s'", step);
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		if (member_from_json(&members[i], v, mark, e) == -1)
			return -1;
	return 0;
}

int
journal_slot_make(uint8_t slot[static JOURNAL_SLOT], uint64_t sequence,
    const struct mark *mark, struct err *e)
{
	struct buf body = BUF_INIT(SLOT_BODY_MAX);
	struct sha256 sum;
	struct jv *v;
	int rc = -1;

	memset(slot, 0, JOURNAL_SLOT);
	if ((v = mark_to_json(mark, e)) != NULL && jv_print_line(v, &body, e) == 0) {
		memcpy(slot, JOURNAL_MAGIC, 8);
		le64_store(slot + 8, sequence);
		le32_store(slot + 16, (uint32_t)body.len);
		memcpy(slot + SLOT_HEAD, body.data, body.len);
		rc = sha256_of(slot, SLOT_SUM, &sum, e);
		memcpy(slot + SLOT_SUM, sum.bytes, SHA256_BYTES);
	}
	jv_free(v);
	buf_free(&body);
	return rc;
}

int
journal_slot_parse(const uint8_t slot[4096], uint64_t *sequence, struct mark *mark,
    struct err *e)
{
	struct sha256 sum;
	uint32_t n;
	struct jv *v;
	int rc;

	if (memcmp(slot, JOURNAL_MAGIC, 8) != 0)
		return err_set(e, ERR_FORMAT, "no journal slot");
	if (sha256_of(slot, SLOT_SUM, &sum, e) == -1)
		return -1;
	if (memcmp(sum.bytes, slot + SLOT_SUM, SHA256_BYTES) != 0)
		return err_set(e, ERR_FORMAT, "the checksum is wrong");
	if ((n = le32_load(slot + 16)) > SLOT_BODY_MAX)
		return err_set(e, ERR_FORMAT, "a body of %u bytes", n);
	*sequence = le64_load(slot + 8);
	if ((v = jv_parse(slot + SLOT_HEAD, n, e)) == NULL)
		return -1;
	rc = mark_from_json(v, mark, e);
	jv_free(v);
	return rc;
}
