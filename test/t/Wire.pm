# A small client of protocol version 3, for what psql cannot do or does not show:
# rows as they arrive, Execute with a limit of rows, statements in one packet, a
# client that vanishes.  Unix socket, trust authentication, text format.
#
#   my $wire = Wire->connect($node, 'contactpoint', user => 'regress_practitioner');
#   my $wire = Wire->connect($node, 'contactpoint', options => { application_name => 'x' });
#   my $pid = $wire->pid;                                  # of the backend
#
# Whole answers; SQL may be several statements.  An answer is described at until_ready.
#
#   my $answer = $wire->query("SELECT ...");               # errors are in the answer
#   my $text = $wire->ask("SELECT ...");                   # dies of errors; as psql -At
#
# Messages of one's own.  They gather until something is sent or read: sync, flush
# and simple_query send, so several statements before one sync are a pipeline.
#
#   $wire->parse('s', 'SELECT $1::int')->bind('p', 's', [7])->describe(P => 'p')
#     ->execute('p', 10)->sync;                            # 10 rows at most, 0: all
#   my $answer = $wire->until_ready;
#   $wire->execute('p', 1)->flush;                         # no sync: the transaction goes on
#   my $answer = $wire->until(qr/[CsE]/);                  # CommandComplete, PortalSuspended, error
#   $wire->close_portal('p')->close_statement('s')->sync;
#   $wire->put(H => '');                                   # any message
#
# Messages as they arrive, one by one:
#
#   $wire->simple_query("COPY (SELECT ...) TO STDOUT");    # returns at once
#   while (my $message = $wire->next_message) {            # undef: the server is gone
#       my ($type, $body) = @$message;                     # 'D', 'd', 'C', 'E', 'Z' ...
#       my @columns = Wire::columns($body) if $type eq 'D';
#       my $fields = Wire::fields($body) if $type =~ /[EN]/; # {S, V, C, M, D, H ...}
#   }
#   $wire->rest;                                           # bytes of a message cut off
#
# Ends: finish (Terminate), vanish (the socket is closed without a word),
# cancel (a cancel request, as psql does on ^C).
#
# Every wait ends after timeout seconds (PostgreSQL::Test::Utils::timeout_default), by die.
package Wire;

use strict;
use warnings;

use IO::Select;
use IO::Socket::UNIX;
use PostgreSQL::Test::Utils;

use constant PROTOCOL => 196608;
use constant CANCEL_REQUEST => 80877102;

sub socket_to
{
	my ($node) = @_;
	my $path = $node->host . '/.s.PGSQL.' . $node->port;
	my $socket = IO::Socket::UNIX->new(Peer => $path) or die "wire: $path: $!";

	return $socket;
}

# Options: user (default: the superuser of the cluster), options (hash of
# settings in the startup message), timeout in seconds.
sub connect
{
	my ($class, $node, $dbname, %option) = @_;
	my %parameter = (
		user     => $option{user} // scalar getpwuid($<),
		database => $dbname,
		%{ $option{options} // {} });
	my $self = bless {
		node    => $node,
		socket  => socket_to($node),
		in      => '',
		out     => '',
		timeout => $option{timeout} // $PostgreSQL::Test::Utils::timeout_default,
	}, $class;
	my $startup = pack('N', PROTOCOL) . pack('(Z*)*', %parameter) . "\0";

	$self->{out} = pack('N', 4 + length $startup) . $startup;
	my $answer = $self->until_ready;
	die "wire: no connection: " . ($answer->{errors}[0]{M} // 'closed') . "\n"
	  unless defined $answer->{status};
	return $self;
}

sub pid { return $_[0]{pid}; }
sub socket { return $_[0]{socket}; }
sub rest { return $_[0]{in}; }

# ---------- sending ----------

# Adds a message to what the next sending takes along.
sub put
{
	my ($self, $type, $body) = @_;

	$self->{out} .= $type . pack('N', 4 + length $body) . $body;
	return $self;
}

# Sends what has gathered; false if the server is gone.
sub send
{
	my ($self) = @_;
	local $SIG{PIPE} = 'IGNORE';

	while (length $self->{out})
	{
		my $written = syswrite $self->{socket}, $self->{out};
		next if !defined $written && $!{EINTR};
		if (!defined $written)
		{
			$self->{out} = '';
			return 0;
		}
		substr $self->{out}, 0, $written, '';
	}
	return 1;
}

sub simple_query
{
	my ($self, $sql) = @_;

	utf8::encode($sql) if utf8::is_utf8($sql);
	$self->put(Q => "$sql\0")->send;
	return $self;
}

sub parse
{
	my ($self, $statement, $sql, @types) = @_;

	utf8::encode($sql) if utf8::is_utf8($sql);
	return $self->put(P => pack('Z*Z*n/(N)', $statement, $sql, @types));
}

# Values are text, undef is NULL.
sub bind
{
	my ($self, $portal, $statement, $values) = @_;
	my $body = pack('Z*Z*nn', $portal, $statement, 0, scalar @{ $values // [] });

	for my $value (@{ $values // [] })
	{
		$body .= defined $value ? pack('N/a*', $value) : pack('N', 0xFFFFFFFF);
	}
	return $self->put(B => $body . pack('n', 0));
}

# kind: S (statement) or P (portal)
sub describe
{
	my ($self, $kind, $name) = @_;

	return $self->put(D => $kind . pack('Z*', $name));
}

sub execute
{
	my ($self, $portal, $limit) = @_;

	return $self->put(E => pack('Z*N', $portal, $limit // 0));
}

sub close_portal { return $_[0]->put(C => 'P' . pack('Z*', $_[1])); }
sub close_statement { return $_[0]->put(C => 'S' . pack('Z*', $_[1])); }

sub sync
{
	my ($self) = @_;

	$self->put(S => '')->send;
	return $self;
}

sub flush
{
	my ($self) = @_;

	$self->put(H => '')->send;
	return $self;
}

# ---------- receiving ----------

# The next message as [type, body], undef when the server has closed.
sub next_message
{
	my ($self, $timeout) = @_;
	my $until = time + ($timeout // $self->{timeout});

	$self->send if length $self->{out};
	while (1)
	{
		if (length $self->{in} >= 5)
		{
			my ($type, $length) = unpack('aN', $self->{in});
			if (length $self->{in} > $length)
			{
				my $body = substr $self->{in}, 5, $length - 4;
				substr $self->{in}, 0, $length + 1, '';
				return [ $type, $body ];
			}
		}
		my $left = $until - time;
		die "wire: no answer in time\n"
		  unless $left > 0 && IO::Select->new($self->{socket})->can_read($left);
		my $got = sysread $self->{socket}, $self->{in}, 65536, length $self->{in};
		next if !defined $got && $!{EINTR};
		return undef unless $got;
	}
}

# Values of a DataRow, undef for NULL.
sub columns
{
	my ($body) = @_;
	my $count = unpack('n', $body);
	my $at = 2;
	my @values;

	for (1 .. $count)
	{
		my $length = unpack("x$at l>", $body);
		push @values, $length < 0 ? undef : substr $body, $at + 4, $length;
		$at += 4 + ($length < 0 ? 0 : $length);
	}
	return @values;
}

# Fields of an ErrorResponse or NoticeResponse by their letters.
sub fields
{
	my ($body) = @_;

	return { map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body };
}

# Reads up to a message whose type matches, or the end.  What came is told as
#   messages  all of them, [type, body]        types     their types, as one string
#   rows      of DataRow, [columns]            copy      of CopyData, joined
#   tags      of CommandComplete               suspended how many PortalSuspended
#   errors, notices   hashes of fields         status    I, T or E of ReadyForQuery
#   closed    the server has closed the connection
sub until
{
	my ($self, $types, $timeout) = @_;
	my %answer = (
		messages => [], types => '', rows => [], copy => '', tags => [],
		suspended => 0, errors => [], notices => [], closed => 0);

	while (1)
	{
		my $message = $self->next_message($timeout);
		if (!defined $message)
		{
			$answer{closed} = 1;
			last;
		}
		my ($type, $body) = @$message;
		push @{ $answer{messages} }, $message;
		$answer{types} .= $type;
		if ($type eq 'D') { push @{ $answer{rows} }, [ columns($body) ]; }
		elsif ($type eq 'd') { $answer{copy} .= $body; }
		elsif ($type eq 'C') { push @{ $answer{tags} }, unpack('Z*', $body); }
		elsif ($type eq 's') { $answer{suspended}++; }
		elsif ($type eq 'E') { push @{ $answer{errors} }, fields($body); }
		elsif ($type eq 'N') { push @{ $answer{notices} }, fields($body); }
		elsif ($type eq 'Z') { $answer{status} = $body; }
		elsif ($type eq 'K') { @$self{qw(pid key)} = unpack('NN', $body); }
		elsif ($type eq 'R' && unpack('N', $body) != 0)
		{
			die "wire: the server wants a password\n";
		}
		last if $type =~ $types;
	}
	return \%answer;
}

sub until_ready
{
	my ($self, $timeout) = @_;

	return $self->until(qr/Z/, $timeout);
}

# ---------- whole answers ----------

sub query
{
	my ($self, $sql) = @_;

	return $self->simple_query($sql)->until_ready;
}

# Rows as lines, columns joined by |; COPY data as it came.  Dies of errors.
sub ask
{
	my ($self, $sql) = @_;
	my $answer = $self->query($sql);

	die "wire: the server has gone\nof: $sql\n" if $answer->{closed} && !@{ $answer->{errors} };
	die "wire: $answer->{errors}[0]{C}: $answer->{errors}[0]{M}\nof: $sql\n" if @{ $answer->{errors} };
	return join("\n", map { join '|', map { $_ // '' } @$_ } @{ $answer->{rows} }) . $answer->{copy};
}

# ---------- ends ----------

# Says good-bye and waits until the backend has gone.
sub finish
{
	my ($self) = @_;

	$self->put(X => '')->send;
	1 while defined $self->next_message;
	close $self->{socket};
	return;
}

sub vanish
{
	my ($self) = @_;

	close $self->{socket};
	return;
}

sub cancel
{
	my ($self) = @_;
	my $socket = socket_to($self->{node});

	syswrite $socket, pack('NNNN', 16, CANCEL_REQUEST, $self->{pid}, $self->{key});
	sysread $socket, my $end, 1;	# the postmaster closes when it has passed it on
	close $socket;
	return;
}

1;
