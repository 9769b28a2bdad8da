/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Everything that differs between the supported major versions of
 *	  PostgreSQL (15, 17, 18; 16 compiles).  No other file tests
 *	  PG_VERSION_NUM.
 *
 *	  Included by contactpoint.h.  Files that need libpq's Port include this
 *	  one straight after postgres.h, see ENABLE_GSS below.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_COMPAT_H
#define CP_COMPAT_H

#include <stdlib.h>

/* 15 is the first with security_invoker views and shmem_request_hook */
#if PG_VERSION_NUM < 150000
#error "contactpoint needs PostgreSQL 15 or newer"
#endif

/*
 * Debian's header package asks for krb5 headers in libpq/libpq-be.h without
 * depending on them.  Port.gss is never touched here, and core keeps a pointer
 * of the same size in its place so that the struct stays compatible.
 */
#undef ENABLE_GSS

/* 18 lets a module tell its name and version */
#if PG_VERSION_NUM >= 180000
#define CP_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "contactpoint", .version = CONTACTPOINT_VERSION)
#else
#define CP_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* 18 says first that a function does not return */
#if PG_VERSION_NUM >= 180000
#define CP_NORETURN pg_noreturn
#else
#define CP_NORETURN pg_attribute_noreturn()
#endif

/* 16 gave settings a memory context of their own */
#if PG_VERSION_NUM >= 160000
#define cp_guc_alloc(size) guc_malloc(LOG, (size))
#else
#define cp_guc_alloc(size) malloc(size)
#endif

/* 16 renamed what says where a relation is stored */
#if PG_VERSION_NUM >= 160000
#define CpRelationLocator(rel) ((rel)->rd_locator)
#else
#define CpRelationLocator(rel) ((rel)->rd_node)
#endif

/* 16 gathered the hooks of core's own settings in one header */
#if PG_VERSION_NUM >= 160000
#include "utils/guc.h"
#include "utils/guc_hooks.h"
#endif

/* 18 took execute_once out of ExecutorRun (core commit 3eea7a0c97) */
#if PG_VERSION_NUM >= 180000
#define CP_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define CP_EXECUTOR_RUN_ARGUMENTS queryDesc, direction, count
#define CP_EXECUTE_ONCE false
#else
#define CP_EXECUTOR_RUN_PARAMETERS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count, bool execute_once
#define CP_EXECUTOR_RUN_ARGUMENTS queryDesc, direction, count, execute_once
#define CP_EXECUTE_ONCE execute_once
#endif

/* 16 can extend a heap by several pages at once */
#if PG_VERSION_NUM >= 160000
#define cp_get_buffer_for_tuple(rel, length, vmbuffer) \
	RelationGetBufferForTuple((rel), (length), InvalidBuffer, 0, NULL, (vmbuffer), NULL, 0)
#else
#define cp_get_buffer_for_tuple(rel, length, vmbuffer) \
	RelationGetBufferForTuple((rel), (length), InvalidBuffer, 0, NULL, (vmbuffer), NULL)
#endif

/* 16 renamed relfilenode to relfilelocator */
#if PG_VERSION_NUM >= 160000
#define cp_relation_is_rewritten(rel) \
	((rel)->rd_createSubid != InvalidSubTransactionId || \
	 (rel)->rd_newRelfilelocatorSubid != InvalidSubTransactionId || \
	 (rel)->rd_firstRelfilelocatorSubid != InvalidSubTransactionId)
#else
#define cp_relation_is_rewritten(rel) \
	((rel)->rd_createSubid != InvalidSubTransactionId || \
	 (rel)->rd_newRelfilenodeSubid != InvalidSubTransactionId || \
	 (rel)->rd_firstRelfilenodeSubid != InvalidSubTransactionId)
#endif

/* 16 took the prefix t_ from the table counters */
#if PG_VERSION_NUM >= 160000
#define cp_count_frozen_insert(rel) \
	do { \
		(rel)->pgstat_info->counts.tuples_inserted++; \
		(rel)->pgstat_info->counts.delta_live_tuples++; \
		(rel)->pgstat_info->counts.changed_tuples++; \
	} while (0)
#else
#define cp_count_frozen_insert(rel) \
	do { \
		(rel)->pgstat_info->t_counts.t_tuples_inserted++; \
		(rel)->pgstat_info->t_counts.t_delta_live_tuples++; \
		(rel)->pgstat_info->t_counts.t_changed_tuples++; \
	} while (0)
#endif

/* 16 has one function for who owns what */
#if PG_VERSION_NUM >= 160000
#define cp_owns_database(database, role) \
	object_ownercheck(DatabaseRelationId, (database), (role))
#else
#define cp_owns_database(database, role) \
	pg_database_ownercheck((database), (role))
#endif

/* 18 reads asynchronously and cleans up after errors */
#if PG_VERSION_NUM >= 180000
#include "storage/aio_subsys.h"
#define cp_io_error_cleanup() pgaio_error_cleanup()
#else
#define cp_io_error_cleanup() ((void) 0)
#endif

/* 18 lets an index scan count what it does (core commit 0fbceae841) */
#if PG_VERSION_NUM >= 180000
#define cp_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan((heap), (index), (snapshot), NULL, (nkeys), 0)
#else
#define cp_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan((heap), (index), (snapshot), (nkeys), 0)
#endif

/* 16 can insert into summarizing indexes alone */
#if PG_VERSION_NUM >= 160000
#define cp_insert_index_tuples(result, slot, estate) \
	list_free(ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL, false))
#else
#define cp_insert_index_tuples(result, slot, estate) \
	list_free(ExecInsertIndexTuples((result), (slot), (estate), false, false, NULL, NIL))
#endif

/* 17 gave up old_snapshot_threshold (core commit f691f5b80a) */
#if PG_VERSION_NUM >= 170000
#define cp_test_for_old_snapshot(snapshot, rel, page) ((void) 0)
#else
#define cp_test_for_old_snapshot(snapshot, rel, page) TestForOldSnapshot((snapshot), (rel), (page))
#endif

/* 17 counts processes by number (core commit 024c521117) */
#if PG_VERSION_NUM >= 170000
#define cp_my_proc_number() (MyProcNumber)
#else
#define cp_my_proc_number() (MyProc->pgprocno)
#endif

/* 17 can ask for a stronger lock, too */
#if PG_VERSION_NUM >= 170000
#define cp_lock_is_held(tag, mode) LockHeldByMe((tag), (mode), false)
#else
#define cp_lock_is_held(tag, mode) LockHeldByMe((tag), (mode))
#endif

/* 16 parted permissions from the range table (core commit a61b1f7482) */
#if PG_VERSION_NUM >= 160000
#include "parser/parse_relation.h"
typedef struct RTEPermissionInfo CpPermission;
#define cp_permission(plan, rte) \
	((rte)->perminfoindex == 0 ? NULL : getRTEPermissionInfo((plan)->permInfos, (rte)))
#define CP_CHECK_PERMISSIONS_PARAMETERS \
	List *rangeTable, List *permissions, bool ereport_on_violation
#define CP_CHECK_PERMISSIONS_ARGUMENTS rangeTable, permissions, ereport_on_violation
#else
typedef struct RangeTblEntry CpPermission;
#define cp_permission(plan, rte) ((rte)->requiredPerms == 0 ? NULL : (rte))
#define CP_CHECK_PERMISSIONS_PARAMETERS List *permissions, bool ereport_on_violation
#define CP_CHECK_PERMISSIONS_ARGUMENTS permissions, ereport_on_violation
#endif

#endif							/* CP_COMPAT_H */
