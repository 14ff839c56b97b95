/*
 * conf.h - the configuration of one application; the doorway to inih.
 *
 * /etc/delta-apply/NAME.conf, INI as docs/configuration.md lists.  Unknown
 * sections and keys are ERR_USAGE, naming the line and the nearest known key.
 * Every key is overridable by DELTA_APPLY_SECTION_KEY in the environment (not
 * trust, root, state, url and hooks when running under sudo) and by a flag.
 */
#ifndef APPLY_CONF_H
#define APPLY_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "manifest/base/err.h"

enum hook {
	HOOK_PREFLIGHT, HOOK_DEPS, HOOK_STOP, HOOK_BACKUP, HOOK_MIGRATE, HOOK_START,
	HOOK_HEALTH, HOOK_COMMIT, HOOK_ROLLBACK, HOOK_RESTORE, HOOK_NOTIFY, HOOK_COUNT
};
enum swap_mode { SWAP_SYMLINK, SWAP_EXCHANGE };
enum reuse_mode { REUSE_AUTO, REUSE_REFLINK, REUSE_HARDLINK, REUSE_COPY };

enum { CONF_LIST_MAX = 64 };

struct conf_list {		/* owned strings */
	char *items[CONF_LIST_MAX];
	int n;
};

struct conf {
	char *path;			/* of the file, for messages */
	/* [app] */
	char *name, *root, *url, *channel, *platform;	/* url without trailing slash */
	char *state, *run;		/* STATE and RUN */
	char *hardware;			/* compared with requires.hardware, NULL */
	enum swap_mode swap;		/* swap = symlink | exchange */
	enum reuse_mode reuse;
	uint32_t keep;			/* releases kept, at least 2 */
	bool owner_set;			/* owner = user:group */
	uid_t owner_uid;
	gid_t owner_gid;
	struct conf_list allow; /* setuid setgid capabilities owners world-writable */
	uint64_t memory_bytes;		/* decoder limit */
	/* [trust] */
	char *trust_root;
	bool clock_untrusted;		/* clock = untrusted */
	/* [persist] */
	struct conf_list persist, persist_copy;	/* paths = a b; copy = c */
	/* [hooks] */
	char *hooks[HOOK_COUNT];	/* command line or path, NULL none */
	uint32_t hook_timeout_s[HOOK_COUNT];
	bool hooks_from_release;	/* from-release = yes */
	char *hook_user;		/* user =, NULL: who runs the applier */
	bool backup_running;		/* when = running */
	/* [service] */
	char *unit;			/* systemd unit, or the commands below */
	char *start_command, *stop_command, *status_command;
	uint32_t service_timeout_s;
	/* [health] */
	char *health_command, *health_url;
	bool health_unit;		/* unit state must be active */
	bool health_update_probe;	/* default yes */
	uint32_t health_timeout_s, health_interval_s, health_retries, health_hold_s;
	/* [net] */
	uint32_t connect_timeout_s, low_speed_time_s, total_timeout_s, retries;
	uint64_t low_speed_bytes;
	char *ca_file, *proxy;
	/* [device] */
	bool never_full;
};

/* ERR_USAGE with file, line, key, fact; ERR_IO, ERR_ABSENT. */
int conf_read(const char *path, struct conf *, struct err *);
/* Parse from memory; `path` is for messages only. */
int conf_parse(const char *path, const char *text, struct conf *, struct err *);
void conf_clear(struct conf *);
/* section.key = value, as --set or the environment give it. */
int conf_set(struct conf *, const char *section, const char *key, const char *value,
    struct err *);
/* DELTA_APPLY_SECTION_KEY of the environment; guarded ones are skipped with a
 * warning under sudo. */
int conf_env(struct conf *, struct err *);
/* Last of all: defaults that depend on other keys (channel, platform, state, run),
 * then conf_check(). */
int conf_finish(struct conf *, struct err *);
/* All that can be known before touching the disk: required keys, names, root
 * not "/", persist paths safe... */
int conf_check(const struct conf *, struct err *);
/* Two configurations with one name, root or state: ERR_USAGE names both files. */
int conf_check_apart(const struct conf *, size_t n, struct err *);

const char *hook_name(enum hook);

#endif
