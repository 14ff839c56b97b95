#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lab/tuf_attack.h"

static void
timestamp_rolled_back(struct tuf_sim *s)
{
	sim_set_version(s, "timestamp", 9);
	sim_set_version(s, "snapshot", 9);
	sim_publish(s);
}

static void
timestamp_with_a_broken_signature(struct tuf_sim *s)
{
	sim_release(s);
	attack_break_signature(s, "timestamp.json");
}

static void
timestamp_of_another_key(struct tuf_sim *s)
{
	sim_role(s, "timestamp")->signers = SIM_KEY(K_OTHER);
	sim_release(s);
}

static void
timestamp_signed_twice_by_one_key(struct tuf_sim *s)
{
	struct sim_file *f;
	struct buf twice = BUF_INIT(100000);
	const char *open, *close;
	struct err e = ERR_INIT;

	sim_release(s);
	f = sim_file(s, "timestamp.json");
	open = strchr(buf_text(&f->bytes), '[');
	close = strchr(open, ']');
	assert_int_equal(
	    buf_addf(&twice, &e, "{\"signatures\":[%.*s,%.*s%s", (int)(close - open - 1),
		open + 1, (int)(close - open - 1), open + 1, close),
	    0);
	attack_put_text(s, "timestamp.json", buf_text(&twice));
	buf_free(&twice);
}

static void
timestamp_with_a_thousand_signatures(struct tuf_sim *s)
{
	struct buf many = BUF_INIT(100000);
	struct err e = ERR_INIT;

	assert_int_equal(buf_add_text(&many, "{\"signed\":{},\"signatures\":[", &e), 0);
	for (int i = 0; i < 257; i++)
		assert_int_equal(buf_addf(&many, &e, "%s{\"keyid\":\"%d\",\"sig\":\"\"}",
				     i == 0 ? "" : ",", i),
		    0);
	assert_int_equal(buf_add_text(&many, "]}", &e), 0);
	attack_put_text(s, "timestamp.json", buf_text(&many));
	buf_free(&many);
}

static void
timestamp_that_is_a_snapshot(struct tuf_sim *s)
{
	sim_release(s);
	sim_sign_as(s, "snapshot", "timestamp.json");
}

static void
timestamp_of_another_product(struct tuf_sim *s)
{
	attack_set_text(s, "timestamp", "x-product", "fedcba9876543210");
	sim_release(s);
}

static void
timestamp_that_is_expired(struct tuf_sim *s)
{
	sim_set_expires(s, "timestamp", SIM_NOW);
	attack_set_text(s, "timestamp", "x-signed", "2020-01-01T00:00:00Z");
	sim_release(s);
}

static void
timestamp_signed_after_it_expires(struct tuf_sim *s)
{
	attack_set_text(s, "timestamp", "x-signed", "2999-01-01T00:00:00Z");
	sim_release(s);
}

static void
timestamp_with_a_date_of_another_form(struct tuf_sim *s)
{
	attack_set_text(s, "timestamp", "expires", "2999-01-01T00:00:00.5Z");
	sim_release(s);
}

static void
timestamp_of_version_zero(struct tuf_sim *s)
{
	sim_set_version(s, "timestamp", 0);
	sim_publish(s);
}

static void
timestamp_of_a_fractional_version(struct tuf_sim *s)
{
	attack_put_text(s, "timestamp.json",
	    "{\"signed\":{\"_type\":\"timestamp\","
	    "\"version\":2.5},\"signatures\":[]}");
}

static void
timestamp_without_end(struct tuf_sim *s)
{
	(void)snprintf(s->endless, SIM_NAME_MAX, "timestamp.json");
}

static void
timestamp_that_is_gone(struct tuf_sim *s)
{
	sim_remove(s, "timestamp.json");
}

static void
timestamp_of_unexpected_shape(struct tuf_sim *s)
{
	attack_put_text(
	    s, "timestamp.json", "{\"signed\":[],\"signatures\":{\"a\":[null]}}");
}

const struct attack timestamp_attacks[] = { ATTACK(timestamp_rolled_back, ERR_TRUST,
						"rollback to version 9, 10", ""),
	ATTACK(timestamp_with_a_broken_signature, ERR_TRUST, "0 valid signatures", ""),
	ATTACK(timestamp_of_another_key, ERR_TRUST, "0 valid signatures", ""),
	ATTACK(timestamp_signed_twice_by_one_key, ERR_TRUST, "two signatures of the key",
	    ""),
	ATTACK(timestamp_with_a_thousand_signatures, ERR_FORMAT, "more than 256", ""),
	ATTACK(timestamp_that_is_a_snapshot, ERR_TRUST, "is of type \"snapshot\"", ""),
	ATTACK(timestamp_of_another_product, ERR_TRUST, "belongs to the product", ""),
	ATTACK(timestamp_that_is_expired, ERR_STALE, "timestamp: metadata expired", ""),
	ATTACK(timestamp_signed_after_it_expires, ERR_FORMAT, "x-signed", ""),
	ATTACK(timestamp_with_a_date_of_another_form, ERR_FORMAT, "expires is", ""),
	ATTACK(timestamp_of_version_zero, ERR_FORMAT, "version is 0", ""),
	ATTACK(timestamp_of_a_fractional_version, ERR_FORMAT, "fraction", ""),
	ATTACK(timestamp_without_end, ERR_FORMAT, "over the limit of 16384", ""),
	ATTACK(timestamp_that_is_gone, ERR_NET, "timestamp.json: 404", ""),
	ATTACK(
	    timestamp_of_unexpected_shape, ERR_FORMAT, "\"signed\" is not an object", ""),
	ATTACK_END };
