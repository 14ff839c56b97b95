/*
 * wire.h - what delta-apply and delta-apply-decode say to each other.
 *
 *	delta-apply			delta-apply-decode
 *	START, the object	->	confines itself
 *				<-	READY
 *	LISTING, BYTES...	->				a delta
 *				<-	BYTES... DONE
 *	BUILD			->
 *				<-	OLD, SCRATCH or REPEAT
 *	HERE or GO		->	(as often as it needs)
 *				<-	BYTES... DONE
 *	END			->
 *				<-	DONE
 *	NEXT			->				a full
 *				<-	ENTRY, or DONE at its end
 *	TAKE			->
 *				<-	BYTES... DONE
 *	TEXT			->				a packed listing
 *				<-	BYTES... DONE
 *	KNOWN			->				what it is able to
 *				<-	DONE
 *
 * and ERROR instead of any answer, which ends it.  A socket of packets, each a head
 * and up to WIRE_DATA_MAX bytes.  Both are of one build: numbers are as in memory.
 * delta-apply believes nothing that comes back.
 */
#ifndef APPLY_DECODE_WIRE_H
#define APPLY_DECODE_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum wire_kind {
	/* delta-apply says */
	WIRE_START = 1,	/* struct wire_start; with the object, if there is one */
	WIRE_LISTING,	/* number: bytes of the old text, which follow */
	WIRE_BUILD,	/* number: bytes of the next output */
	WIRE_END,	/* was all of the delta used? */
	WIRE_NEXT,	/* the next entry of the full */
	WIRE_TAKE,	/* the content of this one */
	WIRE_TEXT,	/* all of it */
	WIRE_KNOWN,	/* a name that `needs` has; empty: those that cost nothing */
	WIRE_HERE,	/* a descriptor; number: bytes of the file */
	WIRE_GO,	/* the repeat was made */
	/* delta-apply-decode says */
	WIRE_READY,	/* number: enum jail_layer that hold */
	WIRE_OLD,	/* number: the old file that it wants to read */
	WIRE_SCRATCH,	/* it wants a file for what does not fit into memory */
	WIRE_REPEAT,	/* number: the output whose bytes this one has too */
	WIRE_ENTRY,	/* number: its bytes; code: 1 a file; its path */
	WIRE_ERROR,	/* code, number: of struct err; its text */
	WIRE_DONE,	/* number: what was asked, or scratch space that it declares */
	/* both */
	WIRE_BYTES,	/* more of what is on its way, never none */
};

enum { WIRE_DATA_MAX = 64 * 1024, WIRE_VERSION_MAX = 32 };

enum wire_work { WIRE_DELTA = 1, WIRE_FULL, WIRE_PACKED, WIRE_ABILITY };

struct wire_start {
	uint32_t work;
	uint32_t zero;
	uint64_t memory;	/* bytes: of a delta's decoder, at most */
	uint64_t texts;		/* bytes: of listings, old and new */
	uint64_t scratch;	/* bytes: no file grows beyond */
	uint64_t packed;	/* bytes of the object */
	uint64_t plain;		/* bytes: of a full, unpacked, as signed */
	char version[WIRE_VERSION_MAX];
};

struct wire_head {
	uint32_t kind, code;
	uint64_t number;
};

struct wire {
	struct wire_head head;
	size_t n;
	uint8_t data[WIRE_DATA_MAX];
};

/* One packet; fd -1: no descriptor goes with it.  -1: errno. */
int wire_send(int sock, const struct wire_head *, const void *data, size_t n, int fd);
/* 1, 0 when the other side is gone, -1: errno; EBADMSG: it is no packet of these, or a
 * descriptor came where `fd` is NULL.  *fd: -1 when none came. */
int wire_recv(int sock, struct wire *, int *fd);

#endif
