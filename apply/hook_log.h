/*
 * hook_log.h - STATE/log: what hooks printed and how they ended.
 *
 * Never anywhere else: hook output may hold secrets.  STATE/log.1 is the log
 * before.  Failing to write is no error: the disk may be full.
 */
#ifndef APPLY_HOOK_LOG_H
#define APPLY_HOOK_LOG_H

#include "apply/hook_exec.h"
#include "apply/run.h"

#define HOOK_LOG "log"
enum { HOOK_LOG_MAX = 512 * 1024 };

/* `output` may be NULL; why->code ERR_NONE: it went well. */
void hook_log(const struct run *, const char *what, const struct hook_output *output,
    const struct err *why);

#endif
