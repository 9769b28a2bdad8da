#!/bin/sh
# Compiles one of the offline tools with the very files of src: build.sh score|train
# Prints where it is.
set -eu

cd "$(dirname "$0")/../.."
pg_config=${PG_CONFIG:-pg_config}
mkdir -p build/quality
src="src/letter.c src/normalize.c src/family_name.c src/postcode.c src/word.c src/compare.c src/compare_birth.c src/compare_place.c src/compare_number.c src/score.c src/kin.c src/doubt.c src/guard.c src/guard_key.c src/keys.c src/key_probe.c src/traits.c src/prefilter.c"
# shellcheck disable=SC2086	# names of files
gcc -O3 -DFRONTEND -D_GNU_SOURCE -Wall -Wno-maybe-uninitialized -Isrc -Itest/quality -isystem "$("$pg_config" --includedir-server)" \
	"test/quality/$1.c" test/quality/frontend.c test/quality/dataset.c test/quality/variants.c $src -o "build/quality/$1" \
	-L"$("$pg_config" --libdir)" -L"$("$pg_config" --pkglibdir)" -L"$("$pg_config" --bindir)/../lib" -lpgcommon -lpgport -lm
echo "build/quality/$1"
