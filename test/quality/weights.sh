#!/bin/sh
# Trains the weights on the labelled sets that may be copied, tries them on the others, and prints
# rows for sql/51-weight.sql: weights.sh DATA [VERSION].  What each set scores, trained with and
# without it, goes to the screen.
set -eu

cd "$(dirname "$0")/../.."
data=${1:-../shared/data}
[ -f "$data/febrl3.csv" ] || { echo "weights: skipped, no labelled sets in $data (DATA=)" >&2; exit 0; }
tool=$(test/quality/build.sh train)
training=
for set in febrl1 febrl2 febrl3 splink_fake1000 splink_historical50k opencr_uganda jempi_gen20k senzing_truthset; do
	training="$training $data/$set.csv"
done
# shellcheck disable=SC2086	# names of files
exec "$tool" -l -v "${2:-2}" $training test: "$data/ons_essnet.csv" "$data/rldata500.csv" "$data/splink_fake20000.csv"
