#include "tests/lab/fixture.h"

struct lab *master, *l;

int
close_master(void **state)
{
	(void)state;
	lab_close(master);
	master = NULL;
	return 0;
}

int
close_lab(void **state)
{
	(void)state;
	lab_close(l);
	l = NULL;
	return 0;
}
