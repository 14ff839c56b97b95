#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/tuf_attack.h"

/* Let fields of a part be what they should not. */
void
attack_set_text(struct tuf_sim *s, const char *role, const char *key, const char *text)
{
	assert_int_equal(jv_set(sim_part(s, role), key, jv_new_text(text)), 0);
}

struct jv *
attack_root_role(struct tuf_sim *s, const char *role)
{
	return jv_get_mutable(jv_get_mutable(sim_part(s, "root"), "roles"), role);
}

struct jv *
attack_listed(struct tuf_sim *s, const char *lister, const char *file)
{
	return jv_get_mutable(jv_get_mutable(sim_part(s, lister), "meta"), file);
}

/* Publish, then turn the signature of a file into another. */
void
attack_break_signature(struct tuf_sim *s, const char *name)
{
	char *sig = strstr((char *)sim_file(s, name)->bytes.data, "\"sig\":\"") + 7;

	for (int i = 0; i < 16; i++)
		sig[i] = sig[i] == '0' ? '1' : '0';
}

void
attack_put_text(struct tuf_sim *s, const char *name, const char *text)
{
	sim_put(s, name, text, strlen(text));
}
