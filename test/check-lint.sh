#!/bin/sh
# Static analysis of the C files by cppcheck.
set -eu

cd "$(dirname "$0")/.."
command -v cppcheck >/dev/null || { echo "skipped: cppcheck is not installed"; exit 77; }
[ -n "$(find src -name '*.c')" ] || exit 0

# The server's headers are left out, they take minutes: what cppcheck must know
# of them is said here.  ereport(ERROR) does not return, elog(ERROR) neither.
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP
cat >"$tmp/server.h" <<'END'
#define PG_VERSION_NUM 150020
#define INT64_FORMAT "%ld"
#define UINT64_FORMAT "%lu"
#define PG_MODULE_MAGIC
#define PG_FUNCTION_INFO_V1(name) struct info_##name
#define PG_FUNCTION_ARGS struct FunctionCallInfoBaseData *fcinfo
#define PGDLLEXPORT
#define pg_attribute_noreturn() __attribute__((noreturn))
#define ERROR 21
#define FATAL 22
#define PANIC 23
#define ereport(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define PG_TRY() do { if (1) {
#define PG_CATCH() } else {
#define PG_FINALLY() } {
#define PG_END_TRY() } } while (0)
#define foreach(cell, list) for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
#define PG_RETURN_NULL() do { return (Datum) 0; } while (0)
#define PG_RETURN_VOID() return (Datum) 0
#define CppAsString(identifier) #identifier
#define CppAsString2(x) CppAsString(x)
#define INT64CONST(x) (x##L)
#define UINT64CONST(x) (x##UL)
#define Assert(condition) do { if (!(condition)) abort(); } while (0)
#define lengthof(array) (sizeof(array) / sizeof((array)[0]))
#define StaticAssertDecl(condition, message) struct assertion
#define StaticAssertStmt(condition, message) do { } while (0)
END

cppcheck --quiet --std=c99 --language=c --enable=warning,portability,performance --inline-suppr \
	--error-exitcode=1 -j "$(nproc)" -Isrc --include="$tmp/server.h" \
	--suppress=missingInclude --suppress=missingIncludeSystem --suppress=unusedStructMember \
	--template='{file}:{line}: {message} [{id}]' src ||
	{ echo "mend it, or put '/* cppcheck-suppress ID */' with the reason on the line before"; exit 1; }
