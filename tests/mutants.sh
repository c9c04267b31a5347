#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutants.sh [-n COUNT] [-s SEED] [-t SECONDS] [-w FOLDER] [FILE...]
#
# Does the suite notice?
#
# Makes COUNT (20) small mutants of the library's C, or of FILEs alone, at
# random with SEED (the time), one at a time in a copy of the tree in FOLDER
# (which is kept, so that the next run begins sooner), and runs the C test
# programs against each until one fails; with -t, only those that take no
# longer, or have the file's name. Shows each survivor, and the command
# that makes it again. Exit 0 if none survived, 1 if some did, 2 if it could
# not run.
#
# Killed is a mutant for which a program fails twice, as it may fail once on a
# busy machine, or takes longer than its limit. Mutants that don't compile are
# not counted, nor those of tests/mutants/equivalent, which are not made.

set -eu

source=$(cd "$(dirname "$0")/.." && pwd)
count=20
seed=$(date +%s)
slowest=3600
work=${TMPDIR:-/tmp}/usher-mutants
make=${USHER_MAKE:-make}

while getopts n:s:t:w: option; do
	case $option in
	n) count=$OPTARG ;;
	s) seed=$OPTARG ;;
	t) slowest=$OPTARG ;;
	w) work=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))

say()
{
	echo "mutants: $*"
}

die()
{
	say "$@" >&2
	exit 2
}

command -v perl >/dev/null 2>&1 || die "needs perl"
test -f "$source/configure" || die "run autoreconf -fi in $source first"
mkdir -p "$work/tree" "$work/build" "$work/mutants"
work=$(cd "$work" && pwd)
tree=$work/tree
build=$work/build
export USHER_SRC="$tree" USHER_BUILD="$build"

# Files that are the same keep their time, so that only the rest is built.
copy_tree()
{
	(cd "$source" && find . \( -name .git -o -name autom4te.cache -o \
		-path './build*' ! -path './build-aux*' -o \
		-path './check-long*' \) -prune -o ! -type d -print) \
		>"$work/files"
	(cd "$tree" && find . -type f -print) | sort >"$work/had"
	sort "$work/files" | comm -13 - "$work/had" | (cd "$tree" &&
		while read -r file; do rm -f "$file"; done)
	while read -r file; do
		cmp -s "$source/$file" "$tree/$file" && continue
		mkdir -p "$tree/${file%/*}"
		cp -p "$source/$file" "$tree/$file"
		touch "$tree/$file"
	done <"$work/files"
	# What autoconf and automake made is not older than what it is from.
	test -f "$build/config.status" || {
		touch "$tree/aclocal.m4"
		touch "$tree/configure" "$tree/Makefile.in"
	}
}

build_library()
{
	$make -s -C "$build" libusher_internal.la
}

# The test programs, and for each the command that links it, so that a mutant
# costs one compilation and a link of each program that is run. Those that two
# of them start are there, too, and have no mutants.
build_programs()
{
	sed -n 's/^CHECKS += //p' "$tree/tests/local.mk" >"$work/programs"
	while read -r path; do
		link=$work/link.${path##*/}
		test ! -s "$link" || continue
		rm -f "$build/$path"
		$make -C "$build" V=1 LDFLAGS= "$path" >"$work/output" 2>&1 ||
			{ cat "$work/output"; die "$path: not built"; }
		sed -n "s|^libtool: link: \(.* -o $path .*\)|\1|p" \
			"$work/output" >"$link"
		test -s "$link" || die "$path: how it is linked was not found"
	done <"$work/programs"
	xargs "$make" -s -C "$build" usher examples/embed/embed \
		<"$work/programs" >"$work/output" 2>&1 ||
		{ cat "$work/output"; die "the programs do not build"; }
}

# program PATH SECONDS: links and runs one. 0: it passed, 124: too slow.
program()
{
	(cd "$build" && sh "$work/link.${1##*/}") >"$work/output" 2>&1 ||
		{ cat "$work/output"; die "$1: not linked"; }
	(cd "$build" && exec timeout -k 1 "$2" "./$1") \
		>"$work/output" 2>&1
}

# Without a mutant all must pass; how long each takes orders them.
measure()
{
	: >"$work/times"
	while read -r path; do
		begin=$(date +%s%N)
		program "$path" 600 || program "$path" 600 || {
			cat "$work/output"
			die "$path fails without any mutant"
		}
		echo "$path $((($(date +%s%N) - begin) / 1000000))"
	done <"$work/programs" >"$work/times.new"
	sort -n -k 2 "$work/times.new" >"$work/times"
	: >"$work/kills"
	awk '{ n += $2 }
		END { print "mutants: " NR " programs, " int(n / 1000) " s" }
	' "$work/times"
}

# The programs and their limits, in the order to try for a file: those that
# have its name or have killed a mutant of it or of a neighbour, the quickest.
in_order()
{
	awk -v file="$1" -v slowest="$slowest" \
		-v kills="$work/kills" '
		BEGIN {
			name = file
			sub(/.*\//, "", name)
			sub(/\.c$/, "", name)
			folder = file
			sub(/\/[^\/]*$/, "", folder)
		}
		FILENAME == kills {
			of = $1
			sub(/\/[^\/]*$/, "", of)
			weight[$2] += ($1 == file) ? 8 : (of == folder) ? 2 : 0.2
			next
		}
		$2 <= slowest * 1000 || index($1, name) > 0 {
			w = 1 + weight[$1] + (index($1, name) > 0) * 20
			print ($2 + 200) / w, $1, int($2 * 4 / 1000) + 20
		}' "$work/kills" "$work/times" | sort -n | cut -d ' ' -f 2-
}

# Is the mutant in the tree noticed? 0: by $path, as $how says.
is_killed()
{
	in_order "$1" >"$work/order"
	test -s "$work/order" || die "no program to run"
	while read -r path limit; do
		program "$path" "$limit" && continue
		test $? -ne 124 || { how="too slow"; return 0; }
		program "$path" "$limit" && continue
		how=failed
		return 0
	done <"$work/order"
	return 1
}

# mutant NUMBER FILE LINE
mutant()
{
	cp "$work/mutants/$1.c" "$tree/$2"
	if ! build_library >"$work/output" 2>&1; then
		uncompiled=$((uncompiled + 1))
		say "$1 $2:$3 does not compile"
	elif is_killed "$2"; then
		killed=$((killed + 1))
		echo "$2 $path" >>"$work/kills"
		say "$1 $2:$3 killed by ${path##*/} ($how)"
	else
		survived=$((survived + 1))
		say "$1 $2:$3 SURVIVED"
		cat "$work/mutants/$1.diff"
	fi
	cp "$work/original" "$tree/$2"
}

say "seed $seed, $count mutants, in $work"
copy_tree
if ! test -f "$build/config.status"; then
	(cd "$build" && "$tree/configure" --quiet --disable-shared \
		CFLAGS='-O1 -w' >"$work/output" 2>&1) ||
		{ cat "$work/output"; die "configure failed"; }
fi
build_library >"$work/output" 2>&1 ||
	{ cat "$work/output"; die "the library does not build"; }
build_programs
if ! test -s "$work/times" || test -z "${USHER_MUTANTS_MEASURED-}"; then
	measure
fi

cd "$tree"
if test $# -eq 0; then
	set -- src/base/*.c src/data/*.c src/sandbox/*.c src/facts/*.c \
		src/lib/*.c src/policy/*.c src/tls/*.c src/usher*.c
fi
rm -f "$work"/mutants/*
perl tests/mutants/make.pl "$seed" "$count" tests/mutants/equivalent \
	"$work/mutants" "$@" >"$work/list"
killed=0 survived=0 uncompiled=0
while read -r number file line <&3; do
	cp "$tree/$file" "$work/original"
	mutant "$number" "$file" "$line"
done 3<"$work/list"
rm -f "$work/times.new"
say "seed $seed: $killed killed, $survived survived," \
	"$uncompiled did not compile"
test "$survived" -eq 0
