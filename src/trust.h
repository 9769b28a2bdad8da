/*-------------------------------------------------------------------------
 *
 * trust.h
 *	  Which clauses of a query may see a row before it is on record.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_TRUST_H
#define CP_TRUST_H

#include "nodes/bitmapset.h"
#include "nodes/nodes.h"

#include "contactpoint.h"

/* what clauses are judged by; looked up once a plan */
typedef struct CpTrust
{
	Oid			own_extension;
	Oid			trigram_extension;
	Oid			vault_guard;
	Oid			review_guard;
	const Bitmapset *lazy;		/* parameters of uncorrelated sub-selects */
} CpTrust;

/* Looks up what a plan's clauses are judged by; lazy is kept, not copied. */
extern void cp_trust_learn(CpTrust *trust, const Bitmapset *lazy);

/* Might it have a side effect, run somebody's code or tell by its time? */
extern bool cp_clause_is_untrusted(Node *clause, CpTrust *trust);

/* Could it raise an error that quotes the row? */
extern bool cp_clause_is_leaky(Node *clause);

/* Does any sub-select or WITH query of a query, not planned yet, run code that is not trusted? */
extern bool cp_has_foreign_subselect(Node *query);

#endif							/* CP_TRUST_H */
