#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Each header compiles alone; usher.h as C11, C17 and C++ too.

failed=0

# try COMPILER LANGUAGE STANDARD HEADER
try()
{
	# shellcheck disable=SC2086  # options of several words
	if ! $1 $USHER_CPPFLAGS -x "$2" -std="$3" -Wall -Wextra -Werror \
		-fsyntax-only "$4"; then
		echo "FAILED: $4 as $3"
		failed=1
	fi
}

cd "$USHER_SRC/src" || exit 1
for header in ./*/*.h ./*.h; do
	try "$CC" c c11 "$header"
done
try "$CC -Wpedantic" c c11 ./usher.h
try "$CC -Wpedantic" c c17 ./usher.h

cxx=${CXX:-c++}
if command -v "$cxx" >/dev/null 2>&1; then
	try "$cxx -Wpedantic" c++ c++11 ./usher.h
	try "$cxx -Wpedantic" c++ c++17 ./usher.h
else
	echo "no C++ compiler: usher.h was not tried as C++"
fi
exit $failed
