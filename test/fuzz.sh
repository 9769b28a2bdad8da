#!/bin/sh
# Fuzzes the pure files of matching.  make fuzz [FUZZ_SECONDS=60] [ONLY="normalize"]
#	test/fuzz.sh replay		runs the kept corpus once, without a fuzzer
#
# A target is test/fuzz/NAME_target.c, its corpus test/fuzz/corpus/NAME.  What a
# fuzzer finds is written to build/fuzz/NAME; a bug that is mended leaves its
# input in the corpus.  test/README.md explains.
set -eu

cd "$(dirname "$0")/.."
pg_config=${PG_CONFIG:-pg_config}
seconds=${FUZZ_SECONDS:-60}
build=build/fuzz
mkdir -p "$build"

targets=
for file in test/fuzz/*_target.c; do
	name=${file#test/fuzz/}
	targets="$targets ${name%_target.c}"
done

pure='src/letter.c src/normalize.c src/family_name.c src/postcode.c src/word.c src/compare.c src/compare_birth.c src/compare_place.c src/compare_number.c src/score.c src/kin.c src/doubt.c src/guard.c'

# compile TARGET COMPILER OUTPUT FLAG...
compile()
{
	target=$1 compiler=$2 output=$3
	shift 3
	# Functions that only SQL calls are left out, with what they need.
	# shellcheck disable=SC2086	# a list
	"$compiler" -g -O1 -fno-omit-frame-pointer -fno-strict-aliasing -fwrapv -ffunction-sections -fno-sanitize-recover=all \
		-Wall -Wno-unused-command-line-argument -D_GNU_SOURCE -DUSE_ASSERT_CHECKING \
		-Isrc -Itest/fuzz -isystem "$("$pg_config" --includedir-server)" "$@" -o "$output" \
		$pure "test/fuzz/${target}_target.c" test/fuzz/model.c test/fuzz/input.c test/fuzz/stand_in.c test/quality/variants.c \
		-Wl,--gc-sections -Wl,--wrap=unicode_normalize \
		-L"$("$pg_config" --pkglibdir)" -L"$("$pg_config" --libdir)" -lpgcommon -lpgport -lm
}

# Signed overflow is defined in the server (-fwrapv), so nothing is wrong with it.
case ${1:-} in
	replay)
		for target in $targets; do
			compile "$target" gcc "$build/$target-replay" -fsanitize=undefined test/fuzz/replay.c
			"$build/$target-replay" "test/fuzz/corpus/$target"/* 2>"$build/$target-replay.log" ||
				{ tail -n 20 "$build/$target-replay.log" >&2; exit 1; }
		done
		exit ;;
esac

clang=$(command -v clang-14 || command -v clang) || { echo "fuzz: needs clang with libFuzzer: apt-get install clang libclang-rt-dev" >&2; exit 1; }
for target in ${ONLY:-$targets}; do
	compile "$target" "$clang" "$build/$target-fuzzer" -fsanitize=fuzzer,address,undefined
	mkdir -p "$build/$target" "test/fuzz/corpus/$target"
	echo "fuzzing $target for $seconds s"
	"$build/$target-fuzzer" -max_total_time="$seconds" -max_len=2048 -timeout=10 -print_final_stats=1 -artifact_prefix="$build/$target-" \
		-dict=test/fuzz/text.dict "$build/$target" "test/fuzz/corpus/$target" >"$build/$target.log" 2>&1 ||
		{ tail -n 40 "$build/$target.log" >&2; exit 1; }
	grep -h '^stat::\|^Done ' "$build/$target.log"
done
