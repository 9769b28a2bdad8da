# shellcheck shell=sh disable=SC2154	# the caller says what dir, samples, report and round are
#
# Sides that take turns, CPU that a server used, lines of the report; sourced by
# run.sh and matching.sh.

hertz=$(getconf CLK_TCK)

say()
{
	echo "$*" | tee -a "$report"
}

# wanted NAME: is a group of figures asked for?
wanted()
{
	[ -n "$BENCH_ONLY" ] || return 0
	for word in $BENCH_ONLY; do
		case $1 in "$word"*) return 0 ;; esac
	done
	return 1
}

# turns OPTIONS {LABEL SERVER USER SETUP STATEMENT}...: one round, into
# samples/LABEL; sides of a server that is not there are left out
turns()
{
	options=$1
	shift
	left=$(($# / 5))
	while [ "$left" -gt 0 ]; do
		if [ -d "$dir/$2" ]; then
			set -- "$@" "$1" "host=$dir/$2 user=$3 dbname=bench" "$4" "$5"
		fi
		shift 5
		left=$((left - 1))
	done
	# shellcheck disable=SC2086	# a list
	"$dir/turns" -r "$round" $options "$@" >"$dir/turns.out"
	while read -r label rest; do
		echo "$rest" >>"$samples/$label"
	done <"$dir/turns.out"
}

# ticks_of PID FIELDS: ticks of CPU a process has used (14-15), and those of its
# children that have ended (14-17); 0 of one that is gone by now
ticks_of()
{
	used=$(cut -d' ' -f"$2" "/proc/$1/stat" 2>/dev/null | tr ' ' +)
	echo $((${used:-0}))
}

# cpu_of SERVER: ticks that all its processes have used, those that ended too
cpu_of()
{
	postmaster=$(head -n 1 "$dir/$1/data/postmaster.pid")
	ticks=$(ticks_of "$postmaster" 14-17)
	for pid in $(pgrep -P "$postmaster"); do
		ticks=$((ticks + $(ticks_of "$pid" 14-15)))
	done
	echo "$ticks"
}

# sample_work LABEL ENTRIES NANOSECONDS TICKS
sample_work()
{
	awk -v round="$round" -v n="$2" -v ns="$3" -v ticks="$4" -v hertz="$hertz" \
		'BEGIN { print round, n / ns * 1e9, ticks / hertz * 1e6 / n }' >>"$samples/$1"
}

# figure NAME LABEL UNIT PEER-LABEL OF-WHAT [TARGET]
# A name that ends in _cpu is judged by CPU and not by the clock.
figure()
{
	if [ -f "$samples/$4" ]; then
		line=$(awk -v name="$1" -v unit="$3" -v what="$5" -v target="${6:-}" -f test/bench/figure.awk "$samples/$2" "$samples/$4")
		say "$line"
	fi
}

compile_turns()
{
	cc -O2 -I"$("$PG_CONFIG" --includedir)" test/bench/turns.c -o "$dir/turns" -L"$("$PG_CONFIG" --libdir)" -lpq
}
