/*
 * Two that write at the same time: in one repository, and in copies of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lab/lab.h"

static void
two_runs_at_once(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta refresh repo");
	lab_expect(l, 6, "flock repo/.lock -c 'mkdelta release repo t'");
	lab_expect(l, 6, "flock repo/.lock -c 'mkdelta refresh repo'");
	lab_ok(l, "flock repo/.lock -c 'mkdelta list repo'");
	lab_close(l);
}

/* The first waits in the middle of signing: for a device, a service, a person. */
static void
two_jobs_that_publish_at_once_cannot_both_succeed(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdir k && mv repo.keys/online.pem k && openssl pkey -in k/online.pem "
	    "-pubout -out pub.pem && cp -a t t2 && echo 2 > t2/two");
	lab_write(l, "sign.sh", "touch signing\nwhile ! test -e go; do sleep 0.05; done\n"
	    "cat > payload\nopenssl pkeyutl -sign -inkey k/online.pem -rawin -in payload\n");
	lab_ok(l, "(mkdelta release repo t --key 'cmd:pub.pem:sh sign.sh' > one 2>&1; "
	    "echo $? > status) > /dev/null 2>&1 & "
	    "while ! test -e signing; do sleep 0.05; done");
	lab_expect(l, 6, "mkdelta release repo t2 --key k/online.pem");
	lab_must_say(l, "mkdelta release");
	lab_expect(l, 6, "mkdelta refresh repo --key k/online.pem");
	lab_ok(l, "mkdelta list repo");
	lab_must_say(l, "no releases yet");
	lab_ok(l, "touch go; while ! test -s status; do sleep 0.05; done; "
	    "grep -qx 0 status");
	lab_ok(l, "mkdelta list repo --json | grep -c '\"release\":' | grep -qx 1");
	lab_ok(l, "mkdelta release repo t2 --key k/online.pem && mkdelta verify repo");
	lab_must_say(l, "all good");
	lab_ok(l, "mkdelta show repo 2");
	lab_close(l);
}

/* Two machines, a copy of the repository each: the second to come is refused. */
static void
two_machines_cannot_publish_over_each_other(void **state)
{
	struct lab *l = lab_with_tree();

	(void)state;
	lab_ok(l, "mkdelta release -q repo t && delta-host publish -q repo www && "
	    "cp -a repo other && echo 2 > t/two && mkdelta release -q repo t && "
	    "echo 3 > t/two && mkdelta release -q other t --keys repo.keys");
	lab_ok(l, "delta-host publish repo www && cp -a www before");
	lab_expect(l, 5, "delta-host publish other www");
	lab_ok(l, "cmp www/metadata/timestamp.json repo/metadata/timestamp.json");
	lab_ok(l, "mkdelta verify www");
	lab_must_say(l, "all good");
	lab_close(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_runs_at_once),
		cmocka_unit_test(two_jobs_that_publish_at_once_cannot_both_succeed),
		cmocka_unit_test(two_machines_cannot_publish_over_each_other),
	};

	return cmocka_run_group_tests_name("two_jobs", tests, NULL, NULL);
}
