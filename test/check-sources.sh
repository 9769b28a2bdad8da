#!/bin/sh
# Rules for the text of the sources that no other tool knows.
set -eu

cd "$(dirname "$0")/.."
status=0

found=$(grep -n 'PG_VERSION_NUM\|PG_MAJORVERSION_NUM' src/*.[ch] 2>/dev/null | grep -v '^src/compat.h:' || :)
if [ -n "$found" ]; then
	echo "$found"
	echo "versions are told apart in src/compat.h only: move this there"
	status=1
fi

found=$(grep -rnI '[[:blank:]]$' src sql test/*.sh test/t test/pgtap test/specs Makefile contactpoint.control 2>/dev/null || :)
if [ -n "$found" ]; then
	echo "$found"
	echo "blanks at the end of these lines: take them away"
	status=1
fi

# The script is joined from files whose number is their place in it.
found=$(find sql -maxdepth 1 -name '*.sql' ! -name '[0-9][0-9]-*.sql')
if [ -n "$found" ]; then
	echo "$found"
	echo "a file of sql/ begins with two digits, its place in the script"
	status=1
fi

found=$(find src sql -name '*.[ch]' -o -name '*.sql' | LC_ALL=C sort | xargs -r wc -l | awk '$1 > 600 && $2 != "total"')
if [ -n "$found" ]; then
	echo "$found" | sed 's/^ */warning: long file, over 600 lines: /'
fi
exit "$status"
