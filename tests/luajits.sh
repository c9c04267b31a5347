#!/bin/sh
# SPDX-License-Identifier: MIT
#
# luajits.sh FOLDER NAME: a LuaJIT beside the installed one, made in FOLDER
# unless it is there; prints what to put into LD_LIBRARY_PATH. NAME is
#
#	luajit, luajit2                 a runtime as Debian packages it; the
#	                                packages exclude each other, so it is
#	                                unpacked and not installed
#	luajit-assert, luajit2-assert   made from Debian's source, with LuaJIT's
#	                                assertions, but for one that does not
#	                                hold after a memory error: a function
#	                                whose upvalue can't be had is freed with
#	                                another size than it has
#	luajit-address, luajit2-address the same under the address sanitizer
#
# Exit 77 where one can't be had, with the reason: no apt, no network.

set -eu

die()
{
	echo "luajits.sh: $*" >&2
	exit 77
}

package_of()
{
	case $1 in
	luajit*2*) echo libluajit2-5.1-2 ;;
	*) echo libluajit-5.1-2 ;;
	esac
}

# unpack FOLDER NAME
unpack()
{
	cd "$1"
	apt-get download "$(package_of "$2")" >apt.log 2>&1 ||
		die "$2: its package can't be downloaded; see $1/apt.log"
	dpkg -x ./*.deb root
	set -- root/usr/lib/*/libluajit-5.1.so.2
	cp "$(readlink -f "$1")" libluajit-5.1.so.2
}

# apt-get with lists of sources of its own, in the current folder: what is
# configured on this machine, but for source packages, and only where NAME's
# package comes from.
apt_source()
{
	apt-cache madison "$(package_of "$1")" |
		sed -n 's/.*| *\(http[^ ]*\) \([^ ]*\)\/\([^ /]*\) .*/\1 \2 \3/p' |
		sort -u | sed 's/^/deb-src /' >sources.list
	test -s sources.list || return 1
	mkdir -p lists/partial cache/archives/partial
	set -- "${1%-*}" -o "Dir::Etc::sourcelist=$PWD/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null \
		-o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD/cache"
	name=$1
	shift
	apt-get "$@" update >apt.log 2>&1 &&
		apt-get "$@" source "$name" >>apt.log 2>&1
}

# compile FOLDER NAME
compile()
{
	cd "$1"
	command -v dpkg-source >/dev/null || die "$2: dpkg-dev is missing"
	apt_source "$2" || die "$2: no source package; see $1/apt.log"
	flags='-DLUA_USE_ASSERT -DLUA_USE_APICHECK -DLUAJIT_ENABLE_GC64'
	address=
	case $2 in
	*-address) address=-fsanitize=address ;;
	esac
	sed -i '/lj_assertG(g->gc.total == sizeof(GG_State),/,/;$/d' \
		"${2%-*}"-*/src/lj_state.c
	make -C "${2%-*}"-*/src -j "${JOBS:-2}" MAKEFLAGS= BUILDMODE=dynamic \
		CCDEBUG=-g XCFLAGS="$flags" TARGET_CFLAGS="$address" \
		TARGET_SHLDFLAGS="$address" libluajit.so >make.log 2>&1 || {
		tail -n 20 make.log >&2
		echo "luajits.sh: $2 does not compile; see $1/make.log" >&2
		exit 1
	}
	cp "${2%-*}"-*/src/libluajit.so libluajit-5.1.so.2
}

test $# -eq 2 || {
	echo "usage: luajits.sh FOLDER NAME" >&2
	exit 2
}
command -v apt-get >/dev/null 2>&1 || die "$2: this system has no apt-get"
folder=$1/$2
if ! test -f "$folder/libluajit-5.1.so.2"; then
	rm -rf "$folder"
	mkdir -p "$folder"
	folder=$(cd "$folder" && pwd)
	case $2 in
	luajit | luajit2) (unpack "$folder" "$2") ;;
	luajit-* | luajit2-*) (compile "$folder" "$2") ;;
	*)
		echo "luajits.sh: no LuaJIT is called \"$2\"" >&2
		exit 2
		;;
	esac
fi
cd "$folder" && pwd
