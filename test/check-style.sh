#!/bin/sh
# The layout of C files, by pg_bsd_indent with pgindent's switches.
# Usage: test/check-style.sh [--write]   (--write mends the files: make indent)
set -eu

cd "$(dirname "$0")/.."
indent=$(command -v pg_bsd_indent) || { echo "skipped: pg_bsd_indent is not installed"; exit 77; }
# Another version lays out some lines in another way: nobody could please both.
case $("$indent" --version) in
	*2.1.1*) ;;
	*) echo "skipped: needs pg_bsd_indent 2.1.1, this is $("$indent" --version)"; exit 77 ;;
esac

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP

# Names of types, which indent cannot tell from other names: those after a
# closing brace, simple typedefs and typedefs of function pointers.
find "$("${PG_CONFIG:-pg_config}" --includedir-server)" src -name '*.[ch]' -exec cat {} + |
	sed -n -E \
		-e 's/^\} *([A-Za-z_][A-Za-z0-9_]*);.*/\1/p' \
		-e 's/^typedef [^(]*[ *]([A-Za-z_][A-Za-z0-9_]*);.*/\1/p' \
		-e 's/^typedef [^(]*\( *\*? *([A-Za-z_][A-Za-z0-9_]*) *\) *\(.*/\1/p' |
	LC_ALL=C sort -u >"$tmp/typedefs"
# Names of the C library, and types that are hidden in macros.
printf '%s\n' FILE bool size_t ssize_t pid_t time_t uint8_t uint32_t uint64_t va_list sig_atomic_t >>"$tmp/typedefs"
grep -vx text "$tmp/typedefs" >"$tmp/typedefs-without-text"

status=0
for file in src/*.c src/*.h; do
	[ -f "$file" ] || continue
	# A variable named text is taken for the type, and loses its blanks.
	types=$tmp/typedefs
	if grep -q '\*text\>' "$file"; then types=$tmp/typedefs-without-text; fi
	"$indent" -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4 \
		-U"$types" <"$file" >"$tmp/out" 2>"$tmp/err" || {
		echo "$file: indent cannot read this (compound literal, macro?): write it in a plainer way"
		cat "$tmp/err"
		grep INDENT "$tmp/out" || :
		status=1
		continue
	}
	# As pgindent does: one space before the star of a function's result.
	sed -E -i 's/^([A-Za-z_][^ \t]*)[ \t]+\*$/\1 */' "$tmp/out"
	if ! cmp -s "$file" "$tmp/out"; then
		if [ "${1:-}" = --write ]; then
			cat "$tmp/out" >"$file"
			echo "laid out anew: $file"
		else
			echo "$file is not laid out as pgindent would: run 'make indent'"
			diff -u "$file" "$tmp/out" | tail -n +3 || :
			status=1
		fi
	fi
done
exit "$status"
