/*
 * progress.h - what log.c needs of the bar of progress.c; see log.h.
 */
#ifndef MANIFEST_BASE_PROGRESS_H
#define MANIFEST_BASE_PROGRESS_H

/* Take the bar off its line before something is said; it comes back by itself. */
void progress_hide(void);

#endif
