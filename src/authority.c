/*-------------------------------------------------------------------------
 *
 * authority.c
 *	  May this person, now?
 *
 *	  The person is the role in force: the authenticated log-in, or what SET
 *	  ROLE made of it (GetOuterUserId), never the owner of a definer function
 *	  and never a setting.  What the person may do is said by membership in
 *	  the group roles; whether the person may do anything at all by a row of
 *	  contactpoint.account and the stage of its organisation.
 *
 *	  Both rows are looked up, and kept, in caller.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "audit.h"

/*
 * Today in UTC, when the client's statement began: a session cannot move it by
 * its TimeZone.
 */
DateADT
cp_today(void)
{
	return (DateADT) (GetCurrentStatementStartTimestamp() / USECS_PER_DAY);
}

Oid
cp_caller_role(void)
{
	return GetOuterUserId();
}

/*
 * By log-in or SET ROLE, and not while code of somebody else runs with that
 * other's rights: a definer function, or an index expression that maintenance
 * evaluates as the owner of the table, is not trusted for who called it.
 */
bool
cp_caller_is_superuser(void)
{
	return superuser_arg(GetOuterUserId()) &&
		(cp_in_own_work() || superuser_arg(GetUserId()));
}

/*
 * Guards and matcher stand aside for a restore that a superuser has announced.
 */
bool
cp_is_restoring(void)
{
	return cp_restoring && cp_caller_is_superuser();
}

int64
cp_caller_organisation(void)
{
	return cp_caller()->organisation;
}

/*
 * Superusers are members of every group.
 */
bool
cp_caller_has_role(const char *group)
{
	Oid			role = get_role_oid(group, true);

	return OidIsValid(role) && has_privs_of_role(GetOuterUserId(), role);
}

static bool
is_current(const CpCaller *caller)
{
	DateADT		today = cp_today();

	return caller->has_account && !caller->suspended && caller->organisation_open &&
		caller->trained_until >= today && caller->checked_until >= today;
}

/*
 * Raises KC002: why the account is not current.
 */
static void
refuse_account(const CpCaller *caller)
{
	const char *why = "the organisation of the account is not open for service";
	const char *hint = "An admin sets contactpoint.organisation.stage to testing or live.";
	DateADT		today = cp_today();

	if (!caller->has_account)
	{
		why = "the role in force has no account";
		hint = "An admin adds a row to contactpoint.account; behind a pooler, SET ROLE to a person first.";
	}
	else if (caller->suspended)
	{
		why = "the account is suspended";
		hint = "Ask an admin of the registry.";
	}
	else if (caller->trained_until < today)
	{
		why = "the training of the account has lapsed";
		hint = "After the training an admin renews contactpoint.account.trained_until.";
	}
	else if (caller->checked_until < today)
	{
		why = "the checks of the account have lapsed";
		hint = "After the checks an admin renews contactpoint.account.checked_until.";
	}
	ereport(ERROR,
			(errcode(ERRCODE_CP_ACCOUNT_NOT_CURRENT),
			 errmsg("%s", why),
			 errhint("%s", hint)));
}

/*
 * Raises KC002 unless the caller's account and organisation are current.
 */
void
cp_require_account(void)
{
	const CpCaller *caller;

	cp_require_preloaded();
	if (cp_caller_is_superuser())
		return;
	caller = cp_caller();
	if (!is_current(caller))
		refuse_account(caller);
}

/*
 * A restore that was announced and not validated closes the registry: nobody
 * reads, nothing is matched, no record is made.  Raises KC011.
 */
void
cp_require_validated(void)
{
	if (!cp_is_validated())
		ereport(ERROR,
				(errcode(ERRCODE_CP_RESTORE_PENDING),
				 errmsg("the registry was restored and is not validated yet"),
				 errhint("A superuser runs SELECT contactpoint.validate_restore().")));
}

/*
 * Has the role in force itself a right to read a protected table?  Of a leaf
 * its parent is asked, of the audit its view.
 */
static bool
has_own_right(Oid relid)
{
	Oid			role = cp_caller_role();
	Oid			asked = relid;

	if (get_rel_relispartition(relid))
		asked = get_partition_parent(relid, true);
	if (asked == cp_relation_oid("journal") || asked == cp_relation_oid("ledger"))
		asked = cp_relation_oid("audit");
	return pg_class_aclcheck(asked, role, ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(asked, role, ACL_SELECT, ACLMASK_ANY) == ACLCHECK_OK;
}

/*
 * Rights of the owner of a view or function are not handed on: what is shown to
 * nobody, former names and the matcher's keys, would be through anybody's view.
 * Raises KC003.
 */
void
cp_require_own_right(Oid relid)
{
	if (!cp_caller_is_superuser() && !has_own_right(relid))
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_AUTHORISED),
				 errmsg("the role in force has itself no right to read this table of the registry"),
				 errhint("Rights of the owner of a view or function do not count here; a DBA grants the group role it needs.")));
}

/*
 * Everything a look at protected rows needs.  Raises KC011, KC003, KC002 and
 * KC001, in this order.
 */
void
cp_require_reader(void)
{
	const CpCaller *caller;

	cp_require_validated();
	if (cp_caller_is_superuser())
		return;
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_CP_PROTECTED),
				 errmsg("the registry cannot be read by maintenance of other tables"),
				 errhint("Index expressions, materialised views and the like must not read it.")));
	caller = cp_caller();
	if (!superuser_arg(GetUserId()) &&
		(caller->bypasses ||
		 (GetUserId() != GetOuterUserId() && has_bypassrls_privilege(GetUserId()))))
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_AUTHORISED),
				 errmsg("a role that bypasses row security cannot read the registry"),
				 errhint("ALTER ROLE ... NOBYPASSRLS, or let a superuser do it, which is recorded.")));
	if (!is_current(caller))
		refuse_account(caller);
	if (cp_reason() == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CP_REASON_MISSING),
				 errmsg("a reason is needed before looking at records of children"),
				 errhint("SET contactpoint.reason = 'why you look', in this session and under this role; it holds for %d minutes.",
						 cp_reason_minutes)));
}

/*
 * May the caller manage records of this organisation (0: of nobody)?
 */
bool
cp_caller_manages(int64 organisation_id)
{
	const CpCaller *caller;

	if (cp_caller_is_superuser())
		return true;
	caller = cp_caller();
	if (!is_current(caller))
		return false;
	if (cp_caller_has_role("contactpoint_admin"))
		return true;
	return cp_caller_has_role("contactpoint_manager") &&
		(organisation_id == 0 || organisation_id == caller->organisation);
}

/*
 * May the caller manage this child's record?  Superusers may.  Asks as own
 * work: the answer tells of nobody else's authority.
 */
bool
cp_caller_manages_child(int64 child_id)
{
	Oid			types[1] = {INT8OID};
	Datum		values[1] = {Int64GetDatum(child_id)};

	if (cp_caller_is_superuser())
		return true;
	return cp_caller_manages(cp_own_number("SELECT contactpoint._authority_of($1)", 1, types, values));
}

PG_FUNCTION_INFO_V1(contactpoint_manages_child);
Datum
contactpoint_manages_child(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!PG_ARGISNULL(0) && cp_caller_manages_child(PG_GETARG_INT64(0)));
}

PG_FUNCTION_INFO_V1(contactpoint_caller);
Datum
contactpoint_caller(PG_FUNCTION_ARGS)
{
	Name		name = palloc0(sizeof(NameData));

	namestrcpy(name, GetUserNameFromId(cp_caller_role(), false));
	PG_RETURN_NAME(name);
}

PG_FUNCTION_INFO_V1(contactpoint_caller_organisation);
Datum
contactpoint_caller_organisation(PG_FUNCTION_ARGS)
{
	int64		organisation = cp_caller_organisation();

	if (organisation == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(organisation);
}

PG_FUNCTION_INFO_V1(contactpoint_has_role);
Datum
contactpoint_has_role(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(cp_caller_has_role(NameStr(*PG_GETARG_NAME(0))));
}

PG_FUNCTION_INFO_V1(contactpoint_manages);
Datum
contactpoint_manages(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(cp_caller_manages(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0)));
}

/*
 * _require_role(VARIADIC name[]): KC002 or KC003.
 */
PG_FUNCTION_INFO_V1(contactpoint_require_role);
Datum
contactpoint_require_role(PG_FUNCTION_ARGS)
{
	ArrayType  *roles = PG_GETARG_ARRAYTYPE_P(0);
	ArrayIterator iterator = array_create_iterator(roles, 0, NULL);
	Datum		role;
	bool		isnull;

	cp_require_account();
	while (array_iterate(iterator, &role, &isnull))
		if (!isnull && cp_caller_has_role(NameStr(*DatumGetName(role))))
			PG_RETURN_VOID();
	ereport(ERROR,
			(errcode(ERRCODE_CP_NOT_AUTHORISED),
			 errmsg("the role in force may not do this"),
			 errhint("A DBA grants the group role it needs; see the table of roles in the README.")));
}

PG_FUNCTION_INFO_V1(contactpoint_require_manager_of);
Datum
contactpoint_require_manager_of(PG_FUNCTION_ARGS)
{
	cp_require_account();
	if (!cp_caller_manages(PG_ARGISNULL(0) ? 0 : PG_GETARG_INT64(0)))
		ereport(ERROR,
				(errcode(ERRCODE_CP_NOT_AUTHORISED),
				 errmsg("only managers of the responsible authority may do this"),
				 errhint("Ask a manager of the authority that is responsible for the record.")));
	PG_RETURN_VOID();
}

/*
 * First qual of every scan of a table whose rows belong to an authority.
 */
PG_FUNCTION_INFO_V1(contactpoint_review_guard);
Datum
contactpoint_review_guard(PG_FUNCTION_ARGS)
{
	if (!cp_capture_for_person() || cp_caller_is_superuser())
		PG_RETURN_BOOL(true);
	if (GetUserId() != GetOuterUserId())
		PG_RETURN_BOOL(false);
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(cp_caller_has_role("contactpoint_admin"));
	PG_RETURN_BOOL(cp_caller_manages(PG_GETARG_INT64(0)));
}

/*
 * _check_text(what, value, max_chars): the value, trimmed, or an error.
 */
PG_FUNCTION_INFO_V1(contactpoint_check_text);
Datum
contactpoint_check_text(PG_FUNCTION_ARGS)
{
	const char *what = PG_ARGISNULL(0) ? "text" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			max_chars = PG_GETARG_INT32(2);
	char	   *value = PG_ARGISNULL(1) ? pstrdup("") : text_to_cstring(PG_GETARG_TEXT_PP(1));
	const char *fault;
	int			length;

	while (*value == ' ')
		value++;
	for (length = strlen(value); length > 0 && value[length - 1] == ' '; length--)
		value[length - 1] = '\0';
	fault = cp_text_fault(value, max_chars);
	if (fault != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CP_WRONG_STATE),
				 errmsg("the %s %s", what, fault),
				 errhint("Give one line of 1 to %d characters.", max_chars)));
	PG_RETURN_TEXT_P(cstring_to_text(value));
}
