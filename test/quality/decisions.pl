# What becomes of the rows of labelled sets: make quality-decisions
# [DATA=directory] [SETS="febrl3 ons_essnet"]
#
# Runs inside test/with-cluster.sh.  Every set is sent as uploads through the
# inbox of a registry of its own, with the shipped weights and thresholds, once
# with and once without its identifiers, and settled by the matcher.  What is
# held is decided, batch by batch, by a reviewer who knows the labels but sees no
# more than the candidates of the review.
#
# Every record has a reference of its own.  Sets that name sources are sent one
# source after the other, the others in a random order that is always the same.
# A source knows its own children: two of its references with other given names
# are two children.  So of those sets the second record of a person comes from a
# second source, and so on; with --sources=N any row comes from any of N sources.
# A date outside 1900 to today, which the inbox refuses, is moved by centuries.
# Labels are used for that, to judge, and by the reviewer, for nothing else.
#
# Columns, one line a set:
#   rows       sent; known: of persons who were sent before; new: the others
#   attached   without a person, share of rows; precision: share of them that
#              went to a record made of a row of the same person
#   wrongly new  rows that became a second record of their person, share of
#              known; (+n) decided so by the reviewer, who was not shown the first
#   held       share of rows; of known; of new, in all and without those that
#              say too little for a record whatever is known
# Of each set a file in results/ names the rows that went wrong.
use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use File::Basename qw(basename);
use Getopt::Long;
use Time::HiRes qw(time);

my $batch = 1000;
my $sources = 0;
my ($data, $results, @sets);
GetOptions('data=s' => \$data, 'results=s' => \$results, 'batch=i' => \$batch,
	'sources=i' => \$sources) or exit 1;
@sets = @ARGV;

# Kinds in other_ids that number a person; the others only describe one.
my %number = map { $_ => 1 } qw(ssn nin art natid nhs upn passport dl phone email);
my ($year_now) = (gmtime)[5] + 1900;

# Fields of one line; a quote inside quotes is written twice.
sub csv_fields
{
	my ($line) = @_;
	my @fields;

	$line =~ s/\r?\n?$//;
	while ($line =~ /\G(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/g)
	{
		my ($quoted, $plain, $end) = ($1, $2, $3);
		$quoted =~ s/""/"/g if defined $quoted;
		push @fields, $quoted // $plain;
		last if $end eq '';
	}
	return @fields;
}

# A date as the inbox takes it, or undef where there is no such day.
sub date_sent
{
	my ($date) = @_;

	return undef if $date !~ /^(\d{4})-(\d\d)-(\d\d)$/;
	my ($year, $month, $day) = ($1, $2, $3);
	$year = 1900 + $year % 100 if $year < 1900 || $year >= $year_now;
	my $leap = $year % 4 == 0 && $year != 1900;
	my $days = (31, $leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[ $month - 1 ] // 0;
	return undef if $month < 1 || $day < 1 || $day > $days;
	return "$year-$month-$day";
}

# A name without what no name has.
sub name_sent
{
	my $name = join ' ', grep { $_ ne '' } @_;

	$name =~ s/[^\p{L}\p{M}\p{Pd}'. ]//g;
	return $name eq '' ? undef : $name;
}

sub identifiers_sent
{
	my ($list) = @_;
	my %sent;

	for my $entry (split /\|/, $list)
	{
		my ($kind, $value) = $entry =~ /^(\w+):(.*)$/ or next;
		next if !$number{$kind} || $value eq '';
		$value =~ s/[\\"[:cntrl:]]//g;
		$sent{$kind} //= $value;
	}
	return %sent
	  ? '{' . join(',', map { qq("$_":"$sent{$_}") } sort keys %sent) . '}'
	  : undef;
}

# Rows of a set in the order in which they are sent.
sub read_set
{
	my ($file) = @_;
	my @rows;

	open my $in, '<:encoding(UTF-8)', $file or die "cannot read $file: $!\n";
	my @columns = csv_fields(scalar <$in>);
	while (my $line = <$in>)
	{
		my %field;
		@field{@columns} = map { $_ // '' } csv_fields($line);
		my $sex = uc substr($field{sex} // '', 0, 1);
		utf8::encode(my $bytes = $field{record_id});
		push @rows, {
			reference     => $field{record_id},
			entity        => $field{true_entity_id},
			origin        => $field{source},
			order         => md5_hex($bytes),
			given_names   => name_sent($field{given_name}, $field{middle_name}),
			family_name   => name_sent($field{family_name}),
			sex           => $field{sex} =~ /^(?:[mf]|male|female)$/i ? $sex : undef,
			date_of_birth => date_sent($field{date_of_birth}),
			address       => $field{address} ne '' ? substr($field{address}, 0, 500) : undef,
			postcode => $field{postcode} ne '' && length $field{postcode} <= 20 ? $field{postcode} : undef,
			identifiers => identifiers_sent($field{other_ids}),
		  };
	}
	close $in;
	@rows = sort { $a->{origin} cmp $b->{origin} || $a->{order} cmp $b->{order} } @rows;
	my $first = $rows[0]{origin};
	my %sent;
	for my $row (@rows)
	{
		my $number = $sources > 0 ? hex(substr $row->{order}, -4) % $sources : $sent{ $row->{entity} }++;
		$row->{later} = $row->{origin} ne $first ? 't' : 'f';
		$row->{source} = $row->{origin} ne '' ? $row->{origin} : "source $number";
	}
	return @rows;
}

sub copy_line
{
	my %escaped = ("\\" => '\\\\', "\t" => '\t', "\n" => '\n', "\r" => '\r');

	return join("\t", map { defined $_ ? s/([\\\t\n\r])/$escaped{$1}/gr : '\N' } @_) . "\n";
}

# Runs a script as superuser and returns its output.
sub run_sql
{
	my ($database, $script) = @_;
	my $file = "$ENV{PGHOST}/decisions.sql";

	open my $out, '>:encoding(UTF-8)', $file or die "cannot write $file: $!\n";
	print $out $script;
	close $out;
	my $answer = qx(psql -X -q -A -t -F '\t' -v ON_ERROR_STOP=1 -d $database -f $file);
	die "decisions: psql failed\n" if $? != 0;
	return $answer;
}

sub share
{
	my ($part, $whole) = @_;
	return $whole == 0 ? '     -' : sprintf '%6.2f', 100 * $part / $whole;
}

sub report
{
	my ($label, $seconds, $line) = @_;
	my %f;
	@f{qw(rows known attached wrong second reviewed held known_held new new_held too_little rejected)} = split /\t/, $line;

	printf "%-28s %6d %6d %6d  %s %9s %5d  %s %5d %+4d  %s %s %s %s %5d %5d\n", $label, @f{qw(rows known new)},
	  share($f{attached}, $f{rows}), $f{attached} ? sprintf('%.5f', 1 - $f{wrong} / $f{attached}) : '-', $f{wrong},
	  share($f{second} + $f{reviewed}, $f{known}), $f{second}, $f{reviewed},
	  share($f{held}, $f{rows}), share($f{known_held}, $f{known}), share($f{new_held}, $f{new}),
	  share($f{new_held} - $f{too_little}, $f{new}), $f{rejected}, $seconds;
	return;
}

my $wrong = <<'SQL';
WITH pair AS (
    SELECT CASE WHEN j.outcome = 'match' THEN 'wrong record' WHEN j.held THEN 'not shown' ELSE 'wrongly new' END AS kind, j.*,
        CASE WHEN j.outcome = 'match' THEN j.went_to_n ELSE (SELECT min(f.n) FROM public.founder f WHERE f.entity = j.entity) END AS other
    FROM public.judged j
    WHERE (j.outcome = 'match' AND j.went_to IS DISTINCT FROM j.entity) OR j.second_record
)
SELECT p.kind, p.reference || ' / ' || coalesce(o.reference, ''), round(p.score::numeric, 1), coalesce(p.reason, ''),
    concat_ws(', ', coalesce(p.given_names, '-'), coalesce(p.family_name, '-'), coalesce(p.date_of_birth, '-'), p.sex, p.postcode, p.address, p.identifiers),
    concat_ws(', ', coalesce(o.given_names, '-'), coalesce(o.family_name, '-'), coalesce(o.date_of_birth, '-'), o.sex, o.postcode, o.address, o.identifiers)
FROM pair p LEFT JOIN public.sent o ON o.n = p.other ORDER BY 1, 2;
SELECT 'held', j.reason, CASE WHEN existing THEN 'known' ELSE 'new' END, outcome, count(*) FROM public.judged j WHERE held GROUP BY 2, 3, 4 ORDER BY 5 DESC;
SQL

# One set, with or without identifiers.
sub decide_set
{
	my ($name, $with_identifiers, @rows) = @_;
	my $database = 'decisions';
	my $label = $name . ($with_identifiers ? '' : ' noid');
	my $began = time;
	my $n = 0;
	my %source = map { $_->{source} => 1 } @rows;

	run_sql('postgres', "SET client_min_messages = warning;\nDROP DATABASE IF EXISTS $database;\nCREATE DATABASE $database;\n");
	my $script = "\\i test/quality/decisions.sql\n";
	$script .= "INSERT INTO contactpoint.source (source, organisation_id, feed_role) VALUES ('$_', 1, 'contactpoint_feed');\n"
	  for sort keys %source;
	$script .= "COPY public.sent FROM STDIN;\n";
	$script .= copy_line(++$n, @$_{qw(reference entity later source given_names family_name sex date_of_birth address postcode)},
		$with_identifiers ? $_->{identifiers} : undef) for @rows;
	$script .= "\\.\nSELECT public.clean();\n";
	for (my $first = 1; $first <= $n; $first += $batch)
	{
		my $last = $first + $batch - 1;
		$script .= "SELECT public.send($first, $last);\nCALL contactpoint.settle('1 hour');\nSELECT public.review_all();\n";
	}
	run_sql($database, $script);

	my $seconds = time - $began;
	my $link = grep { $_->{later} eq 't' } @rows;
	report($label, $seconds, run_sql($database, "SELECT * FROM public.figures(false)"));
	report("$label, later", 0, run_sql($database, "SELECT * FROM public.figures(true)")) if $link;
	if (defined $results)
	{
		my $file = "$results/decisions-" . ($label =~ s/ /-/gr) . '.txt';
		open my $out, '>:encoding(UTF-8)', $file or die "cannot write $file: $!\n";
		my $text = run_sql($database, $wrong);
		utf8::decode($text);
		print $out $text;
		close $out;
	}
	run_sql('postgres', "DROP DATABASE $database");
	return;
}

if (!defined $data || !-r $data || !glob "$data/*.csv")
{
	print 'skipped: no labelled sets in ', $data // 'DATA', ": name their directory by DATA=\n";
	exit 77;
}
$| = 1;
printf "%-28s %6s %6s %6s  %6s %9s %5s  %6s %10s  %6s %6s %6s %6s %5s %5s\n", '', 'rows', 'known', 'new', 'att. %', 'precision', 'wrong',
  'w.new%', 'auto +rev.', 'held %', 'known', 'new', 'enough', 'rej.', 's';
for my $file (sort glob "$data/*.csv")
{
	my $name = basename($file, '.csv');
	next if @sets && !grep { $_ eq $name } @sets;
	my @rows = read_set($file);

	decide_set($name, 1, @rows) if grep { defined $_->{identifiers} } @rows;
	decide_set($name, 0, @rows);
}
