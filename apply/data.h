/*
 * data.h - the schema of the application's data: shared/.delta-data.
 *
 * A decimal number and a newline, written after migrate.  A release that cannot
 * read that number must not run on this data, up or down.
 */
#ifndef APPLY_DATA_H
#define APPLY_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "manifest/base/err.h"
#include "manifest/record.h"

#include "apply/device.h"

/* 0: none written, or not readable as one (then *e says so, code and all). */
uint64_t data_schema(const struct device *, struct err *);
/* Durable; 0 removes it. */
int data_schema_set(const struct device *, uint64_t schema, struct err *);
/* Records that say nothing of data read anything. */
bool data_readable(const struct record *, uint64_t schema);

/* BASE/backup/N: where the backup hook puts its restore point. */
#define DATA_BACKUP "backup"
enum { DATA_BACKUP_PATH_MAX = 32 };
const char *data_backup_path(uint64_t release, char out[static DATA_BACKUP_PATH_MAX]);

#endif
