#!/bin/sh
# Make up children and uploads as CSV.
# Usage: test/generate/run.sh DIRECTORY [children=1000] [seed=1] [unchanged=0] [changed=0] [matched=0] [new=0] [shielded=0]
#        [least_errors=1] [most_errors=3] [shielded_share=0.005] [alias_share=0.001] [details=1]
# What the files hold: README.md.  load.sql beside this file loads them.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
directory=${1:?usage: test/generate/run.sh DIRECTORY [name=value]...}
shift
mkdir -p "$directory"
${CC:-cc} -O2 -Wall -Wextra -o "$directory/generate" "$here/generate.c"
"$directory/generate" "$here/../data/names" "$directory" "$@"
