/*-------------------------------------------------------------------------
 *
 * protect.c
 *	  Which relations are protected: no look at them goes unrecorded.
 *
 *	  Protected is a table of schema contactpoint, plain or partitioned, that
 *	  has a column child_id, or is one of the few named below; so is every
 *	  partition of such a table and its TOAST table, wherever they are.
 *	  Membership in the extension is not asked: leaving it must not be a way
 *	  out.  A leaf of a table partitioned by shielded is a vault leaf unless
 *	  its name ends with _open: a leaf that nobody foresaw is guarded.
 *
 *	  Answers are kept in a hash table that lives as long as the backend.  Its
 *	  entries stay where they are, since callers hold pointers to them; an
 *	  invalidation only marks them as not valid.  An answer that was worked
 *	  out while an invalidation came in is given but not kept.
 *
 *	  No locks of its own: whoever asks about a relation holds one on it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "contactpoint.h"

/* protected tables without a column child_id */
static const char *const named_tables[] = {"upload", "decided_row", "review", "finding", "journal", "ledger"};

typedef struct CacheEntry
{
	CpProtected protected;		/* begins with the hash key */
	bool		valid;
} CacheEntry;

static HTAB *cache = NULL;

/* what was asked last, so that most questions need no hash table */
#define RECENT 256
static struct
{
	Oid			relid;			/* InvalidOid: nothing */
	const CpProtected *answer;
}			recent[RECENT];

static uint64 invalidations = 0;	/* counts what came in, see above */

/* the extension in this database */
static struct
{
	bool		valid;
	Oid			oid;
	Oid			owner;
	Oid			schema;
}			extension;

static void
invalidate_relation(Datum arg, Oid relid)
{
	CacheEntry *entry;

	invalidations++;
	memset(recent, 0, sizeof(recent));
	if (OidIsValid(relid))
	{
		entry = hash_search(cache, &relid, HASH_FIND, NULL);
		if (entry != NULL)
			entry->valid = false;
	}
	else
	{
		HASH_SEQ_STATUS status;

		hash_seq_init(&status, cache);
		while ((entry = hash_seq_search(&status)) != NULL)
			entry->valid = false;
	}
}

static void
invalidate_schema(Datum arg, int cacheid, uint32 hashvalue)
{
	extension.valid = false;
	invalidate_relation(0, InvalidOid);
}

/*
 * Made by the first question, since the postmaster must not register for
 * invalidations.
 */
static void
make_cache(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(CacheEntry);
	ctl.hcxt = CacheMemoryContext;
	cache = hash_create("contactpoint protected relations", 256, &ctl,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(invalidate_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, invalidate_schema, (Datum) 0);
}

/*
 * Reads pg_extension, which no syscache covers.  What is found stays true until
 * the schema changes: the extension comes and goes with it.
 */
static void
learn_extension(void)
{
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	uint64		before;
	Oid			oid = InvalidOid;
	Oid			owner = InvalidOid;
	Oid			schema;

	if (cache == NULL)
		make_cache();
	if (extension.valid)
		return;
	before = invalidations;

	schema = get_namespace_oid(CP_SCHEMA, true);
	if (OidIsValid(schema))
	{
		rel = table_open(ExtensionRelationId, AccessShareLock);
		ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
					F_NAMEEQ, CStringGetDatum("contactpoint"));
		scan = systable_beginscan(rel, ExtensionNameIndexId, true, NULL, 1, &key);
		tuple = systable_getnext(scan);
		if (HeapTupleIsValid(tuple))
		{
			oid = ((Form_pg_extension) GETSTRUCT(tuple))->oid;
			owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
		}
		systable_endscan(scan);
		table_close(rel, AccessShareLock);
	}
	extension.oid = oid;
	extension.owner = owner;
	extension.schema = OidIsValid(oid) ? schema : InvalidOid;
	extension.valid = (before == invalidations);
	cp_log_registry(OidIsValid(oid));
}

/*
 * Counts invalidations of relations and schemas: what was read from catalogues
 * is still true if it has not moved.
 */
uint64
cp_protect_changes(void)
{
	return invalidations;
}

/*
 * OID of the extension in this database, or InvalidOid.  Needs a transaction.
 */
Oid
cp_extension_oid(void)
{
	if (!extension.valid)
		learn_extension();
	return extension.oid;
}

/*
 * OID of the role that owns the extension; ERROR if it is not installed.
 */
Oid
cp_extension_owner(void)
{
	if (!OidIsValid(cp_extension_oid()))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"contactpoint\" does not exist in this database"),
				 errhint("CREATE EXTENSION contactpoint CASCADE.")));
	return extension.owner;
}

/*
 * OID of contactpoint.name (table, view or index), or InvalidOid.
 */
Oid
cp_relation_oid(const char *name)
{
	if (!OidIsValid(cp_extension_oid()))
		return InvalidOid;
	return get_relname_relid(name, extension.schema);
}

/*
 * OID of the function contactpoint.name with exactly these argument types;
 * ERROR if there is none.
 */
Oid
cp_function_oid(const char *name, int nargs, const Oid *argtypes)
{
	Oid			oid = InvalidOid;

	if (OidIsValid(cp_extension_oid()))
		oid = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							  CStringGetDatum(name),
							  PointerGetDatum(buildoidvector(argtypes, nargs)),
							  ObjectIdGetDatum(extension.schema));
	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function contactpoint.%s is missing", name),
				 errhint("ALTER EXTENSION contactpoint UPDATE brings the objects that this library needs.")));
	return oid;
}

static AttrNumber
column_of_type(Oid relid, const char *name, Oid type)
{
	AttrNumber	attno = get_attnum(relid, name);

	if (attno == InvalidAttrNumber || get_atttype(relid, attno) != type)
		return InvalidAttrNumber;
	return attno;
}

static bool
is_named_table(const char *name)
{
	for (int i = 0; i < lengthof(named_tables); i++)
		if (strcmp(name, named_tables[i]) == 0)
			return true;
	return false;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t		text_length = strlen(text);
	size_t		end_length = strlen(end);

	return text_length >= end_length &&
		strcmp(text + text_length - end_length, end) == 0;
}

/*
 * The table that a TOAST table serves; core names it after the table's OID.
 */
static Oid
toasted_table(const char *toast_name)
{
	Oid			relid;

	if (sscanf(toast_name, "pg_toast_%u", &relid) != 1)
		return InvalidOid;
	return relid;
}

/*
 * Works the answer out from the catalogues.  False if it must not be kept: a
 * partition in the making, whose link to its parent cannot be seen yet.
 */
static bool
learn_relation(CpProtected *result)
{
	Oid			relid = result->relid;
	char		relkind = get_rel_relkind(relid);
	char	   *name = get_rel_name(relid);
	Oid			parent = InvalidOid;
	bool		finished = true;

	result->is_protected = false;
	result->subject = CP_SUBJECT_NONE;
	result->subject_attno = InvalidAttrNumber;
	result->guard = CP_GUARD_NONE;
	result->guard_attno = InvalidAttrNumber;
	result->vault = false;
	result->placing = false;
	if (name == NULL)
		return true;

	if (relkind == RELKIND_TOASTVALUE)
	{
		Oid			served = toasted_table(name);

		result->is_protected = OidIsValid(served) &&
			cp_protect_lookup(served) != NULL;
		return true;
	}
	if (relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE)
		return true;

	if (get_rel_relispartition(relid))
	{
		finished = has_superclass(relid);
		if (finished)
			parent = get_partition_parent(relid, true);
	}
	result->subject_attno = column_of_type(relid, "child_id", INT8OID);
	if (result->subject_attno != InvalidAttrNumber)
		result->subject = CP_SUBJECT_CHILD;
	else
	{
		result->subject_attno = column_of_type(relid, "candidates", INT8ARRAYOID);
		if (result->subject_attno != InvalidAttrNumber)
			result->subject = CP_SUBJECT_CANDIDATES;
	}
	result->is_protected =
		(get_rel_namespace(relid) == extension.schema &&
		 (result->subject == CP_SUBJECT_CHILD || is_named_table(name))) ||
		(OidIsValid(parent) && cp_protect_lookup(parent) != NULL);
	if (!result->is_protected)
		return finished;

	if (OidIsValid(parent) && relkind == RELKIND_RELATION &&
		result->subject == CP_SUBJECT_CHILD &&
		column_of_type(relid, "shielded", BOOLOID) != InvalidAttrNumber &&
		!ends_with(name, "_open"))
	{
		result->vault = true;
		result->guard = CP_GUARD_VAULT;
		result->guard_attno = result->subject_attno;
	}
	else
	{
		result->guard_attno = column_of_type(relid, "authority", INT8OID);
		if (result->guard_attno != InvalidAttrNumber)
			result->guard = CP_GUARD_REVIEW;
	}
	result->placing = !result->vault && result->subject != CP_SUBJECT_NONE &&
		strcmp(name, "child") != 0;
	return finished;
}

/*
 * NULL where relid is no protected table.  Needs a transaction and a lock on
 * the relation, takes none.  The result stays where it is; what it says is
 * true until the next invalidation.
 */
const CpProtected *
cp_protect_lookup(Oid relid)
{
	CacheEntry *entry;
	CpProtected learnt;
	const CpProtected *answer;
	uint64		before;
	bool		keep;
	bool		found;

	if (relid < FirstNormalObjectId)
		return NULL;
	if (recent[relid % RECENT].relid == relid)
		return recent[relid % RECENT].answer;
	if (!OidIsValid(cp_extension_oid()))
		return NULL;
	entry = hash_search(cache, &relid, HASH_FIND, NULL);
	if (entry == NULL || !entry->valid)
	{
		before = invalidations;
		learnt.relid = relid;
		keep = learn_relation(&learnt);
		entry = hash_search(cache, &relid, HASH_ENTER, &found);
		entry->protected = learnt;
		entry->valid = keep && before == invalidations;
	}
	answer = entry->protected.is_protected ? &entry->protected : NULL;
	if (entry->valid)
	{
		recent[relid % RECENT].relid = relid;
		recent[relid % RECENT].answer = answer;
	}
	return answer;
}

/*
 * The list of RTEs of a plan has every partition that was not pruned.
 */
Oid
cp_protect_named(const List *rtable)
{
	ListCell   *lc;

	foreach(lc, rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_RELATION && cp_protect_lookup(rte->relid) != NULL)
			return rte->relid;
	}
	return InvalidOid;
}
