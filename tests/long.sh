#!/bin/sh
# SPDX-License-Identifier: MIT
#
# make check-long: long.sh SOURCE-FOLDER BUILD-FOLDER
#
# The model of the pool, the tests of threads with widened windows, the suite
# under the thread sanitizer, with its soaks, and on other LuaJITs, clients that
# are not ours, with clang a minute of each fuzzer, and with perl some mutants
# (tests/mutants.sh), in subfolders of the build folder.

set -eu

source=$1
build=$2
seconds=${USHER_FUZZ_SECONDS:-60}
failed=

if test -f "$source/config.status"; then
	echo "make check-long needs a source folder that is not itself" \
		"configured: run make distclean there, build in another" >&2
	exit 1
fi

# suite NAME CONFIGURE-ARGUMENT...
suite()
{
	echo "==== $*"
	name=$1
	shift
	mkdir -p "$build/$name"
	(cd "$build/$name" && "$source/configure" --quiet "$@")
	if ! $USHER_MAKE -C "$build/$name" check; then
		failed="$failed $name"
	fi
}

# Whatever a fuzzer finds is left in the build folder.
fuzz()
{
	suite fuzz CC=clang --enable-fuzzer \
		--enable-sanitizers=address,undefined
	cd "$build/fuzz"
	for fuzzer in tests/fuzz/fuzz_*; do
		case $fuzzer in
		*.*) continue ;;
		esac
		echo "==== $fuzzer, $seconds s"
		mkdir -p "found-${fuzzer##*_}"
		"$fuzzer" -max_total_time="$seconds" "found-${fuzzer##*_}" \
			"$source/tests/fuzz/corpus/${fuzzer##*/fuzz_}" ||
			failed="$failed $fuzzer"
	done
}

# What threads do to each other, with the windows between steps held open.
widened()
{
	mkdir -p "$build/$1"
	(cd "$build/$1" && "$source/configure" --quiet \
		--enable-sanitizers="$2" CPPFLAGS=-DUSH_WIDEN_WINDOWS)
	USHER_LONG=1 $USHER_MAKE -C "$build/$1" check \
		TESTS='tests/check_pool tests/check_engine_threads' ||
		failed="$failed $1"
}

# other_luajit NAME: the suite of "soak" again, on that one.
other_luajit()
{
	if ! where=$("$source/tests/luajits.sh" "$build/luajits" "$1"); then
		echo "==== skipped: the suite on $1, which can't be had"
		return
	fi
	echo "==== the suite on $1"
	LD_LIBRARY_PATH=$where $USHER_MAKE -C "$build/soak" check ||
		failed="$failed $1"
}

if command -v spin >/dev/null 2>&1; then
	sh "$source/tests/model/run.sh" "$build/model" ||
		failed="$failed model"
else
	echo "no spin: the model was left out"
fi
widened widened-address address,undefined
widened widened-thread thread
suite thread --enable-sanitizers=thread
USHER_LONG=1 suite soak
for luajit in luajit luajit2 luajit-assert luajit2-assert; do
	other_luajit "$luajit"
done
echo "==== clients"
USHER_SRC=$source USHER_BUILD=$build/soak sh "$source/tests/clients/run.sh" ||
	failed="$failed clients"
if command -v clang >/dev/null 2>&1; then
	fuzz
else
	echo "no clang: the fuzzers were left out"
fi
if command -v perl >/dev/null 2>&1; then
	echo "==== mutants"
	"$source/tests/mutants.sh" -n "${USHER_MUTANTS:-10}" \
		-w "$build/mutants" || failed="$failed mutants"
else
	echo "no perl: the mutants were left out"
fi
if test -n "$failed"; then
	echo "check-long: failed:$failed"
	exit 1
fi
echo "check-long: all passed"
