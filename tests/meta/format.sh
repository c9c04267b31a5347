#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The C code looks as .clang-format says. Versions of clang-format differ, so
# it has to be 14.

if ! command -v clang-format-14 >/dev/null 2>&1; then
	echo "no clang-format-14"
	exit 77
fi

cd "$USHER_SRC" || exit 1
find src tests examples -name '*.[ch]' -print0 |
	xargs -0 clang-format-14 --dry-run -Werror
