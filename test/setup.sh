#!/bin/sh
# Install what is missing, from Debian.  Usage: test/setup.sh build|test|bench|fuzz|majors
#   build   compiler, server and its headers
#   test    the same and what the suites and checks use
#   bench   build and the peer that is measured beside
#   fuzz    build and a compiler that fuzzes
#   majors  what test/on-major.sh needs to make a chroot
# Does nothing, and needs no network, when all of it is there.
set -eu

what=${1:?usage: test/setup.sh build|test|bench|fuzz|majors}

as_root()
{
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	elif command -v sudo >/dev/null; then
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	else
		echo "setup: this needs root or sudo: $*" >&2
		exit 1
	fi
}

installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Major version of the server: the one PG_CONFIG names if it can build
# extensions, else the one this release of Debian stands for.
pg_major()
{
	config=${PG_CONFIG:-pg_config}
	pgxs=$("$config" --pgxs 2>/dev/null) || pgxs=
	if [ -n "$pgxs" ] && [ -e "$pgxs" ]; then
		"$config" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/'
	else
		apt-cache depends postgresql 2>/dev/null |
			sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1
	fi
}

packages()
{
	major=$1
	case $what in
		build | test | bench | fuzz)
			echo gcc make "postgresql-$major" "postgresql-client-$major" "postgresql-server-dev-$major" ;;
		majors)
			echo mmdebstrap arch-test ;;
		*)
			echo "setup: unknown set: $what" >&2
			exit 1 ;;
	esac
	if [ "$what" = test ]; then
		echo "postgresql-$major-pgtap" libtap-parser-sourcehandler-pgtap-perl \
			"postgresql-$major-plpgsql-check" pg-bsd-indent cppcheck binutils perl libipc-run-perl
	fi
	if [ "$what" = bench ]; then echo "postgresql-$major-pgaudit"; fi
	if [ "$what" = fuzz ]; then echo clang-14 libclang-rt-14-dev; fi
}

missing()
{
	for package in $(packages "$1"); do
		installed "$package" || echo "$package"
	done
}

if ! command -v dpkg-query >/dev/null; then
	echo "setup: not Debian: install PostgreSQL, its headers and test tools by hand, then run 'make suites'" >&2
	exit 1
fi

major=$(pg_major)
if [ -z "$major" ] || [ -n "$(missing "$major")" ]; then
	echo "setup: fetching package lists"
	as_root apt-get update -qq
	major=$(pg_major)
	if [ -z "$major" ]; then
		echo "setup: this release has no package postgresql: set PG_CONFIG" >&2
		exit 1
	fi

	list=$(missing "$major" | tr '\n' ' ')
	echo "setup: installing $list"

	# Installing a server would otherwise create and start a cluster.
	dropin=/etc/postgresql-common/createcluster.d/zz-contactpoint-setup.conf
	trap 'as_root rm -f "$dropin"' EXIT
	trap 'exit 130' INT TERM HUP
	as_root sh -c "mkdir -p ${dropin%/*} && echo 'create_main_cluster = false' >$dropin"
	# shellcheck disable=SC2086	# a list
	as_root apt-get install -qq -y --no-install-recommends $list >/dev/null
fi

# Row security of earlier minor releases can be got around.
if [ "$what" != majors ] && [ "$major" = 15 ]; then
	config=${PG_CONFIG:-pg_config}
	minor=$("$config" --version | sed 's/^PostgreSQL 15\.\([0-9]*\).*/\1/')
	if [ "$minor" -lt 20 ]; then
		echo "setup: PostgreSQL 15.$minor is too old: enable Debian's security updates and upgrade to 15.20 or later" >&2
		exit 1
	fi
fi
