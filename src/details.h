/*-------------------------------------------------------------------------
 *
 * details.h
 *	  What the files about details of children share: tables, columns, what a
 *	  row of the inbox sends.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_DETAILS_H
#define CP_DETAILS_H

#include "access/tupdesc.h"

#include "match.h"
#include "settle.h"

#define CP_DETAIL_COLUMNS 10

typedef enum CpDetailKind
{
	CP_DETAIL_ADDRESS,
	CP_DETAIL_CARER,
	CP_DETAIL_INVOLVEMENT,
	CP_DETAIL_IDENTIFIER,
	CP_DETAIL_ALIAS,
	CP_DETAIL_KINDS,
	CP_DETAIL_RESPONSIBILITY = CP_DETAIL_KINDS,
	CP_DETAIL_TABLES
} CpDetailKind;

/* Leaf and vault, and the index by child of each. */
typedef struct CpDetailTables
{
	const char *tables[2];
	const char *indexes[2];
	int			columns;
	int			first;			/* the first that tells something */
	int			source;			/* followed by recorded_at */
} CpDetailTables;

/* A row of a detail table.  What was sent has no child, flag, source and time yet. */
typedef struct CpDetail
{
	Datum		values[CP_DETAIL_COLUMNS];
	bool		nulls[CP_DETAIL_COLUMNS];
} CpDetail;

/* ---------- sent.c: what a row of the inbox sends ---------- */

extern const CpDetailTables cp_detail_tables[CP_DETAIL_TABLES];

/*
 * What a row sent of one kind, as CpDetail *, and of identifiers all kinds that
 * were sent (char *, in normal form); false where it sent nothing of it.
 */
extern bool cp_detail_sent(const CpInboxRow *row, CpDetailKind kind, List **details, List **sent_kinds);

/*
 * Would a stored detail be replaced by what the row sent?  Not if one of the
 * details says the same: that goes from the list.
 */
extern bool cp_detail_replaced(CpDetailKind kind, const CpInboxRow *row, const CpDetail *stored,
							   TupleDesc desc, List *sent_kinds, List **details);

extern void cp_detail_set_text(CpDetail *detail, int column, const char *text);

/* Adds child, flag, source and time. */
extern void cp_detail_complete(CpDetail *detail, const CpDelivery *delivery, CpDetailKind kind,
							   const CpInboxRow *row);

#endif							/* CP_DETAILS_H */
