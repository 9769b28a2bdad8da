# One line of the report, from two files of "round rate [cpu]": the median of the
# first, the median of the ratios of the same round, their range, the median
# ratio of the CPU needed for one, and whether the target (">= 0.90", "< 1.00"
# or none) is met.

function sort(values, n,    i, j, value)
{
	for (i = 2; i <= n; i++) {
		value = values[i]
		for (j = i - 1; j > 0 && values[j] > value; j--)
			values[j + 1] = values[j]
		values[j + 1] = value
	}
}

function median(values, n)
{
	sort(values, n)
	return n % 2 ? values[(n + 1) / 2] : (values[n / 2] + values[n / 2 + 1]) / 2
}

# what is done in a second, of time or of the server's CPU
function rate_of(seconds, cpu)
{
	return name ~ /_cpu$/ ? 1000000 / cpu : seconds
}

FNR == NR { rate[$1] = rate_of($2, $3); cpu[$1] = $3; rates[++n] = rate[$1]; next }

{
	ratios[++m] = rate[$1] / rate_of($2, $3)
	if ($3 > 0)
		costs[++measured] = cpu[$1] / $3
}

END {
	if (n == 0 || n != m) {
		print "bench: runs are missing for " name > "/dev/stderr"
		exit 1
	}
	value = median(rates, n)
	ratio = median(ratios, m)
	split(target, limit)
	verdict = target == "" ? "no target" : \
		"target " target ": " ((limit[1] == ">=" ? ratio >= limit[2] : ratio < limit[2]) ? "met" : "NOT met")
	printf "%-26s %9s %-13s %6.3f  of %s  [%.2f..%.2f%s]  (%s)\n", name,
		sprintf(value < 100 ? "%.2f" : "%.0f", value), unit, ratio, what, ratios[1], ratios[m],
		measured && name !~ /_cpu$/ ? sprintf("; cpu x %.2f", median(costs, measured)) : "", verdict
}
