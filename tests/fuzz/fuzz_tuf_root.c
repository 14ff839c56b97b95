/*
 * Metadata of every type, as it comes before anything vouches for it: parsed,
 * verified by keys out of itself, its shape checked, its targets read.
 */
#include <stdint.h>
#include <stdlib.h>

#include "manifest/tuf_client.h"
#include "manifest/tuf_meta.h"
#include "manifest/tuf_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Whatever passed the shape of targets is safe to walk. */
static void
walk_targets(const struct jv *part)
{
	const struct jv *roles = jv_get(jv_get(part, "delegations"), "roles");
	struct tuf_target target;
	struct err e = ERR_INIT;
	void *it = NULL;
	int rc;

	while ((rc = tuf_role_each(part, &it, &target, &e)) != 0)
		if (rc == 1)
			(void)tuf_target_name_check(target.path, &e);
	for (size_t i = 0; i < jv_count(roles); i++) {
		const struct jv *paths = jv_get(jv_at(roles, i), "paths");

		for (size_t k = 0; k < jv_count(paths); k++)
			(void)tuf_pattern_matches(
			    jv_text(jv_at(paths, k)), "42/linux-arm64.from-41.delta");
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const roles[] = { "root", "timestamp", "snapshot", "targets" };
	struct err e = ERR_INIT;
	struct tuf_meta *m;

	if (n > TUF_ROOT_MAX || (m = tuf_meta_parse(data, n, &e)) == NULL)
		return 0;
	for (int i = 0; i < 4; i++) {
		int rc = tuf_meta_check(m, roles[i], &e);

		(void)tuf_meta_verify(m, m->signed_part, roles[i], &e);
		(void)tuf_meta_check_product(m, "0123456789abcdef", &e);
		if (rc == 0 && i == 3)
			walk_targets(m->signed_part);
	}
	tuf_meta_free(m);
	return 0;
}
