#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The shell scripts pass shellcheck.

if ! command -v shellcheck >/dev/null 2>&1; then
	echo "no shellcheck"
	exit 77
fi

cd "$USHER_SRC" || exit 1
find bootstrap .ci/run tests -type f \
	\( -name '*.sh' -o -name bootstrap -o -name run \) -print0 |
	xargs -0 shellcheck -x
