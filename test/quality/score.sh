#!/bin/sh
# F1 of the score on the labelled sets, without a server: score.sh DATA [SET ...]
set -eu

cd "$(dirname "$0")/../.."
data=${1:-../shared/data}
[ $# -gt 0 ] && shift
ls "$data"/*.csv >/dev/null 2>&1 || { echo "quality-score: skipped, no labelled sets in $data (DATA=)"; exit 0; }
tool=$(test/quality/build.sh score)
if [ $# -gt 0 ]; then
	files=
	for set in "$@"; do files="$files $data/$set.csv"; done
else
	files=$(ls "$data"/*.csv)
fi
# shellcheck disable=SC2086	# names of files
exec "$tool" $files
