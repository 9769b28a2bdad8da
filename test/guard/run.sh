#!/bin/sh
# What test/guard.sh measures, inside a throw-away cluster.
# Usage: test/guard/run.sh CHILDREN SHIELDED_ROWS OTHER_ROWS SEED
set -eu

here=$(cd "$(dirname "$0")" && pwd)
children=$1
shielded=$2
other=$3
seed=$4
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
trap 'exit 143' TERM INT HUP

"$here/../generate/run.sh" "$made" children="$children" seed="$seed" shielded="$shielded" \
	unchanged=$((other / 10)) changed=$((other / 10)) matched=$((other / 2)) new=$((other - other / 10 * 2 - other / 2))
psql -X -q -At -v dir="$made" -f "$here/../generate/load.sql"
psql -X -q -P pager=off -v dir="$made" -f "$here/rows.sql"
psql -X -q -P pager=off -v ON_ERROR_STOP=1 -f "$here/report.sql"
# row by row what went wrong
psql -X -q -At -v dir="$made" -f "$here/rows_wrong.sql" >"$here/../../build/pg$(pg_config --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')/results/guard.txt"
