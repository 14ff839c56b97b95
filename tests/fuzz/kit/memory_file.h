/*
 * memory_file.h - files that are read by pread() alone, as decoders do.
 *
 * In FAST builds, linked with --wrap=pread64, what is read comes straight from memory: a
 * short run costs little but system calls otherwise.
 */
#ifndef TESTS_FUZZ_KIT_MEMORY_FILE_H
#define TESTS_FUZZ_KIT_MEMORY_FILE_H

#include <stddef.h>

/* A new file; closed by nobody. */
int memory_file(void);
/* From now on it holds these bytes, which stay where they are until the next call. */
void memory_file_set(int fd, const void *data, size_t n);

#endif
