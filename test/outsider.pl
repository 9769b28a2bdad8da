#!/usr/bin/perl
# What somebody outside needs to check the audit: no database, no contactpoint.
# Follows RFC 9162, sections 2.1.3.2 and 2.1.4.2.  Hashes and leaves in hex.
#   outsider.pl inclusion ENTRY SIZE ROOT LEAF [HASH...]
#   outsider.pl consistency OLD_SIZE OLD_ROOT NEW_SIZE NEW_ROOT [HASH...]
use strict;
use warnings;
use Digest::SHA 'sha256';

sub node { return sha256("\x01", $_[0], $_[1]) }

sub inclusion
{
	my ($entry, $size, $root, $leaf, @path) = @_;
	my ($fn, $sn, $r) = ($entry - 1, $size - 1, sha256("\x00", $leaf));
	return 0 if $entry < 1 || $entry > $size;
	for my $p (@path)
	{
		return 0 if $sn == 0;
		if ($fn & 1 || $fn == $sn)
		{
			$r = node($p, $r);
			until ($fn & 1 || $fn == 0) { $fn >>= 1; $sn >>= 1 }
		}
		else { $r = node($r, $p) }
		$fn >>= 1; $sn >>= 1;
	}
	return $sn == 0 && $r eq $root;
}

sub consistency
{
	my ($old, $old_root, $new, $new_root, @path) = @_;
	return $old_root eq $new_root && !@path if $old == $new;
	unshift @path, $old_root if ($old & ($old - 1)) == 0;
	my ($fn, $sn) = ($old - 1, $new - 1);
	while ($fn & 1) { $fn >>= 1; $sn >>= 1 }
	my $fr = my $sr = shift @path // return 0;
	for my $c (@path)
	{
		return 0 if $sn == 0;
		if ($fn & 1 || $fn == $sn)
		{
			($fr, $sr) = (node($c, $fr), node($c, $sr));
			until ($fn & 1 || $fn == 0) { $fn >>= 1; $sn >>= 1 }
		}
		else { $sr = node($sr, $c) }
		$fn >>= 1; $sn >>= 1;
	}
	return $sn == 0 && $fr eq $old_root && $sr eq $new_root;
}

my ($what, @argument) = @ARGV;
my @plain = $what eq 'inclusion' ? (0, 1) : (0, 2);
for my $i (0 .. $#argument)
{
	$argument[$i] = pack 'H*', $argument[$i] unless grep { $_ == $i } @plain;
}
my $good = $what eq 'inclusion' ? inclusion(@argument) : consistency(@argument);
print $good ? "proven\n" : "NOT proven\n";
exit !$good;
