/*
 * Laid over the C library together with every changed file: no test of these waits
 * for the disk.
 */
int fsync(int fd);
int fdatasync(int fd);
int syncfs(int fd);

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}

int
syncfs(int fd)
{
	(void)fd;
	return 0;
}
