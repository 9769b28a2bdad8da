# A server of its own for a TAP test, with the staged build preloaded.
#
#   use ContactPoint;
#   my $node = ContactPoint::start('main');                # extension in database contactpoint
#   my $node = ContactPoint::start('main', extension => 0, conf => "work_mem = '1MB'");
#   $node->safe_psql('contactpoint', 'SELECT ...');
package ContactPoint;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

# Options: conf (lines for postgresql.conf), preload (default 1), extension
# (default 1), init (arguments of PostgreSQL::Test::Cluster::init).
sub start
{
	my ($name, %option) = @_;
	my %init = %{ $option{init} // {} };
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ], %init);
	configure($node, %option);
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE contactpoint');
	if ($option{extension} // 1)
	{
		$node->safe_psql('contactpoint',
			'SET client_min_messages = warning; CREATE EXTENSION contactpoint CASCADE');
	}
	return $node;
}

# The settings of test/contactpoint.conf, for a node that was made another way.
sub configure
{
	my ($node, %option) = @_;

	my $conf = slurp_file('test/contactpoint.conf');
	$conf =~ s/^(shared_preload_libraries|contactpoint\.)/#$1/mg unless $option{preload} // 1;
	$node->append_conf('postgresql.conf', $conf);
	$node->append_conf('postgresql.conf', $option{conf}) if defined $option{conf};
	return;
}

1;
