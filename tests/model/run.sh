#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh FOLDER: has spin look through the model of src/policy/pool.c, in the
# folder; and through variants of it with a fault put in, which it must find.

set -eu

model=$(cd "$(dirname "$0")" && pwd)/pool.pml
mkdir -p "$1"
cd "$1"

# look WANT ARGUMENT...: WANT is the number of errors.
look()
{
	want=$1
	shift
	spin "$@" -a "$model"
	${CC:-cc} -O2 -w -DSAFETY -DVECTORSZ=2048 -DCOLLAPSE -o pan pan.c
	./pan -m1000000 >pan.out
	if ! grep -q "errors: $want\$" pan.out ||
		grep -q 'max search depth too small' pan.out; then
		cat pan.out
		echo "model: $* does not have $want errors" >&2
		exit 1
	fi
	echo "model: $*: $want errors, as it should be:" \
		"$(sed -n 's/^ *\([0-9e+.]*\) states, stored.*/\1 states/p' \
			pan.out)"
}

look 0 -DPATIENT
look 0 -DIMPATIENT
look 1 -DOLD_UNPIN
look 1 -DNO_MARK -DIMPATIENT
look 1 -DNO_ASKING
