/*-------------------------------------------------------------------------
 *
 * inbox.h
 *	  The columns of the inbox, for the files that write and read it below the
 *	  executor: upload.c, received.c, inbox.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CP_INBOX_H
#define CP_INBOX_H

/* columns of contactpoint.upload, in its order */
enum
{
	UPLOAD_ID = 1,
	UPLOAD_SOURCE,
	UPLOAD_SOURCE_REF,
	UPLOAD_BATCH,
	UPLOAD_AUTHORITY,
	UPLOAD_GIVEN_NAMES,
	UPLOAD_FAMILY_NAME,
	UPLOAD_SEX,
	UPLOAD_DATE_OF_BIRTH,
	UPLOAD_ADDRESS,
	UPLOAD_POSTCODE,
	UPLOAD_IDENTIFIERS,
	UPLOAD_CARERS,
	UPLOAD_INVOLVEMENTS,
	UPLOAD_ALIAS_NAMES,
	UPLOAD_RECEIVED_AT,
	UPLOAD_RECEIVED_FROM,
	UPLOAD_COLUMNS = UPLOAD_RECEIVED_FROM
};

/* columns of contactpoint.receipt, in its order */
enum
{
	RECEIPT_ID = 1,
	RECEIPT_SOURCE,
	RECEIPT_SOURCE_REF,
	RECEIPT_BATCH,
	RECEIPT_RECEIVED_AT,
	RECEIPT_SETTLED_AT,
	RECEIPT_WAITS,
	RECEIPT_COLUMNS = RECEIPT_WAITS
};

/* columns of contactpoint.source that are used here */
enum
{
	SOURCE_SOURCE = 1,
	SOURCE_ORGANISATION,
	SOURCE_FEED_ROLE,
	SOURCE_PRIORITY,
	SOURCE_PAUSED_AT,
	SOURCE_EMBARGOED_AT
};

/* ---------- upload.c ---------- */

/*
 * Raises KC003 unless the caller may upload under this source, KC005 while it
 * is paused.
 */
extern void cp_upload_require_source(const char *source);

#endif							/* CP_INBOX_H */
