/*
 * cmd_doctor.c - what is wrong here, and what to do about it.
 */
#include <string.h>

#include "apply/commands.h"
#include "apply/doctor.h"
#include "apply/state_json.h"

static int
print_json(struct doctor *d, struct err *e)
{
	struct jv *v = jv_new_object();

	json_put_text(&v, "name", d->conf->name);
	json_put_u64(&v, "ok", d->count[DOCTOR_OK]);
	json_put_u64(&v, "warn", d->count[DOCTOR_WARN]);
	json_put_u64(&v, "fail", d->count[DOCTOR_FAIL]);
	json_put(&v, "list", d->list);
	return commands_print(v, e);
}

static int
doctor(const struct conf *c, struct err *e)
{
	struct doctor d = { .conf = c };
	const struct doctor_check *check;

	if (common.json)
		d.list = jv_new_list();
	d.open = device_open(c, false, &d.dev, &d.why) == 0;
	d.run.dev = &d.dev;
	for (check = doctor_checks; check->name != NULL; check++) {
		d.check = check->name;
		if (d.open || !check->device)
			check->look(&d);
	}
	if (d.open)
		device_close(&d.dev);
	if (common.json && print_json(&d, e) == -1)
		return -1;
	if (d.count[DOCTOR_FAIL] > 0)
		return err_set(e, ERR_FAIL, "%s: %u of %u findings need somebody to act",
		    c->name, d.count[DOCTOR_FAIL],
		    d.count[DOCTOR_OK] + d.count[DOCTOR_WARN] + d.count[DOCTOR_FAIL]);
	return 0;
}

static const struct opt options[] = { COMMON_OPTIONS, JSON_OPTION, OPT_END };

static int
run_doctor(int words, char **argv, struct err *e)
{
	(void)words;
	(void)argv;
	return commands_each(doctor, e);
}

const struct opt_command cmd_doctor = {
	"doctor", "", "what is wrong here, and what to do about it",
	"Looks at configuration, folders, disk, trust, clock, network, journal, service\n"
	"and schedule; changes nothing.  Exit status 1: something has to be done.\n",
	options, 0, 0, run_doctor
};
