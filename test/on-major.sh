#!/bin/sh
# Run suites on another major version, in a chroot of the Debian release that
# has it.  Usage: test/on-major.sh MAJOR [SUITE...]
#
# The chroot is made once, in build/chroot-MAJOR.  Exits with 77 if it cannot be
# set up (no root, no network): that is skipped, not passed.
set -eu

cd "$(dirname "$0")/.."
major=${1:?usage: test/on-major.sh MAJOR [SUITE...]}
shift
case $major in
	15) release=bookworm ;;
	17) release=trixie ;;
	18) release=forky ;;
	*) echo "on-major: no release of Debian known with PostgreSQL $major" >&2; exit 77 ;;
esac
# Style and lint depend on the version of a tool, not of the server.
[ $# != 0 ] || set -- compile symbols regress isolation pgtap tap

skip()
{
	echo "skipped: PostgreSQL $major: $*"
	exit 77
}

[ "$(id -u)" = 0 ] || skip "making a chroot needs root"
unshare -m true 2>/dev/null || skip "no mount namespaces here"

chroot=$PWD/build/chroot-$major
if ! [ -e "$chroot/complete" ]; then
	test/setup.sh majors || skip "cannot install mmdebstrap"
	echo "on-major: making a chroot of Debian $release in $chroot"
	rm -rf "$chroot"
	mkdir -p build
	# Headers are only unpacked: the package would bring clang and LLVM, half
	# the disk.  A testing release may lie beyond its Valid-Until.
	# shellcheck disable=SC2016	# $1 is the hook's
	timeout 420 mmdebstrap --quiet --variant=apt --mode=root \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
		--dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--include=ca-certificates,libpq-dev,gcc,make,libc6-dev,libipc-run-perl,perl \
		--customize-hook='chroot "$1" sh -eu -c "cd /root; export DEBIAN_FRONTEND=noninteractive
			apt-get update -qq
			apt-get install -qq -y --no-install-recommends postgresql-'"$major postgresql-$major-pgtap postgresql-$major-plpgsql-check"' libtap-parser-sourcehandler-pgtap-perl
			apt-get download -qq postgresql-server-dev-'"$major"'
			dpkg -x postgresql-server-dev-'"$major"'_*.deb /; rm -f *.deb; apt-get clean"' \
		"$release" "$chroot" >build/chroot-"$major".log 2>&1 ||
		{ tail -n 15 build/chroot-"$major".log; rm -rf "$chroot"; skip "cannot make the chroot"; }
	touch "$chroot/complete"
fi

rm -rf "$chroot/src"
mkdir -p "$chroot/src"
cp -R Makefile contactpoint.control sql src test "$chroot/src"
if [ -d expected ]; then cp -R expected "$chroot/src"; fi

# The mounts live in a namespace of their own: nothing stays behind.
status=0
# shellcheck disable=SC2016	# $1, $2, $3 are the inner shell's
unshare -m --propagation private sh -eu -c '
	mount -t proc proc "$1/proc"
	mount --rbind /dev "$1/dev"
	mount -t tmpfs tmpfs "$1/dev/shm"
	exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		PG_CONFIG="/usr/lib/postgresql/$2/bin/pg_config" make -s -C /src suites SUITES="$3"
	' run "$chroot" "$major" "$*" || status=$?

mkdir -p build/counts "build/pg$major"
rm -f "build/counts/$major"
if [ -f "$chroot/src/build/counts/$major" ]; then
	cp "$chroot/src/build/counts/$major" build/counts
fi
if [ -d "$chroot/src/build/pg$major/results" ]; then
	rm -rf "build/pg$major/results"
	cp -R "$chroot/src/build/pg$major/results" "build/pg$major"
fi
# 77 means something else here.
[ "$status" != 77 ] || status=1
exit "$status"
