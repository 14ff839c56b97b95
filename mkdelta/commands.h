/*
 * commands.h - the commands of mkdelta.
 */
#ifndef MKDELTA_COMMANDS_H
#define MKDELTA_COMMANDS_H

#include "manifest/base/opt.h"

extern const struct opt_command command_diff;
extern const struct opt_command command_patch;
extern const struct opt_command command_inspect;

#endif
