/*-------------------------------------------------------------------------
 *
 * frontend.h
 *	  What the pure files of src/ (model.h) need outside a server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND_SUPPORT_H
#define FRONTEND_SUPPORT_H

#include "model.h"

/* Id of a normalised word, new or known. */
extern int32 dictionary_id(const char *word);

/* One more record, or one more record with this word. */
extern void dictionary_count_record(void);
extern void dictionary_count(int32 id, bool given, bool family);
extern void dictionary_reset(void);

/* What cp_kin_share() gives; where it is 0 the weights tell. */
extern void dictionary_count_kin(const CpKinShares *shares);

/* Finds words that are spelt alike, for cp_dictionary_similar_codes(). */
extern void dictionary_similar(void);

/* Highest id in use; ids are 1 ... dictionary_size(). */
extern int32 dictionary_size(void);

/* Reads the rows of sql/51-weight.sql, version NULL-terminated text of the file. */
extern void weights_read(const char *path);
extern void weights_set(const CpWeights *values);

/* Adds the words of a name to a person. */
extern void person_add_name(CpPerson *person, const char *given, const char *family);

#endif							/* FRONTEND_SUPPORT_H */
