/*-------------------------------------------------------------------------
 *
 * refuse.c
 *	  What may not be done to the registry, by anybody.
 *
 *	  Of every object that a command makes, alters, drops or empties one
 *	  question is asked: does it belong to the registry (standing.c)?  Such a
 *	  command is refused, superusers included, since it could move rows out of
 *	  sight, switch guards off or run code of others over them; so is what
 *	  would add to or change the code that the registry's own trusts, other
 *	  than by a script of an extension.
 *
 *	  Exempt are the extension's script, its own work, maintenance that
 *	  rewrites tables as they are, pg_upgrade, tables that a restore brings
 *	  along once a superuser has announced it, and superusers who have set
 *	  contactpoint.allow_drop.  The registry as a whole may be dropped while it
 *	  holds no records.
 *
 *	  Core tells of objects by object_access_hook, while the command can still
 *	  fail.  Only what it does not tell of is looked at as a statement, by name
 *	  and so without a lock: GRANT, SECURITY LABEL, DEPENDS ON EXTENSION and
 *	  forms of ALTER TABLE such as DISABLE ROW LEVEL SECURITY.  Writing the
 *	  catalogues by hand is refused when the executor asks for permissions,
 *	  and so is writing details of children where their foreign key is off.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_publication.h"
#include "catalog/pg_publication_namespace.h"
#include "catalog/pg_publication_rel.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parse_func.h"
#include "storage/lock.h"
#include "tcop/pquery.h"
#include "tcop/utility.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "audit.h"

static object_access_hook_type prev_object_access_hook = NULL;
static ExecutorCheckPerms_hook_type prev_ExecutorCheckPerms = NULL;

static bool
belongs(Oid class_id, Oid object_id)
{
	return cp_standing(class_id, object_id) >= CP_ADDED;
}

/* ---------- who may nevertheless ---------- */

static bool
drop_is_allowed(void)
{
	return cp_allow_drop && cp_caller_is_superuser();
}

static bool
change_is_allowed(void)
{
	return IsBinaryUpgrade || cp_in_own_work() || cp_in_own_script() || drop_is_allowed();
}

/*
 * A dump brings along tables that were added, the months of the ledger, with
 * what makes a table; the extension itself comes from its script.
 */
static bool
may_be_restored(Oid class_id)
{
	switch (class_id)
	{
		case AttrDefaultRelationId:
		case ConstraintRelationId:
		case InheritsRelationId:
		case RelationRelationId:
		case TypeRelationId:
			return cp_is_restoring();
		default:
			return false;
	}
}

/*
 * Does the command write tables and indexes anew as they are?
 */
static bool
is_maintenance(void)
{
	if (cp_utility_running == NULL)
		return false;
	switch (nodeTag(cp_utility_running))
	{
		case T_VacuumStmt:
		case T_ClusterStmt:
		case T_ReindexStmt:
			return true;
		default:
			return false;
	}
}

/*
 * Is the extension itself being dropped?  Core locks all it is going to drop
 * before it drops the first, and nothing else locks an extension like that.
 */
static bool
whole_is_going(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ExtensionRelationId, cp_extension_oid(), 0);
	return cp_lock_is_held(&tag, AccessExclusiveLock);
}

/* ---------- on record ---------- */

static const char *
command_name(Node *statement)
{
	if (statement != NULL)
		return GetCommandTagName(CreateCommandTag(statement));
	return ActivePortal != NULL ? GetCommandTagName(ActivePortal->commandTag) : "SELECT";
}

/*
 * Puts on record what was refused, or what a superuser did nevertheless.  The
 * journal may be what is broken or on its way out, so this happens in a
 * subtransaction, and where it fails the command goes its way without.
 */
static void
record(Node *statement, CpVerdict verdict)
{
	MemoryContext oldcontext = CurrentMemoryContext;
	ResourceOwner oldowner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(oldcontext);
	PG_TRY();
	{
		cp_audit_command(command_name(statement), NULL, 0, verdict);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(oldcontext);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		ereport(WARNING,
				(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
				 errmsg("this command could not be recorded in the audit")));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(oldcontext);
	CurrentResourceOwner = oldowner;
}

/* ---------- refusing ---------- */

#define ALLOW_DROP_HINT "A superuser who means it runs SET contactpoint.allow_drop = on first."

static void
refuse(const char *what)
{
	record(cp_utility_running, CP_VERDICT_REFUSED);
	ereport(ERROR,
			(errcode(ERRCODE_CP_PROTECTED),
			 errmsg("%s", what),
			 errhint(ALLOW_DROP_HINT)));
}

static void
refuse_publication(void)
{
	record(cp_utility_running, CP_VERDICT_REFUSED);
	ereport(ERROR,
			(errcode(ERRCODE_CP_PROTECTED),
			 errmsg("tables of the registry cannot be published"),
			 errhint("Name the tables to publish, and none of schema contactpoint: a subscriber's copy has no audit.")));
}

static void
refuse_grant(void)
{
	record(cp_utility_running, CP_VERDICT_REFUSED);
	ereport(ERROR,
			(errcode(ERRCODE_CP_PROTECTED),
			 errmsg("this right on the registry cannot be granted"),
			 errhint("GRANT one of the group roles contactpoint_* instead; their rights are all that the registry's guards are made for.")));
}

static bool
holds_rows(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	bool		found = table_scan_getnextslot(scan, ForwardScanDirection, slot);

	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	table_close(rel, AccessShareLock);
	return found;
}

/*
 * Dropping a table with rows about children, or about who looked at them, by
 * whatever command.  DROP EXTENSION and DROP OWNED come to such a table sooner
 * or later, and all they did fails with it.
 */
static void
check_rows(Oid relid)
{
	if (!cp_in_own_work() && !drop_is_allowed() && cp_protect_lookup(relid) != NULL &&
		get_rel_relkind(relid) == RELKIND_RELATION && holds_rows(relid))
		refuse("the registry holds records of children, or of who looked at them");
}

/*
 * Whoever inherits may be a partition whose parent is not yet to be seen, so
 * only its row is asked.  A restore may give a table that was added its parent.
 */
static CpStanding
standing_of_inheritance(Oid heir, Oid parent)
{
	CpStanding	standing = cp_standing_by_row(RelationRelationId, heir);

	if (standing == CP_ADDED && cp_is_restoring())
		return CP_ADDED;
	return cp_standing(RelationRelationId, parent) >= CP_ADDED ? CP_OWN : standing;
}

/*
 * Standing of the object that an event is about.  Taking a table out of a
 * publication closes a way.
 */
static CpStanding
standing_of_event(ObjectAccessType access, Oid class_id, Oid object_id, void *arg)
{
	if (class_id == InheritsRelationId && access == OAT_POST_ALTER)
		return standing_of_inheritance(object_id, ((ObjectAccessPostAlter *) arg)->auxiliary_id);
	if (class_id == AttrDefaultRelationId && access == OAT_POST_CREATE)
		return cp_standing(RelationRelationId, object_id);
	if (access == OAT_DROP &&
		(class_id == PublicationRelRelationId || class_id == PublicationNamespaceRelationId))
		return CP_STRANGER;
	return cp_standing(class_id, object_id);
}

static void
check_event(ObjectAccessType access, Oid class_id, Oid object_id, void *arg)
{
	if (is_maintenance())
		return;
	if (access == OAT_DROP && class_id == RelationRelationId)
		check_rows(object_id);
	if (change_is_allowed() || (access == OAT_DROP && whole_is_going()))
		return;

	if (class_id == PublicationRelationId && access != OAT_DROP)
	{
		if (cp_publishes_registry(object_id))
			refuse_publication();
		return;
	}
	/* what its script then does is asked about by itself */
	if (class_id == ExtensionRelationId && cp_utility_running != NULL &&
		IsA(cp_utility_running, AlterExtensionStmt))
		return;
	switch (standing_of_event(access, class_id, object_id, arg))
	{
		case CP_STRANGER:
			break;
		case CP_TRUSTED:
			if (!creating_extension)
				refuse("nothing that the registry's code relies on can be changed");
			break;
		case CP_ADDED:
			if (may_be_restored(class_id))
				break;
			/* FALLTHROUGH */
		case CP_OWN:
			if (class_id == PublicationRelRelationId ||
				class_id == PublicationNamespaceRelationId)
				refuse_publication();
			refuse("the registry cannot be changed in this way");
			break;
	}
}

static void
guard_objects(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	if ((access == OAT_POST_CREATE || access == OAT_POST_ALTER ||
		 access == OAT_DROP || access == OAT_TRUNCATE) &&
		IsTransactionState() && OidIsValid(cp_extension_oid()))
		check_event(access, classId, objectId, arg);
	if (prev_object_access_hook)
		prev_object_access_hook(access, classId, objectId, subId, arg);
}

/* ---------- statements that core tells nobody of ---------- */

static void
check_object(ObjectType type, RangeVar *table, Node *object)
{
	Relation	rel = NULL;
	ObjectAddress address;

	if (table != NULL)
		address = get_object_address_rv(type, table, (List *) object, &rel,
										AccessShareLock, false);
	else
		address = get_object_address(type, object, &rel, AccessShareLock, false);
	if (rel != NULL)
		relation_close(rel, NoLock);
	if (belongs(address.classId, address.objectId))
		refuse("the registry cannot be changed in this way");
}

/*
 * Events tell enough of a restore that attaches partitions.
 */
static void
check_table(const AlterTableStmt *statement)
{
	CpStanding	standing = cp_standing(RelationRelationId,
									   RangeVarGetRelid(statement->relation, NoLock, true));
	AlterTableCmd *first = linitial(statement->cmds);

	if (standing < CP_ADDED ||
		(cp_is_restoring() && (standing == CP_ADDED || first->subtype == AT_AttachPartition)))
		return;
	refuse("the registry cannot be changed in this way");
}

static bool
grants_only(const GrantStmt *statement, const char *privilege)
{
	ListCell   *lc;

	foreach(lc, statement->privileges)
	{
		AccessPriv *granted = lfirst(lc);

		if (granted->priv_name == NULL || strcmp(granted->priv_name, privilege) != 0)
			return false;
	}
	return statement->privileges != NIL;
}

/*
 * Does a right on this object open a way?  Reading does not where no row is
 * about a child, nor through a view of the registry; functions whose names
 * begin with an underscore are not made to be called by people, the others ask
 * for the caller's right themselves.
 */
static bool
grant_opens(const GrantStmt *statement, Node *object)
{
	Oid			oid;

	switch (statement->objtype)
	{
		case OBJECT_TABLE:
		case OBJECT_SEQUENCE:
			oid = RangeVarGetRelid(castNode(RangeVar, object), NoLock, true);
			return belongs(RelationRelationId, oid) &&
				(cp_protect_lookup(oid) != NULL || !grants_only(statement, "select"));
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
			oid = LookupFuncWithArgs(statement->objtype, castNode(ObjectWithArgs, object), true);
			return belongs(ProcedureRelationId, oid) && get_func_name(oid)[0] == '_';
		case OBJECT_SCHEMA:
			return strcmp(strVal(object), CP_SCHEMA) == 0 && !grants_only(statement, "usage");
		default:
			return false;
	}
}

static void
check_grant(const GrantStmt *statement)
{
	ListCell   *lc;

	if (!statement->is_grant)
		return;
	foreach(lc, statement->objects)
	{
		if (statement->targtype == ACL_TARGET_ALL_IN_SCHEMA ?
			strcmp(strVal(lfirst(lc)), CP_SCHEMA) == 0 :
			grant_opens(statement, lfirst(lc)))
			refuse_grant();
	}
}

/*
 * What a superuser may do who has set contactpoint.allow_drop, and could touch
 * the registry, is on record before it is done; in the server log, too, for the
 * record may go with what is dropped.
 */
static void
record_allowed(Node *statement)
{
	if (cp_allow_drop && IsTransactionState() && OidIsValid(cp_extension_oid()) &&
		drop_is_allowed() && !cp_in_own_work() && !creating_extension &&
		(GetCommandLogLevel(statement) == LOGSTMT_DDL || IsA(statement, TruncateStmt)))
	{
		record(statement, CP_VERDICT_DONE);
		ereport(LOG,
				(errmsg("%s by role \"%s\" with contactpoint.allow_drop",
						command_name(statement), GetUserNameFromId(cp_caller_role(), true)),
				 errhidestmt(true)));
	}
}

/*
 * Raises KC009 where a statement would change the registry in a way that no
 * event tells of.
 */
void
cp_refuse_statement(Node *statement, bool part_of_other)
{
	if (!part_of_other)
		record_allowed(statement);
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
		case T_GrantStmt:
		case T_SecLabelStmt:
		case T_AlterObjectDependsStmt:
			break;
		default:
			return;
	}
	if (!IsTransactionState() || !OidIsValid(cp_extension_oid()) || change_is_allowed())
		return;
	switch (nodeTag(statement))
	{
		case T_AlterTableStmt:
			check_table((AlterTableStmt *) statement);
			break;
		case T_GrantStmt:
			check_grant((GrantStmt *) statement);
			break;
		case T_SecLabelStmt:
			check_object(((SecLabelStmt *) statement)->objtype, NULL,
						 ((SecLabelStmt *) statement)->object);
			break;
		case T_AlterObjectDependsStmt:
			check_object(((AlterObjectDependsStmt *) statement)->objectType,
						 ((AlterObjectDependsStmt *) statement)->relation,
						 ((AlterObjectDependsStmt *) statement)->object);
			break;
		default:
			break;
	}
}

/* ---------- writing past what watches over rows ---------- */

/*
 * As record_allowed, of what is no command.  An executor is starting, so not in
 * a subtransaction, which would count as a command.
 */
static void
record_written(void)
{
	if (drop_is_allowed() && !cp_in_own_work())
		cp_audit_command(command_name(NULL), NULL, 0, CP_VERDICT_DONE);
}

/*
 * A row of details lives on the side of the vault where its foreign key puts
 * it, and in replica mode foreign keys are not enforced.  A restore may add
 * rows nevertheless: it is validated before anybody reads them.
 */
static void
check_written_details(Oid relid, AclMode how)
{
	const CpProtected *protected = cp_protect_lookup(relid);

	if (protected == NULL || protected->subject != CP_SUBJECT_CHILD ||
		!(get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE || get_rel_relispartition(relid)) ||
		(how == ACL_INSERT && cp_is_restoring()))
		return;
	if (drop_is_allowed())
	{
		record_written();
		return;
	}
	record(NULL, CP_VERDICT_REFUSED);
	ereport(ERROR,
			(errcode(ERRCODE_CP_PROTECTED),
			 errmsg("details of children cannot be written while session_replication_role is replica"),
			 errhint("RESET session_replication_role: foreign keys must keep the details on their side of the vault.")));
}

/*
 * What no command may do to an object, no UPDATE of its catalogue may either.
 */
static void
check_written_catalogue(void)
{
	if (creating_extension)
		return;
	if (!change_is_allowed())
		refuse("system catalogues cannot be written by hand in a database that holds a registry");
	record_written();
}

static bool
check_permissions(CP_CHECK_PERMISSIONS_PARAMETERS)
{
	ListCell   *lc;

	foreach(lc, permissions)
	{
		CpPermission *permission = lfirst(lc);
		AclMode		how = permission->requiredPerms & (ACL_INSERT | ACL_UPDATE | ACL_DELETE);

		if (how == 0 || !OidIsValid(cp_extension_oid()))
			continue;
		if (IsCatalogRelationOid(permission->relid) && !IsSharedRelation(permission->relid))
			check_written_catalogue();
		else if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
			check_written_details(permission->relid, how);
	}
	return prev_ExecutorCheckPerms == NULL ||
		prev_ExecutorCheckPerms(CP_CHECK_PERMISSIONS_ARGUMENTS);
}

void
cp_refuse_init(void)
{
	prev_ExecutorCheckPerms = ExecutorCheckPerms_hook;
	ExecutorCheckPerms_hook = check_permissions;
	prev_object_access_hook = object_access_hook;
	object_access_hook = guard_objects;
}
