# shellcheck shell=sh disable=SC2154	# run.sh says what dir, children and step are
#
# Three servers with the same settings and the same children; sourced by run.sh.
#
#   ours      the library preloaded, the registry in the database
#   peer      hand-written row security, no library
#   pgaudit   the same as peer, with pgaudit
#
# Each has its own directory below $dir, which holds its socket too.  Unlike the
# servers of the tests they wait for the disk.  The sealer waits until it is told
# to work, so that it is known which runs it takes part in.

# more_settings: matching.sh has some of its own
more_settings()
{
	:
}

start_server()
{
	server=$1
	initdb -D "$dir/$server/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 ||
		{ cat "$dir/initdb.log" >&2; exit 1; }
	{
		cat <<-END
			listen_addresses = ''
			unix_socket_directories = '$dir/$server'
			max_connections = 50
			max_worker_processes = 16
			shared_buffers = 256MB
			max_wal_size = 8GB
			checkpoint_timeout = 1h
			autovacuum_naptime = 1h
		END
		case $server in
			ours | small)
				cat "$TEMP_CONFIG"
				cat <<-END
					shared_preload_libraries = 'contactpoint'
					contactpoint.databases = 'bench'
					contactpoint.reason_minutes = 1440
					contactpoint.seal_interval = 1d
					contactpoint.seal_timeout = 1d
					contactpoint.journal_limit = 32GB
					contactpoint.max_disclosure_day = 2000000000
				END
				;;
			pgaudit)
				# What somebody sets who wants to know who read what.
				cat <<-END
					shared_preload_libraries = 'pgaudit'
					pgaudit.log = 'read'
					pgaudit.log_catalog = off
					pgaudit.log_relation = on
					pgaudit.log_parameter = on
					pgaudit.log_rows = on
					logging_collector = on
					log_directory = 'log'
					log_line_prefix = '%m [%p] %u %a %h '
				END
				;;
		esac
		more_settings
	} >>"$dir/$server/data/postgresql.conf"
	control "$server" start
	sql "$server" postgres 'CREATE DATABASE bench'
}

# control SERVER start|restart
control()
{
	pg_ctl -w -D "$dir/$1/data" -l "$dir/$1/start.log" "$2" >/dev/null || { cat "$dir/$1/start.log" >&2; exit 1; }
}

stop_servers()
{
	for server in ours peer pgaudit small; do
		if [ -f "$dir/$server/data/postmaster.pid" ]; then
			pg_ctl -D "$dir/$server/data" -m immediate -w stop >/dev/null 2>&1 || :
		fi
	done
}

# sql SERVER DATABASE STATEMENT: as superuser; prints values alone
sql()
{
	psql -XAtq -v ON_ERROR_STOP=1 -h "$dir/$1" -U postgres -d "$2" -c "$3"
}

# fill SERVER FILE
fill()
{
	psql -XAtq -v ON_ERROR_STOP=1 -v children="$children" -v step="$step" -h "$dir/$1" -U postgres -d bench \
		-f "test/bench/$2.sql" >"$dir/$1/fill.log" 2>&1 || { cat "$dir/$1/fill.log" >&2; exit 1; }
	sql "$1" bench CHECKPOINT
}

has_pgaudit()
{
	[ -e "$(pg_config --pkglibdir)/pgaudit.so" ]
}

start_servers()
{
	start_server peer
	fill peer handwritten
	if has_pgaudit; then
		start_server pgaudit
		fill pgaudit handwritten
		sql pgaudit bench 'CREATE EXTENSION pgaudit'
	fi
	start_server ours
	fill ours registry
}

# sealer_every INTERVAL: also makes it look at the journal now
sealer_every()
{
	sql ours bench "ALTER SYSTEM SET contactpoint.seal_interval = '$1'"
	sql ours bench 'SELECT pg_reload_conf()' >"$dir/reload.out"
}

wait_sealed()
{
	until [ "$(sql ours bench 'SELECT unsealed_bytes FROM contactpoint.status')" = 0 ]; do
		sleep 0.05
	done
}

drain_journal()
{
	sealer_every 10ms
	wait_sealed
	sealer_every 1d
}

# Starts all servers anew, with nothing for the sealer to do and with the tables
# in memory.
restart_servers()
{
	drain_journal
	for server in ours peer pgaudit; do
		[ -d "$dir/$server" ] || continue
		control "$server" restart
		sql "$server" bench "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;
			SELECT count(given_names) FROM contactpoint.child WHERE child_id > 0;
			SELECT count(postcode) FROM contactpoint.address WHERE child_id > 0;
			SELECT count(place) FROM public.stock WHERE item > 0" >"$dir/warm.out"
	done
}
