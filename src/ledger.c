/*-------------------------------------------------------------------------
 *
 * ledger.c
 *	  Puts sealed entries into the ledger's partitions.
 *
 *	  The ledger is partitioned by the month in which an entry was made, as
 *	  far as the clock goes forward: after a step back entries go on into the
 *	  newest month.  So a month is a range of entries without gaps.
 *
 *	  Locks: RowExclusiveLock on a partition to the end of the transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/rel.h"

#include "ledger.h"

/* columns of contactpoint.ledger; after the entry as in contactpoint.journal */
enum
{
	LEDGER_MONTH,
	LEDGER_ENTRY,
	LEDGER_AT,
	LEDGER_PID,
	LEDGER_SEQ,
	LEDGER_BODY,
	LEDGER_COLUMNS
};

/*
 * First day of the month of a time, in UTC.
 */
DateADT
cp_ledger_month_of(TimestampTz at)
{
	int64		day = at / USECS_PER_DAY - (at % USECS_PER_DAY < 0 ? 1 : 0);
	int			year;
	int			month;
	int			mday;

	j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	return date2j(year, month, 1) - POSTGRES_EPOCH_JDATE;
}

static char *
partition_name(DateADT month)
{
	int			year;
	int			mon;
	int			mday;

	j2date(month + POSTGRES_EPOCH_JDATE, &year, &mon, &mday);
	return psprintf("ledger_%04d_%02d", year, mon);
}

/*
 * Makes the partition for a month that begins with this entry.  What comes next
 * goes there.
 */
void
cp_ledger_open_month(CpLedgerWriter *writer, DateADT month, int64 first_entry)
{
	Oid			types[3] = {DATEOID, INT8OID, NAMEOID};
	NameData	name;
	Datum		values[3] = {DateADTGetDatum(month), Int64GetDatum(first_entry), NameGetDatum(&name)};

	cp_ledger_close(writer);
	namestrcpy(&name, partition_name(month));
	SPI_connect();
	if (SPI_execute_with_args("SELECT contactpoint._open_month($1, $2, $3)", 3, types, values,
							  NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not open a month of the ledger");
	SPI_finish();
	CommandCounterIncrement();
}

static void
open_writer(CpLedgerWriter *writer, DateADT month)
{
	writer->month = month;
	writer->rel = table_open(cp_relation_oid(partition_name(month)), RowExclusiveLock);
	writer->estate = CreateExecutorState();
	writer->result = makeNode(ResultRelInfo);
	InitResultRelInfo(writer->result, writer->rel, 1, NULL, 0);
	ExecOpenIndices(writer->result, false);
	writer->bulk = GetBulkInsertState();
	writer->nslots = 0;
	memset(writer->slots, 0, sizeof(writer->slots));
}

static void
flush_writer(CpLedgerWriter *writer)
{
	if (writer->nslots == 0)
		return;
	table_multi_insert(writer->rel, writer->slots, writer->nslots, GetCurrentCommandId(true), 0,
					   writer->bulk);
	for (int i = 0; i < writer->nslots; i++)
	{
		cp_insert_index_tuples(writer->result, writer->slots[i], writer->estate);
		ResetPerTupleExprContext(writer->estate);
		ExecClearTuple(writer->slots[i]);
	}
	writer->nslots = 0;
}

/*
 * Writes what is left and closes the partition.
 */
void
cp_ledger_close(CpLedgerWriter *writer)
{
	if (writer->rel == NULL)
		return;
	flush_writer(writer);
	for (int i = 0; i < CP_LEDGER_ROWS && writer->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(writer->slots[i]);
	FreeBulkInsertState(writer->bulk);
	ExecCloseIndices(writer->result);
	FreeExecutorState(writer->estate);
	table_close(writer->rel, NoLock);
	writer->rel = NULL;
}

/*
 * Puts an entry into the partition of a month.  from: its time, process, number
 * and body, as columns of the journal.
 */
void
cp_ledger_write(CpLedgerWriter *writer, DateADT month, int64 entry, const Datum *from)
{
	TupleTableSlot *slot;

	if (writer->rel == NULL)
		open_writer(writer, month);
	if (writer->nslots == CP_LEDGER_ROWS)
		flush_writer(writer);
	if (writer->slots[writer->nslots] == NULL)
		writer->slots[writer->nslots] = table_slot_create(writer->rel, NULL);
	slot = writer->slots[writer->nslots++];
	memset(slot->tts_isnull, 0, LEDGER_COLUMNS * sizeof(bool));
	slot->tts_values[LEDGER_MONTH] = DateADTGetDatum(writer->month);
	slot->tts_values[LEDGER_ENTRY] = Int64GetDatum(entry);
	memcpy(&slot->tts_values[LEDGER_AT], from, (LEDGER_COLUMNS - LEDGER_AT) * sizeof(Datum));
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
}
