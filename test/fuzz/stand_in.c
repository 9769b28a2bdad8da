/*
 * stand_in.c
 *	  Stands in for the server where pure files of src are linked without one:
 *	  memory, lists, dates, multibyte text, errors.
 *
 *	  Each palloc is a malloc of its own, so that the address sanitizer sees
 *	  where each ends; fuzz_reset() frees what one input has used.
 *
 *	  Invariant: same results as the server's own functions of these names.
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"

#include "fuzz.h"

typedef struct Block
{
	struct Block *next;
	struct Block *previous;
	Size		size;
	uint64		align;
} Block;

static Block blocks = {&blocks, &blocks, 0, 0};

MemoryContext CurrentMemoryContext = NULL;
MemoryContext TopMemoryContext = NULL;
MemoryContext CacheMemoryContext = NULL;

/* ---------- memory ---------- */

void *
palloc(Size size)
{
	Block	   *block = malloc(sizeof(Block) + size);

	if (block == NULL || !AllocSizeIsValid(size))
		abort();
	block->size = size;
	block->next = blocks.next;
	block->previous = &blocks;
	block->next->previous = block;
	blocks.next = block;
	return block + 1;
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
palloc_extended(Size size, int flags)
{
	return (flags & MCXT_ALLOC_ZERO) != 0 ? palloc0(size) : palloc(size);
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return palloc(size);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return palloc0(size);
}

void *
MemoryContextAllocZeroAligned(MemoryContext context, Size size)
{
	return palloc0(size);
}

void
pfree(void *pointer)
{
	Block	   *block = (Block *) pointer - 1;

	block->next->previous = block->previous;
	block->previous->next = block->next;
	free(block);
}

void *
repalloc(void *pointer, Size size)
{
	void	   *new = palloc(size);

	memcpy(new, pointer, Min(size, ((Block *) pointer - 1)->size));
	pfree(pointer);
	return new;
}

char *
pnstrdup(const char *in, Size len)
{
	char	   *out;

	len = strnlen(in, len);
	out = palloc(len + 1);
	memcpy(out, in, len);
	out[len] = '\0';
	return out;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

void
fuzz_reset(void)
{
	while (blocks.next != &blocks)
		pfree(blocks.next + 1);
}

/* ---------- text ---------- */

int
pg_mb2wchar_with_len(const char *from, pg_wchar *to, int len)
{
	return pg_wchar_table[PG_UTF8].mb2wchar_with_len((const unsigned char *) from, to, len);
}

int
pg_mblen(const char *mbstr)
{
	return pg_utf_mblen((const unsigned char *) mbstr);
}

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

/* Of libpgcommon; takes memory from malloc there (see --wrap in test/fuzz.sh). */
extern pg_wchar *__real_unicode_normalize(UnicodeNormalizationForm form, const pg_wchar *input);
extern pg_wchar *__wrap_unicode_normalize(UnicodeNormalizationForm form, const pg_wchar *input);

pg_wchar *
__wrap_unicode_normalize(UnicodeNormalizationForm form, const pg_wchar *input)
{
	pg_wchar   *made = __real_unicode_normalize(form, input);
	pg_wchar   *result;
	Size		n = 0;

	while (made[n] != 0)
		n++;
	result = palloc((n + 1) * sizeof(pg_wchar));
	memcpy(result, made, (n + 1) * sizeof(pg_wchar));
	free(made);
	return result;
}

/* ---------- lists ---------- */

List *
lappend(List *list, void *datum)
{
	if (list == NIL)
	{
		list = palloc0(sizeof(List));
		list->type = T_List;
	}
	if (list->length == list->max_length)
	{
		ListCell   *old = list->elements;

		list->max_length = Max(4, list->max_length * 2);
		list->elements = palloc(list->max_length * sizeof(ListCell));
		if (old != NULL)
			memcpy(list->elements, old, list->length * sizeof(ListCell));
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

List *
list_make1_impl(NodeTag type, ListCell datum1)
{
	return lappend(NIL, datum1.ptr_value);
}

/* ---------- dates ---------- */

const int	day_tab[2][13] = {
	{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0},
	{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0}
};

/* Days before a day of the proleptic Gregorian calendar, counted from day 0. */
static int
days_before(int year, int month, int day)
{
	int			y = year + 4800 - (month <= 2);

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * ((month + 9) % 12) + 2) / 5 + day - 32045;
}

int
date2j(int year, int month, int day)
{
	return days_before(year, month, day);
}

void
j2date(int jd, int *year, int *month, int *day)
{
	int			y = (int) ((jd + 32044.5) / 365.2425) - 4800;

	while (days_before(y + 1, 1, 1) <= jd)
		y++;
	while (days_before(y, 1, 1) > jd)
		y--;
	*year = y;
	*month = 1;
	while (*month < 12 && days_before(y, *month + 1, 1) <= jd)
		(*month)++;
	*day = jd - days_before(y, *month, 1) + 1;
}

/* ---------- errors: a pure file raises none ---------- */

bool
errstart(int elevel, const char *domain)
{
	abort();
}

bool
errstart_cold(int elevel, const char *domain)
{
	abort();
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	abort();
}

int
errcode(int sqlerrcode)
{
	return 0;
}

int
errmsg(const char *fmt,...)
{
	return 0;
}

int
errmsg_internal(const char *fmt,...)
{
	return 0;
}

int
errhint(const char *fmt,...)
{
	return 0;
}

/* ---------- SQL functions beside the pure ones: nobody calls them ---------- */

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	abort();
}

char *
text_to_cstring(const text *t)
{
	abort();
}

text *
cstring_to_text(const char *s)
{
	abort();
}
