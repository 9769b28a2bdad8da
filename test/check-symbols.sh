#!/bin/sh
# The library exports what the server and SQL look up, and nothing else: other
# names could clash with another library's.
set -eu

cd "$(dirname "$0")/.."
pg_config=${PG_CONFIG:-pg_config}
major=$("$pg_config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
library=build/pg$major/stage$("$pg_config" --pkglibdir)/contactpoint.so
[ -f "$library" ] || { echo "$library is missing: run 'make stage'"; exit 1; }

exported=$(nm -D --defined-only "$library" | awk '{ print $NF }' |
	grep -Ev '^(contactpoint_.*|pg_finfo_contactpoint_.*|Pg_magic_func|_PG_init|cp_[a-z_]+_main)$' || :)
if [ -n "$exported" ]; then
	echo "exported without need: make these static, or take PGDLLEXPORT away:"
	echo "$exported"
	exit 1
fi

if grep -q 'for tests only' "$library"; then
	echo "$library is a negative control of the tests: build it anew, without CP_CONTROL_..."
	exit 1
fi
