#!/bin/sh
# Run a command against a throw-away cluster that loads the staged build.
# Usage: test/with-cluster.sh [--no-start] COMMAND [ARGUMENT...]
#
# COMMAND runs as superuser of the cluster, in database contactpoint, which has
# the extension; its exit status is ours.  With --no-start there is no cluster,
# only TEMP_CONFIG, which servers of PostgreSQL::Test::Cluster read.
# Root hands over to the user postgres, in a copy of the tree; only
# build/pgNN/results comes back from it.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
PG_CONFIG=${PG_CONFIG:-pg_config}
export PG_CONFIG
major=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')
build=build/pg$major
if ! [ -d "$build/stage" ]; then
	echo "with-cluster: nothing staged in $build: run 'make stage' first" >&2
	exit 1
fi

# The socket lies here, and its path must be short: so not below $top.
tmp=$(mktemp -d /tmp/contactpoint.XXXXXX)
trap 'exit 130' INT HUP
trap 'exit 143' TERM

# initdb refuses to run as root, and postgres may not reach $top (/root, say).
if [ "$(id -u)" = 0 ]; then
	user=${CONTACTPOINT_TEST_USER:-postgres}
	trap 'rm -rf "$tmp"' EXIT
	mkdir -p "$tmp/tree/$build/results" "$build/results"
	cp -R Makefile contactpoint.control sql src test "$tmp/tree"
	if [ -d expected ]; then cp -R expected "$tmp/tree"; fi
	cp -R "$build/stage" "$tmp/tree/$build"
	for control in "$build"/control-*; do
		if [ -d "$control" ]; then cp -R "$control" "$tmp/tree/$build"; fi
	done
	chown -R "$user:" "$tmp"
	status=0
	setpriv --reuid="$user" --regid="$user" --init-groups \
		env HOME="$tmp" LOGNAME="$user" USER="$user" \
		sh "$tmp/tree/test/with-cluster.sh" "$@" || status=$?
	cp -R "$tmp/tree/$build/results/." "$build/results"
	exit "$status"
fi

bindir=$("$PG_CONFIG" --bindir)
libdir=$("$PG_CONFIG" --pkglibdir)
sharedir=$("$PG_CONFIG" --sharedir)
stage=$top/$build/stage
results=$top/$build/results
mkdir -p "$results"
export PATH="$bindir:$PATH"
# Nobody's habits: tests must not depend on what the caller has set.
unset PGHOSTADDR PGSERVICE PGSSLMODE PGOPTIONS PGPASSWORD PGPASSFILE PGAPPNAME PGTZ PGDATESTYLE PGCLIENTENCODING
export LC_ALL=C.UTF-8 PSQLRC=/dev/null

stop()
{
	status=$?
	trap '' INT HUP TERM
	if [ -f "$tmp/data/postmaster.pid" ]; then
		pg_ctl -D "$tmp/data" -m fast -w -t 30 stop >/dev/null 2>&1 || {
			echo "with-cluster: the server did not stop within 30 s; some process ignores SIGTERM:" >&2
			pgrep -l -a -P "$(head -n 1 "$tmp/data/postmaster.pid")" >&2 || :
			pg_ctl -D "$tmp/data" -m immediate -w stop >/dev/null 2>&1 || :
			[ "$status" != 0 ] || status=1
		}
	fi
	if [ -f "$tmp/log" ]; then
		cp "$tmp/log" "$results/server.log" || :
		if [ "$status" != 0 ]; then
			echo "---- end of the server log (all of it: $build/results/server.log)" >&2
			tail -n 40 "$tmp/log" >&2
		fi
	fi
	rm -rf "$tmp"
	exit "$status"
}
trap stop EXIT

# 18 has a search path for extensions; before, Debian's server has its own.
TEMP_CONFIG=$tmp/stage.conf
export TEMP_CONFIG
{
	echo "dynamic_library_path = '$stage$libdir:\$libdir'"
	if [ "$major" -ge 18 ]; then
		echo "extension_control_path = '$stage$sharedir:\$system'"
	else
		echo "extension_destdir = '$stage'"
	fi
} >"$TEMP_CONFIG"

if [ "$1" = --no-start ]; then
	shift
	"$@"
	exit
fi

export PGHOST="$tmp" PGPORT=5432 PGUSER=postgres PGDATABASE=contactpoint
initdb -D "$tmp/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$tmp/initdb.log" 2>&1 ||
	{ cat "$tmp/initdb.log" >&2; exit 1; }
{
	cat test/contactpoint.conf "$TEMP_CONFIG"
	echo "listen_addresses = ''"
	echo "unix_socket_directories = '$tmp'"
} >>"$tmp/data/postgresql.conf"
pg_ctl -w -D "$tmp/data" -l "$tmp/log" start >/dev/null
psql -X -q -v ON_ERROR_STOP=1 -d postgres -c 'CREATE DATABASE contactpoint'
PGOPTIONS='-c client_min_messages=warning' psql -X -q -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION contactpoint CASCADE'

"$@"
