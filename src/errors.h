/*-------------------------------------------------------------------------
 *
 * errors.h
 *	  The extension's own SQLSTATEs.  Classes that begin with K are free for
 *	  implementations (SQL:2016 part 2, 24.1); the README lists them for users.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_ERRORS_H
#define CP_ERRORS_H

/* no reason was given for a look, or the one given is over */
#define ERRCODE_CP_REASON_MISSING		MAKE_SQLSTATE('K','C','0','0','1')
/* no account, training or checks lapsed, suspended, organisation not open */
#define ERRCODE_CP_ACCOUNT_NOT_CURRENT	MAKE_SQLSTATE('K','C','0','0','2')
/* the account is current but may not do this */
#define ERRCODE_CP_NOT_AUTHORISED		MAKE_SQLSTATE('K','C','0','0','3')
/* the write would make a second record of a known child */
#define ERRCODE_CP_DUPLICATE			MAKE_SQLSTATE('K','C','0','0','4')
/* the source, or every source, is paused */
#define ERRCODE_CP_UPLOADS_PAUSED		MAKE_SQLSTATE('K','C','0','0','5')
/* the look could not be recorded, so it is refused */
#define ERRCODE_CP_AUDIT_UNAVAILABLE	MAKE_SQLSTATE('K','C','0','0','6')
/* an uploaded row is not valid */
#define ERRCODE_CP_INVALID_UPLOAD		MAKE_SQLSTATE('K','C','0','0','7')
/* the library is not in shared_preload_libraries */
#define ERRCODE_CP_NOT_PRELOADED		MAKE_SQLSTATE('K','C','0','0','8')
/* the statement would open a way around a protection */
#define ERRCODE_CP_PROTECTED			MAKE_SQLSTATE('K','C','0','0','9')
/* the call does not fit the state of the record, review or request */
#define ERRCODE_CP_WRONG_STATE			MAKE_SQLSTATE('K','C','0','1','0')
/* a restore was announced and has not been validated */
#define ERRCODE_CP_RESTORE_PENDING		MAKE_SQLSTATE('K','C','0','1','1')
/* the inbox could not be settled in the time allowed */
#define ERRCODE_CP_NOT_SETTLED			MAKE_SQLSTATE('K','C','0','1','2')
/* more children would be disclosed than the role may see at once, or in a day */
#define ERRCODE_CP_DISCLOSURE_LIMIT		MAKE_SQLSTATE('K','C','0','1','3')

#endif							/* CP_ERRORS_H */
