#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What configure found to harden is in the files that were built: readelf says
# so of the library and the program.

for word in $USHER_HARDENING; do
	echo "configured: $word"
done
if test -z "$USHER_HARDENING"; then
	echo "built without it"
	exit 77
fi
if ! command -v readelf >/dev/null 2>&1; then
	echo "no readelf"
	exit 77
fi

cd "$USHER_BUILD" || exit 1
failed=0

# has FILE WHAT PATTERN: what readelf says of the file has the pattern.
has()
{
	readelf -W -d -h -l --dyn-syms "$1" | grep -Eq "$3" || {
		echo "FAILED: $1: $2"
		failed=1
	}
}

set --
for file in .libs/libusher.so .libs/usher usher; do
	if readelf -h "$file" >/dev/null 2>&1; then
		set -- "$@" "$file"
	fi
done
test $# -ge 2 || {
	echo "FAILED: found $* only"
	failed=1
}

for file; do
	for word in $USHER_HARDENING; do
		case $word in
		-fstack-protector-strong)
			has "$file" "no stack protector" \
				'UND __stack_chk_(fail|guard)'
			;;
		-Wl,-z,relro)
			has "$file" "no relro" '^ *GNU_RELRO'
			;;
		-Wl,-z,now)
			has "$file" "not bound at its start" \
				'BIND_NOW|FLAGS_1.*NOW'
			;;
		-D_FORTIFY_SOURCE=*)
			has "$file" "nothing fortified" 'UND __[a-z]+_chk'
			;;
		-pie)
			has "$file" "not position-independent" 'Type: *DYN'
			;;
		esac
	done
	has "$file" "a stack that can be executed" 'GNU_STACK.* RW '
done
exit $failed
