/*-------------------------------------------------------------------------
 *
 * delta.c
 *	  New records of the transaction that are in no index yet.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "match.h"

void
cp_delta_add(const CpPerson *person)
{
	cp_rekey_new(person);
}

void
cp_delta_write(void)
{
}
