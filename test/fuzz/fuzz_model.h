/*
 * fuzz_model.h
 *	  Words and persons for fuzz targets.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "model.h"

#include "fuzz.h"

/* Forgets all words; so many records there are. */
extern void fuzz_dictionary_begin(int64 records);

/* Number of a word in normal form; count: records that have it, where it is new. */
extern int32 fuzz_dictionary_id(const char *text, int64 count);

/* A person, each field known or not, often with names and facts of a small pool. */
extern CpPerson *fuzz_person(FuzzInput *input);

/* What a person is, for fuzz_show. */
extern char *fuzz_describe(const CpPerson *person);

#endif							/* FUZZ_MODEL_H */
