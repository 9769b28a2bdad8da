#!/bin/sh
# What becomes of the rows of labelled sets, decided in the database.
# Usage: make quality-decisions [DATA=../shared/data] [SETS="febrl3 ons_essnet"] [SOURCES=0]
# Skips where there are no sets.  decisions.pl says what is measured.
set -eu

cd "$(dirname "$0")/../.."
data=${QUALITY_DATA:-../shared/data}
major=$("${PG_CONFIG:-pg_config}" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
if ! ls "$data"/*.csv >/dev/null 2>&1; then
	echo "skipped: no labelled sets in $data: name their directory by DATA="
	exit 0
fi

# The user of the cluster may not reach the sets.
copy=$(mktemp -d /tmp/contactpoint-sets.XXXXXX)
trap 'rm -rf "$copy"' EXIT
trap 'exit 130' INT TERM HUP
cp "$data"/*.csv "$copy"
chmod -R a+rX "$copy"
# shellcheck disable=SC2086	# a list
test/with-cluster.sh perl test/quality/decisions.pl --data="$copy" --results="build/pg$major/results" \
	--sources="${QUALITY_SOURCES:-0}" ${QUALITY_SETS:-}
