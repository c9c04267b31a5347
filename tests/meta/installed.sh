#!/bin/sh
# SPDX-License-Identifier: MIT
#
# After make install, pkg-config finds the library, and a program is built
# against it and runs.

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$USHER_BUILD" || exit 1

if ! test -f .libs/libusher.so || test -n "$USHER_SANITIZERS"; then
	echo "only a shared library without sanitizers is tried"
	exit 77
fi

# MAKEFLAGS would bring the outer make's jobs and variables.
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
	"$MAKE" install DESTDIR="$work" >"$work/log" 2>&1 || {
	cat "$work/log"
	exit 1
}

pc=$(find "$work" -name usher.pc)
prefix=$work$(sed -n 's/^prefix=//p' "$pc")
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config \
	--define-variable=prefix="$prefix" --cflags --libs usher) || exit 1
echo "flags: $flags"

# shellcheck disable=SC2086  # both hold several words
$CC -o "$work/installed" "$USHER_SRC/tests/meta/installed.c" $flags || exit 1
libdir=$(dirname "$(find "$work" -name libusher.so)")
LD_LIBRARY_PATH=$libdir "$work/installed"
