/*
 * record_json.h - reading one `custom` object; for catalog_read() only.
 */
#ifndef MANIFEST_RECORD_JSON_H
#define MANIFEST_RECORD_JSON_H

#include "manifest/record.h"

/* ERR_FORMAT names the member; *r, *x own nothing then.  `object` is left to
 * the caller. */
int record_from_json(const struct jv *custom, struct record *r, struct err *);
int edge_from_json(const struct jv *custom, bool is_full, struct edge *x, struct err *);

#endif
