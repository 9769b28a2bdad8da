/*-------------------------------------------------------------------------
 *
 * standing.c
 *	  How near an object of the database is to the registry.
 *
 *	  To the registry belong the extension with all its members, whatever lies
 *	  in its schema (what the extension's script did not make was added), and
 *	  protected tables wherever they are; and what hangs on one of these:
 *	  triggers, policies, rules, constraints from either side, defaults,
 *	  statistics, indexes, default rights, places in a publication.
 *	  Trusted is what the registry's own code looks names up in or calls: what
 *	  lies in pg_catalog, and the members of the extensions it requires.
 *
 *	  An object is asked about while a command works on it.  The catalogue's
 *	  own snapshot sees its row as it was before the command, SnapshotSelf as
 *	  the command has made it; the nearer of both counts, so that an object is
 *	  not lost on its way out.
 *
 *	  No locks but AccessShareLock on catalogues.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_cast.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_default_acl.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_publication_namespace.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_transform.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "contactpoint.h"

/* a column of a catalogue that says what its objects are part of */
typedef struct Part
{
	Oid			class_id;
	Oid			oid_index;
	AttrNumber	column;
	Oid			whole_class_id;
} Part;

static const Part parts[] = {
	{AccessMethodOperatorRelationId, AccessMethodOperatorOidIndexId,
	Anum_pg_amop_amopfamily, OperatorFamilyRelationId},
	{AccessMethodProcedureRelationId, AccessMethodProcedureOidIndexId,
	Anum_pg_amproc_amprocfamily, OperatorFamilyRelationId},
	{AttrDefaultRelationId, AttrDefaultOidIndexId,
	Anum_pg_attrdef_adrelid, RelationRelationId},
	{CastRelationId, CastOidIndexId,
	Anum_pg_cast_castsource, TypeRelationId},
	{CastRelationId, CastOidIndexId,
	Anum_pg_cast_casttarget, TypeRelationId},
	{ConstraintRelationId, ConstraintOidIndexId,
	Anum_pg_constraint_conrelid, RelationRelationId},
	{ConstraintRelationId, ConstraintOidIndexId,
	Anum_pg_constraint_confrelid, RelationRelationId},
	{ConstraintRelationId, ConstraintOidIndexId,
	Anum_pg_constraint_contypid, TypeRelationId},
	{DefaultAclRelationId, DefaultAclOidIndexId,
	Anum_pg_default_acl_defaclnamespace, NamespaceRelationId},
	{IndexRelationId, IndexRelidIndexId,
	Anum_pg_index_indrelid, RelationRelationId},
	{PolicyRelationId, PolicyOidIndexId,
	Anum_pg_policy_polrelid, RelationRelationId},
	{PublicationNamespaceRelationId, PublicationNamespaceObjectIndexId,
	Anum_pg_publication_namespace_pnnspid, NamespaceRelationId},
	{PublicationRelRelationId, PublicationRelObjectIndexId,
	Anum_pg_publication_rel_prrelid, RelationRelationId},
	{RewriteRelationId, RewriteOidIndexId,
	Anum_pg_rewrite_ev_class, RelationRelationId},
	{StatisticExtRelationId, StatisticExtOidIndexId,
	Anum_pg_statistic_ext_stxrelid, RelationRelationId},
	{TransformRelationId, TransformOidIndexId,
	Anum_pg_transform_trftype, TypeRelationId},
	{TriggerRelationId, TriggerOidIndexId,
	Anum_pg_trigger_tgrelid, RelationRelationId}
};

static inline CpStanding
nearer(CpStanding one, CpStanding other)
{
	return one > other ? one : other;
}

static CpStanding
standing_of_schema(Oid schema)
{
	if (schema == get_namespace_oid(CP_SCHEMA, true))
		return CP_ADDED;
	return schema == PG_CATALOG_NAMESPACE ? CP_TRUSTED : CP_STRANGER;
}

/*
 * Does the registry's extension require this one?
 */
static bool
is_required(Oid extension)
{
	Relation	rel = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ExtensionRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(cp_extension_oid()));
	scan = systable_beginscan(rel, DependDependerIndexId, true, NULL, 2, keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);

		found = depend->refclassid == ExtensionRelationId && depend->refobjid == extension;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

static CpStanding
standing_of_extension(Oid extension)
{
	if (!OidIsValid(extension))
		return CP_STRANGER;
	if (extension == cp_extension_oid())
		return CP_OWN;
	return is_required(extension) ? CP_TRUSTED : CP_STRANGER;
}

static AttrNumber
schema_column(Oid class_id)
{
	if (!is_objectclass_supported(class_id))
		return InvalidAttrNumber;
	return get_object_attnum_namespace(class_id);
}

/*
 * An object is as near to the registry as the nearest thing it is part of; a
 * cast only as near as both its types, or none could be made of any type.
 */
static CpStanding
standing_of_row(Oid class_id, HeapTuple row, TupleDesc desc)
{
	AttrNumber	schema = schema_column(class_id);
	CpStanding	nearest = CP_STRANGER;
	CpStanding	farthest = CP_OWN;
	bool		isnull;

	if (schema != InvalidAttrNumber)
		nearest = standing_of_schema(DatumGetObjectId(heap_getattr(row, schema, desc, &isnull)));
	for (int i = 0; i < lengthof(parts); i++)
		if (parts[i].class_id == class_id)
		{
			Oid			whole = DatumGetObjectId(heap_getattr(row, parts[i].column, desc, &isnull));
			CpStanding	standing = cp_standing(parts[i].whole_class_id, whole);

			nearest = nearer(nearest, standing);
			if (standing < farthest)
				farthest = standing;
		}
	return class_id == CastRelationId ? farthest : nearest;
}

/*
 * The index by which objects of a catalogue are found; none where their rows
 * say nothing about the registry.
 */
static Oid
oid_index(Oid class_id)
{
	for (int i = 0; i < lengthof(parts); i++)
		if (parts[i].class_id == class_id)
			return parts[i].oid_index;
	return schema_column(class_id) != InvalidAttrNumber ?
		get_object_oid_index(class_id) : InvalidOid;
}

/*
 * By the object's row in its catalogue, as seen by a snapshot (NULL: as it was
 * before this command).
 */
static CpStanding
standing_by_row(Oid class_id, Oid object_id, Snapshot snapshot)
{
	Oid			index = oid_index(class_id);
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	CpStanding	standing = CP_STRANGER;

	if (!OidIsValid(index))
		return CP_STRANGER;
	rel = table_open(class_id, AccessShareLock);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(object_id));
	scan = systable_beginscan(rel, index, true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		standing = standing_of_row(class_id, tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return standing;
}

/*
 * The same for an object whose surroundings cannot all be seen yet: by its row
 * as it was alone.
 */
CpStanding
cp_standing_by_row(Oid class_id, Oid object_id)
{
	return standing_by_row(class_id, object_id, NULL);
}

static CpStanding
standing_by_rows(Oid class_id, Oid object_id)
{
	return nearer(standing_by_row(class_id, object_id, NULL),
				  standing_by_row(class_id, object_id, SnapshotSelf));
}

/*
 * One in the making is not in the syscache yet.
 */
static bool
may_be_index(Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	return relkind == RELKIND_INDEX || relkind == RELKIND_PARTITIONED_INDEX || relkind == '\0';
}

CpStanding
cp_standing(Oid class_id, Oid object_id)
{
	CpStanding	standing;

	if (!OidIsValid(object_id) || IsSharedRelation(class_id))
		return CP_STRANGER;
	if (class_id == ExtensionRelationId)
		return standing_of_extension(object_id);
	if (class_id == NamespaceRelationId)
		return standing_of_schema(object_id);

	standing = standing_by_rows(class_id, object_id);
	if (class_id == RelationRelationId && may_be_index(object_id))
		standing = nearer(standing, standing_by_rows(IndexRelationId, object_id));
	standing = nearer(standing, standing_of_extension(getExtensionOfObject(class_id, object_id)));
	if (class_id == RelationRelationId && standing < CP_ADDED &&
		cp_protect_lookup(object_id) != NULL)
		return CP_OWN;
	return standing;
}
