#!/bin/sh
# Every C file compiles without a warning, assertions included.
set -eu

cd "$(dirname "$0")/.."
pg_config=${PG_CONFIG:-pg_config}
include=$("$pg_config" --includedir-server)
# -isystem: the server's headers are not ours to mend.  The switches that are
# off again: parameters that an interface prescribes, comparisons with sizeof,
# initialisers and casts that PostgreSQL's own idioms need, and a guess about
# variables around PG_TRY that is wrong more often than not.
# shellcheck disable=SC2046	# flags
find src -name '*.c' | LC_ALL=C sort |
	xargs -r -n 1 -P "$(nproc)" gcc $("$pg_config" --cflags) -fPIC -fvisibility=hidden -D_GNU_SOURCE -DUSE_ASSERT_CHECKING \
		-Wall -Wextra -Werror -Wstrict-prototypes -Wold-style-definition -Wundef \
		-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-cast-function-type -Wno-clobbered \
		-DCONTACTPOINT_VERSION='"0"' -Isrc -isystem "$include" -c -o /dev/null ||
	{ echo "mend what the compiler says above, or say in src/compat.h why it cannot be"; exit 1; }
