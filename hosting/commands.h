/*
 * commands.h - the commands of delta-host.
 */
#ifndef HOSTING_COMMANDS_H
#define HOSTING_COMMANDS_H

#include "manifest/base/opt.h"

extern const struct opt_command command_publish;
extern const struct opt_command command_pull;
extern const struct opt_command command_prune_host;
extern const struct opt_command command_export;
extern const struct opt_command command_verify;
extern const struct opt_command command_config;

#endif
