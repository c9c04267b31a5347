#!/bin/sh
# SPDX-License-Identifier: MIT
#
# libusher.so exports the functions that usher.h declares: these and no others.

library=$USHER_BUILD/.libs/libusher.so
if ! test -f "$library"; then
	echo "no shared library in this build"
	exit 77
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2086  # both hold several words
$CC $USHER_CPPFLAGS -E -P "$USHER_SRC/src/usher.h" |
	grep -o 'usher_[a-z0-9_]*(' | tr -d '(' | LC_ALL=C sort -u \
	>"$work/declared"
# shellcheck disable=SC2086
$NM -D --defined-only "$library" | awk '$2 != "A" { print $3 }' |
	sed 's/@.*//' | LC_ALL=C sort -u >"$work/exported"

if ! test -s "$work/declared"; then
	echo "found no function in usher.h: is this test still right?"
	exit 1
fi
if ! diff "$work/declared" "$work/exported"; then
	echo "< declared in usher.h only   > exported by libusher.so only"
	exit 1
fi
echo "$(wc -l <"$work/exported") functions"
