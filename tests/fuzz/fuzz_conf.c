/*
 * A configuration from anywhere: read or refused with a reason, and what was read
 * can be finished or refused.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/base/log.h"

#include "apply/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	struct err e = ERR_INIT;
	struct conf c;

	if (text == NULL)
		return 0;
	log_setup("fuzz", LOG_QUIET);
	memcpy(text, data, n);
	text[n] = '\0';
	if (conf_parse("fuzz.conf", text, &c, &e) == 0) {
		if (conf_finish(&c, &e) == -1 && e.text[0] == '\0')
			abort();
		conf_clear(&c);
	} else if (e.code == ERR_NONE || e.text[0] == '\0') {
		abort();
	}
	free(text);
	return 0;
}
