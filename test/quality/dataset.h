/*-------------------------------------------------------------------------
 *
 * dataset.h
 *	  Labelled sets of persons, and the pairs of them that keys bring together.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DATASET_H
#define DATASET_H

#include "frontend.h"

typedef struct Record
{
	CpPerson	person;
	int			entity;			/* number of the true person */
	char	   *text;			/* for looking at */
} Record;

typedef struct Dataset
{
	char		name[64];
	Record	   *records;
	int			nrecords;
	int64		true_pairs;
	CpKin		kin;			/* how many of a household records have */
	int64		keys;			/* of all records, after dataset_candidates() */
	int64		probes;			/* of all rows, and entries behind them */
	int64		entries;
} Dataset;

typedef struct Pair
{
	int32		a;				/* a < b: the record */
	int32		b;				/* the row that came later */
} Pair;

/* Reads a set and fills the dictionary with its words. */
extern Dataset *dataset_read(const char *path, bool identifiers);

/*
 * Least score of a pair to look for: at first that of the shipped settings,
 * which shows what candidate.c finds.
 */
extern double dataset_threshold;

/* Pairs that have a key in common, each once; *n of them. */
extern Pair *dataset_candidates(Dataset *set, int64 *n);

/*
 * log2 of how many other rows of its person a row has on average, by expectation
 * maximisation of the scores of all pairs.  In a registry it is one record at
 * most; a set may hold a person any number of times.
 */
extern double dataset_pairs_of_record(const Dataset *set, const double *scores, int64 n);

/* All pairs of one true person. */
extern Pair *dataset_true_pairs(const Dataset *set, int64 *n);

extern bool dataset_same(const Dataset *set, Pair pair);

#endif							/* DATASET_H */
