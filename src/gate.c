/*-------------------------------------------------------------------------
 *
 * gate.c
 *	  Nothing leaves before its entry is durable.
 *
 *	  The gate stands between the backend and its client, in the place of the
 *	  methods that put messages into libpq's output buffer.  Once rows of the
 *	  registry have been consulted, every message (rows, COPY data, notices,
 *	  errors) is held here until the entries are in the journal and the
 *	  journal's WAL is on disk, and on the synchronous standbys if there are
 *	  any.  That is done when the buffer is full or the backend wants to flush,
 *	  so a short statement costs one flush, shared with other backends.
 *
 *	  Two things must hold of every byte that passes:
 *	  - no id is waiting to be appended (cp_capture_is_pending), and
 *	  - the WAL of all entries (required) is durable.
 *
 *	  Appending may fail and takes locks, so it is done only where an error is
 *	  welcome: not while an error or notice is on its way to the client, nor
 *	  with interrupts held off (quickdie sends its warning from a signal
 *	  handler).  A notice about a row waits for the next row.  An error does not wait:
 *	  whatever it can have seen was appended when it passed the executor
 *	  (capture.c).  Where that was not so, as with the FATAL that ends a
 *	  session in the middle of a row, what is held is dropped and the client
 *	  gets a constant text in place of the message; the look is appended when
 *	  the process exits.
 *
 *	  A commit hands what was read on to other sessions, by tables and by
 *	  notifications, and these have no gate of their own for it.  So entries are
 *	  made durable before it, too.
 *
 *	  Neither synchronous_commit nor any other setting of a user makes an
 *	  entry less durable; contactpoint.audit_durability does, which only
 *	  superusers set.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "compat.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "postmaster/walwriter.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/bufmgr.h"
#include "storage/lwlock.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"

#include "audit.h"

/* types of messages; 15 and 16 have no names for them */
#define ERROR_RESPONSE 'E'
#define NOTICE_RESPONSE 'N'

/* fields of the error that stands for one whose look is not on record */
#define WITHHELD \
	"CKC006\0" \
	"Mthe answer is withheld: its look is not on record\0" \
	"HThe session was cut off in the middle of a look, or an entry could not be made durable; the server log says which.\0"

#define FIRST_ASYNC_HOLD 32		/* kB of an answer held at first, see
								 * most_to_hold */

/* what stands before each message held */
typedef struct HeldHeader
{
	uint32		length;
	char		type;
} HeldHeader;

static const PQcommMethods *client = NULL;	/* what the gate stands before */
static PQcommMethods gate;
static StringInfoData held;		/* messages, in a context of its own */
static char last_type = 0;		/* type of the message put last */
static int	async_hold = FIRST_ASYNC_HOLD;	/* kB, see most_to_hold */
static bool releasing = false;	/* no recursion */
static bool given_up = false;	/* do not try again for the next error */

static XLogRecPtr required = InvalidXLogRecPtr; /* must be durable */
static XLogRecPtr durable = InvalidXLogRecPtr;	/* is */

/*
 * Waits for synchronous standbys, at the level "on" of synchronous_commit
 * whatever the session has set.  False if they do not have the entry: the wait
 * was cancelled, which core does not make an error.
 */
static bool
standbys_have(XLogRecPtr lsn)
{
	int			saved_level = synchronous_commit;
	bool		reached;

	if (max_wal_senders == 0 || SyncRepStandbyNames == NULL ||
		SyncRepStandbyNames[0] == '\0')
		return true;

	/* no error can come between these two */
	HOLD_INTERRUPTS();
	synchronous_commit = SYNCHRONOUS_COMMIT_REMOTE_FLUSH;
	assign_synchronous_commit(synchronous_commit, NULL);
	SyncRepWaitForLSN(lsn, false);
	synchronous_commit = saved_level;
	assign_synchronous_commit(synchronous_commit, NULL);
	RESUME_INTERRUPTS();

	LWLockAcquire(SyncRepLock, LW_SHARED);
	reached = WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH] >= lsn;
	LWLockRelease(SyncRepLock);
	return reached;
}

/*
 * Asks the WAL writer to flush.  It does so once in wal_writer_delay, so asking
 * more often would only wake it for nothing.  What is appended after the last
 * time that it was asked, it writes when a page is full, and the sealer flushes
 * when it has sealed it.
 */
static void
ask_wal_writer(void)
{
	static TimestampTz asked = 0;
	TimestampTz now = GetCurrentStatementStartTimestamp();

	if (now >= asked && now < asked + WalWriterDelay * INT64CONST(1000))
		return;
	asked = now;
	XLogSetAsyncXactLSN(required);
}

/*
 * Makes all required entries durable; false if a standby lacks them.
 */
static bool
make_durable(void)
{
	if (durable >= required)
		return true;
	if (cp_audit_durability == CP_DURABILITY_ASYNC)
		ask_wal_writer();
	else
	{
		XLogFlush(required);
		if (!standbys_have(required))
			return false;
	}
	durable = required;
	return true;
}

static void
refuse_unconfirmed(void)
{
	/* the wait may have ended because the session is to end */
	if (ProcDiePending)
		CHECK_FOR_INTERRUPTS();
	ereport(ERROR,
			(errcode(ERRCODE_CP_AUDIT_UNAVAILABLE),
			 errmsg("the look is recorded, but no synchronous standby has confirmed it"),
			 errhint("The answer is withheld. See synchronous_standby_names and pg_stat_replication.")));
}

static bool
everything_recorded(void)
{
	return !cp_capture_is_pending() && durable >= required;
}

/*
 * May what is not recorded be recorded here and now?  After a notice only a
 * flush is due, never an append.
 */
static bool
may_record(void)
{
	return !releasing && InterruptHoldoffCount == 0 && CritSectionCount == 0 &&
		last_type != ERROR_RESPONSE &&
		(last_type != NOTICE_RESPONSE || !cp_capture_is_pending());
}

static void
hold(char type, const char *s, size_t length)
{
	HeldHeader	header = {length, type};

	enlargeStringInfo(&held, sizeof(header) + length);
	memcpy(held.data + held.len, &header, sizeof(header));
	memcpy(held.data + held.len + sizeof(header), s, length);
	held.len += sizeof(header) + length;
}

/*
 * Passes on what is held.  Everything is recorded.
 */
static int
let_out(void)
{
	int			result = 0;
	int			offset = 0;

	while (offset < held.len)
	{
		HeldHeader	header;

		memcpy(&header, held.data + offset, sizeof(header));
		offset += sizeof(header);
		if (client->putmessage(header.type, held.data + offset, header.length) != 0)
			result = EOF;
		offset += header.length;
	}
	resetStringInfo(&held);
	return result;
}

/*
 * Records what is not recorded and lets out what is held.  Sets *out to false,
 * and leaves everything held, where this is no place for it.
 */
static int
release(bool *out)
{
	int			result;

	*out = false;
	if (!may_record())
		return 0;

	releasing = true;
	PG_TRY();
	{
		cp_capture_append_pending();
		if (!make_durable())
		{
			given_up = true;
			refuse_unconfirmed();
		}
		given_up = false;
		result = let_out();
	}
	PG_FINALLY();
	{
		releasing = false;
	}
	PG_END_TRY();
	*out = true;
	return result;
}

/*
 * Puts an error with a constant text in the place of one whose look is not on
 * record.  The first two fields of an ErrorResponse are the severity, whose
 * values are core's own.
 */
static int
put_withheld(const char *s, size_t length)
{
	static const char text[] = WITHHELD;
	char		message[sizeof(text) + 64];
	size_t		severity = 0;

	for (int fields = 0; fields < 2 && severity < length; fields++)
		severity += strnlen(s + severity, length - severity) + 1;
	if (severity > length || severity > 64)
		severity = 0;
	memcpy(message, s, severity);
	memcpy(message + severity, text, sizeof(text));
	return client->putmessage(ERROR_RESPONSE, message, severity + sizeof(text));
}

/*
 * Is everything that an error can quote on record?  Its transaction is not yet
 * aborted, so nothing is appended, and what the failing code held is released
 * before WAL is flushed.  If the flush fails with an error of its own, that one
 * comes by here next, and is not tried again.
 */
static bool
error_is_recorded(void)
{
	bool		recorded;

	if (everything_recorded())
		return true;
	if (cp_capture_is_pending() || CritSectionCount > 0 || given_up)
	{
		given_up = false;
		return false;
	}
	given_up = true;
	LWLockReleaseAll();
	UnlockBuffers();
	recorded = make_durable();
	given_up = false;
	return recorded;
}

static int
put_error(const char *s, size_t length)
{
	int			result;

	if (releasing)
	{
		/* the session ends while messages are let out */
		resetStringInfo(&held);
		return 0;
	}
	if (!error_is_recorded())
	{
		durable = required;		/* what they stood for never left */
		resetStringInfo(&held);
		return put_withheld(s, length);
	}
	result = let_out();
	if (client->putmessage(ERROR_RESPONSE, s, length) != 0)
		result = EOF;
	return result;
}

/*
 * Bytes of an answer that are held at most.  Where there is no flush to wait for,
 * the client gets the first part of a long answer soon and then parts of
 * doubling size, since each part costs an entry of its own.
 */
static size_t
most_to_hold(void)
{
	if (cp_audit_durability == CP_DURABILITY_ASYNC && async_hold < cp_hold_buffer)
		return (size_t) async_hold * 1024;
	return (size_t) cp_hold_buffer * 1024;
}

static int
gate_putmessage(char msgtype, const char *s, size_t len)
{
	bool		out;

	last_type = msgtype;
	if (msgtype == ERROR_RESPONSE)
		return put_error(s, len);
	if (held.len == 0 && everything_recorded())
		return client->putmessage(msgtype, s, len);
	if (held.len + len > most_to_hold())
	{
		int			result = release(&out);

		if (async_hold < cp_hold_buffer)
			async_hold *= 2;
		if (out)
		{
			if (client->putmessage(msgtype, s, len) != 0)
				result = EOF;
			return result;
		}
	}
	hold(msgtype, s, len);
	return 0;
}

static void
gate_putmessage_noblock(char msgtype, const char *s, size_t len)
{
	bool		out = true;

	last_type = msgtype;
	if (held.len > 0 || !everything_recorded())
		release(&out);
	if (out)
		client->putmessage_noblock(msgtype, s, len);
	else
		hold(msgtype, s, len);
}

static int
gate_flush(void)
{
	bool		out;

	async_hold = FIRST_ASYNC_HOLD;
	if ((held.len > 0 || !everything_recorded()) && release(&out) != 0)
		return EOF;
	return client->flush();
}

static int
gate_flush_if_writable(void)
{
	bool		out;

	if ((held.len > 0 || !everything_recorded()) && release(&out) != 0)
		return EOF;
	return client->flush_if_writable();
}

static bool
gate_is_send_pending(void)
{
	return held.len > 0 || client->is_send_pending();
}

/*
 * Before a commit.  What it makes visible leaves by other sessions.
 */
static void
flush_before_commit(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_PRE_COMMIT || make_durable())
		return;
	given_up = true;
	refuse_unconfirmed();
}

/*
 * Puts the gate before this backend's client, once.  Where there is no client
 * (background workers), cp_gate_settle makes entries durable instead.
 */
void
cp_gate_install(void)
{
	MemoryContext context;
	MemoryContext oldcontext;

	if (client != NULL || whereToSendOutput != DestRemote ||
		(MyBackendType != B_BACKEND && MyBackendType != B_WAL_SENDER))
		return;

	context = AllocSetContextCreate(TopMemoryContext, "contactpoint gate",
									ALLOCSET_DEFAULT_SIZES);
	oldcontext = MemoryContextSwitchTo(context);
	initStringInfo(&held);
	MemoryContextSwitchTo(oldcontext);

	gate = *PqCommMethods;
	gate.flush = gate_flush;
	gate.flush_if_writable = gate_flush_if_writable;
	gate.is_send_pending = gate_is_send_pending;
	gate.putmessage = gate_putmessage;
	gate.putmessage_noblock = gate_putmessage_noblock;
	client = PqCommMethods;
#ifdef CP_CONTROL_WITHOUT_GATE
	elog(LOG, "this build of contactpoint has no gate: for tests only");
	return;
#endif
	PqCommMethods = &gate;
	RegisterXactCallback(flush_before_commit, NULL);
}

/*
 * An entry up to this position must be durable before the next byte leaves.
 */
void
cp_gate_require(XLogRecPtr lsn)
{
	if (lsn > required)
		required = lsn;
}

/*
 * Makes them durable here, and waits for no standby.
 */
void
cp_gate_flush_locally(void)
{
	XLogFlush(required);
}

/*
 * Makes all required entries durable where no gate does it before the answer
 * leaves.  Raises KC006 if a synchronous standby does not confirm them.
 */
void
cp_gate_settle(void)
{
	if (client == NULL && !make_durable())
		refuse_unconfirmed();
}
