/*
 * fuzz.h
 *	  What fuzz targets share.  A target is a LLVMFuzzerTestOneInput, run by
 *	  libFuzzer or, over the files of its corpus, by replay.c.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "postgres.h"

/* A property that must hold of every input. */
#define CHECK(property) \
	((property) ? (void) 0 : fuzz_fail(__FILE__, __LINE__, #property))

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

/* Tells which property does not hold, and of what, then aborts. */
pg_attribute_noreturn() extern void fuzz_fail(const char *file, int line, const char *property);

/*
 * A text that fuzz_fail shows.  Replaces the one with the same label and takes
 * away those shown since.
 */
extern void fuzz_show(const char *label, const char *text);

/* ---------- stand_in.c ---------- */

/* Frees what was allocated since the last call. */
extern void fuzz_reset(void);

/* ---------- input.c ---------- */

typedef struct FuzzInput
{
	const uint8 *data;
	size_t		left;
} FuzzInput;

/* Forgets the last input. */
extern FuzzInput fuzz_begin(const uint8 *data, size_t size);

/* Next byte, 0 at the end. */
extern uint8 fuzz_byte(FuzzInput *input);

/* Next number below n. */
extern int	fuzz_below(FuzzInput *input, int n);

/*
 * Text up to the next byte 0x1F or the end, at most max bytes of it: what a
 * column of type text may hold in a database in UTF8, so anything else is left
 * out.
 */
extern char *fuzz_text(FuzzInput *input, int max);

#endif							/* FUZZ_H */
